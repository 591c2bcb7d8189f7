"""A sum over sessions on a lattice of voxels, and where it is not known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from dosecalc.doses import DoseGrid, DoseType, SeveralPlans
from dosecalc.errors import DosecalcError, MissingDoseError
from dosecalc.lattices import Lattice
from dosecalc.quantities import Bed, Eqd2, Quantity

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedDose:
    """A dose grid that a map sums, and how many voxels of the map it does not reach."""

    uid: str
    source: str
    uncovered_voxels: int

    @property
    def name(self) -> str:
        return self.source or self.uid or "a dose without UID"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseMap:
    """The sum over a ledger on a lattice, and where it is not known.

    Parameters
    ----------
    lattice : voxel centres in mm of the patient system
    quantity : what was summed
    at_least_gy : the sum of what reaches each voxel, ``[z, y, x]``; the dose only where ``covered``
    covered : whether every dose of the sum reaches the voxel, ``[z, y, x]``
    frame_uid : Frame of Reference UID of the lattice
    fractions : how many fractions of each plan are in the sum, by SOP Instance UID
    doses : the grids that are in it
    left_out : why fractions are not in it, each reason once; empty for a complete sum
    notes : what else must be known of it

    Examples
    --------
    >>> from dosecalc.ledger import Ledger
    >>> from dosecalc.mapping import dose_map
    >>> from dosecalc.quantities import Physical
    >>> axis = np.arange(0.0, 9, 2)
    >>> wide, short = (Lattice(x_mm=axis[:n], y_mm=axis, z_mm=axis) for n in (5, 3))
    >>> first = DoseGrid.from_array(wide, np.full((5, 5, 5), 56.0))
    >>> second = DoseGrid.from_array(short, np.full((5, 5, 3), 15.0))
    >>> found = dose_map(Ledger.from_doses([(first, 28), (second, 3)]), wide, Physical())
    >>> found.gy[0, 0].tolist(), found.uncovered_voxels
    ([71.0, 71.0, 71.0, nan, nan], 50)
    >>> found.cropped().lattice.x_mm.tolist()
    [0.0, 2.0, 4.0]
    """

    lattice: Lattice
    quantity: Quantity
    at_least_gy: Floats = field(repr=False)
    covered: Bools = field(repr=False)
    frame_uid: str = ""
    fractions: tuple[tuple[str, Decimal], ...] = ()
    doses: tuple[SummedDose, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("at_least_gy", "covered"):
            found = getattr(self, name)
            if found.shape != self.lattice.shape_zyx:
                raise DosecalcError(
                    f"dose map: {name}: expected shape {self.lattice.shape_zyx}, found {found.shape}"
                )
            found.setflags(write=False)

    @property
    def gy(self) -> Floats:
        """The sum, NaN where a dose of it does not reach: a new array as large as the map."""
        return np.where(self.covered, self.at_least_gy, np.nan)

    @property
    def max_gy(self) -> float:
        """The largest sum; where the map is not covered, the largest that is known."""
        return float(self.at_least_gy.max())

    @property
    def uncovered_voxels(self) -> int:
        return int(self.covered.size - np.count_nonzero(self.covered))

    @property
    def uncovered_cm3(self) -> float:
        """Volume of the voxels that not every dose reaches; 0 for a lattice of one plane, which has none."""
        z, y, x = (widths_mm(a) for a in (self.lattice.z_mm, self.lattice.y_mm, self.lattice.x_mm))
        planes = (float(dz * (y @ ~plane @ x)) for dz, plane in zip(z, self.covered, strict=True))
        return sum(planes) / 1000

    @property
    def uncovered_text(self) -> str:
        """How much not every dose reaches, in words, and which doses end too early."""
        text = f"{self.uncovered_voxels} of {self.covered.size} voxels ({self.uncovered_cm3:.1f} cm3)"
        short = [f"{d.uncovered_voxels} by {d.name}" for d in self.doses if d.uncovered_voxels]
        return f"{text} not reached" + (f": {', '.join(short)}" if short else "")

    def cropped(self) -> DoseMap:
        """The map within a box that every dose reaches: that of all covered voxels, less what is not.

        Where a dose lies along other axes, faces are taken off as long as they are not covered, each time
        the one of which the least is.

        Raises
        ------
        MissingDoseError : if no voxel is covered.
        """
        if not self.covered.any():
            raise MissingDoseError(f"dose map: no voxel that every dose reaches: {self.uncovered_text}")
        z, y, x = _covered_box(self.covered)
        lattice = Lattice(x_mm=self.lattice.x_mm[x], y_mm=self.lattice.y_mm[y], z_mm=self.lattice.z_mm[z])
        return replace(
            self,
            lattice=lattice,
            at_least_gy=self.at_least_gy[z, y, x],
            covered=self.covered[z, y, x],
            doses=tuple(replace(d, uncovered_voxels=0) for d in self.doses),
        )

    def as_grid(self, *, uid: str = "") -> DoseGrid:
        """The map as a dose grid, for curves of it; no ledger takes it, as it holds a sum.

        Raises
        ------
        MissingDoseError : if a dose of the sum does not reach every voxel.
        """
        if self.uncovered_voxels:
            raise MissingDoseError(
                f"dose map: expected doses that reach every voxel, found {self.uncovered_text}"
            )
        return DoseGrid(
            lattice=self.lattice,
            stored=self.at_least_gy,
            uid=uid,
            frame_uid=self.frame_uid,
            dose_type=dose_type_of(self.quantity),
            holds=SeveralPlans(),
            plan_uids=tuple(plan for plan, _ in self.fractions),
        )


def _covered_box(covered: Bools) -> tuple[slice, slice, slice]:
    """A box of covered voxels only, by taking off the face of which the least is covered, again and again."""
    box = []
    for axis in range(3):
        reached = np.flatnonzero(covered.any(axis=tuple({0, 1, 2} - {axis})))
        box.append([int(reached[0]), int(reached[-1]) + 1])
    while not (inside := covered[tuple(slice(*ends) for ends in box)]).all():
        # The last plane along an axis stays, so that a covered voxel always does.
        shares = [
            [inside.take(end, axis=axis).mean() if inside.shape[axis] > 1 else np.inf for end in (0, -1)]
            for axis in range(3)
        ]
        axis, end = divmod(int(np.argmin(shares)), 2)
        box[axis][end] += -1 if end else 1
    z, y, x = (slice(*ends) for ends in box)
    return z, y, x


def dose_type_of(quantity: Quantity) -> DoseType:
    """PHYSICAL, or EFFECTIVE for what a model of effect made of it."""
    return DoseType.EFFECTIVE if isinstance(quantity, Bed | Eqd2) else DoseType.PHYSICAL


def widths_mm(axis: Floats) -> Floats:
    """The width of each voxel; 0 of a single one."""
    if axis.size == 1:
        return np.zeros(1)
    middle = (axis[1:] + axis[:-1]) / 2
    first, last = axis[0] - (axis[1] - axis[0]) / 2, axis[-1] + (axis[-1] - axis[-2]) / 2
    return np.diff(np.concatenate([[first], middle, [last]]))
