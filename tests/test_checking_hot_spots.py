"""Sections through hot spots: the dose that was judged, in closed form, and what is said of the rest."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import (
    COARSE,
    CORD,
    CORE,
    FRAME_UID,
    LATTICE,
    LEFT,
    LESION,
    MUCOSA,
    UIDS,
    box,
    cumulative,
    extended,
    make_case,
    make_grid,
    make_statement,
    redefine,
    standard_structures,
)
from ct_files import save_ct
from report_pages import broken_off_case
from test_recovery import RULE

from dosecalc import CheckResult, Outcome, Protocol, StructureSet, read_case
from dosecalc.case import Case
from dosecalc.checking import check
from dosecalc.doses import DoseGrid
from dosecalc.errors import DosecalcError
from dosecalc.images import ImageSlice, stacked
from dosecalc.lattices import Lattice
from dosecalc.registrations import Registration
from dosecalc.rules import DecisionPoint
from dosecalc.sections import HotSpot, OutlineKind, Plane, Section
from dosecalc.statement import CourseStatement, PlanStatement
from dosecalc.transforms import Affine

DOSE_FRAME = "1.99"


def linear(plan: str, *, at_edge_gy: float, slope: float, times: int = 3, **changes: Any) -> DoseGrid:
    """A dose of one fraction that rises along x from x = -45 mm, where the grid begins."""
    gy = np.broadcast_to(at_edge_gy + slope * (LATTICE.x_mm + 45), LATTICE.shape_zyx)
    return make_grid(plan=plan, gy=gy, times=times, **changes)


LOW, BOOST = linear("low", at_edge_gy=0.5, slope=0.01), linear("boost", at_edge_gy=0.5, slope=0.03)
"""One session gives 1 + 0.04 (x + 45) Gy: 3 Gy at x = 5 mm, and 4.08 Gy at the left carotid's far wall."""


def linear_case(*, doses: Sequence[DoseGrid] = (LOW, BOOST), **more: Any) -> Case:
    return make_case(no_dose=("low", "boost", "definitive"), more_doses=tuple(doses), **more)


def peaked_case(**more: Any) -> Case:
    """The same, a little less away from y = 0 and z = 0: the hot spot lies in the middle of the carotid."""
    x, y, z = np.moveaxis(LATTICE.points_xyz_mm(), -1, 0)
    gy = 0.5 + 0.03 * (x + 45) - 0.002 * (np.abs(y) + np.abs(z))
    return linear_case(doses=(LOW, make_grid(plan="boost", gy=gy, times=3)), **more)


def spots_of(
    case: Case, protocol: Protocol | None = None, *, only: str = "R15"
) -> tuple[CheckResult, tuple[HotSpot, ...]]:
    held = protocol or redefine()
    held = replace(held, rules=tuple(r for r in held.rules if r.id == only))
    result = check(case, held, settings=COARSE)
    return result, result.draw().hot_spots


def left_spot(case: Case, protocol: Protocol | None = None, *, only: str = "R15") -> HotSpot:
    _, found = spots_of(case, protocol, only=only)
    return next(s for s in found if s.structure == LEFT)


def isodoses(section: Section) -> Mapping[float, np.ndarray[Any, Any]]:
    return {
        round(o.dose_gy or 0.0, 6): np.concatenate([loop.points_mm for loop in o.loops])
        for o in section.of(OutlineKind.ISODOSE)
    }


