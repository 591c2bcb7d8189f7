"""Protocols: courses, roles, structures and rules, read from TOML files with a source for each number."""

from __future__ import annotations

import difflib
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from dosecalc.errors import InputError
from dosecalc.quantities import Bed, Eqd2, Lq, LqL, LqRepair, Model, TimeFactor
from dosecalc.rulefile import read_rule
from dosecalc.rules import CumulativeLimit, DecisionPoint, Rule
from dosecalc.statement import Grouping
from dosecalc.tables import Table, parse_toml

FORMAT_VERSION = 1
_NAMED = ("courses", "roles", "structures", "rules")
"""Lists of tables that have a name or id."""
_MOST_BYTES = 1_000_000
"""The shipped ones have 20 kB; what is this large was not written as a protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A course of treatment; its plans share sessions as ``grouping`` says unless stated otherwise.

    One that is ``previous`` was over before the protocol began: it was given, dates or none.
    """

    name: str
    grouping: Grouping
    previous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a plan is for. A plan is recognised by its fractions and dose per fraction, ends included.

    A role without these ranges is taken by a plan only where a person states it. Where a course has
    plans, a role of it that no plan holds makes its dose incomplete, unless the role is optional.
    """

    name: str
    course: str
    fractions: tuple[float, float] | None
    dose_per_fraction_gy: tuple[float, float] | None
    optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureEntry:
    """A structure of the protocol: the names it goes by, and its a/b with range and source.

    ``model`` is linear-quadratic unless the protocol has another one: with incomplete repair (without it the
    effect of sessions of one day lies between that of separate sessions and of one), or linear above a
    threshold. ``valid_gy`` are the doses per session for which model and a/b are held to be valid; outside of
    them a warning is given. ``repopulation`` is shown beside the sums, which are without.
    """

    name: str
    aliases: tuple[str, ...]
    alpha_beta_gy: float | None
    alpha_beta_range_gy: tuple[float, float] | None
    endpoint: str
    source: str
    model: Model = Lq()
    model_source: str = ""
    valid_gy: tuple[float, float] | None = None
    repopulation: TimeFactor | None = None
    repopulation_source: str = ""
    tumour: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How much of the effect of a course some organs have recovered from, by the months since it ended.

    After ``months[k]`` it is ``percent[k]``, before the first of them nothing. Never of a tumour.
    """

    structures: tuple[str, ...]
    course: str
    months: tuple[float, ...]
    percent: tuple[float, ...]
    source: str

    def after(self, months: float) -> float:
        """The share that is recovered from after so many months.

        >>> rule = Recovery(structures=("Cord",), course="prior", months=(6, 12), percent=(25, 50), source="")
        >>> rule.after(5.9), rule.after(6), rule.after(30)
        (0.0, 0.25, 0.5)
        """
        reached = [p for m, p in zip(self.months, self.percent, strict=True) if m <= months]
        return reached[-1] / 100 if reached else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A protocol as read: nothing in it was filled in by the program.

    What is given within ``visit_hours`` of each other is one visit. ``sha256`` is the hash of the file, with
    that of the shipped protocol it ``extends`` where there is one; ``changed_rules`` are the rules of that
    one which the file changes.
    """

    name: str
    title: str
    source: str
    visit_hours: float
    courses: tuple[Course, ...]
    roles: tuple[Role, ...]
    structures: tuple[StructureEntry, ...]
    rules: tuple[Rule, ...]
    recovery: tuple[Recovery, ...] = ()
    sha256: str
    path: str
    extends: str = ""
    changed_rules: tuple[str, ...] = ()

    def role(self, name: str) -> Role:
        return next(r for r in self.roles if r.name == name)

    def structure(self, name: str) -> StructureEntry:
        return next(s for s in self.structures if s.name == name)

    def alpha_beta_range(self, name: str) -> tuple[float, float] | None:
        """The range of a structure's a/b; None where it has none, or no width."""
        entry = next((s for s in self.structures if s.name == name), None)
        ends = entry.alpha_beta_range_gy if entry else None
        return ends if ends and ends[0] < ends[1] else None


