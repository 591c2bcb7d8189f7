"""Dose grids: what a RT Dose holds, once its orientation and its scaling are understood."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dosecalc.errors import DosecalcError
from dosecalc.lattices import Lattice, interpolate, interpolate_at
from dosecalc.transforms import Transform, apply

Floats = npt.NDArray[np.float64]


OWN_MAKER = ("dosecalc", "dose sums")
"""Manufacturer and ManufacturerModelName of what is exported: sums of dose, of BED or of EQD2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholePlan:
    """All fraction groups of one plan, from first to last fraction (DoseSummationType PLAN)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionGroup:
    """One whole fraction *group*, all its fractions (FRACTION).

    ``number`` is None where the dose does not name its group, which then is known only for a plan of
    one group.
    """

    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSession:
    """One session of one fraction group (FRACTION_SESSION)."""

    group_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beams:
    """Some beams of one plan: all their fractions (BEAM), or one session of them (BEAM_SESSION)."""

    numbers: tuple[int, ...]
    one_session: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralPlans:
    """Two or more plans added up (MULTI_PLAN): a physical total that cannot be taken apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unstated:
    """The file has no DoseSummationType: good for a curve of this dose alone, not for a sum.

    Only a dose read by itself may be so; a case never holds one.
    """


Holds = WholePlan | FractionGroup | OneSession | Beams | SeveralPlans | Unstated


class DoseType(enum.Enum):
    """DICOM DoseType; an EFFECTIVE dose is weighted already and must not enter the LQ model.

    UNSTATED: the file has none. Only a dose read by itself may be so; a case never holds one.
    """

    PHYSICAL = "PHYSICAL"
    EFFECTIVE = "EFFECTIVE"
    UNSTATED = "UNSTATED"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseGrid:
    """A dose on a lattice in one frame of reference.

    Parameters
    ----------
    uid : SOP Instance UID
    frame_uid : Frame of Reference UID; empty where there is none
    lattice : voxel centres in mm of the patient system
    stored : stored numbers, shape ``lattice.shape_zyx``; locked, not copied (a grid may be 200 MB)
    scaling_gy : Gy per stored unit
    holds : which part of which treatment the dose is
    plan_uids : plans the dose refers to
    made_by : the system that computed it, where the file says
    source : where it was read, relative to the case folder

    Raises
    ------
    DosecalcError : for a wrong shape, or a dose that is negative or not finite.

    Examples
    --------
    >>> axis = np.arange(3.0)
    >>> grid = DoseGrid.from_array(Lattice(x_mm=axis, y_mm=axis, z_mm=axis), np.full((3, 3, 3), 2.0))
    >>> float(grid.max_gy)
    2.0
    """

    lattice: Lattice
    stored: npt.NDArray[Any] = field(repr=False)
    scaling_gy: float = 1.0
    uid: str = ""
    frame_uid: str = ""
    dose_type: DoseType = DoseType.PHYSICAL
    holds: Holds = WholePlan()
    plan_uids: tuple[str, ...] = ()
    created: str = ""
    made_by: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        name = f"dose grid {self.uid or self.source or '(no UID)'}"
        if self.stored.shape != self.lattice.shape_zyx:
            raise DosecalcError(
                f"{name}: expected an array of shape {self.lattice.shape_zyx}, found {self.stored.shape}"
            )
        if not (np.isfinite(self.scaling_gy) and self.scaling_gy > 0):
            raise DosecalcError(f"{name}: expected a positive scaling, found {self.scaling_gy}")
        low, high = self.stored.min(), self.stored.max()
        if not (low >= 0 and np.isfinite(high)):
            raise DosecalcError(f"{name}: expected finite doses of 0 or more, found {low} to {high}")
        self.stored.setflags(write=False)

    @classmethod
    def from_array(
        cls,
        lattice: Lattice,
        gy: npt.ArrayLike,
        *,
        frame_uid: str = "",
        holds: Holds | None = None,
        uid: str = "",
    ) -> DoseGrid:
        """A grid from doses in Gy, for scripts and tests; the array is copied."""
        return cls(
            lattice=lattice,
            stored=np.array(gy, dtype=np.float64),
            frame_uid=frame_uid,
            holds=WholePlan() if holds is None else holds,
            uid=uid,
        )

    @property
    def gy(self) -> Floats:
        """The doses in Gy, ``[z, y, x]``: a new array as large as the grid."""
        return np.asarray(self.stored * np.float64(self.scaling_gy))

    @property
    def max_gy(self) -> float:
        """The largest dose of the grid."""
        return float(self.stored.max()) * self.scaling_gy

    def at(self, where: Lattice, transform: Transform | None = None) -> Floats:
        """Dose in Gy at the points of a lattice, ``where.shape_zyx``; NaN where the grid does not reach.

        ``transform`` maps those points into the frame of the grid; None where the frames are the same.
        """
        if transform is None:
            return interpolate(self.lattice, self.stored, where) * self.scaling_gy
        return self.at_points(where.points_xyz_mm(), transform)

    def at_points(self, xyz_mm: Floats, transform: Transform | None = None) -> Floats:
        """Dose in Gy at any points, shape (..., 3); NaN where the grid does not reach."""
        if transform is not None:
            xyz_mm = apply(transform, xyz_mm)
        return interpolate_at(self.lattice, self.stored, xyz_mm) * self.scaling_gy


def is_earlier(first: str, second: str) -> bool:
    """Whether one time stamp lies before another; days decide where either has no time of day."""
    common = min(len(first), len(second))
    return common > 0 and first[:common] < second[:common]
