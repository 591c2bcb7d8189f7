"""The table of structures: what each course and all of them give, in every quantity."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from dosecalc.celldoses import ALL_KEPT, CellDoses, Kept, cell_doses
from dosecalc.checking.context import Context
from dosecalc.checking.judging import NEAR_MAX_CM3, cover_notes, near_max
from dosecalc.checking.session_rules import Day, days_of
from dosecalc.checking.sums import (
    curves,
    curves_lessened,
    curves_over,
    envelope_lessened,
    envelope_over,
    envelopes,
    measured_in,
    missing_from_sum,
    without_effect,
)
from dosecalc.curves import Curve
from dosecalc.doses import DoseType, SeveralPlans
from dosecalc.envelopes import Envelope
from dosecalc.errors import DosecalcError, MissingDoseError
from dosecalc.goals import DoseAtVolume, Extreme
from dosecalc.ledger import Ledger
from dosecalc.progress import Progress, counted, silent
from dosecalc.quantities import Bed, Eqd2, Physical, Quantity, describe
from dosecalc.radiobiology import bed_to_eqd2
from dosecalc.results import TOTAL, CourseShare, DoseRow, Metrics, StructureDoses
from dosecalc.structures import Structure


def named_structures(context: Context) -> Iterator[tuple[str, Structure]]:
    """Structures of the reference structure set by their name in the protocol, else by their own."""
    structure_set = context.structure_set()
    names: dict[int, str] = {}
    for entry in context.protocol.structures:
        try:
            names[context.find(entry.name, structure_set).number] = entry.name
        except DosecalcError:
            continue  # rules that need it say so; here only what is there is listed
    listed = [s for s in structure_set if s.contours or s.problem]
    called = Counter(names.get(s.number, s.name) for s in listed)
    for structure in listed:
        name = names.get(structure.number)
        if name is None and called[structure.name] > 1:  # it is not the one that rules judge by that name
            name = f"{structure.name} (ROI {structure.number})"
        yield name or structure.name, structure


def structure_doses(context: Context, progress: Progress = silent) -> Iterator[StructureDoses]:
    """Each structure's doses by course and in total; one that cannot be read says why."""
    try:
        found = list(named_structures(context))
        set_uid = context.structure_set().uid
    except DosecalcError:
        return  # the rules say what is missing
    for name, structure in counted(progress, "summing doses", found):
        effect = context.effect(name)
        base = StructureDoses(
            name=name,
            roi_name=structure.name,
            roi_number=structure.number,
            structure_set_uid=set_uid,
            volume_cm3=None,
            covered_cm3=None,
            alpha_beta_gy=effect.alpha_beta_gy if effect else None,
        )
        try:
            yield _doses(context, structure, effect, base)
        except DosecalcError as error:
            yield replace(base, problem=str(error))


def _doses(
    context: Context, structure: Structure, effect: Bed | None, base: StructureDoses
) -> StructureDoses:
    """The same with all that is known of a structure's doses."""
    name, book, planned = base.name, context.treatment.ledger, context.treatment.planned
    cells = context.cells(structure, Ledger(sessions=(*book.sessions, *planned.sessions)))
    rows = (
        *_rows(context, cells, book, effect, name),
        *_effect_rows(context, cells, book, effect, name),
        *sum_rows(context, cells),
    )
    begun = len(book.delivered()) > 0
    return replace(
        base,
        volume_cm3=float(cells.volume_cm3.sum()),
        covered_cm3=_covered(cells),
        rows=rows,
        delivered=tuple(_rows(context, cells, book.delivered(), effect, name)) if begun else (),
        planned=tuple(_rows(context, cells, planned, effect, name)) if begun else (),
        shares=tuple(_shares(context, cells, effect, name)),
        notes=(*cells.quadrature.notes, *cover_notes(cells)),
    )


def _shares(context: Context, cells: CellDoses, effect: Bed | None, name: str) -> Iterator[CourseShare]:
    """How much of the sum came from which course, where nothing is missing in it."""
    ledger = context.treatment.ledger
    known = all(np.isfinite(gy).all() for gy in cells.gy.values())
    if missing_from_sum(context, name) or ledger.stated(name) or not known or not len(ledger):
        return
    quantity: Quantity = Physical()
    if effect is not None:
        quantity = Eqd2(alpha_beta_gy=effect.alpha_beta_gy, model=effect.model)
    hottest = min(NEAR_MAX_CM3, float(cells.volume_cm3.sum()))
    whole, hot = (cells.parts_gy(ledger, quantity, volume) for volume in (None, hottest))
    of_mean, of_hot = sum(whole.values()), sum(hot.values())
    for course in ledger.courses:
        yield CourseShare(
            course=course,
            quantity=describe(quantity),
            mean_percent=100 * whole[course] / of_mean if of_mean else 0.0,
            near_max_percent=100 * hot[course] / of_hot if of_hot else 0.0,
        )


