"""R13.inside and R16.overlap: volumes of structures outside or inside one another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cases import (
    CORE,
    LESION,
    MUCOSA,
    box,
    judged,
    make_case,
    make_case_before_planning,
    one,
    sib_case,
    standard_structures,
)

from dosecalc import Outcome
from dosecalc.case import Case
from dosecalc.checking import geometry_rules
from dosecalc.errors import ContourError
from dosecalc.findings import Finding

PASS, FAIL, NOT_EVALUATED, NOT_DUE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_DUE,
)


def of(case: Case, rule: str) -> Finding:
    return one(judged(case, only=(rule,)), rule)


class TestContainment:
    """R13.inside: at most 0.1 cm3 of the core outside the lesion; the core is 20 x 12 x 20 mm."""

    @pytest.mark.parametrize(
        ("shift_mm", "outside_cm3", "outcome"),
        [(0, 0.0, PASS), (5, 0.0, PASS), (5.4, 0.096, PASS), (5.5, 0.12, FAIL), (15, 2.4, FAIL)],
    )
    def test_core_moved_sideways(self, shift_mm: float, outside_cm3: float, outcome: Outcome) -> None:
        core = box(name=CORE, low=(-10 + shift_mm, -6, -10), high=(10 + shift_mm, 6, 10))
        found = of(make_case(structures={CORE: core}), "R13.inside")
        assert found.outcome is outcome
        assert found.measured == pytest.approx(outside_cm3, abs=1e-9)

    @pytest.mark.parametrize("name", [CORE, LESION])
    def test_missing(self, name: str) -> None:
        assert of(make_case(structures={name: None}), "R13.inside").outcome is NOT_EVALUATED
        empty = replace(standard_structures()[name], contours=())
        assert of(make_case(structures={name: empty}), "R13.inside").outcome is NOT_EVALUATED


class TestOverlap:
    """R16.overlap: none of the mucosa in the boost's target."""

    @pytest.mark.parametrize(
        ("low_y_mm", "shared_cm3", "outcome"), [(6, 0.0, PASS), (5.5, 0.2, FAIL), (2, 1.6, FAIL)]
    )
    def test_mucosa_moved_into_the_core(self, low_y_mm: float, shared_cm3: float, outcome: Outcome) -> None:
        mucosa = box(name=MUCOSA, low=(-10, low_y_mm, -28), high=(10, low_y_mm + 14, 28))
        found = of(make_case(structures={MUCOSA: mucosa}), "R16.overlap")
        assert found.outcome is outcome
        assert found.measured == pytest.approx(shared_cm3, abs=1e-9)

    def test_integrated_boost(self) -> None:
        assert of(sib_case(), "R16.overlap").outcome is PASS

    def test_missing(self) -> None:
        assert of(make_case(structures={MUCOSA: None}), "R16.overlap").outcome is NOT_EVALUATED
        assert of(make_case(structures={CORE: None}), "R16.overlap").outcome is NOT_EVALUATED
        assert of(make_case(plans=("low", "definitive")), "R16.overlap").outcome is NOT_EVALUATED

    def test_not_planned_yet(self) -> None:
        assert of(make_case_before_planning(), "R16.overlap").outcome is NOT_DUE

    @pytest.mark.parametrize("rule", ["R13.inside", "R16.overlap"])
    def test_a_combination_that_cannot_be_made_is_not_empty(
        self, rule: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Contours that are sound alone may cross beyond repair together: no verdict, not 0 cm3."""

        def failing(*_: Any) -> Any:
            raise ContourError("the contours cross in a way that bounds no area")

        monkeypatch.setattr(geometry_rules, "body_of", failing)
        assert of(make_case(), rule).outcome is NOT_EVALUATED


def test_the_two_kinds_say_what_they_are() -> None:
    assert "outside" in of(make_case(), "R13.inside").message
    assert "target" in of(make_case(), "R16.overlap").message
