"""What each visit of the patient gave: deliveries that lie close together in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dosecalc.delivery.parts import Needed
from dosecalc.delivery.pieces import Piece

_PLACES = 12
"""Decimal places of parts and shares, far below anything a meterset can tell."""


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


def by_visit(pieces: Sequence[Piece], visit_hours: float) -> list[list[Piece]]:
    """Deliveries, which come in the order of time, by visit; those without date by record, at the end."""
    found: list[list[Piece]] = []
    undated: dict[tuple[str, str], list[Piece]] = {}
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


def visits_of(grouped: Sequence[Sequence[Piece]], needed: Needed) -> Iterator[Visit]:
    """The visits that groups of deliveries make, with what each gave."""
    so_far: dict[tuple[int, ...], dict[int, Fraction]] = {}
    for pieces in grouped:
        fractions: dict[tuple[int, int, int], list[Piece]] = {}
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
