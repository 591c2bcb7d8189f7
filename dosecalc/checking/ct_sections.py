"""The CT under the sections of a hot spot: read slice by slice, and only what the pictures show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.case import Case
from dosecalc.dicom.hounsfield import read_slices
from dosecalc.images import ImageGrid
from dosecalc.lattices import Lattice, interpolate
from dosecalc.sections import NOT_KNOWN_GREY, Extent, GreyImage, Plane

Floats = npt.NDArray[np.float64]

_PIXEL_MM = 1.0
_LOW_HU, _HIGH_HU = -160.0, 240.0
"""The window of soft tissue of head and neck: how a picture looks, not what is judged."""
_GAP = 1.5
"""Between slices further apart than so many usual spacings nothing is drawn: slices are missing there."""
_GAP_MM = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The box that the three sections of a hot spot show, and the point that they have in common."""

    low_xyz_mm: tuple[float, float, float]
    high_xyz_mm: tuple[float, float, float]
    spot_xyz_mm: tuple[float, float, float]

    def extent(self, plane: Plane) -> Extent:
        """What the section in a plane shows."""
        corners = plane.across_down([self.low_xyz_mm, self.high_xyz_mm])
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return Extent(left_mm=left, right_mm=right, top_mm=top, bottom_mm=bottom)

    def axes_mm(self, step_mm: float) -> list[Floats]:
        """Points along x, y and z no further apart than that, the first and the last on the faces."""
        pairs = zip(self.low_xyz_mm, self.high_xyz_mm, strict=True)
        return [np.linspace(a, b, int(np.ceil((b - a) / step_mm - 1e-9)) + 1) for a, b in pairs]

    def lattice(self, plane: Plane, axes_mm: list[Floats]) -> Lattice:
        """The points of a section that lie on such axes."""
        through = plane.axes[2]
        x_mm, y_mm, z_mm = (
            np.array([self.spot_xyz_mm[axis]]) if axis == through else axes_mm[axis] for axis in range(3)
        )
        return Lattice(x_mm=x_mm, y_mm=y_mm, z_mm=z_mm)


def pictured(plane: Plane, values: Floats) -> Floats:
    """Values of a section's lattice, ``[z, y, x]``, as rows down the picture and columns across it."""
    flat = values.squeeze(axis=2 - plane.axes[2])
    return flat if plane.down_sign > 0 else flat[::-1]


def ct_around(case: Case, frame_uid: str, window: Window) -> tuple[ImageGrid | None, str]:
    """The CT series in a frame of reference to draw under sections, and in words why it is that, or none.

    Of several whose slices span the hot spot, that with the smallest distance between them.
    """
    inside = []
    for image in case.images:
        z_mm = image.lattice.z_mm
        here = image.frame_uid == frame_uid and z_mm.size > 1 and len(image.sources) == z_mm.size
        if here and z_mm[0] <= window.spot_xyz_mm[2] <= z_mm[-1]:
            inside.append((float(np.median(np.diff(z_mm))), image.source, image))
    if not inside:
        where = "around the hot spot in the frame of reference of the structure" if case.images else "here"
        return None, f"no CT is drawn: none is {where}"
    chosen = min(inside, key=lambda each: each[:2])[2]
    more = f", of {len(inside)} that are here" if len(inside) > 1 else ""
    return chosen, (
        f"CT of the series of {chosen.source}{more}, from {_LOW_HU:g} HU (black) to {_HIGH_HU:g} HU (white)"
    )


def grey_images(case: Case, image: ImageGrid, window: Window) -> Mapping[Plane, GreyImage]:
    """The three sections through a CT series, with pixels of about 1 mm.

    Raises
    ------
    DosecalcError : if a file of the series is gone or its pixels cannot be read.
    """
    # Pixels are no points: they fill the window, and their centres lie half of one inside.
    edges = window.axes_mm(_PIXEL_MM)
    axes = [(a[1:] + a[:-1]) / 2 for a in edges]
    found = {}
    for plane, hu in _sections_hu(case, image, window, axes).items():
        found[plane] = GreyImage(
            grey=grey_of(pictured(plane, hu)),
            extent=window.extent(plane),
            low_hu=_LOW_HU,
            high_hu=_HIGH_HU,
            source=image.source,
        )
    return found


def grey_of(hu: Floats) -> npt.NDArray[np.uint8]:
    """Grey values of Hounsfield units.

    >>> grey_of(np.array([np.nan, -1000.0, 40.0, 3000.0]))
    array([  0,   1, 128, 255], dtype=uint8)
    """
    part = np.clip((hu - _LOW_HU) / (_HIGH_HU - _LOW_HU), 0.0, 1.0)
    known = np.isfinite(part)
    return np.where(known, 1 + np.rint(254 * np.where(known, part, 0.0)), NOT_KNOWN_GREY).astype(np.uint8)


def _sections_hu(case: Case, image: ImageGrid, window: Window, axes: list[Floats]) -> dict[Plane, Floats]:
    """HU at the pixels of the three sections, ``[z, y, x]``; of each slice only its part is kept."""
    z_mm, (x_mm, y_mm, _) = image.lattice.z_mm, axes
    first = max(int(np.searchsorted(z_mm, window.low_xyz_mm[2], side="right")) - 1, 0)
    last = min(int(np.searchsorted(z_mm, window.high_xyz_mm[2])), z_mm.size - 1)
    x, y, z = (np.array([v]) for v in window.spot_xyz_mm)
    in_plane = {Plane.AXIAL: (x_mm, y_mm), Plane.CORONAL: (x_mm, y), Plane.SAGITTAL: (x, y_mm)}
    near = set(np.clip(np.searchsorted(z_mm, z[0], side="right") - [1, 0], 0, z_mm.size - 1).tolist())
    parts: dict[Plane, list[Floats]] = {plane: [] for plane in Plane}
    for number, hu in read_slices(case.folder, image, range(first, last + 1)):
        own = Lattice(x_mm=image.lattice.x_mm, y_mm=image.lattice.y_mm, z_mm=z_mm[[number]])
        for plane, (columns, rows) in in_plane.items():
            if plane is not Plane.AXIAL or number in near:
                where = Lattice(x_mm=columns, y_mm=rows, z_mm=z_mm[[number]])
                parts[plane].append(interpolate(own, hu[None], where)[0])
    found = {}
    for plane, (columns, rows) in in_plane.items():
        heights = z_mm[sorted(near)] if plane is Plane.AXIAL else z_mm[first : last + 1]
        source = Lattice(x_mm=columns, y_mm=rows, z_mm=heights)
        where = Lattice(x_mm=columns, y_mm=rows, z_mm=z if plane is Plane.AXIAL else axes[2])
        values = interpolate(source, np.stack(parts[plane]), where)
        values[_in_gap(where.z_mm, z_mm)] = np.nan
        found[plane] = values
    return found


def _in_gap(wanted_mm: Floats, z_mm: Floats) -> npt.NDArray[np.bool_]:
    """Which heights lie between slices that are too far apart."""
    gaps = np.diff(z_mm)
    wide = gaps > _GAP * np.median(gaps) + _GAP_MM
    at = np.clip(np.searchsorted(z_mm, wanted_mm, side="right") - 1, 0, len(gaps) - 1)
    inside = (wanted_mm > z_mm[at]) & (wanted_mm < z_mm[at + 1])
    return np.asarray(wide[at] & inside)
