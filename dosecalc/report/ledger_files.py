"""The book as files: CSV with one row a contribution, and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from dosecalc.book import Entry, EventEntry, SessionEntry, decimal, exact
from dosecalc.report.ledger_view import LedgerView
from dosecalc.report.tables import clean

FORMAT_VERSION = 1
_PLACES = 12
"""Decimals of a dose in CSV that has no end."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the begin of a formula."""
_COLUMNS = (
    "entry",
    "kind",
    "state",
    "date",
    "weekday",
    "time",
    "course",
    "day of the course",
    "days since its first session [d]",
    "plan label",
    "plan UID",
    "roles",
    "fraction",
    "share",
    "approximate",
    "dose [Gy]",
    "course so far [Gy]",
    "course so far is a lower bound",
    "course so far [fractions]",
    "source UIDs",
    "detail",
)


def ledger_json(view: LedgerView, *, patient: Mapping[str, str] | None = None) -> str:
    """The book as JSON text, the same bytes for the same input; doses are exact, as text.

    A dose is a decimal, or where it does not end a ratio: Python's ``Fraction`` reads both.
    """
    data: dict[str, object] = {
        "format_version": FORMAT_VERSION,
        "stands": view.stands,
        "entries": [e.to_dict() for e in view.entries],
        "counts": [c.to_dict() for c in view.counts],
        "notes": list(view.notes),
        "lost": list(view.lost),
        "problems": list(view.problems),
        "provenance": dict(view.provenance),
    }
    if patient is not None:
        data["patient"] = dict(patient)
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def ledger_csv(entries: Sequence[Entry]) -> str:
    """The book as CSV: units in the header, ISO dates, decimals with a dot, no cell a formula.

    ``entry`` counts sessions and events, so that the rows of one session have one number. A dose that
    does not end is rounded to 12 decimals, far below anything that can be told.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for number, entry in enumerate(entries, 1):
        for row in _event_rows(entry) if isinstance(entry, EventEntry) else _item_rows(entry):
            cells = {"entry": str(number), **row}
            writer.writerow([_safe(cells.get(column, "")) for column in _COLUMNS])
    return out.getvalue()


def _event_rows(entry: EventEntry) -> Iterator[dict[str, str]]:
    yield {
        "kind": entry.kind.value,
        "state": "event",
        "date": entry.date.isoformat(),
        "weekday": entry.weekday,
        "detail": entry.detail,
    }


def _item_rows(entry: SessionEntry) -> Iterator[dict[str, str]]:
    shared = {
        "kind": "session",
        "state": entry.state.value,
        "date": entry.date.isoformat() if entry.date else "",
        "weekday": entry.weekday,
        "time": entry.time.isoformat() if entry.time else "",
        "course": entry.course,
        "day of the course": str(entry.day),
        "days since its first session [d]": _text(entry.days_since_first),
        "course so far [Gy]": _plain(entry.cumulative.gy),
        "course so far is a lower bound": _yes(entry.cumulative.at_least),
        "course so far [fractions]": _text(entry.fractions),
        "source UIDs": " ".join(entry.source_uids),
    }
    for item in entry.items:
        yield shared | {
            "plan label": item.plan_label,
            "plan UID": item.plan_uid,
            "roles": "+".join(item.roles),
            "fraction": _text(item.fraction),
            "share": exact(Fraction(item.share)) if item.share else "",
            "approximate": _yes(item.is_approximate),
            "dose [Gy]": "" if item.dose_gy is None else _plain(item.dose_gy),
            "detail": item.lacks,
        }
    if not entry.items:
        yield shared


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _plain(gy: Fraction) -> str:
    text = exact(gy)
    return decimal(gy, places=_PLACES) if "/" in text else text


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    found = clean(cell)
    return f"'{found}" if cell.startswith(_FORMULA) or found.startswith(_FORMULA) else found
