"""The book as files: CSV with one row a contribution, and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dosecalc.book import Entry
from dosecalc.legible import json_text
from dosecalc.report.csv_text import csv_text
from dosecalc.report.ledger_rows import BOOK_COLUMNS, book_rows
from dosecalc.report.ledger_view import LedgerView


def ledger_json(view: LedgerView, *, patient: Mapping[str, str] | None = None) -> str:
    """The book as JSON text, the same bytes for the same input; doses are exact, as text.

    A dose is a decimal, or where it does not end a ratio: Python's ``Fraction`` reads both.
    """
    return view.to_json() if patient is None else json_text({**view.to_dict(), "patient": dict(patient)})


def ledger_csv(entries: Sequence[Entry]) -> str:
    """The book as CSV: units in the header, ISO dates, exact decimals with a dot, no cell a formula."""
    return csv_text(list(BOOK_COLUMNS), book_rows(entries))
