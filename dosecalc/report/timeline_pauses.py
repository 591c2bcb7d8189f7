"""Days between sessions: intervals from course to course, breaks, and plans that begin within a course.

Only sessions that have a date can be counted from; where others may lie between, that is said.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dosecalc.book_entries import Entry, SessionEntry

FAR_DAYS = 60
"""What lies further apart is said in months too, and stands in parts of its own in a picture."""
_DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Days between two sessions: from one course to the next, or weekdays left out within one.

    ``undated`` sessions may lie between them: nobody knows their dates.
    """

    course: str
    following: str
    first: dt.date
    last: dt.date
    weekdays: int
    undated: int = 0

    @property
    def days(self) -> int:
        return (self.last - self.first).days

    @property
    def is_break(self) -> bool:
        return self.course == self.following

    def __str__(self) -> str:
        if self.is_break:
            text = f"{self.weekdays} weekday{'s' if self.weekdays > 1 else ''}"
        else:
            text = f"{self.days} day{'s' if self.days > 1 else ''}"
            text += f", {months(self.days)}" if self.days > FAR_DAYS else ""
        return f"{text}, {self.undated} without a date not counted" if self.undated else text


def months(days: int) -> str:
    """Days in months, rounded down: no interval is said to be as long as it is not quite.

    >>> months(168), months(731)
    ('5.5 months', '24.0 months')
    """
    return f"{math.floor(10 * days / _DAYS_A_MONTH) / 10:.1f} months"


def pauses(entries: Sequence[Entry]) -> tuple[Pause, ...]:
    """Where a course leaves out weekdays, and the interval to each course from what was given before it."""
    courses = _by_course(entries)
    breaks = [found for course, own in courses.items() for found in _breaks(course, own)]
    return (*breaks, *_intervals(courses))


def unknown_intervals(entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    """Which course follows which in the book, where one of the two has no date to count from."""
    courses = _by_course(entries)
    for course, following in itertools.pairwise(courses):
        if not all(any(e.date for e in courses[c]) for c in (course, following)):
            yield course, following


def later_plans(entries: Sequence[Entry]) -> Iterator[tuple[SessionEntry, str]]:
    """Of each plan that is given later than its course begins, the first session and the label."""
    for own in _by_course(entries).values():
        seen = {i.plan_uid for e in own if e.day == own[0].day for i in e.items}
        for entry in own:
            for item in entry.items:
                if item.plan_uid not in seen:
                    seen.add(item.plan_uid)
                    yield entry, item.plan_label


def _by_course(entries: Sequence[Entry]) -> dict[str, list[SessionEntry]]:
    found: dict[str, list[SessionEntry]] = {}
    for entry in entries:
        if isinstance(entry, SessionEntry):
            found.setdefault(entry.course, []).append(entry)
    return found


def _breaks(course: str, own: Sequence[SessionEntry]) -> Iterator[Pause]:
    for first, last in itertools.pairwise(sorted({e.date for e in own if e.date is not None})):
        weekdays = int(np.busday_count(first + dt.timedelta(days=1), last))
        if weekdays:
            undated = _undated(own, first, last)
            yield Pause(
                course=course, following=course, first=first, last=last, weekdays=weekdays, undated=undated
            )


def _intervals(courses: dict[str, list[SessionEntry]]) -> Iterator[Pause]:
    """To the first day of each course, from the latest day of all that began before it."""
    dates = {c: sorted(e.date for e in own if e.date is not None) for c, own in courses.items()}
    ordered = sorted((c for c in courses if dates[c]), key=lambda c: dates[c][0])
    for k, following in enumerate(ordered[1:], 1):
        course = max(ordered[:k], key=lambda c: dates[c][-1])
        first, last = dates[course][-1], dates[following][0]
        if last > first:  # else they overlap
            undated = sum(_undated(courses[c], first, last) for c in (*ordered[:k], following))
            undated += sum(len(courses[c]) for c in _without_dates_between(courses, course, following))
            yield Pause(
                course=course, following=following, first=first, last=last, weekdays=0, undated=undated
            )


def _without_dates_between(
    courses: dict[str, list[SessionEntry]], course: str, following: str
) -> Iterator[str]:
    """Courses without any date that stand between two others in the book."""
    names = list(courses)
    low, high = sorted((names.index(course), names.index(following)))
    yield from (c for c in names[low:high] if not any(e.date for e in courses[c]))


def _undated(own: Sequence[SessionEntry], first: dt.date, last: dt.date) -> int:
    """Sessions of a course without a date that may lie between two days, by the days that are prescribed."""
    after = max((e.day for e in own if e.date is not None and e.date <= first), default=0)
    before = min((e.day for e in own if e.date is not None and e.date >= last), default=math.inf)
    return sum(e.date is None and after <= e.day <= before for e in own)
