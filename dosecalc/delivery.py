"""What was delivered: from plans and treatment records to what each visit of the patient gave."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from dosecalc.errors import DosecalcError
from dosecalc.plans import Group, Plan
from dosecalc.records import BeamDelivery, TreatmentRecord

TOLERANCE = Fraction(1, 100)
"""Metersets that differ by this part or less are the same: a machine stops within a monitor unit of what
was asked for and writes what it gave in rounded numbers."""

_PLACES = 12
"""Decimal places of parts and shares, far below anything a meterset can tell."""
_LEAST, _MOST = Decimal("1E-30"), Decimal("1E+30")
"""No dosimeter counts outside of these, particles included; an exact sum of such a number has no end."""
_IMAGES = frozenset({"SETUP", "VERIFICATION"})
_PORTFILMS = frozenset({"OPEN_PORTFILM", "TRMT_PORTFILM"})

Course = tuple[int, int]  # place of the plan among the plans, number of the fraction group
Needed = Mapping[Course, Mapping[int, Decimal | None]]  # by beam, the meterset of one whole fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What one visit gave of one fraction of one plan.

    ``beams`` holds, by ascending number, every treatment beam of the fraction group with the part of its
    meterset that this visit gave, 0 where it gave none. ``share`` is the part of the whole fraction, by
    meterset: given over specified, each summed over all of these beams. Over all visits the parts and
    the shares of a fraction that was given whole sum to exactly 1.
    """

    plan_uid: str
    fraction: int
    beams: tuple[tuple[int, Decimal], ...]
    share: Decimal
    group: int | None = None  # number of the fraction group: each group counts its fractions from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit of the patient: deliveries that lie close together in time.

    ``date`` and ``begun`` are those of its first delivery; ``begun`` is None where one of its deliveries
    has no time of day, for that one may have been the first.
    """

    date: dt.date | None
    begun: dt.datetime | None
    given: tuple[Given, ...]  # in the order of plans, groups and fractions
    source_uids: tuple[str, ...]  # of its records, ascending


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was delivered, as far as the records tell.

    ``notes`` are odd things that do not make the sums wrong. ``lost`` is what may have been given and is
    in no visit, or not in full: where there is any, what the visits sum to is a lower bound.
    """

    visits: tuple[Visit, ...] = ()  # in the order of time
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What is said on the way; the same words are said once."""

    notes: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
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
    def moment(self) -> dt.datetime | None:
        found = self.delivery.begun or self.record.given
        # Clock times of the clinic: one with a time zone and one without could not be compared.
        return found.replace(tzinfo=None) if found else None

    @property
    def date(self) -> dt.date | None:
        return self.moment.date() if self.moment else self.record.date

    @property
    def order(self) -> tuple[dt.date, dt.datetime, tuple[int, ...]]:
        """By time; ties keep the order of records and deliveries, which is fixed before this."""
        return self.date or dt.date.max, self.moment or dt.datetime.max, self.beam

    @property
    def name(self) -> str:
        return f"{_record_name(self.record)}: {_delivery_name(self.delivery)}"


def deliveries(plans: Sequence[Plan], records: Sequence[TreatmentRecord], *, visit_hours: float) -> Delivery:
    """What was given in which visit. Neither the order of records nor that of deliveries matters.

    A part of a beam is its delivered over its specified meterset. Only deliveries of kind TREATMENT and
    CONTINUATION count, and only those of a treatment beam of one of the plans; nothing else is summed,
    and what might have been treatment is in ``lost``, by name.

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

    >>> from dosecalc.plans import BeamDose
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
    said = _Said()
    counting = _counting(plans, _once(records, said), said)
    needed = _needed(counting)
    parted = _parted(counting, needed, said)
    pieces = _settled(sorted(parted, key=lambda p: p.order), said)
    said.lost.extend(_unknown_shares(pieces, needed))
    said.notes.extend(_course_notes(pieces, needed))
    said.notes.extend(_time_notes(pieces))
    return Delivery(
        visits=tuple(_visits(_grouped(pieces, visit_hours), needed)),
        notes=tuple(dict.fromkeys(said.notes)),
        lost=tuple(dict.fromkeys(said.lost)),
    )


def _record_name(record: TreatmentRecord) -> str:
    return f"treatment record {record.source or record.uid or '(no UID)'}"


def _delivery_name(delivery: BeamDelivery) -> str:
    return f"fraction {delivery.fraction}, beam {delivery.beam}"


