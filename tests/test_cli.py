"""The command line: exit codes, files, privacy, and faults that never look like a verdict."""

from __future__ import annotations

import codecs
import csv
import functools
import io
import json
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cases import CORE, LEFT, MUCOSA, PRESCRIBED, RIGHT, organs
from dicom_files import set_text
from pydicom.dataset import Dataset
from redefine_files import CASE_TOML, save_redefine

import dosecalc
from dosecalc import cli, cli_files
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
            ["check", "{tmp}", "--after-fraction", "0"],
            ["check", "{tmp}", "--after-fraction", "29"],
            ["check", "{tmp}", "--after-fraction", "2", "--as-of", "2026-04-01"],
            ["ledger", "{tmp}/nowhere"],
            ["ledger", "{tmp}", "--protocol", "nothing"],
            ["ledger", "{tmp}", "--as-of", "yesterday"],
            ["ledger", "{tmp}", "--after-fraction", "half"],
            ["ledger", "{tmp}", "--after-fraction", "-1"],
            ["ledger", "{tmp}", "--after-fraction", "29"],
            ["ledger", "{tmp}", "--after-fraction", "2", "--course", "nothing"],
            ["ledger", "{tmp}", "--after-fraction", "2", "--as-of", "2026-04-01"],
            ["ledger", "{tmp}", "--course", "induction"],
            ["check", "{tmp}", "--csv-findings", "{tmp}/a/b.csv"],
            ["check", "{tmp}", "--csv-doses", "{tmp}"],
            ["check", "{tmp}", "--csv-doses", "{tmp}/a", "--csv-findings", "{tmp}/a"],
            ["check", "{tmp}", "--csv", "{tmp}/a"],
            ["schema"],
            ["schema", "nothing"],
            ["ledger", "{tmp}", "--csv", "{tmp}/a/b.csv"],
            ["ledger", "{tmp}", "--csv", "{tmp}/a", "--svg", "{tmp}/a"],
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

    @pytest.mark.parametrize("command", ["check", "inspect", "dvh", "ledger"])
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

        monkeypatch.setattr(cli, "check_blocks", broken)
        assert run("check", folder)[0] == 4

    def test_a_reader_that_goes_away_is_no_verdict(
        self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where a library ends the program for it, with an exit code of its own."""

        def gone(_: object) -> None:
            raise SystemExit(1)

        monkeypatch.setattr(cli, "show", gone)
        monkeypatch.setattr(os, "dup2", lambda *_: None)
        assert run("check", folder)[0] == 4

    @pytest.mark.parametrize("fault", [OSError, ValueError])
    def test_where_nobody_reads_the_error_it_is_none_either(
        self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
    ) -> None:
        class Gone(io.StringIO):
            def write(self, _: str) -> int:
                raise fault

        monkeypatch.setattr(sys, "stderr", Gone())
        assert cli.main(["check", str(folder / "nowhere")]) == 2
        monkeypatch.setattr(sys, "stderr", None)
        assert cli.main(["check", str(folder / "nowhere")]) == 2

    def test_an_empty_name_is_no_folder(self, run: Run) -> None:
        """A variable of a shell that is not set would else mean the folder where one happens to be."""
        code, _, err = run("check", "")
        assert code == 2
        assert "expected a folder, found an empty name" in err

    def test_what_an_error_quotes_is_printable(self, run: Run, folder: Path) -> None:
        code, _, err = run("check", folder, "evil\x1b[31m")
        assert code == 2
        assert "\x1b" not in err

    def test_help_and_version(self, run: Run) -> None:
        code, out, _ = run("--help")
        assert code == 0
        assert "exit codes of check" in " ".join(out.split())
        for command in ("inspect", "dvh", "ledger", "check"):
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

    def test_the_book(self, run: Run, folder: Path) -> None:
        code, out, err = run("ledger", folder)
        assert (code, err) == (0, "")
        assert "  .  2026-03-02 Mon        induction     1  low 1 + boost 1      6.5   1     6.5\n" in out

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
        assert f"dosecalc protocol validate {local} shows the place" in err

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

    def test_after_fraction(self, run: Run, folder: Path) -> None:
        code, out, _ = run("check", folder, "--after-fraction", "25")
        assert code == 3
        assert "hold" in out

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


class TestQuiet:
    """What decides is always said; files are as they are without it."""

    @pytest.mark.parametrize("change", [{}, HOT])
    def test_check_says_the_outcome(self, run: Run, tmp_path: Path, change: Any) -> None:
        folder, result = save_redefine(tmp_path, change=change), tmp_path.with_suffix(".json")
        code, whole, _ = run("check", folder)
        assert code == (1 if change else 0)
        assert run("check", folder, "--quiet", "--json", result)[0] == code
        outcome = [line for line in whole.splitlines() if line.startswith(("OUTCOME", "required findings"))]
        more = "advisory findings not met or not judged: 3, shown without --quiet"
        failing = "  FAIL: R15 A_Carotid_L", f"  UNCERTAIN: R18 {LEFT}, R18 {RIGHT}, R18 {MUCOSA}"
        named = failing if change else ()
        assert run("check", folder, "-q") == (code, "\n".join([*outcome, *named, more, ""]), "")
        advisory = whole[whole.index("Advisory rules that are not met") : whole.index("Decision point")]
        assert len(re.findall("^  (FAIL|UNCERTAIN|NOT EVALUATED)  ", advisory, flags=re.MULTILINE)) == 3
        assert json.loads(result.read_text(encoding="utf-8"))["outcome"] in outcome[0]

    def test_a_case_file_below_the_folder_is_not_read_in_silence(self, run: Run, tmp_path: Path) -> None:
        folder = save_redefine(tmp_path / "a")
        _, out, _ = run("check", folder.parent)
        warning = f"WARNING: {folder.name}/case.toml lies below the folder and is not read: --case takes it"
        assert warning in " ".join(out.split())
        assert "WARNING" not in run("check", folder.parent, "--case", folder / "case.toml")[1]

    def test_a_folder_that_may_not_be_entered(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(self: Path) -> bool:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "is_file", refused)
        assert run("check", "closed")[::2] == (2, "dosecalc: closed: cannot be read: Permission denied\n")

    def test_warnings_are_counted(self, run: Run, tmp_path: Path) -> None:
        folder = save_redefine(tmp_path)
        (folder / "RP_more.dcm").write_bytes(b"not a plan")
        _, whole, _ = run("check", folder)
        count = whole.count("- WARNING")
        assert count
        assert f"warnings: {count}, shown without --quiet" in run("check", folder, "-q")[1]

    @pytest.mark.parametrize(
        ("command", "option"), [("dvh", "--csv"), ("ledger", "--json"), ("remaining", "--json")]
    )
    def test_the_others_write_and_say_nothing(
        self, run: Run, folder: Path, tmp_path: Path, command: str, option: str
    ) -> None:
        loud, silent = tmp_path / "loud", tmp_path / "silent"
        assert run(command, folder, option, loud)[1]
        assert run(command, folder, option, silent, "--quiet") == (0, "", "")
        assert silent.read_bytes() == loud.read_bytes()
        code, _, err = run(command, folder, "--quiet")
        assert code == 2
        assert option in err  # what would be neither shown nor written is asked for in vain

    def test_export_keeps_its_warnings(self, run: Run, folder: Path, tmp_path: Path) -> None:
        ask = ("export", folder, "--alpha-beta", "3", "--incomplete", "--out")
        _, loud, _ = run(*ask, tmp_path / "loud")
        code, said, _ = run(*ask, tmp_path / "silent", "--quiet")
        assert code == 0
        assert said.splitlines() == [line for line in loud.splitlines() if line.startswith("WARNING")]
        assert "INCOMPLETE" in said


class TestCsv:
    """All tables alike, whichever command writes them."""

    @pytest.mark.parametrize(
        ("command", "options"),
        [("check", ["findings", "doses"]), ("dvh", [""]), ("ledger", [""])],
    )
    def test_a_spreadsheet_reads_names_as_they_are(
        self, run: Run, folder: Path, tmp_path: Path, command: str, options: list[str]
    ) -> None:
        paths = {f"--csv-{kind}".rstrip("-"): tmp_path / f"{kind}.csv" for kind in options}
        few = ["--structure", LEFT] if command == "dvh" else []
        assert run(command, folder, *few, *(a for pair in paths.items() for a in pair))[0] == 0
        for path in paths.values():
            data = path.read_bytes()
            assert data.startswith(codecs.BOM_UTF8)
            header, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
            assert rows
            assert {len(row) for row in rows} == {len(header)}
            cells = [cell for row in rows for cell in row if len(cell) > 1]  # a sign alone is no formula
            assert not any(cell.startswith(("=", "+", "@", "\t")) for cell in cells)


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

    def test_a_dash_is_no_name(self, run: Run, folder: Path) -> None:
        code, _, err = run("check", folder, "--json", "-")
        assert (code, "expected the name of a file" in err) == (2, True)

    @pytest.mark.parametrize("where", ["none/result.json", "folder"])
    def test_unwritable_leaves_nothing(self, run: Run, folder: Path, tmp_path: Path, where: str) -> None:
        (tmp_path / "folder").mkdir()
        code, _, err = run("check", folder, "--json", tmp_path / where)
        assert code == 2
        assert Path(where).name in err
        assert [p.name for p in tmp_path.rglob("*")] == ["folder"]

    @pytest.mark.parametrize(
        ("option", "over"),
        [
            ("--json", "a dose"),
            ("--csv-findings", "the case file"),
            ("--csv-doses", "the protocol"),
            ("--report", "a link to a dose"),
        ],
    )
    def test_inputs_are_never_written_over(
        self, run: Run, folder: Path, tmp_path: Path, option: str, over: str
    ) -> None:
        local = tmp_path / "local.toml"
        local.write_text('format_version = 1\nextends = "redefine"\nname = "local"\n', encoding="utf-8")
        case = tmp_path / "case"
        shutil.copytree(folder, case)
        dose, link = next(case.glob("RD*.dcm")), tmp_path / "link.html"
        link.symlink_to(dose)
        path = {"a dose": dose, "the case file": case / "case.toml", "the protocol": local}.get(over, link)
        before = path.read_bytes()
        code, _, err = run("check", case, "--protocol", local, option, path)
        assert code == 2
        assert err == f"dosecalc: {option}: expected another file than the inputs, found {path}\n"
        assert path.read_bytes() == before

    def test_a_result_among_the_inputs_is_written_again(self, run: Run, folder: Path, tmp_path: Path) -> None:
        case = tmp_path / "case"
        shutil.copytree(folder, case)
        for _ in range(2):
            assert run("check", case, "--json", case / "result.json", "--quiet")[0] == 0
        assert json.loads((case / "result.json").read_bytes())["outcome"] == "PASS"

    @pytest.mark.skipif(os.name != "posix", reason="has no devices as files")
    def test_a_device_stays_one_and_a_link_is_followed(self, run: Run, folder: Path, tmp_path: Path) -> None:
        pipe, real, link = tmp_path / "pipe", tmp_path / "real.json", tmp_path / "link.json"
        os.mkfifo(pipe)
        link.symlink_to(real)
        end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        try:
            assert run("ledger", folder, "--svg", link, "--quiet")[0] == 0
            cli_files.write(pipe, "text")
            assert os.read(end, 99) == b"text"
        finally:
            os.close(end)
        assert pipe.is_fifo()
        assert link.is_symlink()
        assert real.read_bytes().startswith(b"<svg")

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


class TestLedger:
    SAMPLES = Path(__file__).parents[1] / "sample_plans"

    def test_files(self, run: Run, folder: Path, tmp_path: Path) -> None:
        paths = {kind: tmp_path / f"book.{kind}" for kind in ("csv", "json", "svg")}
        arguments = [a for kind, path in paths.items() for a in (f"--{kind}", path)]
        assert run("ledger", folder, *arguments)[0] == 0
        first = {kind: path.read_bytes() for kind, path in paths.items()}
        assert run("ledger", folder, *arguments)[0] == 0
        assert first == {kind: path.read_bytes() for kind, path in paths.items()}
        rows = list(csv.DictReader(io.StringIO(first["csv"].decode(), newline="")))
        assert len(rows) == 35 + 1 + 2 * 3 + 28
        assert rows[-1]["course so far [Gy]"] == "56"
        data = json.loads(first["json"])
        assert [c["projected_dose"]["gy"] for c in data["counts"]] == ["70", "19.5", "56"]
        used = [i for i in data["provenance"]["inputs"] if i["used"]]
        assert {i["path"] for i in used} >= {"RP_low.dcm", "RD_boost.dcm", "case.toml"}
        assert all(len(i["sha256"]) == 64 for i in used)
        assert ElementTree.fromstring(first["svg"]).tag.endswith("svg")
        assert {p.name for p in tmp_path.iterdir()} == {"book.csv", "book.json", "book.svg"}

    def test_calendar_only_where_asked(self, run: Run, folder: Path) -> None:
        assert "week  Mon" not in run("ledger", folder)[1]
        code, out, _ = run("ledger", folder, "--calendar")
        assert code == 0
        assert "    14  30 .  31 .\n" in out

    def test_as_of_and_after_a_fraction(self, run: Run, folder: Path) -> None:
        code, out, _ = run("ledger", folder, "--as-of", "2026-02-01")
        assert code == 0
        assert "as it stood on 2026-02-01" in out
        assert "recurrence" not in out
        code, out, _ = run("ledger", folder, "--after-fraction", "25")
        assert code == 0
        assert "after fraction 25 of the definitive course" in out
        assert "  definitive       28     25        0     3          56        50            56\n" in out
        code, out, _ = run("ledger", folder, "--after-fraction", "2", "--course", "induction")
        assert code == 0
        assert "  induction         3      2        0     1        19.5        13          19.5\n" in out

    def test_another_protocol(self, run: Run, folder: Path, tmp_path: Path) -> None:
        local = tmp_path / "local.toml"
        local.write_text('format_version = 1\nextends = "redefine"\nname = "local"\ntitle = "mine"\n')
        code, out, _ = run("ledger", folder, "--protocol", local)
        assert code == 0
        assert "protocol: mine\n" in out

    def test_what_is_lost_is_a_warning(self, run: Run, tmp_path: Path) -> None:
        case = save_redefine(tmp_path, skip=("RP_boost.dcm",))
        code, out, _ = run("ledger", case)
        assert code == 0
        said = " ".join(out.split())
        assert "WARNING: RD_boost.dcm is the dose of" in said
        assert "below the book" in out

    def test_nothing_to_book(self, run: Run, tmp_path: Path) -> None:
        only = ("RP_low.dcm", "RP_boost.dcm", "RP_definitive.dcm")
        case = save_redefine(tmp_path, skip=only, case_toml=None)
        code, out, err = run("ledger", case)
        assert (code, out) == (2, "")
        assert "no session of any course to book" in err
        assert "RD_low.dcm is the dose of" in err

    @pytest.mark.parametrize("name", ["redefine_compliant", "redefine_two_plans"])
    def test_sample_plans(self, run: Run, name: str) -> None:
        code, out, err = run("ledger", self.SAMPLES / name, "--calendar")
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) <= 100
        for line in (
            "  x  2024-03-01 Fri        prior        35  stated 35            2    35    70",
            "  !  2026-02-10 Tue  recurrence: biopsy of the nasopharynx",
            "  .  2026-03-04 Wed        induction     3  low 3 + boost 3      6.5   3    19.5",
            "  .  2026-05-01 Fri        definitive   25  definitive 25        2    25    50",
            "  definitive       28      0        0    28          56         0            56",
            "    18                           1 .   2     3",
        ):
            assert f"{line}\n" in out
        assert ("grouping" in out) == (name == "redefine_two_plans")


class TestPrivacy:
    @pytest.mark.parametrize("command", ["check", "inspect", "dvh", "ledger"])
    def test_patient_only_where_asked(self, run: Run, folder: Path, tmp_path: Path, command: str) -> None:
        files = {
            "check": ["json", "csv-findings", "csv-doses"],
            "dvh": ["csv"],
            "ledger": ["csv", "json", "svg"],
        }.get(command, [])
        extra = [a for kind in files for a in (f"--{kind}", tmp_path / kind)]
        code, out, err = run(command, folder, *extra)
        assert code == 0
        written = "".join((tmp_path / kind).read_text(encoding="utf-8") for kind in files)
        for text in (out, err, written):
            assert NAME not in text
            assert PATIENT_ID not in text

    @pytest.mark.parametrize("command", ["check", "inspect", "ledger", "remaining"])
    def test_asked(self, run: Run, folder: Path, tmp_path: Path, command: str) -> None:
        extra = ["--json", tmp_path / "out.json"] if command != "inspect" else []
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
    @pytest.mark.parametrize("command", ["check", "inspect", "dvh", "ledger"])
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
        for arguments in (
            ["check", case],
            ["inspect", case],
            ["ledger", case],
            ["check", case / "nowhere\x1b"],
        ):
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
