"""``dosecalc protocol``: exit codes, files that are never overwritten, and errors that show the place."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from test_protocol import SMALL, written

from dosecalc import cli, cli_protocol, load_protocol
from dosecalc.protocol import shipped_protocols

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["protocol", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


def test_list(run: Run) -> None:
    code, out, err = run("list")
    assert (code, err) == (0, "")
    for name in shipped_protocols():
        assert f"{name}: {load_protocol(name).title}" in out


@pytest.mark.parametrize("name", shipped_protocols())
def test_show_a_shipped_one(run: Run, name: str) -> None:
    code, out, err = run("show", name)
    assert (code, err) == (0, "")
    assert out.startswith(f"{name}: ")
    assert out == run("show", name)[1]


def test_show_a_file(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("show", written(tmp_path, SMALL))
    assert code == 0
    assert "D0.03cc of Cord is below 3 Gy" in out


def test_show_a_faulty_file_says_what_to_do(run: Run, tmp_path: Path) -> None:
    for text in (SMALL.replace('"required"', '"maybe"'), "a = ["):
        path = written(tmp_path, text)
        code, out, err = run("show", path)
        assert (code, out) == (2, "")
        assert f"dosecalc protocol validate {path} shows the place" in err


def test_validate(run: Run, tmp_path: Path) -> None:
    code, out, err = run("validate", written(tmp_path, SMALL))
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "valid: small: a small protocol"
    assert "1 course, 1 role, 1 structure, 1 rule, 1 required and 0 advisory" in out
    assert ["session_limit", "1", "-"] in [line.split() for line in out.splitlines()]
    assert "Look at" not in out


def test_validate_what_extends(run: Run, tmp_path: Path) -> None:
    text = 'format_version = 1\nextends = "redefine"\nname = "x"\n[[rules]]\nid = "R24"\nper_day = 2\n'
    code, out, _ = run("validate", written(tmp_path, text + '[[rules]]\nid = "R23"\n'))
    assert code == 0
    assert "extends redefine: changes R24\n" in out
    assert "line 8: rules[R23]: it is as in redefine" in out


def test_validate_shows_every_fault_with_its_place(run: Run, tmp_path: Path) -> None:
    text = SMALL.replace("alpha_beta_gy = 2.0", "alpha_beta_gy = 0").replace("D0.03cc", "D0.03")
    path = written(tmp_path, text)
    code, out, err = run("validate", path)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[0] == f"dosecalc: {path} cannot be used: 2 faults"
    places = [line for line in lines if line.startswith(f"{path}:")]
    assert [p.split(": ")[1] for p in places] == ["structures[Cord].alpha_beta_gy", "rules[cord].goal"]
    goal = next(n for n, line in enumerate(lines) if "D0.03 < 3" in line)
    assert lines[goal + 1].index("^") == lines[goal].index("D0.03") + len("D0.03")


@pytest.mark.parametrize("subcommand", ["show", "validate"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01DICM" + bytes(range(256)) * 100,
        b'name = "\xff\xfe"',
        b"[" * 10_000_000,
        b"a = " + b"[" * 900_000,
        b"a = {b" + b".b" * 5000 + b" = 1}",
        b"format_version = {b" + b".b" * 5000 + b" = 1}",
        b"format_version = 1\nextends = [3]\n",
        b"format_version = 1\nrules = [[[]]]\nname = 3\n",
        b'format_version = 1\nextends = "redefine"\nname = "x"\ncourses = 3\n',
        b'format_version = 1\nextends = "redefine"\nname = "x"\nrules = [1, {id = 2}, {goal = 3}]\n',
        b'format_version = 1\nextends = "redefine"\nname = "x"\n[rules]\nid = "x"\n',
    ],
    ids=map(str, range(12)),
)
def test_files_that_cannot_be_used(run: Run, tmp_path: Path, subcommand: str, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    code, out, err = run(subcommand, path)
    assert (code, out) == (2, "")
    assert "mine.toml" in err
    assert len(err) < 5_000


@pytest.mark.parametrize("subcommand", ["show", "validate"])
def test_what_is_no_file(run: Run, tmp_path: Path, subcommand: str) -> None:
    for name, words in (
        (tmp_path, "found a folder"),
        (tmp_path / "none.toml", "found no such file"),
        ("redefin", "did you mean 'redefine'?"),
        ("x" * 5000, "File name too long"),
        ("/dev/null", "found a device"),
        (tmp_path / "a\x00b", "found no such file"),
    ):
        code, out, err = run(subcommand, name)
        assert (code, out) == (2, "")
        assert words in err
        assert len(err) < 1_000


def test_a_file_that_may_not_be_read(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, SMALL)

    def refused(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    code, _, err = run("validate", path)
    assert code == 2
    assert "cannot be read: Permission denied" in err


@pytest.mark.parametrize("extends", [[], *(["--extends", n] for n in shipped_protocols())], ids=str)
def test_new_is_valid_and_never_overwrites(run: Run, tmp_path: Path, extends: list[str]) -> None:
    path = tmp_path / "mine.toml"
    code, out, err = run("new", path, *extends)
    assert (code, err) == (0, "")
    assert f"dosecalc protocol validate {path}" in out
    before = path.read_bytes()
    assert run("validate", path)[0] == 0
    assert run("show", path)[0] == 0
    code, out, err = run("new", path, *extends)
    assert (code, out) == (2, "")
    assert "it stays as it is" in err
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize(
    "name", ["-x.toml", "--help", "a\nb.toml", "-\n'\\ \u202eé.toml", "a  'b' $HOME.toml"]
)
def test_commands_that_new_prints_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash here")
    monkeypatch.chdir(tmp_path)
    _, out, _ = run("new", "--", name)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert "\u202e" not in out
    commands = [line.strip() for line in out.splitlines() if line.startswith("  dosecalc")]
    assert len(commands) == 3
    for command in commands:
        words = subprocess.run(
            [shell, "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True
        ).stdout.split(b"\0")
        file = os.fsdecode(words[-2])
        assert not file.startswith("-")
        assert Path(file) == Path(name)
    assert run("validate", file)[0] == 0


def test_new_where_nothing_can_be_written(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.toml").symlink_to(tmp_path / "elsewhere.toml")
    for name, words in (
        (tmp_path, "it stays as it is"),
        (tmp_path / "no" / "a.toml", "No such file"),
        (tmp_path / "link.toml", "it stays as it is"),
        ("redefine", "expected another name"),
        (tmp_path / "a\x00b", "cannot be written"),
    ):
        code, out, err = run("new", name)
        assert (code, out) == (2, "")
        assert words in err
    assert [p.name for p in tmp_path.iterdir()] == ["link.toml"]


def test_new_on_a_full_disk_leaves_nothing(run: Run, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no full device here")
    with pytest.MonkeyPatch.context() as patch:
        opened = Path.open

        def full(self: Path, mode: str = "r", **options: str) -> object:
            if mode != "x":
                return opened(self, mode, **options)  # type: ignore[call-overload]
            self.touch()
            return opened(Path("/dev/full"), "w")

        patch.setattr(Path, "open", full)
        code, _, err = run("new", tmp_path / "a.toml")
    assert code == 2
    assert "cannot be written: No space left" in err
    assert list(tmp_path.iterdir()) == []


def test_new_of_an_unknown_protocol(run: Run, tmp_path: Path) -> None:
    code, _, err = run("new", tmp_path / "a.toml", "--extends", "nothing")
    assert code == 2
    assert "redefine" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["list"], ["show"], ["validate"], ["new"]], ids=str)
def test_help_has_examples(run: Run, arguments: list[str]) -> None:
    code, out, _ = run(*arguments, "--help")
    assert code == 0
    assert "\n  dosecalc protocol" in out.split("\nexample")[1]


@pytest.mark.parametrize(
    "arguments", [[], ["judge"], ["show"], ["validate"], ["new"], ["list", "x"]], ids=str
)
def test_usage_errors(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "usage: dosecalc" in err


def test_an_internal_fault_is_4(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("within")

    monkeypatch.setattr(cli_protocol, "protocol_blocks", broken)
    code, out, err = run("show", "redefine")
    assert (code, out) == (4, "")
    assert "internal fault" in err


def test_names_of_files_are_harmless(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, SMALL.replace('"required"', '"may\\u202ebe"'), name="mi\u202ene\x1b[31m.toml")
    for subcommand in ("validate", "show"):
        code, _, err = run(subcommand, path)
        assert code == 2
        assert not {"\u202e", "\x1b"} & set(err)
