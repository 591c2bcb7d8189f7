"""Rules on the dose of structures: per session, over all courses, and of one plan in its target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dosecalc.accumulation import CellDoses
from dosecalc.checking.context import Context, finding, not_evaluated
from dosecalc.checking.judging import digits, judge, measured, name_of, open_above, worst
from dosecalc.courses import AssignedPlan, prescription_for
from dosecalc.errors import DosecalcError, MetricError
from dosecalc.findings import Contributor, Finding, Outcome, Reading
from dosecalc.goals import Extreme, Goal, Metric, Unit, VolumeAtDose, measure
from dosecalc.intervals import Band, Interval, Source
from dosecalc.ledger import Contribution, GridFraction, Ledger, NoFraction
from dosecalc.quantities import Physical, describe
from dosecalc.rules import Coverage, CumulativeLimit, Rule, SessionLimit, SessionReading
from dosecalc.structures import Structure, StructureSet


def each_structure(
    rule: Rule, names: Sequence[str], judge_one: Callable[[str], Finding]
) -> Iterator[Finding]:
    """A finding for each structure; one that cannot be judged does not stop the others."""
    for name in names:
        try:
            yield judge_one(name)
        except DosecalcError as error:
            yield not_evaluated(rule, error, structure=name)


# ------------------------------------------------------------------------------- per session


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """What is given on one prescribed day, for all days that are alike."""

    numbers: tuple[int, ...]
    contributions: tuple[Contribution, ...]

    @property
    def known(self) -> tuple[Contribution, ...]:
        return tuple(c for c in self.contributions if isinstance(c.fraction, GridFraction))

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(c.fraction.reason for c in self.contributions if isinstance(c.fraction, NoFraction))


def session_limit(context: Context, rule: Rule, test: SessionLimit) -> Iterator[Finding]:
    """Each structure in its worst session of a course; both readings of a session are shown."""
    yield from each_structure(rule, test.structures, lambda name: _session_limit(context, rule, test, name))


def days_of(ledger: Ledger) -> tuple[_Day, ...]:
    """Alike days of a ledger: all that is given on one prescribed day acts on the limit together."""
    groups: dict[tuple[Contribution, ...], list[int]] = {}
    for sessions in ledger.days():
        contributions = tuple(c for s in sessions for c in s.contributions)
        groups.setdefault(contributions, []).append(sessions[0].day)
    return tuple(_Day(numbers=tuple(n), contributions=c) for c, n in groups.items())


def _session_limit(context: Context, rule: Rule, test: SessionLimit, name: str) -> Finding:
    ledger = context.course_ledger(test.course)
    reference = context.structure_set(test.course)
    structure = context.find(name, reference)
    cells = context.cells(structure, ledger)
    days = days_of(ledger)
    parts = _readings(days, test.reading)
    index, deciding, metric = _worst_of(cells, parts, test.goal)
    stricter = [(g, _worst_of(cells, parts, g)[1]) for g in test.stricter]
    missing = tuple(dict.fromkeys(r for d in days for r in d.missing))
    if missing:
        deciding = open_above(deciding)
        stricter = [(g, open_above(i)) for g, i in stricter]
    outcome = judge(test.goal, deciding, stricter)
    worst_day = parts[index]
    contributors = _contributors(context, cells, days, test.goal)
    shown = (
        *_other_reading(cells, days, test),
        *_stricter_readings(stricter),
        *_shown_courses(context, structure, test),
        *_sessions_elsewhere(context, name, reference, test),
    )
    base = finding(rule, outcome, "", structure=name)
    done = replace(
        base,
        band=_band(deciding),
        deciding=deciding,
        limit=test.goal.limit,
        comparison=test.goal.comparison.value,
        unit="Gy/fx",
        decided_by=f"{test.reading.value}, {name_of(metric, test.goal)}",
        shown_readings=shown,
        contributors=contributors,
        hot_spot_xyz_mm=cells.hottest_xyz_mm(cells.session_gy(worst_day.known)),
    )
    return replace(done, message=_session_message(done, test, worst_day, cells, missing))


def _readings(days: Sequence[_Day], reading: SessionReading) -> list[_Day]:
    if reading is SessionReading.SESSION_SUM:
        return list(days)
    return [_Day(numbers=d.numbers, contributions=(c,)) for d in days for c in d.contributions]


def _worst_of(cells: CellDoses, parts: Sequence[_Day], goal: Goal) -> tuple[int, Interval, Metric]:
    found = [measured(goal, cells.session_curve(p.known)) for p in parts]
    index, interval = worst(found, goal)
    return index, interval, found[index][1]


def _contributors(
    context: Context, cells: CellDoses, days: Sequence[_Day], goal: Goal
) -> tuple[Contributor, ...]:
    """Each plan's own value, by itself."""
    sessions: dict[Contribution, int] = {}
    for day in days:
        for contribution in day.contributions:
            sessions[contribution] = sessions.get(contribution, 0) + len(day.numbers)
    found = []
    for contribution, count in sessions.items():
        uid = contribution.fraction.plan_uid
        assigned = next((p for p in context.treatment.plans if p.plan.uid == uid), None)
        value = None
        if isinstance(contribution.fraction, GridFraction):
            value = measured(goal, cells.session_curve((contribution,)))[0].value
        found.append(
            Contributor(
                course=assigned.course if assigned else "",
                plan=assigned.plan.label if assigned else "",
                plan_uid=uid,
                sessions=count,
                value=value,
                unit="Gy/fx",
            )
        )
    return tuple(found)


