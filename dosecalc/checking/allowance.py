"""How much of a limit is left: records that can be shown, and written as JSON and as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dosecalc.checking.judging import digits
from dosecalc.findings import finite, known_low, known_value
from dosecalc.intervals import Interval
from dosecalc.legible import clean, json_text, shortened
from dosecalc.notebook import Cell, Columns, data_frame, html_table

FORMAT_VERSION = 1
ALLOWANCE_COLUMNS: Columns = {
    "rule": str,
    "structure": str,
    "metric": str,
    "limit": float,
    "unit": str,
    "plan": str,
    "given": float,
    "given low": float,
    "given high": float,
    "projected": float,
    "projected low": float,
    "projected high": float,
    "available": float,
    "fractions": float,
    "upper bounds": bool,
    "planned fractions": float,
    "problem": str,
}
"""Columns of what is left as a table; ``unit`` is that of limit, given, projected and available."""
MOST_FRACTIONS = 200
"""More than any course has: beyond it a limit does not bound the fractions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much of a limit is left for a structure.

    Parameters
    ----------
    given, projected : the metric of what was given so far, and with all that is left of the plans; without an
        upper end where dose is missing
    available : limit less the most that was given; below 0 where it may be broken already
    fractions : how many further fractions of the current plan fit, the sum taken at each point; None where
        more than ``MOST_FRACTIONS`` do, or where nothing can be said
    at_most : whether the two are upper bounds only, as dose is missing: less the least that was given
    planned : how many of the current course are left of its plans
    problem : why nothing can be said, or what is missing
    """

    rule: str
    structure: str
    metric: str
    limit: float
    unit: str
    plan: str = ""
    given: Interval | None = None
    projected: Interval | None = None
    available: float | None = None
    fractions: int | None = None
    unbounded: bool = False
    at_most: bool = False
    planned: int = 0
    problem: str = ""

    @property
    def _limit(self) -> dict[str, str | float]:
        """What it is about, as data."""
        return {
            "rule": self.rule,
            "structure": self.structure,
            "metric": self.metric,
            "limit": self.limit,
            "unit": self.unit,
            "plan": self.plan,
        }

    def to_dict(self) -> dict[str, object]:
        return {
            **self._limit,
            "given": known_value(self.given) if self.given else None,
            "given_at_most": finite(self.given.high) if self.given else None,
            "projected": known_value(self.projected) if self.projected else None,
            "projected_at_most": finite(self.projected.high) if self.projected else None,
            "available": self.available,
            "fractions": self.fractions,
            "unbounded": self.unbounded,
            "at_most": self.at_most,
            "planned": self.planned,
            "problem": self.problem,
        }

    def to_json(self) -> str:
        """The allowance as JSON text."""
        return json_text(self.to_dict())

    def to_row(self) -> dict[str, Cell]:
        """The allowance as a row of a table; a lower bound is the low end of a value that is not there."""
        return {
            **self._limit,
            **_cells("given", self.given),
            **_cells("projected", self.projected),
            "available": self.available,
            "fractions": self.fractions,
            "upper bounds": self.at_most,
            "planned fractions": self.planned,
            "problem": self.problem,
        }

    def __str__(self) -> str:
        """What is left in words, and why it is not more that can be said."""
        problem = f" ({clean(self.problem)})" if self.problem else ""
        about = " ".join(filter(None, (self.rule, shortened(self.structure, most=60))))
        return f"{about}, {self.metric}, limit {self.limit:g} {self.unit}: {self._left}{problem}"

    def __repr__(self) -> str:
        """One line; bounds are said to be bounds."""
        about = " ".join(filter(None, (self.rule, shortened(self.structure, most=60))))
        return f"<Allowance {about}, {self.metric}, limit {self.limit:g} {self.unit}: {self._left}>"

    @property
    def _left(self) -> str:
        if self.available is None:
            return "what is left cannot be said"
        most = "at most " if self.at_most else ""
        left = f"{most}{digits(self.available, 0.0)} {self.unit} left"
        if self.fractions is None:
            bounded = not self.unbounded or self.at_most
            return left if bounded else f"{left}, more than {MOST_FRACTIONS} further fractions"
        return f"{left}, {most}{self.fractions} further fractions of {shortened(self.plan, most=60)}"

    def _repr_html_(self) -> str:
        return Allowances((self,))._repr_html_()


class Allowances(tuple[Allowance, ...]):
    """What is left of each limit: a tuple that can be shown and written as a whole.

    Examples
    --------
    >>> found = Allowances((Allowance(rule="R40", structure="cord", metric="Dmax", limit=50.0, unit="Gy"),))
    >>> print(found)
    R40 cord, Dmax, limit 50 Gy: what is left cannot be said
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, object]:
        """The content of ``dosecalc remaining --json``."""
        return {"format_version": FORMAT_VERSION, "remaining": [a.to_dict() for a in self]}

    def to_json(self) -> str:
        """The same as JSON text."""
        return json_text(self.to_dict())

    def to_dataframe(self) -> Any:
        """A row for each limit and structure as a pandas DataFrame.

        Raises
        ------
        DosecalcError : if pandas is not installed.
        """
        return data_frame(ALLOWANCE_COLUMNS, [a.to_row() for a in self])

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "no cumulative limit from above: nothing says what is left"

    def _repr_html_(self) -> str:
        header = ("rule", "structure", "metric", "limit", "what is left", "planned", "what is missing")
        rows = [
            (a.rule, a.structure, a.metric, f"{a.limit:g} {a.unit}", a._left, str(a.planned), a.problem)
            for a in self
        ]
        return html_table("What is left of each limit", header, rows, notes=() if rows else (str(self),))


def _cells(name: str, interval: Interval | None) -> dict[str, Cell]:
    if interval is None:
        return dict.fromkeys((name, f"{name} low", f"{name} high"))
    known = math.isfinite(interval.high)
    return {
        name: finite(interval.value) if known else None,
        f"{name} low": known_low(interval),
        f"{name} high": finite(interval.high),
    }
