"""What is left of each limit, as plain text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from dosecalc.checking.allowance import MOST_FRACTIONS, Allowance, Allowances
from dosecalc.intervals import Interval
from dosecalc.report.tables import clean, page, table, wrapped


def remaining_text(found: Sequence[Allowance]) -> str:
    """A line for each limit and structure: what was given, what is left, and how many fractions fit."""
    if not found:
        return page(
            [
                "The protocol has no cumulative limit from above: nothing says how much may still be given.",
                "Add rules of kind cumulative_limit in a file that begins with: extends = ...",
            ]
        )
    rows = [
        [
            a.rule,
            clean(a.structure),
            a.metric,
            f"{a.limit:g} {a.unit}",
            _value(a.given),
            _value(a.projected),
            "-" if a.available is None else f"{_at_most(a)}{a.available:.2f}",
            _fractions(a),
            str(a.planned),
            clean(a.plan),
        ]
        for a in found
    ]
    header = ["rule", "structure", "metric", "limit", "given", "projected", "left", "fit", "planned", "plan"]
    lines = [
        "What is left of each limit (fit: further fractions of the plan below the limit, the sum taken at",
        "each point; planned: those left of the plan; projected: with all of these; <= and >= where some",
        "dose is not known)",
        *table(header, rows, words=3),
    ]
    for text in dict.fromkeys(a.problem for a in found if a.problem):
        lines.extend(wrapped("", clean(text)))
    return page(lines)


def remaining_json(found: Sequence[Allowance]) -> str:
    """The same as JSON, byte for byte the same for the same input."""
    return Allowances(found).to_json()


def _value(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    if interval.is_exact:
        return f"{interval.value:.2f}"
    return f"{interval.low:.2f} to {interval.high:.2f}" if interval.is_bounded else f">={interval.low:.2f}"


def _at_most(allowance: Allowance) -> str:
    return "<=" if allowance.at_most else ""


def _fractions(allowance: Allowance) -> str:
    if allowance.unbounded:
        return "-" if allowance.at_most else f">{MOST_FRACTIONS}"
    return "-" if allowance.fractions is None else f"{_at_most(allowance)}{allowance.fractions}"