def _covered(cells: CellDoses) -> float:
    """Volume that every dose reaches."""
    reached = cells.volume_cm3 > 0
    for gy in cells.gy.values():
        reached = reached & np.isfinite(gy)
    return float(cells.volume_cm3[reached].sum())


def _rows(
    context: Context, cells: CellDoses, ledger: Ledger, effect: Bed | None, name: str
) -> Iterator[DoseRow]:
    """A row for each course of a ledger and one for all of them."""
    missing = missing_from_sum(context, name)
    rows = []
    for course in ledger.courses:
        part = ledger.course(course)
        rows.append(_row(context, cells, course, part, missing=part.missing(name), effect=effect, name=name))
    yield from rows
    if len(rows) == 1 and rows[0].incomplete == missing:
        yield replace(rows[0], course=TOTAL, per_session=None)  # one course is all there is
    elif rows:
        yield _row(context, cells, TOTAL, ledger, missing=missing, effect=effect, name=name)


def _effect_rows(
    context: Context, cells: CellDoses, ledger: Ledger, effect: Bed | None, name: str
) -> Iterator[DoseRow]:
    """The effect of all courses less what is recovered from, and over the range of a/b."""
    if effect is None or not (len(ledger.known()) or ledger.stated(name)):
        return
    missing = missing_from_sum(context, name)
    complete = not (missing or without_effect(ledger, name, effect))
    base = DoseRow(
        course="", sessions=len(ledger), per_session=None, physical=None, bed=None, eqd2=None,
        incomplete=missing,
    )  # fmt: skip
    kept = context.kept(name)
    if kept:
        bed = sum_metrics(context, cells, ledger, effect, name, complete=complete, kept=kept)
        yield replace(base, course="total, recovered", bed=bed, eqd2=_as_eqd2(bed, effect))
    losses = context.losses_gy(name)
    if losses is not None:
        bed = _lessened(cells, ledger, effect, name, losses, complete=complete)
        yield replace(base, course="total, repopulation", bed=bed, eqd2=_as_eqd2(bed, effect))
    ends = context.protocol.alpha_beta_range(name)
    if ends is not None:
        kinds: tuple[Bed | Eqd2, ...] = (
            effect,
            Eqd2(alpha_beta_gy=effect.alpha_beta_gy, model=effect.model),
        )
        bed, eqd2 = (
            _over(cells, ledger, [kind, *(replace(kind, alpha_beta_gy=end) for end in ends)], name,
                  complete=complete)
            for kind in kinds
        )  # fmt: skip
        low, high = ends
        yield replace(base, course=f"total, a/b {low:g} to {high:g}", bed=bed, eqd2=eqd2)


def _lessened(
    cells: CellDoses,
    ledger: Ledger,
    effect: Bed,
    name: str,
    losses_gy: Mapping[str, float],
    *,
    complete: bool,
) -> Metrics:
    """Metrics of a sum with so much taken off each course."""
    if not ledger.stated(name):
        lessened = curves_lessened(cells, ledger, effect, losses_gy)
        return functools.reduce(Metrics.or_up_to, (metrics_of(c, complete=complete) for c in lessened))
    found = _metrics_in(envelope_lessened(cells, ledger, effect, name, losses_gy))
    return found if complete else found.open_above()


def _over(
    cells: CellDoses, ledger: Ledger, quantities: Sequence[Bed | Eqd2], name: str, *, complete: bool
) -> Metrics:
    """Metrics of a sum in the first of several quantities, and their ends in all of them."""
    if ledger.stated(name):
        envelopes_of = (quantities[:1], quantities)
        parts = [_metrics_in(envelope_over(cells, ledger, some, name)) for some in envelopes_of]
        parts = parts if complete else [p.open_above() for p in parts]
    else:
        found = (cells.curve(ledger.known(), quantities[0]), *curves_over(cells, ledger, quantities))
        parts = [metrics_of(curve, complete=complete) for curve in found]
    return functools.reduce(Metrics.or_up_to, parts)


def _as_eqd2(bed: Metrics, effect: Bed) -> Metrics:
    """EQD2 is BED over a constant, so each metric of it is too."""
    return bed.scaled(float(bed_to_eqd2(1.0, alpha_beta_gy=effect.alpha_beta_gy)))