def shipped_protocols() -> tuple[str, ...]:
    """Names of the protocols that come with dosecalc.

    >>> "redefine" in shipped_protocols()
    True
    """
    folder = resources.files("dosecalc") / "protocols"
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def load_protocol(name: str | Path) -> Protocol:
    """Load a shipped protocol by name, or any other from a TOML file.

    Raises
    ------
    InputError : if there is no such protocol or file.
    TomlError : if it is invalid, naming the path inside the file.

    Examples
    --------
    >>> protocol = load_protocol("redefine")
    >>> [course.name for course in protocol.courses]
    ['prior', 'induction', 'definitive']
    """
    content, source = protocol_content(name)
    return protocol_from(protocol_tables(content, source), source)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolTables:
    """A protocol file as tables, laid over those of the shipped one that it extends.

    ``numbers`` has for its lists the numbers by which the author of the file counts items without a name,
    ``changed_rules`` the rules of the shipped protocol that the file has too.
    """

    data: Mapping[str, object]
    extends: str
    sha256: str
    numbers: Mapping[str, Sequence[int]]
    changed_rules: tuple[str, ...]


def protocol_from(tables: ProtocolTables, source: str, read: Callable[[Table], Rule] = read_rule) -> Protocol:
    """The protocol that the tables of a file hold; ``read`` makes a rule of its table.

    Raises
    ------
    TomlError : if they are invalid, naming the path inside the file.

    Examples
    --------
    >>> content, source = protocol_content("example_spine")
    >>> protocol_from(protocol_tables(content, source), source).name
    'example_spine'
    """
    top = Table(tables.data, source=source)

    def items(key: str) -> tuple[Table, ...]:
        return top.tables(key, name=_label(key), numbers=tables.numbers.get(key, ()))

    protocol = Protocol(
        name=top.words("name"),
        title=top.string("title"),
        source=top.string("source"),
        visit_hours=_visit_hours(top),
        courses=tuple(_course(t) for t in items("courses")),
        roles=tuple(_role(t) for t in items("roles")),
        structures=tuple(_structure(t) for t in items("structures")),
        rules=tuple(read(t) for t in items("rules")),
        recovery=tuple(_recovery(t) for t in top.tables("recovery")),
        sha256=tables.sha256,
        path=source,
        extends=tables.extends,
        changed_rules=tables.changed_rules,
    )
    top.done()
    _check_names(protocol, top)
    return protocol


