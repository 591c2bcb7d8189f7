"""Sections through the place where a limit is broken: what a picture of it shows, as plain records.

Places in a picture are (across, down) in mm, rising to the right and downwards, as a radiologist looks at
it: axial from the feet and coronal from the front, both with the patient's right on the left-hand side;
sagittal from the patient's left, with the front on the left-hand side.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dosecalc.errors import DosecalcError

Floats = npt.NDArray[np.float64]

NOT_KNOWN_GREY = 0
"""The grey value of a pixel that no image covers; known ones have 1 to 255."""


class Plane(enum.Enum):
    """A plane along two of the patient's axes."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    @property
    def axes(self) -> tuple[int, int, int]:
        """The axes (0 x, 1 y, 2 z) across the picture, down it and through it."""
        return {Plane.AXIAL: (0, 1, 2), Plane.CORONAL: (0, 2, 1), Plane.SAGITTAL: (1, 2, 0)}[self]

    @property
    def down_sign(self) -> int:
        """1 where the axis down the picture rises downwards, -1 where it rises upwards, as z does."""
        return 1 if self is Plane.AXIAL else -1

    @property
    def edges(self) -> tuple[str, str, str, str]:
        """What lies at the left, right, upper and lower edge of the picture, in words.

        >>> Plane.AXIAL.edges, Plane.SAGITTAL.edges
        (('right', 'left', 'anterior', 'posterior'), ('anterior', 'posterior', 'superior', 'inferior'))
        """
        return {
            Plane.AXIAL: ("right", "left", "anterior", "posterior"),
            Plane.CORONAL: ("right", "left", "superior", "inferior"),
            Plane.SAGITTAL: ("anterior", "posterior", "superior", "inferior"),
        }[self]

    def across_down(self, xyz_mm: npt.ArrayLike) -> Floats:
        """Where points of the patient system (LPS), shape (..., 3), lie in the picture, (..., 2).

        >>> Plane.CORONAL.across_down([10.0, -20.0, 30.0]).tolist()
        [10.0, -30.0]
        """
        points = np.asarray(xyz_mm, dtype=np.float64)
        across, down, _ = self.axes
        return np.stack([points[..., across], self.down_sign * points[..., down]], axis=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What a picture shows: its edges in mm across and down it.

    >>> Extent(left_mm=-40, right_mm=40, top_mm=-30, bottom_mm=70).height_mm
    100
    """

    left_mm: float
    right_mm: float
    top_mm: float
    bottom_mm: float

    def __post_init__(self) -> None:
        if not (self.width_mm > 0 and self.height_mm > 0):
            raise DosecalcError(f"Extent: expected a width and a height above 0 mm, found {self}")

    @property
    def width_mm(self) -> float:
        return self.right_mm - self.left_mm

    @property
    def height_mm(self) -> float:
        return self.bottom_mm - self.top_mm


class OutlineKind(enum.Enum):
    """What a line in a picture is."""

    JUDGED = "judged structure"
    TARGET = "target"
    STRUCTURE = "other structure"
    ISODOSE = "isodose"
    NOT_KNOWN = "dose not known"  # around where a dose of the sum does not reach


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loop:
    """One line: its points across and down the picture in mm, (n, 2), and whether its ends meet.

    A closed line does not repeat its first point. An open one ends where the picture or the dose does.
    """

    points_mm: Floats = field(repr=False)
    closed: bool

    def __post_init__(self) -> None:
        points = np.array(self.points_mm, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
            raise DosecalcError(f"Loop: expected two points or more, (n, 2), found {points.shape}")
        points.setflags(write=False)
        object.__setattr__(self, "points_mm", points)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """All lines of one structure or of one isodose in a section; ``dose_gy`` is that of an isodose."""

    name: str
    kind: OutlineKind
    loops: tuple[Loop, ...]
    dose_gy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GreyImage:
    """The image under a section: grey values, (rows, columns), from the upper left-hand corner.

    Parameters
    ----------
    grey : 1 at ``low_hu`` and below to 255 at ``high_hu`` and above; 0 where the image does not reach
    extent : the outer edges of its pixels
    low_hu, high_hu : the window
    source : the image series it is of
    """

    grey: npt.NDArray[np.uint8] = field(repr=False)
    extent: Extent
    low_hu: float
    high_hu: float
    source: str

    def __post_init__(self) -> None:
        if self.grey.ndim != 2 or self.grey.dtype != np.uint8:
            found = f"{self.grey.dtype} of shape {self.grey.shape}"
            raise DosecalcError(f"GreyImage: expected uint8 of rows and columns, found {found}")
        grey = self.grey.copy()
        grey.setflags(write=False)
        object.__setattr__(self, "grey", grey)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """One section: where it lies along the axis through it, what it shows, and the image under it."""

    plane: Plane
    position_mm: float
    extent: Extent
    outlines: tuple[Outline, ...]
    grey: GreyImage | None = None

    def of(self, kind: OutlineKind) -> tuple[Outline, ...]:
        """The outlines of one kind."""
        return tuple(o for o in self.outlines if o.kind is kind)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HotSpot:
    """The hottest point of a structure that breaks a limit, with the dose that was judged around it.

    Parameters
    ----------
    rule, structure : as in the finding
    quantity : what the dose is the dose of, in words
    unit : unit of the value, the limit and the isodoses
    xyz_mm : the hot spot in the patient system
    value : dose there; with ``at_least`` a part of the sum is not known there, and the truth may be more
    ends : what it may be instead, as of a fraction that was broken off or of visits of one day, or None
    limit, comparison : the limit, and how the dose was held against it
    sections : axial, coronal and sagittal
    notes : what is not drawn and why, and what else a reader should know of the picture
    """

    rule: str
    structure: str
    quantity: str
    unit: str
    xyz_mm: tuple[float, float, float]
    value: float
    limit: float
    comparison: str
    sections: tuple[Section, ...]
    ends: tuple[float, float] | None = None
    at_least: bool = False
    notes: tuple[str, ...] = ()
