"""Strict reading of TOML: every key has a type, and a key that nobody asked for is an error."""

from __future__ import annotations

import datetime as dt
import difflib
import enum
import math
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from dosecalc.errors import InputError, TomlError
from dosecalc.plausible import EXPONENTS, LEAST_ABOVE_0, exact, most_of

E = TypeVar("E", bound=enum.Enum)
_REQUIRED = object()
_YEARS = range(1900, 2201)
"""Years that a date of a treatment can have; calendars end at 9999, and adding to that fails."""


def parse_toml(content: bytes, source: Path | str) -> dict[str, object]:
    """The top-level table of a TOML file.

    Raises
    ------
    InputError : if the bytes are no valid TOML in UTF-8.
    """
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # bad syntax, bad UTF-8, endless digits or nesting
        raise InputError(f"{source}: expected a TOML file, found {error}") from None


def _short(value: object) -> str:
    """A value for a message: what it is, where it is long."""
    try:
        text = repr(value)
    except RecursionError:  # tables in tables without end
        return f"a {type(value).__name__} nested too deep"
    except ValueError:  # hexadecimal numbers may have more digits than Python writes out
        return "a number of too many digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _float(value: float) -> float:
    """A number as a float, infinite where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


class Table:
    """A TOML table that is read key by key; ``done`` refuses the keys that were not read.

    Examples
    --------
    >>> table = Table({"fractions": 3, "dose": "1.5"}, source="mine.toml", where="plans[1]")
    >>> table.integer("fractions"), table.decimal("dose")
    (3, Decimal('1.5'))
    >>> Table({"fraction": 3}, source="mine.toml").integer("fractions")
    Traceback (most recent call last):
    dosecalc.errors.TomlError: mine.toml: fractions: expected a whole number, found nothing
    """

    def __init__(self, data: Mapping[str, object], *, source: Path | str, where: str = "") -> None:
        self.source = source
        self.where = where
        self.data = data
        self._read: set[str] = set()

    def __contains__(self, key: str) -> bool:
        self._read.add(key)  # whoever asks knows the key, whether it is there or not
        return key in self.data

    def path(self, key: str) -> str:
        """The place of a key in the file, for messages."""
        return f"{self.where}.{key}" if self.where else key

    def error(self, key: str, problem: str) -> TomlError:
        """An error at a key of this table."""
        return TomlError(self.source, self.path(key), problem)

    def _take(self, key: str, kinds: type | tuple[type, ...], wanted: str, default: object) -> object:
        self._read.add(key)
        if key not in self.data:
            if default is _REQUIRED:
                raise self.error(key, f"expected {wanted}, found nothing")
            return default
        value = self.data[key]
        # TOML's true is an int in Python, and a datetime is a date; neither is meant by these kinds.
        odd = (isinstance(value, bool) and kinds is not bool) or isinstance(value, dt.datetime)
        if odd or not isinstance(value, kinds):
            raise self.error(key, f"expected {wanted}, found {_short(value)}")
        return value

    def string(self, key: str, default: object = _REQUIRED) -> str:
        return str(self._take(key, str, "a string", default))

    def words(self, key: str) -> str:
        """A string that says something."""
        text = self.string(key)
        if not text.strip():
            raise self.error(key, "expected words, found a blank string")
        return text

    def boolean(self, key: str, default: object = _REQUIRED) -> bool:
        return bool(self._take(key, bool, "true or false", default))

    def integer(self, key: str, default: object = _REQUIRED, *, at_least: int | None = None) -> int:
        value = self._take(key, int, "a whole number", default)
        assert isinstance(value, int)
        self._bounded(key, value, at_least)
        return value

    def number(self, key: str, default: object = _REQUIRED, *, at_least: float | None = None) -> float:
        value = self._take(key, (int, float), "a number", default)
        assert isinstance(value, int | float)
        number = _float(value)
        if not math.isfinite(number):
            raise self.error(key, f"expected a finite number, found {number}")
        self._bounded(key, number, at_least)
        return number

    def positive(self, key: str) -> float:
        """A number above 0."""
        value = self.number(key)
        if value <= 0:
            raise self.error(key, f"expected a number above 0, found {value:g}")
        if value < LEAST_ABOVE_0:
            raise self.error(key, f"expected {LEAST_ABOVE_0:g} or more, found {value:g}")
        return value

    def _bounded(self, key: str, value: float | Decimal, at_least: float | None = None) -> None:
        most = most_of(key)
        least = -most if at_least is None else at_least
        found = _short(value) if isinstance(value, int) else f"{value:g}"
        if value < least:
            raise self.error(key, f"expected {least:g} or more, found {found}")
        if value > most:
            raise self.error(key, f"expected {most} at most, found {found}")

    def decimal(self, key: str) -> Decimal:
        """An exact decimal, written as a string (``"69.96"``) or as a whole number."""
        value = self._take(key, (str, int), 'an exact decimal such as "69.96"', _REQUIRED)
        if isinstance(value, int):
            self._bounded(key, value)
        number = exact(str(value))
        if number is None:
            raise self.error(key, f'expected an exact decimal such as "69.96", found {_short(value)}')
        if number.as_tuple().exponent not in EXPONENTS:
            most = f"{EXPONENTS[-1]} decimal places at most, and no larger exponent"
            raise self.error(key, f"expected {most}, found {_short(value)}")
        self._bounded(key, number)
        return number

    def date(self, key: str) -> dt.date:
        value = self._take(key, dt.date, "a date such as 2026-03-02", _REQUIRED)
        assert isinstance(value, dt.date)
        if value.year not in _YEARS:
            raise self.error(key, f"expected a year from {_YEARS[0]} to {_YEARS[-1]}, found {value}")
        return value

    def choice(self, key: str, kind: type[E], default: object = _REQUIRED) -> E:
        """A member of an enum by its value; ``default`` is such a value."""
        names = [str(member.value) for member in kind]
        value = self.string(key, default)
        if value not in names:
            raise self.error(key, f"expected one of {', '.join(names)}, found {value!r}")
        return kind(value)

    def _list(self, key: str, default: object) -> list[object]:
        value = self._take(key, list, "a list", default)
        assert isinstance(value, list | tuple)
        return list(value)

    def _items(self, key: str, default: object) -> Table:
        """A list as a table whose keys are ``key[1]``, ``key[2]`` ..., so that its items are typed too."""
        items = {f"{key}[{n}]": v for n, v in enumerate(self._list(key, default), start=1)}
        return Table(items, source=self.source, where=self.where)

    def strings(self, key: str, default: object = _REQUIRED) -> tuple[str, ...]:
        items = self._items(key, default)
        return tuple(items.string(k) for k in items.data)

    def many_words(self, key: str, default: object = _REQUIRED) -> tuple[str, ...]:
        """Strings that each say something."""
        items = self._items(key, default)
        return tuple(items.words(k) for k in items.data)

    def numbers(self, key: str, default: object = _REQUIRED) -> tuple[float, ...]:
        items = self._items(key, default)
        return tuple(items.number(k) for k in items.data)

    def pairs(self, key: str, default: object = _REQUIRED) -> tuple[tuple[float, float], ...]:
        """A list of lists of two numbers."""
        found = []
        for place, item in enumerate(self._list(key, default), 1):
            numbers = item if isinstance(item, list) else []
            if len(numbers) != 2 or not all(
                isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(_float(n))
                for n in numbers
            ):
                raise self.error(f"{key}[{place}]", f"expected two numbers, found {_short(item)}")
            found.append((float(numbers[0]), float(numbers[1])))
        return tuple(found)

    def dates(self, key: str, default: object = _REQUIRED) -> tuple[dt.date, ...]:
        items = self._items(key, default)
        return tuple(items.date(k) for k in items.data)

    def range(self, key: str, *, at_least: float = -math.inf) -> tuple[float, float]:
        """Two numbers, the smaller first."""
        ends = self.numbers(key)
        if len(ends) != 2 or ends[0] > ends[1]:
            raise self.error(key, f"expected [low, high], found {list(ends)}")
        if ends[0] < at_least:
            raise self.error(key, f"expected numbers of {at_least:g} or more, found {list(ends)}")
        return ends[0], ends[1]

    def table(self, key: str) -> Table:
        """A table in this one; empty where there is none."""
        value = self._take(key, dict, "a table", {})
        assert isinstance(value, dict)
        return Table(value, source=self.source, where=self.path(key))

    def named_tables(self, key: str) -> dict[str, Table]:
        """A table of tables, by name."""
        outer = self.table(key)
        return {name: outer.table(name) for name in outer.data}

    def tables(self, key: str, *, name: str = "", numbers: Sequence[int] = ()) -> tuple[Table, ...]:
        """A list of tables; in messages an item is called by its key ``name``, else by its number.

        It is its place in the list, unless ``numbers`` has another one for each item.
        """
        found = []
        for place, value in enumerate(self._list(key, ())):
            n = numbers[place] if numbers else place + 1
            if not isinstance(value, dict):
                raise self.error(f"{key}[{n}]", f"expected a table, found {_short(value)}")
            label = value.get(name)
            where = f"{key}[{label if isinstance(label, str) else n}]"
            found.append(Table(value, source=self.source, where=self.path(where)))
        return tuple(found)

    @property
    def names(self) -> tuple[str, ...]:
        """All keys of the table, for tables whose keys are data."""
        return tuple(self.data)

    def string_or_integer(self, key: str) -> str | int:
        value = self._take(key, (str, int), "a name or a number", _REQUIRED)
        assert isinstance(value, str | int)
        return value

    def done(self) -> None:
        """Refuse the keys that were not read.

        Raises
        ------
        TomlError : naming the first unknown key and the nearest known one.
        """
        for key in self.data:
            if key not in self._read:
                near = difflib.get_close_matches(key, sorted(self._read), n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                known = ", ".join(sorted(self._read)) or "none"
                raise self.error(key, f"unknown key{hint} (known here: {known})")
