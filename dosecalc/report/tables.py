"""Plain-text tables: columns as wide as their content, numbers to the right."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from dosecalc.intervals import Interval
from dosecalc.legible import clean, named, printable, told

__all__ = ["WIDTH", "clean", "gy", "page", "printable", "table", "wrapped"]

WIDTH = 100


def page(lines: Iterable[str]) -> str:
    """Lines as one text. Whatever a file smuggled into a line stays in that line."""
    return "".join(f"{printable(line)}\n" for line in lines)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> Iterator[str]:
    """Lines of a table; the first ``words`` columns are text, cut where too long, the others numbers.

    >>> print("\\n".join(table(["structure", "Gy"], [["cord", "9.50"], ["lesion", "56.00"]])))
      structure     Gy
      cord        9.50
      lesion     56.00
    """
    cut = ([named(c) if k < words else c for k, c in enumerate(row)] for row in rows)
    lines = [list(header), *cut]
    widths = [max(len(line[k]) for line in lines) for k in range(len(header))]
    for line in lines:
        cells = [
            cell.ljust(width) if k < words else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  " + "  ".join(cells).rstrip()


def wrapped(first: str, text: str, *, indent: int = 4) -> Iterator[str]:
    """A label and a text that may need several lines."""
    yield from textwrap.wrap(
        f"{first}{told(text)}",
        width=WIDTH,
        initial_indent="  ",
        subsequent_indent=" " * (2 + indent),
        break_long_words=False,
        break_on_hyphens=False,
    )


def gy(interval: Interval | None) -> str:
    """A dose with two decimals, or its two ends; ``>=`` for a lower bound, ``-`` where there is none.

    >>> ends = (3, 3), (2.5, 4), (2.9, math.inf)
    >>> [gy(Interval(value=3, low=low, high=high)) for low, high in ends]
    ['3.00', '2.50-4.00', '>=2.90']
    """
    if interval is None:
        return "-"
    if not math.isfinite(interval.value):
        return "?"
    if not interval.is_bounded:
        return f">={interval.certain:.2f}"
    low, high = f"{interval.low:.2f}", f"{interval.high:.2f}"
    return low if low == high else f"{low}-{high}"
