"""Dose-volume curves laid out for drawing: places in pixels, and how lines are told apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.drawings import PERCENTS, DvhFigure, DvhLimit, DvhLine, Stage
from dosecalc.findings import Outcome
from dosecalc.legible import named
from dosecalc.report.label_places import Label, place_label
from dosecalc.report.polylines import simplified
from dosecalc.results import CheckResult

Floats = npt.NDArray[np.float64]

COLOURS = ("#0072b2", "#c14600", "#00795b", "#9b3b83", "#000000", "#7a5c00", "#5b4fc7", "#b3003c")
"""Told apart by colour-blind readers and on grey paper by their numbers; each 4.5:1 or more on white."""
DASHES: Mapping[Stage, str] = {Stage.PROJECTED: "", Stage.GIVEN: "1.5 3", Stage.PLANNED: "8 4"}
_BANDED = Stage.PROJECTED
"""The one stage whose bands are drawn: those of three would cover each other."""
WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 52, 846, 14, 372
MOST_SHOWN = 8
"""Structures that are drawn at first where no rule judges any dose."""
_LABEL_PERCENTS = (80, 66, 52, 38, 24, 73, 59, 45, 31, 17)
_TICKS = 8
_OFF_PX = 0.1
"""A line may be off by so much, which is what its corners are rounded to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnStructure:
    """A structure of the figures: its number, which its lines bear, and whether it is drawn at first."""

    number: int
    name: str
    colour: str
    is_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLine:
    """A line and its band as paths, and where its mark stands; only some bands are to be seen.

    ``mark`` is the number of its structure, with a letter where that has several lines in a figure.
    """

    structure: DrawnStructure
    mark: str
    line: DvhLine
    path: str
    band: str
    band_corners: int  # of the upper edge; those of the lower one follow, backwards
    shows_band: bool
    dash: str
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLimit:
    """A limit as a mark that points to the side where the line has to pass, or a tick for that of a mean."""

    structure: DrawnStructure
    limit: DvhLimit
    x: float
    y: float
    label: Label

    @property
    def said(self) -> str:
        """The outcome, but for a pass."""
        return "" if self.limit.outcome is Outcome.PASS else self.limit.outcome.value


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnFigure:
    """A figure laid out; ``most_gy`` is the dose at its right edge."""

    figure: DvhFigure
    most_gy: float
    ticks: tuple[tuple[float, str], ...]
    lines: tuple[DrawnLine, ...]
    limits: tuple[DrawnLimit, ...]

    def legend(self, *, all_of_them: bool) -> Mapping[str, Sequence[tuple[str, DrawnStructure]]]:
        """By quantity, the marks of its lines and their structures: of all, or of those that are drawn."""
        found: dict[str, dict[str, DrawnStructure]] = {}
        for drawn in self.lines:
            if all_of_them or drawn.structure.is_shown:
                found.setdefault(drawn.line.quantity, {})[drawn.mark] = drawn.structure
        return {quantity: list(marks.items()) for quantity, marks in found.items()}


def drawn_structures(result: CheckResult, figures: Sequence[DvhFigure]) -> tuple[DrawnStructure, ...]:
    """Every structure that has a line, numbered in the order of the result; those that are judged shown.

    One that only a structure set of another course has stands last: it has a line of its day, and no sum.
    """
    lines = [line for figure in figures for line in figure.lines]
    names = dict.fromkeys(line.structure for line in lines)
    judged = {line.structure for line in lines if line.is_judged}
    ordered = list(dict.fromkeys([*(s.name for s in result.structures if s.name in names), *names]))
    shown = judged or set(ordered[:MOST_SHOWN])
    return tuple(
        DrawnStructure(
            number=number, name=name, colour=COLOURS[(number - 1) % len(COLOURS)], is_shown=name in shown
        )
        for number, name in enumerate(ordered, 1)
    )


def drawn_figure(figure: DvhFigure, structures: Sequence[DrawnStructure]) -> DrawnFigure:
    """A figure in pixels.

    Examples
    --------
    >>> drawn_figure(DvhFigure(key="physical", title="", axis="Gy", lines=()), ()).ticks[:2]
    ((52.0, '0'), (184.3, '0.2'))
    """
    by_name = {s.name: s for s in structures}
    ends = [float(line.dose_gy[-1]) for line in figure.lines] + [li.dose_gy for li in figure.limits]
    step = _step(max(ends, default=1.0))
    most_gy = step * max(math.ceil(max(ends, default=1.0) / step + 0.05), 1)
    count = round(most_gy / step)
    ticks = tuple((_x(k * step, most_gy), f"{k * step:g}") for k in range(count + 1))
    marks = _marks(figure.lines, by_name)
    return DrawnFigure(
        figure=figure,
        most_gy=most_gy,
        ticks=ticks,
        lines=tuple(
            _drawn_line(line, by_name[line.structure], marks[line.structure, line.quantity], most_gy)
            for line in figure.lines
        ),
        limits=tuple(_drawn_limits(figure.limits, by_name, marks, most_gy)),
    )


