"""Tables as CSV that a spreadsheet opens as it is meant: one writer for every table.

Commas, quotes where a cell needs them (RFC 4180), a line feed at the end of a line, dots as decimal signs,
nothing where nothing is known. Files begin with a byte order mark (``ENCODING``), as spreadsheet programs
take a file without one for the code page of the machine and garble names with umlauts; Python reads it
with ``encoding="utf-8-sig"``, pandas as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

from dosecalc.legible import clean
from dosecalc.notebook import Cell, Exact

ENCODING = "utf-8-sig"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the begin of a formula."""
_WITHIN = re.compile(r""";(?=[\s"']*[=+\-@])""")
"""Where a cell begins for a spreadsheet that separates with semicolons, as most do in Europe."""


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> str:
    """Rows as CSV; a column that a row does not have is empty.

    >>> print(csv_text(["structure", "mean [Gy]"], [{"structure": "=1+1", "mean [Gy]": -0.5}]), end="")
    structure,mean [Gy]
    '=1+1,-0.5
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return out.getvalue()


def _cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case Exact():
            return str(cell)
        case str():
            return _safe(cell)
        case _:
            return repr(cell)


def _safe(text: str) -> str:
    """Text on one line that no spreadsheet takes for a formula; a sign alone is none."""
    found = _WITHIN.sub(";'", clean(text))
    if len(text) == 1:
        return found
    return f"'{found}" if text.startswith(_FORMULA) or found.startswith(_FORMULA) else found
