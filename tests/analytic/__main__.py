"""dosecalc against analytic solids: ``PYTHONPATH=tests python -m analytic``.

Prints by how much volumes (% of the truth) and doses (% of 60 Gy, at gradients of about 1 Gy/mm) are off:

* dosecalc with its defaults against the true solid, beside an engine that extrudes each exact section by
  half a slice up and down and makes no other error;
* dosecalc told to extrude with half caps, against that engine.

``strict`` are solids of six or more sections whose ends are round, pointed or midway between slices;
``loose`` are all others, branches among them.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

from analytic.bars import Bar, dose_errors, extruded_bars, largest, median, true_bars
from analytic.bench import PHASES, SETTINGS, Errors, Kind, Row, extruded_rows, true_rows
from analytic.catalogue import all_solids
from analytic.solids import FAMILIES


def _pair(values: Sequence[float]) -> str:
    return f"{median(values):7.3f} /{largest(values):7.2f}"


def _columns(errors: Sequence[Errors]) -> dict[str, Sequence[float]]:
    extremes = [v for e in errors for v in e.extremes.values()]
    return {
        "volume": [e.volume for e in errors],
        "doses": dose_errors(errors),
        "Dmin, Dmax": extremes,
    }


def _line(rows: Sequence[Row]) -> str:
    """Figures of dosecalc, each beside that of the extruding engine where there is one."""
    found = _columns([r.found for r in rows if r.found])
    other = _columns([r.extruding for r in rows if r.extruding])
    cells = (v for name in found for v in (found[name], other[name]) if v)
    return "  ".join(f"{_pair(v):>16}" for v in cells)


def _chosen(rows: Sequence[Row], family: str) -> Sequence[Row]:
    """Rows of a family; "all" are all but the tubes, which have bars of their own."""
    if family == "all":
        return [r for r in rows if r.case.solid.family != "tube"]
    return [r for r in rows if r.case.solid.family == family]


def table(rows: Sequence[Row]) -> str:
    """Medians and maxima by spacing and family."""
    beside = any(r.extruding for r in rows)
    names = [n for name in _columns([]) for n in ((name, "extruding") if beside else (name,))]
    lines = [f"{'slices':7}{'family':9}{'kind':8}{'n':>4}  " + "  ".join(f"{n:>16}" for n in names)]
    for spacing in sorted({r.case.spacing_mm for r in rows}):
        for kind in Kind:
            here = [r for r in rows if r.case.spacing_mm == spacing and r.kind is kind]
            lines += [
                f"{spacing:<4g}mm {family:9}{kind.value:8}{len(chosen):4}  {_line(chosen)}"
                for family in (*FAMILIES, "all")
                if (chosen := _chosen(here, family))
            ]
    lines += [f"no curve: {r.case}: {r.problem}" for r in rows if r.problem]
    return "\n".join(lines)


def worst_first(rows: Sequence[Row], limit: int | None = None) -> str:
    """One line a case, the largest error (of volume or dose) first."""

    def size(r: Row) -> float:
        return max(r.found.volume, r.found.worst) if r.found else math.inf

    lines = []
    for r in sorted(rows, key=size, reverse=True)[:limit]:
        if r.found is None:
            lines.append(f"{r.case}: {r.problem}")
            continue
        name = max(r.found.doses, key=r.found.doses.__getitem__)
        other = ""
        if r.extruding is not None:
            other = f"   extruding: volume {r.extruding.volume:8.3f}  dose {r.extruding.worst:7.3f}"
        lines.append(
            f"{r.case.solid.family:8}{r.kind.value:7}{r.case!s:56} volume {r.found.volume:8.3f}  "
            f"{name:>7} {r.found.worst:7.3f}  mean {r.found.doses['mean']:7.3f}{other}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m analytic", description="dosecalc against analytic solids"
    )
    parser.add_argument("--settings", default="default", choices=SETTINGS)
    parser.add_argument("--family", choices=FAMILIES, help="only solids of this family")
    parser.add_argument("--solid", default="", help="only solids with this in their name")
    parser.add_argument("--spacing", type=float, help="only this slice spacing, mm")
    parser.add_argument("--quick", action="store_true", help="one phase of the planes instead of three")
    parser.add_argument("--table", choices=("true", "extruded", "both"), default="both")
    parser.add_argument("--verbose", action="store_true", help="each case in a row, worst first")
    parser.add_argument("--limit", type=int, help="so many of these rows")
    options = parser.parse_args(arguments)
    chosen = [
        s
        for s in all_solids()
        if options.family in (None, s.family) and options.solid.lower() in s.name.lower()
    ]
    if options.spacing:
        chosen = [s.but(spacings_mm=(options.spacing,)) for s in chosen if options.spacing in s.spacings_mm]
    phases = PHASES[:1] if options.quick else PHASES
    if options.table != "extruded":
        title = f"dosecalc ({options.settings}) against the true solid: median / max, %"
        rows = true_rows(chosen, options.settings, phases)
        _print(title, rows, true_bars(rows))
        if options.verbose:
            print(worst_first(rows, options.limit))
    if options.table != "true":
        title = "dosecalc (half, extruded) against the exact extruded solid: median / max, %"
        rows = extruded_rows(chosen, phases)
        _print(title, rows, extruded_bars(rows))
        if options.verbose:
            print(worst_first(rows, options.limit))


def _print(title: str, rows: Sequence[Row], bars: Sequence[Bar]) -> None:
    print(f"\n{title}\n{table(rows)}\n")
    print("\n".join(str(bar) for bar in bars))


if __name__ == "__main__":
    main()
