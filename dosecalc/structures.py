"""Structures as contoured, and structures made from others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dosecalc.errors import DosecalcError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contour:
    """One contour: its points in mm of the patient system, shape (n, 3), and its DICOM geometric type."""

    points_xyz_mm: Floats = field(repr=False)
    geometric_type: str = "CLOSED_PLANAR"

    def __post_init__(self) -> None:
        points = np.asarray(self.points_xyz_mm, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 3:
            raise DosecalcError(f"contour: expected points of shape (n, 3), found {points.shape}")
        points.setflags(write=False)
        object.__setattr__(self, "points_xyz_mm", points)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Structure:
    """A region of interest: number (the key), name (may repeat or be empty) and contours.

    ``slice_mm`` is the usual spacing of contour planes in the structure set, for structures that lie
    in one plane. ``problem`` says why a structure could not be read; such a structure is kept, so
    that every rule on it can say so, and has no contours.
    """

    number: int
    name: str
    frame_uid: str = ""
    contours: tuple[Contour, ...] = field(default=(), repr=False)
    interpreted_type: str = ""
    slice_mm: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Derived:
    """``of`` without ``minus``, or ``of`` where it meets ``intersected_with``: exactly one of the two.

    Examples
    --------
    >>> core, lesion = Structure(number=1, name="core"), Structure(number=2, name="lesion")
    >>> Derived(name="core outside lesion", of=core, minus=lesion).frame_uid
    ''
    """

    name: str
    of: Structure | Derived
    minus: Structure | Derived | None = None
    intersected_with: Structure | Derived | None = None

    def __post_init__(self) -> None:
        if (self.minus is None) == (self.intersected_with is None):
            raise DosecalcError(f"{self.name}: expected one of minus and intersected_with")
        if self.other.frame_uid != self.of.frame_uid:
            raise DosecalcError(
                f"{self.name}: expected both structures in one frame of reference, found "
                f"{self.of.frame_uid or 'none'} and {self.other.frame_uid or 'none'}"
            )

    @property
    def other(self) -> Structure | Derived:
        other = self.minus if self.minus is not None else self.intersected_with
        assert other is not None
        return other

    @property
    def frame_uid(self) -> str:
        return self.of.frame_uid


def difference(of: Structure | Derived, minus: Structure | Derived, *, name: str = "") -> Derived:
    """The part of ``of`` that is not in ``minus``."""
    return Derived(name=name or f"{of.name} minus {minus.name}", of=of, minus=minus)


def intersection(of: Structure | Derived, other: Structure | Derived, *, name: str = "") -> Derived:
    """The part of ``of`` that is in ``other`` too."""
    return Derived(name=name or f"{of.name} and {other.name}", of=of, intersected_with=other)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureSet:
    """The structures of one RT Structure Set, in file order.

    ``problems`` are faults of the set that belong to no structure of it, in words.
    """

    structures: tuple[Structure, ...]
    uid: str = ""
    label: str = ""
    source: str = ""
    problems: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Structure]:
        return iter(self.structures)

    def __len__(self) -> int:
        return len(self.structures)

    def named(self, name: str) -> tuple[Structure, ...]:
        """All structures of that name, spaces at the ends aside."""
        return tuple(s for s in self.structures if s.name.strip() == name.strip())

    def __getitem__(self, key: str | int) -> Structure:
        """The one structure of that name, or of that ROI Number.

        Raises
        ------
        DosecalcError : if there is none, or more than one.
        """
        found = (
            tuple(s for s in self.structures if s.number == key) if isinstance(key, int) else self.named(key)
        )
        if len(found) == 1:
            return found[0]
        where = f"structure set {self.source or self.uid}"
        if found:
            numbers = ", ".join(str(s.number) for s in found)
            raise DosecalcError(
                f"{where}: {key!r} names {len(found)} structures (ROI Numbers {numbers}); ask by number"
            )
        names = ", ".join(sorted(s.name for s in self.structures)) or "none"
        raise DosecalcError(f"{where}: no structure {key!r}; there are: {names}")
