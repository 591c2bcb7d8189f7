"""Image series: where their voxels lie and in which files, and nothing of what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from dosecalc.lattices import Lattice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageSlice:
    """One axial image of a series: a lattice of a single plane."""

    series_uid: str
    frame_uid: str
    lattice: Lattice
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageGrid:
    """The voxels of an image series, whose planes may lie unevenly apart.

    ``source`` is its first file, ``sources`` are those of its planes, by ascending z.
    """

    uid: str
    frame_uid: str
    lattice: Lattice
    source: str = ""
    sources: tuple[str, ...] = ()


def stacked(slices: Iterable[ImageSlice]) -> tuple[tuple[ImageGrid, ...], tuple[str, ...]]:
    """Series from their slices, and why others make none, in words.

    Examples
    --------
    >>> axis = np.arange(3.0)
    >>> planes = (Lattice(x_mm=axis, y_mm=axis, z_mm=[z]) for z in (5.0, 0.0, 2.5))
    >>> (series,), _ = stacked(ImageSlice(series_uid="1.2", frame_uid="1.3", lattice=p) for p in planes)
    >>> series.lattice.z_mm.tolist()
    [0.0, 2.5, 5.0]
    """
    series: dict[str, list[ImageSlice]] = {}
    for each in slices:
        series.setdefault(each.series_uid, []).append(each)
    found, problems = [], []
    for uid, members in series.items():
        faults = list(_faults(members))
        if faults:
            problems.append(f"image series {uid} ({members[0].source}): {faults[0]}: its grid is not used")
            continue
        first = members[0].lattice
        members.sort(key=lambda s: float(s.lattice.z_mm[0]))
        z_mm = np.array([s.lattice.z_mm[0] for s in members])
        lattice = Lattice(x_mm=first.x_mm, y_mm=first.y_mm, z_mm=z_mm)
        sources = tuple(s.source for s in members)
        found.append(
            ImageGrid(
                uid=uid,
                frame_uid=members[0].frame_uid,
                lattice=lattice,
                source=min(sources),
                sources=sources,
            )
        )
    return tuple(found), tuple(problems)


def _faults(members: list[ImageSlice]) -> Iterator[str]:
    first = members[0]
    if len({s.frame_uid for s in members}) > 1:
        yield "expected one frame of reference, found several"
    for each in members:
        same = each.lattice.x_mm.shape == first.lattice.x_mm.shape and (
            each.lattice.y_mm.shape == first.lattice.y_mm.shape
        )
        if not same or not (
            np.allclose(each.lattice.x_mm, first.lattice.x_mm)
            and np.allclose(each.lattice.y_mm, first.lattice.y_mm)
        ):
            yield f"expected slices of one size and place, found another in {each.source}"
    if len({float(s.lattice.z_mm[0]) for s in members}) < len(members):
        yield "expected each slice at a place of its own, found two at one"
