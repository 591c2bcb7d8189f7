"""Dose-volume curves for a report: of one day, of all courses, and of their EQD2, with limits on them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dosecalc.celldoses import CellDoses
from dosecalc.checking.context import Context
from dosecalc.checking.judging import near_max
from dosecalc.checking.session_rules import Day, days_of
from dosecalc.checking.structure_doses import named_structures
from dosecalc.checking.sums import curves, curves_over, envelopes, missing_from_sum, without_effect
from dosecalc.curves import Curve
from dosecalc.drawings import PERCENTS, DvhFigure, DvhLimit, DvhLine, Stage
from dosecalc.envelopes import Envelope
from dosecalc.errors import DosecalcError, MetricError
from dosecalc.findings import Finding, Outcome
from dosecalc.goals import DoseAtPercent, DoseAtVolume, Extreme, Goal, VolumeAtDose
from dosecalc.intervals import Interval
from dosecalc.ledger import Ledger
from dosecalc.quantities import Bed, Eqd2, Physical, Quantity, describe
from dosecalc.radiobiology import bed_to_eqd2
from dosecalc.rules import Coverage, CumulativeLimit, Rule, SessionLimit
from dosecalc.sessions import GridFraction
from dosecalc.structures import Structure

Floats = npt.NDArray[np.float64]

_AT_PERCENT = np.concatenate([np.linspace(0, 100, 31), [0.2, 0.5, 1, 2, 98, 99, 99.5, 99.8]])
_AT_DOSES = 25
"""Points of a line: so many evenly in volume, with more at its ends, and so many evenly in dose."""
_STEP_GY = 1e-3
"""What lies closer together falls at one dose."""
_BANDED = Stage.PROJECTED
"""The one stage whose lines have bands: those of three would cover each other."""


def dvh_figures(context: Context, findings: Sequence[Finding]) -> tuple[DvhFigure, ...]:
    """One figure for the worst day of each course that has a limit per session, one of dose, one of EQD2."""
    try:
        structures = tuple(named_structures(context))
    except DosecalcError:
        return ()  # the rules say what is missing
    rules = context.protocol.rules
    courses = dict.fromkeys(r.test.course for r in rules if isinstance(r.test, SessionLimit))
    figures = (
        *(_of_days(context, structures, course, findings) for course in courses),
        _of_sums(context, structures, findings, in_effect=False),
        _of_sums(context, structures, findings, in_effect=True),
    )
    return tuple(f for f in figures if f.lines)


def _judged(context: Context) -> frozenset[str]:
    """Structures whose dose a rule of the protocol judges."""
    found: set[str] = set()
    for rule in context.protocol.rules:
        if isinstance(rule.test, SessionLimit | CumulativeLimit):
            found.update(rule.test.structures)
        elif isinstance(rule.test, Coverage):
            found.add(rule.test.structure)
    return frozenset(found)


# ---------------------------------------------------------------- the worst day of a course
def _of_days(
    context: Context, structures: Sequence[tuple[str, Structure]], course: str, findings: Sequence[Finding]
) -> DvhFigure:
    lines, notes = [], []
    limited = {
        n
        for r in context.protocol.rules
        if isinstance(r.test, SessionLimit) and r.test.course == course
        for n in r.test.structures
    }
    ledger = context.treatment.ledger.course(course)
    for name, structure in structures:
        if name not in limited:
            continue
        try:
            lines.append(_worst_day(context, ledger, name, structure))
        except DosecalcError as error:
            notes.append(f"{name}: {error}")
    return DvhFigure(
        key=f"day-{course}",
        title=f"Dose of one day of the {course} course",
        axis="Gy per fraction: all that is given in one day, on the worst day",
        lines=tuple(lines),
        limits=tuple(_limits_of_days(context, course, lines, findings)),
        notes=tuple(notes),
    )


def _worst_day(context: Context, ledger: Ledger, name: str, structure: Structure) -> DvhLine:
    cells = context.cells(structure, ledger)
    days = [d for d in days_of(ledger) if d.known]
    if not days:
        raise MetricError("no dose of a day is known")
    found = {day: _curves_of_day(cells, day) for day in days}
    worst = max(days, key=lambda d: found[d][0].bounds(near_max).value)
    is_open = bool(worst.missing or context.treatment.lost)
    ends = _Ends.of_curves(found[worst], is_open=is_open)
    return _line(name, Stage.PROJECTED, "dose per session", ends, is_judged=True)


def _curves_of_day(cells: CellDoses, day: Day) -> list[Curve]:
    """The curve of a day, and of what it may have been where a part of it was broken off."""
    parts = [day.contributions]
    if any(c.is_approximate for c in day.known):
        parts += [day.at_least, day.at_most]
    return [
        cells.session_curve(tuple(c for c in part if isinstance(c.fraction, GridFraction))) for part in parts
    ]


# ---------------------------------------------------------------- sums over courses
def _of_sums(
    context: Context,
    structures: Sequence[tuple[str, Structure]],
    findings: Sequence[Finding],
    *,
    in_effect: bool,
) -> DvhFigure:
    judged, lines, notes, without = _judged(context), [], [], []
    quantities: dict[str, Quantity] = {}
    for name, structure in structures:
        quantity = _quantity(context, name, in_effect=in_effect)
        if quantity is None:
            without.append(name)
            continue
        quantities[name] = quantity
        for stage, ledger in _stages(context):
            try:
                ends = _ends_of_sum(context, structure, ledger, quantity, name, with_band=stage is _BANDED)
            except DosecalcError as error:
                if stage is Stage.PROJECTED:  # else the line is missing because nothing was given of it
                    notes.append(f"{name}: {error}")
            else:
                lines.append(_line(name, stage, describe(quantity), ends, is_judged=name in judged))
    if without:
        notes.append(f"the protocol has no a/b for {', '.join(without)}")
    limits, not_drawn = _limits_of_sums(context, quantities, lines, findings)
    notes += not_drawn
    missing = missing_from_sum(context)
    if missing and lines:
        notes.insert(0, f"the lines are lower bounds: {'; '.join(missing)}")
    return DvhFigure(
        key="eqd2" if in_effect else "physical",
        title="EQD2 of all courses" if in_effect else "Physical dose of all courses",
        axis="EQD2 in Gy, at the a/b of each structure" if in_effect else "Gy",
        lines=tuple(lines),
        limits=limits,
        notes=tuple(dict.fromkeys(notes)),
    )


def _quantity(context: Context, name: str, *, in_effect: bool) -> Quantity | None:
    if not in_effect:
        return Physical()
    effect = context.effect(name)
    return None if effect is None else Eqd2(alpha_beta_gy=effect.alpha_beta_gy, model=effect.model)


def _stages(context: Context) -> Iterator[tuple[Stage, Ledger]]:
    """The treatment as it stands, and where it differs, what was given so far, and the plans alone."""
    book, planned = context.treatment.ledger, context.treatment.planned
    yield Stage.PROJECTED, book
    if len(book.delivered()):
        for stage, ledger in ((Stage.GIVEN, book.delivered()), (Stage.PLANNED, planned)):
            if _given_when(ledger) != _given_when(book):
                yield stage, ledger


def _given_when(ledger: Ledger) -> set[tuple[object, ...]]:
    """What a ledger gives in alike days, and how far apart within them: the same for equal curves."""
    return {(d.sessions, d.hours if len(d.sessions) > 1 else (), d.count) for d in ledger.distinct_days()}


def _ends_of_sum(
    context: Context,
    structure: Structure,
    ledger: Ledger,
    quantity: Quantity,
    name: str,
    *,
    with_band: bool,
) -> _Ends:
    book, planned = context.treatment.ledger, context.treatment.planned
    cells = context.cells(structure, Ledger(sessions=(*book.sessions, *planned.sessions)))
    is_open = bool(missing_from_sum(context, name) or without_effect(ledger, name, quantity))
    if ledger.stated(name):
        return _Ends.of_envelopes(envelopes(cells, ledger, quantity, name), is_open=is_open)
    known = ledger.known()
    if not len(known):
        raise MetricError("no dose of it is known")
    if not with_band:
        return _Ends.of_curves([replace(cells.curve(known, quantity), others=None)], is_open=is_open)
    found = list(curves(cells, ledger, quantity))
    ends = context.protocol.alpha_beta_range(name)
    if ends is not None and isinstance(quantity, Eqd2):
        over = [quantity, *(replace(quantity, alpha_beta_gy=end) for end in ends)]
        found += curves_over(cells, ledger, over)
    return _Ends.of_curves(found, is_open=is_open)


# ---------------------------------------------------------------- from curves to lines
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ends:
    """A curve in points, the ends of what it may be instead, and its doses at ``PERCENTS``."""

    volume_cm3: float
    dose_gy: Floats
    percent: Floats
    low: Floats
    high: Floats
    is_open: bool
    at_percent: tuple[Interval, ...]

    @classmethod
    def of_curves(cls, found: Sequence[Curve], *, is_open: bool) -> _Ends:
        """Of a curve, and others that it may be instead."""
        first = found[0]
        every = [first, *(c for c in found[1:] if c.covered_cm3 > 0)]
        drawn = [c for curve in every for c in (curve, curve.floor) if c is not None and c.covered_cm3 > 0]
        if not drawn:
            raise MetricError("no part of it has a known dose")
        dose = _knots(_points(curve) for curve in drawn)
        parts = [_percents(curve, dose) for curve in every]
        least, value, _ = parts[0]
        below, above = _numerical(first, dose, value)
        low = np.minimum.reduce([value + below, *(p[0] for p in parts)])
        high = np.maximum.reduce([value + above, *(p[2] for p in parts)])
        value = least if is_open or first.uncovered_cm3 > 0 else value
        at = [c.bounds(functools.partial(_dose_at, percent=p)) for p in PERCENTS for c in every[:1]]
        return cls(
            volume_cm3=first.volume_cm3,
            dose_gy=dose,
            percent=value,
            low=np.clip(low, 0, 100),
            high=np.clip(high, 0, 100),
            is_open=is_open,
            at_percent=tuple(i.open_above() if is_open else i for i in at),
        )

    @classmethod
    def of_envelopes(cls, found: Sequence[Envelope], *, is_open: bool) -> _Ends:
        """Of what is known of a sum with a course that is known as numbers only."""
        volume = found[0].volume_cm3
        shares = np.sort(_AT_PERCENT)[::-1]
        cm3 = volume * shares / 100
        low = np.array([min(e.low(v) for e in found) for v in cm3])
        high = np.array([max(e.high(v) for e in found) for v in cm3])
        is_open = is_open or not bool(np.isfinite(high).all())
        dose = _knots([low, high[np.isfinite(high)]])
        at = [functools.reduce(Interval.or_up_to, (e.dose_at_volume(volume * p / 100) for e in found))
              for p in PERCENTS]  # fmt: skip
        least = _falling(dose, np.maximum.accumulate(low), shares)
        most = least if is_open else _falling(dose, np.maximum.accumulate(high), shares)
        return cls(
            volume_cm3=volume,
            dose_gy=dose,
            percent=least,
            low=least,
            high=most,
            is_open=is_open,
            at_percent=tuple(i.open_above() if is_open else i for i in at),
        )


def _dose_at(curve: Curve, *, percent: float) -> float:
    return curve.dose_at_percent(percent)


def _points(curve: Curve) -> Floats:
    """Doses at which a curve is drawn: evenly in volume, closer at both ends, and evenly in dose."""
    volume, dose = curve.volume_above_cm3, curve.dose_gy
    at_volume = np.interp(-curve.covered_cm3 * _AT_PERCENT / 100, -volume, dose)
    return np.concatenate([at_volume, np.linspace(dose[0], dose[-1], _AT_DOSES)])


def _knots(doses: Iterable[Floats]) -> Floats:
    """From 0 on, each once, and both sides of each step: what falls at one dose must not look a slope."""
    found = [np.sort(d) for d in doses]
    steps = np.concatenate([[d[0], d[-1], *d[1:][np.diff(d) < _STEP_GY]] for d in found])
    beside = (steps - _STEP_GY, steps, steps + _STEP_GY)
    return np.unique(np.maximum(np.concatenate([[0.0], *(np.round(d, 2) for d in found), *beside]), 0.0))


def _percents(curve: Curve, dose_gy: Floats) -> tuple[Floats, Floats, Floats]:
    """Of the volume, in percent, what has at least each dose: at least, of what is covered, and at most."""
    covered = _above(curve, dose_gy)
    least = covered if curve.floor is None else _above(curve.floor, dose_gy)
    scale = 100 / curve.volume_cm3
    return scale * least, scale * covered, scale * (covered + curve.uncovered_cm3)


def _above(curve: Curve, dose_gy: Floats) -> Floats:
    """The volume in cm3 that has at least each dose."""
    return _falling(dose_gy, curve.dose_gy, curve.volume_above_cm3)


def _falling(at_gy: Floats, dose_gy: Floats, amount: Floats) -> Floats:
    """Of a falling amount, what has at least each dose; at a step, all that stands at it."""
    if not dose_gy.size:
        return np.zeros(at_gy.shape)
    found = np.interp(at_gy, dose_gy, amount, right=0.0)
    first = np.minimum(np.searchsorted(dose_gy, at_gy, side="left"), dose_gy.size - 1)
    return np.where(dose_gy[first] == at_gy, amount[first], found)


def _numerical(curve: Curve, dose_gy: Floats, percent: Floats) -> tuple[Floats, Floats]:
    """How far a line may be off by end caps and sampling, as :meth:`Curve.numerical` adds it up."""
    none = np.zeros(dose_gy.shape)
    if curve.others is None or curve.uncovered_cm3 > 0:
        return none, none
    apart: dict[str, list[Floats]] = {}
    for about, other in curve.others():
        apart.setdefault(about, [none]).append(100 / other.volume_cm3 * _above(other, dose_gy) - percent)
    below = sum((np.minimum.reduce(d) for d in apart.values()), none)
    above = sum((np.maximum.reduce(d) for d in apart.values()), none)
    return below, above


def _line(name: str, stage: Stage, quantity: str, ends: _Ends, *, is_judged: bool) -> DvhLine:
    return DvhLine(
        structure=name,
        stage=stage,
        quantity=quantity,
        volume_cm3=ends.volume_cm3,
        dose_gy=ends.dose_gy,
        percent=ends.percent,
        low_percent=ends.low,
        high_percent=ends.high,
        is_open=ends.is_open,
        is_judged=is_judged,
        at_percent=ends.at_percent,
    )


# ---------------------------------------------------------------- limits
def _limits_of_days(
    context: Context, course: str, lines: Sequence[DvhLine], findings: Sequence[Finding]
) -> Iterator[DvhLimit]:
    for rule in context.protocol.rules:
        if isinstance(rule.test, SessionLimit) and rule.test.course == course:
            for line in lines:
                if line.structure in rule.test.structures:
                    outcome = _outcome(findings, rule.id, line.structure)
                    yield _limit(rule.id, line, rule.test.goal, rule.test.goal.limit, outcome)


def _limits_of_sums(
    context: Context,
    quantities: Mapping[str, Quantity],
    lines: Sequence[DvhLine],
    findings: Sequence[Finding],
) -> tuple[tuple[DvhLimit, ...], tuple[str, ...]]:
    """Limits in the quantity of a line, and which limits of that kind of dose are not drawn, in words.

    One in BED stands where its EQD2 is, which is BED over a constant.
    """
    limits, notes = [], []
    drawn = [line for line in lines if line.stage is Stage.PROJECTED]
    in_effect = any(isinstance(q, Eqd2) for q in quantities.values())
    for rule, test in _limits(context):
        if isinstance(test.goal.quantity, Bed | Eqd2) != in_effect:
            continue
        for line in drawn:
            if line.structure not in test.structures:
                continue
            goal = context.with_repair(test.goal, line.structure)
            scale = _scale(goal.quantity, quantities[line.structure])
            if scale is None:
                notes.append(f"{rule.id}: its limit is at another a/b than {line.structure}: not drawn")
            elif test.recovered and context.kept(line.structure):
                notes.append(
                    f"{rule.id}: {line.structure} is judged less recovery, the line is not: not drawn"
                )
            else:
                outcome = _outcome(findings, rule.id, line.structure)
                limits.append(_limit(rule.id, line, goal, goal.limit * scale, outcome, scale=scale))
    return tuple(limits), tuple(notes)


def _limits(context: Context) -> Iterator[tuple[Rule, CumulativeLimit]]:
    for rule in context.protocol.rules:
        if isinstance(rule.test, CumulativeLimit):
            yield rule, rule.test


def _scale(quantity: Quantity, drawn: Quantity) -> float | None:
    """By what a limit is scaled to stand beside a line; None where the two cannot be held together."""
    if quantity == drawn:
        return 1.0
    if isinstance(quantity, Bed) and isinstance(drawn, Eqd2):
        same = Eqd2(alpha_beta_gy=quantity.alpha_beta_gy, model=quantity.model) == drawn
        return float(bed_to_eqd2(1.0, alpha_beta_gy=quantity.alpha_beta_gy)) if same else None
    return None


def _outcome(findings: Sequence[Finding], rule: str, structure: str) -> Outcome:
    found = (f.outcome for f in findings if (f.rule, f.structure) == (rule, structure))
    return next(found, Outcome.NOT_EVALUATED)


def _limit(
    rule: str, line: DvhLine, goal: Goal, limit: float, outcome: Outcome, *, scale: float = 1.0
) -> DvhLimit:
    dose_gy, percent = _place(goal, limit, line.volume_cm3, scale)
    return DvhLimit(
        rule=rule,
        structure=line.structure,
        goal=goal.text,
        dose_gy=dose_gy,
        percent=percent,
        is_upper=goal.comparison.is_upper,
        outcome=outcome,
    )


def _place(goal: Goal, limit: float, volume_cm3: float, scale: float) -> tuple[float, float | None]:
    """Where a limit stands: its dose, and its part of the volume in percent."""
    match goal.metric:
        case DoseAtVolume(cm3=cm3):
            return limit, min(100 * cm3 / volume_cm3, 100.0)
        case DoseAtPercent(percent=percent):
            return limit, percent
        case VolumeAtDose(gy=gy):
            in_percent = goal.limit if goal.unit.value == "%" else 100 * goal.limit / volume_cm3
            return gy * scale, min(in_percent, 100.0)
        case Extreme.MAXIMUM:
            return limit, 0.0
        case Extreme.MINIMUM:
            return limit, 100.0
        case Extreme.MEDIAN:
            return limit, 50.0
        case Extreme.MEAN:
            return limit, None
