"""Dose-volume curves: the uniform cube, coverage, laws, and solids in linear doses in closed form."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from factories import (
    make_box,
    make_cylinder,
    make_dose,
    make_lattice,
    make_sphere,
    make_uniform_dose,
    slices,
)
from hypothesis import given
from hypothesis import strategies as st

from dosecalc.accumulation import dvh
from dosecalc.curves import Curve
from dosecalc.dicom import read_dose, read_structures
from dosecalc.errors import MetricError, NotCoveredError

Floats = npt.NDArray[np.float64]

SMALL_CUBE = {"low_xyz_mm": (-5.0, -5.0, -5.0), "high_xyz_mm": (5.0, 5.0, 5.0), "spacing_mm": 2.5}


@pytest.mark.parametrize("gy", [60.0, 3.0, 0.1, 2.9999999])
def test_uniform_cube_has_one_dose(gy: float) -> None:
    """1 cm3 at 60 Gy has D0.03cc = 60 Gy, exactly, as has every other measure."""
    curve = dvh(make_uniform_dose(gy=gy), make_box(**SMALL_CUBE))
    assert curve.volume_cm3 == pytest.approx(1.0, rel=1e-9)
    found = {
        "D0.03cc": curve.dose_at_volume(0.03),
        "D1cc": curve.dose_at_volume(1.0),
        "D2%": curve.dose_at_percent(2),
        "D50%": curve.dose_at_percent(50),
        "D95%": curve.dose_at_percent(95),
        "D100%": curve.dose_at_percent(100),
        "min": curve.min_gy,
        "max": curve.max_gy,
        "mean": curve.mean_gy,
        "median": curve.median_gy,
    }
    assert found == dict.fromkeys(found, gy)
    assert curve.geud(1) == pytest.approx(gy, rel=1e-12)
    assert curve.geud(-10) == pytest.approx(gy, rel=1e-12)
    assert curve.percent_at_dose(gy) == 100.0
    assert curve.volume_at_dose(math.nextafter(gy, math.inf)) == 0.0
    assert curve.volume_at_dose(0) == curve.volume_cm3


def test_structure_smaller_than_the_volume_is_refused_by_name() -> None:
    curve = dvh(make_uniform_dose(gy=60), make_box(**SMALL_CUBE))
    with pytest.raises(MetricError) as caught:
        curve.dose_at_volume(2)
    assert str(caught.value) == "D2cc is not defined: the structure has 1 cm3 only"


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (lambda c: c.dose_at_volume(0), "D0cc: expected a positive volume"),
        (lambda c: c.dose_at_volume(-0.03), "D-0.03cc: expected a positive volume"),
        (lambda c: c.dose_at_volume(math.nan), "Dnancc: expected a positive volume"),
        (lambda c: c.dose_at_percent(0), "D0%: expected a percentage above 0 and up to 100"),
        (lambda c: c.dose_at_percent(101), "D101%: expected a percentage above 0 and up to 100"),
        (
            lambda c: c.dose_at_percent(math.nan),
            "Dnan%: expected a percentage above 0 and up to 100",
        ),
    ],
)
def test_metrics_without_meaning_are_refused(metric: Callable[[Curve], float], message: str) -> None:
    with pytest.raises(MetricError) as caught:
        metric(Curve.from_cells([10.0, 20.0], [1.0, 1.0]))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("dose_gy", "volume_cm3", "message"),
    [
        ([1.0, 2.0], [1.0], "expected as many doses as volumes"),
        ([1.0, 2.0], [1.0, -0.1], "expected finite volumes of 0 or more"),
        ([1.0, 2.0], [1.0, math.nan], "expected finite volumes of 0 or more"),
    ],
)
def test_cells_that_make_no_curve(dose_gy: list[float], volume_cm3: list[float], message: str) -> None:
    with pytest.raises(MetricError, match=message):
        Curve.from_cells(dose_gy, volume_cm3)


def test_cell_without_volume_has_no_dose() -> None:
    curve = Curve.from_cells([0.0, 10.0, 50.0], [0.0, 1.0, 0.0])
    assert (curve.min_gy, curve.max_gy) == (10.0, 10.0)


# --- coverage -----------------------------------------------------------------------------------


def half_covered() -> Curve:
    """A cylinder of 40 mm whose upper half has no dose: the grid ends at z = 0 (its face, not a centre)."""
    lattice = make_lattice(low_xyz_mm=(-40, -40, -43.5), high_xyz_mm=(40, 40, -1.5))
    dose = make_dose(field=lambda x, y, z: np.full_like(x, 10.0), lattice=lattice)
    return dvh(dose, make_cylinder(radius_mm=8, low_mm=-20, high_mm=20, spacing_mm=2.5))


METRICS: dict[str, Callable[[Curve], float]] = {
    "V9.9Gy": lambda c: c.percent_at_dose(9.9),
    "V9.9Gy in cm3": lambda c: c.volume_at_dose(9.9),
    "D0.03cc": lambda c: c.dose_at_volume(0.03),
    "D95%": lambda c: c.dose_at_percent(95),
    "mean": lambda c: c.mean_gy,
    "min": lambda c: c.min_gy,
    "max": lambda c: c.max_gy,
    "median": lambda c: c.median_gy,
    "gEUD": lambda c: c.geud(8),
}
HALF_CM3 = math.pi * 64 * 20 / 1000


@pytest.mark.parametrize("name", METRICS)
def test_half_a_cylinder_outside_the_grid_has_no_metrics(name: str) -> None:
    curve = half_covered()
    assert curve.covered_cm3 == pytest.approx(HALF_CM3, rel=1e-9)
    assert curve.uncovered_cm3 == pytest.approx(HALF_CM3, rel=1e-9)
    with pytest.raises(NotCoveredError, match=r"4\.021 of 8\.042 cm3 have no known dose"):
        METRICS[name](curve)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("V9.9Gy", 50.0, 100.0),
        ("V9.9Gy in cm3", HALF_CM3, 2 * HALF_CM3),
        ("D0.03cc", 10.0, math.inf),
        ("D95%", 0.0, 10.0),
        ("mean", 5.0, math.inf),
        ("min", 0.0, 10.0),
        ("max", 10.0, math.inf),
        ("median", 10.0, math.inf),
        ("gEUD", 10.0 * 0.5 ** (1 / 8), math.inf),
    ],
)
def test_bounds_take_what_is_missing_at_no_dose_and_at_any(name: str, low: float, high: float) -> None:
    found = half_covered().bounds(METRICS[name])
    assert found.low == found.value == pytest.approx(low, rel=1e-9, abs=1e-12)
    assert found.high == (math.inf if math.isinf(high) else pytest.approx(high, rel=1e-9))


@pytest.mark.parametrize("name", METRICS)
def test_nothing_covered_bounds_nothing(name: str) -> None:
    """0 Gy is the low end, never the high one: an unknown dose must not meet a limit."""
    curve = Curve.from_cells([math.nan, math.nan], [1.0, 2.0])
    with pytest.raises(NotCoveredError):
        METRICS[name](curve)
    found = curve.bounds(METRICS[name])
    full = {"V9.9Gy": 100.0, "V9.9Gy in cm3": 3.0}.get(name, math.inf)
    assert (found.low, found.high) == (0.0, full)
    with pytest.raises(NotCoveredError, match="no part of the 3 cm3 has a known dose"):
        _ = curve.covered_part


def test_covered_part_is_a_structure_of_its_own() -> None:
    part = half_covered().covered_part
    assert part.percent_at_dose(9.9) == 100.0
    assert part.volume_cm3 == pytest.approx(HALF_CM3, rel=1e-9)


def test_curve_shows_its_coverage() -> None:
    assert repr(half_covered()) == ("<Curve of physical dose: 8.042 cm3, 4.021 cm3 uncovered, 10 to 10 Gy>")


@given(
    known=st.lists(st.tuples(st.floats(0, 80), st.floats(0.01, 5)), min_size=1, max_size=8),
    hidden=st.lists(st.tuples(st.floats(0, 80), st.floats(0.01, 5)), min_size=1, max_size=4),
)
def test_bounds_enclose_whatever_the_missing_dose_is(
    known: list[tuple[float, float]], hidden: list[tuple[float, float]]
) -> None:
    dose_gy, volume_cm3 = np.array([*known, *hidden]).T
    seen_gy = dose_gy.copy()
    seen_gy[len(known) :] = math.nan
    truth, seen = Curve.from_cells(dose_gy, volume_cm3), Curve.from_cells(seen_gy, volume_cm3)
    for name, metric in METRICS.items():
        if name == "D0.03cc" and truth.volume_cm3 < 0.03:
            continue
        bounds, value = seen.bounds(metric), metric(truth)
        slack = 1e-9 * (1 + value)
        assert bounds.low - slack <= value <= bounds.high + slack, name


# --- laws ---------------------------------------------------------------------------------------

CELLS = st.lists(
    st.tuples(st.integers(0, 12).map(lambda k: k / 2), st.floats(0.01, 5)), min_size=1, max_size=30
)


def curve_of(cells: list[tuple[float, float]]) -> Curve:
    dose_gy, volume_cm3 = np.array(cells).T
    return Curve.from_cells(dose_gy, volume_cm3)


@given(cells=CELLS)
def test_curve_never_rises_and_starts_with_all_of_the_volume(
    cells: list[tuple[float, float]],
) -> None:
    curve = curve_of(cells)
    volumes = [curve.volume_at_dose(gy) for gy in np.arange(0, 7, 0.25)]
    doses = [curve.dose_at_percent(p) for p in range(1, 101)]
    assert volumes[0] == pytest.approx(sum(v for _, v in cells), rel=1e-12)
    assert volumes[-1] == 0.0
    assert np.all(np.diff(volumes) <= 0)
    assert np.all(np.diff(doses) <= 0)


@given(cells=CELLS, percent=st.floats(0.001, 100), gy=st.floats(0, 6))
def test_dose_at_volume_and_volume_at_dose_invert_each_other(
    cells: list[tuple[float, float]], percent: float, gy: float
) -> None:
    """D_v is the highest dose that v has at least: V at it reaches v, V beyond it does not."""
    curve = curve_of(cells)
    volume = curve.volume_cm3 * percent / 100
    dose = curve.dose_at_volume(volume)
    slack = 1e-8 * curve.volume_cm3
    assert curve.volume_at_dose(dose) >= volume - slack
    assert curve.volume_at_dose(math.nextafter(dose, math.inf)) < volume + slack
    if curve.volume_at_dose(gy) > 0:
        assert curve.dose_at_volume(curve.volume_at_dose(gy)) >= gy


@given(cells=CELLS, seed=st.integers(0, 99))
def test_order_of_cells_does_not_matter(cells: list[tuple[float, float]], seed: int) -> None:
    shuffled = [cells[k] for k in np.random.default_rng(seed).permutation(len(cells))]
    first, second = curve_of(cells), curve_of(shuffled)
    assert first.mean_gy == pytest.approx(second.mean_gy, rel=1e-12, abs=1e-12)
    assert (first.min_gy, first.max_gy) == (second.min_gy, second.max_gy)
    assert first.volume_at_dose(3) == pytest.approx(second.volume_at_dose(3), rel=1e-12)


@given(cells=CELLS)
def test_mean_is_the_mean_of_the_cells_and_geud_at_1(cells: list[tuple[float, float]]) -> None:
    dose_gy, volume_cm3 = np.array(cells).T
    curve = curve_of(cells)
    expected = np.average(dose_gy, weights=volume_cm3)
    assert curve.mean_gy == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert curve.geud(1) == pytest.approx(expected, rel=1e-9, abs=1e-9)


# --- analytic solids in linear doses ------------------------------------------------------------

ROW = dict[str, float]
SPHERES: dict[float, ROW] = {
    3: {"D0.03cc": 30.9731, "D1%": 32.6466, "D5%": 32.1879, "D95%": 27.8121, "D99%": 27.3534},
    5: {"D0.03cc": 33.5457, "D1%": 34.4110, "D5%": 33.6465, "D95%": 26.3535, "D99%": 25.5890},
    12: {"D0.03cc": 41.0965, "D1%": 40.5863, "D5%": 38.7516, "D95%": 21.2484, "D99%": 19.4137},
}
DIRECTIONS: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "x": lambda x, y, z: np.maximum(30 + x, 0),
    "y": lambda x, y, z: np.maximum(30 + y, 0),
    "z": lambda x, y, z: np.maximum(30 + z, 0),
}


def reached(curve: Curve) -> ROW:
    percents = {f"D{p}%": curve.dose_at_percent(p) for p in (1, 5, 95, 99)}
    return {"D0.03cc": curve.dose_at_volume(0.03), **percents}


@pytest.mark.parametrize("along", DIRECTIONS)
@pytest.mark.parametrize("radius_mm", SPHERES)
def test_spheres_in_a_linear_dose(radius_mm: float, along: str) -> None:
    """Slices of R/50, so that what is left is the cell and not the steps of the extruded solid."""
    planes = slices(low_mm=-radius_mm, high_mm=radius_mm, spacing_mm=radius_mm / 50)
    sphere = make_sphere(radius_mm=radius_mm, planes_mm=planes)
    curve = dvh(make_dose(field=DIRECTIONS[along]), sphere)
    assert curve.mean_gy == pytest.approx(30.0, abs=1e-3)
    assert reached(curve) == pytest.approx(SPHERES[radius_mm], abs=0.02)


@pytest.mark.parametrize(("along", "near_max_gy"), [("x", 32.7110), ("y", 32.7110), ("z", 58.9390)])
def test_cylinder_in_a_linear_dose(along: str, near_max_gy: float) -> None:
    cylinder = make_cylinder(radius_mm=3, low_mm=-30, high_mm=30, spacing_mm=3)
    curve = dvh(make_dose(field=DIRECTIONS[along]), cylinder)
    assert curve.mean_gy == pytest.approx(30.0, abs=1e-3)
    assert curve.dose_at_volume(0.03) == pytest.approx(near_max_gy, abs=0.01)


@pytest.mark.parametrize("zeros", [0, 50_000])
def test_curve_of_many_cells_is_that_of_their_sum(zeros: int) -> None:
    """From so many cells on another method makes it; a large part may have no dose at all."""
    rng = np.random.default_rng(3)
    dose = np.concatenate([np.zeros(zeros), rng.gamma(3.0, 6.0, 70_000)])
    span, volume = rng.uniform(0, 0.5, dose.size) * (dose > 0), rng.uniform(0.5, 1.5, dose.size)
    span = np.minimum(span, 2 * dose)
    curve = Curve.from_cells(dose, volume, span_gy=span)
    assert curve.volume_cm3 == pytest.approx(volume.sum(), rel=1e-12)
    assert curve.mean_gy == pytest.approx(np.average(dose, weights=volume), abs=1e-4)
    assert curve.max_gy == pytest.approx((dose + span / 2).max(), abs=1e-9)
    high = dose + span / 2
    for gy in (0.01, 1.0, 7.3, 20.0, 55.0):
        share = np.clip((high - gy) / np.maximum(span, 1e-12), 0, 1)
        assert curve.volume_at_dose(gy) == pytest.approx(np.sum(share * volume), rel=2e-5)
    assert np.all(np.diff(curve.volume_above_cm3) <= 0)


@given(
    cells=st.lists(st.tuples(st.floats(0, 80), st.floats(0, 5), st.floats(0.01, 2)), min_size=1, max_size=30),
    percent=st.floats(0.5, 100),
)
def test_curve_of_spread_cells_is_their_sum(cells: list[tuple[float, float, float]], percent: float) -> None:
    dose, span, volume = np.array(cells).T
    span = np.minimum(span, 2 * dose)
    curve = Curve.from_cells(dose, volume, span_gy=span)
    assert curve.mean_gy == pytest.approx(np.average(dose, weights=volume), rel=1e-6, abs=1e-6)

    def above(gy: float) -> float:
        share = np.clip((dose + span / 2 - gy) / np.maximum(span, 1e-300), 0, 1)
        return float(np.sum(np.where(span < 1e-4, dose >= gy, share) * volume))

    found = curve.dose_at_percent(percent)
    wanted = volume.sum() * percent / 100
    assert above(found + 1e-4) <= wanted * (1 + 1e-9) + 1e-9
    assert above(found - 1e-4) >= wanted * (1 - 1e-9) - 1e-9


# --- reference data of Nelms et al. (2015) ------------------------------------------------------

NELMS = Path(__file__).parents[2] / "shared" / "data" / "nelms2015"
NELMS_ROWS = list(csv.DictReader((NELMS / "analytic.csv").read_text().splitlines())) if NELMS.is_dir() else []
NELMS_DOSE_COLUMNS = ("dmin", "dmax", "dmean", "d99", "d95", "d5", "d1", "d0.03cc")


def nelms_curve(row: dict[str, str]) -> Curve:
    structures = read_structures(NELMS / "structures" / f"{row['structure']}.dcm")
    (body,) = (s for s in structures if any(c.geometric_type != "POINT" for c in s.contours))
    gradient = {"AP": "AntPost", "SI": "SupInf"}[row["gradient"]]
    dose = read_dose(NELMS / "dose" / f"Linear_{gradient}_{row['dose_grid_mm']}mm_Aligned.dcm")
    return dvh(dose, body)


def nelms_doses_gy(curve: Curve) -> ROW:
    return {
        "dmin": curve.min_gy,
        "dmax": curve.max_gy,
        "dmean": curve.mean_gy,
        "d99": curve.dose_at_percent(99),
        "d95": curve.dose_at_percent(95),
        "d5": curve.dose_at_percent(5),
        "d1": curve.dose_at_percent(1),
        "d0.03cc": curve.dose_at_volume(0.03),
    }


@pytest.mark.skipif(not NELMS_ROWS, reason="reference data of Nelms et al. 2015 is not beside the project")
@pytest.mark.parametrize("row", NELMS_ROWS, ids=[f"{r['structure']} {r['gradient']}" for r in NELMS_ROWS])
def test_solids_of_nelms_2015(row: dict[str, str]) -> None:
    """Every dose is 1 Gy/mm, so a bound in Gy is one in mm."""
    curve = nelms_curve(row)
    assert curve.volume_cm3 == pytest.approx(float(row["volume_cm3"]), rel=2e-3)
    found = nelms_doses_gy(curve)
    expected = {name: float(row[f"{name}_cgy"]) / 100 for name in NELMS_DOSE_COLUMNS}
    print(f"{row['structure']:18} {row['gradient']} V {curve.volume_cm3 / float(row['volume_cm3']) - 1:+.2%} "
          + " ".join(f"{n} {found[n] - expected[n]:+.3f}" for n in NELMS_DOSE_COLUMNS))  # fmt: skip
    for end in ("dmin", "dmax"):
        assert found.pop(end) == pytest.approx(expected.pop(end), abs=0.1)
    assert found == pytest.approx(expected, rel=5e-3, abs=0)
