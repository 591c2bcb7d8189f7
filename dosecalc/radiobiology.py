"""Effect of fractionated dose: functions of numbers and arrays, nothing else.

Doses are in Gy. Every function takes scalars or arrays that broadcast and returns float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

import numpy as np
import numpy.typing as npt

from dosecalc.errors import QuantityError
from dosecalc.quantities import Lq, LqL, LqRepair, Model, positive

Floats = npt.NDArray[np.float64]
_REFERENCE_GY = 2.0  # the dose per fraction that EQD2 refers to, by definition


def _dose(name: str, dose_gy: npt.ArrayLike) -> Floats:
    dose = np.asarray(dose_gy, dtype=np.float64)
    if np.any(dose < 0):
        raise QuantityError(f"{name}: expected no negative dose, found {float(dose.min())} Gy")
    return dose


def session_bed(dose_gy: npt.ArrayLike, *, alpha_beta_gy: float, model: Model | None = None) -> Floats:
    """BED of one session, ``d (1 + d/(a/b))``, from the dose given in it.

    Parameters
    ----------
    dose_gy : dose of the session at each point, any shape
    alpha_beta_gy : a/b of the tissue
    model : ``Lq()`` (the default), ``LqL(...)``, or ``LqRepair(...)``, which is LQ within one session

    Notes
    -----
    LQ: Fowler, Br J Radiol 62:679 (1989). LQ-L: above the threshold ``dT`` the dose beyond it
    counts ``gamma/alpha`` per Gy (Astrahan, Med Phys 35:4161 (2008)).

    Examples
    --------
    >>> float(session_bed(6.5, alpha_beta_gy=10.0))
    10.725
    >>> float(session_bed(20, alpha_beta_gy=3, model=LqL(threshold_gy=6, gamma_over_alpha_gy=5)))
    88.0
    """
    positive("alpha_beta_gy", alpha_beta_gy)
    dose = _dose("dose_gy", dose_gy)
    match model:
        case None | Lq() | LqRepair():
            return np.asarray(dose * (1 + dose / alpha_beta_gy))
        case LqL(threshold_gy=threshold_gy, gamma_over_alpha_gy=slope):
            below = np.minimum(dose, threshold_gy)
            return np.asarray(below * (1 + below / alpha_beta_gy) + slope * (dose - below))
        case _:
            assert_never(model)


def session_bed_slope(dose_gy: npt.ArrayLike, *, alpha_beta_gy: float, model: Model | None = None) -> Floats:
    """By how much the BED of one session grows per Gy more: the derivative of :func:`session_bed`.

    >>> float(session_bed_slope(3.0, alpha_beta_gy=3.0))
    3.0
    """
    positive("alpha_beta_gy", alpha_beta_gy)
    dose = _dose("dose_gy", dose_gy)
    match model:
        case None | Lq() | LqRepair():
            return np.asarray(1 + 2 * dose / alpha_beta_gy)
        case LqL(threshold_gy=threshold_gy, gamma_over_alpha_gy=slope):
            return np.where(dose < threshold_gy, 1 + 2 * dose / alpha_beta_gy, slope)
        case _:
            assert_never(model)


def bed(
    total_dose_gy: npt.ArrayLike,
    *,
    fractions: npt.ArrayLike,
    alpha_beta_gy: float,
    model: Model | None = None,
) -> Floats:
    """BED of a total dose given in equal fractions, ``D (1 + (D/n)/(a/b))``.

    Raises
    ------
    QuantityError : for a negative dose, fractions that are not positive, or an a/b that is not.

    Examples
    --------
    >>> round(float(bed(70, fractions=35, alpha_beta_gy=3)), 4)
    116.6667
    """
    n = np.asarray(fractions, dtype=np.float64)
    if not np.all(n > 0):
        raise QuantityError(f"fractions: expected positive numbers, found {fractions!r}")
    total = _dose("total_dose_gy", total_dose_gy)
    return n * session_bed(total / n, alpha_beta_gy=alpha_beta_gy, model=model)


def bed_to_eqd2(bed_gy: npt.ArrayLike, *, alpha_beta_gy: float) -> Floats:
    """``EQD2 = BED / (1 + 2/(a/b))``.

    >>> float(bed_to_eqd2(100, alpha_beta_gy=2))
    50.0
    """
    positive("alpha_beta_gy", alpha_beta_gy)
    return np.asarray(bed_gy, dtype=np.float64) / (1 + _REFERENCE_GY / alpha_beta_gy)


def eqd2(
    total_dose_gy: npt.ArrayLike,
    *,
    fractions: npt.ArrayLike,
    alpha_beta_gy: float,
    model: Model | None = None,
) -> Floats:
    """Dose in 2 Gy fractions with the same BED (Withers, Thames, Peters 1983).

    Examples
    --------
    >>> round(float(eqd2(15, fractions=3, alpha_beta_gy=3)), 6)
    24.0
    """
    effect = bed(total_dose_gy, fractions=fractions, alpha_beta_gy=alpha_beta_gy, model=model)
    return bed_to_eqd2(effect, alpha_beta_gy=alpha_beta_gy)


def unrepaired_share(hours: float, *, half_time_h: float) -> float:
    """``theta = 2^(-t/T)``: the share of sublethal damage not yet repaired after ``hours``.

    >>> unrepaired_share(0, half_time_h=1.5)
    1.0
    """
    positive("half_time_h", half_time_h)
    if not hours >= 0:
        raise QuantityError(f"hours: expected zero or more, found {hours}")
    return float(2.0 ** (-hours / half_time_h))


def pair_bed(
    first_gy: npt.ArrayLike,
    second_gy: npt.ArrayLike,
    *,
    hours: float,
    half_time_h: float,
    alpha_beta_gy: float,
) -> Floats:
    """BED of two doses ``hours`` apart with incomplete repair between them.

    ``BED = d1 + d2 + (d1^2 + d2^2 + 2 d1 d2 theta)/(a/b)``, Thames, Int J Radiat Biol 47:319 (1985).
    At 0 h it is one session, after many half-times it is two.

    Examples
    --------
    >>> b = 3 * pair_bed(1.5, 5, hours=6, half_time_h=4.4, alpha_beta_gy=3)
    >>> round(float(bed_to_eqd2(b, alpha_beta_gy=3)), 2)
    31.55
    """
    pair = first_gy, second_gy
    return day_bed(
        pair, hours=(0.0, hours), alpha_beta_gy=alpha_beta_gy, model=LqRepair(half_time_h=half_time_h)
    )


def day_bed(
    doses_gy: Sequence[npt.ArrayLike],
    *,
    hours: Sequence[float | None],
    alpha_beta_gy: float,
    model: Model | None = None,
) -> Floats:
    """BED of the sessions of one day: that of each by itself, and what incomplete repair adds between them.

    ``BED = sum_i BED(d_i) + sum_(i<j) 2 d_i d_j theta_ij/(a/b)``, ``theta_ij = 2^(-t_ij/T)``, for
    ``LqRepair``; without the second sum for other models. Thames, Int J Radiat Biol 47:319 (1985).

    Parameters
    ----------
    doses_gy : dose of each session, at each point
    hours : when each was given, in hours from any common start; None where that is not known, which counts
        as fully repaired

    Examples
    --------
    >>> float(day_bed((2, 2), hours=(0, 0), alpha_beta_gy=10, model=LqRepair(half_time_h=1.5)))
    5.6
    """
    doses = [_dose("doses_gy", d) for d in doses_gy]
    alone = [session_bed(d, alpha_beta_gy=alpha_beta_gy, model=model) for d in doses]
    between = (
        2 * doses[i] * doses[j] * theta / alpha_beta_gy for i, j, theta in _unrepaired(hours, model) if i < j
    )
    return np.asarray(sum((*alone, *between)))


def day_bed_slopes(
    doses_gy: Sequence[npt.ArrayLike],
    *,
    hours: Sequence[float | None],
    alpha_beta_gy: float,
    model: Model | None = None,
) -> tuple[Floats, ...]:
    """By how much :func:`day_bed` grows per Gy more of each session.

    At one time both are the slope of one session of 1.5 + 5 Gy, ``1 + 2 x 6.5/3``:

    >>> slopes = day_bed_slopes((1.5, 5), hours=(0, 0), alpha_beta_gy=3, model=LqRepair(half_time_h=1))
    >>> [round(float(slope), 6) for slope in slopes]
    [5.333333, 5.333333]
    """
    doses = [_dose("doses_gy", d) for d in doses_gy]
    slopes = [session_bed_slope(d, alpha_beta_gy=alpha_beta_gy, model=model) for d in doses]
    for i, j, theta in _unrepaired(hours, model):
        slopes[i] = slopes[i] + 2 * doses[j] * theta / alpha_beta_gy
    return tuple(slopes)


def _unrepaired(hours: Sequence[float | None], model: Model | None) -> Iterator[tuple[int, int, float]]:
    """Pairs of sessions of one day, each in both orders, with the share of damage not repaired between."""
    if not isinstance(model, LqRepair):
        return
    for i, first in enumerate(hours):
        for j, second in enumerate(hours):
            if i != j and first is not None and second is not None:
                yield i, j, unrepaired_share(abs(second - first), half_time_h=model.half_time_h)


def repopulated_bed(
    bed_gy: npt.ArrayLike, *, days: float, k_gy_per_day: float, kickoff_days: float
) -> Floats:
    """BED less what repopulation takes, ``BED - K max(0, T - Tk)``, never below zero.

    Raises
    ------
    QuantityError : for days, a rate or a kick-off time that is negative or not finite.

    Examples
    --------
    >>> round(float(repopulated_bed(84, days=46, k_gy_per_day=0.9, kickoff_days=28)), 1)
    67.8
    """
    for name, value in (("days", days), ("k_gy_per_day", k_gy_per_day), ("kickoff_days", kickoff_days)):
        if not (np.isfinite(value) and value >= 0):
            raise QuantityError(f"{name}: expected a finite number of 0 or more, found {value}")
    lost = k_gy_per_day * max(0.0, days - kickoff_days)
    return np.maximum(np.asarray(bed_gy, dtype=np.float64) - lost, 0.0)


def geud(dose_gy: npt.ArrayLike, volume_cm3: npt.ArrayLike, *, a: float) -> float:
    """Generalised equivalent uniform dose, ``(sum v_i d_i^a)^(1/a)`` (Niemierko 1999).

    Parameters
    ----------
    dose_gy, volume_cm3 : dose and volume of each cell, same shape; volumes need not be normalised
    a : the volume parameter, not zero; 1 gives the mean dose

    Notes
    -----
    With a negative ``a`` any cold cell pulls the result to zero: a cell of 0 Gy makes it 0.

    Examples
    --------
    >>> round(geud([10, 20, 30], [0.25, 0.25, 0.5], a=8), 4)
    27.5769
    """
    dose = _dose("dose_gy", dose_gy)
    volume = np.asarray(volume_cm3, dtype=np.float64)
    if a == 0 or not np.isfinite(a):
        raise QuantityError(f"a: expected a finite number other than 0, found {a}")
    if np.any(volume < 0) or not volume.sum() > 0:
        raise QuantityError("volume_cm3: expected volumes of 0 or more with a positive sum")
    dose, volume = dose[volume > 0], volume[volume > 0]
    top = float(dose.max()) if a > 0 else float(dose.min())
    if top == 0:
        return 0.0
    # Scaled by its largest term, so that 60^40 does not overflow.
    mean_power = np.average((dose / top) ** a, weights=volume)
    return float(top * mean_power ** (1 / a))
