"""Limits of the sum over all courses; what is missing leaves the sum open above."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from dosecalc.celldoses import CellDoses, Kept
from dosecalc.checking.context import Context, each_structure, finding
from dosecalc.checking.frame_rules import displaced
from dosecalc.checking.judged_dose import JudgedDose, SumDose
from dosecalc.checking.judging import (
    band_of,
    bound_word,
    cover_text,
    digits,
    judge_within,
    measured,
    name_of,
    numerical_text,
)
from dosecalc.checking.misplacement import misplaced, of_other_images
from dosecalc.checking.sums import (
    missing_from_sum,
    numerical_doubt,
    other_ledgers,
    recovery,
    summed,
    summed_over,
    without_effect,
)
from dosecalc.errors import DosecalcError, MissingDoseError
from dosecalc.findings import Contributor, Finding, Outcome, Reading
from dosecalc.goals import Extreme, Goal, Metric, VolumeAtDose
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
    structure = context.find(name, reference)
    cells = context.cells(structure, book.known())
    goal = context.with_repair(test.goal, name)
    missing = (*missing_from_sum(context, name), *without_effect(book, name, goal.quantity))
    if not any(np.isfinite(gy).any() for gy in cells.gy.values()) and not book.stated(name):
        raise MissingDoseError(
            "no dose of it is known" + cover_text(cells) + "".join(f"; {m}" for m in missing)
        )
    judged, other = recovery(context, test, name)
    within, metric = summed(cells, book, goal, name, kept=judged)
    stricter = [
        (g, summed(cells, book, context.with_repair(g, name), name, kept=judged)[0]) for g in test.stricter
    ]
    stated = within
    if missing:
        stated = within.open_above()
        stricter = [(g, i.open_above()) for g, i in stricter]
    off = misplaced(context, cells, goal, name, judged)
    band = band_of(
        stated,
        numerical_doubt(cells, book, goal, name, kept=judged),
        alpha_beta=_over_alpha_beta(context, cells, goal, name, within, kept=judged),
        registration=off.anywhere if off else None,
    )
    deciding = band.interval(rule.uncertain_by)
    apart = displaced(context)
    outcome = _outcome(context, judge_within(goal, stated, deciding, stricter), missing, apart)
    unit = _unit(goal)
    text = _said(goal, metric, stated, within, _why_open(book, name))
    text += f"; {_recovered(judged)}" if judged else ""
    text += numerical_text(outcome, goal, band, goal.unit.value) + cover_text(cells)
    text += "".join(f"; {reason}" for reason in (*missing, *apart))
    context.judged[(rule.id, name)] = _judged_dose(context, goal, name, kept=judged, missing=missing)
    return replace(
        finding(rule, outcome, text, structure=name),
        band=band,
        deciding=deciding,
        limit=goal.limit,
        comparison=goal.comparison.value,
        unit=unit,
        decided_by=name_of(metric, goal),
        shown_readings=(
            *(Reading.of(f"may make it UNCERTAIN: {g}", i, unit) for g, i in stricter),
            *_with_and_without(cells, book, goal, name, judged=judged, other=other),
            *(off.readings(unit) if off else ()),
            *_without_registration(context, goal, name, kept=judged),
            *_other_sets(context, name, reference, goal, kept=judged),
        ),
        contributors=tuple(_course_parts(context, cells, goal, kept=judged)),
        hot_spot_xyz_mm=_hot_spot(cells, book.known(), goal, judged),
    )


def _judged_dose(
    context: Context, goal: Goal, name: str, *, kept: Kept, missing: Sequence[str]
) -> JudgedDose:
    """What the limit was held against, for a picture of it."""
    reference, book = context.structure_set(), context.treatment.ledger
    known = book.known()
    instead = tuple(other_ledgers(known, goal.quantity)) if len(known) else ()
    return JudgedDose(
        structure=context.find(name, reference),
        structure_set=reference,
        dose=SumDose(ledger=known, quantity=goal.quantity, kept=kept, instead=instead),
        quantity=_quantity(goal, kept),
        limit_gy=goal.limit,
        missing=(*missing, *_numbers_only(book, name)),
    )


def _said(goal: Goal, metric: Metric, stated: Interval, within: Interval, why_open: str) -> str:
    """A sum beside its limit, and up to what it may be, in words."""
    unit = goal.unit.value
    text = f"cumulative {name_of(metric, goal)} is {bound_word(stated)}{digits(stated.certain, goal.limit)} "
    text += f"{_unit(goal)} (limit {goal.comparison.value} {goal.limit:g} {unit})"
    if within.is_bounded and not within.is_exact:
        text += f"; up to {digits(within.high, goal.limit)} {unit} {why_open}"
    return text


def _outcome(context: Context, found: Outcome, missing: Sequence[str], apart: Sequence[str]) -> Outcome:
    """The outcome of a sum: not due where only later courses are missing, no pass where organs lie apart."""
    later = context.treatment.later
    if found is Outcome.NOT_EVALUATED and later and len(missing) == len(later):
        return Outcome.NOT_DUE
    return Outcome.UNCERTAIN if found is Outcome.PASS and apart else found


def _unit(goal: Goal) -> str:
    """The unit of a goal with its quantity, which a volume at a physical dose needs not."""
    volume = isinstance(goal.metric, VolumeAtDose) and isinstance(goal.quantity, Physical)
    return goal.unit.value if volume else f"{goal.unit.value} {describe(goal.quantity)}"


def _over_alpha_beta(
    context: Context, cells: CellDoses, goal: Goal, name: str, within: Interval, *, kept: Kept
) -> Interval | None:
    """How far the range of a structure's a/b moves a sum beyond what else is open; None where not at all."""
    ends, quantity = context.protocol.alpha_beta_range(name), goal.quantity
    if ends is None or not isinstance(quantity, Bed | Eqd2):
        return None
    quantities = [replace(quantity, alpha_beta_gy=end) for end in (quantity.alpha_beta_gy, *ends)]
    moved = summed_over(cells, context.treatment.ledger, goal, quantities, name, kept=kept)
    if not moved.is_bounded:
        return None
    below, above = max(within.low - moved.low, 0.0), max(moved.high - within.high, 0.0)
    return Interval(value=within.value, low=within.value - below, high=within.value + above)


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
        yield Reading.of(words, summed(cells, book, goal, name, kept=other)[0], _unit(goal))