def _names(found: Iterable[BeamDelivery]) -> str:
    return "; ".join(dict.fromkeys(map(_delivery_name, found)))


def _plan_name(plan: Plan, group: Group | None = None) -> str:
    of = f", fraction group {group.number}" if group and len(plan.groups) > 1 else ""
    return f"plan {plan.label!r} ({plan.source or plan.uid}){of}"


def _sorted(found: Iterable[BeamDelivery]) -> list[BeamDelivery]:
    return sorted(found, key=lambda d: (d.fraction, d.beam, repr(d)))


def _content(record: TreatmentRecord) -> str:
    """All that a record says, whatever its file is called and whatever the order in it."""
    return repr(replace(record, source="", deliveries=tuple(_sorted(record.deliveries))))


def _once(records: Sequence[TreatmentRecord], said: _Said) -> list[TreatmentRecord]:
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
                f"{_record_name(record)}: expected the same as in {first.source or 'another record'}, which "
                f"has the same UID {record.uid}, found other content: it is not summed"
            )
    return list(found.values())


def _counting(plans: Sequence[Plan], records: Sequence[TreatmentRecord], said: _Said) -> list[_Piece]:
    """The deliveries that count and whose plan, group, fraction and beam are known."""
    # The first of several plans with one UID: to notice them is for whoever reads the plans.
    known = {plan.uid: (place, plan) for place, plan in reversed(list(enumerate(plans))) if plan.uid}
    films: dict[tuple[str, str], list[str]] = {}
    found: list[_Piece] = []
    for record in records:
        place, plan = known.get(record.plan_uid, (0, None))
        counting = []
        if not record.deliveries:
            said.lost.append(f"{_record_name(record)}: expected the beams that it gave, found none")
        for delivery in _sorted(record.deliveries):
            if delivery.counts:
                counting.append(delivery)
            elif delivery.kind in _PORTFILMS:
                of = _plan_name(plan) if plan else f"plan {record.plan_uid or '(none named)'}"
                text = f"{_delivery_name(delivery)}: {_number(delivery.delivered)}"
                films.setdefault((of, delivery.kind), []).append(text)
            elif delivery.kind not in _IMAGES:
                said.lost.append(
                    f"{_record_name(record)}: {_delivery_name(delivery)}: TreatmentDeliveryType: expected "
                    f"TREATMENT, CONTINUATION or what is neither, found {delivery.kind or 'nothing'}: "
                    f"its meterset {_number(delivery.delivered)} is not summed"
                )
        if counting and plan:
            found.extend(_of_plan(place, plan, record, counting, said))
        elif counting:
            said.lost.append(
                f"{_record_name(record)}: expected one of the plans that count, found "
                f"{'plan ' + record.plan_uid if record.plan_uid else 'no plan'}: "
                f"not summed: {_names(counting)}"
            )
    said.notes.extend(
        f"{of}: {kind} is not summed; metersets: {'; '.join(texts)}" for (of, kind), texts in films.items()
    )
    return found


def _of_plan(
    place: int, plan: Plan, record: TreatmentRecord, counting: Sequence[BeamDelivery], said: _Said
) -> Iterator[_Piece]:
    """Those deliveries of a record that are of treatment beams of its plan."""
    wanted = record.group
    if wanted is None and len(plan.groups) == 1:
        wanted = plan.groups[0].number
    group = next((g for g in plan.groups if g.number == wanted), None)
    if group is None:
        said.lost.append(
            f"{_record_name(record)}: expected a fraction group of {_plan_name(plan)}, "
            f"{_listed(g.number for g in plan.groups) or 'which has none'}, found "
            f"{'none named' if wanted is None else wanted}: not summed: {_names(counting)}"
        )
        return
    treating = [b.number for b in group.beams if b.treats]
    for delivery in counting:
        piece = _Piece(place=place, plan=plan, group=group, record=record, delivery=delivery)
        if delivery.fraction < 1:
            said.lost.append(f"{piece.name}: expected fraction 1 or later: it is not summed")
        elif delivery.beam not in treating:
            said.lost.append(
                f"{piece.name}: expected a treatment beam of {_plan_name(plan, group)}, "
                f"{_listed(treating) or 'which has none'}, found beam {delivery.beam}: "
                f"its meterset {_number(delivery.delivered)} is not summed"
            )
        else:
            yield piece


