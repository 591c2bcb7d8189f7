"""What is known of the sum over courses in a structure: doses at its cells, and courses known as numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from dosecalc.celldoses import ALL_KEPT, CellDoses, Kept
from dosecalc.checking.context import Context
from dosecalc.checking.judging import measured, numerical
from dosecalc.curves import Curve
from dosecalc.envelopes import (
    Envelope,
    Numbers,
    either,
    envelope_in_doubt,
    envelope_of,
    envelope_of_curve,
    plus,
    uniform,
)
from dosecalc.errors import MissingDoseError
from dosecalc.goals import DoseAtPercent, DoseAtVolume, Extreme, Goal, Metric, Unit, VolumeAtDose
from dosecalc.intervals import Interval
from dosecalc.ledger import Ledger
from dosecalc.quantities import Bed, Eqd2, LqL, LqRepair, Physical, Quantity
from dosecalc.radiobiology import bed, bed_to_eqd2
from dosecalc.rules import CumulativeLimit


def missing_from_sum(context: Context, name: str | None = None) -> tuple[str, ...]:
    """Why the sum over all courses is incomplete, in a structure; empty where it is complete."""
    treatment = context.treatment
    return (
        *(f"nothing is known of the {c} course" for c in treatment.absent),
        *(f"the {c} course is not planned yet" for c in treatment.later),
        *treatment.lost,
        *treatment.ledger.missing(name),
    )


def recovery(context: Context, test: CumulativeLimit, name: str) -> tuple[Kept, Kept]:
    """What is kept of each course in the sum that a limit judges, and in the one that is shown beside it."""
    kept = context.kept(name) if isinstance(test.goal.quantity, Bed | Eqd2) else ALL_KEPT
    return (kept, ALL_KEPT) if test.recovered else (ALL_KEPT, kept)


def without_effect(ledger: Ledger, name: str, quantity: Quantity) -> tuple[str, ...]:
    """Why the effect of a sum in a structure has no upper end, whatever its dose; empty where it has."""
    if not isinstance(quantity, Bed | Eqd2):
        return ()
    found = []
    if not all(s.fractions for s, _ in ledger.stated(name)):
        found.append("a course that is known as numbers only states no fractions: its effect is not known")
    if ledger.is_approximate and not _is_convex(quantity):
        found.append(
            "of a fraction that was broken off nothing bounds the effect: above its threshold the LQ-L model "
            "is flatter than where it begins"
        )
    return tuple(found)


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


def curves(cells: CellDoses, ledger: Ledger, quantity: Quantity, kept: Kept = ALL_KEPT) -> Iterator[Curve]:
    """The curve of what a ledger gives by dose distributions, and what it may be instead."""
    for each in _ledgers(ledger, quantity):
        yield cells.curve(each, quantity, kept)


def curves_over(
    cells: CellDoses, ledger: Ledger, quantities: Sequence[Bed | Eqd2], kept: Kept = ALL_KEPT
) -> Iterator[Curve]:
    """The curves of the least and the most of several quantities, of all that a ledger may be."""
    for each in _ledgers(ledger, quantities[0]):
        between = cells.between(each, quantities, kept)
        yield from (between.low, between.high)


def curves_lessened(
    cells: CellDoses, ledger: Ledger, quantity: Bed, losses_gy: Mapping[str, float]
) -> Iterator[Curve]:
    """The curve of a sum with so much taken off each course, and what it may be instead."""
    for each in _ledgers(ledger, quantity):
        yield cells.lessened(each, quantity, losses_gy)


def _ledgers(ledger: Ledger, quantity: Quantity) -> Iterator[Ledger]:
    """What a ledger gives by dose distributions, and what it may be instead; nothing where there are none."""
    known = ledger.known()
    if len(known):
        yield known
        yield from other_ledgers(known, quantity)


def summed(
    cells: CellDoses, ledger: Ledger, goal: Goal, name: str, *, kept: Kept = ALL_KEPT
) -> tuple[Interval, Metric]:
    """A metric of the sum over a ledger, between all that it may be; ``kept`` as in :class:`CellDoses`.

    Raises
    ------
    MissingDoseError : if nothing is known of any of it.
    """
    metric = _taken(goal, cells)
    if not ledger.stated(name):
        parts = [measured(goal, curve)[0] for curve in curves(cells, ledger, goal.quantity, kept)]
    else:
        bounds = envelopes(cells, ledger, goal.quantity, name, kept=kept)
        parts = [_hardest(goal, measured_in(metric, each, goal.unit)) for each in bounds]
    if not parts:
        raise MissingDoseError("no dose of it is known")
    return functools.reduce(Interval.or_up_to, parts), metric


def summed_over(
    cells: CellDoses,
    ledger: Ledger,
    goal: Goal,
    quantities: Sequence[Bed | Eqd2],
    name: str,
    *,
    kept: Kept = ALL_KEPT,
) -> Interval:
    """The ends of a metric of the sum, whichever of several quantities it is taken in."""
    if ledger.stated(name):
        envelope = envelope_over(cells, ledger, quantities, name, kept=kept)
        return measured_in(_taken(goal, cells), envelope, goal.unit)
    ends = curves_over(cells, ledger, quantities, kept)
    return functools.reduce(Interval.or_up_to, (measured(goal, curve)[0] for curve in ends))


def numerical_doubt(
    cells: CellDoses, ledger: Ledger, goal: Goal, name: str, *, kept: Kept = ALL_KEPT
) -> Interval:
    """The sum with how far what is summed at cells may be off; numbers that are stated are exact."""
    known, metric = ledger.known(), _taken(goal, cells)
    if not len(known):
        return Interval.exactly(0.0)
    curve = cells.curve(known, goal.quantity, kept)
    if not ledger.stated(name):
        return numerical(goal, metric, curve)

    def end(of: Curve) -> float:
        stated = _stated_envelopes(of.volume_cm3, ledger, goal.quantity, name, kept=kept)
        found = measured_in(metric, functools.reduce(plus, stated, envelope_of_curve(of)), goal.unit)
        return found.high if found.is_bounded else found.low

    return curve.numerical(end)


def _taken(goal: Goal, cells: CellDoses) -> Metric:
    """The metric of a goal, or the maximum in its place: see :func:`measured`."""
    small = isinstance(goal.metric, DoseAtVolume) and _volume_cm3(cells) < goal.metric.cm3
    return Extreme.MAXIMUM if small and goal.comparison.is_upper else goal.metric


def _hardest(goal: Goal, found: Interval) -> Interval:
    """The end that is certain as the value: the upper one for a goal that bounds from below."""
    if goal.comparison.is_upper or not found.is_bounded:
        return found
    return Interval(value=found.high, low=found.low, high=found.high)


def envelopes(
    cells: CellDoses, ledger: Ledger, quantity: Quantity, name: str, *, kept: Kept = ALL_KEPT
) -> list[Envelope]:
    """What is known of the sum in a structure, by each of the ledgers that may be true."""
    stated = _stated_envelopes(_volume_cm3(cells), ledger, quantity, name, kept=kept)
    known = [envelope_of_curve(c) for c in curves(cells, ledger, quantity, kept)]
    return [functools.reduce(plus, stated, base) for base in known or [_nothing(cells)]]


def envelope_over(
    cells: CellDoses,
    ledger: Ledger,
    quantities: Sequence[Bed | Eqd2],
    name: str,
    *,
    kept: Kept = ALL_KEPT,
) -> Envelope:
    """What is known of the sum in a structure, whichever of several quantities it is taken in.

    Each cell, and each course in numbers, has its least and its most of them.
    """
    ends = [envelope_of_curve(c) for c in curves_over(cells, ledger, quantities, kept)]
    base = either(ends) if ends else _nothing(cells)
    by_quantity = [_stated_envelopes(_volume_cm3(cells), ledger, q, name, kept=kept) for q in quantities]
    return functools.reduce(plus, [either(same) for same in zip(*by_quantity, strict=True)], base)


def envelope_off(cells: CellDoses, ledger: Ledger, quantity: Quantity, name: str) -> Envelope:
    """What is known of the sum in a structure with what end caps and sampling may do; numbers are exact."""
    known = ledger.known()
    base = envelope_in_doubt(cells.curve(known, quantity)) if len(known) else _nothing(cells)
    stated = _stated_envelopes(_volume_cm3(cells), ledger, quantity, name)
    return functools.reduce(plus, stated, base)


def envelope_lessened(
    cells: CellDoses, ledger: Ledger, quantity: Bed, name: str, losses_gy: Mapping[str, float]
) -> Envelope:
    """What is known of the sum with so much taken off each course, of none below 0."""
    parts = [envelope_of_curve(c) for c in curves_lessened(cells, ledger, quantity, losses_gy)]
    base = either(parts) if parts else _nothing(cells)
    return functools.reduce(
        plus,
        _stated_envelopes(_volume_cm3(cells), ledger, quantity, name, losses_gy=losses_gy),
        base,
    )


def _volume_cm3(cells: CellDoses) -> float:
    return float(cells.volume_cm3.sum())


def _nothing(cells: CellDoses) -> Envelope:
    return envelope_of(uniform(0.0), volume_cm3=_volume_cm3(cells))


def _stated_envelopes(
    volume: float,
    ledger: Ledger,
    quantity: Quantity,
    name: str,
    *,
    kept: Kept = ALL_KEPT,
    losses_gy: Mapping[str, float] | None = None,
) -> tuple[Envelope, ...]:
    """Courses of a ledger of which numbers are known for a structure, of so many cm3."""
    is_convex = _is_convex(quantity)
    found = []
    for stated, sessions in ledger.stated(name):
        numbers = stated.of(name)
        assert numbers is not None  # a ledger names none without
        loss_gy = (losses_gy or {}).get(stated.course, 0.0)
        effect = _effect(stated.fractions, sessions, quantity, kept.get(stated.course, 1.0), loss_gy)
        if effect is None:
            found.append(envelope_of(Numbers(), volume_cm3=volume))
        else:
            whole = isinstance(quantity, Physical) and sessions == (stated.fractions or sessions)
            turned = None if whole else effect
            found.append(envelope_of(numbers, volume_cm3=volume, effect=turned, is_convex=is_convex))
    return tuple(found)


def _is_convex(quantity: Quantity) -> bool:
    """Whether a quantity rises the faster the more dose a session gives."""
    if isinstance(quantity, Bed | Eqd2) and isinstance(quantity.model, LqL):
        return quantity.model.is_convex(quantity.alpha_beta_gy)
    return True


def _effect(
    fractions: int | None, sessions: int, quantity: Quantity, kept: float, loss_gy: float
) -> Callable[[float], float] | None:
    """From the total dose of a course in equal fractions to what some of them give; None where unknown."""
    if isinstance(quantity, Physical):
        share = 1.0 if fractions is None else sessions / fractions
        return lambda gy: gy * share
    if fractions is None or not isinstance(quantity, Bed | Eqd2):
        return None
    alpha_beta, model, part = quantity.alpha_beta_gy, quantity.model, kept * sessions / fractions

    def effect(gy: float) -> float:
        whole = float(bed(gy, fractions=fractions, alpha_beta_gy=alpha_beta, model=model))
        found = max(whole * part - loss_gy, 0.0)
        return float(bed_to_eqd2(found, alpha_beta_gy=alpha_beta) if isinstance(quantity, Eqd2) else found)

    return effect


def measured_in(metric: Metric, envelope: Envelope, unit: Unit = Unit.GY) -> Interval:
    """The ends of a metric in an envelope."""
    whole = envelope.volume_cm3
    match metric:
        case DoseAtVolume(cm3=cm3):
            return envelope.dose_at_volume(cm3)
        case DoseAtPercent(percent=percent):
            return envelope.dose_at_volume(whole * percent / 100)
        case VolumeAtDose(gy=gy):
            volume = envelope.volume_at_dose(gy)
            return volume if unit is Unit.CM3 else volume.scaled(100 / whole)
        case Extreme.MAXIMUM:
            return envelope.dose_at_volume(0.0)
        case Extreme.MINIMUM:
            return envelope.dose_at_volume(whole)
        case Extreme.MEAN:
            return envelope.mean_gy
        case Extreme.MEDIAN:
            return envelope.dose_at_volume(whole / 2)
