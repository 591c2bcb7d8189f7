"""Sessions of a course that was begun: what was given in its visits, and what of the plan is left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from dosecalc.delivery import Given, Visit
from dosecalc.sessions import ALL_OF_IT, Contribution, FractionDose, Session, State

_SATURDAY = 5


def given_sessions(
    course: str,
    fractions: Mapping[str, FractionDose],
    days: Mapping[str, Callable[[int], int]],
    visits: Sequence[Visit],
) -> Iterator[Session]:
    """The visits in which plans of a course were given, in their order.

    Parameters
    ----------
    fractions : the dose of one fraction of each plan of the course, by UID
    days : by plan, from the number of a fraction to its day of the course
    """
    for visit in visits:
        given = [g for g in visit.given if g.plan_uid in fractions]
        if not given:
            continue
        given.sort(key=lambda g: (g.plan_uid, g.fraction))
        numbers = tuple(days[g.plan_uid](g.fraction) for g in given)
        day = max(numbers)
        yield Session(
            course=course,
            number=day,
            day=day,
            contributions=tuple(_contribution(fractions[g.plan_uid], g) for g in given),
            fractions=numbers,
            state=State.DELIVERED,
            date=visit.date,
            time=visit.begun.time() if visit.begun else None,
            source_uids=visit.source_uids,
        )


def _contribution(fraction: FractionDose, given: Given) -> Contribution:
    if given.share == ALL_OF_IT:
        return Contribution(fraction=fraction)
    return Contribution(fraction=fraction, share=given.share, beams=given.beams)


def left_sessions(planned: Sequence[Session], given: Sequence[Session]) -> Iterator[Session]:
    """What was not given of the planned sessions of a course; of a fraction broken off, the rest.

    Planned dates that have passed by the last visit are replaced by weekdays after it, of all sessions of a
    prescribed day alike.
    """
    done = _given_so_far(given)
    last = max((s.date for s in given if s.date is not None), default=None)
    dates: dict[int, dt.date | None] = {}
    for session in planned:
        left = [(c, n) for whole, n in session.numbered() for c in _left(whole, n, done)]
        if not left:
            continue
        if session.day not in dates:
            passed = last is not None and (session.date is None or session.date <= last)
            dates[session.day] = next_weekday(last) if last is not None and passed else session.date
            last = dates[session.day] or last
        date = dates[session.day]
        yield replace(session.of(left), date=date, number=session.day, state=State.PLANNED)


@dataclass(slots=True)
class _Sum:
    share: Decimal = Decimal(0)
    beams: dict[int, Decimal] = field(default_factory=dict)


def _given_so_far(given: Sequence[Session]) -> dict[tuple[str, int], _Sum]:
    """By plan and fraction: what was given of it, over all sessions."""
    sums: dict[tuple[str, int], _Sum] = {}
    for session in given:
        for c, number in session.numbered():
            so_far = sums.setdefault((c.fraction.plan_uid, number), _Sum())
            so_far.share += c.share
            for beam, part in c.beams:
                so_far.beams[beam] = so_far.beams.get(beam, Decimal(0)) + part
    return sums


def _left(planned: Contribution, number: int, done: Mapping[tuple[str, int], _Sum]) -> Iterator[Contribution]:
    so_far = done.get((planned.fraction.plan_uid, number), _Sum())
    if so_far.share == 0:
        yield planned
    elif so_far.share < ALL_OF_IT:
        rest = tuple((beam, max(ALL_OF_IT - part, Decimal(0))) for beam, part in so_far.beams.items())
        yield replace(planned, share=ALL_OF_IT - so_far.share, beams=rest)


def next_weekday(day: dt.date) -> dt.date:
    """The weekday after a day.

    >>> next_weekday(dt.date(2026, 3, 6))
    datetime.date(2026, 3, 9)
    """
    following = day + dt.timedelta(days=1)
    while following.weekday() >= _SATURDAY:
        following += dt.timedelta(days=1)
    return following