class TestSession:
    def test_isodoses_of_the_sum_of_the_session_are_straight_lines(self) -> None:
        spot = left_spot(linear_case())
        assert spot.quantity == "dose of the induction session of days 1 to 3"
        assert (spot.rule, spot.limit, spot.unit, spot.comparison) == ("R15", 3.0, "Gy", "<")
        assert spot.value == pytest.approx(1 + 0.04 * (spot.xyz_mm[0] + 45))
        assert not spot.at_least
        for section in spot.sections[:2]:
            lines = isodoses(section)
            assert sorted(lines) == [3.0, 3.75, 4.5]  # 1.5 and 2.25 Gy lie outside the window
            for gy, points in lines.items():
                assert points[:, 0] == pytest.approx((gy - 1) / 0.04 - 45, abs=1e-6)
        assert isodoses(spot.sections[2]) == {}  # one dose all over a sagittal plane

    def test_one_plan_by_itself_where_that_is_judged(self) -> None:
        boost = linear("boost", at_edge_gy=0.5, slope=0.04)
        protocol = extended('[[rules]]\nid = "R15"\nreading = "each_plan"\n')
        spot = left_spot(linear_case(doses=(LOW, boost)), protocol)
        assert spot.quantity == "dose of Boost alone in the induction session of days 1 to 3"
        assert isodoses(spot.sections[0])[3.0][:, 0] == pytest.approx(2.5 / 0.04 - 45, abs=1e-6)

    def test_what_passes_has_none(self) -> None:
        result, found = spots_of(make_case())
        assert {f.outcome for f in result.findings} == {Outcome.PASS}
        assert found == ()

    def test_the_window(self) -> None:
        """The carotid, 4 x 8 x 56 mm about (30, 0, 0) mm, with 25 mm around it and 80 mm at least."""
        axial, coronal, sagittal = left_spot(peaked_case()).sections
        assert [s.plane for s in (axial, coronal, sagittal)] == list(Plane)
        sizes = [(s.extent.width_mm, s.extent.height_mm) for s in (axial, coronal, sagittal)]
        assert sizes == [pytest.approx(size) for size in ((80, 80), (80, 102), (80, 102))]
        assert (axial.extent.left_mm, axial.extent.top_mm) == (pytest.approx(-10), pytest.approx(-40))

    def test_a_long_structure_is_shown_around_its_hot_spot(self) -> None:
        """300 mm along z, hottest where z is largest: 150 mm of it are shown."""
        long = box(name=LEFT, low=(28, -4, -150), high=(32, 4, 150))
        lattice = replace(LATTICE, z_mm=np.arange(-160.0, 161.0, 10.0))
        z = lattice.points_xyz_mm()[..., 2]
        doses = (make_grid(plan=p, gy=2 + 0.005 * z, times=3, lattice=lattice) for p in ("low", "boost"))
        spot = left_spot(linear_case(doses=tuple(doses), structures={LEFT: long}))
        extent = spot.sections[1].extent
        assert extent.height_mm == pytest.approx(150)
        assert spot.xyz_mm[2] > 145
        assert -extent.top_mm == pytest.approx(175, abs=8)


class TestNotKnown:
    def test_beyond_the_dose_it_is_hatched_and_never_zero(self) -> None:
        """The grid ends half a voxel beyond x = 45 mm: at 47.5 mm."""
        section = left_spot(linear_case()).sections[0]
        (unknown,) = section.of(OutlineKind.NOT_KNOWN)
        points = np.concatenate([loop.points_mm for loop in unknown.loops])
        edge = 47.5
        inner = points[(points[:, 1] > -20) & (points[:, 1] < 20)]
        assert inner[:, 0].min() == pytest.approx(edge, abs=0.51)
        for line in isodoses(section).values():
            assert line[:, 0].max() < edge + 0.51

    def test_a_hot_spot_where_one_dose_ends(self) -> None:
        kept = LATTICE.x_mm < 29
        gy = np.broadcast_to(0.5 + 0.03 * (LATTICE.x_mm[kept] + 45), (11, 9, int(kept.sum())))
        cut = make_grid(plan="boost", gy=gy, times=3, lattice=replace(LATTICE, x_mm=LATTICE.x_mm[kept]))
        hot = linear("low", at_edge_gy=3.0, slope=0.01)
        spot = left_spot(linear_case(doses=(hot, cut)))
        assert any("where it is hatched, a dose of the sum does not reach" in n for n in spot.notes)
        known = 3.0 + 0.01 * (spot.xyz_mm[0] + 45)
        if spot.xyz_mm[0] > 27.5:
            assert (spot.at_least, spot.value) == (True, pytest.approx(known))
        else:
            assert not spot.at_least

    def test_a_plan_without_a_dose_is_named(self) -> None:
        hot = linear("low", at_edge_gy=3.0, slope=0.01)
        spot = left_spot(linear_case(doses=(hot,)))
        assert spot.at_least
        assert any(n.startswith("not drawn: ") and "Boost" in n for n in spot.notes)
        assert isodoses(spot.sections[0])[3.75][:, 0] == pytest.approx(30, abs=1e-6)

    def test_a_dose_that_nothing_links_is_named_and_the_rest_drawn(self) -> None:
        hot = linear("low", at_edge_gy=3.0, slope=0.01)
        away = replace(BOOST, frame_uid=DOSE_FRAME)
        spot = left_spot(linear_case(doses=(hot, away)))
        assert spot.at_least
        assert any(n.startswith("not drawn: dose RD_boost.dcm: no registration links") for n in spot.notes)
        assert isodoses(spot.sections[0])[3.75][:, 0] == pytest.approx(30, abs=1e-6)


