"""Times dosecalc on a case of clinical size, against other programs and against reading the files.

    python tests/benchmarks             everything: half an hour, most of it the other programs
    python tests/benchmarks --only floor dosecalc
    python tests/benchmarks --quick     a smoke run on a small case, seconds

Needs dosecalc installed. Makes an environment for dicompyler-core in the system's temporary folder the
first time; compares with the plastimatch command where it is installed.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import agreement
import environments
import numpy as np
import registered
import reporting
import scaling
import text_table
from clinical_case import CLINICAL, LARGE, QUICK, CaseSpec, cached, write
from running import Best, Side, best_of, run_once

FLOOR = Side(name="read floor", script="side_floor.py")
VALUES = Side(name="dosecalc, values", script="side_dosecalc.py")
BANDS = replace(VALUES, name="dosecalc, values with bands", options=("--bands",))
FEW_CELLS = replace(VALUES, options=("--cells", "500"))
FINER = replace(VALUES, name="dosecalc with cells of half the edge", options=("--halved", "1"))
PARTS = ("floor", "dosecalc", "finer", "dicompyler", "plastimatch", "registered", "report", "scaling")
CASES: Mapping[str, CaseSpec] = {"clinical": CLINICAL, "large": LARGE}

MOST_GROWTH_RUNS = 3
VALUES_BAR, BANDS_BAR = 6.0, 8.0
"""The walk with values, and with bands, in times of the read floor."""
DICOMPYLER_BAR, PLASTIMATCH_BAR = 50.0, 10.0
"""How many times faster the walk is than other programs' curves alone."""
MEMORY_BAR_BYTES = 200e6
"""Beyond three times the bytes of the files."""


def sides(wanted: Sequence[str]) -> list[Side]:
    """What is to be run; programs that are not here are named and left out."""
    found = []
    if "floor" in wanted:
        found.append(FLOOR)
    if "dosecalc" in wanted:
        found += [VALUES, BANDS]
    if "dicompyler" in wanted:
        try:
            python = environments.dicompyler_python()
            found.append(Side(name="dicompyler-core", script="side_dicompyler.py", python=python))
        except environments.NotHere as why:
            print(f"SKIPPED: dicompyler-core: {why}")
    if "plastimatch" in wanted:
        try:
            print(environments.plastimatch())
            found.append(Side(name="plastimatch", script="side_plastimatch.py"))
            found.append(
                Side(name="plastimatch, shared", script="side_plastimatch.py", options=("--shared",))
            )
        except environments.NotHere as why:
            print(f"SKIPPED: plastimatch: {why}")
    return found


def describe(spec: CaseSpec, folder: Path) -> str:
    doses = " and ".join(
        f"{'x'.join(map(str, grid.columns_rows_frames))} ({grid.bits} bits)" for grid in spec.grids
    )
    return f"{spec.points:,} contour points, doses of {doses}, {_bytes(folder) / 1e6:.1f} MB of files"


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def timing_table(best: Mapping[str, Best]) -> str:
    floor = best.get(FLOOR.name)
    ours = best.get(VALUES.name)
    rows = [
        (
            name,
            text_table.seconds(found.seconds),
            text_table.ratio(found.seconds / floor.seconds) if floor else "-",
            text_table.ratio(found.seconds / ours.seconds) if ours else "-",
            _with_imports(found),
            text_table.seconds(found.process_seconds),
            text_table.seconds(found.processor_seconds),
            text_table.megabytes(found.memory_bytes),
            str(len(found.runs)),
        )
        for name, found in best.items()
    ]
    header = ("", "seconds", "x floor", "x dosecalc", "with imports", "process", "its CPU", "MB", "runs")
    parts = [
        f"{name}: "
        + ", ".join(f"{part} {text_table.seconds(s)}" for part, s in found.fastest.said["parts"].items())
        for name, found in best.items()
        if "parts" in found.fastest.said
    ]
    return "\n".join([text_table.table(header, rows), *parts])


def _with_imports(found: Best) -> str:
    times = [run.said["with_imports"] for run in found.runs if "with_imports" in run.said]
    return text_table.seconds(min(times)) if times else "-"


