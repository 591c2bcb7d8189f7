"""Limits of the sum over all courses; what is missing leaves the sum open above."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dosecalc.celldoses import ALL_KEPT, CellDoses, Kept
from dosecalc.checking.context import Context, each_structure, finding
from dosecalc.checking.frame_rules import displaced
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
)
from dosecalc.checking.misplacement import misplaced, of_other_images
from dosecalc.checking.sums import missing_from_sum, summed, without_effect
from dosecalc.errors import DosecalcError, MissingDoseError
from dosecalc.findings import Contributor, Finding, Outcome, Reading
from dosecalc.goals import DoseAtVolume, Extreme, Goal, Metric, VolumeAtDose
from dosecalc.intervals import Interval
from dosecalc.ledger import Ledger
from dosecalc.quantities import Bed, Eqd2, Physical, describe
from dosecalc.rules import CumulativeLimit, Rule
from dosecalc.structures import StructureSet


def cumulative_limit(context: Context, rule: Rule, test: CumulativeLimit) -> Iterator[Finding]:
    """Each structure in the sum of all courses; what is missing leaves the sum open above."""
    yield from each_structure(
        rule, test.structures, lambda name: _cumulative_limit(context, rule, test, name)
    )


def _cumulative_limit(context: Context, rule: Rule, test: CumulativeLimit, name: str) -> Finding:
    reference = context.structure_set()
    book = context.treatment.ledger
    ledger, stated_courses = book.known(), book.stated(name)
    cells = context.cells(context.find(name, reference), ledger)
    missing = (*missing_from_sum(context, name), *without_effect(book, name, test.goal.quantity))
    if not any(np.isfinite(gy).any() for gy in cells.gy.values()) and not stated_courses:
        raise MissingDoseError(
            "no dose of it is known" + cover_text(cells) + "".join(f"; {m}" for m in missing)
        )
    goal = context.with_repair(test.goal, name)
    kept = context.kept(name) if isinstance(goal.quantity, Bed | Eqd2) else ALL_KEPT
    judged, other = (kept, ALL_KEPT) if test.recovered else (ALL_KEPT, kept)
    deciding, metric = summed(cells, book, goal, name, kept=judged)
    stricter = [
        (g, summed(cells, book, context.with_repair(g, name), name, kept=judged)[0]) for g in test.stricter
    ]
    open_within = deciding if deciding.is_bounded and not deciding.is_exact else None
    if missing:
        deciding = deciding.open_above()
        stricter = [(g, i.open_above()) for g, i in stricter]
    stated = deciding
    off = misplaced(context, cells, ledger, goal, judged) if len(ledger) and not stated_courses else None
    band = band_of(
        stated,
        _numerical(cells, ledger, goal, metric, kept=judged),
        alpha_beta=_over_alpha_beta(context, cells, goal, name, kept=judged),
        registration=off.anywhere if off else None,
    )
    deciding = band.interval(rule.uncertain_by)
    outcome = judge_within(goal, stated, deciding, stricter)
    if (
        outcome is Outcome.NOT_EVALUATED
        and context.treatment.later
        and len(missing) == len(context.treatment.later)
    ):
        outcome = Outcome.NOT_DUE
    apart = displaced(context)
    if outcome is Outcome.PASS and apart:
        outcome = Outcome.UNCERTAIN
    unit = goal.unit.value
    volume = isinstance(goal.metric, VolumeAtDose) and isinstance(goal.quantity, Physical)
    kind = "" if volume else f" {describe(goal.quantity)}"
    value = f"{bound_word(stated)}{digits(stated.value, goal.limit)}"
    text = f"cumulative {name_of(metric, goal)} is {value} {unit}"
    text += f"{kind} (limit {goal.comparison.value} {goal.limit:g} {unit})"
    if open_within:
        most = digits(open_within.high, goal.limit)
        text += f"; up to {most} {unit} {_why_open(ledger, known_as_numbers=bool(stated_courses))}"
    if judged:
        text += f"; {_recovered(judged)}"
    text += numerical_text(outcome, goal, band, unit)
    text += cover_text(cells) + "".join(f"; {reason}" for reason in (*missing, *apart))
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
            *_with_and_without(cells, book, goal, name, judged=judged, other=other),
            *(off.readings(unit) if off else ()),
            *_without_registration(context, goal, name),
            *_other_sets(context, name, reference, goal),
        ),
        contributors=tuple(_course_parts(context, cells, goal)),
        hot_spot_xyz_mm=_hot_spot(cells, ledger, goal),
    )


def _numerical(cells: CellDoses, ledger: Ledger, goal: Goal, metric: Metric, *, kept: Kept) -> Interval:
    """The doubt of what is summed at cells; of a course in numbers there is none."""
    if not len(ledger):
        return Interval.exactly(0.0)
    return numerical(goal, metric, cells.curve(ledger, goal.quantity, kept))


def _over_alpha_beta(
    context: Context, cells: CellDoses, goal: Goal, name: str, *, kept: Kept
) -> Interval | None:
    """How far the range of a structure's a/b moves what is summed at cells; None where it moves nothing."""
    ends, quantity = context.protocol.alpha_beta_range(name), goal.quantity
    ledger = context.treatment.ledger.known()
    if ends is None or not isinstance(quantity, Bed | Eqd2) or not len(ledger):
        return None
    quantities = [replace(quantity, alpha_beta_gy=end) for end in (quantity.alpha_beta_gy, *ends)]
    value = measured(goal, cells.curve(ledger, quantity, kept))[0]
    between = cells.between(ledger, quantities, kept)
    low, high = (measured(goal, curve)[0] for curve in (between.low, between.high))
    if not (value.is_bounded and low.is_bounded and high.is_bounded):
        return None
    return Interval(value=value.value, low=min(low.low, value.value), high=max(high.high, value.value))