def _other_reading(cells: CellDoses, days: Sequence[_Day], test: SessionLimit) -> Iterator[Reading]:
    other = (
        SessionReading.EACH_PLAN if test.reading is SessionReading.SESSION_SUM else SessionReading.SESSION_SUM
    )
    _, interval, _ = _worst_of(cells, _readings(days, other), test.goal)
    yield Reading(name=f"{other.value}, {test.course}", value=interval.value, unit="Gy/fx")


def _stricter_readings(stricter: Sequence[tuple[Goal, Interval]]) -> Iterator[Reading]:
    for goal, interval in stricter:
        yield Reading(name=f"may make it UNCERTAIN: {goal}", value=interval.value, unit="Gy/fx")


def _shown_courses(context: Context, structure: Structure, test: SessionLimit) -> Iterator[Reading]:
    for course in test.shown_courses:
        ledger = context.treatment.ledger.course(course).known()
        if not len(ledger):
            continue
        try:
            cells = context.cells(structure, ledger)
            _, interval, _ = _worst_of(cells, days_of(ledger), test.goal)
        except DosecalcError:
            continue  # shown only where it can be had; the rule on frames says why it cannot
        yield Reading(name=f"worst session, {course}", value=interval.value, unit="Gy/fx")


def _sessions_elsewhere(
    context: Context, name: str, reference: StructureSet, test: SessionLimit
) -> Iterator[Reading]:
    """The worst session on the organ as other structure sets have it."""
    ledger = context.course_ledger(test.course)
    for structure_set, structure in context.elsewhere(name, reference):
        try:
            cells = context.cells(structure, ledger)
            _, interval, _ = _worst_of(cells, _readings(days_of(ledger), test.reading), test.goal)
        except DosecalcError:
            continue  # shown only where it can be had
        where = structure_set.source or structure_set.uid
        yield Reading(name=f"as contoured in {where}", value=interval.value, unit="Gy/fx")


def _session_message(
    done: Finding, test: SessionLimit, day: _Day, cells: CellDoses, missing: Sequence[str]
) -> str:
    assert done.deciding is not None
    listed = ", ".join(str(n) for n in day.numbers)
    value = digits(done.deciding.value, test.goal.limit)
    least = "" if done.deciding.is_exact else "at least "
    metric = done.decided_by.partition(", ")[2]
    text = f"{metric} is {least}{value} Gy in the {test.course} session of day {listed}"
    text += f" (limit {test.goal.comparison.value} {test.goal.limit:g} Gy per fraction)"
    alone = [c for c in done.contributors if c.value is not None]
    if len(alone) > 1:
        own = ", ".join(f"{c.plan} alone {digits(c.value or 0.0, test.goal.limit)} Gy" for c in alone)
        text += f"; {own}"
        kept = [c for c in alone if test.goal.comparison.holds(c.value or 0.0, test.goal.limit)]
        if done.outcome is Outcome.FAIL and len(kept) == len(alone):
            text += "; each plan alone keeps the limit, what is given in one day does not"
    if done.outcome is Outcome.UNCERTAIN:
        beyond = [r for r in done.shown_readings if r.name.startswith("may make it")]
        text += "; " + ", ".join(f"{r.name}: {digits(r.value, test.goal.limit)} Gy" for r in beyond)
    return text + cover_text(cells) + "".join(f"; {reason}" for reason in missing)