def bars(best: Mapping[str, Best], folder: Path) -> str:
    """Each bar that these runs can judge."""
    ours = best[VALUES.name]
    limit = 3 * _bytes(folder) + MEMORY_BAR_BYTES
    judged = []
    if FLOOR.name in best:
        times = ours.seconds / best[FLOOR.name].seconds
        judged.append(_bar("values, times the read floor", times, "at most", VALUES_BAR))
        times = best[BANDS.name].seconds / best[FLOOR.name].seconds
        judged.append(_bar("values with bands, times the read floor", times, "at most", BANDS_BAR))
    for name, bar in (("dicompyler-core", DICOMPYLER_BAR), ("plastimatch", PLASTIMATCH_BAR)):
        if name in best:
            judged.append(_bar(f"faster than {name}", best[name].seconds / ours.seconds, "at least", bar))
    judged.append(_bar("peak memory, MB", (ours.memory_bytes or 0) / 1e6, "at most", limit / 1e6))
    return text_table.table(("bar", "reached", "asked", ""), judged)


def _bar(what: str, value: float, side: str, bar: float) -> tuple[str, str, str, str]:
    good = value <= bar if side == "at most" else value >= bar
    return what, f"{value:.1f}", f"{side} {bar:.0f}", "reached" if good else "NOT REACHED"


def run_case(
    name: str, spec: CaseSpec, folder: Path, wanted: Sequence[Side], repeat: int, *, finer: bool = False
) -> None:
    print(f"\n== {name} case: {describe(spec, folder)}\n")
    best = best_of(wanted, folder, repeat)
    print(timing_table(best))
    if VALUES.name not in best:
        return
    said = best[VALUES.name].fastest.said
    print(f"\n{len(said['structures'])} structures, {said['cells']:,} cells")
    if name in CASES:
        print(f"\n{bars(best, folder)}")
    for problem in said["problems"]:
        print(f"PROBLEM: {problem}")
    others = {
        other: found.fastest.said for other, found in best.items() if other not in (VALUES.name, BANDS.name)
    }
    if finer:
        others = {FINER.name: run_once(FINER, folder).said, **others}
    for other, theirs in others.items():
        if "structures" in theirs:
            print(f"\n{other} less dosecalc:")
            print(agreement.compare(said["structures"], theirs["structures"]))


def run_scaling(repeat: int) -> None:
    for name, steps in scaling.axes().items():
        print(f"\n== growth: {name}\n")
        print(scaling.report(name, scaling.measure(steps, repeat)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="leave out all else")
    parser.add_argument("--case", choices=tuple(CASES), help="one of the two cases alone")
    parser.add_argument(
        "--repeat", type=int, default=5, help="best of so many (default: 5; growth: at most 3)"
    )
    parser.add_argument("--quick", action="store_true", help="a small case, once, dosecalc and the floor")
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.platform()}")
    if arguments.quick:
        with tempfile.TemporaryDirectory() as folder:
            run_case("quick", QUICK, write(QUICK, Path(folder)), [FLOOR, FEW_CELLS], 1)
            print(f"\n{registered.report(Path(folder), runs=1)}")
        with tempfile.TemporaryDirectory() as folder:
            small = write(reporting.QUICK_THREE, Path(folder))
            print(f"\n{reporting.report(small, runs=1, settings=reporting.FEW_CELLS)}")
        return
    wanted = sides(arguments.only)
    for name, spec in CASES.items():
        if wanted and arguments.case in {None, name}:
            finer = "finer" in arguments.only
            run_case(name, spec, cached(spec), wanted, arguments.repeat, finer=finer)
    if "registered" in arguments.only:
        print(f"\n== doses on another image\n\n{registered.report(cached(CLINICAL), runs=arguments.repeat)}")
    if "report" in arguments.only:
        print(f"\n== a report of three courses\n\n{reporting.clinical(runs=arguments.repeat)}")
    if "scaling" in arguments.only:
        run_scaling(min(arguments.repeat, MOST_GROWTH_RUNS))


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    main()
