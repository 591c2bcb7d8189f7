"""Sessions of one day, against the rule applied to every pair of them."""

from __future__ import annotations

import datetime as dt
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from dosecalc.days import days_within, linked_days
from dosecalc.ledger import Ledger
from dosecalc.sessions import Session

Days = list[tuple[Session, ...]]

DATES = st.none() | st.integers(0, 4).map(lambda n: dt.date(2026, 3, 1) + dt.timedelta(days=n))
TIMES = st.none() | st.sampled_from([dt.time(0), dt.time(8), dt.time(12), dt.time(20), dt.time(23, 59)])
SESSIONS = st.builds(
    Session,
    course=st.sampled_from(["first", "second"]),
    number=st.just(1),
    day=st.integers(0, 4),
    contributions=st.just(()),
    date=DATES,
    time=TIMES,
)
BOOKS = st.lists(SESSIONS, max_size=12)


def of_one_day(first: Session, other: Session) -> bool:
    """The rule as the ledger states it."""
    same = first.day == other.day
    if first.course != other.course:
        return False
    if first.date is None or other.date is None:
        return same
    if first.time is None or other.time is None:
        return abs((first.date - other.date).days) <= (1 if same else 0)
    begun, later = (
        dt.datetime.combine(d, t) for d, t in ((first.date, first.time), (other.date, other.time))
    )
    return abs(later - begun) < dt.timedelta(hours=24 if same else 12)


def by_pairs(sessions: list[Session]) -> list[list[int]]:
    """Each session with those after it of its day; days within another left out."""
    found: list[list[int]] = []
    for n, first in enumerate(sessions):
        day = [n, *(m for m in range(n + 1, len(sessions)) if of_one_day(first, sessions[m]))]
        if not any(set(day) <= set(other) for other in found):
            found.append(day)
    return found


@settings(max_examples=300, deadline=None)
@given(BOOKS)
def test_days_are_those_found_by_pairs(sessions: list[Session]) -> None:
    expected = [[id(sessions[n]) for n in day] for day in by_pairs(sessions)]
    assert [[id(s) for s in day] for day in days_within(sessions)] == expected


@settings(max_examples=300, deadline=None)
@given(BOOKS)
def test_sessions_of_one_day_are_in_one_part_and_no_others(sessions: list[Session]) -> None:
    groups = [{n} for n in range(len(sessions))]
    for day in by_pairs(sessions):
        for a, b in combinations(day, 2):
            one, two = (next(g for g in groups if n in g) for n in (a, b))
            if one is not two:
                groups.remove(two)
                one |= two
    expected = [[id(sessions[n]) for n in sorted(g)] for g in sorted(groups, key=min)]
    assert [[id(s) for s in part] for part in linked_days(sessions)] == expected


def test_a_book_makes_what_follows_from_it_once() -> None:
    """It is asked for every structure; books that are equal remain so, whatever they were asked."""
    sessions = tuple(Session(course="first", number=n, day=n, contributions=()) for n in (1, 2))
    book, other = Ledger(sessions=sessions), Ledger(sessions=sessions)
    assert book.known() is book.known()
    assert book.course("first").days() is book.course("first").days()
    assert book.course("second") != book.course("first")
    assert book == other
    assert hash(book) == hash(other)
    assert repr(book) == repr(other)
