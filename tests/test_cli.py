"""The command line: exit codes, files, privacy, and faults that never look like a verdict."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import CORE, LEFT, PRESCRIBED, organs
from dicom_files import set_text
from pydicom.dataset import Dataset
from redefine_files import CASE_TOML, save_redefine

import dosecalc
from dosecalc import cli
from dosecalc.errors import DosecalcError
from dosecalc.sampling import Settings

Run = Callable[..., tuple[int, str, str]]
HOT = {"boost": replace(PRESCRIBED["boost"], organ_gy=organs(left=2.5, right=1.2, mucosa=1.2))}
NAME, PATIENT_ID = "Doe^Jane", "P-1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compliant case; nobody writes into it."""
    return save_redefine(tmp_path_factory.mktemp("compliant"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process, coarsely: exit code, standard output and error."""
    monkeypatch.setattr(cli, "check", functools.partial(dosecalc.check, settings=Settings(cells=300)))

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


class TestExitCodes:
    def test_0_passes(self, run: Run, folder: Path) -> None:
        code, out, err = run("check", folder)
        assert (code, err) == (0, "")
        assert "OUTCOME: PASS" in out

    def test_1_fails(self, run: Run, tmp_path: Path) -> None:
        code, out, _ = run("check", save_redefine(tmp_path, change=HOT))
        assert code == 1
        assert "OUTCOME: FAIL" in out
        assert LEFT in out

    @pytest.mark.parametrize(
        "arguments",
        [
            ["check", "{tmp}/nowhere"],
            ["check", "{tmp}/case.toml"],
            ["check", "{tmp}", "--protocol", "nothing"],
            ["check", "{tmp}", "--case", "{tmp}/none.toml"],
            ["check", "{tmp}", "--patient", "P-77"],
            ["check", "{tmp}", "--as-of", "yesterday"],
            ["check", "{tmp}", "--as-of", "2026-02-30"],
            ["check", "{tmp}", "--nonsense"],
            ["check"],
            ["judge", "{tmp}"],
            [],
            ["dvh", "{tmp}/nowhere"],
            ["dvh", "{tmp}", "--structure", "none of it"],
            ["inspect", "{tmp}/nowhere"],
        ],
    )
    def test_2_nothing_can_be_done(self, run: Run, folder: Path, arguments: list[str]) -> None:
        code, out, err = run(*(a.replace("{tmp}", str(folder)) for a in arguments))
        assert (code, out) == (2, "")
        assert err.strip()

    def test_3_open(self, run: Run, tmp_path: Path) -> None:
        code, out, _ = run("check", save_redefine(tmp_path, skip=("RD_boost.dcm",)))
        assert code == 3
        assert "OUTCOME: NOT EVALUATED" in out

    @pytest.mark.parametrize("command", ["check", "inspect", "dvh"])
    @pytest.mark.parametrize(
        "fault", [RuntimeError("Doe^Jane"), MemoryError(), RecursionError(), ZeroDivisionError()]
    )
    def test_4_a_fault_is_no_verdict(
        self, run: Run, folder: Path, command: str, fault: Exception, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object, **__: object) -> None:
            raise fault

        monkeypatch.setattr(cli, "read_case", broken)
        code, out, err = run(command, folder)
        assert (code, out) == (4, "")
        assert type(fault).__name__ in err
        assert "nothing was judged" in err
        assert "Jane" not in err

    def test_4_interrupted(self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(cli, "read_case", interrupted)
        assert run("check", folder)[0] == 4

    def test_a_fault_while_reporting_is_no_verdict(
        self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def broken(*_: object, **__: object) -> str:
            raise ValueError

        monkeypatch.setattr(cli, "check_text", broken)
        assert run("check", folder)[0] == 4

    def test_help_and_version(self, run: Run) -> None:
        code, out, _ = run("--help")
        assert code == 0
        assert "exit codes of check" in " ".join(out.split())
        for command in ("inspect", "dvh", "check"):
            code, out, _ = run(command, "--help")
            assert code == 0
            assert "--identify" in out
        code, out, _ = run("--version")
        assert code == 0
        assert out.startswith("dosecalc ")

    @pytest.mark.parametrize("command", ["inspect", "dvh"])
    def test_the_other_commands(self, run: Run, folder: Path, command: str) -> None:
        code, out, err = run(command, folder)
        assert (code, err) == (0, "")
        assert LEFT in out

    def test_as_a_program(self, folder: Path) -> None:
        program = [sys.executable, "-c", "from dosecalc.cli import run; run()", "inspect"]
        done = subprocess.run([*program, folder / "nowhere"], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        done = subprocess.run([*program, folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0


class TestOptions:
    def test_protocol_file(self, run: Run, folder: Path, tmp_path: Path) -> None:
        local = tmp_path / "local.toml"
        local.write_text(
            'format_version = 1\nextends = "redefine"\nname = "local"\n'
            '[[rules]]\nid = "R15"\ngoal = "D0.03cc < 1 Gy/fx"\n',
            encoding="utf-8",
        )
        assert run("check", folder, "--protocol", local)[0] == 1
        local.write_text('format_version = 1\nextends = "redefine"\nname = "l"\nrule = 3\n', encoding="utf-8")
        code, _, err = run("check", folder, "--protocol", local)
        assert code == 2
        assert "local.toml: rule: unknown key" in err

    def test_case_file(self, run: Run, folder: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.toml"
        other.write_text(CASE_TOML.replace("2026-03-30", "2026-04-06"), encoding="utf-8")
        code, out, _ = run("check", folder, "--case", other)
        assert code == 1
        assert "33 days" in out

    def test_as_of(self, run: Run, folder: Path) -> None:
        code, out, _ = run("check", folder, "--as-of", "2026-06-01")
        assert code == 3
        assert "judged as of: 2026-06-01" in out

    def test_structure(self, run: Run, folder: Path) -> None:
        code, out, _ = run("dvh", folder, "--structure", LEFT)
        assert code == 0
        assert LEFT in out
        assert CORE not in out

    def test_csv(self, run: Run, folder: Path, tmp_path: Path) -> None:
        path = tmp_path / "doses.csv"
        code, _, _ = run("dvh", folder, "--csv", path, "--structure", LEFT)
        assert code == 0
        lines = path.read_text(encoding="utf-8").splitlines()
        assert "D0.03cc [Gy]" in lines[0]
        assert len(lines) == 4
        assert path.stat().st_size == len(path.read_bytes())
        assert list(tmp_path.iterdir()) == [path]


class TestJson:
    def test_strict_and_the_same_again(self, run: Run, folder: Path, tmp_path: Path) -> None:
        first, second = tmp_path / "1.json", tmp_path / "2.json"
        for path in (first, second):
            assert run("check", folder, "--json", path)[0] == 0
        assert first.read_bytes() == second.read_bytes()

        def refuse(name: str) -> None:
            raise AssertionError(name)

        data = json.loads(first.read_bytes(), parse_constant=refuse)
        assert data["outcome"] == "PASS"
        keys = {
            "format_version",
            "outcome",
            "findings",
            "shown",
            "structures",
            "stop_points",
            "assumptions",
            "problems",
            "provenance",
        }
        assert set(data) == keys
        for entry in data["findings"]:
            assert {"rule", "level", "structure", "outcome", "measured", "low", "high", "limit"} <= set(entry)
        used = [i for i in data["provenance"]["inputs"] if i["used"]]
        assert {i["path"] for i in used} >= {"RP_low.dcm", "RD_boost.dcm", "RS.dcm", "case.toml"}
        assert all(len(i["sha256"]) == 64 for i in used)

    def test_written_whatever_the_outcome(self, run: Run, tmp_path: Path) -> None:
        case = save_redefine(tmp_path / "case", change=HOT)
        path = tmp_path / "result.json"
        assert run("check", case, "--json", path)[0] == 1
        assert json.loads(path.read_bytes())["outcome"] == "FAIL"

    @pytest.mark.parametrize("where", ["none/result.json", "folder"])
    def test_unwritable_leaves_nothing(self, run: Run, folder: Path, tmp_path: Path, where: str) -> None:
        (tmp_path / "folder").mkdir()
        code, _, err = run("check", folder, "--json", tmp_path / where)
        assert code == 2
        assert Path(where).name in err
        assert [p.name for p in tmp_path.rglob("*")] == ["folder"]

    def test_a_write_that_breaks_off_leaves_what_was_there(
        self, run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "result.json"
        path.write_text("before", encoding="utf-8")

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        monkeypatch.setattr(os, "replace", full)
        code, _, err = run("check", folder, "--json", path)
        assert code == 2
        assert "No space left" in err
        monkeypatch.undo()
        assert [p.name for p in tmp_path.iterdir()] == ["result.json"]
        assert path.read_text(encoding="utf-8") == "before"

    def test_nothing_is_written_where_nothing_is_judged(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert run("check", tmp_path / "empty", "--json", tmp_path / "result.json")[0] == 2
        assert [p.name for p in tmp_path.iterdir()] == ["empty"]


class TestPrivacy:
    @pytest.mark.parametrize("command", ["check", "inspect", "dvh"])
    def test_patient_only_where_asked(self, run: Run, folder: Path, tmp_path: Path, command: str) -> None:
        files = {"check": "--json", "dvh": "--csv"}
        extra = [files[command], tmp_path / "out"] if command in files else []
        code, out, err = run(command, folder, *extra)
        assert code == 0
        written = (tmp_path / "out").read_text(encoding="utf-8") if extra else ""
        for text in (out, err, written):
            assert NAME not in text
            assert PATIENT_ID not in text

    @pytest.mark.parametrize("command", ["check", "inspect"])
    def test_asked(self, run: Run, folder: Path, tmp_path: Path, command: str) -> None:
        extra = ["--json", tmp_path / "out.json"] if command == "check" else []
        _, out, _ = run(command, folder, "--identify", *extra)
        assert NAME in out
        assert PATIENT_ID in out
        if extra:
            data = json.loads((tmp_path / "out.json").read_bytes())
            assert data["patient"] == {"name": NAME, "id": PATIENT_ID}

    def test_several_patients_are_refused_without_naming_them(self, run: Run, tmp_path: Path) -> None:
        def other(dataset: Dataset) -> None:
            dataset.PatientID, dataset.PatientName = "OTHER-ID", "Roe^Richard"

        case = save_redefine(tmp_path, edit={"RD_low.dcm": other})
        code, out, err = run("check", case)
        assert code == 2
        assert "2" in err
        for secret in (NAME, "Roe", "OTHER-ID", PATIENT_ID):
            assert secret not in out + err

    def test_a_broken_file_does_not_quote_the_patient(self, run: Run, tmp_path: Path) -> None:
        case = save_redefine(tmp_path)
        content = (case / "RD_boost.dcm").read_bytes()
        (case / "RD_boost.dcm").write_bytes(content[: len(content) // 2])
        for command in ("check", "inspect"):
            _, out, err = run(command, case)
            assert NAME not in out + err


class TestOddNames:
    @pytest.mark.parametrize(
        "odd", ["\x1b[31mred\x07", "right\u202eto left", "<script>alert(1)</script>", "x" * 10_000]
    )
    @pytest.mark.parametrize("command", ["check", "inspect", "dvh"])
    def test_names_in_files(self, run: Run, tmp_path: Path, odd: str, command: str) -> None:
        def rename(dataset: Dataset) -> None:
            set_text(dataset.StructureSetROISequence[-1], "ROIName", odd)

        def label(dataset: Dataset) -> None:
            dataset.RTPlanLabel = odd[:16]

        case = save_redefine(tmp_path, edit={"RS.dcm": rename, "RP_low.dcm": label})
        code, out, err = run(command, case)
        assert code == 0
        for line in (out + err).split("\n"):
            assert not [c for c in line if unicodedata.category(c)[0] == "C"]

    def test_file_names_in_messages(self, run: Run, tmp_path: Path) -> None:
        case = save_redefine(tmp_path / "a\x1b[31m\ncase")
        for arguments in (["check", case], ["inspect", case], ["check", case / "nowhere\x1b"]):
            _, out, err = run(*arguments)
            for line in (out + err).split("\n"):
                assert not [c for c in line if unicodedata.category(c)[0] == "C"], line[:80]

    def test_two_plans_for_one_role_with_odd_labels(self, run: Run, tmp_path: Path) -> None:
        case = save_redefine(tmp_path)
        content = (case / "RP_low.dcm").read_bytes()
        assert content.count(b"1.1.1\x00") >= 1
        (case / "RP\x1b[31m.dcm").write_bytes(content.replace(b"1.1.1\x00", b"1.1.9\x00"))
        code, _, err = run("check", case)
        assert code == 2
        for line in err.split("\n"):
            assert not [c for c in line if unicodedata.category(c)[0] == "C"], line[:80]


def test_errors_are_those_of_the_package() -> None:
    assert issubclass(cli.InputError, DosecalcError)
    codes: Any = (cli.EXIT_PASS, cli.EXIT_FAIL, cli.EXIT_UNUSABLE, cli.EXIT_OPEN, cli.EXIT_FAULT)
    assert codes == (0, 1, 2, 3, 4)
