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
from dosecalc.quantities import Physical, describe
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
    dose = cells.known_total_gy(ledger, test.goal.quantity)
    deciding, metric = summed(cells, ledger, test.goal)
    stricter = [(g, summed(cells, ledger, g)[0]) for g in test.stricter]
    together = not deciding.is_exact and deciding.is_bounded
    if missing:
        deciding = open_above(deciding)
        stricter = [(g, open_above(i)) for g, i in stricter]
    doubt = numerical(test.goal, metric, cells.curve(ledger, test.goal.quantity))
    stated, band = deciding, band_of(deciding, doubt)
    deciding = band.interval(rule.uncertain_by)
    outcome = judge_within(test.goal, stated, deciding, stricter)
    if (
        outcome is Outcome.NOT_EVALUATED
        and context.treatment.later
        and len(missing) == len(context.treatment.later)
    ):
        outcome = Outcome.NOT_DUE
    unit = test.goal.unit.value
    volume = isinstance(test.goal.metric, VolumeAtDose) and isinstance(test.goal.quantity, Physical)
    kind = "" if volume else f" {describe(test.goal.quantity)}"
    value = f"{bound_word(stated)}{digits(stated.value, test.goal.limit)}"
    text = f"cumulative {name_of(metric, test.goal)} is {value} {unit}"
    text += f"{kind} (limit {test.goal.comparison.value} {test.goal.limit:g} {unit})"
    if together:
        most = digits(stated.high, test.goal.limit)
        text += f"; up to {most} {unit} without repair between sessions of a day"
    text += numerical_text(outcome, test.goal, band, unit)
    text += cover_text(cells) + "".join(f"; {reason}" for reason in missing)
    return replace(
        finding(rule, outcome, text, structure=name),
        band=band,
        deciding=deciding,
        limit=test.goal.limit,
        comparison=test.goal.comparison.value,
        unit=f"{unit}{kind}",
        decided_by=name_of(metric, test.goal),
        shown_readings=(
            *(Reading.of(f"may make it UNCERTAIN: {g}", i, unit) for g, i in stricter),
            *_other_sets(context, name, reference, test.goal),
        ),
        contributors=tuple(_course_parts(context, cells, test.goal)),
        hot_spot_xyz_mm=cells.hottest_xyz_mm(dose) if _is_maximum(test.goal) else None,
    )


def summed(cells: CellDoses, ledger: Ledger, goal: Goal) -> tuple[Interval, Metric]:
    """A metric of the sum: sessions of one day apart, and up to what they would be in one visit.

    The dose of a beam that stopped midway is known only to be less than that of the whole.
    """
    sum_of, metric = measured(goal, cells.curve(ledger, goal.quantity))
    merged = ledger.in_one_visit_a_day()
    if not isinstance(goal.quantity, Physical) and len(merged) < len(ledger):
        sum_of = sum_of.or_up_to(measured(goal, cells.curve(merged, goal.quantity))[0])
    if ledger.is_approximate:
        for extreme in (ledger.extremes()[0], *merged.extremes()[1:]):
            if len(extreme):
                sum_of = sum_of.or_up_to(measured(goal, cells.curve(extreme, goal.quantity))[0])
    return sum_of, metric


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
