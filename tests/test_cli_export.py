"""``dosecalc export``: files, what is refused, and what is said."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from redefine_files import save_redefine

from dosecalc import cli, read_dose

Run = Callable[..., tuple[int, str, str]]
WITH_PRIOR = Path(__file__).parents[1] / "sample_plans" / "redefine_with_prior"
UNDER_WAY = Path(__file__).parents[1] / "sample_plans" / "redefine_under_way"
NAME, PATIENT_ID = "Doe^Jane", "P-1"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``export`` in this process: exit code, standard output and error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["export", *(str(a) for a in arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case whose prior course is known as numbers only; nobody writes into it."""
    return save_redefine(tmp_path_factory.mktemp("case"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


class TestFiles:
    def test_one_for_each_alpha_beta_of_the_protocol(self, run: Run, out: Path) -> None:
        code, said, err = run(WITH_PRIOR, "--out", out)
        assert (code, err) == (0, "")
        for value in ("2", "3", "10"):
            grid = read_dose(out / f"RD_EQD2_ab{value}.dcm")
            line = next(text for text in said.splitlines() if f"EQD2({value})" in text)
            assert line.endswith(
                f"RD_EQD2_ab{value}.dcm: EQD2({value}), max {grid.max_gy:.2f} Gy, 0.0 cm3 uncovered"
            )
        assert "max 163.05 Gy" in said  # CLINICAL.md, section 1: the core at a/b 3
        assert "prior 35, induction 3, definitive 28 fractions" in said
        assert "Grid of RD_definitive.dcm: 33 x 37 x 16 voxels of 4.5 x 5 x 5.5 mm" in said

    def test_asked_for(self, run: Run, out: Path) -> None:
        code, _, _ = run(
            WITH_PRIOR, "--out", out, "--quantity", "bed", "--alpha-beta", "2.5", "--alpha-beta", "4"
        )
        assert code == 0
        assert names(out) == ["RD_BED_ab2.5.dcm", "RD_BED_ab4.dcm"]
        code, _, _ = run(
            WITH_PRIOR, "--out", out, "--quantity", "physical", "--delivered", "--after-fraction", "25"
        )
        assert code == 0
        assert "RD_physical_delivered_after25.dcm" in names(out)
        run(WITH_PRIOR, "--out", out, "--alpha-beta", "3", "--as-of", "2026-04-15")
        assert "RD_EQD2_ab3_20260415.dcm" in names(out)
        run(WITH_PRIOR, "--out", out, "--alpha-beta", "3", "--planned", "--repair-half-time", "4")
        comment = pydicom.dcmread(out / "RD_EQD2_ab3_planned.dcm").DoseComment
        assert comment.startswith("EQD2 a/b 3 Gy LQ repair 4 h")

    def test_given_so_far(self, run: Run, out: Path) -> None:
        """3 x 6.5 and 12 x 2 Gy."""
        code, said, _ = run(UNDER_WAY, "--out", out, "--quantity", "physical", "--delivered", "--incomplete")
        assert code == 0
        assert "max >= 43.50 Gy" in said

    def test_the_same_again(self, run: Run, tmp_path: Path) -> None:
        for name in ("1", "2"):
            assert run(WITH_PRIOR, "--out", tmp_path / name, "--alpha-beta", "3")[0] == 0
        first, second = ((tmp_path / n / "RD_EQD2_ab3.dcm").read_bytes() for n in ("1", "2"))
        assert first == second

    def test_grid_and_spacing(self, run: Run, out: Path) -> None:
        ask = ("--alpha-beta", "3", "--out", out)
        code, said, _ = run(WITH_PRIOR, *ask, "--grid", "induction")
        assert code == 0
        assert "Grid of RD_boost.dcm: 49 x 53 x 22 voxels of 3 x 3.5 x 4 mm" in said
        (out / "RD_EQD2_ab3.dcm").unlink()
        code, said, _ = run(
            WITH_PRIOR, *ask, "--grid", WITH_PRIOR / "RD_low.dcm", "--spacing", "7", "--beyond", "crop"
        )
        assert code == 0
        assert "voxels of 7 x 7 x 7 mm" in said
        assert "RD_low.dcm" in said

    def test_no_part_files_stay(self, run: Run, out: Path) -> None:
        run(WITH_PRIOR, "--out", out, "--alpha-beta", "3")
        assert names(out) == ["RD_EQD2_ab3.dcm"]


class TestIncomplete:
    def test_refused(self, run: Run, folder: Path, out: Path) -> None:
        code, said, err = run(folder, "--out", out)
        assert (code, said) == (2, "")
        assert "prior course: 70 Gy in 35 fractions as stated, without a dose distribution" in err
        assert "--incomplete sums what is known" in err
        assert not out.exists()

    def test_asked_for(self, run: Run, folder: Path, out: Path) -> None:
        code, said, _ = run(folder, "--out", out, "--incomplete", "--alpha-beta", "3")
        assert code == 0
        assert "WARNING: INCOMPLETE, not in the sum: prior course: 70 Gy" in said
        assert "max >= 93.05 Gy" in said  # 37.05 and 56
        dataset = pydicom.dcmread(out / "RD_EQD2_ab3.dcm")
        assert dataset.DoseComment.startswith("INCOMPLETE, EQD2 a/b 3 Gy")
        assert "INCOMPLETE, not in it: prior course: 70 Gy" in dataset.ImageComments

    def test_nothing_known_of_what_was_given(self, run: Run, folder: Path, out: Path) -> None:
        code, _, err = run(folder, "--out", out, "--incomplete", "--delivered")
        assert code == 2
        assert "no dose in what was given" in err
        code, _, err = run(
            folder, "--out", out, "--incomplete", "--delivered", "--grid", folder / "RD_low.dcm"
        )
        assert code == 2
        assert "the ledger holds no dose to sum" in err
        assert not out.exists()


@pytest.fixture(scope="module")
def shortened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The boost dose ends five planes early, within the carotids."""

    def cut(dataset: pydicom.Dataset) -> None:
        dataset.NumberOfFrames -= 5
        dataset.GridFrameOffsetVector = list(dataset.GridFrameOffsetVector)[:-5]
        plane = 4 * dataset.Rows * dataset.Columns
        dataset.PixelData = dataset.PixelData[: plane * dataset.NumberOfFrames]

    return save_redefine(tmp_path_factory.mktemp("short"), edit={"RD_boost.dcm": cut})


class TestBeyond:
    def test_refused(self, run: Run, shortened: Path, out: Path) -> None:
        code, said, err = run(shortened, "--out", out, "--incomplete")
        assert (code, said) == (2, "")
        assert "4600 of 23000 voxels (69.0 cm3) not reached: 4600 by RD_boost.dcm" in err
        assert "WARNING: structures that not every dose reaches: " in err
        assert "A_Carotid_L" in err
        assert "--beyond crop" in err
        assert not out.exists()

    def test_cropped(self, run: Run, shortened: Path, out: Path) -> None:
        ask = ("--out", out, "--incomplete", "--alpha-beta", "3", "--beyond")
        code, said, _ = run(shortened, *ask, "crop")
        assert code == 0
        assert "WARNING: cropped to what all doses reach: 4600 of 23000 voxels" in said
        assert "A_Carotid_L" in said
        assert read_dose(out / "RD_EQD2_ab3.dcm").lattice.shape_zyx == (20, 20, 46)

    def test_at_least(self, run: Run, shortened: Path, out: Path) -> None:
        code, said, _ = run(
            shortened, "--out", out, "--incomplete", "--alpha-beta", "3", "--beyond", "at-least"
        )
        assert code == 0
        assert "69.0 cm3 uncovered (at least values, 4600 of 23000 voxels" in said
        dataset = pydicom.dcmread(out / "RD_EQD2_ab3.dcm")
        assert "AT LEAST: 4600 of 23000 voxels (69.0 cm3)" in dataset.ImageComments

    def test_nowhere(self, run: Run, shortened: Path, folder: Path, out: Path, tmp_path: Path) -> None:
        away = pydicom.dcmread(folder / "RD_low.dcm")
        away.ImagePositionPatient[2] += 500
        away.save_as(tmp_path / "away.dcm")
        ask = ("--out", out, "--incomplete", "--grid", tmp_path / "away.dcm", "--beyond", "crop")
        code, _, err = run(shortened, *ask)
        assert code == 2
        assert "no voxel that every dose reaches" in err
        assert "--beyond crop" not in err


class TestIdentity:
    def test_carried_and_left_out(self, run: Run, folder: Path, tmp_path: Path) -> None:
        ask = ("--incomplete", "--alpha-beta", "3")
        code, said, err = run(folder, "--out", tmp_path / "named", *ask)
        assert code == 0
        assert "The files name the patient" in said
        assert NAME not in said + err
        named = (tmp_path / "named" / "RD_EQD2_ab3.dcm").read_bytes()
        code, said, _ = run(folder, "--out", tmp_path / "empty", "--anonymous", *ask)
        assert code == 0
        assert "Without name and ID" in said
        empty = (tmp_path / "empty" / "RD_EQD2_ab3.dcm").read_bytes()
        for secret in (NAME, PATIENT_ID):
            assert secret.encode() in named
            assert secret.encode() not in empty

    def test_help_says_so(self, run: Run) -> None:
        code, said, _ = run("--help")
        assert code == 0
        assert "carry the patient's name, ID, birth date and study" in said
        assert "no physical dose" in said


class TestRefused:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--out", "{case}/out"], "expected a folder outside"),
            (["--out", "{case}"], "expected a folder outside"),
            (["--out", "{tmp}/none/out"], "or a new one in a folder that exists"),
            (["--out", "{tmp}/file"], "expected a folder, or a new one"),
            ([], "--out"),
            (["--out", "{tmp}/out", "--alpha-beta", "0"], "expected a number above 0, found '0'"),
            (["--out", "{tmp}/out", "--alpha-beta", "three"], "expected a number above 0, found 'three'"),
            (["--out", "{tmp}/out", "--alpha-beta", "inf"], "expected a number above 0, found 'inf'"),
            (["--out", "{tmp}/out", "--quantity", "physical", "--alpha-beta", "3"], "expected neither"),
            (["--out", "{tmp}/out", "--quantity", "dose"], "invalid choice"),
            (["--out", "{tmp}/out", "--delivered", "--planned"], "not allowed with"),
            (["--out", "{tmp}/out", "--planned", "--as-of", "2026-04-01"], "expected neither as_of"),
            (["--out", "{tmp}/out", "--after-fraction", "29"], "no fraction 29 of a 'definitive' course"),
            (["--out", "{tmp}/out", "--as-of", "2026-04-01", "--after-fraction", "2"], "not allowed with"),
            (["--out", "{tmp}/out", "--grid", "mr"], "a course (prior, induction, definitive), ct or"),
            (["--out", "{tmp}/out", "--grid", "ct"], "expected one CT series in the frame of"),
            (["--out", "{tmp}/out", "--grid", "{case}/RS.dcm"], "expected RTDOSE, found RTSTRUCT"),
            (["--out", "{tmp}/out", "--grid", "{tmp}/frameless.dcm"], "FrameOfReferenceUID"),
            (["--out", "{tmp}/out", "--grid", "{tmp}/elsewhere.dcm", "--incomplete"], "no dose to sum"),
            (["--out", "{tmp}/out", "--grid", "prior"], "no dose of the prior course"),
            (["--out", "{tmp}/out", "--spacing", "-1"], "expected a number above 0, found '-1'"),
            (["--out", "{tmp}/out", "--spacing", "0.01", "--incomplete"], "200,000,000 voxels"),
            (["--out", "{tmp}/out", "--protocol", "nothing"], "expected a TOML file"),
            (["--out", "{tmp}/out", "--protocol", "{tmp}/bare.toml"], "no structure of 'bare' has any"),
        ],
    )
    def test_2_nothing_is_written(
        self, run: Run, folder: Path, tmp_path: Path, arguments: list[str], message: str
    ) -> None:
        (tmp_path / "file").write_bytes(b"")
        dose = pydicom.dcmread(folder / "RD_low.dcm")
        dose.FrameOfReferenceUID = "1.2.3.99"
        dose.save_as(tmp_path / "elsewhere.dcm")
        del dose.FrameOfReferenceUID
        dose.save_as(tmp_path / "frameless.dcm")
        (tmp_path / "bare.toml").write_text(BARE, encoding="utf-8")
        before = names(tmp_path), names(folder)
        case, tmp = str(folder), str(tmp_path)
        code, said, err = run(folder, *(a.format(case=case, tmp=tmp) for a in arguments))
        assert (code, said) == (2, "")
        assert message in err
        assert (names(tmp_path), names(folder)) == before

    def test_a_file_in_the_way(self, run: Run, out: Path) -> None:
        out.mkdir()
        (out / "RD_EQD2_ab10.dcm").write_bytes(b"before")
        code, said, err = run(WITH_PRIOR, "--out", out, "--alpha-beta", "3", "--alpha-beta", "10")
        assert (code, said) == (2, "")
        assert "RD_EQD2_ab10.dcm: expected no file of that name, found one; it stays as it is" in err
        assert names(out) == ["RD_EQD2_ab10.dcm"]
        assert (out / "RD_EQD2_ab10.dcm").read_bytes() == b"before"

    def test_a_folder_that_cannot_be_made(self, run: Run, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "mkdir", full)
        code, _, err = run(WITH_PRIOR, "--out", out)
        assert code == 2
        assert "cannot be made: No space left" in err

    def test_4_a_fault_is_no_file(self, run: Run, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **__: object) -> None:
            raise MemoryError

        monkeypatch.setattr("dosecalc.exporting.dose_map", broken)
        code, said, err = run(WITH_PRIOR, "--out", out)
        assert (code, said) == (4, "")
        assert "MemoryError" in err
        assert not out.exists()


def test_odd_names_stay_in_their_line(run: Run, tmp_path: Path) -> None:
    def label(dataset: pydicom.Dataset) -> None:
        dataset.RTPlanLabel = "\x1b[31mred"

    case = save_redefine(tmp_path / "a\x1b[31m\ncase", edit={"RP_low.dcm": label}, skip=("RD_low.dcm",))
    for more in ([], ["--incomplete", "--alpha-beta", "3"]):
        _, said, err = run(case, "--out", tmp_path / "out\x1b", *more)
        for line in (said + err).split("\n"):
            assert not [c for c in line if unicodedata.category(c)[0] == "C"], line[:80]


BARE = """
format_version = 1
name = "bare"
title = "a course without structures"
source = "none"
visit_hours = 1

[[courses]]
name = "definitive"
grouping = "one_session"

[[roles]]
name = "definitive"
course = "definitive"
fractions = [28, 28]
dose_per_fraction_gy = [1.9, 2.1]
"""
