"""What is left of each limit, as plain text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dosecalc.checking.allowance import MOST_FRACTIONS, Allowance, Allowances
from dosecalc.intervals import Interval
from dosecalc.legible import json_text
from dosecalc.report.blocks import Block, Paragraph, Table
from dosecalc.report.tables import clean, page

_LEGEND = (
    "(fit: further fractions of the plan below the limit, the sum taken at each point; planned: those left "
    "of the plan; projected: with all of these; <= and >= where some dose is not known)"
)


def remaining_text(found: Sequence[Allowance]) -> str:
    """A line for each limit and structure: what was given, what is left, and how many fractions fit."""
    return page(remaining_blocks(found))


def remaining_blocks(found: Sequence[Allowance]) -> Iterator[Block]:
    """The same as what it is made of, for whoever lays it out."""
    if not found:
        yield "The protocol has no cumulative limit from above: nothing says how much may still be given."
        yield "Add rules of kind cumulative_limit to a protocol of your own, which begins with:"
        yield "  dosecalc protocol new mine.toml --extends redefine"
        return
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
    yield Paragraph("What is left of each limit ", _LEGEND, indent=0, left=0)
    yield Table(header=header, rows=rows, words=3, texts=frozenset({header.index("plan")}))
    for text in dict.fromkeys(a.problem for a in found if a.problem):
        yield Paragraph("", clean(text))


def remaining_json(found: Sequence[Allowance], *, patient: Mapping[str, str] | None = None) -> str:
    """The same as JSON, byte for byte the same for the same input."""
    data = Allowances(found).to_dict()
    return json_text(data if patient is None else {**data, "patient": dict(patient)})


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
