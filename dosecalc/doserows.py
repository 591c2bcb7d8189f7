"""What courses give to a structure: metrics of each quantity, as records and as rows of a table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dosecalc.findings import finite, known_low, known_value
from dosecalc.intervals import Interval
from dosecalc.legible import json_text, shortened
from dosecalc.notebook import Cell, Columns, data_frame, html_table

TOTAL = "total"
_QUANTITIES = ("per session", "physical", "BED", "EQD2")
_METRICS = {"min": "min_gy", "mean": "mean_gy", "near max": "near_max_gy", "max": "max_gy"}
DOSE_COLUMNS: Columns = {
    "structure": str,
    "ROI name": str,
    "ROI Number": float,
    "structure set UID": str,
    "volume [cm3]": float,
    "covered [cm3]": float,
    "a/b [Gy]": float,
    "state": str,
    "course": str,
    "sessions": float,
    "lower bounds": bool,
    "missing": str,
    **{
        f"{metric} {quantity}{end} [Gy]": float
        for quantity in _QUANTITIES
        for metric in _METRICS
        for end in ("", " low", " high")
    },
    "problem": str,
}
"""Columns of the table of doses: a value with its ends for each metric of each quantity."""
_BLANK: dict[type, Cell] = {str: "", float: None, bool: False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What a structure has of one quantity, in Gy: lower bounds where dose is missing.

    ``near_max`` is D0.03cc, or the maximum in a structure smaller than that.
    """

    min_gy: Interval
    mean_gy: Interval
    near_max_gy: Interval
    max_gy: Interval

    def scaled(self, factor: float) -> Metrics:
        """All metrics times a positive factor."""
        return Metrics(
            min_gy=self.min_gy.scaled(factor),
            mean_gy=self.mean_gy.scaled(factor),
            near_max_gy=self.near_max_gy.scaled(factor),
            max_gy=self.max_gy.scaled(factor),
        )

    def open_above(self) -> Metrics:
        """The same lower ends, and nothing known above them: some dose is missing."""
        return Metrics(
            min_gy=self.min_gy.open_above(),
            mean_gy=self.mean_gy.open_above(),
            near_max_gy=self.near_max_gy.open_above(),
            max_gy=self.max_gy.open_above(),
        )

    def or_up_to(self, other: Metrics) -> Metrics:
        """The same values, with the ends of both."""
        return Metrics(
            min_gy=self.min_gy.or_up_to(other.min_gy),
            mean_gy=self.mean_gy.or_up_to(other.mean_gy),
            near_max_gy=self.near_max_gy.or_up_to(other.near_max_gy),
            max_gy=self.max_gy.or_up_to(other.max_gy),
        )

    @property
    def is_bounded(self) -> bool:
        return all(getattr(self, name).is_bounded for name in _METRICS.values())

    def to_cells(self, quantity: str) -> dict[str, Cell]:
        """The metrics as cells: a bound is the low end of a value that is not there."""
        found: dict[str, Cell] = {}
        for metric, name in _METRICS.items():
            interval: Interval = getattr(self, name)
            known = math.isfinite(interval.high)
            found[f"{metric} {quantity} [Gy]"] = finite(interval.value) if known else None
            found[f"{metric} {quantity} low [Gy]"] = known_low(interval)
            found[f"{metric} {quantity} high [Gy]"] = finite(interval.high)
        return found

    def to_dict(self) -> dict[str, object]:
        return {
            name: {"value": known_value(i), "low": known_low(i), "high": finite(i.high)}
            for name, i in (
                ("min_gy", self.min_gy),
                ("mean_gy", self.mean_gy),
                ("near_max_gy", self.near_max_gy),
                ("max_gy", self.max_gy),
            )
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRow:
    """What one course, or all of them (``total``), gives to a structure.

    ``per_session`` is the session with the highest near-maximum dose. ``incomplete`` says which doses
    are missing in the row; every value is then a lower bound. All is None where no dose is known at
    all, BED and EQD2 also without an a/b.
    """

    course: str
    sessions: int
    per_session: Metrics | None
    physical: Metrics | None
    bed: Metrics | None
    eqd2: Metrics | None
    incomplete: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        return {
            "course": self.course,
            "sessions": self.sessions,
            "per_session": self.per_session.to_dict() if self.per_session else None,
            "physical": self.physical.to_dict() if self.physical else None,
            "bed": self.bed.to_dict() if self.bed else None,
            "eqd2": self.eqd2.to_dict() if self.eqd2 else None,
            "incomplete": list(self.incomplete),
        }

    def to_cells(self) -> dict[str, Cell]:
        """The row as cells of a table; what is not known has none."""
        by_quantity = dict(
            zip(_QUANTITIES, (self.per_session, self.physical, self.bed, self.eqd2), strict=True)
        )
        found: dict[str, Cell] = {
            "course": self.course,
            "sessions": self.sessions or None,  # a sum of plans in one grid has none of its own
            "lower bounds": bool(self.incomplete)
            or any(m is not None and not m.is_bounded for m in by_quantity.values()),
            "missing": "; ".join(self.incomplete),
        }
        for quantity, metrics in by_quantity.items():
            found |= metrics.to_cells(quantity) if metrics else {}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseShare:
    """What part of a sum of ``quantity`` came from a course: of the mean, and of its hottest 0.03 cm3."""

    course: str
    quantity: str
    mean_percent: float
    near_max_percent: float

    def to_dict(self) -> dict[str, object]:
        return {
            "course": self.course,
            "quantity": self.quantity,
            "mean_percent": finite(self.mean_percent),
            "near_max_percent": finite(self.near_max_percent),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureDoses:
    """All rows of one structure, or the ``problem`` that kept it from being evaluated.

    ``rows`` are those of the treatment as it stands: what was given, and what is left of the plans.
    ``delivered`` are those of what was given so far, ``planned`` those of the plans alone; both are empty
    where nothing was given yet, as ``rows`` are the plans then. ``shares`` say how much of the sum came from
    which course, where all of it is known.
    """

    name: str
    roi_name: str
    roi_number: int | None
    structure_set_uid: str
    volume_cm3: float | None
    covered_cm3: float | None
    alpha_beta_gy: float | None
    rows: tuple[DoseRow, ...] = ()
    delivered: tuple[DoseRow, ...] = ()
    planned: tuple[DoseRow, ...] = ()
    shares: tuple[CourseShare, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""

    @property
    def total(self) -> DoseRow | None:
        """The row of all courses together."""
        return next((r for r in self.rows if r.course == TOTAL), None)

    def to_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "roi_name": self.roi_name,
            "roi_number": self.roi_number,
            "structure_set_uid": self.structure_set_uid,
            "volume_cm3": self.volume_cm3,
            "covered_cm3": self.covered_cm3,
            "alpha_beta_gy": self.alpha_beta_gy,
            "rows": [r.to_dict() for r in self.rows],
            "delivered": [r.to_dict() for r in self.delivered],
            "planned": [r.to_dict() for r in self.planned],
            "shares": [s.to_dict() for s in self.shares],
            "notes": list(self.notes),
            "problem": self.problem,
        }

    def to_json(self) -> str:
        """The structure as JSON text."""
        return json_text(self.to_dict())

    def to_rows(self) -> Iterator[dict[str, Cell]]:
        """A row for each course in each state; one without doses where there are none, as it must not vanish.

        Where only a lower bound is known, it is the ``low`` of a metric, and there is no value.
        """
        blank: dict[str, Cell] = {name: _BLANK[kind] for name, kind in DOSE_COLUMNS.items()}
        own = blank | {
            "structure": self.name,
            "ROI name": self.roi_name,
            "ROI Number": self.roi_number,
            "structure set UID": self.structure_set_uid,
            "volume [cm3]": self.volume_cm3,
            "covered [cm3]": self.covered_cm3,
            "a/b [Gy]": self.alpha_beta_gy,
            "problem": self.problem,
        }
        states = {"as it stands": self.rows, "given so far": self.delivered, "as planned": self.planned}
        if not any(states.values()):
            yield own
        for state, rows in states.items():
            yield from (own | {"state": state} | row.to_cells() for row in rows)

    def to_dataframe(self) -> Any:
        """The rows as a pandas DataFrame."""
        return data_frame(DOSE_COLUMNS, list(self.to_rows()))

    def __repr__(self) -> str:
        """One line: what can be said of all courses, or why nothing can."""
        name = shortened(self.name, most=60)
        if self.problem:
            return f"<StructureDoses {name}: not evaluated: {shortened(self.problem, most=100)}>"
        volume = "volume not known" if self.volume_cm3 is None else f"{self.volume_cm3:.2f} cm3"
        total = self.total
        if total is None or total.physical is None:
            return f"<StructureDoses {name}: {volume}, no dose known>"
        near, gy = total.physical.near_max_gy, _shown(total.physical.near_max_gy)
        said = gy if known_low(near) is None else f"{gy} Gy physical"
        return f"<StructureDoses {name}: {volume}, near maximum of all courses {said}>"

    def _repr_html_(self) -> str:
        return doses_html((self,))


def _shown(interval: Interval | None) -> str:
    """A dose with two decimals, its two ends, or a lower bound; nothing where nothing is known."""
    if interval is None or known_low(interval) is None:
        return "not known"
    if not math.isfinite(interval.high):
        return f">={interval.low:.2f}"
    low, high = f"{interval.low:.2f}", f"{interval.high:.2f}"
    return low if low == high else f"{low} to {high}"


def doses_html(structures: tuple[StructureDoses, ...]) -> str:
    """Doses of the treatment as it stands; ends and lower bounds as such."""
    rows = []
    for structure in structures:
        if not structure.rows:
            rows.append([structure.name, structure.problem or "no dose known", *[""] * 5])
        for row in structure.rows:
            physical, eqd2, alpha_beta_gy = row.physical, row.eqd2, structure.alpha_beta_gy
            mean, near = (physical.mean_gy, physical.near_max_gy) if physical else (None, None)
            rows.append(
                [
                    structure.name,
                    row.course,
                    _shown(row.per_session.near_max_gy) if row.per_session else "",
                    *(
                        "" if eqd2 and not physical else _shown(i) for i in (mean, near)
                    ),  # rows of effect only
                    "" if alpha_beta_gy is None else f"{alpha_beta_gy:g}",
                    "" if alpha_beta_gy is None else _shown(eqd2.near_max_gy if eqd2 else None),
                ]
            )
    header = ("structure", "course", "worst session near max", "mean", "near max", "a/b", "EQD2 near max")
    notes = ("near max: D0.03cc, or the maximum of a smaller structure; >= where some dose is not known",)
    return html_table("Doses in Gy, given and planned", header, rows, notes=notes)
