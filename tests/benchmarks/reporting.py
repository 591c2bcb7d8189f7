"""What a report takes beyond the check: three courses of a clinical case, limits that fail, one process."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from clinical_case import CaseSpec, cached
from clinical_doses import COARSE, PLANNING, PLANNING_16

from dosecalc import Case, CheckResult, PlanStatement, Protocol, Statement, check, load_protocol, read_case
from dosecalc.report.check_report import report_bytes
from dosecalc.sampling import DEFAULT_SETTINGS, Settings

THREE_COURSES = CaseSpec(grids=(PLANNING, PLANNING_16, PLANNING))
FEW_CELLS = Settings(cells=500)
QUICK_THREE = CaseSpec(points=12_000, grids=(COARSE, COARSE, COARSE))
SECONDS_BAR, BYTES_BAR, DRAWN_BYTES_BAR = 2.0, 1e6, 5e6
"""Beyond the check itself; size without sections, and with them."""
COURSES = ("first", "second", "third")
_HEAD = """
format_version = 1
name = "benchmark"
title = "three courses"
source = "tests/benchmarks"
visit_hours = 2.0
"""


def protocol_of(names: list[str], failing: list[str], folder: Path) -> Protocol:
    """An a/b for every structure, a cumulative limit for each, and limits per session that fail for some."""
    parts = [_HEAD]
    for course in COURSES:
        parts.append(f'[[courses]]\nname = "{course}"\n[[roles]]\nname = "{course}"\ncourse = "{course}"\n')
    for name in names:
        parts.append(
            f'[[structures]]\nname = "{name}"\nalpha_beta_gy = 3.0\nalpha_beta_range_gy = [2.0, 4.0]\n'
            'endpoint = "late"\nsource = "benchmark"\n'
        )
    listed = ", ".join(f'"{n}"' for n in failing)
    parts.append(
        '[[rules]]\nid = "S1"\ntitle = "fails"\nkind = "session_limit"\nlevel = "required"\n'
        f'structures = [{listed}]\ncourse = "first"\ngoal = "D0.03cc < 0.2 Gy/fx"\n'
        'reading = "session_sum"\nsource = "benchmark"\n'
    )
    everyone = ", ".join(f'"{n}"' for n in names)
    parts.append(
        '[[rules]]\nid = "C1"\ntitle = "sum"\nkind = "cumulative_limit"\nlevel = "advisory"\n'
        f'structures = [{everyone}]\ngoal = "D0.03cc < 500 Gy EQD2(3)"\nsource = "benchmark"\n'
    )
    path = folder / "benchmark.toml"
    path.write_text("\n".join(parts), encoding="utf-8")
    return load_protocol(path)


def prepared(folder: Path) -> tuple[Case, Protocol]:
    """The case with a role for each of its plans, and a protocol for it."""
    plans = sorted(read_case(folder).plans, key=lambda p: p.source)
    stated = tuple(PlanStatement(uid=p.uid, roles=(c,)) for p, c in zip(plans, COURSES, strict=True))
    case = read_case(folder, statement=Statement(plans=stated))
    names = [s.name for s in case.structure_sets[0] if s.contours]
    with tempfile.TemporaryDirectory() as place:
        return case, protocol_of(names, names[1:4], Path(place))


def _seconds_and_bytes(result: CheckResult, name: str) -> tuple[float, int]:
    start = time.perf_counter()
    size = len(report_bytes(result, Path(name)))
    return time.perf_counter() - start, size


def report(folder: Path, *, runs: int, settings: Settings = DEFAULT_SETTINGS) -> str:
    """What was measured, beside the bars: each time the best of so many runs."""
    case, protocol = prepared(folder)
    checking, reporting, sizes, spots = [], [], [], 0
    for _ in range(runs):
        start = time.perf_counter()
        result = check(case, protocol, settings=settings)
        checking.append(time.perf_counter() - start)
        seconds, size = _seconds_and_bytes(result, "report.html")
        reporting.append(seconds)
        sizes.append(size)
        spots = len(result.draw().hot_spots)
    return (
        f"check {min(checking):.2f} s, its report {min(reporting):.2f} s more (at most {SECONDS_BAR:g}); "
        f"{sizes[0] / 1e6:.2f} MB with sections through {spots} hot spots "
        f"(at most {DRAWN_BYTES_BAR / 1e6:g} asked, {BYTES_BAR / 1e6:g} without)"
    )


def clinical(*, runs: int) -> str:
    """The same on the case of clinical size."""
    return report(cached(THREE_COURSES), runs=runs)
