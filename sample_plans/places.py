"""Frames of reference that have the anatomy at another place: turned and shifted, or bent as well.

A place maps points ``there``, from the anatomy's own coordinates into its frame, and ``back``; ``read`` is
``there`` as a file of it says, which for a bent one lies between the vectors of a grid.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.interpolate import RegularGridInterpolator

Floats = npt.NDArray[np.float64]
Points = tuple[Floats, Floats, Floats]
Mapping = Callable[[Points], Points]
Triple = tuple[float, float, float]

AXES = "xyz"
LEAST_MM = 2.0**-10  # vectors are stored in such steps, which 32-bit floats hold exactly
ROUNDS = 12  # of the search for where a bent point came from: each takes the error to a fifth, 12 to 1e-8 mm


class Place(Protocol):
    """A frame of reference, by where it has the points of the anatomy."""

    def there(self, points: Points) -> Points: ...

    def back(self, points: Points) -> Points: ...

    def read(self, points: Points) -> Points: ...

    def words(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Turned:
    """Turned about an axis through the origin (right-handed), then shifted: R x + t."""

    axis: Triple
    degrees: float
    shift_mm: Triple

    @property
    def matrix(self) -> Floats:
        """The homogeneous matrix, by Rodrigues' formula."""
        x, y, z = np.array(self.axis) / np.linalg.norm(self.axis)
        across = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        angle = np.radians(self.degrees)
        found = np.eye(4)
        found[:3, :3] += np.sin(angle) * across + (1 - np.cos(angle)) * across @ across
        found[:3, 3] = self.shift_mm
        return found

    @property
    def inverse(self) -> Floats:
        """The matrix that leads back."""
        found, turn = np.eye(4), self.matrix[:3, :3]
        found[:3, :3], found[:3, 3] = turn.T, -turn.T @ np.array(self.shift_mm)
        return found

    def there(self, points: Points) -> Points:
        return mapped(self.matrix, points)

    def back(self, points: Points) -> Points:
        return mapped(self.inverse, points)

    def read(self, points: Points) -> Points:
        return self.there(points)

    def words(self) -> str:
        axis, shift = (", ".join(f"{v:g}" for v in triple) for triple in (self.axis, self.shift_mm))
        return f"turned by {self.degrees:g} degrees about ({axis}), then shifted by ({shift}) mm"


@dataclass(frozen=True, kw_only=True)
class Wave:
    """One component of a displacement: ``mean + size sin(2 pi (x / length + phase))``, x along ``axis``."""

    mean_mm: float
    size_mm: float
    length_mm: float
    axis: int
    phase: float

    def __call__(self, points: Points) -> Floats:
        turns = points[self.axis] / self.length_mm + self.phase
        found: Floats = self.mean_mm + self.size_mm * np.sin(2 * np.pi * turns)
        return found

    def words(self) -> str:
        sine = f"sin(2 pi ({AXES[self.axis]}/{self.length_mm:g} + {self.phase:g}))"
        return f"{self.mean_mm:g} + {self.size_mm:g} {sine}"


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """Where the vectors of a displacement grid are: first one, steps and counts on x, y and z."""

    first_mm: Triple
    step_mm: Triple
    count: tuple[int, int, int]

    def axes(self) -> list[Floats]:
        parts = zip(self.first_mm, self.step_mm, self.count, strict=True)
        return [first + step * np.arange(count, dtype=np.float64) for first, step, count in parts]


@dataclass(frozen=True, kw_only=True)
class Bent:
    """Each point displaced by three waves, then turned and shifted: T(x + u(x))."""

    waves: tuple[Wave, Wave, Wave]
    then: Turned
    grid: Vectors

    def there(self, points: Points) -> Points:
        x, y, z = (p + wave(points) for p, wave in zip(points, self.waves, strict=True))
        return self.then.there((x, y, z))

    def back(self, points: Points) -> Points:
        """By iteration: no wave changes by more than a fifth of a mm per mm."""
        goal = self.then.back(points)
        x, y, z = goal
        for _ in range(ROUNDS):
            x, y, z = (p - wave((x, y, z)) for p, wave in zip(goal, self.waves, strict=True))
        return x, y, z

    def read(self, points: Points) -> Points:
        """With displacements interpolated linearly between the vectors that are stored."""
        x, y, z = points
        vectors = _interpolator(self)(np.column_stack((z, y, x)))
        return self.then.there((x + vectors[:, 0], y + vectors[:, 1], z + vectors[:, 2]))

    def vectors_mm(self) -> npt.NDArray[np.float32]:
        """The displacements at the points of the grid as they are stored, (nz, ny, nx, 3)."""
        x, y, z = self.grid.axes()
        zz, yy, xx = np.meshgrid(z, y, x, indexing="ij")
        exact = np.stack([wave((xx, yy, zz)) for wave in self.waves], axis=-1)
        return (np.round(exact / LEAST_MM) * LEAST_MM).astype(np.float32)

    def words(self) -> str:
        waves = ", ".join(wave.words() for wave in self.waves)
        return f"displaced by ({waves}) mm, then {self.then.words()}"


@functools.cache
def _interpolator(place: Bent) -> RegularGridInterpolator:
    x, y, z = place.grid.axes()
    return RegularGridInterpolator((z, y, x), place.vectors_mm().astype(np.float64))


def mapped(matrix: Floats, points: Points) -> Points:
    """Points multiplied by a homogeneous matrix."""
    px, py, pz = points
    x, y, z = (a * px + b * py + c * pz + shift for a, b, c, shift in matrix[:3].tolist())
    return x, y, z


def there(place: Place | None, points: Points) -> Points:
    """Into a frame; None is the anatomy's own."""
    return points if place is None else place.there(points)


def back(place: Place | None, points: Points) -> Points:
    """From a frame into the anatomy's own coordinates."""
    return points if place is None else place.back(points)


def read(place: Place | None, points: Points) -> Points:
    """Into a frame as the file of a registration leads."""
    return points if place is None else place.read(points)
