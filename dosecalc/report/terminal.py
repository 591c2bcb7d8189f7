"""Blocks drawn for a terminal: in colour, fitted to its width, and nothing of the plain text left out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from dosecalc.legible import printable
from dosecalc.report.blocks import Across, Block, Heading, Paragraph, Table, Tone
from dosecalc.report.tables import LEFT, WIDTH, cells_of, folded, paragraph_lines

if TYPE_CHECKING:
    from rich.padding import Padding
    from rich.text import Text

LEAST_WIDTH = 80
_LEAST_COLUMN = 12  # of text, where a table is too wide
_STYLES: Mapping[Tone, str] = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.BAD: "bold red",
    Tone.OPEN: "yellow",
    Tone.AHEAD: "cyan",
}
"""Colours of the sixteen that every terminal has a choice of its own for; the words say the same."""


def draw(blocks: Iterable[Block], stream: TextIO, *, width: int) -> None:
    """Draw blocks on a terminal.

    Parameters
    ----------
    stream : a terminal. ``NO_COLOR`` and a terminal without colours are heeded.
    width : characters of its line; less than 80 are taken as 80. A table that is wider is continued below,
        with the columns that say what its rows are about.

    Raises
    ------
    ImportError : if rich, an extra, is not installed.
    """
    from rich.console import Console  # noqa: PLC0415 - an extra, which the core does without
    from rich.text import Text  # noqa: PLC0415

    width = max(width, LEAST_WIDTH)
    console = Console(file=stream, width=width, force_terminal=True, highlight=False, legacy_windows=False)
    for block in blocks:
        for piece in _pieces(block, width):
            console.print(piece, soft_wrap=isinstance(piece, Text))  # what a line cannot hold is not cut


def _pieces(block: Block, width: int) -> Iterator[Text | Padding]:
    match block:
        case Heading():
            style = f"bold {_STYLES[block.tone]}".strip()
            yield from (_text(line, style) for line in _wrapped(block.text, width))
        case Paragraph():
            yield from _paragraph(block, min(width, WIDTH))
        case Table():
            yield from _tables(block, width)
        case _:
            yield from (_text(line) for line in _wrapped(block, width))


def _text(line: str, style: str = "") -> Text:
    """A line as it stands: nothing in it is taken for markup."""
    from rich.text import Text  # noqa: PLC0415 - an extra, which the core does without

    return Text(printable(line), style=style)


def _wrapped(line: str, width: int) -> list[str]:
    """A line, in several where the terminal is narrower, those that follow set in below it."""
    if len(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _paragraph(paragraph: Paragraph, width: int) -> Iterator[Text]:
    """Its label has the colour, as far as it stands in the first line."""
    for number, line in enumerate(paragraph_lines(paragraph, width)):
        text = _text(line)
        if number == 0:
            text.stylize(
                _STYLES[paragraph.tone], paragraph.left, paragraph.left + len(paragraph.label.rstrip())
            )
        yield text


def _tables(table: Table, width: int) -> Iterator[Text | Padding]:
    """A table, in several parts where its numbers do not fit beside one another."""
    rows = [_spread(row, table) for row in cells_of(table)]
    gap, widths = _fitted(table, rows, width - LEFT)
    for number, columns in enumerate(_parts(table, widths, gap, width - LEFT)):
        if number:
            yield _text("  the same, continued")
        yield _drawn(table, rows, columns, widths, gap)


def _spread(row: Sequence[str] | Across, table: Table) -> Sequence[str]:
    """A cell for each column; a text across the others stands in the one that folds."""
    if not isinstance(row, Across):
        return row
    cells = [*row.cells, *[""] * (len(table.header) - len(row.cells))]
    cells[-1 if table.folds is None else table.folds] = row.text
    return cells


def _fitted(table: Table, rows: Sequence[Sequence[str]], room: int) -> tuple[int, list[int]]:
    """Blanks between columns, and the width of each: text gives way where all do not fit."""
    from rich.cells import cell_len  # noqa: PLC0415 - an extra, which the core does without

    widths = [max(map(cell_len, column)) for column in zip(table.header, *rows, strict=True)]
    blanks = len(widths) - 1
    gap = 2 if sum(widths) + 2 * blanks <= room else 1
    texts = [k for k in range(len(widths)) if table.is_text(k)]
    least = sum(min(width, _LEAST_COLUMN) if k in texts else width for k, width in enumerate(widths))
    if least + gap * blanks > room:  # it will be in several parts: half of each is for the words
        words = _narrowed(widths[: table.words], range(table.words), room // 2)
        left = room - sum(words) - gap * len(words)
        return gap, [*words, *(min(width, left) for width in widths[table.words :])]
    if table.folds is not None:
        widths = _narrowed(widths, [table.folds], room - gap * blanks)
    return gap, _narrowed(widths, texts, room - gap * blanks)


def _narrowed(widths: Sequence[int], columns: Sequence[int], room: int) -> list[int]:
    """Widths that have room together, as far as the widest of some columns can give it."""
    found = list(widths)
    while columns and sum(found) > room:
        widest = max(columns, key=found.__getitem__)
        if found[widest] <= _LEAST_COLUMN:
            break
        found[widest] -= 1
    return found


def _parts(table: Table, widths: Sequence[int], gap: int, room: int) -> list[list[int]]:
    """Columns that fit beside one another, each time after those that say what a row is about.

    Of the ways that need no more parts, the one in which they are most alike.
    """
    fewest = len(_filled(table, widths, gap, room))
    return next(parts for r in range(room + 1) if len(parts := _filled(table, widths, gap, r)) == fewest)


def _filled(table: Table, widths: Sequence[int], gap: int, room: int) -> list[list[int]]:
    """Each part as full as it can be."""
    words = list(range(table.words))
    taken = sum(widths[k] + gap for k in words)
    parts, used = [words.copy()], taken
    for k in range(table.words, len(widths)):
        if len(parts[-1]) > len(words) and used + widths[k] > room:
            parts.append(words.copy())
            used = taken
        parts[-1].append(k)
        used += widths[k] + gap
    return parts


def _drawn(
    table: Table, rows: Sequence[Sequence[str]], columns: Sequence[int], widths: Sequence[int], gap: int
) -> Padding:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - an extra, which the core does without
    from rich.padding import Padding  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415

    drawn = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0))
    for k in columns:
        drawn.add_column(_cell(table.header[k], k, table, widths[k]), width=widths[k], overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(row[k], k, table, widths[k]) for k in columns))
    return Padding(drawn, (0, 0, 0, LEFT), expand=False)


def _cell(cell: str, column: int, table: Table, width: int) -> Text:
    """Numbers stand to the right with the blanks that align them; what is tied stays together."""
    from rich.text import Text  # noqa: PLC0415 - an extra, which the core does without

    if column == table.folds:
        return Text("\n").join(_text(line) for line in folded(cell, width))
    return _text(cell if table.is_text(column) else cell.rjust(width))
