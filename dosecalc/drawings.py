"""What a report draws beside its tables: dose-volume curves with bands and limits, the book, hot spots."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dosecalc.book_entries import Entry
from dosecalc.findings import Outcome
from dosecalc.intervals import Interval
from dosecalc.sections import HotSpot

Floats = npt.NDArray[np.float64]

PERCENTS = (98, 95, 50, 5, 2)
"""Of volume: the doses that a line is said in where it cannot be seen."""


class Stage(enum.StrEnum):
    """Which state of a treatment a line is about."""

    PROJECTED = "as it stands"
    GIVEN = "given so far"
    PLANNED = "as planned"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DvhLine:
    """A cumulative dose-volume curve, thinned for drawing.

    Parameters
    ----------
    quantity : as a physicist writes it, such as ``EQD2(3)``
    volume_cm3 : of the structure
    dose_gy : ascending, shape (n,)
    percent : of the volume that has at least that dose, shape (n,); a lower bound where ``is_open``
    low_percent, high_percent : ends of what it may be instead, shape (n,); no end above where ``is_open``
    is_open : some dose is missing, so that nothing bounds the line from above
    is_judged : a rule judges the dose of the structure
    at_percent : the dose that so much of the volume has at least, for each of ``PERCENTS``; ends as the band
    uncovered_cm3 : volume of which no dose is known; the line is then what is certain
    is_least : of some course only numbers are known, and the line is the low end of what they leave open
    """

    structure: str
    stage: Stage
    quantity: str
    volume_cm3: float
    dose_gy: Floats = field(repr=False)
    percent: Floats = field(repr=False)
    low_percent: Floats = field(repr=False)
    high_percent: Floats = field(repr=False)
    is_open: bool
    is_judged: bool
    at_percent: tuple[Interval, ...]
    uncovered_cm3: float = 0.0
    is_least: bool = False

    @property
    def is_lower_bound(self) -> bool:
        """Whether the line is what is certain only, as not all is known of some dose."""
        return self.is_open or self.uncovered_cm3 > 0 or self.is_least


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhLimit:
    """A limit where it stands beside the lines: a dose, and a part of the volume in percent.

    ``quantity`` is that of its line. ``percent`` is None for a limit of a mean, which is no point of a curve.
    ``is_upper`` says that the line has to pass below and to the left of it; ``measured`` is what was held
    against it, in the unit of the goal, empty where nothing was.
    """

    rule: str
    structure: str
    quantity: str
    goal: str
    dose_gy: float
    percent: float | None
    is_upper: bool
    outcome: Outcome
    measured: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhFigure:
    """Lines of one kind of dose, limits on it, and what could not be drawn, in words."""

    key: str
    title: str
    axis: str
    lines: tuple[DvhLine, ...]
    limits: tuple[DvhLimit, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawings:
    """Everything that a report draws."""

    figures: tuple[DvhFigure, ...] = ()
    entries: tuple[Entry, ...] = ()
    hot_spots: tuple[HotSpot, ...] = ()