def cover_text(cells: CellDoses) -> str:
    """How much of a structure some dose does not reach, for messages."""
    outside = [
        (grid.source or grid.uid, float(cells.volume_cm3[np.isnan(gy)].sum()))
        for grid, gy in cells.gy.items()
    ]
    return "".join(
        f"; {volume:.3g} of {cells.volume_cm3.sum():.3g} cm3 lie outside the dose {name}"
        for name, volume in outside
        if volume > 0
    )


def _band(deciding: Interval) -> Band:
    by_source = {} if deciding.is_exact else {Source.STATED_BOUND: deciding}
    return Band(value=deciding.value, by_source=by_source)


# ------------------------------------------------------------------------------- over all courses


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
        *(f"plan {p.label!r} ({p.source}) fits no role: its dose is in no sum" for p in treatment.unassigned),
        *treatment.ledger.missing(),
    )


def _cumulative_limit(context: Context, rule: Rule, test: CumulativeLimit, name: str) -> Finding:
    reference = context.structure_set()
    ledger = context.treatment.ledger.known()
    cells = context.cells(context.find(name, reference), ledger)
    dose = cells.total_gy(ledger, test.goal.quantity)
    curve = cells.curve(ledger, test.goal.quantity)
    deciding, metric = measured(test.goal, curve)
    stricter = [(g, measured(g, cells.curve(ledger, g.quantity))[0]) for g in test.stricter]
    missing = missing_from_sum(context)
    if missing:
        deciding = open_above(deciding)
        stricter = [(g, open_above(i)) for g, i in stricter]
    outcome = judge(test.goal, deciding, stricter)
    if (
        outcome is Outcome.NOT_EVALUATED
        and context.treatment.later
        and len(missing) == len(context.treatment.later)
    ):
        outcome = Outcome.NOT_DUE
    unit = test.goal.unit.value
    least = "" if deciding.is_exact else "at least "
    kind = describe(test.goal.quantity)
    text = (
        f"cumulative {name_of(metric, test.goal)} is {least}{digits(deciding.value, test.goal.limit)} {unit}"
    )
    text += f" {kind} (limit {test.goal.comparison.value} {test.goal.limit:g} {unit})"
    text += cover_text(cells) + "".join(f"; {reason}" for reason in missing)
    return replace(
        finding(rule, outcome, text, structure=name),
        band=_band(deciding),
        deciding=deciding,
        limit=test.goal.limit,
        comparison=test.goal.comparison.value,
        unit=f"{unit} {kind}",
        decided_by=name_of(metric, test.goal),
        shown_readings=(
            *(Reading(name=f"may make it UNCERTAIN: {g}", value=i.value, unit=unit) for g, i in stricter),
            *_other_sets(context, name, reference, test.goal),
        ),
        contributors=tuple(_course_parts(context, cells, test.goal)),
        hot_spot_xyz_mm=cells.hottest_xyz_mm(dose),
    )


def _other_sets(context: Context, name: str, reference: StructureSet, goal: Goal) -> Iterator[Reading]:
    """The same sum on the organ as other structure sets have it."""
    ledger = context.treatment.ledger.known()
    for structure_set, structure in context.elsewhere(name, reference):
        try:
            curve = context.cells(structure, ledger).curve(ledger, goal.quantity)
            value = measured(goal, curve)[0].value
        except DosecalcError:
            continue  # shown only where it can be had
        yield Reading(
            name=f"as contoured in {structure_set.source or structure_set.uid}",
            value=value,
            unit=goal.unit.value,
        )