class TestBrokenOff:
    """Of each boost both beams stopped at 60 of 100 MU: of 6 Gy what a plan gives by then is not known."""

    def test_the_hot_spot_of_a_session_has_its_ends(self) -> None:
        spot = left_spot(broken_off_case())
        assert spot.value == pytest.approx(0.8 + 0.6 * 6)
        assert spot.ends == pytest.approx((0.8, 0.8 + 6))
        assert not spot.at_least

    def test_so_has_that_of_a_sum(self) -> None:
        """Of all courses but the prior one, of which nothing is known: what is certain of it."""
        spot = left_spot(broken_off_case(), cumulative("Dmax < 20 Gy"), only="R40.x")
        least = 3 * 0.8 + 28 * 1.6
        assert (spot.at_least, spot.ends) == (True, None)
        assert spot.value == pytest.approx(least)

    def test_one_that_is_known_has_none(self) -> None:
        assert left_spot(linear_case()).ends is None


def test_a_dose_on_another_image_is_looked_up_through_its_registration() -> None:
    """Points of the structure lie 10 mm further left in the frame of the doses: lines move 10 mm right."""
    matrix = np.eye(4)
    matrix[0, 3] = 10.0
    link = Registration(
        from_uid=FRAME_UID, to_uid=DOSE_FRAME, transform=Affine(matrix=matrix), source="R.dcm"
    )
    moved = tuple(replace(d, frame_uid=DOSE_FRAME) for d in (LOW, BOOST))
    spot = left_spot(linear_case(doses=moved, registrations=(link,)))
    assert isodoses(spot.sections[0])[3.0][:, 0] == pytest.approx(5.0 - 10.0, abs=1e-6)
    assert any("R.dcm" in n for n in spot.notes)


PRIOR, DEFINITIVE = (
    linear("prior", at_edge_gy=1.0, slope=0.0, times=35),
    linear("definitive", at_edge_gy=1.0, slope=0.0, times=28),
)
"""Uniform, 63 x 1 Gy: 50.4 Gy EQD2(3), of which 28 are the prior course's."""


def three_courses() -> Case:
    statement = make_statement(
        plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
        courses={"prior": CourseStatement(last_date=dt.date(2024, 3, 1))},
    )
    names = ("prior", "low", "boost", "definitive")
    doses = (PRIOR, LOW, BOOST, DEFINITIVE)
    return make_case(plans=names, no_dose=names, more_doses=doses, statement=statement)


def x_of(eqd2_gy: float) -> float:
    """Where three sessions of D = 1 + 0.04 (x + 45) Gy give so much: 3 D (1 + D/3) / (5/3)."""
    product = eqd2_gy * 5 / 9
    dose = 1.5 * (np.sqrt(1 + 4 * product / 3) - 1)
    return float((dose - 1) / 0.04 - 45)


