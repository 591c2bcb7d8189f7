"""Runs the sides of a benchmark: each in a process of its own, in turns, the best of several."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

HERE = Path(__file__).parent
SLOW_SECONDS = 90.0
"""A side that takes longer than this is not run again: five times would be a coffee break each."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One program to measure: a script of this folder, the interpreter for it and what to tell it."""

    name: str
    script: str
    options: tuple[str, ...] = ()
    python: Path = Path(sys.executable)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: what the program said of itself, and what the whole process took, by clock and by processor.

    Far more of the one than of the other: the machine was busy, or several cores were.
    """

    said: Mapping[str, Any] = field(repr=False)
    process_seconds: float
    processor_seconds: float

    @property
    def seconds(self) -> float:
        return float(self.said["seconds"])


@dataclass(frozen=True, kw_only=True)
class Best:
    """The runs of one side."""

    side: Side
    runs: tuple[Run, ...]

    @property
    def fastest(self) -> Run:
        return min(self.runs, key=lambda run: run.seconds)

    @property
    def seconds(self) -> float:
        return self.fastest.seconds

    @property
    def process_seconds(self) -> float:
        return min(run.process_seconds for run in self.runs)

    @property
    def processor_seconds(self) -> float:
        return min(run.processor_seconds for run in self.runs)

    @property
    def memory_bytes(self) -> int | None:
        """The least of all runs, as for time; None where the side cannot say."""
        found = [run.said["memory_bytes"] for run in self.runs]
        return None if None in found else min(found)


class SideError(Exception):
    """A side that did not run to its end."""


def run_once(side: Side, folder: Path) -> Run:
    """Runs a side once on a case.

    Raises
    ------
    SideError : with the end of what the program said, if it fails.
    """
    # One thread each, unless somebody asked for more: a comparison of algorithms, not of cores.
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ}
    start, before = perf_counter(), _processor_seconds()
    done = subprocess.run(
        [side.python, HERE / side.script, folder, *side.options],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    seconds = perf_counter() - start
    if done.returncode:
        raise SideError(f"{side.name}: {(done.stderr or done.stdout).strip()[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    return Run(said=said, process_seconds=seconds, processor_seconds=_processor_seconds() - before)


def _processor_seconds() -> float:
    """Of all processes that this one started and that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def best_of(sides: Sequence[Side], folder: Path, repeat: int) -> dict[str, Best]:
    """The sides in turns, so that a slow minute of the machine hits all of them; by name."""
    runs: dict[str, list[Run]] = {side.name: [] for side in sides}
    for _ in range(repeat):
        for side in sides:
            done = runs[side.name]
            if not done or done[-1].process_seconds <= SLOW_SECONDS:
                done.append(run_once(side, folder))
    return {side.name: Best(side=side, runs=tuple(runs[side.name])) for side in sides}
