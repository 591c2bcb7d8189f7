"""Prescribed doses, exact, and numbers as text without loss."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A prescribed dose, exact; ``at_least`` where not all that belongs to it is known.

    >>> Amount(gy=Fraction(3, 2)) + Amount(gy=Fraction(5), at_least=True)
    Amount(gy=Fraction(13, 2), at_least=True)
    """

    gy: Fraction = Fraction(0)
    at_least: bool = False

    def __add__(self, other: Amount) -> Amount:
        return Amount(gy=self.gy + other.gy, at_least=self.at_least or other.at_least)

    def to_dict(self) -> dict[str, object]:
        return {"gy": exact(self.gy), "at_least": self.at_least}


def exact(value: Fraction) -> str:
    """A number as text without loss: a decimal where it ends, else a ratio.

    >>> exact(Fraction(13, 2)), exact(Fraction(56)), exact(Fraction(2797, 1400))
    ('6.5', '56', '2797/1400')
    """
    rest, powers = value.denominator, {2: 0, 5: 0}
    for prime in powers:
        while rest % prime == 0:
            rest //= prime
            powers[prime] += 1
    return decimal(value, places=max(powers.values())) if rest == 1 else str(value)


def decimal(value: Fraction, *, places: int) -> str:
    """A number of 0 or more rounded to decimal places, half to even.

    >>> decimal(Fraction(2, 3), places=4), decimal(Fraction(50), places=2)
    ('0.6667', '50.00')
    """
    digits = f"{round(value * 10**places):0{places + 1}d}"
    return f"{digits[: len(digits) - places]}.{digits[len(digits) - places :]}" if places else digits


def exact_or_none(value: Fraction | None) -> str | None:
    """The same where there may be no number."""
    return None if value is None else exact(value)
