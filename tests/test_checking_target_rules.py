"""R11 and R13: lesion and core in the dose of their plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import (
    CORE,
    LESION,
    NUMBERS,
    Changed,
    box,
    extended,
    judged,
    make_case,
    make_case_before_planning,
    one,
    sib_case,
    standard_structures,
)

from dosecalc import Outcome, StructureSet
from dosecalc.case import Case
from dosecalc.findings import Finding

PASS, FAIL, UNCERTAIN, NOT_EVALUATED, NOT_DUE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.UNCERTAIN,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_DUE,
)
RULES = {"R11": ("low", LESION), "R13": ("boost", CORE)}


def of(case: Case, rule: str, **options: Any) -> Finding:
    return one(judged(case, only=(rule,), **options), rule)


@pytest.mark.parametrize("rule", RULES)
class TestCoverage:
    @pytest.mark.parametrize(
        ("percent", "outcome"), [(100, PASS), (95.01, PASS), (95, PASS), (94.99, FAIL), (50, FAIL)]
    )
    def test_of_the_prescription(self, rule: str, percent: float, outcome: Outcome) -> None:
        plan, _ = RULES[rule]
        found = of(make_case(change={plan: Changed(held_times=3 * percent / 100)}), rule)
        assert found.outcome is outcome
        assert found.measured == pytest.approx(percent)
        assert found.unit == "%"

    def test_a_structure_that_leaves_the_target_dose(self, rule: str) -> None:
        """Moved 10 mm sideways: a good part lies where the dose falls."""
        _, name = RULES[rule]
        moved = box(name=name, low=(0, -6, -10), high=(25, 6, 10))
        assert of(make_case(structures={name: moved}), rule).outcome is FAIL

    def test_missing(self, rule: str) -> None:
        plan, name = RULES[rule]
        assert of(make_case(structures={name: None}), rule).outcome is NOT_EVALUATED
        found = of(make_case(no_dose=(plan,)), rule)
        assert (found.outcome, found.measured) == (NOT_EVALUATED, None)
        others = [n for n in ("low", "boost", "definitive") if n != plan]
        assert of(make_case(plans=others), rule).outcome is NOT_EVALUATED
        away = {plan: Changed(plan={"structure_set_uid": "absent"})}
        both = dict.fromkeys(("low", "boost"), away[plan])
        assert of(make_case(change=both), rule).outcome is NOT_EVALUATED

    def test_partly_outside_the_dose(self, rule: str) -> None:
        plan, _ = RULES[rule]
        found = of(make_case(change={plan: Changed(cut_x_mm=(0, 45))}), rule)
        assert found.outcome in {UNCERTAIN, NOT_EVALUATED}
        assert "outside" in found.message

    def test_wholly_outside_the_dose(self, rule: str) -> None:
        plan, _ = RULES[rule]
        found = of(make_case(change={plan: Changed(cut_x_mm=(25, 45))}), rule)
        assert found.outcome is NOT_EVALUATED

    def test_integrated_boost(self, rule: str) -> None:
        """The core has 5 Gy of 5, the lesion 5 Gy of 1.5 prescribed to it."""
        found = of(sib_case(), rule)
        assert (found.outcome, found.measured) == (PASS, pytest.approx(1000 / 3 if rule == "R11" else 100))

    def test_not_planned_yet(self, rule: str) -> None:
        assert of(make_case_before_planning(), rule).outcome is NOT_DUE


def test_a_corner_outside_the_dose_is_uncertain_or_not_evaluated() -> None:
    """0.5 % of the lesion outside the grid cannot undo a D98% that the rest keeps."""
    longer = box(name=LESION, low=(-15, -6, -14), high=(15, 6, 14))
    found = of(make_case(structures={LESION: longer}, change={"low": Changed(cut_z_mm=(-14, 14))}), "R11")
    assert found.outcome is PASS


@pytest.mark.parametrize(("goal", "outcome"), [("D95% >= 14.9 Gy", PASS), ("V14Gy >= 99 %", PASS)])
def test_other_goals(goal: str, outcome: Outcome) -> None:
    protocol = extended(f'[[rules]]\nid = "R13"\ngoal = "{goal}"\n')
    assert of(make_case(), "R13", protocol=protocol).outcome is outcome


def test_the_low_plans_own_structure_set_is_used() -> None:
    """Low and boost refer to two sets; on the low plan's own the lesion leaves the dose."""
    moved = replace(box(name=LESION, low=(5, -6, -14), high=(35, 6, 14)), number=NUMBERS[LESION])
    others = (s for n, s in standard_structures().items() if n != LESION)
    own = StructureSet(structures=(moved, *others), uid="1.33", source="RS2.dcm")
    change = {"low": Changed(plan={"structure_set_uid": "1.33"})}
    found = of(make_case(more_structure_sets=(own,), change=change), "R11")
    assert found.outcome is FAIL
    assert found.measured is not None
    assert np.isfinite(found.measured)