def _course_parts(context: Context, cells: CellDoses, goal: Goal) -> Iterator[Contributor]:
    for assigned in context.treatment.plans:
        ledger = plan_ledger(context.treatment.ledger, assigned)
        if not len(ledger):
            continue
        value = measured(goal, cells.curve(ledger, goal.quantity))[0].value
        yield Contributor(
            course=assigned.course,
            plan=assigned.plan.label,
            plan_uid=assigned.plan.uid,
            sessions=len(ledger),
            value=value,
            unit=goal.unit.value,
        )


def plan_ledger(ledger: Ledger, assigned: AssignedPlan) -> Ledger:
    """What one plan gives, by itself."""
    sessions = (
        replace(
            s,
            contributions=tuple(c for c in s.contributions if c.fraction.plan_uid == assigned.plan.uid),
        )
        for s in ledger
    )
    return Ledger(sessions=tuple(s for s in sessions if s.contributions)).known()


# ------------------------------------------------------------------------------- targets


def coverage(context: Context, rule: Rule, test: Coverage) -> Iterator[Finding]:
    """A goal for a target in the dose of the plan that holds a role."""
    yield from each_structure(rule, (test.structure,), lambda _: _coverage(context, rule, test))


def _coverage(context: Context, rule: Rule, test: Coverage) -> Finding:
    assigned = context.plan_with_role(test.role)
    prescription = prescription_for(assigned, context.protocol.role(test.role))
    structure = context.find(test.structure, context.structure_set(assigned.course))
    ledger = plan_ledger(context.treatment.ledger, assigned)
    if not len(ledger):
        raise DosecalcError("; ".join(context.treatment.ledger.course(assigned.course).missing()))
    cells = context.cells(structure, ledger)
    curve = cells.curve(ledger, Physical())
    deciding, metric = measured(test.goal, curve)
    percent = test.goal.unit is Unit.PERCENT and not _is_volume(metric)
    if percent:
        if prescription is None:
            raise MetricError(f"{assigned.name}: no prescription to take percent of")
        deciding = deciding.scaled(100 / float(prescription.dose_gy))
    outcome = judge(test.goal, deciding)
    of = f" of {prescription.dose_gy} Gy" if percent and prescription else ""
    unit = test.goal.unit.value
    text = f"{name_of(metric, test.goal)} is {digits(deciding.value, test.goal.limit)} {unit}{of}"
    text += f" in the dose of {assigned.plan.label!r}"
    text += f" (goal {test.goal.comparison.value} {test.goal.limit:g} {unit})"
    return replace(
        finding(rule, outcome, text + cover_text(cells), structure=test.structure),
        band=_band(deciding),
        deciding=deciding,
        limit=test.goal.limit,
        comparison=test.goal.comparison.value,
        unit=unit,
        decided_by=name_of(metric, test.goal),
    )


def _is_volume(metric: Metric) -> bool:
    return isinstance(metric, VolumeAtDose)


def target_ratio(context: Context, assigned: AssignedPlan) -> tuple[Interval, str]:
    """Median dose in a plan's target over its highest prescription, and the target's name.

    Raises
    ------
    DosecalcError : if the target, the prescription or the dose is not known.
    """
    prescription = assigned.prescription
    if prescription is None or prescription.dose_gy <= 0:
        raise DosecalcError(
            f"{assigned.name}: no TargetPrescriptionDose; state it in case.toml: prescription_gy"
        )
    structure = context.target_of(assigned)
    ledger = plan_ledger(context.treatment.ledger, assigned)
    if not len(ledger):
        reasons = [
            c.fraction.reason
            for s in context.treatment.ledger
            for c in s.contributions
            if isinstance(c.fraction, NoFraction) and c.fraction.plan_uid == assigned.plan.uid
        ]
        raise DosecalcError("; ".join(dict.fromkeys(reasons)))
    curve = context.cells(structure, ledger).curve(ledger, Physical())
    median = curve.bounds(lambda c: measure(Extreme.MEDIAN, c))
    return median.scaled(1 / float(prescription.dose_gy)), structure.name
