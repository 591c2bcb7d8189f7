"""Doses at the cells of a structure, each evaluated once, and the one place where they are added."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import assert_never

import numpy as np
import numpy.typing as npt

from dosecalc.curves import Curve
from dosecalc.doses import DoseGrid
from dosecalc.doubt import span_of, variants
from dosecalc.errors import (
    ContourError,
    FrameError,
    MissingDoseError,
    QuantityError,
)
from dosecalc.evaluation import evaluated
from dosecalc.ledger import DistinctDay, Ledger
from dosecalc.quantities import Bed, Eqd2, LqRepair, Model, PerFraction, Physical, Quantity, describe
from dosecalc.radiobiology import bed_to_eqd2, day_bed, day_bed_slopes
from dosecalc.registrations import ONE_FRAME, Frames, NoPath
from dosecalc.sampling import DEFAULT_SETTINGS, Quadrature, Settings, sample
from dosecalc.sessions import ALL_OF_IT, Contribution, GridFraction
from dosecalc.solids import Body, Solid, combine, solid
from dosecalc.structures import Derived, Structure
from dosecalc.transforms import IDENTITY, Transform, jacobian

Floats = npt.NDArray[np.float64]
Where = Structure | Derived | Quadrature

Kept = Mapping[str, float]
"""By course, the share of its effect that tissue has not recovered from; 1 where a course is not named."""
ALL_KEPT: Kept = MappingProxyType({})

_CLOSED = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "CLOSED_PLANAR_XOR"}


def body_of(structure: Structure | Derived, settings: Settings = DEFAULT_SETTINGS) -> Body:
    """The solid of a structure, or of a combination of structures.

    Raises
    ------
    ContourError : see :func:`solid_of`.
    """
    if isinstance(structure, Structure):
        return solid_of(structure, settings)
    first, second = body_of(structure.of, settings), body_of(structure.other, settings)
    if structure.minus is not None:
        return combine(first, second, lambda a, b: a & ~b)
    return combine(first, second, lambda a, b: a & b)


def solid_of(structure: Structure, settings: Settings = DEFAULT_SETTINGS) -> Solid:
    """The solid that a structure's contours bound.

    Raises
    ------
    ContourError : if the structure could not be read, has no closed contours, or bounds no volume.
    """
    name = f"structure {structure.name!r} (ROI Number {structure.number})"
    if structure.problem:
        raise ContourError(f"{name}: {structure.problem}")
    kinds = {c.geometric_type for c in structure.contours}
    if not kinds:
        raise ContourError(f"{name}: expected contours, found none")
    if not kinds <= _CLOSED:
        others = ", ".join(sorted(kinds - _CLOSED))
        raise ContourError(f"{name}: ContourGeometricType: expected CLOSED_PLANAR, found {others}")
    loops = [c.points_xyz_mm for c in structure.contours]
    try:
        return solid(
            loops,
            slice_mm=structure.slice_mm,
            end_caps=settings.end_caps,
            between=settings.between,
        )
    except ContourError as error:
        raise ContourError(f"{name}: {error}") from None


def quadrature_of(where: Where, settings: Settings = DEFAULT_SETTINGS) -> Quadrature:
    """A structure divided into cells; a quadrature is returned as it is.

    Raises
    ------
    ContourError : if the structure bounds no volume that can be trusted.
    """
    if isinstance(where, Quadrature):
        return where
    body = body_of(where, settings)
    try:
        return sample(body, settings, frame_uid=where.frame_uid)
    except ContourError as error:
        raise ContourError(f"structure {where.name!r}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Enclosure:
    """Two curves between which every D, V and mean of a structure lies."""

    low: Curve
    high: Curve


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Given:
    """What sessions give to each cell, made once for all quantities that a sum is asked in.

    ``doses`` is that of each grid; ``gy`` of a session, (n,), and ``change`` across each cell, (3, n).
    """

    doses: Mapping[DoseGrid, Floats]
    gy: Callable[[tuple[Contribution, ...]], Floats]
    change: Callable[[tuple[Contribution, ...]], Floats]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellDoses:
    """The dose of some grids at every cell of a structure, each grid evaluated once.

    Parameters
    ----------
    quadrature : the cells
    volume_cm3 : volume of each, shape (n,)
    gy : dose in Gy by grid, shape (n,), NaN where the grid does not reach
    change_gy : by how much that dose changes across each cell along x, y and z, shape (3, n)
    folded_cm3 : by grid, the volume in which its registration folds, so that no dose is known there
    unlinked : grids whose frame nothing links to the structure's, and what is missing
    """

    quadrature: Quadrature
    volume_cm3: Floats
    gy: Mapping[DoseGrid, Floats]
    change_gy: Mapping[DoseGrid, Floats]
    folded_cm3: Mapping[DoseGrid, float] = field(default_factory=dict)
    unlinked: Mapping[DoseGrid, NoPath] = field(default_factory=dict)

    def session_gy(self, contributions: tuple[Contribution, ...]) -> Floats:
        """Dose that one session gives to each cell, NaN where a part of it is not known.

        Physical dose adds within a session.
        """
        if any(not isinstance(c.fraction, GridFraction) for c in contributions):
            return np.full(self.volume_cm3.shape, np.nan)
        return self._weighted(_weights((contributions, 1)), self.gy)

    def known_session_gy(self, contributions: tuple[Contribution, ...]) -> Floats:
        """What one session gives to each cell at least: parts that are not known count as nothing."""
        return self._weighted(_weights((contributions, 1)), self._known_gy())

    def total_gy(self, ledger: Ledger, quantity: Quantity, kept: Kept = ALL_KEPT) -> Floats:
        """Sum over the sessions of a ledger in each cell, NaN where a part of it is not known.

        Effect adds between sessions; ``kept`` is what share of the effect of a course is not recovered.

        Raises
        ------
        QuantityError : for ``PerFraction``, which is no sum.
        MissingDoseError : for a ledger without sessions, whose sum would be a dose of zero.
        """
        if ledger.missing():
            return np.full(self.volume_cm3.shape, np.nan)
        return self._kept_total(ledger, quantity, kept, self._given(self.gy))

    def known_total_gy(self, ledger: Ledger, quantity: Quantity, kept: Kept = ALL_KEPT) -> Floats:
        """The sum that each cell has at least: parts that are not known count as nothing."""
        return self._kept_total(ledger, quantity, kept, self._given(self._known_gy()))

    def curve(self, ledger: Ledger, quantity: Quantity, kept: Kept = ALL_KEPT) -> Curve:
        """The dose-volume curve of the sum over a ledger."""
        ((dose, change),) = self._sums(ledger, [quantity], kept)
        known = self.known_total_gy(ledger, quantity, kept) if np.isnan(dose).any() else None
        return self._curve(dose, change, quantity, known)

    def between(self, ledger: Ledger, quantities: Sequence[Bed | Eqd2], kept: Kept = ALL_KEPT) -> Enclosure:
        """The curves of what each cell has at least and at most, of the same sum at several a/b.

        A cell's EQD2 rises or falls with a/b all along, so that those of two ends of a range enclose it; the
        cells of a structure do not all rise or fall together, so that no single one has the ends of a D or V.
        """
        ends = tuple(pick(quantities, key=lambda q: q.alpha_beta_gy) for pick in (min, max))
        (first, change), (second, other) = self._sums(ledger, ends, kept)
        known = None
        if np.isnan(first).any():
            known = [self.known_total_gy(ledger, q, kept) for q in ends]
        curves = []
        for end, is_first in ((np.minimum, first <= second), (np.maximum, first >= second)):
            curves.append(
                self._curve(
                    np.where(is_first, first, second),
                    np.where(is_first, change, other),
                    quantities[0],
                    None if known is None else end(*known),
                )
            )
        return Enclosure(low=curves[0], high=curves[1])

    def lessened(self, ledger: Ledger, quantity: Bed | Eqd2, losses_gy: Mapping[str, float]) -> Curve:
        """The sum with so much of ``quantity`` taken off each course in every cell, of none below 0."""
        total, known = np.zeros(self.volume_cm3.shape), np.zeros(self.volume_cm3.shape)
        change, given = np.zeros((3, *self.volume_cm3.shape)), self._given(self.gy)
        for course in ledger.courses:
            part, loss_gy = ledger.course(course), losses_gy.get(course, 0.0)
            left = self.total_gy(part, quantity) - loss_gy
            total = total + np.maximum(left, 0.0)
            change = change + np.where(left > 0, self._total_change(part, quantity, given), 0.0)
            known = known + np.maximum(self.known_total_gy(part, quantity) - loss_gy, 0.0)
        return self._curve(total, change, quantity, known if np.isnan(total).any() else None)

    def _given(self, gy: Mapping[DoseGrid, Floats]) -> _Given:
        return _Given(
            doses=gy,
            gy=functools.cache(lambda contributions: self._weighted(_weights((contributions, 1)), gy)),
            change=functools.cache(lambda contributions: self._weighted_change(_weights((contributions, 1)))),
        )

    def _sums(
        self, ledger: Ledger, quantities: Sequence[Quantity], kept: Kept
    ) -> Iterator[tuple[Floats, Floats]]:
        """The sum in each quantity, (n,), NaN where a part is not known, and how it changes, (3, n)."""
        given, unknown = self._given(self.gy), bool(ledger.missing())
        for quantity in quantities:
            total = np.full(self.volume_cm3.shape, np.nan)
            if not unknown:
                total = self._kept_total(ledger, quantity, kept, given)
            yield total, self._kept_change(ledger, quantity, kept, given)

    def _kept_total(self, ledger: Ledger, quantity: Quantity, kept: Kept, given: _Given) -> Floats:
        if not kept:
            return self._total(ledger, quantity, given)
        _require_effect(quantity)
        parts = [kept.get(c, 1.0) * self._total(ledger.course(c), quantity, given) for c in ledger.courses]
        return np.asarray(sum(parts))

    def _kept_change(self, ledger: Ledger, quantity: Quantity, kept: Kept, given: _Given) -> Floats:
        if not kept:
            return self._total_change(ledger, quantity, given)
        parts = [
            kept.get(c, 1.0) * self._total_change(ledger.course(c), quantity, given) for c in ledger.courses
        ]
        return np.asarray(sum(parts))

    def session_curve(self, contributions: tuple[Contribution, ...]) -> Curve:
        """The dose-volume curve of one session."""
        dose = self.session_gy(contributions)
        known = self.known_session_gy(contributions) if np.isnan(dose).any() else None
        change = self._weighted_change(_weights((contributions, 1)))
        return self._curve(dose, change, PerFraction(), known)

    def _known_gy(self) -> Mapping[DoseGrid, Floats]:
        return {grid: np.nan_to_num(gy) for grid, gy in self.gy.items()}

    def _weighted(self, weights: Mapping[DoseGrid, Fraction], gy: Mapping[DoseGrid, Floats]) -> Floats:
        parts = [
            # 147 Gy in 49 fractions are 3 Gy each: 147 * (1/49) would be a little less.
            gy[grid] * weight.numerator / weight.denominator
            for grid, weight in weights.items()
        ]
        return np.asarray(sum(parts)) if parts else np.zeros(self.volume_cm3.shape)

    def _weighted_change(self, weights: Mapping[DoseGrid, Fraction]) -> Floats:
        return self._weighted(weights, self.change_gy) if weights else np.zeros((3, *self.volume_cm3.shape))

    def _total_change(self, ledger: Ledger, quantity: Quantity, given: _Given) -> Floats:
        """By how much a sum changes across each cell, (3, n): by the chain rule, where it is no plain sum."""
        if not isinstance(quantity, Bed | Eqd2):
            weights = _weights(*((g.contributions, g.count) for g in ledger.distinct()))
            return self._weighted_change(weights)
        total = np.zeros((3, *self.volume_cm3.shape))
        for day in _days(ledger, quantity.model):
            slopes = day_bed_slopes(
                [given.gy(contributions) for contributions in day.sessions],
                hours=day.hours,
                alpha_beta_gy=quantity.alpha_beta_gy,
                model=quantity.model,
            )
            for slope, contributions in zip(slopes, day.sessions, strict=True):
                total += day.count * slope * given.change(contributions)
        if isinstance(quantity, Eqd2):
            return bed_to_eqd2(total, alpha_beta_gy=quantity.alpha_beta_gy)
        return total

    def _total(self, ledger: Ledger, quantity: Quantity, given: _Given) -> Floats:
        if not len(ledger):
            raise MissingDoseError("the ledger holds no session: expected one or more to sum over")
        match quantity:
            case Physical():
                weights = _weights(*((g.contributions, g.count) for g in ledger.distinct()))
                return self._weighted(weights, given.doses)
            case (
                Bed(alpha_beta_gy=alpha_beta_gy, model=model) | Eqd2(alpha_beta_gy=alpha_beta_gy, model=model)
            ):
                total = np.zeros(self.volume_cm3.shape)
                for day in _days(ledger, model):
                    doses = [given.gy(contributions) for contributions in day.sessions]
                    total += day.count * day_bed(
                        doses, hours=day.hours, alpha_beta_gy=alpha_beta_gy, model=model
                    )
                if isinstance(quantity, Eqd2):
                    return bed_to_eqd2(total, alpha_beta_gy=alpha_beta_gy)
                return total
            case PerFraction():
                raise QuantityError(
                    "dose per fraction is no sum: session_curves gives a curve for each session"
                )
            case _:
                assert_never(quantity)

    def parts_gy(
        self, ledger: Ledger, quantity: Quantity, hottest_cm3: float | None = None
    ) -> dict[str, float]:
        """By course, what it gives on average to all of the structure, or to the hottest part of the sum.

        Over one and the same volume, so that the parts add up to the average of the sum there.
        """
        total = self.total_gy(ledger, quantity)
        share = self.volume_cm3.copy()
        if hottest_cm3 is not None:
            order = np.argsort(-total, kind="stable")
            before = np.cumsum(share[order]) - share[order]
            share[order] = np.clip(hottest_cm3 - before, 0.0, share[order])
        parts = {c: self.total_gy(ledger.course(c), quantity) for c in ledger.courses}
        return {c: float(np.average(gy, weights=share)) for c, gy in parts.items()}

    def dvh(self, grid: DoseGrid) -> Curve:
        """The dose-volume curve of one grid as it stands."""
        return self._curve(self.gy[grid], self.change_gy[grid], Physical(), None)

    def _curve(self, dose: Floats, change: Floats, quantity: Quantity, known: Floats | None) -> Curve:
        return Curve.from_cells(
            dose,
            self.volume_cm3,
            quantity,
            span_gy=span_of(change),
            at_least_gy=known,
            variants=lambda: variants(self.quadrature, dose, change),
        )

    def with_unlinked(self, grids: Mapping[DoseGrid, NoPath]) -> CellDoses:
        """The same, with grids that reach none of the cells, as nothing links their frame."""
        nowhere, still = np.full(self.volume_cm3.shape, np.nan), np.zeros((3, *self.volume_cm3.shape))
        return replace(
            self,
            gy={**self.gy, **dict.fromkeys(grids, nowhere)},
            change_gy={**self.change_gy, **dict.fromkeys(grids, still)},
            unlinked={**self.unlinked, **grids},
        )

    def of(self, grids: Sequence[DoseGrid]) -> CellDoses:
        """The same cells with some of the grids only."""
        return replace(self, gy={grid: self.gy[grid] for grid in grids})

    def reached_by(self, contributions: tuple[Contribution, ...]) -> bool:
        """Whether any dose of a session reaches any cell."""
        return any(np.isfinite(self.gy[grid]).any() for grid in _weights((contributions, 1)))

    def hottest_xyz_mm(self, dose_gy: Floats) -> tuple[float, float, float] | None:
        """Centre of the cell with the highest of the given doses (n,), or None where none is known."""
        if not np.any(np.isfinite(dose_gy)):
            return None
        x, y, z = self.quadrature.centres_xyz_mm()[int(np.nanargmax(dose_gy))]
        return float(x), float(y), float(z)


def _require_effect(quantity: Quantity) -> None:
    if not isinstance(quantity, Bed | Eqd2):
        raise QuantityError(f"recovery: expected BED or EQD2, which it is about, found {describe(quantity)}")


def _days(ledger: Ledger, model: Model) -> tuple[DistinctDay, ...]:
    """What acts together: the sessions of a day where repair between them is incomplete, else each alone."""
    if isinstance(model, LqRepair):
        return ledger.distinct_days()
    return tuple(
        DistinctDay(sessions=(g.contributions,), hours=(None,), count=g.count) for g in ledger.distinct()
    )


def _weights(*groups: tuple[tuple[Contribution, ...], int]) -> Mapping[DoseGrid, Fraction]:
    """By what exact factor each grid enters a sum of contributions, each given so many times."""
    weights: dict[DoseGrid, Fraction] = {}
    for contributions, count in groups:
        for contribution in contributions:
            if not isinstance(contribution.fraction, GridFraction):
                continue
            for part in contribution.fraction.parts:
                share = contribution.share_of(part.beam)
                # Most fractions are given whole: 1 as a decimal would be turned into a fraction each time.
                weight = part.scale * (count if share == ALL_OF_IT else Fraction(share) * count)
                known = weights.get(part.dose)
                weights[part.dose] = weight if known is None else known + weight
    return weights


def cell_doses(
    where: Where,
    grids: tuple[DoseGrid, ...],
    *,
    frames: Frames = ONE_FRAME,
    settings: Settings = DEFAULT_SETTINGS,
) -> CellDoses:
    """Evaluate dose grids at the cells of a structure, each once.

    Cells of a structure are divided further where one of the grids asks for it; those of a quadrature
    that has no ``body`` are taken as they are.

    Raises
    ------
    ContourError : if the structure bounds no volume that can be trusted.
    FrameError : if a grid lies in a frame of reference that nothing links to the structure's.
    """
    quadrature = quadrature_of(where, settings)
    paths: dict[DoseGrid, Transform | None] = {}
    for grid in grids:
        path = frames.path(quadrature.frame_uid, grid.frame_uid)
        if isinstance(path, NoPath):
            raise FrameError(f"dose {grid.source or grid.uid}: {path}")
        paths[grid] = None if path == IDENTITY else path
    quadrature, found = evaluated(quadrature, paths)
    volume_cm3 = quadrature.weights_cm3()
    doses, folded_cm3 = {}, {}
    for grid, at in found.items():
        folded = _folded(quadrature, paths[grid])
        doses[grid] = at.gy if folded is None else np.where(folded, np.nan, at.gy)
        if folded is not None and folded.any():
            folded_cm3[grid] = float(volume_cm3[folded].sum())
    return CellDoses(
        quadrature=quadrature,
        volume_cm3=volume_cm3,
        gy=doses,
        change_gy={grid: at.change_gy for grid, at in found.items()},
        folded_cm3=folded_cm3,
    )


def _folded(quadrature: Quadrature, path: Transform | None) -> npt.NDArray[np.bool_] | None:
    """At which cells a registration turns its surroundings inside out: it is wrong there."""
    if path is None:
        return None
    return np.asarray(jacobian(path, quadrature.centres_xyz_mm()) <= 0)
