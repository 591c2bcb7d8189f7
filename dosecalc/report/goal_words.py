"""Goals, numbers and names in the words of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from dosecalc.goals import Comparison, DoseAtPercent, DoseAtVolume, Extreme, Goal, Unit, VolumeAtDose
from dosecalc.quantities import Bed, Eqd2, PerFraction, Physical, Quantity

_HELD = {
    Comparison.BELOW: "below",
    Comparison.AT_MOST: "at most",
    Comparison.ABOVE: "above",
    Comparison.AT_LEAST: "at least",
}
_BREACHED = {
    Comparison.BELOW: "at or above",
    Comparison.AT_MOST: "above",
    Comparison.ABOVE: "at or below",
    Comparison.AT_LEAST: "below",
}


def condition(goal: Goal) -> str:
    """What a value has to be to meet a goal.

    >>> from dosecalc.goals import parse_goal
    >>> condition(parse_goal("D0.03cc < 3 Gy/fx")), condition(parse_goal("D95% >= 95 %"))
    ('below 3 Gy', 'at least 95 % of the prescription')
    """
    return f"{_HELD[goal.comparison]} {_limit(goal)}"


def breach(goal: Goal) -> str:
    """What a value is that does not meet a goal.

    >>> from dosecalc.goals import parse_goal
    >>> breach(parse_goal("D0.03cc < 3 Gy/fx"))
    'at or above 3 Gy'
    """
    return f"{_BREACHED[goal.comparison]} {_limit(goal)}"


def _limit(goal: Goal) -> str:
    """The limit with its unit, and what a percentage is one of."""
    value = number(goal.limit)
    match goal.unit:
        case Unit.GY:
            return f"{value} Gy{_quantity(goal.quantity)}"
        case Unit.CM3:
            return f"{value} cm3"
        case Unit.PERCENT:
            of = "its volume" if isinstance(goal.metric, VolumeAtDose) else "the prescription"
            return f"{value} % of {of}"
        case _:
            assert_never(goal.unit)


def metric_of(goal: Goal) -> str:
    """The metric of a goal; that of a volume with the quantity of its dose.

    >>> from dosecalc.goals import parse_goal
    >>> metric_of(parse_goal("V20Gy EQD2(3) < 30 %"))
    'V20Gy EQD2(3)'
    """
    match goal.metric:
        case DoseAtVolume(cm3=cm3):
            return f"D{number(cm3)}cc"
        case DoseAtPercent(percent=percent):
            return f"D{number(percent)}%"
        case VolumeAtDose(gy=gy):
            return f"V{number(gy)}Gy{_quantity(goal.quantity)}"
        case Extreme():
            return goal.metric.value
        case _:
            assert_never(goal.metric)


def _quantity(quantity: Quantity) -> str:
    match quantity:
        case Physical() | PerFraction():  # a rule per session says so itself
            return ""
        case Bed(alpha_beta_gy=alpha_beta):
            return f" BED({number(alpha_beta)})"
        case Eqd2(alpha_beta_gy=alpha_beta):
            return f" EQD2({number(alpha_beta)})"
        case _:
            assert_never(quantity)


def number(value: float) -> str:
    """A number in its shortest form that is still the number.

    >>> number(3.0), number(0.1), number(1234567.25)
    ('3', '0.1', '1234567.25')
    """
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def count(of: int, word: str) -> str:
    """A number of things.

    >>> count(1, "day"), count(3, "day")
    ('1 day', '3 days')
    """
    return f"{of} {word}" if of == 1 else f"{of} {word}s"


def listed(names: Sequence[str]) -> str:
    """Names as a reader lists them.

    >>> listed(["cord"]), listed(["cord", "stem"]), listed(["cord", "stem", "nerve"])
    ('cord', 'cord and stem', 'cord, stem and nerve')
    """
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def of_each(names: Sequence[str]) -> str:
    """Of each structure by itself: no sum over them is meant.

    >>> of_each(["cord", "stem"]), of_each(["cord", "stem", "nerve"])
    ('of cord and of stem', 'of each of cord, stem and nerve')
    """
    if len(names) <= 2:
        return " and ".join(f"of {name}" for name in names)
    return f"of each of {listed(names)}"
