"""Places in the text of a TOML file, held against where a person put the mark ``@``."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable

import pytest

from dosecalc.report.toml_places import Place, TomlPlaces

UNKNOWN, WRONG, MISSING = "unknown key", "expected a number, found 3", "expected a string, found nothing"
GOAL = "expected cc or % after the number\n    D0.03 < 3 Gy\n         ^"
TEXT = '''
format_version = 1
name = 'a"b' # a comment with [[rules]] in it
note = """
[[rules]]
id = "in a string"
"""

[[structures]]
aliases = [ # ] "
  "Cord",   # a comma, a ] and a "quote"
  'Myelon',
]
name = "Spinal ] Cord"
lq_l = { threshold_gy = 1.0 }

[structures.repopulation]
k_gy_per_day = 1.0

[[ rules ]]
"id" = "R1"
  goal = "D0.03 < 3 Gy"

[[rules]]
id = "R1.inside"
stricter = ["Dmax < 3 Gy", "D0.03 < 3 Gy"]
level = "maybe"

[[rules]]
level = 'required'

[[rules]]
id = "R1"
title = ""

[more]
x = 1
'''


@pytest.mark.parametrize(
    ("where", "problem", "line", "before"),
    [
        ("name", WRONG, "name = ", 7),
        ("name", UNKNOWN, "name = ", 0),
        ("note", WRONG, "note = ", 7),
        ("structures[Spinal ] Cord].name", WRONG, 'name = "Spinal', 7),
        ("structures[Spinal ] Cord].aliases", WRONG, "aliases", 10),
        ("structures[Spinal ] Cord].aliases[2]", WRONG, "  'Myelon", 2),
        ("structures[Spinal ] Cord].aliases[3]", WRONG, "aliases", 10),
        (
            "structures[Spinal ] Cord].aliases",
            "expected a name of its own, found 'Myelon', x",
            "  'Myelon",
            2,
        ),
        ("structures[Spinal ] Cord].lq_l.threshold_gy", WRONG, "lq_l", 7),
        ("structures[Spinal ] Cord].repopulation.k_gy_per_day", WRONG, "k_gy", 15),
        ("structures[Spinal ] Cord].repopulation.kickoff_days", MISSING, "[structures.rep", 0),
        ("structures[Spinal ] Cord].source", MISSING, "[[structures]]", 0),
        ("rules[R1].goal", GOAL, "  goal", 2 + len('goal = "') + 5),
        ("rules[R1].goal", WRONG, "  goal", 2 + len("goal = ")),
        ("rules[R1].title", WRONG, "title", 8),
        ("rules[R1.inside].stricter", GOAL, "stricter", len('stricter = ["Dmax < 3 Gy", "') + 5),
        ("rules[R1.inside].level", "expected one of a, b, found 'maybe'", 'level = "maybe', 8),
        ("rules[R1.inside].goal", MISSING, "[[rules]]", 0),
        ("rules[3].level", WRONG, "level = 'required", 8),
        ("rules[3].id", MISSING, "[[rules]]", 0),
        ("rules[R1]", "expected each name once, found 'R1' twice", 'id = "R1"', 5),
        ("more", UNKNOWN, "[more]", 0),
    ],
)
def test_finds(where: str, problem: str, line: str, before: int) -> None:
    tomllib.loads(TEXT)
    places = TomlPlaces(TEXT)
    found = places.find(where, problem)
    assert found is not None
    assert places.lines[found.line - 1].startswith(line)
    assert found.column == before + 1


@pytest.mark.parametrize(
    ("where", "number"), [("rules[R1.inside].goal", 24), ("rules[3].id", 29), ("rules[R1]", 33)]
)
def test_of_several_headers_the_one_of_the_item(where: str, number: int) -> None:
    found = TomlPlaces(TEXT).find(where, MISSING)
    assert found is not None
    assert found.line == number


@pytest.mark.parametrize(
    "where", ["title", "rules[R7].goal", "rules[1].goal", "rules[31].id", "roles[x].course", ""]
)
def test_what_the_file_does_not_have(where: str) -> None:
    assert TomlPlaces(TEXT).find(where, MISSING) is None


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ('a = ["A", @3]', "a[2]", WRONG),
        ('a = ["A", [1, 2], @[3], 4]', "a[3]", WRONG),
        ("a = [{ x = 1, y = [2] }, @true]", "a[2]", WRONG),
        ("a = [@1]", "a[1]", WRONG),
        ('a = [ # 1, 2,\n  "x, y", # 3\n\n  @4,\n]', "a[2]", WRONG),
        ('a = ["A", # "Nope"\n  @"Nope"]', "a", "expected one of A, found 'Nope'"),
        ('a = ["x \'Nope\' x", @"Nope"]', "a", "expected one of A, found 'Nope'"),
        ('a = ["A", @"\\u004eope"]', "a", "expected one of A, found 'Nope'"),
        ('a = ["D0.03 < 3 Gy", "D0.03@ < 3 Gy"]', "a[2]", GOAL),
        ('a = ["A", # "D0.03 < 3 Gy"\n  """D0.03@ < 3 Gy"""]', "a", GOAL),
        ("a = [{ x = 1 }, @{ y = 1 }]", "a[2].y", WRONG),
    ],
)
def test_an_item_of_a_list(text: str, where: str, problem: str) -> None:
    ahead, _, behind = text.partition("@")
    tomllib.loads(ahead + behind)
    line, column = ahead.count("\n") + 1, len(ahead) - ahead.rfind("\n")
    assert TomlPlaces(ahead + behind).find(where, problem) == Place(line=line, column=column)


def calls(function: Callable[[], object]) -> int:
    """How many functions are called within: the same on every machine, unlike the time."""
    count = 0

    def one_more(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(one_more)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def test_a_place_in_a_long_file_takes_no_longer() -> None:
    few, many = (
        TomlPlaces("".join(f'[[rules]]\nid = "R{n}"\nlevel = 3\n' for n in range(size))) for size in (50, 500)
    )
    for places in (few, many):
        places.find("rules[R40].level", WRONG)  # what is only made once is made
    found = [calls(lambda p=places: p.find("rules[R40].level", WRONG)) for places in (few, many)]
    assert found[1] < found[0] + 50, "of 500 rules as of 50, but for what runs beside it"


def test_inline_tables_are_found_by_their_key() -> None:
    text = 'a = 1\nrules = [{ id = "R1", level = "maybe" }]\n'
    assert TomlPlaces(text).find("rules[R1].kind", MISSING) == Place(line=2, column=9)


def test_lines_of_other_systems() -> None:
    text = 'a = 1\r\n[[rules]]\r\nid = "R1"\r\nb = 3\r\n'
    assert TomlPlaces(text).find("rules[R1].b", WRONG) == Place(line=4, column=5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "# only\n",
        'a = """x"""',
        "a = '''\n''\n'''\nb = 1",
        'a = "\\\\"\nb = 1',
        'a = "\\""\nb = [[1, [2]], ["]"]]',
        "a = 1979-05-27T07:32:00Z # [\n'q.r' = 1\n[x.'y z'.\"w\"]\nk=1",
        'a = """\n\\"""\n"""\nb = 1',
    ],
)
def test_valid_texts_are_walked_to_their_end(text: str) -> None:
    """Every key that the reader of TOML knows at the top is found, on a line that has it."""
    data = tomllib.loads(text)
    places = TomlPlaces(text)
    for key in data:
        found = places.find(key, UNKNOWN)
        assert found is not None, key
        assert key in places.lines[found.line - 1]
