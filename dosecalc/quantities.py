"""What a dose value means. Unlike quantities neither add nor compare, so each is a type of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dosecalc.errors import QuantityError


def positive(name: str, value: float) -> None:
    """Refuse a parameter that has no meaning at or below zero, or that is not a number."""
    if not (math.isfinite(value) and value > 0):
        raise QuantityError(f"{name}: expected a positive finite number, found {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lq:
    """The linear-quadratic model, ``BED = n d (1 + d/(a/b))``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LqL:
    """Linear-quadratic below a dose per fraction, linear above it (Astrahan 2008)."""

    threshold_gy: float
    gamma_over_alpha_gy: float

    def __post_init__(self) -> None:
        positive("threshold_gy", self.threshold_gy)
        positive("gamma_over_alpha_gy", self.gamma_over_alpha_gy)

    def is_convex(self, alpha_beta_gy: float) -> bool:
        """Whether the effect rises the faster the more dose: the line is no flatter than where it begins.

        >>> LqL(threshold_gy=6, gamma_over_alpha_gy=5).is_convex(3), LqL(
        ...     threshold_gy=6, gamma_over_alpha_gy=2).is_convex(3)
        (True, False)
        """
        tangent = 1 + 2 * self.threshold_gy / alpha_beta_gy
        return self.gamma_over_alpha_gy >= tangent or math.isclose(self.gamma_over_alpha_gy, tangent)


@dataclass(frozen=True, slots=True, kw_only=True)
class LqRepair:
    """Linear-quadratic with incomplete repair between sessions of one day (Thames 1985).

    ``half_time_h`` is the half-time of repair. Sessions of one day whose times are not known act as if fully
    repaired between: a lower bound.
    """

    half_time_h: float

    def __post_init__(self) -> None:
        positive("half_time_h", self.half_time_h)


Model = Lq | LqL | LqRepair


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFactor:
    """What repopulation takes off the BED of a course: ``K max(0, T - Tk)`` for its overall time ``T``."""

    k_gy_per_day: float
    kickoff_days: float

    def __post_init__(self) -> None:
        positive("k_gy_per_day", self.k_gy_per_day)
        if not (math.isfinite(self.kickoff_days) and self.kickoff_days >= 0):
            raise QuantityError(f"kickoff_days: expected 0 or more, found {self.kickoff_days}")

    def loss_gy(self, days: float) -> float:
        """What is taken off in so many days.

        >>> TimeFactor(k_gy_per_day=0.9, kickoff_days=28).loss_gy(46)
        16.2
        """
        return self.k_gy_per_day * max(0.0, days - self.kickoff_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Physical:
    """Absorbed dose, summed over sessions, in Gy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerFraction:
    """Absorbed dose of one session in Gy. It is no sum: ``session_curves`` gives one curve a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """Biologically effective dose in Gy at one a/b."""

    alpha_beta_gy: float
    model: Model = Lq()

    def __post_init__(self) -> None:
        positive("alpha_beta_gy", self.alpha_beta_gy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eqd2:
    """Equivalent dose in 2 Gy fractions, in Gy, at one a/b."""

    alpha_beta_gy: float
    model: Model = Lq()

    def __post_init__(self) -> None:
        positive("alpha_beta_gy", self.alpha_beta_gy)


Quantity = Physical | PerFraction | Bed | Eqd2


def describe(quantity: Quantity) -> str:
    """The quantity as a physicist writes it.

    >>> describe(Eqd2(alpha_beta_gy=3.0))
    'EQD2(3)'
    >>> describe(Bed(alpha_beta_gy=3.0, model=LqRepair(half_time_h=4.4)))
    'BED(3, repair 4.4 h)'
    """
    match quantity:
        case Physical():
            return "physical dose"
        case PerFraction():
            return "dose per session"
        case Bed(alpha_beta_gy=alpha_beta_gy, model=model):
            return f"BED({alpha_beta_gy:g}{_short(model)})"
        case Eqd2(alpha_beta_gy=alpha_beta_gy, model=model):
            return f"EQD2({alpha_beta_gy:g}{_short(model)})"


def _short(model: Model) -> str:
    match model:
        case Lq():
            return ""
        case LqL(threshold_gy=threshold_gy, gamma_over_alpha_gy=slope):
            return f", LQ-L {threshold_gy:g} Gy, {slope:g}"
        case LqRepair(half_time_h=half_time_h):
            return f", repair {half_time_h:g} h"


def model_text(model: Model) -> str:
    """A model in words; nothing for the linear-quadratic one.

    >>> model_text(LqL(threshold_gy=6.0, gamma_over_alpha_gy=5.0))
    'linear above 6 Gy a session, gamma/alpha 5'
    """
    match model:
        case Lq():
            return ""
        case LqL(threshold_gy=threshold_gy, gamma_over_alpha_gy=slope):
            return f"linear above {threshold_gy:g} Gy a session, gamma/alpha {slope:g}"
        case LqRepair(half_time_h=half_time_h):
            return f"incomplete repair between sessions of one day, half-time {half_time_h:g} h"
