"""A synthetic head and neck: solids with a formula, their contours and dense points in them.

Patient coordinates in mm (LPS, head first supine): +x left, +y posterior, +z superior. A solid is
given by its axial sections, so that a contour is a section, exact but for its chords.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from places import Floats

Mask = npt.NDArray[np.bool_]
Outline = Callable[[float], Floats]
Inside = Callable[[Floats, Floats, Floats], Mask]

SLICE_MM = 3.0
BOTTOM_MM, TOP_MM = -42.0, 36.0  # first and last contoured slice
CORE_RADIUS_MM = 7.0
CORE_Y_MM = 2.0
CAROTID_RADIUS_MM = 3.0
MUCOSA_TOP_MM, MUCOSA_BOTTOM_MM = 27.0, -30.0
TREATED = ("GTVp", "GTVp_High", "PTVp_200x28", "A_Carotid_L", "A_Carotid_R", "SpinalCord", "Brainstem")
FEW = (*TREATED, "PTVp_150x3", "PTVp_500x3", "PTVp_200x35", "Nasopharynx^Muc")  # what rules need


@dataclass(frozen=True, kw_only=True)
class Solid:
    """A named solid; ``z_mm``: first and last contoured slice, half a slice more belongs to it."""

    name: str
    kind: str  # RT ROI Interpreted Type
    z_mm: tuple[float, float]
    outline: Outline
    inside: Inside
    box_xy_mm: tuple[float, float, float, float]
    decimals: int = 1
    corners: int = 24  # of a contour, where the solid is moved
    flat_ends: bool = False  # a tube, cut off at ``z_mm``; else round

    def slices(self) -> list[float]:
        first, last = self.z_mm
        return [float(z) for z in np.arange(first, last + SLICE_MM / 2, SLICE_MM)]

    def contours(self) -> list[Floats]:
        """One closed polygon a slice, points (n, 3)."""
        sections = [(z, self.outline(z)) for z in self.slices()]
        return [np.column_stack((xy, np.full(len(xy), z))) for z, xy in sections if len(xy)]

    def points(self, step_mm: tuple[float, float, float]) -> tuple[Floats, Floats, Floats]:
        """Midpoints of a dense regular raster that lie in the solid: the independent quadrature."""
        x, y, z = self.raster(step_mm)
        keep = self.inside(x, y, z)
        return x[keep], y[keep], z[keep]

    def raster(self, step_mm: tuple[float, float, float]) -> tuple[Floats, Floats, Floats]:
        """Midpoints of a regular raster around the solid."""
        x0, x1, y0, y1 = self.box_xy_mm
        half = SLICE_MM / 2
        axes = [
            np.arange(low + step / 2, high, step)
            for low, high, step in zip(
                (x0, y0, self.z_mm[0] - half), (x1, y1, self.z_mm[1] + half), step_mm, strict=True
            )
        ]
        x, y, z = (a.ravel() for a in np.meshgrid(*axes, indexing="ij"))
        return x, y, z


def ellipse(x_mm: float, y_mm: float, a_mm: float, b_mm: float, points: int) -> Floats:
    """A polygon of the ellipse's own area (vertices a little outside, chords a little inside)."""
    turn = 2 * np.pi / points
    angle = turn * np.arange(points)
    scale = np.sqrt(turn / np.sin(turn))
    return np.column_stack((x_mm + scale * a_mm * np.cos(angle), y_mm + scale * b_mm * np.sin(angle)))


def ellipsoid(
    name: str,
    kind: str,
    centre: tuple[float, float, float],
    semi: tuple[float, float, float],
    *,
    points: int = 24,
    decimals: int = 1,
) -> Solid:
    cx, cy, cz = centre
    a, b, c = semi

    def outline(z: float) -> Floats:
        shrink = np.sqrt(max(0.0, 1 - ((z - cz) / c) ** 2))
        return ellipse(cx, cy, a * shrink, b * shrink, points)

    def inside(x: Floats, y: Floats, z: Floats) -> Mask:
        return ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2 <= 1

    first = np.floor((cz - c) / SLICE_MM + 1) * SLICE_MM
    last = np.ceil((cz + c) / SLICE_MM - 1) * SLICE_MM
    box = (cx - a, cx + a, cy - b, cy + b)
    return Solid(name=name, kind=kind, z_mm=(float(first), float(last)), outline=outline,
                 inside=inside, box_xy_mm=box, decimals=decimals, corners=points)  # fmt: skip


