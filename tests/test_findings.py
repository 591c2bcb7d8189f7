"""What a check says: plain data without infinities, and an overall outcome that nothing passes by absence."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dosecalc.errors import DosecalcError
from dosecalc.findings import Contributor, Finding, Outcome, Reading
from dosecalc.intervals import Band, Interval, Source
from dosecalc.results import (
    CheckResult,
    DecisionState,
    DoseRow,
    Metrics,
    StopDose,
    StopPoint,
    StructureDoses,
    overall,
)
from dosecalc.rules import Level

PASS, FAIL, UNCERTAIN, NOT_EVALUATED, NOT_DUE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.UNCERTAIN,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_DUE,
)
OPEN = Interval(value=2.5, low=2.5, high=math.inf)
ORDER = (FAIL, NOT_EVALUATED, UNCERTAIN, PASS)


def finding(outcome: Outcome, level: Level = Level.REQUIRED, **fields: Any) -> Finding:
    return Finding(rule="R15", title="t", level=level, outcome=outcome, message="m", **fields)


class TestOverall:
    @pytest.mark.parametrize(
        ("outcomes", "expected"),
        [
            ((), NOT_EVALUATED),
            ((PASS,), PASS),
            ((PASS, NOT_DUE), PASS),
            ((NOT_DUE,), NOT_EVALUATED),
            ((PASS, UNCERTAIN), UNCERTAIN),
            ((PASS, UNCERTAIN, NOT_EVALUATED), NOT_EVALUATED),
            ((PASS, UNCERTAIN, NOT_EVALUATED, FAIL), FAIL),
            ((FAIL, NOT_DUE), FAIL),
        ],
    )
    def test_gravest_first(self, outcomes: tuple[Outcome, ...], expected: Outcome) -> None:
        assert overall(tuple(finding(o) for o in outcomes)) is expected

    def test_advisories_alone_judge_nothing(self) -> None:
        advisories = tuple(finding(o, Level.ADVISORY) for o in Outcome)
        assert overall(advisories) is NOT_EVALUATED
        assert overall((*advisories, finding(PASS))) is PASS

    @given(st.lists(st.tuples(st.sampled_from(list(Outcome)), st.sampled_from(list(Level))), max_size=8))
    def test_any_mixture(self, mixture: list[tuple[Outcome, Level]]) -> None:
        found = overall(tuple(finding(o, level) for o, level in mixture))
        required = {o for o, level in mixture if level is Level.REQUIRED}
        expected = next((o for o in ORDER if o in required), NOT_EVALUATED)
        assert found is expected
        assert found is not NOT_DUE


class TestFinding:
    def test_unbounded_ends_are_null(self) -> None:
        band = Band(value=2.5, by_source={Source.STATED_BOUND: OPEN})
        data = finding(NOT_EVALUATED, band=band, deciding=OPEN, limit=3.0).to_dict()
        assert (data["measured"], data["low"], data["high"], data["limit"]) == (2.5, 2.5, None, 3.0)
        assert data["band"] == {"stated_bound": {"low": 2.5, "high": None}}

    def test_nothing_measured_is_null_and_not_zero(self) -> None:
        data = finding(NOT_EVALUATED).to_dict()
        assert (data["measured"], data["low"], data["high"]) == (None, None, None)
        assert data["hot_spot_xyz_mm"] is None

    def test_readings_and_contributors(self) -> None:
        done = finding(
            PASS,
            shown_readings=(Reading(name="a", value=math.inf, unit="Gy"),),
            contributors=(
                Contributor(course="c", plan="p", plan_uid="1", sessions=3, value=None, unit="Gy"),
            ),
            due=dt.date(2026, 3, 2),
        ).to_dict()
        assert done["shown_readings"][0]["value"] is None  # type: ignore[index]
        assert done["contributors"][0]["value"] is None  # type: ignore[index]
        assert done["due"] == "2026-03-02"

    def test_an_open_interval_is_a_lower_bound(self) -> None:
        assert Reading.of("a", OPEN, "Gy").to_dict() == {
            "name": "a",
            "value": 2.5,
            "unit": "Gy",
            "lower_bound": True,
        }
        nothing = Interval(value=0.0, low=0.0, high=math.inf)
        assert Reading.of("a", nothing, "Gy").value is None
        assert Reading.of("a", Interval.exactly(0.0), "Gy").value == 0


def full_result() -> CheckResult:
    metrics = Metrics(min_gy=OPEN, mean_gy=OPEN, near_max_gy=OPEN, max_gy=OPEN)
    row = DoseRow(course="total", sessions=3, per_session=None, physical=metrics, bed=None, eqd2=None)
    structure = StructureDoses(
        name="Cord",
        roi_name="cord",
        roi_number=3,
        structure_set_uid="1",
        volume_cm3=1.0,
        covered_cm3=0.5,
        alpha_beta_gy=2.0,
        rows=(row,),
    )
    stop = StopDose(structure="Cord", quantity="EQD2(2)", metric="mean", at_stop=OPEN, full=OPEN)
    point = StopPoint(
        rule="R30",
        course="definitive",
        dose_gy=50,
        fraction=25,
        fractions=28,
        given=12,
        given_gy=24.0,
        state=DecisionState.NOT_REACHED,
        stopped_on=None,
        date=None,
        readings=(Reading(name="low+definitive", value=23.0, unit="fraction"),),
        doses=(stop,),
    )
    return CheckResult(
        outcome=PASS,
        provenance={"dosecalc": "1"},
        findings=(finding(PASS), finding(NOT_DUE)),
        structures=(structure,),
        stop_points=(point,),
        assumptions=("π ≈ 3",),
    )


class TestResult:
    def test_it_is_neither_true_nor_false(self) -> None:
        with pytest.raises(DosecalcError, match=r"result\.outcome"):
            bool(full_result())

    def test_json_is_strict(self) -> None:
        def refuse(name: str) -> None:
            raise AssertionError(name)

        data = json.loads(full_result().to_json(), parse_constant=refuse)
        assert data["outcome"] == "PASS"
        assert data["format_version"] == 1
        assert data["structures"][0]["rows"][0]["physical"]["mean_gy"] == {
            "value": 2.5,
            "low": 2.5,
            "high": None,
        }
        assert data["stop_points"][0]["structures"][0]["lower_bounds"] is True
        assert data["assumptions"] == ["π ≈ 3"]

    def test_json_is_the_same_again(self) -> None:
        assert full_result().to_json() == full_result().to_json()

    def test_what_is_not_due(self) -> None:
        assert [f.outcome for f in full_result().not_due] == [NOT_DUE]

    def test_total_row(self) -> None:
        structure = full_result().structures[0]
        assert structure.total is structure.rows[0]
