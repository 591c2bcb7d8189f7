"""Which outlines of neighbouring planes are sections of the same part of a structure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.contours import any_inside
from dosecalc.outlines import Outlines

Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

NONE = -1
"""In place of a neighbour that is not there."""
_ALIKE = 2.0
"""Outlines of an oblique vessel that do not overlap continue each other if neither has more than so many
times the area of the other."""
_OFF_COURSE = 0.5
"""and if the way between them is what the vessel's slant or its last step says, within this part."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Links:
    """For each outline the one that continues it in the plane above and below, or ``NONE``.

    ``splits_above`` and ``splits_below`` are outlines that meet several there, or one of several: there
    the structure branches, and which part of one section continues in which of the other is not known.
    """

    above: Ints
    below: Ints
    splits_above: Bools
    splits_below: Bools


def linked(found: Outlines, planes: Ints, missing: Bools) -> Links:
    """Link outlines across each gap between planes.

    Parameters
    ----------
    found : all outlines
    planes : where each plane starts in them, and their number at the end
    missing : gaps in which slices are missing: there only outlines that overlap are linked
    """
    count = len(found)
    above, below = np.full(count, NONE), np.full(count, NONE)
    splits_above, splits_below = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    low = np.minimum.reduceat(found.points_xy_mm, found.start[:-1]).tolist()
    high = np.maximum.reduceat(found.points_xy_mm, found.start[:-1]).tolist()
    hole = found.hole.tolist()
    for gap, (first, middle, last) in enumerate(
        zip(planes[:-2].tolist(), planes[1:-1].tolist(), planes[2:].tolist(), strict=True)
    ):
        pairs = [
            (a, b)
            for a, b in itertools.product(range(first, middle), range(middle, last))
            if hole[a] == hole[b]
            and all(one <= other for one, other in zip(low[a] + low[b], high[b] + high[a], strict=True))
            # One outline over another is the usual case, and needs no closer look.
            and ((middle - first == 1 and last - middle == 1) or _overlap(found, a, b))
        ]
        met = [a for a, _ in pairs], [b for _, b in pairs]
        for a, b in pairs:
            if met[0].count(a) == 1 and met[1].count(b) == 1:
                above[a], below[b] = b, a
            else:
                splits_above[a] = splits_below[b] = True
        if not missing[gap]:
            free = (
                [a for a in range(first, middle) if a not in met[0]],
                [b for b in range(middle, last) if b not in met[1]],
            )
            for a, b in itertools.product(*free):
                if above[a] == NONE and below[b] == NONE and _on_course(found, a, b, int(below[a])):
                    above[a], below[b] = b, a
    return Links(above=above, below=below, splits_above=splits_above, splits_below=splits_below)


def _overlap(found: Outlines, a: int, b: int) -> bool:
    first, second = found.loop(a), found.loop(b)
    return any_inside(first, second) or any_inside(second, first)


def _on_course(found: Outlines, a: int, b: int, before: int) -> bool:
    """Whether ``b`` lies where an oblique vessel through ``a`` would be.

    A round vessel at the angle t to the normal of the slices has sections that are longer by 1/cos t
    than wide, and they move by tan t times the gap, along their length.
    """
    areas = sorted((found.area_mm2[a], found.area_mm2[b]))
    if found.hole[a] != found.hole[b] or not found.sound[[a, b]].all() or areas[1] > _ALIKE * areas[0]:
        return False
    way = found.centroid_xy_mm[b] - found.centroid_xy_mm[a]
    gap = found.z_mm[b] - found.z_mm[a]
    xx, xy, yy = (found.moments_mm2[a] + found.moments_mm2[b]) / 2
    (small, large), axes = np.linalg.eigh([[xx, xy], [xy, yy]])
    slant = axes[:, 1] * gap * np.sqrt(max(large / small - 1, 0.0))
    expected = [slant, -slant]
    if before != NONE:
        step = found.centroid_xy_mm[a] - found.centroid_xy_mm[before]
        expected.append(step * gap / (found.z_mm[a] - found.z_mm[before]))
    return any(np.hypot(*(way - e)) <= _OFF_COURSE * np.hypot(*e) for e in expected)
