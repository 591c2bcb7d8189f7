"""Makes lattices, dose grids, analytic structures and ledgers for tests, all by keyword.

The axes of a lattice have three different spacings, so that a mixed-up axis shows. Circles are regular
polygons of the circle's area, so that volumes have a closed form with pi in it and no tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from dosecalc.contours import depths, loop_edges
from dosecalc.doses import DoseGrid, Holds, WholePlan
from dosecalc.lattices import Lattice
from dosecalc.ledger import Ledger
from dosecalc.outlines import outlines
from dosecalc.structures import Contour, Structure

Floats = npt.NDArray[np.float64]
Field = Callable[[Floats, Floats, Floats], npt.ArrayLike]

SPACING_XYZ_MM = (2.0, 2.5, 3.0)
CIRCLE_POINTS = 180


def make_lattice(
    *,
    low_xyz_mm: Sequence[float] = (-40.0, -40.0, -42.0),
    high_xyz_mm: Sequence[float] = (40.0, 40.0, 42.0),
    spacing_xyz_mm: Sequence[float] = SPACING_XYZ_MM,
) -> Lattice:
    """Even axes from ``low`` up to ``high`` at most."""
    x_mm, y_mm, z_mm = (
        low + step * np.arange(int((high - low) / step + 1e-9) + 1)
        for low, high, step in zip(low_xyz_mm, high_xyz_mm, spacing_xyz_mm, strict=True)
    )
    return Lattice(x_mm=x_mm, y_mm=y_mm, z_mm=z_mm)


def make_dose(
    *,
    field: Field,
    lattice: Lattice | None = None,
    holds: Holds | None = None,
    frame_uid: str = "",
    uid: str = "1.2.3",
) -> DoseGrid:
    """A grid whose doses in Gy are a function of x, y and z in mm."""
    where = make_lattice() if lattice is None else lattice
    x, y, z = np.moveaxis(where.points_xyz_mm(), -1, 0)
    gy = np.broadcast_to(np.asarray(field(x, y, z), dtype=np.float64), where.shape_zyx)
    kind = WholePlan() if holds is None else holds
    return DoseGrid.from_array(where, gy, frame_uid=frame_uid, holds=kind, uid=uid)


def make_uniform_dose(*, gy: float, holds: Holds | None = None) -> DoseGrid:
    """The same dose everywhere."""
    return make_dose(field=lambda x, y, z: np.full_like(x, gy), holds=holds)


def circle(
    *, radius_mm: float, centre_xy_mm: Sequence[float] = (0.0, 0.0), points: int = CIRCLE_POINTS
) -> Floats:
    """A regular polygon with the area of the circle, shape (n, 2)."""
    step = 2 * np.pi / points
    angle = step * np.arange(points)
    outer = radius_mm * np.sqrt(step / np.sin(step))
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(np.asarray(centre_xy_mm) + outer * ring)


def section_edges(loops: Sequence[Floats]) -> Floats:
    """The edges of the loops (n, 2) of one section, the inside to the left of each."""
    holes = np.array([depth % 2 == 1 for depth in depths(loops)])
    found = outlines(loops, np.zeros(len(loops)), holes)
    return np.concatenate([loop_edges(found.loop(k)) for k in range(len(found))])


def rectangle(*, low_xy_mm: Sequence[float], high_xy_mm: Sequence[float]) -> Floats:
    """Corners of a rectangle, shape (4, 2)."""
    (x0, y0), (x1, y1) = low_xy_mm, high_xy_mm
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float64)


def slices(*, low_mm: float, high_mm: float, spacing_mm: float) -> list[float]:
    """Planes in the middle of the slices that fill ``low_mm`` to ``high_mm`` without rest."""
    count = round((high_mm - low_mm) / spacing_mm)
    assert abs(count * spacing_mm - (high_mm - low_mm)) < 1e-9, "the slices must fill the length"
    return [low_mm + spacing_mm * (k + 0.5) for k in range(count)]


def make_structure(
    *,
    sections: Iterable[tuple[float, Sequence[Floats]]],
    name: str = "structure",
    number: int = 1,
    slice_mm: float | None = None,
    frame_uid: str = "",
    geometric_type: str = "CLOSED_PLANAR",
    problem: str = "",
) -> Structure:
    """A structure from its planes: the z of each and its loops, each (n, 2)."""
    contours = tuple(
        Contour(
            points_xyz_mm=np.column_stack([loop, np.full(len(loop), z)]),
            geometric_type=geometric_type,
        )
        for z, loops in sections
        for loop in loops
    )
    return Structure(
        number=number,
        name=name,
        contours=contours,
        slice_mm=slice_mm,
        frame_uid=frame_uid,
        problem=problem,
    )


def make_box(
    *,
    low_xyz_mm: Sequence[float] = (-5.0, -7.0, -9.0),
    high_xyz_mm: Sequence[float] = (5.0, 7.0, 9.0),
    spacing_mm: float = 3.0,
    name: str = "box",
    frame_uid: str = "",
) -> Structure:
    """A box, 10 x 14 x 18 mm = 2.52 cm3 as it comes."""
    loop = rectangle(low_xy_mm=low_xyz_mm[:2], high_xy_mm=high_xyz_mm[:2])
    planes = slices(low_mm=low_xyz_mm[2], high_mm=high_xyz_mm[2], spacing_mm=spacing_mm)
    return make_structure(sections=[(z, [loop]) for z in planes], name=name, frame_uid=frame_uid)


def make_cylinder(
    *,
    radius_mm: float,
    low_mm: float,
    high_mm: float,
    spacing_mm: float,
    centre_xy_mm: Sequence[float] = (0.0, 0.0),
    points: int = CIRCLE_POINTS,
    name: str = "cylinder",
) -> Structure:
    """A cylinder along z."""
    loop = circle(radius_mm=radius_mm, centre_xy_mm=centre_xy_mm, points=points)
    planes = slices(low_mm=low_mm, high_mm=high_mm, spacing_mm=spacing_mm)
    return make_structure(sections=[(z, [loop]) for z in planes], name=name)


def make_tube(
    *,
    outer_mm: float,
    inner_mm: float,
    low_mm: float,
    high_mm: float,
    spacing_mm: float,
    keyhole: bool,
    name: str = "tube",
) -> Structure:
    """A tube along z: its hole is a contour of its own, or joined to the outside by a channel."""
    outer, inner = circle(radius_mm=outer_mm), circle(radius_mm=inner_mm)
    keyhole_loop = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
    loops = [keyhole_loop] if keyhole else [outer, inner]
    planes = slices(low_mm=low_mm, high_mm=high_mm, spacing_mm=spacing_mm)
    return make_structure(sections=[(z, loops) for z in planes], name=name)


def make_sphere(
    *,
    radius_mm: float,
    planes_mm: Iterable[float],
    centre_xyz_mm: Sequence[float] = (0.0, 0.0, 0.0),
    points: int = CIRCLE_POINTS,
    name: str = "sphere",
) -> Structure:
    """Circles where the planes cut a sphere."""
    x, y, centre_z = centre_xyz_mm
    sections = []
    for z in planes_mm:
        square = radius_mm**2 - (z - centre_z) ** 2
        if square > 0:
            radius = float(np.sqrt(square))
            loop = circle(radius_mm=radius, centre_xy_mm=(x, y), points=points)
            sections.append((float(z), [loop]))
    return make_structure(sections=sections, name=name)


def make_ledger(*courses: tuple[float, int], together: Sequence[Sequence[int]] = ()) -> Ledger:
    """A ledger of uniform whole-plan doses: total dose in Gy and number of fractions of each."""
    doses = [(make_uniform_dose(gy=gy), fractions) for gy, fractions in courses]
    return Ledger.from_doses(doses, together=together)
