"""Strict reading of TOML: each error names its place in the file."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable
from decimal import Decimal

import pytest

from dosecalc.errors import InputError, TomlError
from dosecalc.tables import Table, parse_toml


class Level(enum.Enum):
    REQUIRED = "required"
    ADVISORY = "advisory"


def table(text: str, *, where: str = "") -> Table:
    return Table(parse_toml(text.encode(), "mine.toml"), source="mine.toml", where=where)


def test_every_kind_of_value() -> None:
    found = table(
        """
        name = "cord"
        on = true
        count = 3
        whole = 2
        half = 2.5
        exact = "69.96"
        round = 70
        day = 2026-03-02
        days = [2026-03-02, 2026-03-03]
        level = "advisory"
        aliases = ["Cord", "SpinalCord"]
        range = [2, 3.5]
        """
    )
    assert found.string("name") == "cord"
    assert found.boolean("on") is True
    assert found.integer("count") == 3
    assert (found.number("whole"), found.number("half")) == (2.0, 2.5)
    assert (found.decimal("exact"), found.decimal("round")) == (Decimal("69.96"), Decimal(70))
    assert found.date("day") == dt.date(2026, 3, 2)
    assert found.dates("days") == (dt.date(2026, 3, 2), dt.date(2026, 3, 3))
    assert found.choice("level", Level) is Level.ADVISORY
    assert found.strings("aliases") == ("Cord", "SpinalCord")
    assert found.range("range") == (2.0, 3.5)
    found.done()


def test_tables_in_tables_and_lists_of_them() -> None:
    found = table(
        """
        [course.prior]
        fractions = 35
        [course.definitive]
        fractions = 28
        [[rules]]
        id = "R15"
        [[rules]]
        goal = "Dmax < 3 Gy"
        """
    )
    courses = found.named_tables("course")
    assert {name: t.integer("fractions") for name, t in courses.items()} == {
        "prior": 35,
        "definitive": 28,
    }
    first, second = found.tables("rules", name="id")
    assert (first.where, second.where) == ("rules[R15]", "rules[2]")
    assert "anything" not in found.table("nowhere")
    found.table("nowhere").done()
    assert found.tables("nowhere") == ()
    assert courses["prior"].path("fractions") == "course.prior.fractions"


def test_defaults_stand_in_for_what_is_absent() -> None:
    empty = table("")
    assert empty.string("a", "b") == "b"
    assert empty.boolean("a", False) is False
    assert empty.integer("a", 4) == 4
    assert empty.number("a", 0.5) == 0.5
    assert empty.strings("a", ()) == ()
    assert empty.choice("a", Level, "required") is Level.REQUIRED


Read = Callable[[Table], object]


@pytest.mark.parametrize(
    ("text", "read", "message"),
    [
        ("", lambda t: t.string("a"), "a: expected a string, found nothing"),
        ("a = 3", lambda t: t.string("a"), "a: expected a string, found 3"),
        ("a = 1", lambda t: t.boolean("a"), "a: expected true or false, found 1"),
        ("a = true", lambda t: t.integer("a"), "a: expected a whole number, found True"),
        ("a = 3.0", lambda t: t.integer("a"), "a: expected a whole number, found 3.0"),
        ("a = true", lambda t: t.number("a"), "a: expected a number, found True"),
        ('a = "3"', lambda t: t.number("a"), "a: expected a number, found '3'"),
        ("a = nan", lambda t: t.number("a"), "a: expected a finite number, found nan"),
        ("a = -inf", lambda t: t.number("a"), "a: expected a finite number, found -inf"),
        (f"a = 1{'0' * 400}", lambda t: t.number("a"), "a: expected a finite number, found inf"),
        (
            f"a = -1{'0' * 400}",
            lambda t: t.integer("a", at_least=0),
            f"a: expected 0 or more, found -1{'0' * 55}...",
        ),
        ("a = 100001", lambda t: t.number("a"), "a: expected 100000 at most, found 100001"),
        ("a_days = 36526", lambda t: t.integer("a_days"), "a_days: expected 36525 at most, found 36526"),
        ("a_days = -36526", lambda t: t.integer("a_days"), "a_days: expected -36525 or more, found -36526"),
        ("days = [1, 1e300]", lambda t: t.numbers("days"), "days[2]: expected 36525 at most, found 1e+300"),
        ("years = 101", lambda t: t.integer("years", at_least=0), "years: expected 100 at most, found 101"),
        ("a_gy = 1e-300", lambda t: t.positive("a_gy"), "a_gy: expected 1e-09 or more, found 1e-300"),
        ('a_gy = "100000.5"', lambda t: t.decimal("a_gy"), "a_gy: expected 100000 at most, found 100000.5"),
        (
            'a_gy = "1e400"',
            lambda t: t.decimal("a_gy"),
            "a_gy: expected 12 decimal places at most, and no larger exponent, found '1e400'",
        ),
        (
            'a_gy = "1e-9999999"',
            lambda t: t.decimal("a_gy"),
            "a_gy: expected 12 decimal places at most, and no larger exponent, found '1e-9999999'",
        ),
        (
            f"a = [[1, 1{'0' * 400}]]",
            lambda t: t.pairs("a"),
            f"a[1]: expected two numbers, found [1, 1{'0' * 52}...",
        ),
        (
            f"a = 0x1{'0' * 5000}",
            lambda t: t.decimal("a"),
            "a: expected 100000 at most, found a number of too many digits",
        ),
        (
            "a = 69.96",
            lambda t: t.decimal("a"),
            'a: expected an exact decimal such as "69.96", found 69.96',
        ),
        (
            'a = "69_96"',
            lambda t: t.decimal("a"),
            "a: expected an exact decimal such as \"69.96\", found '69_96'",
        ),
        (
            'a = "seventy"',
            lambda t: t.decimal("a"),
            "a: expected an exact decimal such as \"69.96\", found 'seventy'",
        ),
        (
            'a = "NaN"',
            lambda t: t.decimal("a"),
            "a: expected an exact decimal such as \"69.96\", found 'NaN'",
        ),
        (
            "a = 2026-03-02T08:00:00",
            lambda t: t.date("a"),
            "a: expected a date such as 2026-03-02, found datetime.datetime(2026, 3, 2, 8, 0)",
        ),
        (
            'a = "2026-03-02"',
            lambda t: t.date("a"),
            "a: expected a date such as 2026-03-02, found '2026-03-02'",
        ),
        (
            'a = "must"',
            lambda t: t.choice("a", Level),
            "a: expected one of required, advisory, found 'must'",
        ),
        ('a = "x"', lambda t: t.strings("a"), "a: expected a list, found 'x'"),
        ('a = ["x", 3]', lambda t: t.strings("a"), "a[2]: expected a string, found 3"),
        ('a = [1, "x"]', lambda t: t.numbers("a"), "a[2]: expected a number, found 'x'"),
        (
            "a = [2026-03-02, 3]",
            lambda t: t.dates("a"),
            "a[2]: expected a date such as 2026-03-02, found 3",
        ),
        ("a = [3, 2]", lambda t: t.range("a"), "a: expected [low, high], found [3.0, 2.0]"),
        ("a = [1, 2, 3]", lambda t: t.range("a"), "a: expected [low, high], found [1.0, 2.0, 3.0]"),
        ("a = 3", lambda t: t.table("a"), "a: expected a table, found 3"),
        ("a = [{}, 3]", lambda t: t.tables("a"), "a[2]: expected a table, found 3"),
        ("[a]\nb = 3", lambda t: t.named_tables("a"), "a.b: expected a table, found 3"),
        (
            "a = 2.5",
            lambda t: t.string_or_integer("a"),
            "a: expected a name or a number, found 2.5",
        ),
        (
            '[[rules]]\nid = "R15"\nlimit = "x"',
            lambda t: t.tables("rules", name="id")[0].number("limit"),
            "rules[R15].limit: expected a number, found 'x'",
        ),
        (
            "[s.cord.ab]\nvalue = []",
            lambda t: t.table("s").table("cord").table("ab").number("value"),
            "s.cord.ab.value: expected a number, found []",
        ),
    ],
)
def test_errors_name_their_place(text: str, read: Read, message: str) -> None:
    with pytest.raises(TomlError) as caught:
        read(table(text))
    assert str(caught.value) == f"mine.toml: {message}"


def test_unknown_key_is_an_error_with_the_nearest_known_one() -> None:
    found = table("fractions = 3\nfracions = 4", where="courses[induction]")
    found.integer("fractions")
    with pytest.raises(TomlError) as caught:
        found.done()
    assert str(caught.value) == (
        "mine.toml: courses[induction].fracions: unknown key; did you mean 'fractions'? "
        "(known here: fractions)"
    )


def test_unknown_key_unlike_any_other_gets_no_hint() -> None:
    with pytest.raises(TomlError, match=r"^mine.toml: colour: unknown key \(known here: none\)$"):
        table("colour = 1").done()


@pytest.mark.parametrize(
    "content",
    [b"a = ", b"a = 1\na = 2", b'a = "\xff"', b"a = " + b"1" * 5000, b"a = " + b"[" * 100_000],
    ids=["syntax", "key twice", "encoding", "endless digits", "endless nesting"],
)
def test_what_is_no_toml_is_an_input_error(content: bytes) -> None:
    with pytest.raises(InputError, match=r"^mine\.toml: expected a TOML file, found "):
        parse_toml(content, "mine.toml")


def test_byte_order_mark_is_no_fault() -> None:
    assert parse_toml(b"\xef\xbb\xbfa = 1", "mine.toml") == {"a": 1}


def test_what_is_nested_without_end_is_named_in_short() -> None:
    found = Table(parse_toml(b"a = {b" + b".b" * 3000 + b" = 1}", "mine.toml"), source="mine.toml")
    with pytest.raises(TomlError, match=r"a: expected a string, found a dict nested too deep$"):
        found.string("a")
