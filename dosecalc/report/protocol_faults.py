"""Every fault of a protocol file with its place, and what its author would want to know."""

from __future__ import annotations

import codecs
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dosecalc.errors import InputError, TomlError
from dosecalc.protocol import Protocol, ProtocolTables, protocol_from, protocol_tables
from dosecalc.report.tables import clean, printable
from dosecalc.report.toml_places import Place, TomlPlaces, goal_caret

MOST_FAULTS = 20
"""More are not looked for: each search reads the file anew."""
_SHOWN = 100
"""Columns of a source line that are shown around a fault."""
_ITEM = re.compile(r"(?P<table>courses|roles|structures|rules|recovery)\[(?P<rest>.*)", re.DOTALL)
_STAND_IN = "stand-in"
_AT_TOP: Mapping[str, object] = {
    "name": _STAND_IN, "title": "", "source": "", "visit_hours": 0, "courses": [{"name": _STAND_IN}],
}  # fmt: skip
"""Keys that a protocol has, with values that are sound: nothing is ever judged with them."""
_SYNTAX_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong at a path inside a file, and its place in the text where that is known."""

    where: str
    problem: str
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A protocol file after reading: the protocol, or its faults; ``places`` where it is TOML at all.

    ``kinds`` are those of the rules of a valid one, by id, as the file has them.
    """

    protocol: Protocol | None
    kinds: Mapping[str, str]
    faults: tuple[Fault, ...]
    lines: tuple[str, ...]
    places: TomlPlaces | None


def examine(content: bytes, source: str) -> Examined:
    """Read a protocol file and gather all its faults, each with its place.

    Examples
    --------
    >>> found = examine(b'format_version = 1\\nname = 3\\n', "mine.toml")
    >>> found.protocol, found.faults[0].where, found.faults[0].place
    (None, 'name', Place(line=2, column=8))
    """
    raw = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        return _unreadable(_not_utf8(raw, error), raw.decode("utf-8", "replace"))
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return _unreadable(_syntax_fault(error, text), text)
    places = TomlPlaces(text)
    protocol, errors = _read(content, source)
    nameless = _nameless(content, source)
    faults = []
    for each in errors:
        where = places.own_path(each.where, nameless.get(each.where.partition("[")[0], ()))
        faults.append(Fault(where=where, problem=each.problem, place=places.find(where, each.problem)))
    faults.sort(key=_order)
    kinds = _kinds(protocol_tables(content, source)) if protocol is not None else {}
    lines = tuple(places.lines)
    return Examined(protocol=protocol, kinds=kinds, faults=tuple(faults), lines=lines, places=places)


def _nameless(content: bytes, source: str) -> dict[str, list[int]]:
    """By kind of table, the numbers of those without a name, those of a protocol that is extended counted."""
    try:
        data = protocol_tables(content, source).data
    except InputError:
        return {}
    return {
        table: [n for n, item in enumerate(items, 1) if isinstance(item, dict) and _label(table) not in item]
        for table, items in data.items()
        if isinstance(items, list)
    }


def _label(table: str) -> str:
    return "id" if table == "rules" else "name"


def _kinds(tables: ProtocolTables) -> dict[str, str]:
    rules = tables.data.get("rules", [])
    assert isinstance(rules, list)  # of a valid file
    return {rule["id"]: rule["kind"] for rule in rules}


def _order(fault: Fault) -> tuple[bool, int, int]:
    """From the top of the file down; last what has no place in it."""
    place = fault.place
    return (True, 0, 0) if place is None else (False, place.line, place.column)


def _unreadable(fault: Fault, text: str) -> Examined:
    lines = tuple(text.replace("\r\n", "\n").split("\n"))
    return Examined(protocol=None, kinds={}, faults=(fault,), lines=lines, places=None)


def _not_utf8(content: bytes, error: UnicodeDecodeError) -> Fault:
    # Columns are those of the text as it is shown, in which each faulty byte is one sign.
    before = content[: error.start].decode("utf-8", "replace").replace("\r\n", "\n")
    place = Place(line=before.count("\n") + 1, column=len(before) - (before.rfind("\n") + 1) + 1)
    return Fault(
        where="",
        problem=f"expected a TOML file, which is text in UTF-8, found the byte 0x{content[error.start]:02x}",
        place=place,
    )


def _syntax_fault(error: Exception, text: str) -> Fault:
    """What the reader of TOML says, with its place taken out of the words."""
    if isinstance(error, RecursionError):
        return Fault(where="", problem="expected a TOML file, found brackets nested too deep", place=None)
    if not isinstance(error, tomllib.TOMLDecodeError):
        return Fault(where="", problem="expected a TOML file, found a number of too many digits", place=None)
    message = str(error).replace("Illegal character '\\n'", "a string without a quote at its end")
    found = _SYNTAX_PLACE.search(message)
    if found is None:
        return Fault(where="", problem=f"expected a TOML file, found: {message}", place=None)
    problem = f"expected a TOML file, found: {message[: found.start()]}"
    if found["line"] is None:
        lines = text.rstrip("\n").split("\n")
        problem += ", at the end of the file"
        return Fault(where="", problem=problem, place=Place(line=len(lines), column=len(lines[-1]) + 1))
    place = Place(line=int(found["line"]), column=int(found["column"]))
    return Fault(where="", problem=problem, place=place)