def tube(
    name: str,
    centre: Callable[[Floats], tuple[Floats, Floats]],
    semi: Callable[[Floats], tuple[Floats, Floats]],
    z_mm: tuple[float, float],
    *,
    kind: str = "ORGAN",
    points: int = 20,
    decimals: int = 1,
) -> Solid:
    """A solid whose axial section is an ellipse about a curved centre line."""

    def outline(z: float) -> Floats:
        at = np.asarray(z)
        (cx, cy), (a, b) = centre(at), semi(at)
        return ellipse(float(cx), float(cy), float(a), float(b), points)

    def inside(x: Floats, y: Floats, z: Floats) -> Mask:
        (cx, cy), (a, b) = centre(z), semi(z)
        return ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 <= 1

    zs = np.linspace(z_mm[0] - SLICE_MM, z_mm[1] + SLICE_MM, 200)
    (cx, cy), (a, b) = centre(zs), semi(zs)
    box = (
        float(np.min(cx - a)), float(np.max(cx + a)), float(np.min(cy - b)), float(np.max(cy + b))
    )  # fmt: skip
    return Solid(name=name, kind=kind, z_mm=z_mm, outline=outline, inside=inside, box_xy_mm=box,
                 decimals=decimals, corners=points, flat_ends=True)  # fmt: skip


def arch(
    name: str,
    centre: tuple[float, float],
    semi: tuple[float, float],
    thickness_mm: float,
    z_mm: tuple[float, float],
    *,
    backward: bool,
    points: int = 24,
    decimals: int = 1,
) -> Solid:
    """Half an elliptic ring, the same on every slice: convex to the back or to the front."""
    (cx, cy), (a, b) = centre, semi
    side = 1.0 if backward else -1.0

    def outline(_: float) -> Floats:
        angle = np.linspace(0, np.pi, points + 1)
        outer = np.column_stack((cx + a * np.cos(angle), cy + side * b * np.sin(angle)))
        inner = np.column_stack(
            (
                cx + (a - thickness_mm) * np.cos(angle),
                cy + side * (b - thickness_mm) * np.sin(angle),
            )
        )
        return np.vstack((outer, inner[::-1]))

    def inside(x: Floats, y: Floats, _: Floats) -> Mask:
        outer = ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 <= 1
        inner = ((x - cx) / (a - thickness_mm)) ** 2 + ((y - cy) / (b - thickness_mm)) ** 2 <= 1
        return outer & ~inner & (side * (y - cy) >= 0)

    return Solid(name=name, kind="ORGAN", z_mm=z_mm, outline=outline, inside=inside,
                 box_xy_mm=(cx - a, cx + a, cy - b, cy + b), decimals=decimals)  # fmt: skip


def nerve(side: int) -> Solid:
    """An optic nerve: a straight band 4 mm wide, on two slices."""
    start, end = np.array([5.0 * side, -8.0]), np.array([28.0 * side, -58.0])
    along = (end - start) / np.hypot(*(end - start))
    across = 2.0 * np.array([-along[1], along[0]])
    corners = np.array([start + across, start - across, end - across, end + across])

    def inside(*_: Floats) -> Mask:
        raise ValueError("no expectation is derived for the optic nerves")

    low, high = corners.min(axis=0), corners.max(axis=0)
    return Solid(name="OpticNrv_L" if side > 0 else "OpticNrv_R", kind="ORGAN", z_mm=(30.0, 33.0),
                 outline=lambda _: corners, inside=inside,
                 box_xy_mm=(low[0], high[0], low[1], high[1]))  # fmt: skip


def carotid(side: int) -> Solid:
    """An internal carotid artery; a circle of 3 mm radius in every axial section.

    Centre line: x = +-(32.5 - 2.5 cos(pi z / 45)), y = 12 + 3 sin(pi z / 60).
    """

    def centre(z: Floats) -> tuple[Floats, Floats]:
        return side * (32.5 - 2.5 * np.cos(np.pi * z / 45)), 12 + 3 * np.sin(np.pi * z / 60)

    def semi(z: Floats) -> tuple[Floats, Floats]:
        radius = np.full_like(z, CAROTID_RADIUS_MM)
        return radius, radius

    return tube("A_Carotid_L" if side > 0 else "A_Carotid_R", centre, semi, (BOTTOM_MM, TOP_MM),
                decimals=2)  # fmt: skip


