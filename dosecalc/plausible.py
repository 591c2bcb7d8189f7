"""How large a number of a file may be: more is a slip, and breaks calendars and exact sums further on."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

MOST = 100_000
"""No number without a unit below is larger; more Gy than any limit of a BED has."""
MOST_CM3 = 500_000
"""More than any body has."""
LEAST_ABOVE_0 = 1e-9
"""What has to be above 0 is divided by; nothing that is measured is smaller."""
_MOST_OF = {
    "years": 100,
    "months": 1_200,
    "days": 36_525,
    "h": 10_000,
    "hours": 10_000,
    "day": 1_000,
    "week": 1_000,
    "fractions": 1_000,
    "mm": 10_000,
    "cm3": MOST_CM3,
}
EXPONENTS = range(-12, 13)
"""Exponents of exact decimals; exact sums over others have as many digits as lie between."""


def most_of(key: str) -> int:
    """The largest plausible number of a key, by the unit that ends its name.

    >>> most_of("low_days"), most_of("days[2]"), most_of("dose_gy")
    (36525, 36525, 100000)
    """
    return _MOST_OF.get(key.partition("[")[0].rpartition("_")[2], MOST)


def exact(text: str) -> Decimal | None:
    """A decimal as written; None for what is none.

    >>> exact("69.96"), exact("seventy"), exact("69_96")
    (Decimal('69.96'), None, None)
    """
    if "_" in text:
        return None  # Decimal reads 69_96 as 6996, which nobody means
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
