"""Help that helps: every command has examples, and every example is one that runs."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dosecalc.cli_completion import SHELLS, completion
from dosecalc.cli_options import parser
from dosecalc.errors import DosecalcError

HAS_SHTAB = importlib.util.find_spec("shtab") is not None
needs_shtab = pytest.mark.skipif(not HAS_SHTAB, reason="shtab is not installed")
needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


def parsers(found: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of all commands below it."""
    yield found
    for action in found._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


PARSERS = {p.prog: p for p in parsers(parser())}


def examples(found: argparse.ArgumentParser) -> list[str]:
    """Example lines without what a shell makes of the rest, and without the words behind them."""
    lines = re.findall(r"^  (?:source <\()?(dosecalc .*)$", found.epilog or "", flags=re.MULTILINE)
    return [re.split(r" {2,}| [|>] |\)", line)[0] for line in lines]


EXAMPLES = [line for found in PARSERS.values() for line in examples(found)]


@pytest.mark.parametrize("name", PARSERS)
def test_every_command_has_examples_of_itself(name: str) -> None:
    found = examples(PARSERS[name])
    assert found
    if name.count(" ") != 0 and name != "dosecalc protocol":
        assert all(f"{line} ".startswith(f"{name} ") for line in found)
    assert all(line in PARSERS[name].format_help() for line in found)  # as they stand, not reflowed


@pytest.mark.parametrize("name", PARSERS)
def test_help_fits_a_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert [line for line in PARSERS[name].format_help().splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_is_understood(line: str) -> None:
    words = shlex.split(line)[1:]
    if words == ["COMMAND", "--help"]:
        return
    options = parser().parse_args(words)
    assert options.command == words[0]


@pytest.mark.parametrize(("typed", "paper"), [("a4", "A4"), ("A4", "A4"), ("Letter", "letter")])
def test_paper_however_it_is_capitalised(typed: str, paper: str) -> None:
    assert parser().parse_args(["check", "FOLDER", "--paper", typed]).paper == paper


def test_every_option_says_what_it_is_for() -> None:
    said = [(p.prog, a.dest, a.help) for p in PARSERS.values() for a in p._actions]
    assert [entry for entry in said if not entry[2] and entry[1] not in {"command", "subcommand"}] == []


@needs_shtab
class TestCompletion:
    @needs_bash
    @pytest.mark.parametrize(
        ("line", "offered"),
        [
            ("dosecalc che", {"check"}),
            ("dosecalc check --rep", {"--report"}),
            ("dosecalc check --paper ", {"A4", "letter"}),
            ("dosecalc schema ", {"check", "ledger", "remaining"}),
            ("dosecalc protocol va", {"validate"}),
            ("dosecalc check --report out", {"out.html"}),
            ("dosecalc inspect fold", {"folder"}),
        ],
    )
    def test_bash_offers(self, line: str, offered: set[str], tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "out.html").touch()
        words = line.split(" ")
        script = (
            f"{completion(parser(), 'bash')}\n"
            f"COMP_WORDS=({' '.join(shlex.quote(w) for w in words)}); COMP_CWORD={len(words) - 1}\n"
            f"COMP_LINE={shlex.quote(line)}; COMP_POINT={len(line)}\n"
            "_shtab_dosecalc dosecalc\n"
            'printf "%s\\n" "${COMPREPLY[@]}"\n'
        )
        command = ["bash", "--norc", "-c", script]
        found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert {w.strip().rstrip("/") for w in found.stdout.splitlines()} - {""} >= offered

    @pytest.mark.parametrize("shell", SHELLS)
    def test_every_shell_knows_every_command(self, shell: str) -> None:
        text = completion(parser(), shell)
        assert all(name.split()[-1] in text for name in PARSERS)
        assert "/home" not in text

    def test_folders_are_completed_as_folders(self) -> None:
        text = completion(parser(), "zsh")
        assert text.count('_files -/"') >= 7  # that of six commands, and where export writes to


def test_without_shtab_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DosecalcError, match=r"the package shtab.*pip install 'dosecalc\[terminal\]'"):
        completion(parser(), "bash")
