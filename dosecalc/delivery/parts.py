"""Which part of its beam each delivery gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from dosecalc.delivery.pieces import Course, Order, Piece, Said
from dosecalc.delivery.wording import (
    fraction_numbers,
    listed,
    number_or_nothing,
    percent,
    plan_name,
    record_name,
)

TOLERANCE = Fraction(1, 100)
"""Metersets that differ by this part or less are the same: a machine stops within a monitor unit of what
was asked for and writes what it gave in rounded numbers."""

_LEAST, _MOST = Decimal("1E-30"), Decimal("1E+30")
"""No dosimeter counts outside of these, particles included; an exact sum of such a number has no end."""

_CONTINUATION = "CONTINUATION"

Needed = Mapping[Course, Mapping[int, Decimal | None]]  # by beam, the meterset of one whole fraction


def needed_metersets(pieces: Sequence[Piece]) -> dict[Course, dict[int, Decimal | None]]:
    """The meterset of each treatment beam for one fraction; None where neither plan nor records know it.

    Where a plan has none, the largest that any record specifies: then parts are lower bounds.
    """
    found: dict[Course, dict[int, Decimal | None]] = {}
    for piece in pieces:
        found[piece.course] = {b.number: usable(b.meterset) for b in piece.group.beams if b.treats}
    planned = {(course, n) for course, beams in found.items() for n, m in beams.items() if m is not None}
    for piece in pieces:
        course, beam = piece.course, piece.delivery.beam
        specified = usable(piece.delivery.specified)
        if specified and (course, beam) not in planned:
            found[course][beam] = max(specified, found[course][beam] or specified)
    return found


def measured(pieces: Sequence[Piece], said: Said) -> list[Piece]:
    """Deliveries that gave something, with the plan's meterset where a record specifies none."""
    found = []
    stood_in: dict[tuple[str, int, Decimal], list[int]] = {}
    for piece in pieces:
        delivered = usable(piece.delivery.delivered)
        if delivered is None:
            said.lost.append(
                f"{piece.name}: delivered meterset: expected 0 or more, found "
                f"{number_or_nothing(piece.delivery.delivered)}: it is not summed"
            )
        elif delivered == 0:
            # Nothing was given: such a delivery neither makes a visit nor carries one on.
            said.notes.append(f"{piece.name}: delivered meterset 0: nothing was given")
        elif piece.delivery.specified is not None:
            found.append(piece)
        elif planned := usable(piece.planned.meterset):
            where = (plan_name(piece.plan, piece.group), piece.planned.number, planned)
            stood_in.setdefault(where, []).append(piece.delivery.fraction)
            found.append(replace(piece, delivery=replace(piece.delivery, specified=planned)))
        else:
            said.lost.append(
                f"{piece.name}: expected a specified meterset in the record or its plan, found none: "
                f"its delivered {delivered} is not summed"
            )
    said.notes.extend(
        f"{plan}: beam {beam}: records specify no meterset in {fraction_numbers(numbers)}: that of the "
        f"plan, {meterset}, stands for it"
        for (plan, beam, meterset), numbers in sorted(stood_in.items())
    )
    return found


def settled(pieces: Sequence[Piece], needed: Needed, said: Said) -> list[Piece]:
    """Deliveries, in the order of time, with their parts; those of one beam and fraction do not contradict.

    A beam that was given whole within the tolerance is given exactly whole: the last delivery has the rest.
    """
    beams: dict[tuple[int, ...], list[Piece]] = {}
    for piece in sorted(pieces, key=_in_turn):
        beams.setdefault(piece.beam, []).append(piece)
    found = []
    for members in beams.values():
        kept = _without_contradiction(members, needed[members[0].course], said)
        total = sum((p.part for p in kept), Fraction(0))
        if total > 1 + TOLERANCE:
            said.notes.append(f"{kept[0].name}: {percent(total)} of the beam was given; summed as it is")
        elif total >= 1 - TOLERANCE:
            kept = _whole(kept, said)
        found.extend(kept)
    return sorted(found, key=lambda p: p.order)


def _in_turn(piece: Piece) -> tuple[Order, bool, Fraction]:
    """By time; where that does not tell, what continues comes last, and of rests the larger one first."""
    continues = piece.delivery.kind == _CONTINUATION
    rest = Fraction(usable(piece.delivery.specified) or 0)
    return piece.order, continues, -rest if continues else Fraction(0)


def _without_contradiction(
    members: Sequence[Piece], needed: Mapping[int, Decimal | None], said: Said
) -> list[Piece]:
    """The deliveries of one beam that can all be true: those that would give more than the beam are lost."""
    kept: list[Piece] = []
    certain = True
    for piece in members:
        before = sum((k.part for k in kept), Fraction(0))
        # What is left of a beam is known only where all that was given of it before is.
        left = 1 - before if certain else Fraction(0)
        read = _read(piece, needed[piece.delivery.beam], left)
        reason = _contradiction(piece, read.part, kept) if read.part else ""
        if reason:
            said.lost.append(
                f"{piece.name}: expected each part of a beam once, found {reason}: the first counts, this "
                f"one, meterset {number_or_nothing(piece.delivery.delivered)}, is not summed"
            )
        else:
            said.lost.extend([read.lost] if read.lost else [])
            said.notes.extend([read.note] if read.note else [])
            kept.extend([replace(piece, part=read.part)] if read.part else [])
        certain = certain and not (read.lost or reason)
    return kept


