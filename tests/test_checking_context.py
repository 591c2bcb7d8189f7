"""What all rules share: roles, structure sets, names of structures and the day of the question."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from cases import (
    COARSE,
    INDUCTION_DATES,
    LEFT,
    MUCOSA,
    NUMBERS,
    RIGHT,
    SET_UID,
    Changed,
    judged,
    make_case,
    make_statement,
    redefine,
    standard_structures,
)

from dosecalc import DosecalcError, StructureSet
from dosecalc.case import Case
from dosecalc.checking.context import Context, NotDueError, StructureMissingError, default_as_of
from dosecalc.courses import build_treatment
from dosecalc.intervals import Interval
from dosecalc.results import Metrics
from dosecalc.statement import CourseStatement, Event, EventKind, Statement


def context(case: Case) -> Context:
    treatment = build_treatment(case, redefine())
    return Context(
        case=case,
        protocol=redefine(),
        treatment=treatment,
        as_of=None,
        asked_as_of=None,
        settings=COARSE,
    )


def later(course: str) -> Statement:
    return make_statement(courses={course: CourseStatement(not_planned_yet=True)})


class TestRoles:
    def test_found(self) -> None:
        assert context(make_case()).plan_with_role("boost").plan.label == "Boost"
        assert len(context(make_case()).course_ledger("definitive")) == 28

    def test_missing_or_later(self) -> None:
        missing = context(make_case(plans=("low", "boost")))
        with pytest.raises(DosecalcError, match="definitive") as caught:
            missing.plan_with_role("definitive")
        assert not isinstance(caught.value, NotDueError)
        with pytest.raises(DosecalcError, match="definitive") as caught:
            missing.course_ledger("definitive")
        assert not isinstance(caught.value, NotDueError)
        ahead = context(make_case(plans=("low", "boost"), statement=later("definitive")))
        with pytest.raises(NotDueError, match="definitive"):
            ahead.plan_with_role("definitive")
        with pytest.raises(NotDueError, match="definitive"):
            ahead.course_ledger("definitive")


def test_metrics_are_made_once_of_the_same() -> None:
    where, made = context(make_case()), []

    def make() -> Metrics:
        made.append(Interval.exactly(float(len(made))))
        return Metrics(min_gy=made[-1], mean_gy=made[-1], near_max_gy=made[-1], max_gy=made[-1])

    assert where.metrics(("a", 1), make) is where.metrics(("a", 1), make)
    assert where.metrics(("a", 2), make).max_gy == Interval.exactly(1.0)
    assert len(made) == 2


class TestStructureSets:
    def two_sets(self) -> Case:
        other = StructureSet(structures=(standard_structures()[LEFT],), uid="1.33", source="RS2.dcm")
        change = {"definitive": Changed(plan={"structure_set_uid": "1.33"})}
        return make_case(more_structure_sets=(other,), change=change)

    def test_each_course_has_its_own(self) -> None:
        here = context(self.two_sets())
        assert here.structure_set("induction").uid == SET_UID
        assert here.structure_set("definitive").uid == "1.33"

    def test_cumulative_rules_use_the_definitive_plans(self) -> None:
        assert context(self.two_sets()).structure_set().uid == "1.33"

    def test_none(self) -> None:
        away: dict[str, Any] = {"structure_set_uid": "absent"}
        change = {name: Changed(plan=away) for name in ("low", "boost", "definitive")}
        for course in (None, "induction"):
            with pytest.raises(DosecalcError, match="no structure set"):
                context(make_case(change=change)).structure_set(course)

    def test_elsewhere(self) -> None:
        here = context(self.two_sets())
        found = list(here.elsewhere(LEFT, here.structure_set("induction")))
        assert [s.uid for s, _ in found] == ["1.33"]
        assert list(here.elsewhere(MUCOSA, here.structure_set("induction"))) == []


class TestNames:
    def find(self, name: str, **case: Any) -> Any:
        here = context(make_case(**case))
        return here.find(name, here.structure_set("induction"))

    @pytest.mark.parametrize("name", ["A_Carotid_L", " a_CAROTID_l ", "Lt Carotid", "ICA_L"])
    def test_name_or_alias(self, name: str) -> None:
        named = replace(standard_structures()[LEFT], name=name)
        assert self.find(LEFT, structures={LEFT: named}).number == NUMBERS[LEFT]

    @pytest.mark.parametrize("name", ["Carotid", "A_Carotid_L2", "PRV_A_Carotid_L", "A_Carotid"])
    def test_similar_is_not_the_same(self, name: str) -> None:
        named = replace(standard_structures()[LEFT], name=name)
        with pytest.raises(StructureMissingError, match=r"case\.toml"):
            self.find(LEFT, structures={LEFT: named})

    def test_two_go_by_it(self) -> None:
        second = replace(standard_structures()[LEFT], name="ICA_L", number=77)
        with pytest.raises(StructureMissingError, match=r"77"):
            self.find(LEFT, structures={"second": second})

    @pytest.mark.parametrize("stated", ["odd name", 77])
    def test_stated(self, stated: str | int) -> None:
        odd = replace(standard_structures()[LEFT], name="odd name", number=77)
        statement = make_statement(structures={LEFT: stated})
        assert self.find(LEFT, structures={"odd": odd}, statement=statement).number == 77

    def test_stated_and_not_there(self) -> None:
        with pytest.raises(StructureMissingError, match="nowhere"):
            self.find(LEFT, statement=make_statement(structures={LEFT: "nowhere"}))

    @pytest.mark.parametrize("name", ["Parotid_L", "Thyroid"])
    def test_a_number_is_not_looked_up_in_a_set_where_it_is_another_organ(self, name: str) -> None:
        """ROI Number 3 is the left carotid here and another organ on the definitive plan's set."""
        organ = replace(standard_structures()[RIGHT], name=name, number=NUMBERS[LEFT])
        other = StructureSet(structures=(organ,), uid="1.33", source="RS2.dcm")
        here = context(
            make_case(
                more_structure_sets=(other,),
                change={"definitive": Changed(plan={"structure_set_uid": "1.33"})},
                statement=make_statement(structures={LEFT: NUMBERS[LEFT]}),
            )
        )
        with pytest.raises(StructureMissingError):
            here.find(LEFT, here.structure_set())

    def test_names_that_were_taken_are_listed(self) -> None:
        named = replace(standard_structures()[LEFT], name="ICA_L")
        result = judged(make_case(structures={LEFT: named}), only=("R15",), cells=30)
        assert any("A_Carotid_L = 'ICA_L'" in a for a in result.assumptions)


class TestDay:
    def as_of(self, **statement: Any) -> dt.date | None:
        case = make_case(statement=make_statement(**statement))
        return default_as_of(build_treatment(case, redefine()))

    def test_before_treatment(self) -> None:
        prior = CourseStatement(prescription_gy=Decimal(70), fractions=35)
        assert self.as_of(events=[], courses={"prior": prior}) is None

    def test_last_delivered_session(self) -> None:
        induction = CourseStatement(dates=INDUCTION_DATES, delivered=2)
        assert self.as_of(events=[], courses={"induction": induction}) == INDUCTION_DATES[1]

    def test_last_event(self) -> None:
        day = dt.date(2026, 3, 20)
        assert self.as_of(events=[Event(kind=EventKind.NOTE, date=day)]) == day


def test_quadratures_and_doses_are_made_once() -> None:
    here = context(make_case())
    structure = here.find(LEFT, here.structure_set())
    assert here.quadrature(structure) is here.quadrature(structure)
    ledger = here.treatment.ledger
    first = here.cells(structure, ledger.course("induction").known())
    both = here.cells(structure, ledger.known())
    assert set(first.gy) < set(both.gy)
    assert all(first.gy[grid] is both.gy[grid] for grid in first.gy)
