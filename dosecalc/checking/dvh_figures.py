"""Dose-volume curves for a report: of one day, of all courses, and of their EQD2, with limits on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dosecalc.celldoses import CellDoses
from dosecalc.checking.context import Context
from dosecalc.checking.dvh_limits import limits_of_days, limits_of_sums
from dosecalc.checking.dvh_lines import Ends, drawn_line
from dosecalc.checking.judging import near_max
from dosecalc.checking.session_rules import Day, days_of
from dosecalc.checking.structure_doses import named_structures
from dosecalc.checking.sums import curves, curves_over, envelopes, missing_from_sum, without_effect
from dosecalc.curves import Curve
from dosecalc.drawings import DvhFigure, DvhLine, Stage
from dosecalc.errors import DosecalcError, MetricError
from dosecalc.findings import Finding
from dosecalc.ledger import Ledger
from dosecalc.quantities import Eqd2, Physical, Quantity, describe
from dosecalc.rules import Coverage, CumulativeLimit, SessionLimit
from dosecalc.sessions import GridFraction
from dosecalc.structures import Structure

Floats = npt.NDArray[np.float64]

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
        limits=tuple(limits_of_days(context, course, lines, findings)),
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
    ends = Ends.of_curves(found[worst], is_open=is_open)
    return drawn_line(name, Stage.PROJECTED, "dose per session", ends, is_judged=True)


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
                lines.append(drawn_line(name, stage, describe(quantity), ends, is_judged=name in judged))
    if without:
        notes.append(f"the protocol has no a/b for {', '.join(without)}")
    limits, not_drawn = limits_of_sums(context, quantities, lines, findings)
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
) -> Ends:
    book, planned = context.treatment.ledger, context.treatment.planned
    cells = context.cells(structure, Ledger(sessions=(*book.sessions, *planned.sessions)))
    is_open = bool(missing_from_sum(context, name) or without_effect(ledger, name, quantity))
    if ledger.stated(name):
        return Ends.of_envelopes(envelopes(cells, ledger, quantity, name), is_open=is_open)
    known = ledger.known()
    if not len(known):
        raise MetricError("no dose of it is known")
    if not with_band:
        return Ends.of_curves([replace(cells.curve(known, quantity), others=None)], is_open=is_open)
    found = list(curves(cells, ledger, quantity))
    ends = context.protocol.alpha_beta_range(name)
    if ends is not None and isinstance(quantity, Eqd2):
        over = [quantity, *(replace(quantity, alpha_beta_gy=end) for end in ends)]
        found += curves_over(cells, ledger, over)
    return Ends.of_curves(found, is_open=is_open)