def _row(
    context: Context,
    cells: CellDoses,
    course: str,
    ledger: Ledger,
    *,
    missing: tuple[str, ...],
    effect: Bed | None,
    name: str,
) -> DoseRow:
    known = ledger.known()
    if not len(known) and not ledger.stated(name):
        return DoseRow(
            course=course,
            sessions=len(ledger),
            per_session=None,
            physical=None,
            bed=None,
            eqd2=None,
            incomplete=missing,
        )
    complete = not missing
    per_session = bed = eqd2 = None
    if course != TOTAL and len(known):
        found = [_of_day(context, cells, day, complete=complete) for day in days_of(ledger)]
        per_session = max(found, key=lambda m: m.near_max_gy.value)
    if effect is not None and not without_effect(ledger, name, effect):
        bed = sum_metrics(context, cells, ledger, effect, name, complete=complete)
        eqd2 = _as_eqd2(bed, effect)
    return DoseRow(
        course=course,
        sessions=len(ledger),
        per_session=per_session,
        physical=sum_metrics(context, cells, ledger, Physical(), name, complete=complete),
        bed=bed,
        eqd2=eqd2,
        incomplete=missing,
    )


def _of_day(context: Context, cells: CellDoses, day: Day, *, complete: bool) -> Metrics:
    of = (cells.quadrature, day.known, day.at_least, day.at_most, complete)
    return context.metrics(of, lambda: _metrics_of_day(cells, day, complete=complete))


def _metrics_of_day(cells: CellDoses, day: Day, *, complete: bool) -> Metrics:
    given = metrics_of(cells.session_curve(day.known), complete=complete)
    for known in day.instead:
        given = given.or_up_to(metrics_of(cells.session_curve(known), complete=complete))
    return given


def sum_metrics(
    context: Context,
    cells: CellDoses,
    ledger: Ledger,
    quantity: Quantity,
    name: str,
    *,
    complete: bool,
    kept: Kept = ALL_KEPT,
) -> Metrics:
    """Metrics of a sum in a structure, between all that it may be.

    Raises
    ------
    MissingDoseError : if nothing is known of any of it.
    """
    of = (cells.quadrature, ledger.content(), quantity, name, complete, tuple(kept.items()))
    return context.metrics(
        of, lambda: _metrics_of_sum(cells, ledger, quantity, name, complete=complete, kept=kept)
    )


def _metrics_of_sum(
    cells: CellDoses, ledger: Ledger, quantity: Quantity, name: str, *, complete: bool, kept: Kept
) -> Metrics:
    if ledger.stated(name):
        parts = [_metrics_in(each) for each in envelopes(cells, ledger, quantity, name, kept=kept)]
        parts = parts if complete else [p.open_above() for p in parts]
    else:
        parts = [metrics_of(curve, complete=complete) for curve in curves(cells, ledger, quantity, kept)]
    if not parts:
        raise MissingDoseError(f"{name}: no dose of it is known")
    return functools.reduce(Metrics.or_up_to, parts)


def _metrics_in(envelope: Envelope) -> Metrics:
    near = DoseAtVolume(cm3=NEAR_MAX_CM3) if envelope.volume_cm3 >= NEAR_MAX_CM3 else Extreme.MAXIMUM
    low, mean, near_max, high = (
        measured_in(metric, envelope) for metric in (Extreme.MINIMUM, Extreme.MEAN, near, Extreme.MAXIMUM)
    )
    return Metrics(min_gy=low, mean_gy=mean, near_max_gy=near_max, max_gy=high)


def sum_rows(context: Context, cells: CellDoses) -> Iterator[DoseRow]:
    """A row for each grid that is a sum of several plans: physical dose only, and in no total."""
    for grid in context.case.doses:
        if not isinstance(grid.holds, SeveralPlans) or grid.dose_type is not DoseType.PHYSICAL:
            continue
        try:
            held = cell_doses(cells.quadrature, (grid,), frames=context.case.frames)
        except DosecalcError:
            continue  # the rule on frames of reference says so
        curve = held.dvh(grid)
        yield DoseRow(
            course=f"sum of plans in {grid.source}",
            sessions=0,
            per_session=None,
            physical=metrics_of(curve, complete=True),
            bed=None,
            eqd2=None,
        )


def metrics_of(curve: Curve, *, complete: bool) -> Metrics:
    """The metrics of a table row; where dose is missing they are lower bounds."""
    found = [
        curve.bounds(lambda c: c.min_gy),
        curve.bounds(lambda c: c.mean_gy),
        curve.bounds(near_max),
        curve.bounds(lambda c: c.max_gy),
    ]
    low, mean, near, high = found if complete else [i.open_above() for i in found]
    return Metrics(min_gy=low, mean_gy=mean, near_max_gy=near, max_gy=high)