def _read(content: bytes, source: str) -> tuple[Protocol | None, list[TomlError]]:
    """The protocol, or the faults of each of its tables: one of a rule hides none of another rule."""
    errors: list[TomlError] = []
    try:
        tables = protocol_tables(content, source)
    except TomlError as error:
        return None, [error]
    except InputError as error:  # nested so deeply that it was read once and not twice
        return None, [TomlError(source, "", str(error).removeprefix(f"{source}: "))]
    for _ in range(MOST_FAULTS):
        try:
            protocol = protocol_from(tables, content, source)
        except TomlError as error:
            where = error.where
            # Two rules of one name may have the same; what is about a stand-in is no fault of the file.
            if str(error) not in map(str, errors) and _STAND_IN not in str(error):
                errors.append(error)
        except RecursionError:
            return None, [TomlError(source, "", "expected a protocol, found tables nested too deep")]
        else:
            return (None if errors else protocol), errors
        rest = _without(tables, where)
        if rest is None:
            break
        tables = rest
    return None, errors


def _without(tables: ProtocolTables, where: str) -> ProtocolTables | None:
    """The tables with a sound one in place of that in which a fault was found; None where none was found.

    It keeps the name, so that what refers to it is no fault, and its place, so that numbers stay. Such
    tables only serve to find more faults.
    """
    if where in tables.data or where in _AT_TOP:
        data = {k: v for k, v in tables.data.items() if k != where}
        return replace(tables, data={**data, **{k: v for k, v in _AT_TOP.items() if k == where}})
    found = _ITEM.fullmatch(where)
    items = tables.data.get(found["table"]) if found else None
    if found is None or not isinstance(items, list):
        return None
    label = _label(found["table"])
    names = [item.get(label) if isinstance(item, dict) else None for item in items]
    for at in reversed(range(len(items))):  # of two with one name, the later one
        name = names[at]
        called = f"{name if isinstance(name, str) else at + 1}]"
        if found["rest"] == called or found["rest"].startswith(f"{called}."):
            own = isinstance(name, str) and names.count(name) == 1
            stand_in = _stand_in(found["table"], str(name) if own else f"{_STAND_IN} {at + 1}", tables.data)
            if stand_in == items[at]:
                return None
            data = {**tables.data, found["table"]: [*items[:at], stand_in, *items[at + 1 :]]}
            return replace(tables, data=data)
    return None


def _stand_in(table: str, name: str, data: Mapping[str, object]) -> Mapping[str, object]:
    """A sound table, which nothing is ever judged with."""
    courses = data.get("courses")
    first = courses[0] if isinstance(courses, list) and courses else None
    course = first.get("name") if isinstance(first, dict) else None
    source = "stands in for what has a fault"
    match table:
        case "courses":
            return {"name": name}
        case "roles":
            return {"name": name, "course": course}
        case "structures":
            return {"name": name, "alpha_beta_gy": 1.0, "source": source}
        case "recovery":
            return {"structures": [], "course": course, "months": [0], "percent": [0], "source": source}
        case _:
            return {"id": name, "title": name, "kind": "plan_status", "level": "advisory", "source": source}


def fault_lines(fault: Fault, lines: tuple[str, ...], file: str) -> Iterator[str]:
    """A fault as ``file:line:column``, the line that it is in, and a caret under it."""
    place, problem = fault.place, fault.problem
    in_goal = goal_caret(problem)
    if place is not None and in_goal is not None and in_goal[0] in lines[place.line - 1]:
        problem = problem.split("\n")[0]  # the caret stands in the line itself
    first, *more = problem.split("\n")
    at = f"{clean(file)}:{place.line}:{place.column}" if place is not None else clean(file)
    yield ": ".join(part for part in (at, clean(fault.where), clean(first)) if part)
    yield from more
    if place is not None:
        yield from _caret_lines(lines[place.line - 1], place.column - 1)


def _caret_lines(line: str, column: int) -> Iterator[str]:
    """A line, or the part of it around a column, with a caret below."""
    shown, start = printable(line), 0
    if len(shown) > _SHOWN:
        start = max(0, min(column - _SHOWN // 2, len(shown) - _SHOWN))
        shown = shown[start : start + _SHOWN]
    before = "..." if start else ""
    after = "..." if start + len(shown) < len(line) else ""
    under = sum(map(_columns, shown[: column - start])) + len(before)
    yield f"    {before}{shown}{after}".rstrip()
    yield f"    {' ' * under}^"


def _columns(character: str) -> int:
    """How many columns of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
