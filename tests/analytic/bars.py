"""Figures of the bench held against what they may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytic.bench import Errors, Kind, Row


def median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else math.nan


def largest(values: Sequence[float]) -> float:
    return max(values, default=math.nan)


def dose_errors(found: Sequence[Errors]) -> list[float]:
    return [e for errs in found for e in errs.doses.values()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A figure and the most that it may be, both in %."""

    name: str
    value: float
    limit: float

    @property
    def held(self) -> bool:
        return self.value <= self.limit + TRUTH_SLACK

    def __str__(self) -> str:
        verdict = "held" if self.held else "MISSED"
        return f"{verdict:7}{self.name:50} {self.value:8.3f}  at most {self.limit:7.3f}"


TRUTH_SLACK = 0.002
"""Figures are known to this (%)."""
VOLUME_FLOOR, DOSE_FLOOR, WORST_FLOOR = 0.1, 0.05, 0.3
"""Medians of volumes and doses, and maxima, need not be smaller than this (%)."""
EXACT_MEDIAN = 0.02


def _compared(name: str, rows: Sequence[Row], share: float, worst_share: float) -> list[Bar]:
    """Medians and maxima held against a share of the extruding engine's, or the floors."""
    found = [r.found for r in rows if r.found]
    other = [r.extruding for r in rows if r.extruding]
    bars = [Bar(name=f"{name}: no curve", value=len(rows) - len(found), limit=0)] if rows else []
    for what, mine, theirs, floor in (
        ("volume", [e.volume for e in found], [e.volume for e in other], VOLUME_FLOOR),
        ("doses", dose_errors(found), dose_errors(other), DOSE_FLOOR),
    ):
        if mine:
            middle, worst = share * median(theirs), worst_share * largest(theirs)
            bars += [
                Bar(name=f"{name}: {what}, median", value=median(mine), limit=max(middle, floor)),
                Bar(name=f"{name}: {what}, max", value=largest(mine), limit=max(worst, WORST_FLOOR)),
            ]
    return bars


def true_bars(rows: Sequence[Row]) -> list[Bar]:
    """Bars against the true solid, at each spacing: strict, loose and tubes."""
    bars: list[Bar] = []
    for spacing in sorted({r.case.spacing_mm for r in rows}):
        here = [r for r in rows if r.case.spacing_mm == spacing]
        where = f"{spacing:g} mm slices"
        solid = [r for r in here if r.case.solid.family != "tube"]
        tubes = [r for r in here if r.case.solid.family == "tube"]
        bars += _compared(f"{where}, strict", [r for r in solid if r.kind is Kind.STRICT], 0.5, 1.0)
        bars += _compared(f"{where}, loose", [r for r in solid if r.kind is Kind.LOOSE], 1.1, 1.1)
        bars += _tube_bars(f"{where}, tubes", [r for r in tubes if r.kind is Kind.STRICT])
        bars += _compared(f"{where}, loose tubes", [r for r in tubes if r.kind is Kind.LOOSE], 1.1, 1.1)
    return bars


def _tube_bars(name: str, rows: Sequence[Row]) -> list[Bar]:
    found = [r.found for r in rows if r.found]
    other = [r.extruding for r in rows if r.extruding]
    if not rows:
        return []
    bars = [Bar(name=f"{name}: no curve", value=len(rows) - len(found), limit=0)]
    if found:
        mine, theirs = dose_errors(found), dose_errors(other)
        half = max(median(theirs) / 2, EXACT_MEDIAN)
        worst = max(largest(theirs) / 2, WORST_FLOOR)
        bars += [
            Bar(name=f"{name}: volume, max", value=largest([e.volume for e in found]), limit=WORST_FLOOR),
            Bar(name=f"{name}: doses, median", value=median(mine), limit=half),
            Bar(name=f"{name}: doses, max", value=largest(mine), limit=worst),
        ]
    return bars


def extruded_bars(rows: Sequence[Row]) -> list[Bar]:
    """Bars against the exact extruded solid, at each spacing."""
    bars: list[Bar] = []
    for spacing in sorted({r.case.spacing_mm for r in rows}):
        here = [r for r in rows if r.case.spacing_mm == spacing]
        found = [r.found for r in here if r.found]
        name = f"{spacing:g} mm slices, extruded"
        bars.append(Bar(name=f"{name}: no curve", value=len(here) - len(found), limit=0))
        for what, values in (("volume", [e.volume for e in found]), ("doses", dose_errors(found))):
            bars += [
                Bar(name=f"{name}: {what}, median", value=median(values), limit=EXACT_MEDIAN),
                Bar(name=f"{name}: {what}, max", value=largest(values), limit=WORST_FLOOR),
            ]
    return bars
