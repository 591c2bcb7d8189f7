"""The sum over a ledger at every voxel of a lattice, made slab by slab."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from dosecalc.celldoses import CellDoses
from dosecalc.dosemap import DoseMap, SummedDose, widths_mm
from dosecalc.doses import DoseGrid
from dosecalc.errors import DosecalcError, FrameError, MissingDoseError, QuantityError
from dosecalc.lattices import Lattice
from dosecalc.ledger import Ledger
from dosecalc.quantities import Bed, Eqd2, LqRepair, PerFraction, Quantity
from dosecalc.registrations import ONE_FRAME, Frames, NoPath
from dosecalc.sampling import DEFAULT_SETTINGS, Quadrature
from dosecalc.sessions import GridFraction
from dosecalc.transforms import IDENTITY, Transform, jacobian

Floats = npt.NDArray[np.float64]

_SLAB_VOXELS = 50_000
"""Voxels that are summed at once: enough that a slab costs more than its overhead, few enough that the
dozen arrays of a slab are small beside the map."""
_MOST_VOXELS = 200_000_000
"""A map of so many takes 1.8 GB; no dose grid has so many."""


PARTS_BY_METERSET = (
    "parts of fractions that were broken off count by their metersets: what they gave at a point "
    "lies between nothing and the whole fraction"
)
"""What a sum is where a beam stopped midway, in words."""


class Missing(enum.Enum):
    """What becomes of fractions whose dose distribution is not known."""

    REFUSED = "refused"
    LEFT_OUT = "left out"


def dose_map(
    ledger: Ledger,
    lattice: Lattice,
    quantity: Quantity,
    *,
    frame_uid: str = "",
    frames: Frames = ONE_FRAME,
    missing: Missing = Missing.REFUSED,
) -> DoseMap:
    """The sum over a ledger at every voxel of a lattice: each dose interpolated there, then added.

    Per voxel the same as :func:`accumulate` per cell: physical ``sum n_g D_g``,
    ``BED = sum n_g D_g (1 + D_g/(a/b))``, ``EQD2 = BED / (1 + 2/(a/b))``; no recovery.

    Parameters
    ----------
    ledger : sessions with doses
    lattice : where the sum is asked for
    quantity : ``Physical()``, ``Bed(alpha_beta_gy=...)`` or ``Eqd2(alpha_beta_gy=...)``
    frame_uid : frame of reference of the lattice
    frames : registrations between frames of reference
    missing : what becomes of fractions whose dose is not known

    Raises
    ------
    MissingDoseError : for a ledger without a dose, or with one that is not known, unless it is left out.
    FrameError : if a dose lies in a frame of reference that nothing links to the lattice's.
    QuantityError : for ``PerFraction``, which is no sum.

    Examples
    --------
    Low and boost in one visit, 3 x (1.5 + 5) Gy at a/b 3, are 37.05 Gy, not the 28.05 Gy of two visits:

    >>> axis = np.arange(0.0, 9, 2)
    >>> where = Lattice(x_mm=axis, y_mm=axis, z_mm=axis)
    >>> low, boost = (DoseGrid.from_array(where, np.full((5, 5, 5), d)) for d in (4.5, 15.0))
    >>> one_visit = Ledger.from_doses([(low, 3), (boost, 3)], together=[(0, 1)])
    >>> round(dose_map(one_visit, where, Eqd2(alpha_beta_gy=3.0)).max_gy, 6)
    37.05
    """
    if isinstance(quantity, PerFraction):
        raise QuantityError("dose per fraction is no sum: a map holds physical dose, BED or EQD2")
    left_out = ledger.missing()
    known = ledger.known() if missing is Missing.LEFT_OUT else ledger
    grids = known.grids()
    if not grids:
        raise MissingDoseError("; ".join(("the ledger holds no dose to sum", *left_out)))
    paths = {grid: _path(grid, frame_uid, frames) for grid in grids}
    gy, covered = np.empty(lattice.shape_zyx), np.empty(lattice.shape_zyx, dtype=np.bool_)
    beyond = dict.fromkeys(grids, 0)
    for slab in _slabs(lattice):
        part = Lattice(x_mm=lattice.x_mm, y_mm=lattice.y_mm, z_mm=lattice.z_mm[slab])
        doses = _doses(part, paths)
        for grid, dose in doses.items():
            beyond[grid] += int(np.count_nonzero(np.isnan(dose)))
        cells = _as_cells(doses, gy[slab].size)
        total = cells.total_gy(known, quantity)
        unknown = np.isnan(total)
        if unknown.any():
            total = np.where(unknown, cells.known_total_gy(known, quantity), total)
        gy[slab], covered[slab] = total.reshape(gy[slab].shape), ~unknown.reshape(gy[slab].shape)
    return DoseMap(
        lattice=lattice,
        quantity=quantity,
        at_least_gy=gy,
        covered=covered,
        frame_uid=frame_uid,
        fractions=_fractions(known),
        doses=tuple(
            SummedDose(uid=grid.uid, source=grid.source, uncovered_voxels=count)
            for grid, count in beyond.items()
        ),
        left_out=left_out,
        notes=(*ways(grids, frame_uid, frames), *sum_notes(known, quantity)),
    )


def cells_at(
    lattice: Lattice, grids: Iterable[DoseGrid], *, frame_uid: str = "", frames: Frames = ONE_FRAME
) -> CellDoses:
    """Doses of grids at the points of a lattice, in the order of its points, as cells without volume.

    NaN where a grid does not reach, or where the registration that it is looked up through folds.

    Raises
    ------
    FrameError : if a grid lies in a frame of reference that nothing links to the lattice's.

    Examples
    --------
    >>> from dosecalc.quantities import Physical
    >>> axis = np.array([0.0, 2.0])
    >>> dose = DoseGrid.from_array(Lattice(x_mm=axis, y_mm=axis, z_mm=axis), np.full((2, 2, 2), 6.0))
    >>> cells = cells_at(Lattice(x_mm=[1.0, 9.0], y_mm=[0.0], z_mm=[0.0]), [dose])
    >>> cells.total_gy(Ledger.from_doses([(dose, 3)]), Physical())
    array([ 6., nan])
    """
    paths = {grid: _path(grid, frame_uid, frames) for grid in grids}
    nz, ny, nx = lattice.shape_zyx
    return _as_cells(_doses(lattice, paths), nz * ny * nx)


def respaced(lattice: Lattice, spacing_mm: float) -> Lattice:
    """Voxels of one size that fill the volume of another lattice's, as far as whole ones do.

    Raises
    ------
    DosecalcError : for a spacing that is not positive, or longer than the lattice.

    Examples
    --------
    >>> coarse = Lattice(x_mm=[0, 4, 8], y_mm=[0, 3], z_mm=[0, 5, 10])
    >>> respaced(coarse, 3).x_mm.tolist(), respaced(coarse, 3).y_mm.tolist()
    ([-0.5, 2.5, 5.5, 8.5], [0.0, 3.0])
    """
    if not (math.isfinite(spacing_mm) and spacing_mm > 0):
        raise DosecalcError(f"spacing: expected a length above 0 mm, found {spacing_mm}")
    axes: list[Floats] = []
    for name, axis in (("x", lattice.x_mm), ("y", lattice.y_mm), ("z", lattice.z_mm)):
        if axis.size == 1:
            axes.append(axis)
            continue
        length = float(widths_mm(axis).sum())
        count = math.floor(length / spacing_mm + 1e-9)
        if count < 1:
            raise DosecalcError(f"spacing: expected at most {length:g} mm along {name}, found {spacing_mm:g}")
        low = float(axis[0] - (axis[1] - axis[0]) / 2)
        first = low + (length - (count - 1) * spacing_mm) / 2
        if count > _MOST_VOXELS:
            raise _too_many(spacing_mm)
        axes.append(np.asarray(first + spacing_mm * np.arange(count), dtype=np.float64))
    if math.prod(a.size for a in axes) > _MOST_VOXELS:
        raise _too_many(spacing_mm)
    x_mm, y_mm, z_mm = axes
    return Lattice(x_mm=x_mm, y_mm=y_mm, z_mm=z_mm)


def _too_many(spacing_mm: float) -> DosecalcError:
    return DosecalcError(
        f"spacing: expected one that makes at most {_MOST_VOXELS:,} voxels, found {spacing_mm:g} mm"
    )


def _path(grid: DoseGrid, frame_uid: str, frames: Frames) -> Transform | None:
    """From the frame of the lattice into that of a grid; None within one frame."""
    path = frames.path(frame_uid, grid.frame_uid)
    if isinstance(path, NoPath):
        raise FrameError(f"dose {grid.source or grid.uid}: {path}")
    return None if path == IDENTITY else path


def ways(grids: Iterable[DoseGrid], frame_uid: str, frames: Frames) -> tuple[str, ...]:
    """The registrations that doses were looked up through, and how they are not rigid, each once."""
    found: list[str] = []
    for uid in dict.fromkeys(grid.frame_uid for grid in grids):
        route = frames.route(frame_uid, uid)
        for step in route if not isinstance(route, NoPath) else ():
            found += [str(step), *step.registration.remarks()]
    return tuple(dict.fromkeys(found))


def _doses(part: Lattice, paths: Mapping[DoseGrid, Transform | None]) -> Mapping[DoseGrid, Floats]:
    """Each grid once at the voxels of a slab, (n,); NaN where it does not reach or its registration folds."""
    points = None if all(path is None for path in paths.values()) else part.points_xyz_mm().reshape(-1, 3)
    found = {}
    for grid, path in paths.items():
        if path is None or points is None:
            found[grid] = grid.at(part).ravel()
        else:
            # Where a registration turns its surroundings inside out it is wrong, and so is the dose.
            wrong = jacobian(path, points) <= 0
            found[grid] = np.where(wrong, np.nan, grid.at_points(points, path))
    return found


def _slabs(lattice: Lattice) -> Iterator[slice]:
    """A few planes at a time."""
    planes, rows, columns = lattice.shape_zyx
    step = max(1, _SLAB_VOXELS // (rows * columns))
    yield from (slice(first, min(first + step, planes)) for first in range(0, planes, step))


def _as_cells(doses: Mapping[DoseGrid, Floats], count: int) -> CellDoses:
    """The voxels of a slab as cells, which is how doses are summed everywhere."""
    nothing = Quadrature(blocks=(), settings=DEFAULT_SETTINGS)
    return CellDoses(quadrature=nothing, volume_cm3=np.zeros(count), gy=doses, change_gy={})


def _fractions(ledger: Ledger) -> tuple[tuple[str, Decimal], ...]:
    counts: dict[str, Decimal] = {}
    for session in ledger:
        for c in session.contributions:
            if isinstance(c.fraction, GridFraction):
                uid = c.fraction.plan_uid
                counts[uid] = counts.get(uid, Decimal(0)) + c.share
    return tuple(counts.items())


def sum_notes(ledger: Ledger, quantity: Quantity) -> Iterator[str]:
    """What a person should know of a sum over a ledger, in words."""
    if ledger.is_approximate:
        yield PARTS_BY_METERSET
    if not isinstance(quantity, Bed | Eqd2):
        return
    if not isinstance(quantity.model, LqRepair):
        if len(ledger.in_one_visit_a_day()) < len(ledger):
            yield "repair between sessions of one day is taken as complete: a lower bound"
    elif len(ledger.untimed_in_one_visit()) < len(ledger):
        yield "sessions of one day whose times are not known act as fully repaired between: a lower bound"