class TestSum:
    def test_eqd2_of_all_courses(self) -> None:
        spot = left_spot(three_courses(), cumulative("D0.03cc < 60 Gy EQD2(3)"), only="R40.x")
        assert (spot.quantity, spot.limit) == ("EQD2(3) of all courses", 60.0)
        line = isodoses(spot.sections[0])[60.0]
        assert line[:, 0] == pytest.approx(x_of(60 - 50.4), abs=0.01)

    def test_physical_dose(self) -> None:
        spot = left_spot(three_courses(), cumulative("Dmax < 72 Gy"), only="R40.x")
        assert spot.quantity == "physical dose of all courses"
        assert isodoses(spot.sections[0])[72.0][:, 0] == pytest.approx(5.0, abs=1e-6)  # 63 + 3 x 3

    def test_less_what_is_recovered_from(self) -> None:
        """Two years after the prior course half of its 28 Gy is kept."""
        more = "recovered = true\n" + RULE.format(name=LEFT)
        spot = left_spot(three_courses(), cumulative("D0.03cc < 46 Gy EQD2(3)", more=more), only="R40.x")
        assert spot.quantity == "EQD2(3) of all courses, less recovery of 50 % of the prior course"
        assert isodoses(spot.sections[0])[46.0][:, 0] == pytest.approx(x_of(46 - 50.4 + 14), abs=0.01)

    def test_the_hot_spot_is_that_of_the_sum_that_is_judged(self) -> None:
        """Before, the prior course is hottest to the right; with half of it recovered, the new ones are."""
        falling = 2.6 - 0.5 * (LATTICE.x_mm - 28) / 4 * (LATTICE.x_mm > 25)
        prior = make_grid(plan="prior", gy=np.broadcast_to(falling, LATTICE.shape_zyx), times=35)
        rising = linear("definitive", at_edge_gy=0.2, slope=0.02, times=28)
        case = replace(three_courses(), doses=(prior, LOW, BOOST, rising))
        places = []
        for recovered in (False, True):
            rule = RULE.format(name=LEFT).replace("[25, 50]", "[25, 100]")
            more = ("recovered = true\n" if recovered else "") + rule
            protocol = cumulative("D0.03cc < 20 Gy EQD2(3)", more=more)
            places.append(left_spot(case, protocol, only="R40.x").xyz_mm[0])
        assert places[0] < 29
        assert places[1] > 31

    def test_the_future_of_a_decision_point_is_not_what_was_judged(self) -> None:
        """The course was stopped at 50 Gy; for its decision point the rule is held against all of it too."""
        protocol = cumulative("Dmax < 20 Gy")
        wanted = [r for r in protocol.rules if r.id == "R40.x" or isinstance(r.test, DecisionPoint)]
        case = read_case("sample_plans/redefine_stopped_after_cr")
        result = check(case, replace(protocol, rules=tuple(wanted)))
        (spot,) = result.draw().hot_spots
        (future,) = result.stop_points[0].rules
        finding = next(f for f in result.findings if f.rule == "R40.x")
        assert future.full is not None
        assert finding.deciding is not None
        assert future.full.low > 1.05 * finding.deciding.low
        assert spot.value == pytest.approx(finding.deciding.low, rel=0.02)


