"""Which deliveries count, and of which plan, fraction and beam they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from dosecalc.delivery.wording import (
    delivery_name,
    delivery_names,
    listed,
    number_or_nothing,
    plan_name,
    record_name,
)
from dosecalc.plans import BeamDose, Group, Plan
from dosecalc.records import BeamDelivery, TreatmentRecord

_IMAGES = frozenset({"SETUP", "VERIFICATION"})
_PORTFILMS = frozenset({"OPEN_PORTFILM", "TRMT_PORTFILM"})

Course = tuple[int, int]  # place of the plan among the plans, number of the fraction group
Order = tuple[dt.date, dt.datetime, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said on the way; the same words are said once."""

    notes: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One delivery of one beam that counts, and the part of the beam that it gave."""

    place: int  # of the plan among the plans
    plan: Plan
    group: Group
    record: TreatmentRecord
    delivery: BeamDelivery
    part: Fraction = Fraction(0)

    @property
    def course(self) -> Course:
        return self.place, self.group.number

    @property
    def fraction(self) -> tuple[int, int, int]:
        return *self.course, self.delivery.fraction

    @property
    def beam(self) -> tuple[int, int, int, int]:
        return *self.fraction, self.delivery.beam

    @property
    def planned(self) -> BeamDose:
        """The beam as its plan has it."""
        return next(b for b in self.group.beams if b.number == self.delivery.beam)

    @property
    def moment(self) -> dt.datetime | None:
        found = self.delivery.begun or self.record.given
        # Clock times of the clinic: one with a time zone and one without could not be compared.
        return found.replace(tzinfo=None) if found else None

    @property
    def date(self) -> dt.date | None:
        return self.moment.date() if self.moment else self.record.date

    @property
    def order(self) -> Order:
        """By time; ties keep the order of records and deliveries, which is fixed before this."""
        return self.date or dt.date.max, self.moment or dt.datetime.max, self.beam

    @property
    def name(self) -> str:
        return f"{record_name(self.record)}: {delivery_name(self.delivery)}"


def once(records: Sequence[TreatmentRecord], said: Said) -> list[TreatmentRecord]:
    """Each record once, in an order that does not hang on theirs."""
    found: dict[str, TreatmentRecord] = {}
    ordered = sorted(
        records, key=lambda r: (str(r.date or r.given or "unknown"), r.uid, r.source, _content(r))
    )
    for number, record in enumerate(ordered):
        # Records without UID may be different ones; a beam that they both give whole is noticed later.
        first = found.setdefault(record.uid or f"without UID, {number}", record)
        if _content(record) != _content(first):
            said.lost.append(
                f"{record_name(record)}: expected the same as in {first.source or 'another record'}, which "
                f"has the same UID {record.uid}, found other content: it is not summed"
            )
    return list(found.values())


def _content(record: TreatmentRecord) -> str:
    """All that a record says, whatever its file is called and whatever the order in it."""
    return repr(replace(record, source="", deliveries=tuple(_sorted(record.deliveries))))


def _sorted(found: Iterable[BeamDelivery]) -> list[BeamDelivery]:
    return sorted(found, key=lambda d: (d.fraction, d.beam, repr(d)))


def counting_pieces(plans: Sequence[Plan], records: Sequence[TreatmentRecord], said: Said) -> list[Piece]:
    """The deliveries that count and whose plan, group, fraction and beam are known."""
    # The first of several plans with one UID: to notice them is for whoever reads the plans.
    known = {plan.uid: (place, plan) for place, plan in reversed(list(enumerate(plans))) if plan.uid}
    films: dict[tuple[str, str], list[str]] = {}
    found: list[Piece] = []
    for record in records:
        place, plan = known.get(record.plan_uid, (0, None))
        counting = []
        if not record.deliveries:
            said.lost.append(f"{record_name(record)}: expected the beams that it gave, found none")
        for delivery in _sorted(record.deliveries):
            if delivery.counts:
                counting.append(delivery)
            elif delivery.kind in _PORTFILMS:
                of = plan_name(plan) if plan else f"plan {record.plan_uid or '(none named)'}"
                text = f"{delivery_name(delivery)}: {number_or_nothing(delivery.delivered)}"
                films.setdefault((of, delivery.kind), []).append(text)
            elif delivery.kind not in _IMAGES:
                said.lost.append(
                    f"{record_name(record)}: {delivery_name(delivery)}: TreatmentDeliveryType: expected "
                    f"TREATMENT, CONTINUATION or what is neither, found {delivery.kind or 'nothing'}: "
                    f"its meterset {number_or_nothing(delivery.delivered)} is not summed"
                )
        if counting and plan:
            found.extend(_of_plan(place, plan, record, counting, said))
        elif counting:
            said.lost.append(
                f"{record_name(record)}: expected one of the plans that count, found "
                f"{'plan ' + record.plan_uid if record.plan_uid else 'no plan'}: "
                f"not summed: {delivery_names(counting)}"
            )
    said.notes.extend(
        f"{of}: {kind} is not summed; metersets: {'; '.join(texts)}" for (of, kind), texts in films.items()
    )
    return found


def _of_plan(
    place: int, plan: Plan, record: TreatmentRecord, counting: Sequence[BeamDelivery], said: Said
) -> Iterator[Piece]:
    """Those deliveries of a record that are of treatment beams of its plan."""
    wanted = record.group
    if wanted is None and len(plan.groups) == 1:
        wanted = plan.groups[0].number
    group = next((g for g in plan.groups if g.number == wanted), None)
    if group is None:
        said.lost.append(
            f"{record_name(record)}: expected a fraction group of {plan_name(plan)}, "
            f"{listed(g.number for g in plan.groups) or 'which has none'}, found "
            f"{'none named' if wanted is None else wanted}: not summed: {delivery_names(counting)}"
        )
        return
    treating = [b.number for b in group.beams if b.treats]
    for delivery in counting:
        piece = Piece(place=place, plan=plan, group=group, record=record, delivery=delivery)
        if delivery.fraction < 1:
            said.lost.append(f"{piece.name}: expected fraction 1 or later: it is not summed")
        elif delivery.beam not in treating:
            said.lost.append(
                f"{piece.name}: expected a treatment beam of {plan_name(plan, group)}, "
                f"{listed(treating) or 'which has none'}, found beam {delivery.beam}: "
                f"its meterset {number_or_nothing(delivery.delivered)} is not summed"
            )
        else:
            yield piece
