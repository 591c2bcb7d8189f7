"""What is known of the sum over courses in a structure: doses at its cells, and courses known as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dosecalc.celldoses import ALL_KEPT, CellDoses, Kept
from dosecalc.checking.context import Context
from dosecalc.checking.judging import measured
from dosecalc.curves import Curve
from dosecalc.envelopes import Envelope, Numbers, envelope_of, envelope_of_curve, plus, uniform
from dosecalc.goals import DoseAtPercent, DoseAtVolume, Extreme, Goal, Metric, Unit, VolumeAtDose
from dosecalc.intervals import Interval
from dosecalc.ledger import Ledger
from dosecalc.quantities import Bed, Eqd2, LqRepair, Physical, Quantity
from dosecalc.radiobiology import bed, bed_to_eqd2


def missing_from_sum(context: Context, name: str | None = None) -> tuple[str, ...]:
    """Why the sum over all courses is incomplete, in a structure; empty where it is complete."""
    treatment = context.treatment
    return (
        *(f"nothing is known of the {c} course" for c in treatment.absent),
        *(f"the {c} course is not planned yet" for c in treatment.later),
        *treatment.lost,
        *treatment.ledger.missing(name),
    )


def without_effect(ledger: Ledger, name: str, quantity: Quantity) -> tuple[str, ...]:
    """Courses in numbers of which the effect in a structure is not known, as their fractions are not."""
    if not isinstance(quantity, Bed | Eqd2) or all(s.fractions for s, _ in ledger.stated(name)):
        return ()
    return ("a course that is known as numbers only states no fractions: its effect is not known",)


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
    known = ledger.known()
    if len(known):
        yield cells.curve(known, quantity, kept)
        yield from (cells.curve(other, quantity, kept) for other in other_ledgers(known, quantity))


def summed(
    cells: CellDoses, ledger: Ledger, goal: Goal, name: str, *, kept: Kept = ALL_KEPT
) -> tuple[Interval, Metric]:
    """A metric of the sum over a ledger, between all that it may be; ``kept`` as in :class:`CellDoses`."""
    metric = goal.metric
    small = isinstance(metric, DoseAtVolume) and float(cells.volume_cm3.sum()) < metric.cm3
    if small and goal.comparison.is_upper:
        metric = Extreme.MAXIMUM
    if not ledger.stated(name):
        parts = [measured(goal, curve)[0] for curve in curves(cells, ledger, goal.quantity, kept)]
    else:
        bounds = envelopes(cells, ledger, goal.quantity, name, kept=kept)
        parts = [_hardest(goal, measured_in(metric, each, goal.unit)) for each in bounds]
    found = parts[0]
    for other in parts[1:]:
        found = found.or_up_to(other)
    return found, metric


def _hardest(goal: Goal, found: Interval) -> Interval:
    """The end that is certain as the value: the upper one for a goal that bounds from below."""
    if goal.comparison.is_upper or not found.is_bounded:
        return found
    return Interval(value=found.high, low=found.low, high=found.high)


def envelopes(
    cells: CellDoses, ledger: Ledger, quantity: Quantity, name: str, *, kept: Kept = ALL_KEPT
) -> list[Envelope]:
    """What is known of the sum in a structure, by each of the ledgers that may be true."""
    stated = stated_envelopes(cells, ledger, quantity, name, kept=kept)
    nothing = envelope_of(uniform(0.0), volume_cm3=float(cells.volume_cm3.sum()))
    found = []
    for base in [envelope_of_curve(c) for c in curves(cells, ledger, quantity, kept)] or [nothing]:
        total = base
        for each in stated:
            total = plus(total, each)
        found.append(total)
    return found


def stated_envelopes(
    cells: CellDoses, ledger: Ledger, quantity: Quantity, name: str, *, kept: Kept = ALL_KEPT
) -> tuple[Envelope, ...]:
    """Courses of a ledger of which numbers are known for a structure."""
    volume = float(cells.volume_cm3.sum())
    found = []
    for stated, sessions in ledger.stated(name):
        numbers = stated.of(name)
        assert numbers is not None  # a ledger names none without
        effect = _effect(stated.fractions, sessions, quantity, kept.get(stated.course, 1.0))
        if effect is None:
            found.append(envelope_of(Numbers(), volume_cm3=volume))
        else:
            whole = isinstance(quantity, Physical) and sessions == (stated.fractions or sessions)
            found.append(envelope_of(numbers, volume_cm3=volume, effect=None if whole else effect))
    return tuple(found)


def _effect(
    fractions: int | None, sessions: int, quantity: Quantity, kept: float
) -> Callable[[float], float] | None:
    """From the total dose of a course in equal fractions to what some of them give; None where unknown."""
    if isinstance(quantity, Physical):
        share = 1.0 if fractions is None else sessions / fractions
        return lambda gy: gy * share
    if fractions is None or not isinstance(quantity, Bed | Eqd2):
        return None
    alpha_beta, model, part = quantity.alpha_beta_gy, quantity.model, kept * sessions / fractions

    def effect(gy: float) -> float:
        found = bed(gy, fractions=fractions, alpha_beta_gy=alpha_beta, model=model) * part
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
