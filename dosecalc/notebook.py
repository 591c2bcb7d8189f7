"""Records as tables: data frames for scripts, HTML for notebooks."""

from __future__ import annotations

import html
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from dosecalc.errors import DosecalcError
from dosecalc.legible import shortened


class Exact(str):
    """A number as text: an exact decimal, or one that was rounded on purpose."""

    __slots__ = ()


Cell = str | float | bool | None
"""What a cell of a table holds; None where nothing is known, which is never 0."""
Columns = Mapping[str, type[str] | type[float] | type[bool]]
"""Names of columns, units in them, with the kind of their cells."""

_DTYPES: Mapping[type, str] = {float: "float64", bool: "boolean"}
_LONGEST = 300
"""Characters of a cell in HTML: a name of 10,000 would push all else out of sight."""
_CELL = "padding:2px 8px;border:1px solid #767676;"
_TABLE = "border-collapse:collapse;background:#ffffff;color:#1a1a1a;"
_BOX = "background:#ffffff;color:#1a1a1a;font:13px sans-serif;padding:6px;max-width:100%;overflow-x:auto;"
"""Dark on white in a light and in a dark notebook: 17 to 1."""


def extra(module: str) -> Any:
    """A module of an extra, imported when it is first needed.

    Raises
    ------
    DosecalcError : saying what to install.

    Examples
    --------
    >>> extra("no_such_module")
    Traceback (most recent call last):
    dosecalc.errors.DosecalcError: no_such_module is not installed: pip install 'dosecalc[notebook]'
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.split(".", maxsplit=1)[0]
        raise DosecalcError(f"{package} is not installed: pip install 'dosecalc[notebook]'") from None


def data_frame(columns: Columns, rows: Sequence[Mapping[str, Cell]]) -> Any:
    """Rows as a pandas DataFrame; what is not known is NaN or NA, and text is as it is in the files.

    Raises
    ------
    DosecalcError : if pandas is not installed.
    """
    pandas = extra("pandas")
    return pandas.DataFrame({name: _series(pandas, name, kind, rows) for name, kind in columns.items()})


def _series(pandas: Any, name: str, kind: type, rows: Sequence[Mapping[str, Cell]]) -> Any:
    cells = [row.get(name) for row in rows]
    if kind is str:
        return pandas.Series(["" if c is None else c for c in cells], dtype=object)
    values = [float(c) if isinstance(c, Exact) else c for c in cells]
    return pandas.Series(values, dtype=_DTYPES[kind])


def html_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, notes: Sequence[str] = ()
) -> str:
    """A table that stands by itself: no script, no style sheet, and no text of a file is markup.

    >>> "&lt;b&gt;" in html_table("Doses", ["structure"], [["<b>"]])
    True
    """
    head = "".join(
        f'<th scope="col" style="{_CELL}text-align:left;background:#e8e8e8;color:#1a1a1a;">{_text(name)}</th>'
        for name in header
    )
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}text-align:left;">{_text(c)}</td>' for c in row) + "</tr>"
        for row in rows
    )
    below = "".join(f'<div style="padding:2px 0;">{_text(note)}</div>' for note in notes)
    table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>" if rows else ""
    caption = f'<caption style="text-align:left;font-weight:bold;color:#1a1a1a;">{_text(title)}</caption>'
    return f'<div style="{_BOX}"><table style="{_TABLE}">{caption}{table}</table>{below}</div>'


def html_page(*parts: str) -> str:
    """Several tables, one below the other."""
    return f"<div>{''.join(parts)}</div>"


def _text(text: str) -> str:
    return html.escape(shortened(text, most=_LONGEST))
