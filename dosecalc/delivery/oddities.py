"""What is odd about the fractions that were given, without making the sums wrong."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from dosecalc.delivery.parts import Needed
from dosecalc.delivery.pieces import Course, Piece
from dosecalc.delivery.wording import fraction_numbers, percent, plan_name, ranges, record_name


def course_notes(pieces: Sequence[Piece], needed: Needed) -> Iterator[str]:
    """What is odd about the fractions of each plan that were given."""
    courses: dict[Course, list[Piece]] = {}
    for piece in pieces:
        courses.setdefault(piece.course, []).append(piece)
    for course, members in sorted(courses.items()):
        name = plan_name(members[0].plan, members[0].group)
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
                f"{percent(p)} of beam {n}" for n, p in beams.items() if p < 1 and needed[course][n] != 0
            ]
            if short:
                yield f"{name}: fraction {number} is not complete: given were {', '.join(short)}"
        gaps = [
            (low + 1, high - 1) for low, high in itertools.pairwise([0, *sorted(parts)]) if high - low > 1
        ]
        if gaps:
            yield f"{name}: up to fraction {max(parts)}, nothing is summed of fraction {ranges(gaps)}"
        planned = members[0].group.fractions
        if planned is not None and max(parts) > planned:
            beyond = fraction_numbers(n for n in parts if n > planned)
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


def time_notes(pieces: Sequence[Piece]) -> Iterator[str]:
    """What is not known of the times of deliveries."""
    untimed = sorted({p.date for p in pieces if p.date and not p.moment})
    if untimed:
        yield (
            f"no time of day is known of deliveries on {', '.join(map(str, untimed))}: all of one such date "
            "are taken as one visit"
        )
    for record in dict.fromkeys(record_name(p.record) for p in pieces if not p.date):
        yield f"{record}: no date: taken as a visit of its own, after all others"