def straight(x: float, y: float) -> Callable[[Floats], tuple[Floats, Floats]]:
    return lambda z: (np.full_like(z, x), np.full_like(z, y))


def body() -> Solid:
    def semi(z: Floats) -> tuple[Floats, Floats]:
        narrowing = 1 - 1e-4 * np.maximum(0.0, -15 - z) ** 2
        return 69 * narrowing, 88 * narrowing

    return tube("BODY", straight(0, 0), semi, (BOTTOM_MM, TOP_MM), kind="EXTERNAL", points=40)


def mucosa() -> Solid:
    """Nasopharyngeal mucosa: a 2 mm wall around the air before the lesion, open to the nose."""
    return arch("Nasopharynx^Muc", (0, -36), (18, 12), 2.0, (MUCOSA_BOTTOM_MM, MUCOSA_TOP_MM),
                backward=True, decimals=2)  # fmt: skip


def targets(core_x_mm: float) -> list[Solid]:
    """Lesion and core with their planning targets; the core's centre is (core_x, 2, 0)."""
    core = (core_x_mm, CORE_Y_MM, 0.0)
    lesion = (1.0, 0.0, 0.0)
    ball = (CORE_RADIUS_MM,) * 3
    margin = (CORE_RADIUS_MM + 2,) * 3
    return [
        ellipsoid("GTVp", "GTV", lesion, (20, 15, 16), decimals=2),
        ellipsoid("GTVp_High", "GTV", core, ball, decimals=2),
        ellipsoid("PTVp_150x3", "PTV", lesion, (23, 18, 19), decimals=2),
        ellipsoid("PTVp_500x3", "PTV", core, margin, decimals=2),
        ellipsoid("PTVp_200x28", "PTV", lesion, (26, 21, 22), decimals=2),
    ]


def smaller_target() -> Solid:
    """The planning target of a lesion that has shrunk."""
    return ellipsoid("PTVp_200x18", "PTV", (1.0, 0.0, 0.0), (22, 17, 18), decimals=2)


def organs() -> list[Solid]:
    def stem(z: Floats) -> tuple[Floats, Floats]:
        width = 11 + 0.08 * (z + 6)
        return width, np.full_like(z, 9.5)

    def cord(z: Floats) -> tuple[Floats, Floats]:
        return np.full_like(z, 6.0), np.full_like(z, 5.0)

    def chiasm(z: Floats) -> tuple[Floats, Floats]:
        return np.full_like(z, 8.0), np.full_like(z, 4.0)

    return [
        tube("SpinalCord", straight(0, 40), cord, (BOTTOM_MM, -9.0)),
        tube("Brainstem", lambda z: (0 * z, 36 - 0.1 * z), stem, (-6.0, TOP_MM)),
        nerve(1),
        nerve(-1),
        tube("OpticChiasm", straight(0, -4), chiasm, (30.0, 33.0)),
        ellipsoid("Lobe_Temporal_L", "ORGAN", (49, -6, 20), (11, 26, 16)),
        ellipsoid("Lobe_Temporal_R", "ORGAN", (-49, -6, 20), (11, 26, 16)),
        ellipsoid("Parotid_L", "ORGAN", (54, 18, -22), (8, 15, 16)),
        ellipsoid("Parotid_R", "ORGAN", (-54, 18, -22), (8, 15, 16)),
        arch("Bone_Mandible", (0, -28), (49, 50), 9.0, (BOTTOM_MM, -15.0), backward=False),
    ]


@functools.cache
def head(core_x_mm: float) -> tuple[Solid, ...]:
    """Every solid of the anatomy, in the order of the structure set."""
    return body(), *targets(core_x_mm), carotid(1), carotid(-1), mucosa(), *organs()


def named(solids: Iterable[Solid], names: tuple[str, ...]) -> list[Solid]:
    """Those of some names, in the order of the structure set."""
    return [s for s in solids if s.name in names]


@functools.cache
def prior_head() -> tuple[Solid, ...]:
    """The few structures of a structure set of an earlier course: another target, fewer organs."""
    target = ellipsoid("PTVp_200x35", "PTV", (0, -4, 0), (28, 24, 26), decimals=2)
    lesion = ellipsoid("GTVp", "GTV", (0, -6, 0), (16, 12, 14), decimals=2)
    kept = [s for s in organs() if s.name in ("SpinalCord", "Brainstem")]
    return body(), lesion, target, carotid(1), carotid(-1), *kept