def _recovered(kept: Kept) -> str:
    """What is taken off for recovery, in words."""
    parts = (f"{100 * (1 - share):g} % of the {course} course" for course, share in kept.items())
    return f"less recovery of {' and '.join(parts)}"


def _with_and_without(
    cells: CellDoses, book: Ledger, goal: Goal, name: str, *, judged: Kept, other: Kept
) -> Iterator[Reading]:
    """The same sum with recovery where the rule does not judge it so, and without where it does."""
    if judged or other:
        words = "without recovery" if judged else _recovered(other)
        yield Reading.of(words, summed(cells, book, goal, name, kept=other)[0], goal.unit.value)


def _hot_spot(cells: CellDoses, ledger: Ledger, goal: Goal) -> tuple[float, float, float] | None:
    if not (_is_maximum(goal) and len(ledger)):
        return None
    return cells.hottest_xyz_mm(cells.known_total_gy(ledger, goal.quantity))


def _why_open(ledger: Ledger, *, known_as_numbers: bool) -> str:
    """Why a sum lies between two values, in words."""
    reasons = {
        "without repair between sessions of a day": len(ledger.in_one_visit_a_day()) < len(ledger),
        "with what was broken off taken whole": ledger.is_approximate,
        "wherever the dose of a course lies that is known as numbers only": known_as_numbers,
    }
    return " and ".join(text for text, holds in reasons.items() if holds)


def _is_maximum(goal: Goal) -> bool:
    """Whether a goal is about the hottest spot, so that its place is worth showing."""
    return isinstance(goal.metric, DoseAtVolume) or goal.metric is Extreme.MAXIMUM


def _other_sets(context: Context, name: str, reference: StructureSet, goal: Goal) -> Iterator[Reading]:
    """The same sum on the organ as other structure sets have it."""
    book = context.treatment.ledger
    for structure_set, structure in context.elsewhere(name, reference):
        try:
            interval, _ = summed(context.cells(structure, book.known()), book, goal, name)
        except DosecalcError:
            continue  # shown only where it can be had
        where = structure_set.source or structure_set.uid
        yield Reading.of(f"as contoured in {where}", interval, goal.unit.value)


def _without_registration(context: Context, goal: Goal, name: str) -> Iterator[Reading]:
    """The sum of maxima, each on the organ as its own plan's structure set has it: a bound of any maximum.

    It needs no registration: wherever points of two images lie, ``Dmax(sum) <= sum of Dmax``.
    """
    if not (_is_maximum(goal) and goal.comparison.is_upper and of_other_images(context)):
        return
    total = 0.0
    for course in context.treatment.ledger.courses:
        part = context.treatment.ledger.course(course)
        try:
            own = context.structure_set(course)
            cells = context.cells(context.find(name, own), part.known())
            highest = replace(goal, metric=Extreme.MAXIMUM)
            found = summed(cells, part, highest, name)[0]
        except DosecalcError:
            return  # the organ of a course is not known, so that nothing bounds its maximum
        if part.missing(name) or not found.is_bounded:
            return
        total += found.high
    yield Reading(
        name="sum of the courses' maxima, whatever the registration", value=total, unit=goal.unit.value
    )


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
