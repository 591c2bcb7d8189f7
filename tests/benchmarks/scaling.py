"""How time and memory of dosecalc grow with a case: one thing doubled at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import text_table
from clinical_case import CaseSpec, write
from clinical_doses import COARSE, PLANNING_16, Grid
from clinical_structures import POINTS, STRUCTURES
from running import Run, Side, run_once

EXPONENT_BAR = 1.15


@dataclass(frozen=True, kw_only=True)
class Step:
    """One size of what grows, the case for it, and what to tell the program.

    Where cells are counted, the size is what the program says that it used.
    """

    size: int
    spec: CaseSpec
    options: tuple[str, ...] = ()
    counts_cells: bool = False


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Time and memory of one step."""

    size: int
    seconds: float
    memory_bytes: int


def axes() -> dict[str, list[Step]]:
    """What is doubled, by name: sizes in ascending order, a decade or more."""
    small = replace(PLANNING_16, columns_rows_frames=(110, 80, 75), spacing_xyz_mm=(5.0, 5.0, 5.0))
    one = CaseSpec(grids=(PLANNING_16, PLANNING_16))
    light = CaseSpec(grids=(COARSE, COARSE))
    few = ("--cells", "2000")
    return {
        "contour points": [_points(one, n * POINTS // 2) for n in (1, 2, 4, 8, 16)],
        # With little else to do, what grows faster than the points would show.
        "contour points, few cells": [
            replace(_points(light, n * POINTS // 2), options=few) for n in (1, 2, 4, 8, 16)
        ],
        "structures": [_copies(one, n) for n in (1, 2, 4, 8)],
        "cells": [
            Step(size=n, spec=one, options=("--cells", str(n)), counts_cells=True)
            for n in (12_500, 25_000, 50_000, 100_000, 200_000)
        ],
        "voxels a dose": [_voxels(small, n) for n in (1, 2, 4, 8, 16, 32, 64)],
        "courses": [Step(size=n, spec=CaseSpec(grids=(PLANNING_16,) * n)) for n in (1, 2, 4, 8, 16)],
    }


def _points(spec: CaseSpec, points: int) -> Step:
    return Step(size=points, spec=replace(spec, points=points))


def _copies(spec: CaseSpec, copies: int) -> Step:
    return Step(size=STRUCTURES * copies, spec=replace(spec, points=POINTS * copies, copies=copies))


def _voxels(coarse: Grid, times: int) -> Step:
    """A finer grid over the same volume."""
    finer = times ** (1 / 3)
    columns, rows, frames = (round(n * finer) for n in coarse.columns_rows_frames)
    dx, dy, dz = (round(d / finer, 4) for d in coarse.spacing_xyz_mm)
    grid = replace(coarse, columns_rows_frames=(columns, rows, frames), spacing_xyz_mm=(dx, dy, dz))
    return Step(size=grid.voxels, spec=CaseSpec(grids=(grid, grid)))


def measure(steps: Sequence[Step], repeat: int) -> list[Measured]:
    """Runs dosecalc on all steps in turns, so that a slow minute of the machine hits all of them."""
    runs: list[list[Run]] = [[] for _ in steps]
    sides = [Side(name="dosecalc", script="side_dosecalc.py", options=step.options) for step in steps]
    with tempfile.TemporaryDirectory() as scratch:
        folders: dict[CaseSpec, Path] = {}
        for step in steps:
            if step.spec not in folders:
                folders[step.spec] = write(step.spec, Path(scratch) / str(len(folders)))
        for _ in range(repeat):
            for step, side, done in zip(steps, sides, runs, strict=True):
                done.append(run_once(side, folders[step.spec]))
    return [_measured(step, done) for step, done in zip(steps, runs, strict=True)]


def _measured(step: Step, runs: Sequence[Run]) -> Measured:
    return Measured(
        size=int(runs[0].said["cells"]) if step.counts_cells else step.size,
        seconds=min(run.seconds for run in runs),
        memory_bytes=min(int(run.said["memory_bytes"]) for run in runs),
    )


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power of size that costs grow with, over the top decade of sizes."""
    top = np.array(sizes) * 10 >= max(sizes)
    return float(np.polyfit(np.log(np.array(sizes)[top]), np.log(np.array(costs)[top]), 1)[0])


def report(name: str, found: Sequence[Measured]) -> str:
    """A table of one axis, and its exponents."""
    sizes = [m.size for m in found]
    time = exponent(sizes, [m.seconds for m in found])
    memory = exponent(sizes, [m.memory_bytes for m in found])
    rows = [
        (f"{m.size:,}", text_table.seconds(m.seconds), step, text_table.megabytes(m.memory_bytes))
        for m, step in zip(found, ["", *map(_step, found, found[1:])], strict=True)
    ]
    verdict = "reached" if max(time, memory) <= EXPONENT_BAR else "NOT REACHED"
    return (
        text_table.table((name, "seconds", "exponent", "MB"), rows)
        + f"\nexponent over the top decade: time {time:.2f}, memory {memory:.2f}"
        + f" (bar: at most {EXPONENT_BAR}): {verdict}"
    )


def _step(smaller: Measured, larger: Measured) -> str:
    """The exponent of time from one size to the next."""
    return f"{np.log(larger.seconds / smaller.seconds) / np.log(larger.size / smaller.size):.2f}"
