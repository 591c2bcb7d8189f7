"""Where in the text of a TOML file a table or key stands, so that an error can point at it.

The text is known to be valid TOML, so that a scan of headers, keys and the ends of values is enough. What
is written in another way than ``[[rules]]`` and ``key = value`` (an array of inline tables) is found as
the nearest key or header above it.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(?P<open>\[\[?)[ \t]*(?P<key>{_KEY})[ \t]*\]\]?[^\n]*")
_ASSIGNMENT = re.compile(rf"[ \t]*(?P<key>{_KEY})[ \t]*=[ \t]*")
_VALUE_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*|[^"'\#\[\]{},\s]+|[^\S\n]+|.''',
    re.DOTALL,
)
_DEPTH = {"[": 1, "{": 1, "]": -1, "}": -1}
_NUMBER = re.compile(r"\[(\d+)\]")
_FOUND = re.compile(r"""found ('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""")
_LABELS = {"courses": "name", "roles": "name", "structures": "name", "rules": "id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line and a column of a text, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Offsets at which a key begins, its value begins, and the value ends."""

    key: int
    value: int
    end: int


@dataclass(slots=True, kw_only=True)
class _Item:
    """One table of the file: the top, or an item of an array of tables."""

    table: str
    number: int
    header: int
    label: str | None = None
    keys: dict[str, _Span] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As an error calls it: ``rules[R15]``, or by its number."""
        return f"{self.table}[{self.number if self.label is None else self.label}]"

    def span(self, key: str) -> _Span | None:
        """Where a key stands, or of a table that is written in parts its first one."""
        parts = (s for name, s in self.keys.items() if name.startswith(f"{key}."))
        return self.keys.get(key) or next(parts, None)


class TomlPlaces:
    """The places of the tables and keys of a valid TOML text.

    Examples
    --------
    >>> places = TomlPlaces('name = "x"\\n[[rules]]\\nid = "R1"\\ngoal = "D0.03 < 3 Gy"\\n')
    >>> places.find("rules[R1].goal", "expected a goal")
    Place(line=4, column=8)
    >>> places.find("rules[R1].level", "expected a string, found nothing")
    Place(line=2, column=1)
    """

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.lines = self.text.split("\n")
        self._top = _Item(table="", number=0, header=0)
        self._items: list[_Item] = []
        self._last: dict[str, _Item] = {}
        self._scan()
        self._named: dict[str, list[_Item]] = {}
        for item in self._items:
            self._named.setdefault(item.name, []).append(item)

    def find(self, where: str, problem: str) -> Place | None:
        """The place of a fault at a path such as ``rules[R15].goal``; None where the file has no part of it.

        The caret of a goal that the problem ends with, and a value that it says was found, are pointed at.
        """
        found = self._item(where)
        if found is None:
            return None
        item, rest = found
        for key in _shortened(rest):
            span = item.span(key)
            if span is not None:
                return self.at(self._within(span, rest[len(key) :], problem))
        return self.at(item.header) if item is not self._top else None

    def at(self, offset: int) -> Place:
        """The line and column of an offset."""
        line = self.text.count("\n", 0, offset) + 1
        return Place(line=line, column=offset - (self.text.rfind("\n", 0, offset) + 1) + 1)

    def _item(self, where: str) -> tuple[_Item, str] | None:
        """The item that a path leads into, and the rest of the path. Of two with one name, the later one."""
        for end in reversed([found.end() for found in re.finditer(r"\](?=\.|\Z)", where)]):
            items, rest = self._named.get(where[:end], []), where[end + 1 :]
            if items:
                item = next((i for i in items if rest in i.keys), items[-1])
                return item, rest or _LABELS.get(item.table, "")
        return None if where.partition("[")[0] in self._last else (self._top, where)

    def _within(self, span: _Span, inner: str, problem: str) -> int:
        """The offset of a fault in a key with its value; ``inner`` leads further into it, such as ``[2]``."""
        if problem.startswith("unknown key"):
            return span.key
        value = self.text[span.value : span.end]
        number = _NUMBER.match(inner)
        start = _item_start(value, int(number[1])) if number else 0
        goal = goal_caret(problem)
        text = _found_string(problem) if goal is None else goal[0]
        at = None if text is None else _quoted(value, text, start)
        if at is None:
            return span.value + start
        quotes = 3 if value.startswith(('"""', "'''"), at) else 1
        return span.value + at + (0 if goal is None else quotes + goal[1])

    def _scan(self) -> None:
        at, item, prefix = 0, self._top, ""
        while at < len(self.text):
            if header := _HEADER.match(self.text, at):
                item, prefix = self._open(header)
                at = header.end()
            elif assignment := _ASSIGNMENT.match(self.text, at):
                end = self._end_of_value(assignment.end())
                key = ".".join(_parts(assignment["key"]))
                span = _Span(key=assignment.start("key"), value=assignment.end(), end=end)
                item.keys.setdefault(f"{prefix}{key}", span)
                if key == _LABELS.get(item.table) and not prefix:
                    item.label = _string(self.text[span.value : end])
                at = end
            at = self.text.find("\n", at) + 1 or len(self.text)

    def _open(self, header: re.Match[str]) -> tuple[_Item, str]:
        """The item that the keys below a header belong to, and what comes before them in its paths."""
        table, *inner = _parts(header["key"])
        at = header.start("open")
        if header["open"] == "[[" and not inner:
            number = self._last[table].number + 1 if table in self._last else 1
            self._last[table] = _Item(table=table, number=number, header=at)
            self._items.append(self._last[table])
            return self._items[-1], ""
        owner = self._last.get(table, self._top)
        path = ".".join([table, *inner] if owner is self._top else inner)
        owner.keys.setdefault(path, _Span(key=at, value=at, end=header.end()))
        return owner, f"{path}."

    def _end_of_value(self, at: int) -> int:
        """Where a value ends: at the end of the line on which all its brackets are closed."""
        depth = 0
        while at < len(self.text):
            token = _VALUE_TOKEN.match(self.text, at)
            assert token is not None  # the last alternative takes any character
            if token[0] == "\n" and depth <= 0:
                return at
            depth += _DEPTH.get(token[0], 0)
            at = token.end()
        return at


def goal_caret(problem: str) -> tuple[str, int] | None:
    """The goal and the position in it that a problem shows with a caret.

    >>> goal_caret("expected cc or %\\n    D0.03 < 3 Gy\\n         ^")
    ('D0.03 < 3 Gy', 5)
    """
    lines = problem.split("\n")
    if len(lines) != 3 or lines[2].strip() != "^":
        return None
    return lines[1][4:], len(lines[2]) - 5


def _quoted(value: str, text: str, start: int) -> int | None:
    """Where a string stands in the text of a value from ``start`` on, at its quote."""
    tokens = _VALUE_TOKEN.finditer(value, start)
    return next((t.start() for t in tokens if t[0][0] in "\"'" and _string(t[0]) == text), None)


def _item_start(value: str, number: int) -> int:
    """Where an item of a list begins in the text of the list; 0 where there is none of that number."""
    depth, commas = 0, 0
    for token in _VALUE_TOKEN.finditer(value):
        if token[0].isspace() or token[0].startswith("#"):
            continue
        if depth == 1 and commas == number - 1 and token[0] != "]":
            return token.start()
        depth += _DEPTH.get(token[0], 0)
        commas += depth == 1 and token[0] == ","
    return 0


def _found_string(problem: str) -> str | None:
    """The string that a problem says was found."""
    found = _FOUND.search(problem)
    if found is None:
        return None
    try:
        return str(ast.literal_eval(found[1]))
    except (ValueError, SyntaxError):  # one that was cut off within an escape
        return None


def _shortened(path: str) -> Iterator[str]:
    """A path, and what is left of it without its last parts: ``a[2].b``, ``a[2]``, ``a``."""
    while path:
        yield path
        path = path[: max(path.rfind("."), path.rfind("["), 0)]


def _parts(key: str) -> list[str]:
    return [p if p[0] not in "\"'" else _string(p) or "" for p in re.findall(_PART, key)]


def _string(value: str) -> str | None:
    """A TOML value that is a string."""
    found = tomllib.loads(f"value = {value}\n")["value"]
    return found if isinstance(found, str) else None
