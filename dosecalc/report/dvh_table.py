"""Dose-volume metrics of every structure in every dose, as text and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dosecalc.case import Case
from dosecalc.celldoses import cell_doses
from dosecalc.curves import Curve
from dosecalc.doses import DoseGrid, DoseType
from dosecalc.errors import DosecalcError, InputError, MetricError
from dosecalc.fractions import holds_text
from dosecalc.intervals import Interval
from dosecalc.notebook import Cell, Exact
from dosecalc.progress import Progress, counted, silent
from dosecalc.report.blocks import Block, Heading, Paragraph, Table
from dosecalc.report.csv_text import csv_text
from dosecalc.report.tables import clean, page
from dosecalc.sampling import DEFAULT_SETTINGS, Settings
from dosecalc.structures import Structure, StructureSet

COLUMNS: tuple[tuple[str, Callable[[Curve], float]], ...] = (
    ("min [Gy]", lambda c: c.min_gy),
    ("mean [Gy]", lambda c: c.mean_gy),
    ("median [Gy]", lambda c: c.median_gy),
    ("D98% [Gy]", lambda c: c.dose_at_percent(98)),
    ("D95% [Gy]", lambda c: c.dose_at_percent(95)),
    ("D2% [Gy]", lambda c: c.dose_at_percent(2)),
    ("D0.03cc [Gy]", lambda c: c.dose_at_volume(0.03)),
    ("max [Gy]", lambda c: c.max_gy),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhRow:
    """One structure in one dose: its curve, or the problem that kept it from being made."""

    dose: DoseGrid
    structure: Structure
    curve: Curve | None = None
    problem: str = ""

    def metrics(self) -> list[Interval | None]:
        """What can be said of each metric of the whole structure; None where it has no answer."""
        if self.curve is None or self.curve.covered_cm3 <= 0:
            return [None] * len(COLUMNS)
        found: list[Interval | None] = []
        for _, metric in COLUMNS:
            try:
                found.append(self.curve.bounds(metric))
            except MetricError:
                found.append(None)
        return found

    @property
    def remark(self) -> str:
        """The problem, or how much of the structure the dose covers where that is not all."""
        if self.curve is not None and self.curve.uncovered_cm3 > 0:
            return f"{_covered(self.curve)} % covered: no metric of the whole structure is known"
        return self.problem


def dvh_rows(
    case: Case,
    *,
    names: tuple[str, ...] = (),
    settings: Settings = DEFAULT_SETTINGS,
    progress: Progress = silent,
) -> Iterator[DvhRow]:
    """Every structure that bounds a volume, in every dose, with the structure set of the dose's plan."""
    asked = [
        (dose, structure)
        for dose in case.doses
        for structure_set in _sets_of(case, dose)
        for structure in structure_set
        if (not names or structure.name in names) and (structure.contours or structure.problem)
    ]
    for dose, structure in counted(progress, "sampling structures", asked):
        try:
            cells = cell_doses(structure, (dose,), frames=case.frames, settings=settings)
            yield DvhRow(dose=dose, structure=structure, curve=cells.dvh(dose))
        except DosecalcError as error:
            yield DvhRow(dose=dose, structure=structure, problem=str(error))


def require_names(case: Case, names: tuple[str, ...]) -> None:
    """Refuse names that no structure has.

    Raises
    ------
    InputError : naming what is missing and what is there.
    """
    there = sorted({s.name for each in case.structure_sets for s in each})
    for name in names:
        if name not in there:
            raise InputError(f"structure {name!r}: expected one of {', '.join(map(repr, there)) or 'none'}")


def _sets_of(case: Case, dose: DoseGrid) -> tuple[StructureSet, ...]:
    """The structure sets of a dose's plans; all of them where that link is missing."""
    plans = [p for p in case.plans if p.uid in dose.plan_uids]
    wanted = {p.structure_set_uid for p in plans}
    linked = tuple(s for s in case.structure_sets if s.uid in wanted)
    return linked or case.structure_sets


def dvh_text(rows: list[DvhRow]) -> str:
    """The rows as tables, one for each dose."""
    return page(dvh_blocks(rows))


def dvh_blocks(rows: list[DvhRow]) -> Iterator[Block]:
    """The same as what it is made of, for whoever lays it out."""
    for number, dose in enumerate(dict.fromkeys(r.dose for r in rows)):
        if number:
            yield ""
        kind = "" if dose.dose_type is DoseType.PHYSICAL else f"DoseType {dose.dose_type.value}, "
        yield Heading(f"Dose {clean(dose.source)} ({kind}{holds_text(dose)}, as it stands in the file)")
        own = [r for r in rows if r.dose is dose]
        body = [
            [
                clean(r.structure.name),
                f"{r.curve.volume_cm3:.2f}",
                _covered(r.curve),
                *[_bound(i) for i in r.metrics()],
            ]
            for r in own
            if r.curve is not None
        ]
        yield Table(header=["structure", "cm3", "covered %", *[name for name, _ in COLUMNS]], rows=body)
        if any(r.curve is not None and r.curve.uncovered_cm3 > 0 for r in own):
            yield "  where less than 100 % is covered, >= is what is certain of the whole structure"
        for row in own:
            if row.problem:
                yield Paragraph("", clean(row.problem))


def _bound(interval: Interval | None) -> str:
    """A dose, or the bound of one; nothing where the bound is no dose at all."""
    if interval is None or (not interval.is_exact and interval.low <= 0):
        return "-"
    return f"{'' if interval.is_exact else '>='}{interval.low:.2f}"


def _covered(curve: Curve) -> str:
    if curve.uncovered_cm3 == 0:
        return "100"
    # Never rounded up to 100: any gap in the cover must show.
    return f"{min(100 * curve.covered_cm3 / curve.volume_cm3, 99.99):.2f}"


_CSV_COLUMNS = (
    "dose file",
    "dose holds",
    "dose type",
    "ROI Number",
    "structure",
    "volume [cm3]",
    "covered [cm3]",
    *(name for name, _ in COLUMNS),
    "problem",
)


def dvh_csv(rows: list[DvhRow]) -> str:
    """The rows as CSV: units in the header, dots as decimal signs, nothing where nothing is known."""
    return csv_text(_CSV_COLUMNS, map(_csv_row, rows))


def _csv_row(row: DvhRow) -> dict[str, Cell]:
    curve = row.curve
    metrics = zip((name for name, _ in COLUMNS), row.metrics(), strict=True)
    return {
        "dose file": row.dose.source,
        "dose holds": holds_text(row.dose),
        "dose type": row.dose.dose_type.value,
        "ROI Number": row.structure.number,
        "structure": row.structure.name,
        "volume [cm3]": Exact(f"{curve.volume_cm3:.6f}") if curve else None,
        "covered [cm3]": Exact(f"{curve.covered_cm3:.6f}") if curve else None,
        **{name: Exact(f"{i.value:.4f}") if i is not None and i.is_exact else None for name, i in metrics},
        "problem": row.remark,
    }
