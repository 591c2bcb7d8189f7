"""Dose-volume curves for a report: of one day, of all courses, and of their EQD2, with limits on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dosecalc.checking.context import Context
from dosecalc.checking.dvh_limits import limits_of_day, limits_of_sums, not_drawn
from dosecalc.checking.dvh_lines import Ends, drawn_line
from dosecalc.checking.frame_rules import displaced
from dosecalc.checking.judged_dose import JudgedDose, SessionDose
from dosecalc.checking.structure_doses import named_structures
from dosecalc.checking.sums import (
    curves,
    curves_over,
    envelope_off,
    envelope_over,
    envelopes,
    missing_from_sum,
    without_effect,
)
from dosecalc.drawings import DvhFigure, DvhLimit, DvhLine, Stage
from dosecalc.errors import DosecalcError, MetricError
from dosecalc.findings import Finding
from dosecalc.ledger import Ledger
from dosecalc.quantities import Bed, Eqd2, Physical, Quantity, describe
from dosecalc.rules import Coverage, CumulativeLimit, Rule, SessionLimit, SessionReading
from dosecalc.structures import Structure

Floats = npt.NDArray[np.float64]


def dvh_figures(context: Context, findings: Sequence[Finding]) -> tuple[DvhFigure, ...]:
    """One figure for each course that has a limit per session, one of dose, one of EQD2."""
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


# ---------------------------------------------------------------- the day that was judged
def _of_days(
    context: Context, structures: Sequence[tuple[str, Structure]], course: str, findings: Sequence[Finding]
) -> DvhFigure:
    """Each structure in the very dose that a limit per session was held against."""
    lines: dict[tuple[object, ...], DvhLine] = {}
    limits: list[DvhLimit] = []
    notes: list[str] = []
    left_out: list[tuple[Rule, str]] = []
    rules = list(_limited(context, course, [name for name, _ in structures]))
    for rule, _, name in rules:
        judged = context.judged.get((rule.id, name))
        if judged is None or not isinstance(judged.dose, SessionDose):
            left_out.append((rule, name))
            continue
        key = name, judged.dose, judged.quantity, judged.missing  # as one line only what is alike in all
        try:
            line = lines[key] = lines.get(key) or _judged_day(context, judged, judged.dose, name)
        except DosecalcError as error:
            notes.append(f"{name}: {error}")
            left_out.append((rule, name))
            continue
        if judged.missing:
            notes.append(f"{name}: a lower bound: {'; '.join(judged.missing)}")
        limits.extend(limits_of_day(rule, line, findings))
    drawn = tuple(lines.values())
    what = " and ".join(dict.fromkeys(_READINGS[test.reading] for _, test, _ in rules))
    return DvhFigure(
        key=f"day-{course}",
        title=f"Dose of {what} of the {course} course",
        axis="Gy per fraction, on the day that was judged: the worst one for the limit",
        lines=drawn,
        limits=tuple(limits),
        notes=(*dict.fromkeys(notes), *not_drawn(left_out, findings), *_not_covered(drawn)),
    )


_READINGS: Mapping[SessionReading, str] = {
    SessionReading.SESSION_SUM: "one day",
    SessionReading.EACH_PLAN: "one plan alone in one day",
}


def _limited(context: Context, course: str, names: Sequence[str]) -> Iterator[tuple[Rule, SessionLimit, str]]:
    """Limits per session of a course with each structure, those that are there first and in their order."""
    rules = [(r, r.test) for r in context.protocol.rules if isinstance(r.test, SessionLimit)]
    own = [(rule, test) for rule, test in rules if test.course == course]
    for name in dict.fromkeys((*names, *(n for _, test in own for n in test.structures))):
        yield from ((rule, test, name) for rule, test in own if name in test.structures)


def _judged_day(context: Context, judged: JudgedDose, dose: SessionDose, name: str) -> DvhLine:
    cells = context.cells(judged.structure, context.treatment.ledger)
    found = [cells.session_curve(given) for given in (dose.contributions, *dose.instead)]
    ends = Ends.of_curves(found, is_open=bool(judged.missing))
    return drawn_line(name, Stage.PROJECTED, judged.quantity, ends, is_judged=True)


def _not_covered(lines: Sequence[DvhLine]) -> Iterator[str]:
    """Of which structures some volume has no known dose, so that their lines are lower bounds."""
    for line in lines:
        if line.uncovered_cm3 > 0:
            yield (
                f"{line.structure}, {line.stage}: {line.uncovered_cm3:.3g} of {line.volume_cm3:.3g} cm3 have "
                "no known dose: the line is what is certain"
            )


# ---------------------------------------------------------------- sums over courses
def _of_sums(
    context: Context,
    structures: Sequence[tuple[str, Structure]],
    findings: Sequence[Finding],
    *,
    in_effect: bool,
) -> DvhFigure:
    judged, lines, notes = _judged(context), [], []
    found = {name: _quantity(context, name, in_effect=in_effect) for name, _ in structures}
    quantities = {name: quantity for name, quantity in found.items() if quantity is not None}
    without = [name for name in found if name not in quantities]
    wanted = [
        (name, structure, stage, ledger)
        for name, structure in structures
        for stage, ledger in _stages(context)
        if name in quantities
    ]
    with ThreadPoolExecutor() as pool:  # most of the time goes into arrays, which threads work on at once
        made = [pool.submit(_ends_of_sum, context, s, book, quantities[n], n) for n, s, _, book in wanted]
        for (name, _, stage, _), ends in zip(wanted, made, strict=True):
            what = describe(quantities[name])
            try:
                lines.append(drawn_line(name, stage, what, ends.result(), is_judged=name in judged))
            except DosecalcError as error:
                if stage is Stage.PROJECTED:  # else the line is missing because nothing was given of it
                    notes.append(f"{name}: {error}")
    if without:
        notes.append(f"the protocol has no a/b for {', '.join(without)}")
    limits, without_limits = limits_of_sums(context, quantities, lines, findings)
    notes += [*without_limits, *(() if in_effect else _coverage(context))]
    apart = (f"in no band, and not certain: {text}" for text in displaced(context))
    notes = [*_lower_bounds(context, lines), *_known_as_numbers(context, lines), *notes]
    notes += [*_not_covered(lines), *apart]
    return DvhFigure(
        key="eqd2" if in_effect else "physical",
        title="EQD2 of all courses" if in_effect else "Physical dose of all courses",
        axis="EQD2 in Gy, at the a/b of each structure" if in_effect else "Gy",
        lines=tuple(lines),
        limits=limits,
        notes=tuple(dict.fromkeys(notes)),
    )


def _coverage(context: Context) -> Iterator[str]:
    """Which rules on targets have their goal in no figure."""
    rules = [rule.id for rule in context.protocol.rules if isinstance(rule.test, Coverage)]
    if rules:
        yield f"coverage ({', '.join(rules)}) is judged on the dose of a target's own plan: not drawn here"


def _lower_bounds(context: Context, lines: Sequence[DvhLine]) -> Iterator[str]:
    """Which lines are lower bounds, and what is missing in them."""
    named: dict[tuple[str, ...], list[str]] = {}
    for name in dict.fromkeys(line.structure for line in lines if line.is_open):
        named.setdefault(missing_from_sum(context, name), []).append(name)
    for missing, names in named.items():
        yield f"lower bounds: {', '.join(names)}: {'; '.join(missing) or 'nothing bounds them from above'}"


def _known_as_numbers(context: Context, lines: Sequence[DvhLine]) -> Iterator[str]:
    """Of which structures a course is known as numbers only, and what their lines are then."""
    stated = context.treatment.ledger.stated
    names = list(dict.fromkeys(line.structure for line in lines if stated(line.structure)))
    if names:
        yield (
            f"{', '.join(names)}: a course is known as numbers only: the line is what is certain, the band "
            "goes up to the most it may be"
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
) -> Ends:
    book, planned = context.treatment.ledger, context.treatment.planned
    cells = context.cells(structure, Ledger(sessions=(*book.sessions, *planned.sessions)))
    is_open = bool(missing_from_sum(context, name) or without_effect(ledger, name, quantity))
    over: list[Bed | Eqd2] = []
    if isinstance(quantity, Eqd2):
        ends = context.protocol.alpha_beta_range(name) or ()
        over = [quantity, *(replace(quantity, alpha_beta_gy=end) for end in ends)]
    if ledger.stated(name):
        doubts = [envelope_off(cells, ledger, quantity, name)]
        if len(over) > 1:
            doubts.append(envelope_over(cells, ledger, over, name))
        return Ends.of_envelopes(envelopes(cells, ledger, quantity, name), doubts, is_open=is_open)
    found = list(curves(cells, ledger, quantity))
    if not found:
        raise MetricError("no dose of it is known")
    moved = list(curves_over(cells, ledger, over)) if len(over) > 1 and not is_open else []
    return Ends.of_curves(found, moved, is_open=is_open)