def _needed(pieces: Sequence[_Piece]) -> dict[Course, dict[int, Decimal | None]]:
    """The meterset of each treatment beam for one fraction; None where neither plan nor records know it.

    Where a plan has none, the largest that any record specifies: then parts are lower bounds.
    """
    found: dict[Course, dict[int, Decimal | None]] = {}
    for piece in pieces:
        found[piece.course] = {b.number: _usable(b.meterset) for b in piece.group.beams if b.treats}
    planned = {(course, n) for course, beams in found.items() for n, m in beams.items() if m is not None}
    for piece in pieces:
        course, beam = piece.course, piece.delivery.beam
        specified = _usable(piece.delivery.specified)
        if specified and (course, beam) not in planned:
            found[course][beam] = max(specified, found[course][beam] or specified)
    return found


def _parted(pieces: Sequence[_Piece], needed: Needed, said: _Said) -> list[_Piece]:
    """Deliveries with the part of their beam that each gave, as far as it is known and more than 0."""
    found = []
    stood_in: dict[tuple[str, int, Decimal], list[int]] = {}
    for piece in pieces:
        delivered = _usable(piece.delivery.delivered)
        if delivered is None:
            said.lost.append(
                f"{piece.name}: delivered meterset: expected 0 or more, found "
                f"{_number(piece.delivery.delivered)}: it is not summed"
            )
            continue
        if delivered == 0:
            # Nothing was given: such a delivery neither makes a visit nor carries one on.
            said.notes.append(f"{piece.name}: delivered meterset 0: nothing was given")
            continue
        if piece.delivery.specified is None:
            beam = next(b for b in piece.group.beams if b.number == piece.delivery.beam)
            planned = _usable(beam.meterset)
            if not planned:
                said.lost.append(
                    f"{piece.name}: expected a specified meterset in the record or its plan, found none: "
                    f"its delivered {delivered} is not summed"
                )
                continue
            where = (_plan_name(piece.plan, piece.group), beam.number, planned)
            stood_in.setdefault(where, []).append(piece.delivery.fraction)
            part = Fraction(delivered) / Fraction(planned)
        else:
            part = _of_specified(piece, delivered, needed[piece.course][piece.delivery.beam], said)
        if part:
            found.append(replace(piece, part=part))
    said.notes.extend(
        f"{plan}: beam {beam}: records specify no meterset in {_fractions(numbers)}: that of the plan, "
        f"{meterset}, stands for it"
        for (plan, beam, meterset), numbers in sorted(stood_in.items())
    )
    return found


def _of_specified(piece: _Piece, delivered: Decimal, needed: Decimal | None, said: _Said) -> Fraction:
    """Delivered over specified, or where that contradicts the plan, the least that it can mean."""
    specified = _usable(piece.delivery.specified)
    if specified and needed:
        off = abs(Fraction(specified) - Fraction(needed))
        if off <= TOLERANCE * Fraction(needed):
            return Fraction(delivered) / Fraction(specified)
    # Either the record's number is right and the plan's is in another unit or from another calculation:
    # delivered over specified. Or the machine was asked for more or less than was planned, and the dose,
    # which was computed for the plan's meterset, follows the delivered one: delivered over planned. The
    # smaller of the two holds in both cases; beyond 1 nothing is certain while the records are not.
    bounds = [Fraction(delivered) / Fraction(m) for m in (specified, needed) if m]
    least = min([Fraction(1), *bounds]) if bounds else Fraction(0)
    expected = f"{needed}" if needed is not None else "a number above 0"
    said.lost.append(
        f"{piece.name}: specified meterset: expected {expected}, as in its plan or other records, found "
        f"{piece.delivery.specified}: of its delivered {delivered}, {_percent(least)} of the beam is summed "
        "and more may have been given"
    )
    return least


def _settled(pieces: Sequence[_Piece], said: _Said) -> list[_Piece]:
    """Deliveries, in the order of time, of which those of one beam and fraction do not contradict.

    A beam that was given whole within the tolerance is given exactly whole: the last delivery has the rest.
    """
    beams: dict[tuple[int, ...], list[_Piece]] = {}
    for piece in pieces:
        beams.setdefault(piece.beam, []).append(piece)
    found = []
    for members in beams.values():
        kept = _without_contradiction(members, said)
        total = sum((p.part for p in kept), Fraction(0))
        if total > 1 + TOLERANCE:
            said.notes.append(f"{kept[0].name}: {_percent(total)} of the beam was given; summed as it is")
        elif total >= 1 - TOLERANCE:
            kept = _whole(kept, said)
        found.extend(kept)
    return sorted(found, key=lambda p: p.order)


