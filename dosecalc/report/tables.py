"""Text without a terminal: blocks as plain lines, the same for every reader and every file."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from dosecalc.intervals import Interval
from dosecalc.legible import clean, named, printable, told
from dosecalc.report.blocks import TIED, Across, Block, Heading, Paragraph, Table

__all__ = [
    "LEFT",
    "WIDTH",
    "cells_of",
    "clean",
    "folded",
    "gy",
    "lines_of",
    "page",
    "paragraph_lines",
    "printable",
]

WIDTH = 100
_LEAST_WIDTH = 16  # of a column that takes what the others leave
LEFT = 2  # blanks before a paragraph and a table


def page(blocks: Iterable[Block]) -> str:
    """Blocks as one text. Whatever a file smuggled into a line stays in that line."""
    return "".join(f"{printable(line)}\n" for block in blocks for line in lines_of(block))


def lines_of(block: Block) -> Iterator[str]:
    """The lines of one block.

    >>> rows = [["cord", "9.50"], ["lesion", "56.00"]]
    >>> print("\\n".join(lines_of(Table(header=["structure", "Gy"], rows=rows))))
      structure     Gy
      cord        9.50
      lesion     56.00
    """
    match block:
        case Heading():
            yield block.text
        case Paragraph():
            yield from paragraph_lines(block, WIDTH)
        case Table():
            yield from _table(block)
        case _:
            yield block


def paragraph_lines(paragraph: Paragraph, width: int) -> list[str]:
    """Label and text in lines of that width, what nobody would read left out."""
    return textwrap.wrap(
        f"{paragraph.label}{told(paragraph.text)}",
        width=width,
        initial_indent=" " * paragraph.left,
        subsequent_indent=" " * (paragraph.left + paragraph.indent),
        break_long_words=False,
        break_on_hyphens=False,
    )


def cells_of(table: Table) -> list[Sequence[str] | Across]:
    """The rows of a table, its words cut where they are too long to be read."""
    return [
        row
        if isinstance(row, Across)
        else [named(c) if k < table.words and k != table.folds else c for k, c in enumerate(row)]
        for row in table.rows
    ]


def folded(text: str, width: int) -> list[str]:
    """A cell as the lines that its column has room for; what is tied stays together."""
    return [part.replace(TIED, " ") for part in textwrap.wrap(text, width)] or [""]


def _table(table: Table) -> Iterator[str]:
    rows = cells_of(table)
    lines = [table.header, *(row for row in rows if not isinstance(row, Across))]
    widths = [max(len(line[k]) for line in lines) for k in range(len(table.header))]
    if table.folds is not None:
        others = LEFT + sum(widths) + 2 * (len(widths) - 1) - widths[table.folds]
        widths[table.folds] = min(widths[table.folds], max(WIDTH - others, _LEAST_WIDTH))
    for row in [table.header, *rows]:
        yield from _across(row) if isinstance(row, Across) else _row(row, widths, table)


def _row(cells: Sequence[str], widths: Sequence[int], table: Table) -> Iterator[str]:
    """A row; where a cell does not fit the column that folds, it goes on in the next line."""
    parts = [""] if table.folds is None else folded(cells[table.folds], widths[table.folds])
    for number, part in enumerate(parts):
        found = [part if k == table.folds else c if number == 0 else "" for k, c in enumerate(cells)]
        line = "  ".join(
            cell.ljust(width) if table.is_text(k) else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(found, widths, strict=True))
        )
        yield f"{' ' * LEFT}{line}".rstrip()


def _across(row: Across) -> Iterator[str]:
    first = "  ".join([*row.cells, ""])
    lines = textwrap.wrap(row.text, WIDTH - LEFT - len(first), break_long_words=True, break_on_hyphens=False)
    yield f"{' ' * LEFT}{first}{lines[0]}"
    yield from (f"{' ' * (LEFT + len(first))}{line}" for line in lines[1:])


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