def protocol_content(name: str | Path) -> tuple[bytes, str]:
    """The bytes of a shipped protocol or of a file, and the name that errors call it by.

    Raises
    ------
    InputError : if there is no such protocol or file, or it cannot be read.

    Examples
    --------
    >>> protocol_content("redefine")[1]
    'redefine.toml'
    """
    text = str(name)
    if text in shipped_protocols():
        file = resources.files("dosecalc") / "protocols" / f"{text}.toml"
        return file.read_bytes(), f"{text}.toml"
    path = Path(name)
    try:
        if path.is_file():
            size = path.stat().st_size
            if size > _MOST_BYTES:
                raise InputError(
                    f"{_short(text)}: expected a protocol of {_MOST_BYTES / 1e6:g} MB at most, "
                    f"found {size / 1e6:.1f} MB"
                )
            return path.read_bytes(), path.name
        found = "a folder" if path.is_dir() else "a device" if path.exists() else "no such file"
    except (OSError, ValueError) as error:  # a name that is too long, a folder that may not be searched
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"protocol {_short(text)!r}: cannot be read: {reason}") from None
    shipped = shipped_protocols()
    near = difflib.get_close_matches(text, shipped, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InputError(
        f"protocol {_short(text)!r}: expected a TOML file or one of: {', '.join(shipped)}; "
        f"found {found}{hint}"
    )


def _short(text: str) -> str:
    """The end of a name that is too long for a message."""
    return text if len(text) <= 200 else f"...{text[-197:]}"


def protocol_tables(content: bytes, source: str) -> ProtocolTables:
    """The tables of a protocol file, laid over those of the protocol that it extends.

    Raises
    ------
    InputError : if the file is no TOML, or extends what is not shipped.

    Examples
    --------
    >>> protocol_tables(*protocol_content("redefine")).data["name"]
    'redefine'
    """
    return _extended(content, source, ())


def _numbers(own: Mapping[str, object], data: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """For each list of ``data`` the number of an item among those of the file itself; 0 if it has a name."""
    numbers = {}
    for key in _NAMED:
        items, theirs = data.get(key), own.get(key)
        if isinstance(items, list) and isinstance(theirs, list):
            # Whatever a shipped protocol has is named, so that the nameless ones are those of the file.
            nameless = iter([n for n, item in enumerate(theirs, 1) if _name(item, key) is None])
            numbers[key] = tuple(next(nameless) if _name(i, key) is None else 0 for i in items)
    return numbers


def _label(key: str) -> str:
    """The key that the items of a list go by."""
    return "id" if key == "rules" else "name"


def _name(item: object, key: str) -> str | None:
    """What an item of a list is called."""
    name = item.get(_label(key)) if isinstance(item, dict) else None
    return name if isinstance(name, str) else None


def _extended(content: bytes, source: str, seen: tuple[str, ...]) -> ProtocolTables:
    data = parse_toml(content, source)
    digest = hashlib.sha256(content).hexdigest()
    top = Table(data, source=source)
    version = top.integer("format_version")
    if version != FORMAT_VERSION:
        raise top.error("format_version", f"expected {FORMAT_VERSION}, found {version}")
    data.pop("format_version")
    if "extends" not in data:
        return ProtocolTables(
            data=data, extends="", sha256=digest, numbers=_numbers(data, data), changed_rules=()
        )
    base_name = top.string("extends")
    data.pop("extends")
    if base_name in seen or base_name not in shipped_protocols():
        shipped = ", ".join(shipped_protocols())
        raise top.error("extends", f"expected a shipped protocol ({shipped}), found {base_name!r}")
    if "name" not in data:
        raise top.error("name", "expected a name of its own, found none")
    base = _extended(*protocol_content(base_name), (*seen, base_name))
    data.setdefault("title", f"{base.data['title']} (as changed in {source})")
    _refuse_repeats(data, top)
    merged = _overlaid(base.data, data)
    return ProtocolTables(
        data=merged,
        extends=base_name,
        sha256=f"{digest}+{base.sha256}",
        numbers=_numbers(data, merged),
        changed_rules=_changed_rules(data, base.data),
    )


def _changed_rules(own: Mapping[str, object], base: Mapping[str, object]) -> tuple[str, ...]:
    """Rules that a file has in common with the shipped protocol that it extends."""
    names, below = (
        [_name(rule, "rules") for rule in rules] if isinstance(rules, list) else []
        for rules in (own.get("rules"), base.get("rules"))
    )
    return tuple(name for name in names if name is not None and name in below)


def _refuse_repeats(data: Mapping[str, object], top: Table) -> None:
    """Refuse a name or id that a file itself has twice; one of the two would win in silence."""
    for key in _NAMED:
        items = data.get(key)
        names = [_name(i, key) for i in items] if isinstance(items, list) else []
        for name, count in Counter(names).items():
            if count > 1 and name is not None:
                raise top.error(f"{key}[{name}]", f"expected each name once, found {name!r} twice")


def _overlaid(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """``over`` replaces keys of ``base``; items of lists that have the same name or id are merged."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if not (isinstance(value, list) and isinstance(below, list)):
            merged[key] = value
            continue
        items = {item[_label(key)]: item for item in below}
        for item in value:
            name = _name(item, key)
            if name is not None:
                items[name] = {**items.get(name, {}), **item}
            else:
                items[object()] = item  # reported as what it is when it is read
        merged[key] = list(items.values())
    return merged


def _visit_hours(table: Table) -> float:
    hours = table.number("visit_hours")
    if not 0 <= hours < 24:
        raise table.error("visit_hours", f"expected 0 or more and less than 24, found {hours:g}")
    return hours


def _course(table: Table) -> Course:
    course = Course(
        name=table.words("name"),
        grouping=table.choice("grouping", Grouping, "one_session"),
        previous=table.boolean("previous", False),
    )
    table.done()
    return course


def _role(table: Table) -> Role:
    recognised = "fractions" in table or "dose_per_fraction_gy" in table
    role = Role(
        name=table.words("name"),
        course=table.string("course"),
        fractions=table.range("fractions", at_least=0) if recognised else None,
        dose_per_fraction_gy=table.range("dose_per_fraction_gy", at_least=0) if recognised else None,
        optional=table.boolean("optional", False),
    )
    table.done()
    return role


def _structure(table: Table) -> StructureEntry:
    has_alpha_beta = "alpha_beta_gy" in table
    entry = StructureEntry(
        name=table.words("name"),
        aliases=table.many_words("aliases", ()),
        alpha_beta_gy=table.positive("alpha_beta_gy") if has_alpha_beta else None,
        alpha_beta_range_gy=_alpha_beta_range(table) if "alpha_beta_range_gy" in table else None,
        endpoint=table.string("endpoint", ""),
        source=table.string("source") if has_alpha_beta else table.string("source", ""),
        model=_model(table),
        model_source=table.words("model_source") if _has_model(table) else "",
        valid_gy=table.range("valid_gy", at_least=0) if "valid_gy" in table else None,
        repopulation=_repopulation(table),
        repopulation_source=table.words("repopulation_source") if "repopulation" in table else "",
        tumour=table.boolean("tumour", False),
    )
    table.done()
    return entry


def _alpha_beta_range(table: Table) -> tuple[float, float]:
    """The range of a structure's a/b, which holds the a/b itself."""
    key = "alpha_beta_range_gy"
    low, high = table.range(key)
    if low <= 0:
        raise table.error(key, f"expected numbers above 0, found {[low, high]}")
    if "alpha_beta_gy" not in table:
        raise table.error("alpha_beta_gy", f"expected an a/b within {key}, found nothing")
    own = table.positive("alpha_beta_gy")
    if not low <= own <= high:
        raise table.error(key, f"expected alpha_beta_gy ({own:g}) within it, found {[low, high]}")
    return low, high


def _has_model(table: Table) -> bool:
    return "repair_half_time_h" in table or "lq_l" in table


def _model(table: Table) -> Model:
    """The model of effect that a structure has, LQ where it has none of its own."""
    if "lq_l" in table:
        if "repair_half_time_h" in table:
            raise table.error("lq_l", "expected one model, found repair_half_time_h too")
        inner = table.table("lq_l")
        model = LqL(
            threshold_gy=inner.positive("threshold_gy"),
            gamma_over_alpha_gy=inner.positive("gamma_over_alpha_gy"),
        )
        inner.done()
        return model
    if "repair_half_time_h" in table:
        return LqRepair(half_time_h=table.positive("repair_half_time_h"))
    return Lq()


def _repopulation(table: Table) -> TimeFactor | None:
    if "repopulation" not in table:
        return None
    inner = table.table("repopulation")
    factor = TimeFactor(
        k_gy_per_day=inner.positive("k_gy_per_day"),
        kickoff_days=inner.number("kickoff_days", at_least=0),
    )
    inner.done()
    return factor


def _recovery(table: Table) -> Recovery:
    found = Recovery(
        structures=table.strings("structures"),
        course=table.string("course"),
        months=table.numbers("months"),
        percent=table.numbers("percent"),
        source=table.words("source"),
    )
    if len(found.months) != len(found.percent) or not found.months:
        raise table.error("percent", f"expected one for each of months ({len(found.months)})")
    for key, numbers, most in (("months", found.months, math.inf), ("percent", found.percent, 100)):
        if list(numbers) != sorted(numbers) or not 0 <= numbers[0] <= numbers[-1] <= most:
            raise table.error(key, f"expected rising numbers of 0 or more, found {list(numbers)}")
    table.done()
    return found


def _check_recovery(protocol: Protocol, courses: set[str], structures: set[str], top: Table) -> None:
    """Recovery is of organs, and for each of one course once."""
    seen: set[tuple[str, str]] = set()
    for number, recovery in enumerate(protocol.recovery, 1):
        where = f"recovery[{number}]"
        _known(recovery.course, courses, f"{where}.course", top)
        for name in recovery.structures:
            _known(name, structures, f"{where}.structures", top)
            if protocol.structure(name).tumour:
                raise top.error(f"{where}.structures", f"expected organs, found {name!r}, which is a tumour")
            if (name, recovery.course) in seen:
                raise top.error(
                    f"{where}.structures", f"expected each once for a course, found {name!r} twice"
                )
            seen.add((name, recovery.course))


def _check_names(protocol: Protocol, top: Table) -> None:
    """Refuse names that occur twice and references to names that do not exist."""
    courses = _unique([c.name for c in protocol.courses], "courses", top)
    roles = _unique([r.name for r in protocol.roles], "roles", top)
    structures = _unique([s.name for s in protocol.structures], "structures", top)
    _unique([r.id for r in protocol.rules], "rules", top)
    for role in protocol.roles:
        _known(role.course, courses, f"roles[{role.name}].course", top)
    _unique_aliases(protocol, top)
    _check_recovery(protocol, courses, structures, top)
    for rule in protocol.rules:
        where = f"rules[{rule.id}]"
        if isinstance(rule.test, CumulativeLimit) and isinstance(rule.test.goal.quantity, Bed | Eqd2):
            for name in rule.test.structures:
                if name in structures and protocol.structure(name).alpha_beta_gy is None:
                    raise top.error(f"{where}.goal", f"expected an a/b for {name} in structures, found none")
        for key, known in (("course", courses), ("next_course", courses), ("role", roles)):
            if hasattr(rule.test, key):
                _known(getattr(rule.test, key), known, f"{where}.{key}", top)
        for key in ("structure", "inside"):
            if hasattr(rule.test, key):
                _known(getattr(rule.test, key), structures, f"{where}.{key}", top)
        for key in ("structures", "left", "right", "along"):
            for name in getattr(rule.test, key, ()):
                _known(name, structures, f"{where}.{key}", top)
        for name in getattr(rule.test, "shown_courses", ()):
            _known(name, courses, f"{where}.shown_courses", top)
        if isinstance(rule.test, DecisionPoint):
            for name in rule.test.reading.roles:
                _known(name, roles, f"{where}.reading", top)
            for name in (n for reading in rule.test.shown_readings for n in reading.roles):
                _known(name, roles, f"{where}.shown_readings", top)


def _unique_aliases(protocol: Protocol, top: Table) -> None:
    """Refuse a name that two structures go by: one contour would be judged as both."""
    owner: dict[str, str] = {}
    for entry in protocol.structures:
        for name in {n.strip().casefold() for n in (entry.name, *entry.aliases)}:
            if owner.setdefault(name, entry.name) != entry.name:
                raise top.error(
                    f"structures[{entry.name}].aliases",
                    f"expected a name of its own, found {name!r}, which {owner[name]} has too",
                )


def _unique(names: list[str], key: str, top: Table) -> set[str]:
    for name, count in Counter(names).items():
        if count > 1:
            raise top.error(f"{key}[{name}]", f"expected each name once, found {name!r} twice")
    return set(names)


def _known(name: str, known: set[str], where: str, top: Table) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise top.error(where, f"expected one of {', '.join(sorted(known))}, found {name!r}{hint}")
