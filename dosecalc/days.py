"""Which sessions are of one day: those that a limit holds for together, and those that act together."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

from dosecalc.sessions import Session

_NEXT_DAY_HOURS = 12
"""Sessions of two prescribed days that lie nearer than this are one day: not what was prescribed."""


def days_within(sessions: Sequence[Session]) -> tuple[tuple[Session, ...], ...]:
    """The sessions of each day, in the order of the first; of days within another only that one."""
    return tuple(tuple(sessions[n] for n in day) for day in _days(sessions))


def linked_days(sessions: Sequence[Session]) -> tuple[tuple[Session, ...], ...]:
    """The sessions parted so that no two of one day are in different parts."""
    part_of: dict[int, set[int]] = {}
    for day in _days(sessions):
        joined = set(day).union(*(part_of[n] for n in day if n in part_of))
        part_of.update(dict.fromkeys(joined, joined))
    parts = {id(part): part for _, part in sorted(part_of.items(), key=lambda item: item[0])}
    return tuple(tuple(sessions[n] for n in sorted(part)) for part in parts.values())


def hours_of(day: Sequence[Session]) -> tuple[float | None, ...]:
    """When each session of a day is given, in hours from its first: by the clock, or as it is planned."""
    clock = [s.begun for s in day]
    known = [c for c in clock if c is not None]
    if known:
        return tuple(None if c is None else (c - min(known)) / dt.timedelta(hours=1) for c in clock)
    return tuple(s.hours for s in day)


def _days(sessions: Sequence[Session]) -> list[tuple[int, ...]]:
    """The places of the sessions of each day, ascending."""
    found: list[tuple[int, ...]] = []
    holding: dict[int, list[set[int]]] = defaultdict(list)
    for place, near in enumerate(_candidates(sessions)):
        first = sessions[place]
        day = place, *(n for n in near if _of_one_day(first, sessions[n]))
        if not any(other.issuperset(day) for other in holding[place]):
            found.append(day)
            held = set(day)
            for n in day:
                holding[n].append(held)
    return found


def _candidates(sessions: Sequence[Session]) -> list[list[int]]:
    """For each session the places after it of those that may be of its day.

    Few of a course are: those of its prescribed day, and those of its date and of the dates beside it.
    """
    of_day: dict[tuple[str, int], list[int]] = defaultdict(list)
    of_date: dict[tuple[str, int], list[int]] = defaultdict(list)
    found: list[list[int]] = []
    for place in reversed(range(len(sessions))):
        session = sessions[place]
        near = set(of_day[session.course, session.day])
        if session.date is not None:
            number = session.date.toordinal()
            for beside in (number - 1, number, number + 1):
                near.update(of_date[session.course, beside])
            of_date[session.course, number].append(place)
        of_day[session.course, session.day].append(place)
        found.append(sorted(near))
    return found[::-1]


def _of_one_day(first: Session, other: Session) -> bool:
    if first.course != other.course:
        return False
    same = first.day == other.day
    if first.date is None or other.date is None:
        return same
    if first.begun is None or other.begun is None:
        return abs(other.date - first.date) <= dt.timedelta(days=1 if same else 0)
    return abs(other.begun - first.begun) < dt.timedelta(hours=24 if same else _NEXT_DAY_HOURS)
