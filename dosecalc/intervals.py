"""A value with the range in which the truth may lie, by source of doubt."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value and the ends between which the truth lies; an end that is not known is infinite.

    Raises
    ------
    ValueError : if ``low <= value <= high`` does not hold, NaN included.

    Examples
    --------
    >>> Interval(value=2.9, low=2.8, high=3.1).low
    2.8
    >>> Interval.exactly(2.9).is_exact
    True
    """

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(
                f"Interval: expected low <= value <= high, found {self.low}, {self.value}, {self.high}"
            )

    @classmethod
    def exactly(cls, value: float) -> Interval:
        """An interval of zero width."""
        return cls(value=value, low=value, high=value)

    def scaled(self, factor: float) -> Interval:
        """The interval times a positive factor: a change of unit."""
        return Interval(value=self.value * factor, low=self.low * factor, high=self.high * factor)

    def or_up_to(self, other: Interval) -> Interval:
        """The same value, with the ends of both: the truth may be what either says."""
        return Interval(value=self.value, low=min(self.low, other.low), high=max(self.high, other.high))

    def open_above(self) -> Interval:
        """The same lower end, and nothing known above it."""
        return Interval(value=self.value, low=self.low, high=math.inf)

    @property
    def certain(self) -> float:
        """The value, or where it has no upper end the lower one, which is all that is known.

        >>> [Interval(value=2.9, low=2.8, high=high).certain for high in (3.1, math.inf)]
        [2.9, 2.8]
        """
        return self.value if self.is_bounded else self.low

    @property
    def is_exact(self) -> bool:
        return self.low == self.high

    @property
    def is_bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)


class Source(enum.Enum):
    """Where a doubt about a value comes from."""

    NUMERICAL = "numerical"
    ALPHA_BETA = "alpha_beta"
    REGISTRATION = "registration"
    STATED_BOUND = "stated_bound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A value and, for each source of doubt, the interval in which that source alone may move it.

    Examples
    --------
    >>> band = Band(value=2.9, by_source={
    ...     Source.NUMERICAL: Interval(value=2.9, low=2.85, high=2.95),
    ...     Source.ALPHA_BETA: Interval(value=2.9, low=2.0, high=4.0)})
    >>> deciding = band.interval([Source.NUMERICAL, Source.STATED_BOUND])
    >>> deciding.low, deciding.high
    (2.85, 2.95)
    """

    value: float
    by_source: Mapping[Source, Interval] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_source", MappingProxyType(dict(self.by_source)))
        for source, interval in self.by_source.items():
            if interval.value != self.value:
                raise ValueError(f"Band: {source.value} is about {interval.value}, expected {self.value}")

    @property
    def certain(self) -> float:
        """The value, or where what was given has no upper end the least of it, whatever else is in doubt.

        >>> given = Interval(value=2.9, low=2.5, high=math.inf)
        >>> Band(value=2.9, by_source={Source.STATED_BOUND: given}).certain
        2.5
        """
        return self.interval([Source.STATED_BOUND]).certain

    def interval(self, sources: Collection[Source]) -> Interval:
        """What the named sources can do to the value together: their deviations add, which is cautious.

        Where none of them reaches below 0, as no dose or volume does, they do not together.
        """
        low = high = self.value
        named = [interval for source, interval in self.by_source.items() if source in sources]
        for interval in named:
            # Never inside the source's own ends, which rounding could do.
            low = min(low - (self.value - interval.low), interval.low)
            high = max(high + (interval.high - self.value), interval.high)
        if all(interval.low >= 0 for interval in named):
            low = max(low, min(self.value, 0.0))
        return Interval(value=self.value, low=low, high=high)