def _marks(lines: Sequence[DvhLine], by_name: Mapping[str, DrawnStructure]) -> Mapping[tuple[str, str], str]:
    """By structure and quantity: the number of the structure, with a letter where it has several of them."""
    quantities: dict[str, dict[str, None]] = {}
    for line in lines:
        quantities.setdefault(line.structure, {})[line.quantity] = None
    return {
        (name, quantity): f"{by_name[name].number}{_letters(k) if len(own) > 1 else ''}"
        for name, own in quantities.items()
        for k, quantity in enumerate(own)
    }


def _letters(number: int) -> str:
    """a to z, and on as in a spreadsheet.

    >>> _letters(0), _letters(25), _letters(26)
    ('a', 'z', 'aa')
    """
    more, last = divmod(number, 26)
    return (_letters(more - 1) if more else "") + chr(ord("a") + last)


def _step(most_gy: float) -> float:
    """Of 1, 2, 2.5 and 5 times a power of ten, the least that has no more ticks than fit."""
    rough = max(most_gy, 1e-3) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * k for k in (1, 2, 2.5, 5, 10) if power * k >= rough * (1 - 1e-9))


def _x(dose_gy: float, most_gy: float) -> float:
    return round(LEFT + (RIGHT - LEFT) * dose_gy / most_gy, 1)


def _y(percent: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * percent / 100, 1)


def _points(dose_gy: Floats, percent: Floats, most_gy: float) -> list[str]:
    """Corners of a line in pixels, those left out that lie on the way between those that are kept."""
    x, y = LEFT + (RIGHT - LEFT) * dose_gy / most_gy, BOTTOM - (BOTTOM - TOP) * percent / 100
    xy = np.asarray(np.round(np.column_stack([x, y]), 1), dtype=np.float64)
    return [f"{x:g},{y:g}" for x, y in simplified(xy, _OFF_PX).tolist()]


def _drawn_line(line: DvhLine, structure: DrawnStructure, mark: str, most_gy: float) -> DrawnLine:
    upper = _points(line.dose_gy, line.high_percent, most_gy)
    lower = _points(line.dose_gy, line.low_percent, most_gy)
    at = _LABEL_PERCENTS[structure.number % len(_LABEL_PERCENTS)]
    dose_gy = float(np.interp(-at, -line.percent, line.dose_gy))
    has_band = not line.is_open and upper != lower
    if has_band and line.uncovered_cm3 > 0:  # what has no known dose may have any
        upper.append(f"{RIGHT},{_y(float(line.high_percent[-1])):g}")
        lower.append(f"{RIGHT},{_y(0):g}")
    above = np.count_nonzero(line.percent) + 1  # its band may go on where the line is at its end
    return DrawnLine(
        structure=structure,
        mark=mark,
        line=line,
        path="M" + "L".join(_points(line.dose_gy[:above], line.percent[:above], most_gy)),
        band=f"M{'L'.join([*upper, *reversed(lower)])}Z" if has_band else "",
        band_corners=len(upper),
        shows_band=line.stage is _BANDED,
        dash=DASHES[line.stage],
        label_x=_x(dose_gy, most_gy),
        label_y=_y(at),
    )


def _drawn_limits(
    limits: Sequence[DvhLimit],
    by_name: Mapping[str, DrawnStructure],
    marks: Mapping[tuple[str, str], str],
    most_gy: float,
) -> Iterator[DrawnLimit]:
    placed: list[Label] = []
    for limit in sorted(limits, key=lambda li: li.outcome is Outcome.FAIL):  # drawn last, over the others
        x, y = _x(limit.dose_gy, most_gy), _y(limit.percent or 0.0)
        text = _limit_text(limit, marks[limit.structure, limit.quantity])
        label = place_label(text, x, y, placed, left=LEFT, right=RIGHT, top=TOP)
        placed.append(label)
        yield DrawnLimit(structure=by_name[limit.structure], limit=limit, x=x, y=y, label=label)


def _limit_text(limit: DvhLimit, mark: str) -> str:
    """The rule and the line of a limit; of a mean, which no line shows, what it is and what was found."""
    text = f"{named(limit.rule, most=24)} ({mark})"
    if limit.percent is None:
        text += f" {limit.goal}" + (f": {limit.measured}" if limit.measured else "")
    return text if limit.outcome is Outcome.PASS else f"{text} {limit.outcome.value}"


PERCENT_HEADINGS = tuple(f"D{p}%" for p in PERCENTS)
