"""What the README tells a reader to type works."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dosecalc
from dosecalc.casefile import read_statement
from dosecalc.cli import main
from dosecalc.cli_options import parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)


def test_python_blocks_run_one_after_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    exec("\n".join(blocks("python")), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("PASS")
    assert printed[-3].startswith("3 sessions")
    assert printed[-2].startswith("28 sessions")
    assert printed[-1] == "NOT REACHED 10"


def test_shell_commands_name_what_exists() -> None:
    main_job, tests = (b.strip() for b in blocks("sh"))
    assert (ROOT / main_job.split()[-1]).is_dir()
    assert all(os.fspath(c).count("\n") == 0 for c in (main_job, tests))
    assert ".[test]" in main_job
    assert ".[test]" in tests


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of all commands below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from commands(below)


def test_every_command_and_option_is_named() -> None:
    found = list(commands(parser()))
    options = {o for c in found for a in c._actions for o in a.option_strings if o.startswith("--")}
    assert len(options) > 30
    assert sorted(o for o in options - {"--help"} if o not in README) == []
    assert [c.prog for c in found if c.prog.count(" ") == 1 and c.prog not in README] == []


def test_case_file_is_valid(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(blocks("toml")[0], encoding="utf-8")
    statement = read_statement(tmp_path / "case.toml")
    assert statement.courses["prior"].fractions == 35
    assert {e.kind.value for e in statement.events} == {"recurrence"}


def test_protocol_file_is_valid_and_overrides(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(blocks("toml")[1], encoding="utf-8")
    protocol = dosecalc.load_protocol(tmp_path / "mine.toml")
    by_id = {r.id: r for r in protocol.rules}
    shipped = {r.id for r in dosecalc.load_protocol("redefine").rules}
    assert set(by_id) == shipped | {"R40.cord"}
    assert by_id["R21"].test.counted_from.value == "first_session"  # type: ignore[union-attr]


def test_exit_codes_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Those without a result; 0 and 1 are held with the sample plans."""
    samples = ROOT / "sample_plans"
    assert main(["check", str(samples / "nowhere")]) == 2
    assert main(["check", str(samples / "redefine_missing_mucosa")]) == 3
    capsys.readouterr()


def test_table_of_sample_plans() -> None:
    """Every case with the exit code that is derived for it."""
    listed = dict(re.findall(r"^\| `(redefine_\w+)` \| [^|]+ \| (\d) \|$", README, flags=re.M))
    derived = {
        path.parent.name: str(json.loads(path.read_text(encoding="utf-8"))["exit_code"])
        for path in (ROOT / "sample_plans").glob("redefine_*/expected.json")
    }
    assert listed == derived
