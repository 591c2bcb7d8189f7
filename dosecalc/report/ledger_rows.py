"""The book as a table: a row for each contribution and each event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from dosecalc.book import Entry, EventEntry, SessionEntry, decimal, exact
from dosecalc.notebook import Cell, Columns, Exact

_PLACES = 12
"""Decimals of a dose that does not end as one."""
BOOK_COLUMNS: Columns = {
    "entry": float,
    "kind": str,
    "state": str,
    "date": str,
    "weekday": str,
    "time": str,
    "course": str,
    "day of the course": float,
    "days since its first session [d]": float,
    "plan label": str,
    "plan UID": str,
    "roles": str,
    "fraction": float,
    "share": float,
    "approximate": bool,
    "dose [Gy]": float,
    "course so far [Gy]": float,
    "course so far is a lower bound": bool,
    "course so far [fractions]": float,
    "source UIDs": str,
    "detail": str,
}


def book_rows(entries: Sequence[Entry]) -> Iterator[dict[str, Cell]]:
    """Rows of the book; ``entry`` counts sessions and events, so the rows of one session have one number.

    Doses are exact decimals; one that does not end is rounded to 12 decimals, far below anything that can
    be told.
    """
    for number, entry in enumerate(entries, 1):
        for row in _event_rows(entry) if isinstance(entry, EventEntry) else _item_rows(entry):
            yield {"entry": number, **row}


def _event_rows(entry: EventEntry) -> Iterator[dict[str, Cell]]:
    yield {
        "kind": entry.kind.value,
        "state": "event",
        "date": entry.date.isoformat(),
        "weekday": entry.weekday,
        "detail": entry.detail,
    }


def _item_rows(entry: SessionEntry) -> Iterator[dict[str, Cell]]:
    shared: dict[str, Cell] = {
        "kind": "session",
        "state": entry.state.value,
        "date": entry.date.isoformat() if entry.date else "",
        "weekday": entry.weekday,
        "time": entry.time.isoformat() if entry.time else "",
        "course": entry.course,
        "day of the course": entry.day,
        "days since its first session [d]": entry.days_since_first,
        "course so far [Gy]": _plain(entry.cumulative.gy),
        "course so far is a lower bound": entry.cumulative.at_least,
        "course so far [fractions]": entry.fractions,
        "source UIDs": " ".join(entry.source_uids),
    }
    for item in entry.items:
        yield shared | {
            "plan label": item.plan_label,
            "plan UID": item.plan_uid,
            "roles": "+".join(item.roles),
            "fraction": item.fraction,
            "share": Exact(exact(Fraction(item.share))) if item.share else None,
            "approximate": item.is_approximate,
            "dose [Gy]": None if item.dose_gy is None else _plain(item.dose_gy),
            "detail": item.lacks,
        }
    if not entry.items:
        yield shared


def _plain(gy: Fraction) -> Exact:
    text = exact(gy)
    return Exact(decimal(gy, places=_PLACES) if "/" in text else text)