def _contradiction(piece: Piece, part: Fraction, kept: Sequence[Piece]) -> str:
    """Why a part of a beam cannot be true beside those before it; empty if it can."""
    found = piece.delivery
    for other in kept:
        # One beam cannot begin twice at one time: a copy under another UID is no continuation.
        same = (other.delivery.begun, other.delivery.delivered) == (found.begun, found.delivered)
        if found.begun and same:
            return f"{other.name} begun at the same time with the same meterset"
    if kept and sum(k.part for k in kept) + part > 1 + TOLERANCE:
        shares = ", ".join(f"{percent(k.part)} in {record_name(k.record)}" for k in kept)
        return f"{shares} and {percent(part)} here, which is more than the beam"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """The part of its beam that a delivery gave, and what must be said of it."""

    part: Fraction
    note: str = ""
    lost: str = ""


def _read(piece: Piece, needed: Decimal | None, left: Fraction) -> _Read:
    """Delivered over specified, or over planned where the rest of the beam, ``left``, was specified."""
    delivered, specified = Fraction(piece.delivery.delivered or 0), usable(piece.delivery.specified)
    if not (specified and needed):
        return _least(piece, needed)
    asked = Fraction(specified) / Fraction(needed)
    if abs(asked - 1) <= TOLERANCE:
        return _Read(part=delivered / Fraction(specified))
    # SpecifiedPrimaryMeterset is to be that of the plan's beam in a resumption too (PS3.3 C.8.8.21.2.1). A
    # system that hands its machine only the rest of a beam writes that rest; CONTINUATION says that it is
    # one. A TREATMENT says that the beam is given from its start: there the same number is a beam that was
    # asked for with another meterset than planned, as a changed beam or one of another plan would be.
    if piece.delivery.kind == _CONTINUATION and left > 0 and abs(asked - left) <= TOLERANCE:
        part = delivered / Fraction(needed)
        note = (
            f"{piece.name}: specified meterset {specified}: what was left of the beam's {needed} after "
            f"{percent(1 - left)} of it: the delivered {piece.delivery.delivered} count as {percent(part)}"
        )
        return _Read(part=part, note=note)
    return _least(piece, needed)


def _least(piece: Piece, needed: Decimal | None) -> _Read:
    """Where a specified meterset contradicts the plan, the least that it can mean."""
    # Either the record's number is right and the plan's is in another unit or from another calculation:
    # delivered over specified. Or the machine was asked for more or less than was planned, and the dose,
    # which was computed for the plan's meterset, follows the delivered one: delivered over planned. The
    # smaller of the two holds in both cases; beyond 1 nothing is certain while the records are not.
    found = piece.delivery
    bounds = [Fraction(found.delivered or 0) / Fraction(m) for m in (usable(found.specified), needed) if m]
    least = min([Fraction(1), *bounds]) if bounds else Fraction(0)
    expected = f"{needed}" if needed is not None else "a number above 0"
    return _Read(
        part=least,
        lost=(
            f"{piece.name}: specified meterset: expected {expected}, as in its plan or other records, found "
            f"{found.specified}: of its delivered {found.delivered}, {percent(least)} of the beam is summed "
            "and more may have been given"
        ),
    )


def _whole(kept: Sequence[Piece], said: Said) -> list[Piece]:
    """Deliveries that give a whole beam within the tolerance, made to sum to exactly 1."""
    found, left = [], Fraction(1)
    for piece in kept:
        part = left if piece is kept[-1] else min(piece.part, left)
        left -= part
        if part:
            found.append(replace(piece, part=part))
        else:
            said.notes.append(f"{piece.name}: {percent(piece.part)} on top of the whole beam is not summed")
    return found


def unknown_shares(pieces: Sequence[Piece], needed: Needed) -> Iterator[str]:
    """Courses of which the share of a fraction cannot be said, because a beam has no meterset."""
    for piece in {p.course: p for p in pieces}.values():
        beams = needed[piece.course]
        unknown = [n for n, meterset in beams.items() if meterset is None]
        if unknown or not any(beams.values()):
            yield (
                f"{plan_name(piece.plan, piece.group)}: expected a meterset of each beam in the plan or a "
                f"record, found none above 0 of beam {listed(unknown or beams)}: which share of a fraction "
                "was given is not known and taken as 0"
            )


def usable(meterset: Decimal | None) -> Decimal | None:
    """A meterset that a machine can have, or None."""
    if meterset is None or not meterset.is_finite():
        return None
    return meterset if meterset == 0 or _LEAST <= meterset <= _MOST else None
