"""What was delivered: from plans and treatment records to what each visit of the patient gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dosecalc.delivery.oddities import course_notes, time_notes
from dosecalc.delivery.parts import TOLERANCE, measured, needed_metersets, settled, unknown_shares
from dosecalc.delivery.pieces import Said, counting_pieces, once
from dosecalc.delivery.visits import Given, Visit, by_visit, visits_of
from dosecalc.errors import DosecalcError
from dosecalc.plans import Plan
from dosecalc.records import TreatmentRecord

__all__ = ["TOLERANCE", "Delivery", "Given", "Visit", "deliveries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was delivered, as far as the records tell.

    ``notes`` are odd things that do not make the sums wrong. ``lost`` is what may have been given and is
    in no visit, or not in full: where there is any, what the visits sum to is a lower bound.
    """

    visits: tuple[Visit, ...] = ()  # in the order of time
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def deliveries(plans: Sequence[Plan], records: Sequence[TreatmentRecord], *, visit_hours: float) -> Delivery:
    """What was given in which visit. Neither the order of records nor that of deliveries matters.

    A part of a beam is its delivered over its specified meterset, which is that of the whole beam; a
    CONTINUATION may specify what was left of it. Only deliveries of kind TREATMENT and CONTINUATION count,
    and only those of a treatment beam of one of the plans; nothing else is summed, and what might have
    been treatment is in ``lost``, by name.

    Parameters
    ----------
    plans : the plans that count; a delivery of any other is lost
    records : treatment records of all of them; several with one UID count once
    visit_hours : a delivery that begins at most so long after the latest one belongs to the same visit,
        also across midnight. Where a time of day is missing, all deliveries of the date are one visit.

    Raises
    ------
    DosecalcError : if ``visit_hours`` is negative or no number; never for what the records hold.

    Examples
    --------
    Five Gy, broken off halfway and continued on the next day, are two visits of half a fraction:

    >>> import datetime as dt
    >>> from decimal import Decimal
    >>> from dosecalc.plans import BeamDose, Group
    >>> from dosecalc.records import BeamDelivery
    >>> beam = BeamDose(number=1, dose_gy=Decimal(5), meterset=Decimal(600))
    >>> boost = Plan(uid="1.2", groups=(Group(number=1, fractions=3, beams=(beam,)),))
    >>> def record(uid: str, kind: str, day: int) -> TreatmentRecord:
    ...     half = BeamDelivery(
    ...         beam=1, fraction=1, kind=kind, specified=Decimal(600), delivered=Decimal(300)
    ...     )
    ...     given = dt.datetime(2026, 3, day, 9, 30)
    ...     return TreatmentRecord(
    ...         uid=uid, plan_uid="1.2", group=1, given=given, date=given.date(), deliveries=(half,)
    ...     )
    >>> found = deliveries(
    ...     [boost], [record("1.3", "TREATMENT", 2), record("1.4", "CONTINUATION", 3)], visit_hours=2
    ... )
    >>> [(str(v.date), str(g.share)) for v in found.visits for g in v.given]
    [('2026-03-02', '0.5'), ('2026-03-03', '0.5')]
    """
    if not visit_hours >= 0:
        raise DosecalcError(f"visit_hours: expected 0 or more, found {visit_hours}")
    said = Said()
    counting = counting_pieces(plans, once(records, said), said)
    needed = needed_metersets(counting)
    pieces = settled(measured(counting, said), needed, said)
    said.lost.extend(unknown_shares(pieces, needed))
    said.notes.extend(course_notes(pieces, needed))
    said.notes.extend(time_notes(pieces))
    return Delivery(
        visits=tuple(visits_of(by_visit(pieces, visit_hours), needed)),
        notes=tuple(dict.fromkeys(said.notes)),
        lost=tuple(dict.fromkeys(said.lost)),
    )