def _hot_spot(cells: CellDoses, ledger: Ledger, goal: Goal, kept: Kept) -> tuple[float, float, float] | None:
    if not (goal.limits_hot_spot and len(ledger)):
        return None
    return cells.hottest_xyz_mm(cells.known_total_gy(ledger, goal.quantity, kept))


def _quantity(goal: Goal, kept: Kept) -> str:
    """The sum that is judged, in words."""
    text = f"{describe(goal.quantity)} of all courses"
    return f"{text}, {_recovered(kept)}" if kept else text


def _numbers_only(book: Ledger, name: str) -> Iterator[str]:
    """Courses of which numbers are known, and nothing of where their dose lies."""
    for course in dict.fromkeys(stated.course for stated, _ in book.stated(name)):
        yield f"the {course} course is known as numbers only"


def _why_open(book: Ledger, name: str) -> str:
    """Why a sum lies between two values, in words."""
    ledger = book.known()
    reasons = {
        "without repair between sessions of a day": len(ledger.in_one_visit_a_day()) < len(ledger),
        "with what was broken off taken whole": ledger.is_approximate,
        "wherever the dose of a course lies that is known as numbers only": bool(book.stated(name)),
    }
    return " and ".join(text for text, holds in reasons.items() if holds)


def _other_sets(
    context: Context, name: str, reference: StructureSet, goal: Goal, *, kept: Kept
) -> Iterator[Reading]:
    """The same sum on the organ as other structure sets have it."""
    book = context.treatment.ledger
    for structure_set, structure in context.elsewhere(name, reference):
        try:
            interval, _ = summed(context.cells(structure, book.known()), book, goal, name, kept=kept)
        except DosecalcError:
            continue  # shown only where it can be had
        where = structure_set.source or structure_set.uid
        yield Reading.of(f"as contoured in {where}", interval, _unit(goal))


def _without_registration(context: Context, goal: Goal, name: str, *, kept: Kept) -> Iterator[Reading]:
    """The sum of maxima, each on the organ as its own plan's structure set has it: a bound of any maximum.

    It needs no registration: wherever points of two images lie, ``Dmax(sum) <= sum of Dmax``.
    """
    if not (goal.limits_hot_spot and of_other_images(context)):
        return
    if missing_from_sum(context, name):
        return  # what a course gave of which nothing is known has no bound
    total = 0.0
    for course in context.treatment.ledger.courses:
        part = context.treatment.ledger.course(course)
        if len({p.plan.structure_set_uid for p in context.treatment.of_course(course)}) > 1:
            return  # between images of one course it does need one
        try:
            own = context.structure_set(course)
            cells = context.cells(context.find(name, own), part.known())
            highest = replace(goal, metric=Extreme.MAXIMUM)
            found = summed(cells, part, highest, name, kept=kept)[0]
        except DosecalcError:
            return  # the organ of a course is not known, so that nothing bounds its maximum
        if not found.is_bounded:
            return
        total += found.high
    yield Reading(name="sum of the courses' maxima, whatever the registration", value=total, unit=_unit(goal))


def _course_parts(context: Context, cells: CellDoses, goal: Goal, *, kept: Kept) -> Iterator[Contributor]:
    for assigned in context.treatment.plans:
        ledger = context.treatment.ledger.of_plan(assigned.plan.uid).known()
        if not len(ledger):
            continue
        yield Contributor.of(
            measured(goal, cells.curve(ledger, goal.quantity, kept))[0],
            course=assigned.course,
            plan=assigned.plan.label,
            plan_uid=assigned.plan.uid,
            sessions=len(ledger),
            unit=_unit(goal),
        )
