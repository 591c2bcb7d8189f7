"""How long a treatment paused: between its courses, and within one."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dosecalc.book_entries import Entry, SessionEntry

FAR_DAYS = 60
"""What lies further apart is said in months too."""
_DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Days between two dated sessions: from one course to the next, or weekdays left out within one.

    ``undated`` sessions may lie between the two as well.
    """

    course: str
    following: str
    first: dt.date
    last: dt.date
    days: int
    weekdays: int
    undated: int

    @property
    def is_break(self) -> bool:
        return self.course == self.following

    @property
    def length(self) -> str:
        if self.is_break:
            return f"{self.weekdays} weekday{'s' if self.weekdays > 1 else ''}"
        days = f"{self.days} day{'s' if self.days > 1 else ''}"
        return days if self.days <= FAR_DAYS else f"{days}, {months_text(self.days)}"

    def __str__(self) -> str:
        return f"{self.length}, {self.undated} without a date not counted" if self.undated else self.length


def months_text(days: int) -> str:
    """Months of 30.4 days with one decimal, never more than there were: a limit is reached in full only.

    >>> months_text(182), months_text(183)
    ('5.9 months', '6 months')
    """
    return f"{math.floor(10 * days / _DAYS_A_MONTH) / 10:g} months"


def pauses(entries: Sequence[Entry]) -> tuple[Pause, ...]:
    """Weekdays that a course leaves out, and the interval to each that begins when all before are over."""
    courses: dict[str, list[SessionEntry]] = {}
    for entry in entries:
        if isinstance(entry, SessionEntry):
            courses.setdefault(entry.course, []).append(entry)
    dated = [days for own in courses.values() if (days := _by_date(own))]
    found = []
    for days in dated:
        for before, after in itertools.pairwise(days):
            between = [e for e in courses[before.course] if before.day <= e.day <= after.day]
            pause = _pause(before, after, between)
            if pause.weekdays:
                found.append(pause)
    dated.sort(key=lambda days: _date(days[0]))
    for number, (after, *_) in enumerate(dated[1:], 1):
        before = max((days[-1] for days in dated[:number]), key=_date)
        if _date(before) < _date(after):
            between = [e for e in courses[before.course] if e.day >= before.day]
            between += [e for e in courses[after.course] if e.day <= after.day]
            found.append(_pause(before, after, between))
    return tuple(found)


def _by_date(sessions: Sequence[SessionEntry]) -> list[SessionEntry]:
    """One session of each day that is known of a course."""
    days = {e.date: e for e in reversed(sessions) if e.date is not None}
    return sorted(days.values(), key=_date)


def _date(entry: SessionEntry) -> dt.date:
    assert entry.date is not None  # only sessions with one are asked
    return entry.date


def _pause(before: SessionEntry, after: SessionEntry, between: Sequence[SessionEntry]) -> Pause:
    first, last = _date(before), _date(after)
    return Pause(
        course=before.course,
        following=after.course,
        first=first,
        last=last,
        days=(last - first).days,
        weekdays=int(np.busday_count(first + dt.timedelta(days=1), last)),
        undated=sum(e.date is None for e in between),
    )
