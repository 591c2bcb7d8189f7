"""dosecalc on a case: read it, then every dose-volume curve of every structure.

``python side_dosecalc.py FOLDER`` prints times, memory and values as JSON. To profile:

    python -m cProfile -s tottime tests/benchmarks/side_dosecalc.py FOLDER
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter

IMPORTING = perf_counter()

import measuring  # noqa: E402

import dosecalc  # noqa: E402
from dosecalc.celldoses import cell_doses  # noqa: E402
from dosecalc.intervals import Interval  # noqa: E402
from dosecalc.sampling import DEFAULT_SETTINGS, Settings  # noqa: E402

IMPORTED = perf_counter()

SUM = dosecalc.Eqd2(alpha_beta_gy=3.0)
SMALL_CM3 = 0.03


@dataclass(frozen=True, kw_only=True)
class Walked:
    """Curves of one structure: of each course by itself, and the last of their sum."""

    name: str
    cells: int
    curves: tuple[dosecalc.Curve, ...]


def courses_of(case: dosecalc.Case) -> list[dosecalc.Ledger]:
    """A ledger for each plan of a case and its dose."""
    return [
        dosecalc.Ledger.from_doses([(dose, plan.groups[0].fractions or 1)])
        for plan in case.plans
        for dose in case.doses_of(plan.uid)
    ]


def walk(case: dosecalc.Case, settings: Settings = DEFAULT_SETTINGS) -> Iterator[Walked]:
    """All curves of a case: physical by course, and the sum of the courses as EQD2."""
    courses = courses_of(case)
    total = dosecalc.Ledger(sessions=tuple(s for ledger in courses for s in ledger))
    for structure in case.structure_sets[0]:
        cells = cell_doses(structure, total.grids(), frames=case.frames, settings=settings)
        physical = (cells.curve(ledger, dosecalc.Physical()) for ledger in courses)
        yield Walked(
            name=structure.name,
            cells=cells.volume_cm3.size,
            curves=(*physical, cells.curve(total, SUM)),
        )


def values(curve: dosecalc.Curve) -> Mapping[str, float]:
    """The metrics of one curve."""
    found = {"Mean": curve.mean_gy}
    found |= {f"D{percent}%": curve.dose_at_percent(percent) for percent in (99, 95, 5, 1)}
    if curve.volume_cm3 >= SMALL_CM3:
        found[f"D{SMALL_CM3}cc"] = curve.dose_at_volume(SMALL_CM3)
    return found


def bands(curve: dosecalc.Curve) -> Mapping[str, Interval]:
    """How far each metric may be off."""
    metrics: dict[str, Callable[[dosecalc.Curve], float]] = {"Mean": lambda c: c.mean_gy}
    metrics |= {f"D{p}%": partial(dosecalc.Curve.dose_at_percent, percent=p) for p in (99, 95, 5, 1)}
    if curve.volume_cm3 >= SMALL_CM3:
        metrics[f"D{SMALL_CM3}cc"] = partial(dosecalc.Curve.dose_at_volume, cm3=SMALL_CM3)
    return {name: curve.numerical(metric) for name, metric in metrics.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cells", type=int, help="cells a structure, whatever their size")
    parser.add_argument("--bands", action="store_true", help="with the numerical band of every value")
    parser.add_argument("--halved", type=int, default=0, help="cells of half the edge, so many times over")
    arguments = parser.parse_args()
    settings = DEFAULT_SETTINGS
    if arguments.cells:
        settings = replace(settings, cells=arguments.cells, min_cell_mm=0.01, max_cell_mm=100.0)
    for _ in range(arguments.halved):
        settings = replace(
            settings,
            cells=8 * settings.cells,
            min_cell_mm=settings.min_cell_mm / 2,
            max_cell_mm=settings.max_cell_mm / 2,
        )
    before = measuring.memory_bytes()
    start = perf_counter()
    case = dosecalc.read_case(arguments.folder)
    read = perf_counter()
    structures: dict[str, dict[str, object]] = {}
    cells = 0
    for walked in walk(case, settings):
        cells += walked.cells
        structures[walked.name] = {
            "volume_cm3": walked.curves[0].volume_cm3,
            "curves": [values(curve) for curve in walked.curves],
        }
        if arguments.bands:
            widest = max(i.high - i.low for curve in walked.curves for i in bands(curve).values())
            structures[walked.name]["widest_band_gy"] = widest
    end = perf_counter()
    measuring.report(
        {
            "seconds": end - start,
            "with_imports": end - start + IMPORTED - IMPORTING,
            "parts": {"read": read - start, "curves": end - read},
            "memory_bytes": measuring.peak_bytes() - before,
            "cells": cells,
            "problems": list(case.problems),
            "structures": structures,
        }
    )


if __name__ == "__main__":
    main()
