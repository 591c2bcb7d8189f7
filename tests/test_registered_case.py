"""Registrations in a case: from files or as stated, said in the result, and refused where they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dicom_files as make
import numpy as np
import numpy.typing as npt
import pytest
from cases import FRAME_UID, LEFT, cumulative, findings, judged, one
from test_checking_frame_rules import OLD_FRAME, link, two_sets
from test_dicom_registration import OWN, SHIFT, SOURCE, make_spatial

from dosecalc import CheckResult, Outcome, read_case
from dosecalc.case import Case
from dosecalc.dicom import read_folder
from dosecalc.errors import InputError, TomlError
from dosecalc.registrations import Registration
from dosecalc.statement import RegistrationStatement, Statement
from dosecalc.transforms import Affine, Deformation, VectorGrid, apply

Floats = npt.NDArray[np.float64]
Field = Callable[[Floats], Floats]


class TestFolder:
    def test_a_registration_is_read_and_listed(self, tmp_path: Path) -> None:
        make.save_case(tmp_path)
        make.save(make_spatial(), tmp_path / "REG.dcm")
        case = read_folder(tmp_path)
        (found,) = case.registrations
        assert (found.from_uid, found.to_uid, found.source) == (SOURCE, OWN, "REG.dcm")
        assert apply(found.transform, np.zeros((1, 3))).tolist() == [list(SHIFT[:3, 3])]
        (entry,) = [f for f in case.inputs if f.kind == "REG"]
        assert entry.used

    def test_a_broken_one_is_named_and_missing(self, tmp_path: Path) -> None:
        make.save_case(tmp_path)
        broken = make_spatial()
        del broken.RegistrationSequence
        make.save(broken, tmp_path / "REG.dcm")
        case = read_folder(tmp_path)
        assert case.registrations == ()
        (entry,) = [f for f in case.inputs if f.kind == "REG"]
        assert entry.lost
        assert "REG.dcm: RegistrationSequence: expected" in entry.reason


TEXT = '\n[[registrations]]\nfrom_frame = "1.5"\nto_frame = "1.6"\nfile = "moved.txt"\n'


class TestStated:
    def folder(self, tmp_path: Path, text: str = TEXT) -> Path:
        make.save_case(tmp_path)
        (tmp_path / "case.toml").write_text(f"format_version = 1\n{text}", encoding="utf-8")
        (tmp_path / "moved.txt").write_text("1 0 0 5\n0 1 0 0\n0 0 1 -2\n0 0 0 1\n", encoding="utf-8")
        return tmp_path

    def test_a_matrix(self, tmp_path: Path) -> None:
        case = read_case(self.folder(tmp_path))
        (found,) = case.registrations
        assert (found.from_uid, found.to_uid, found.source) == ("1.5", "1.6", "moved.txt")
        assert apply(found.transform, np.zeros((1, 3))).tolist() == [[5.0, 0.0, -2.0]]
        (entry,) = [f for f in case.inputs if f.path == "moved.txt"]
        assert (entry.kind, entry.used) == ("registration", True)

    def test_a_field(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path, TEXT.replace("moved.txt", "field.npz"))
        vectors = np.zeros((3, 3, 3, 3), dtype=np.float32)
        vectors[..., 2] = 4.0
        np.savez(
            folder / "field.npz",
            origin_xyz_mm=np.full(3, -10.0),
            resolution_mm=np.full(3, 10.0),
            vectors_mm=vectors,
        )
        (found,) = read_case(folder).registrations
        assert apply(found.transform, np.ones((1, 3))).tolist() == [[1.0, 1.0, 5.0]]

    def test_as_an_object(self, tmp_path: Path) -> None:
        stated = RegistrationStatement(from_frame="1.5", to_frame="1.6", file="moved.txt")
        case = read_case(self.folder(tmp_path), statement=Statement(registrations=(stated,)))
        assert len(case.registrations) == 1

    @pytest.mark.parametrize(
        ("before", "after", "words"),
        [
            ("moved.txt", "../moved.txt", r"registrations\[1\].file: expected a file below the case"),
            ("moved.txt", "/moved.txt", "file: expected a file below the case"),
            ("moved.txt", "moved.tfm", "expected a file below the case"),
            ('from_frame = "1.5"\n', "", "from_frame: expected"),
        ],
    )
    def test_refused_in_the_file(self, tmp_path: Path, before: str, after: str, words: str) -> None:
        with pytest.raises(TomlError, match=words):
            read_case(self.folder(tmp_path, TEXT.replace(before, after)))

    def test_refused_for_what_it_holds(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path, TEXT.replace("1.6", "1.5"))
        with pytest.raises(InputError, match=r"expected two frames of reference, found 1\.5 and 1\.5"):
            read_case(folder)
        (folder / "moved.txt").write_text("1 0 0 0\n", encoding="utf-8")
        with pytest.raises(InputError, match="expected 16 numbers, found 4"):
            read_case(folder)
        (folder / "moved.txt").unlink()
        with pytest.raises(InputError, match=r"moved\.txt: expected a file"):
            read_case(folder)


def deformed(displacement: Field) -> Case:
    """A prior course whose frame a field links with the current one: current points to prior points."""
    axis = np.arange(-60.0, 61.0, 4.0)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    vectors = displacement(np.stack([x, y, z], axis=-1)).astype(np.float32)
    grid = VectorGrid(origin_xyz_mm=np.full(3, -60.0), resolution_mm=np.full(3, 4.0), vectors_mm=vectors)
    unmoved = Affine(matrix=np.eye(4))
    registration = Registration(
        from_uid=FRAME_UID,
        to_uid=OLD_FRAME,
        transform=Deformation(grid=grid, pre=unmoved, post=unmoved),
        source="REG.dcm",
    )
    return two_sets(frame_uid=OLD_FRAME, registrations=[registration])


def checked(case: Case, goal: str = "Dmax < 900 Gy") -> CheckResult:
    return judged(case, only=("R40.x", "R42", "R42.organs"), protocol=cumulative(goal), cells=2000)


class TestDeformations:
    """The left carotid is 1.792 cm3 from x = 28 to 32, y = -4 to 4, z = -28 to 28 mm."""

    def test_a_gentle_one(self) -> None:
        result = checked(deformed(lambda p: 0 * p + [0.0, 1.0, 0.0]))
        found = one(result, "R40.x")
        assert found.outcome is Outcome.PASS
        assert found.measured == pytest.approx(35 * 1.8 + 3 * 2.0 + 28 * 1.6)
        assert "not rigid: deformable" in one(result, "R42").message
        assert any(a.startswith("registered from frame of reference") for a in result.assumptions)

    def test_where_it_folds_the_sum_is_not_evaluated(self) -> None:
        """Along z everything between 4 and 12 mm is turned over: steps of -12 on 4 mm."""
        case = deformed(
            lambda p: np.stack([0 * p[..., 0], 0 * p[..., 0], -3 * np.clip(p[..., 2] - 4, 0, 8)], axis=-1)
        )
        found = one(checked(case), "R40.x")
        assert found.outcome is Outcome.NOT_EVALUATED
        folded = 1.792 * 8 / 56
        assert f"{folded:.3g} of 1.79 cm3 lie where the registration of RD_prior.dcm folds" in found.message
        assert found.measured == pytest.approx(35 * 1.8 + 3 * 2.0 + 28 * 1.6)

    def test_where_it_is_unknown_too(self) -> None:
        def unknown(p: Floats) -> Floats:
            return np.where(p[..., 2:] > 10, np.nan, 0.0) + 0 * p

        found = one(checked(deformed(unknown)), "R40.x")
        assert found.outcome is Outcome.NOT_EVALUATED
        # Unknown from the last known vector at 8 mm on: (28 - 8) of 56 mm.
        assert "0.64 of 1.79 cm3 lie outside the dose RD_prior.dcm" in found.message

    def test_what_breaks_a_limit_without_it_fails(self) -> None:
        case = deformed(lambda p: np.where(p[..., :1] > 0, np.nan, 0.0) + 0 * p)
        assert one(checked(case, "Dmax < 50 Gy"), "R40.x").outcome is Outcome.FAIL


class TestSaid:
    def test_each_step_once(self) -> None:
        case = two_sets(shift_mm=(0, 30, 0), frame_uid=OLD_FRAME, registrations=[link((0, -30, 0))])
        result = checked(case)
        (said,) = [a for a in result.assumptions if a.startswith("registered")]
        assert said.startswith(
            f"registered from frame of reference {FRAME_UID} into {OLD_FRAME} by the inverse of"
        )
        assert "rigid: turned by 0.00 degrees, shifted by (0.0, -30.0, 0.0) mm" in said

    def test_a_scaling_matrix(self) -> None:
        scaled = Affine(matrix=np.diag([1.01, 1.0, 1.0, 1.0]))
        case = two_sets(
            frame_uid=OLD_FRAME,
            registrations=[
                Registration(from_uid=OLD_FRAME, to_uid=FRAME_UID, transform=scaled, source="REG.dcm")
            ],
        )
        assert "not rigid: scaled by 1.0100, 1.0000 and 1.0000" in one(checked(case), "R42").message

    def test_no_path_names_both_and_what_would_help(self) -> None:
        other = Registration(
            from_uid=OLD_FRAME, to_uid="8.8", transform=Affine(matrix=np.eye(4)), source="R.dcm"
        )
        result = checked(two_sets(frame_uid=OLD_FRAME, registrations=[other]))
        message = one(result, "R42").message
        assert one(result, "R42").outcome is Outcome.NOT_EVALUATED
        for words in (FRAME_UID, OLD_FRAME, "R.dcm links 7.7 with 8.8", "Spatial Registration"):
            assert words in message
        assert "R.dcm links 7.7 with 8.8" in one(result, "R40.x").message

    def test_two_that_differ_are_refused(self) -> None:
        case = two_sets(frame_uid=OLD_FRAME, registrations=[link((0, 1, 0)), link((0, 2, 0))])
        result = checked(case)
        for rule in ("R42", "R40.x"):
            found = findings(result, rule)[0]
            assert found.outcome is Outcome.NOT_EVALUATED
            assert "expected one registration, found 2" in found.message

    def test_doses_of_one_frame_are_not_registered(self) -> None:
        assert not [a for a in checked(two_sets()).assumptions if a.startswith("registered")]
        assert one(checked(two_sets()), "R40.x", LEFT).outcome is Outcome.PASS


def test_a_case_without_frames_of_doses_is_not_registered() -> None:
    case = two_sets()
    nameless = tuple(replace(d, frame_uid="") for d in case.doses)
    assert one(checked(replace(case, doses=nameless)), "R42").outcome is Outcome.NOT_EVALUATED
