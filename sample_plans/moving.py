"""Solids as another frame of reference has them: axial sections there of a solid that lies obliquely."""

from __future__ import annotations

import functools

import numpy as np
from anatomy import SLICE_MM, Inside, Mask, Solid
from places import Floats, Place

MARGIN_MM = 1.0  # around the images of a solid's box: that of a bent solid bulges between its corners
BOX_POINTS = 9  # along each side of the box
RASTER_MM = 0.5  # of the search for a section
LEAST_POINTS = 4  # of a section, 1 mm2: none is contoured that is smaller
HALVINGS = 24  # of the way from within a section to its outline, to 1e-5 mm
RAYS = 360  # that tell its area; every so many of them has a corner of the contour


@functools.cache
def moved(solid: Solid, place: Place) -> Solid:
    """The same solid in another frame, contoured on that frame's axial slices.

    A solid with round ends is what it was. A tube goes on and is cut by axial slices of that frame again:
    those that its centre line crosses between its first and its last contour.
    """
    low, high = box_of(solid, place)

    def inside(x: Floats, y: Floats, z: Floats) -> Mask:
        found: Mask = solid.inside(*place.back((x, y, z)))
        return found

    box = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    z_mm = ends_of(solid, place) if solid.flat_ends else (float(low[2]), float(high[2]))
    first, last = np.ceil(z_mm[0] / SLICE_MM) * SLICE_MM, np.floor(z_mm[1] / SLICE_MM) * SLICE_MM
    return Solid(
        name=solid.name, kind=solid.kind, z_mm=(float(first), float(last)), inside=inside, box_xy_mm=box,
        outline=lambda z: section(inside, z, box, solid.corners),
        decimals=2, corners=solid.corners, flat_ends=solid.flat_ends,
    )  # fmt: skip


def box_of(solid: Solid, place: Place) -> tuple[Floats, Floats]:
    """Low and high corner of a box around the solid in the other frame."""
    x0, x1, y0, y1 = solid.box_xy_mm
    ends = (solid.z_mm[0] - SLICE_MM, solid.z_mm[1] + SLICE_MM)
    axes = [np.linspace(low, high, BOX_POINTS) for low, high in ((x0, x1), (y0, y1), ends)]
    x, y, z = (a.ravel() for a in np.meshgrid(*axes, indexing="ij"))
    points = np.column_stack(place.there((x, y, z)))
    return points.min(axis=0) - MARGIN_MM, points.max(axis=0) + MARGIN_MM


def ends_of(solid: Solid, place: Place) -> tuple[float, float]:
    """Where the middles of the first and the last contour lie along z in the other frame."""
    z = np.array(solid.z_mm)
    x, y = np.array([solid.outline(end).mean(axis=0) for end in solid.z_mm]).T
    first, last = place.there((x, y, z))[2].tolist()
    return first, last


def section(inside: Inside, z: float, box_xy_mm: tuple[float, float, float, float], corners: int) -> Floats:
    """The outline of a solid at one z as a polygon of the section's own area; empty where there is none.

    Along rays from its middle, each of which leaves it once, as those of all tubes and ellipsoids do.
    """
    x0, x1, y0, y1 = box_xy_mm
    xs, ys = np.arange(x0, x1, RASTER_MM), np.arange(y0, y1, RASTER_MM)
    x, y = (a.ravel() for a in np.meshgrid(xs, ys, indexing="ij"))
    keep = inside(x, y, np.full_like(x, z))
    if np.count_nonzero(keep) < LEAST_POINTS:
        return np.empty((0, 2))
    middle = np.array([x[keep].mean(), y[keep].mean()])
    longest = float(np.hypot(x1 - x0, y1 - y0))

    angle = 2 * np.pi / RAYS * np.arange(RAYS)
    along = np.column_stack((np.cos(angle), np.sin(angle)))
    near, far, level = np.zeros(RAYS), np.full(RAYS, longest), np.full(RAYS, z)
    for _ in range(HALVINGS):
        r = (near + far) / 2
        x, y = (middle + r[:, None] * along).T
        at = inside(x, y, level)
        near, far = np.where(at, r, near), np.where(at, far, r)
    area = np.pi * np.mean(near**2)
    r = near[:: RAYS // corners]
    polygon = np.sin(2 * np.pi / corners) / 2 * np.sum(r * np.roll(r, 1))
    found: Floats = middle + np.sqrt(area / polygon) * r[:, None] * along[:: RAYS // corners]
    return found