class TestStructures:
    def names(self, section: Section, kind: OutlineKind) -> list[str]:
        return [o.name for o in section.of(kind)]

    def test_judged_target_and_others(self) -> None:
        axial = left_spot(peaked_case()).sections[0]
        assert self.names(axial, OutlineKind.JUDGED) == [LEFT]
        assert self.names(axial, OutlineKind.TARGET) == [LESION, CORE]
        assert set(self.names(axial, OutlineKind.STRUCTURE)) == {MUCOSA, CORD}
        (outline,) = axial.of(OutlineKind.JUDGED)
        (loop,) = outline.loops
        assert loop.points_mm.min(axis=0).tolist() == pytest.approx([28, -4])
        assert loop.points_mm.max(axis=0).tolist() == pytest.approx([32, 4])

    def test_the_twelve_nearest(self) -> None:
        more = {
            f"N{k}": replace(box(name=f"N{k}", low=(34 + k, -2, -20), high=(34.5 + k, 2, 20)), number=100 + k)
            for k in range(15)
        }
        spot = left_spot(peaked_case(structures={**more, MUCOSA: None, CORD: None}))
        drawn = {n for s in spot.sections for n in self.names(s, OutlineKind.STRUCTURE)}
        assert drawn == {f"N{k}" for k in range(12)}
        assert "not drawn: up to 3 more structures, which are further from the hot spot" in spot.notes

    def test_what_bounds_no_volume_is_named(self) -> None:
        flat = replace(box(name="Flat", low=(34, -2, -20), high=(36, 2, 20)), slice_mm=None)
        flat = replace(flat, contours=flat.contours[:1], number=100)
        spot = left_spot(peaked_case(structures={"Flat": flat}))
        assert any(n.startswith("not drawn: structure 'Flat'") for n in spot.notes)

    def test_a_target_that_is_nowhere_or_on_another_image(self) -> None:
        elsewhere = StructureSet(
            structures=tuple(replace(s, frame_uid="1.77") for s in standard_structures().values()), uid="1.33"
        )
        case = peaked_case(more_structure_sets=(elsewhere,))
        plans = tuple(
            replace(p, structure_set_uid="1.33" if p.uid == UIDS["definitive"] else "1.404")
            if p.uid != UIDS["low"]
            else p
            for p in case.plans
        )
        spot = left_spot(replace(case, plans=plans), only="R15")
        assert any("the target of" in n and "1.404" in n for n in spot.notes)
        assert any(n.endswith("which is on another image") for n in spot.notes)


class TestCt:
    def with_ct(self, folder: Path, **fields: Any) -> Case:
        z_mm = np.arange(-60.0, 61.0, 4.0).tolist()
        save_ct(
            folder,
            z_mm,
            hu=lambda p: np.where(np.abs(p - [30, 10, 20]).max(axis=-1) <= 6, 1000, 0),
            frame_uid=FRAME_UID,
            position_xy_mm=(-60.0, -60.0),
            spacing_mm=(1.0, 1.0),
            rows_columns=(121, 151),
            **fields,
        )
        x, y = np.arange(-60.0, 91.0), np.arange(-60.0, 61.0)
        images, _ = stacked(
            ImageSlice(
                series_uid="1.2.826.0.1.70",
                frame_uid=FRAME_UID,
                lattice=Lattice(x_mm=x, y_mm=y, z_mm=np.array([z])),
                source=f"CT{k}.dcm",
            )
            for k, z in enumerate(z_mm)
        )
        return linear_case(folder=folder, images=images)

    def test_is_drawn_under_every_section(self, tmp_path: Path) -> None:
        spot = left_spot(self.with_ct(tmp_path))
        assert "CT of the series of CT0.dcm, from -160 HU (black) to 240 HU (white)" in spot.notes
        assert all(s.grey is not None and s.grey.source == "CT0.dcm" for s in spot.sections)

    def test_unreadable_pixels_leave_the_rest_and_say_so(self, tmp_path: Path) -> None:
        case = self.with_ct(tmp_path)
        (tmp_path / "CT12.dcm").write_bytes(b"nothing")
        spot = left_spot(case)
        assert all(s.grey is None for s in spot.sections)
        assert "no CT is drawn: CT12.dcm: expected a DICOM file, found other content" in spot.notes
        assert isodoses(spot.sections[0])

    def test_there_is_none(self) -> None:
        assert "no CT is drawn: none is here" in left_spot(linear_case()).notes


def test_without_contourpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "contourpy", None)
    with pytest.raises(DosecalcError, match="expected the package contourpy, found none"):
        spots_of(linear_case())


def test_the_sample_plan() -> None:
    """The boost alone breaks 3 Gy at the left carotid: expected.json of the case."""
    case = read_case("sample_plans/redefine_carotid_violation")
    (spot,) = check(case, redefine()).draw().hot_spots
    assert (spot.rule, spot.structure, spot.limit) == ("R15", LEFT, 3.0)
    assert spot.value > 4.41  # D0.03cc
    for section in spot.sections:
        (outline,) = section.of(OutlineKind.JUDGED)
        at = section.plane.across_down(spot.xyz_mm)
        points = np.concatenate([loop.points_mm for loop in outline.loops])
        assert np.all((points.min(axis=0) <= at) & (at <= points.max(axis=0)))
