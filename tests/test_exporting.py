"""Which sum, on which grid: from a case to maps, with what a sum lacks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pydicom
import pytest
from cases import PRESCRIBED, make_case, make_statement
from redefine_files import save_redefine

from dosecalc import Bed, Eqd2, Physical, load_protocol, read_dose
from dosecalc.case import Case
from dosecalc.casefile import read_case
from dosecalc.errors import DosecalcError, InputError, MissingDoseError
from dosecalc.exporting import Beyond, Sum, Summed, beyond_doses, export_dose, file_name, summed
from dosecalc.mapping import Missing
from dosecalc.quantities import Quantity
from dosecalc.statement import CourseStatement

SAMPLES = Path(__file__).parents[1] / "sample_plans"
PROTOCOL = load_protocol("redefine")
PRIOR = "prior course: 70 Gy in 35 fractions as stated, without a dose distribution"


@pytest.fixture(scope="module")
def with_prior() -> Case:
    return read_case(SAMPLES / "redefine_with_prior")


def fractions(what: Summed) -> dict[str, int]:
    known = what.ledger.known()
    return {course: len({s.day for s in known.course(course)}) for course in known.courses}


class TestWhichSum:
    def test_projected_by_default(self, with_prior: Case) -> None:
        what = summed(with_prior, PROTOCOL)
        assert fractions(what) == {"prior": 35, "induction": 3, "definitive": 28}
        assert what.lacks == ()
        assert what.grid.source == "RD_definitive.dcm"

    def test_delivered_and_planned(self) -> None:
        case = read_case(SAMPLES / "redefine_under_way")
        assert fractions(summed(case, PROTOCOL, which=Sum.DELIVERED)) == {"induction": 3, "definitive": 12}
        assert fractions(summed(case, PROTOCOL, which=Sum.PLANNED)) == {"induction": 3, "definitive": 28}

    def test_after_a_fraction_and_on_a_day(self, with_prior: Case) -> None:
        what = summed(with_prior, PROTOCOL, which=Sum.DELIVERED, after_fraction=25)
        assert fractions(what) == {"prior": 35, "induction": 3, "definitive": 25}
        assert "as it stood after fraction 25" in what.notes[0]
        case = read_case(SAMPLES / "redefine_under_way")
        days = sorted(s.date for s in summed(case, PROTOCOL, which=Sum.DELIVERED).ledger if s.date)
        what = summed(case, PROTOCOL, which=Sum.DELIVERED, as_of=days[-3])
        assert fractions(what) == {"induction": 3, "definitive": 10}
        assert f"until {days[-3]}" in what.notes[0]

    def test_a_stopped_course_is_as_far_as_it_went(self) -> None:
        case = read_case(SAMPLES / "redefine_stopped_after_cr")
        assert fractions(summed(case, PROTOCOL))["definitive"] == 25

    def test_plans_do_not_stand_on_a_day(self, with_prior: Case) -> None:
        with pytest.raises(InputError, match="expected neither as_of nor after_fraction"):
            summed(with_prior, PROTOCOL, which=Sum.PLANNED, as_of=dt.date(2026, 4, 1))

    def test_nothing_given(self) -> None:
        case = make_case(statement=make_statement(courses={"prior": CourseStatement()}))
        with pytest.raises(MissingDoseError, match="no dose in what was given"):
            summed(case, PROTOCOL, which=Sum.DELIVERED)


class TestWhatItLacks:
    def test_a_course_in_numbers(self, tmp_path: Path) -> None:
        case = read_case(save_redefine(tmp_path))
        what = summed(case, PROTOCOL)
        assert what.lacks == (PRIOR,)
        with pytest.raises(MissingDoseError, match=rf"the sum is not complete:\n  {PRIOR}$"):
            export_dose(case, what, Physical(), tmp_path / "out.dcm")
        found = export_dose(case, what, Physical(), tmp_path / "out.dcm", missing=Missing.LEFT_OUT)
        assert found.dose.left_out == (PRIOR,)
        dataset = pydicom.dcmread(tmp_path / "out.dcm")
        assert dataset.DoseComment.startswith("INCOMPLETE, ")
        assert dataset.SeriesDescription.startswith("INCOMPLETE, ")
        assert f"INCOMPLETE, not in it: {PRIOR}" in dataset.ImageComments

    def test_a_course_of_which_nothing_is_known(self) -> None:
        case = make_case(statement=make_statement(courses={"prior": CourseStatement()}))
        assert summed(case, PROTOCOL).lacks == ("nothing is known of the prior course",)

    def test_a_course_that_is_not_planned_yet(self) -> None:
        later = make_statement(courses={"definitive": CourseStatement(not_planned_yet=True)})
        case = make_case(statement=later)
        case = replace(
            case,
            plans=tuple(p for p in case.plans if p.label != "Definitive"),
            doses=tuple(d for d in case.doses if d.source != "RD_definitive.dcm"),
        )
        what = summed(case, PROTOCOL)
        assert "the definitive course is not planned yet" in what.lacks
        assert what.grid.source == "RD_boost.dcm"

    def test_a_plan_that_fits_no_role(self, with_prior: Case) -> None:
        stray = replace(with_prior.plans[0], uid="1.2.3", prescriptions=(), label="Stray", source="RP_x.dcm")
        lacks = summed(replace(with_prior, plans=(*with_prior.plans, stray)), PROTOCOL).lacks
        assert any("Stray" in text for text in lacks)

    def test_a_dose_that_is_not_what_it_says(self, tmp_path: Path) -> None:
        def halve(dataset: pydicom.Dataset) -> None:
            dataset.DoseGridScaling = "0.00005"

        what = summed(read_case(save_redefine(tmp_path, edit={"RD_boost.dcm": halve})), PROTOCOL)
        assert any("its dose is 0.5 times the prescription" in text for text in what.lacks)
        assert [d.source for d in what.ledger.known().grids()] == ["RD_low.dcm", "RD_definitive.dcm"]

    def test_a_dose_in_a_frame_that_nothing_links(self, tmp_path: Path) -> None:
        case = in_other_frame(tmp_path)
        what = summed(case, PROTOCOL)
        assert len(what.lacks) == 1
        assert what.lacks[0].startswith("dose RD_prior.dcm: no registration links frame of reference")
        assert fractions(what) == {"induction": 3, "definitive": 28}


def in_other_frame(folder: Path) -> Case:
    """The case with a prior course, which lies in a frame of its own."""
    for path in (SAMPLES / "redefine_with_prior").iterdir():
        if path.suffix == ".dcm" and "prior" in path.name:
            dataset = pydicom.dcmread(path)
            old = dataset.FrameOfReferenceUID if "FrameOfReferenceUID" in dataset else None
            for element in dataset.iterall():
                if element.tag in (0x00200052, 0x30060024) and (old is None or element.value == old):
                    element.value = "1.2.3.99"
            dataset.save_as(folder / path.name)
        elif path.suffix in {".dcm", ".toml"}:
            (folder / path.name).write_bytes(path.read_bytes())
    return read_case(folder)


class TestGrid:
    def test_of_a_course(self, with_prior: Case) -> None:
        assert summed(with_prior, PROTOCOL, grid="induction").grid.source == "RD_boost.dcm"
        with pytest.raises(InputError, match=r"grid: expected a course of 'redefine' \(prior, .* found 'mr'"):
            summed(with_prior, PROTOCOL, grid="mr")

    def test_of_a_course_without_dose(self, tmp_path: Path) -> None:
        case = read_case(save_redefine(tmp_path))
        with pytest.raises(MissingDoseError, match=f"no dose of the prior course in .*\n  {PRIOR}"):
            summed(case, PROTOCOL, grid="prior")

    def test_another_spacing(self, with_prior: Case, tmp_path: Path) -> None:
        what = summed(with_prior, PROTOCOL)
        fine = export_dose(with_prior, what, Physical(), tmp_path / "fine.dcm", spacing_mm=3.0)
        assert {tuple(np.unique(np.diff(a).round(9))) for a in axes(fine.written.path)} == {(3.0,)}
        with pytest.raises(DosecalcError, match="spacing: expected at most"):
            export_dose(with_prior, what, Physical(), tmp_path / "x.dcm", spacing_mm=500.0)


def axes(path: Path) -> tuple[np.ndarray, ...]:
    lattice = read_dose(path).lattice
    return lattice.x_mm, lattice.y_mm, lattice.z_mm


class TestNumbers:
    @pytest.mark.parametrize(
        ("quantity", "core_gy"),
        [
            (Eqd2(alpha_beta_gy=3.0), 163.05),
            (Bed(alpha_beta_gy=3.0), 163.05 * 5 / 3),
            (Physical(), 70 + 19.5 + 56),
        ],
    )
    def test_the_core(self, with_prior: Case, tmp_path: Path, quantity: Quantity, core_gy: float) -> None:
        """CLINICAL.md, section 1: 70/35, 3 x 6.5 in one session, 56/28."""
        found = export_dose(with_prior, summed(with_prior, PROTOCOL), quantity, tmp_path / "out.dcm")
        assert found.dose.max_gy == pytest.approx(core_gy, abs=0.01)
        assert read_dose(tmp_path / "out.dcm").max_gy == pytest.approx(core_gy, abs=0.01)

    def test_given_so_far(self, tmp_path: Path) -> None:
        """3 x 6.5 and 12 x 2 Gy."""
        case = read_case(SAMPLES / "redefine_under_way")
        what = summed(case, PROTOCOL, which=Sum.DELIVERED)
        found = export_dose(case, what, Physical(), tmp_path / "out.dcm", missing=Missing.LEFT_OUT)
        assert found.dose.max_gy == pytest.approx(43.5, abs=0.01)
        assert {count for _, count in found.dose.fractions} == {Decimal(3), Decimal(12)}


class TestBeyond:
    @pytest.fixture
    def shortened(self, tmp_path: Path) -> Case:
        """The boost dose ends five planes early, within the left carotid."""

        def cut(dataset: pydicom.Dataset) -> None:
            dataset.NumberOfFrames -= 5
            dataset.GridFrameOffsetVector = list(dataset.GridFrameOffsetVector)[:-5]
            dataset.PixelData = dataset.PixelData[
                : 4 * dataset.Rows * dataset.Columns * dataset.NumberOfFrames
            ]

        return read_case(save_redefine(tmp_path / "case", edit={"RD_boost.dcm": cut}))

    @pytest.fixture
    def export(self, shortened: Case, tmp_path: Path) -> Callable[[Beyond], object]:
        what = summed(shortened, PROTOCOL)

        def call(beyond: Beyond) -> object:
            return export_dose(
                shortened, what, Physical(), tmp_path / "out.dcm", beyond=beyond, missing=Missing.LEFT_OUT
            )

        return call

    def test_refused(self, export: Callable[..., object], tmp_path: Path) -> None:
        match = rf"{5 * 20 * 46} of {25 * 20 * 46} voxels .* {5 * 20 * 46} by RD_boost\.dcm"
        with pytest.raises(MissingDoseError, match=match):
            export(Beyond.REFUSED)
        assert not (tmp_path / "out.dcm").exists()

    def test_cropped(self, export: Callable[..., object], tmp_path: Path) -> None:
        found = export(Beyond.CROPPED)
        assert "by RD_boost.dcm" in found.cut_off  # type: ignore[attr-defined]
        assert read_dose(tmp_path / "out.dcm").lattice.shape_zyx == (20, 20, 46)

    def test_at_least(self, export: Callable[..., object], tmp_path: Path) -> None:
        export(Beyond.AT_LEAST)
        grid = read_dose(tmp_path / "out.dcm")
        assert grid.lattice.shape_zyx == (25, 20, 46)
        left = PRESCRIBED["low"].organ_gy["A_Carotid_L"] * 3
        assert grid.gy[-1, 0, -1] == pytest.approx(left + 28 * 1.6, abs=1e-3)
        assert "at least" in pydicom.dcmread(tmp_path / "out.dcm").DoseComment

    def test_structures(self, shortened: Case) -> None:
        found = dict(beyond_doses(shortened, summed(shortened, PROTOCOL)))
        assert {"A_Carotid_L", "A_Carotid_R"} <= set(found)
        assert "GTVp_High" not in found


def test_file_names() -> None:
    assert file_name(Physical(), "planned") == "RD_physical_planned.dcm"
    assert file_name(Bed(alpha_beta_gy=10.0), "", "after25") == "RD_BED_ab10_after25.dcm"