def _without_contradiction(members: Sequence[_Piece], said: _Said) -> list[_Piece]:
    """The deliveries of one beam that can all be true: those that would give more than the beam are lost."""
    kept: list[_Piece] = []
    for piece in members:
        found = piece.delivery
        # One beam cannot begin twice at one time: a copy under another UID is no continuation.
        copies = [
            k
            for k in kept
            if found.begun and (k.delivery.begun, k.delivery.delivered) == (found.begun, found.delivered)
        ]
        if copies:
            reason = f"{copies[0].name} begun at the same time with the same meterset"
        elif kept and sum(k.part for k in kept) + piece.part > 1 + TOLERANCE:
            shares = ", ".join(f"{_percent(k.part)} in {_record_name(k.record)}" for k in kept)
            reason = f"{shares} and {_percent(piece.part)} here, which is more than the beam"
        else:
            kept.append(piece)
            continue
        said.lost.append(
            f"{piece.name}: expected each part of a beam once, found {reason}: the first counts, this one, "
            f"meterset {_number(found.delivered)}, is not summed"
        )
    return kept


def _whole(kept: Sequence[_Piece], said: _Said) -> list[_Piece]:
    """Deliveries that give a whole beam within the tolerance, made to sum to exactly 1."""
    found, left = [], Fraction(1)
    for piece in kept:
        part = left if piece is kept[-1] else min(piece.part, left)
        left -= part
        if part:
            found.append(replace(piece, part=part))
        else:
            said.notes.append(f"{piece.name}: {_percent(piece.part)} on top of the whole beam is not summed")
    return found


def _unknown_shares(pieces: Sequence[_Piece], needed: Needed) -> Iterator[str]:
    """Courses of which the share of a fraction cannot be said, because a beam has no meterset."""
    for piece in {p.course: p for p in pieces}.values():
        beams = needed[piece.course]
        unknown = [n for n, meterset in beams.items() if meterset is None]
        if unknown or not any(beams.values()):
            yield (
                f"{_plan_name(piece.plan, piece.group)}: expected a meterset of each beam in the plan or a "
                f"record, found none above 0 of beam {_listed(unknown or beams)}: which share of a fraction "
                "was given is not known and taken as 0"
            )


def _course_notes(pieces: Sequence[_Piece], needed: Needed) -> Iterator[str]:
    """What is odd about the fractions of each plan that were given."""
    courses: dict[Course, list[_Piece]] = {}
    for piece in pieces:
        courses.setdefault(piece.course, []).append(piece)
    for course, members in sorted(courses.items()):
        name = _plan_name(members[0].plan, members[0].group)
        parts: dict[int, dict[int, Fraction]] = {}
        dates: dict[int, dt.date] = {}
        for piece in members:
            number = piece.delivery.fraction
            beams = parts.setdefault(number, dict.fromkeys(sorted(needed[course]), Fraction(0)))
            beams[piece.delivery.beam] += piece.part
            if piece.date:
                dates.setdefault(number, piece.date)
        for number, beams in sorted(parts.items()):
            # A beam without meterset has nothing to give.
            short = [
                f"{_percent(p)} of beam {n}" for n, p in beams.items() if p < 1 and needed[course][n] != 0
            ]
            if short:
                yield f"{name}: fraction {number} is not complete: given were {', '.join(short)}"
        gaps = [
            (low + 1, high - 1) for low, high in itertools.pairwise([0, *sorted(parts)]) if high - low > 1
        ]
        if gaps:
            yield f"{name}: up to fraction {max(parts)}, nothing is summed of fraction {_ranges(gaps)}"
        planned = members[0].group.fractions
        if planned is not None and max(parts) > planned:
            beyond = _fractions(n for n in parts if n > planned)
            yield f"{name}: {beyond}: beyond the {planned} that are planned; summed all the same"
        yield from (f"{name}: {text}" for text in _disorder(dates))


def _disorder(dates: Mapping[int, dt.date]) -> list[str]:
    """Fractions that were begun on a later date than a later one."""
    found = []
    earliest: tuple[dt.date, int] | None = None
    for number in sorted(dates, reverse=True):
        if earliest and earliest[0] < dates[number]:
            later = f"fraction {earliest[1]} on {earliest[0]}"
            found.append(f"fraction {number} was given on {dates[number]}, after {later}")
        earliest = min(earliest or (dates[number], number), (dates[number], number))
    return found[::-1]


