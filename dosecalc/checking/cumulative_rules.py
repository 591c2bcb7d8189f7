"""Limits of the sum over all courses; what is missing leaves the sum open above."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dosecalc.accumulation import CellDoses
from dosecalc.checking.context import Context, each_structure, finding
from dosecalc.checking.judging import (
    band_of,
    bound_word,
    cover_text,
    digits,
    judge_within,
    measured,
    name_of,
    numerical,
    numerical_text,
    open_above,
)
from dosecalc.errors import DosecalcError, MissingDoseError
from dosecalc.findings import Contributor, Finding, Outcome, Reading
from dosecalc.goals import DoseAtVolume, Extreme, Goal, Metric, VolumeAtDose
from dosecalc.intervals import Interval
from dosecalc.ledger import Ledger
from dosecalc.quantities import Bed, Eqd2, LqRepair, Physical, Quantity, describe
from dosecalc.rules import CumulativeLimit, Rule
from dosecalc.structures import StructureSet


def cumulative_limit(context: Context, rule: Rule, test: CumulativeLimit) -> Iterator[Finding]:
    """Each structure in the sum of all courses; what is missing leaves the sum open above."""
    yield from each_structure(
        rule, test.structures, lambda name: _cumulative_limit(context, rule, test, name)
    )


def missing_from_sum(context: Context) -> tuple[str, ...]:
    """Why the sum over all courses is incomplete; empty where it is complete."""
    treatment = context.treatment
    return (
        *(f"nothing is known of the {c} course" for c in treatment.absent),
        *(f"the {c} course is not planned yet" for c in treatment.later),
        *treatment.lost,
        *treatment.ledger.missing(),
    )


def _cumulative_limit(context: Context, rule: Rule, test: CumulativeLimit, name: str) -> Finding:
    reference = context.structure_set()
    ledger = context.treatment.ledger.known()
    missing = missing_from_sum(context)
    cells = context.cells(context.find(name, reference), ledger)
    if not any(np.isfinite(gy).any() for gy in cells.gy.values()):
        raise MissingDoseError(
            "no dose of it is known" + cover_text(cells) + "".join(f"; {m}" for m in missing)
        )
    goal = context.with_repair(test.goal, name)
    dose = cells.known_total_gy(ledger, goal.quantity)
    deciding, metric = summed(cells, ledger, goal)
    stricter = [(g, summed(cells, ledger, context.with_repair(g, name))[0]) for g in test.stricter]
    open_within = deciding if deciding.is_bounded and not deciding.is_exact else None
    if missing:
        deciding = open_above(deciding)
        stricter = [(g, open_above(i)) for g, i in stricter]
    doubt = numerical(goal, metric, cells.curve(ledger, goal.quantity))
    stated, band = deciding, band_of(deciding, doubt)
    deciding = band.interval(rule.uncertain_by)
    outcome = judge_within(goal, stated, deciding, stricter)
    if (
        outcome is Outcome.NOT_EVALUATED
        and context.treatment.later
        and len(missing) == len(context.treatment.later)
    ):
        outcome = Outcome.NOT_DUE
    unit = goal.unit.value
    volume = isinstance(goal.metric, VolumeAtDose) and isinstance(goal.quantity, Physical)
    kind = "" if volume else f" {describe(goal.quantity)}"
    value = f"{bound_word(stated)}{digits(stated.value, goal.limit)}"
    text = f"cumulative {name_of(metric, goal)} is {value} {unit}"
    text += f"{kind} (limit {goal.comparison.value} {goal.limit:g} {unit})"
    if open_within:
        most = digits(open_within.high, goal.limit)
        text += f"; up to {most} {unit} {_why_open(ledger)}"
    text += numerical_text(outcome, goal, band, unit)
    text += cover_text(cells) + "".join(f"; {reason}" for reason in missing)
    return replace(
        finding(rule, outcome, text, structure=name),
        band=band,
        deciding=deciding,
        limit=goal.limit,
        comparison=goal.comparison.value,
        unit=f"{unit}{kind}",
        decided_by=name_of(metric, goal),
        shown_readings=(
            *(Reading.of(f"may make it UNCERTAIN: {g}", i, unit) for g, i in stricter),
            *_other_sets(context, name, reference, goal),
        ),
        contributors=tuple(_course_parts(context, cells, goal)),
        hot_spot_xyz_mm=cells.hottest_xyz_mm(dose) if _is_maximum(goal) else None,
    )


def _why_open(ledger: Ledger) -> str:
    """Why effect lies between two values, in words."""
    apart = len(ledger.in_one_visit_a_day()) < len(ledger)
    parts = ("without repair between sessions of a day",) if apart else ()
    broken = ("with what was broken off taken whole",) if ledger.is_approximate else ()
    return " and ".join((*parts, *broken))


def summed(cells: CellDoses, ledger: Ledger, goal: Goal) -> tuple[Interval, Metric]:
    """A metric of the sum, with what it may be where the ledger leaves it open."""
    sum_of, metric = measured(goal, cells.curve(ledger, goal.quantity))
    for other in other_ledgers(ledger, goal.quantity):
        sum_of = sum_of.or_up_to(measured(goal, cells.curve(other, goal.quantity))[0])
    return sum_of, metric


def other_ledgers(ledger: Ledger, quantity: Quantity) -> Iterator[Ledger]:
    """Other ledgers that may be true as well; effect lies between that of all of them.

    Sessions of one day act as if apart, and up to as if in one visit, unless repair between them is modelled
    and their times are known. The dose of a beam that stopped midway is known only to be less than the whole.
    """
    merged = ledger
    if isinstance(quantity, Bed | Eqd2):
        modelled = isinstance(quantity.model, LqRepair)
        merged = ledger.untimed_in_one_visit() if modelled else ledger.in_one_visit_a_day()
        if len(merged) < len(ledger):
            yield merged
    if ledger.is_approximate:
        yield from (e for e in (ledger.extremes()[0], *merged.extremes()[1:]) if len(e))


def _is_maximum(goal: Goal) -> bool:
    """Whether a goal is about the hottest spot, so that its place is worth showing."""
    return isinstance(goal.metric, DoseAtVolume) or goal.metric is Extreme.MAXIMUM


def _other_sets(context: Context, name: str, reference: StructureSet, goal: Goal) -> Iterator[Reading]:
    """The same sum on the organ as other structure sets have it."""
    ledger = context.treatment.ledger.known()
    for structure_set, structure in context.elsewhere(name, reference):
        try:
            curve = context.cells(structure, ledger).curve(ledger, goal.quantity)
            interval, _ = measured(goal, curve)
        except DosecalcError:
            continue  # shown only where it can be had
        where = structure_set.source or structure_set.uid
        yield Reading.of(f"as contoured in {where}", interval, goal.unit.value)


def _course_parts(context: Context, cells: CellDoses, goal: Goal) -> Iterator[Contributor]:
    for assigned in context.treatment.plans:
        ledger = context.treatment.ledger.of_plan(assigned.plan.uid).known()
        if not len(ledger):
            continue
        yield Contributor.of(
            measured(goal, cells.curve(ledger, goal.quantity))[0],
            course=assigned.course,
            plan=assigned.plan.label,
            plan_uid=assigned.plan.uid,
            sessions=len(ledger),
            unit=goal.unit.value,
        )
