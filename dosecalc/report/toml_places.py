"""Where in the text of a TOML file a table or key stands, so that an error can point at it.

The text is known to be valid TOML, so that a scan of headers, keys and the ends of values is enough. What
is written in another way than ``[[rules]]`` and ``key = value`` (an array of inline tables) is found as
the nearest key or header above it.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(?P<open>\[\[?)[ \t]*(?P<key>{_KEY})[ \t]*\]\]?[^\n]*")
_ASSIGNMENT = re.compile(rf"[ \t]*(?P<key>{_KEY})[ \t]*=[ \t]*")
_VALUE_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*|[^"'\#\[\]{}\n]+|.''',
    re.DOTALL,
)
_FOUND = re.compile(r"""found ('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""")
_NUMBERED = re.compile(r"(?P<table>\w+)\[(?P<number>\d{1,9})\](?P<rest>.*)", re.DOTALL)
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

    def find(self, where: str, problem: str) -> Place | None:
        """The place of a fault at a path such as ``rules[R15].goal``; None where the file has no part of it.

        The caret of a goal that the problem ends with, and a value that it says was found, are pointed at.
        """
        found = self._item(where)
        if found is None:
            return None
        item, rest = found
        span = next((s for key in _shortened(rest) if (s := item.span(key)) is not None), None)
        if span is None:
            return self.at(item.header) if item is not self._top else None
        return self.at(self._within(span, problem))

    def own_path(self, where: str, nameless: Sequence[int]) -> str:
        """A path with the number that its table has in this file, where those of another stand before it.

        ``nameless`` are the numbers of the tables without a name among all of them.
        """
        numbered = _NUMBERED.fullmatch(where)
        if numbered is None or int(numbered["number"]) not in nameless:
            return where
        own = [i for i in self._items if i.table == numbered["table"] and i.label is None]
        if len(own) != len(nameless):
            return where
        return own[nameless.index(int(numbered["number"]))].name + numbered["rest"]

    def at(self, offset: int) -> Place:
        """The line and column of an offset."""
        line = self.text.count("\n", 0, offset) + 1
        return Place(line=line, column=offset - (self.text.rfind("\n", 0, offset) + 1) + 1)

    def _item(self, where: str) -> tuple[_Item, str] | None:
        """The item that a path leads into, and the rest of the path. Of two with one name, the later one."""
        named = [i for i in self._items if where == i.name or where.startswith(f"{i.name}.")]
        if named:
            item = max(reversed(named), key=lambda i: len(i.name))
            rest = where[len(item.name) + 1 :]
            for other in named:
                if rest in other.keys:
                    return other, rest
            return item, rest or _LABELS.get(item.table, "")
        table = where.partition("[")[0]
        if not any(i.table == table for i in self._items):
            return self._top, where
        # A number counts the tables of the shipped protocol too; here only those without a name are meant.
        unnamed = [i for i in self._items if i.table == table and i.label is None]
        numbered = re.fullmatch(rf"{table}\[\d+\](?:\.(?P<rest>.*))?", where)
        return (unnamed[0], numbered["rest"] or "") if unnamed and numbered else None

    def _within(self, span: _Span, problem: str) -> int:
        """The offset of a fault in a key with its value."""
        if problem.startswith("unknown key"):
            return span.key
        value = self.text[span.value : span.end]
        goal = goal_caret(problem)
        if goal is not None:
            at = _quoted(value, goal[0])
            return span.value + (0 if at is None else at + 1 + goal[1])
        text = _found_string(problem)
        return span.value + ((None if text is None else _quoted(value, text)) or 0)

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
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
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


def _quoted(value: str, text: str) -> int | None:
    """Where a string stands in the text of a value, at its quote."""
    found = [value.index(q) for q in (f'"{text}"', f"'{text}'") if q in value]
    return min(found, default=None)


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