def _time_notes(pieces: Sequence[_Piece]) -> Iterator[str]:
    untimed = sorted({p.date for p in pieces if p.date and not p.moment})
    if untimed:
        yield (
            f"no time of day is known of deliveries on {', '.join(map(str, untimed))}: all of one such date "
            "are taken as one visit"
        )
    for record in dict.fromkeys(_record_name(p.record) for p in pieces if not p.date):
        yield f"{record}: no date: taken as a visit of its own, after all others"


def _grouped(pieces: Sequence[_Piece], visit_hours: float) -> list[list[_Piece]]:
    """Deliveries, which come in the order of time, by visit; those without date by record, at the end."""
    found: list[list[_Piece]] = []
    undated: dict[tuple[str, str], list[_Piece]] = {}
    untimed = {p.date for p in pieces if not p.moment}
    day, latest = None, None
    for piece in pieces:
        if not piece.date:
            undated.setdefault((piece.record.uid, piece.record.source), []).append(piece)
            continue
        one_day = piece.date == day and day in untimed
        near = bool(
            piece.moment and latest and (piece.moment - latest) / dt.timedelta(hours=1) <= visit_hours
        )
        if not (one_day or near):
            found.append([])
            latest = None
        found[-1].append(piece)
        day, latest = piece.date, piece.moment or latest
    return [*found, *undated.values()]


def _visits(grouped: Sequence[Sequence[_Piece]], needed: Needed) -> Iterator[Visit]:
    so_far: dict[tuple[int, ...], dict[int, Fraction]] = {}
    for pieces in grouped:
        fractions: dict[tuple[int, int, int], list[_Piece]] = {}
        for piece in pieces:
            fractions.setdefault(piece.fraction, []).append(piece)
        given = []
        for key, members in sorted(fractions.items(), key=lambda item: item[0]):
            metersets = needed[members[0].course]
            before = so_far.get(key, dict.fromkeys(sorted(metersets), Fraction(0)))
            after = dict(before)
            for piece in members:
                after[piece.delivery.beam] += piece.part
            so_far[key] = after
            given.append(
                Given(
                    plan_uid=members[0].plan.uid,
                    fraction=members[0].delivery.fraction,
                    beams=tuple((n, _step(before[n], after[n])) for n in after),
                    share=_step(_share(before, metersets), _share(after, metersets)),
                    group=members[0].group.number,
                )
            )
        timed = all(p.moment for p in pieces)
        yield Visit(
            date=pieces[0].date,
            begun=pieces[0].moment if timed else None,
            given=tuple(given),
            source_uids=tuple(sorted({p.record.uid or p.record.source for p in pieces})),
        )


def _share(parts: Mapping[int, Fraction], metersets: Mapping[int, Decimal | None]) -> Fraction:
    """The part of a fraction, by meterset; 0, which is a lower bound, where it is not known."""
    known = {n: Fraction(m) for n, m in metersets.items() if m is not None}
    total = sum(known.values())
    if len(known) < len(metersets) or not total:
        return Fraction(0)
    return Fraction(sum(parts[n] * m for n, m in known.items()) / total)


def _step(before: Fraction, after: Fraction) -> Decimal:
    """What was added, as a decimal; rounding the sums and not the steps keeps thirds summing to 1.

    Made from text, as decimal arithmetic rounds to whatever precision the caller has set.
    """
    units = round(after * 10**_PLACES) - round(before * 10**_PLACES)
    return Decimal(f"{units // 10**_PLACES}.{units % 10**_PLACES:0{_PLACES}d}".rstrip("0").rstrip("."))


def _usable(meterset: Decimal | None) -> Decimal | None:
    """A meterset that a machine can have, or None."""
    if meterset is None or not meterset.is_finite():
        return None
    return meterset if meterset == 0 or _LEAST <= meterset <= _MOST else None


def _number(meterset: Decimal | None) -> str:
    return "nothing" if meterset is None else str(meterset)


def _percent(part: Fraction) -> str:
    """A part in percent, rounded away from 100 so that the digits show the side."""
    hundredths = math.floor(part * 10000) if part < 1 else math.ceil(part * 10000)
    return f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".") + " %"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _ranges(found: Iterable[tuple[int, int]]) -> str:
    return ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in found)


def _fractions(numbers: Iterable[int]) -> str:
    """Fractions in words, neighbours taken together."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return f"fraction{'s' if runs[0][0] != runs[-1][1] else ''} {_ranges(runs)}"
