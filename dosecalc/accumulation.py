"""What scripts ask of a ledger: curves of sums and of sessions, their parts by course, and overlaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dosecalc.celldoses import ALL_KEPT, Where, cell_doses
from dosecalc.curves import Curve
from dosecalc.doses import DoseGrid
from dosecalc.errors import (
    MetricError,
    NotCoveredError,
    QuantityError,
)
from dosecalc.ledger import Distinct, Ledger
from dosecalc.quantities import Physical, Quantity
from dosecalc.registrations import ONE_FRAME, Frames
from dosecalc.sampling import DEFAULT_SETTINGS, Settings


def accumulate(
    ledger: Ledger,
    where: Where,
    quantity: Quantity,
    *,
    frames: Frames = ONE_FRAME,
    recovery: Mapping[str, float] = ALL_KEPT,
    settings: Settings = DEFAULT_SETTINGS,
) -> Curve:
    """The dose-volume curve of everything a ledger gives to a structure.

    Per cell, with ``D_g`` the dose of session ``g`` given ``n_g`` times: physical ``sum n_g D_g``;
    ``BED = sum n_g D_g (1 + D_g/(a/b))``; ``EQD2 = BED / (1 + 2/(a/b))``.

    Parameters
    ----------
    ledger : sessions with doses
    where : a structure, a derived structure, or a quadrature made before
    quantity : ``Physical()``, ``Bed(alpha_beta_gy=...)`` or ``Eqd2(alpha_beta_gy=...)``
    frames : registrations between frames of reference
    recovery : by course, the share of its BED or EQD2 that is recovered from, 0 to 1; none by default
    settings : how finely the structure is sampled

    Raises
    ------
    MissingDoseError : if the dose of a fraction is not known; ``ledger.known()`` gives a lower bound.
    ContourError, FrameError, QuantityError : see :func:`cell_doses`.

    Examples
    --------
    Low and boost in one visit, 3 x (1.5 + 5) Gy at a/b 3, are 37.05 Gy, not the 28.05 Gy of two visits:

    >>> from dosecalc.quantities import Eqd2
    >>> from dosecalc.lattices import Lattice
    >>> from dosecalc.structures import Contour, Structure
    >>> axis = np.arange(-20.0, 21, 5)
    >>> lattice = Lattice(x_mm=axis, y_mm=axis, z_mm=axis)
    >>> low, boost = (DoseGrid.from_array(lattice, np.full((9, 9, 9), d)) for d in (4.5, 15.0))
    >>> square = np.array([[-5.0, -5, 0], [5, -5, 0], [5, 5, 0], [-5, 5, 0]])
    >>> cube = Structure(number=1, name="core", contours=tuple(
    ...     Contour(points_xyz_mm=square + [0, 0, z]) for z in (-4.0, 0.0, 4.0)))
    >>> one_visit = Ledger.from_doses([(low, 3), (boost, 3)], together=[(0, 1)])
    >>> round(accumulate(one_visit, cube, Eqd2(alpha_beta_gy=3.0)).mean_gy, 6)
    37.05
    >>> two_visits = Ledger.from_doses([(low, 3), (boost, 3)])
    >>> round(accumulate(two_visits, cube, Eqd2(alpha_beta_gy=3.0)).mean_gy, 6)
    28.05
    """
    for course, share in recovery.items():
        if course not in ledger.courses or not 0 <= share <= 1:
            raise QuantityError(
                f"recovery: expected shares of 0 to 1 of courses {', '.join(ledger.courses)}, "
                f"found {share} of {course!r}"
            )
    cells = cell_doses(where, ledger.grids(), frames=frames, settings=settings)
    return cells.curve(ledger, quantity, {course: 1 - share for course, share in recovery.items()})


def session_curves(
    ledger: Ledger,
    where: Where,
    *,
    frames: Frames = ONE_FRAME,
    settings: Settings = DEFAULT_SETTINGS,
) -> tuple[tuple[Distinct, Curve], ...]:
    """One curve of dose per session for each kind of session of a ledger.

    Raises
    ------
    as :func:`accumulate`.
    """
    cells = cell_doses(where, ledger.grids(), frames=frames, settings=settings)
    return tuple((g, cells.session_curve(g.contributions)) for g in ledger.distinct())


def dvh(
    dose: DoseGrid,
    where: Where,
    *,
    frames: Frames = ONE_FRAME,
    settings: Settings = DEFAULT_SETTINGS,
) -> Curve:
    """The dose-volume curve of one dose grid, as it stands, in a structure.

    Raises
    ------
    ContourError, FrameError : see :func:`cell_doses`.

    Examples
    --------
    >>> from dosecalc.lattices import Lattice
    >>> from dosecalc.structures import Contour, Structure
    >>> axis = np.arange(-20.0, 21, 5)
    >>> lattice = Lattice(x_mm=axis, y_mm=axis, z_mm=axis)
    >>> ramp = DoseGrid.from_array(lattice, np.broadcast_to(20 + axis, (9, 9, 9)))
    >>> square = np.array([[-5.0, -5, 0], [5, -5, 0], [5, 5, 0], [-5, 5, 0]])
    >>> cube = Structure(number=1, name="cube", contours=tuple(
    ...     Contour(points_xyz_mm=square + [0, 0, z]) for z in (-4.0, 0.0, 4.0)))
    >>> curve = dvh(ramp, cube)
    >>> round(curve.volume_cm3, 9), round(curve.mean_gy, 9)
    (1.2, 20.0)
    """
    return cell_doses(where, (dose,), frames=frames, settings=settings).dvh(dose)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoursePart:
    """What one course gives to a volume on average, and what part of the sum that is."""

    course: str
    gy: float
    percent: float


def course_parts(
    ledger: Ledger,
    where: Where,
    quantity: Quantity,
    *,
    hottest_cm3: float | None = None,
    frames: Frames = ONE_FRAME,
    settings: Settings = DEFAULT_SETTINGS,
) -> tuple[CoursePart, ...]:
    """How much of a sum came from which course: of the mean, or of the hottest ``hottest_cm3`` of the sum.

    Values of D0.03cc of each course do not add up to that of the sum, for each has its own hottest points.
    These parts are of one and the same volume, and do.

    Raises
    ------
    MetricError : if the structure is smaller than the hottest volume.
    NotCoveredError : if a dose does not reach all of it.
    MissingDoseError, ContourError, FrameError, QuantityError : as :func:`accumulate`.

    Examples
    --------
    >>> from dosecalc.lattices import Lattice
    >>> from dosecalc.structures import Contour, Structure
    >>> axis = np.arange(-20.0, 21, 5)
    >>> lattice = Lattice(x_mm=axis, y_mm=axis, z_mm=axis)
    >>> first, second = (DoseGrid.from_array(lattice, np.full((9, 9, 9), d)) for d in (70.0, 56.0))
    >>> square = np.array([[-5.0, -5, 0], [5, -5, 0], [5, 5, 0], [-5, 5, 0]])
    >>> cube = Structure(number=1, name="organ", contours=tuple(
    ...     Contour(points_xyz_mm=square + [0, 0, z]) for z in (-4.0, 0.0, 4.0)))
    >>> ledger = Ledger.from_doses([(first, 35), (second, 28)])
    >>> [(p.course, round(p.gy, 6), round(p.percent, 2)) for p in course_parts(ledger, cube, Physical())]
    [('course 1', 70.0, 55.56), ('course 2', 56.0, 44.44)]
    """
    cells = cell_doses(where, ledger.grids(), frames=frames, settings=settings)
    whole = float(cells.volume_cm3.sum())
    if hottest_cm3 is not None and not 0 < hottest_cm3 <= whole:
        raise MetricError(f"hottest_cm3: expected above 0 and up to {whole:.4g} cm3, found {hottest_cm3}")
    if any(np.isnan(gy).any() for gy in cells.gy.values()):
        raise NotCoveredError("parts of a sum: expected doses that reach all of the structure")
    parts = cells.parts_gy(ledger, quantity, hottest_cm3)
    total = sum(parts.values())
    return tuple(
        CoursePart(course=c, gy=gy, percent=100 * gy / total if total else 0.0) for c, gy in parts.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HighDoseOverlap:
    """How much of a new target lies in the high dose of earlier courses.

    With any overlap re-irradiation is of type I, else of type II, where only what lies around is irradiated
    again (Andratschke et al., Lancet Oncol 23:e469 (2022)).
    """

    volume_cm3: float
    percent: float

    @property
    def is_type_one(self) -> bool:
        return self.volume_cm3 > 0


def high_dose_overlap(
    earlier: Ledger,
    target: Where,
    *,
    at_least_gy: float,
    quantity: Quantity | None = None,
    frames: Frames = ONE_FRAME,
    settings: Settings = DEFAULT_SETTINGS,
) -> HighDoseOverlap:
    """The part of a new target that earlier courses gave a dose at least, by default of physical dose.

    Raises
    ------
    NotCoveredError : if a dose does not reach all of the target.
    as :func:`accumulate` else.
    """
    curve = accumulate(earlier, target, quantity or Physical(), frames=frames, settings=settings)
    volume = curve.volume_at_dose(at_least_gy)
    return HighDoseOverlap(volume_cm3=volume, percent=100 * volume / curve.volume_cm3)
