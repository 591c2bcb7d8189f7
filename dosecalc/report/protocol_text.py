"""A protocol in words: what a plan is recognised by, what organs are taken for, and what each rule says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dosecalc.protocol import Course, Protocol, Recovery, Role, StructureEntry
from dosecalc.quantities import model_text
from dosecalc.report.blocks import Block, Heading, Paragraph, Table, Tone
from dosecalc.report.goal_words import count, listed, number
from dosecalc.report.protocol_advice import Advice
from dosecalc.report.protocol_changes import Changes
from dosecalc.report.rule_sentences import Topic, rule_sentence, topic_of
from dosecalc.report.tables import clean, page
from dosecalc.report.toml_places import TomlPlaces
from dosecalc.rules import Level, Rule
from dosecalc.statement import Grouping

_READ_AS = (
    "Required rules decide the outcome. A value that passes is UNCERTAIN where the limit is reached by its "
    "numerical band (end caps and sampling), or by dose that is known in bounds only. Where dose is missing, "
    "a limit from above never passes."
)


def protocols_text(protocols: Iterable[Protocol]) -> str:
    """A line for each protocol, and below it where it is from.

    >>> from dosecalc.protocol import load_protocol
    >>> print(protocols_text([load_protocol("example_spine")]).splitlines()[0])
    example_spine: Example: re-irradiation near the spinal cord
    """
    return page(protocols_blocks(protocols))


def protocols_blocks(protocols: Iterable[Protocol]) -> Iterator[Block]:
    """The same as what it is made of, for whoever lays it out."""
    for place, protocol in enumerate(protocols):
        if place:
            yield ""
        yield Heading(f"{clean(protocol.name)}: {clean(protocol.title)}")
        yield Paragraph("source: ", clean(protocol.source))
        yield f"  {_number_of_rules(protocol.rules)}"


def protocol_text(protocol: Protocol, found: Changes) -> str:
    """A whole protocol as text; ``found`` is what it changes of the shipped one that it extends.

    >>> from dosecalc.protocol import load_protocol
    >>> "below 3 Gy, everything given on one day summed (required)." in " ".join(
    ...     protocol_text(load_protocol("redefine"), Changes()).split())
    True
    """
    return page(protocol_blocks(protocol, found))


def protocol_blocks(protocol: Protocol, found: Changes) -> Iterator[Block]:
    """The same as what it is made of, for whoever lays it out."""
    yield Heading(f"{clean(protocol.name)}: {clean(protocol.title)}")
    yield Paragraph("source: ", clean(protocol.source))
    yield f"  file:   {clean(protocol.path)}, SHA-256 {protocol.sha256[:16]}..."
    yield f"  visits: what begins within {number(protocol.visit_hours)} h of the latest delivery is one visit"
    if protocol.extends:
        yield from _changed(protocol, found)
    yield from _section("Courses, in the order of treatment", map(_course, protocol.courses))
    yield from _section("Roles of plans", map(_role, protocol.roles))
    yield ""
    yield Heading("Structures: names, a/b with its range, and where it is from")
    for entry in protocol.structures:
        yield from _structure(entry, _mark(f"structure {entry.name}", found))
    yield from _section(
        "Recovery, taken off the BED and EQD2 of a course only in rules that say so",
        map(_recovery, protocol.recovery),
    )
    yield from _rules(protocol, found)


def _section(title: str, texts: Iterable[str]) -> Iterator[Block]:
    paragraphs = [Paragraph("", text) for text in texts]
    if paragraphs:
        yield ""
        yield Heading(title)
        yield from paragraphs


def _course(course: Course) -> str:
    match course.grouping:
        case Grouping.ONE_SESSION:
            how = "plans of one day act together"
        case Grouping.SEPARATE_SESSIONS:
            how = "each plan of a day is a session by itself"
    text = f"{course.name}: {how}, unless the case file says otherwise"
    if course.previous:
        text += "; over before the protocol begins: counts as given, with dates or without"
    return clean(text)


def _role(role: Role) -> str:
    if role.fractions is None or role.dose_per_fraction_gy is None:
        known = "a plan has it only where the case file says so"
    else:
        (few, many), (low, high) = role.fractions, role.dose_per_fraction_gy
        known = f"a plan is taken for it that has {number(few)} to {number(many)} fractions "
        known += f"of {number(low)} to {number(high)} Gy"
    absent = "may be missing" if role.optional else "the dose of the course is incomplete without it"
    return clean(f"{role.name}, of the {role.course} course: {known}; {absent}")


def _mark(name: str, found: Changes) -> str:
    """Whether something is other than in the protocol below."""
    if name in found.others_changed or name in found.rules_changed:
        return " [changed]"
    return " [added]" if name in found.others_added or name in found.rules_added else ""


def _structure(entry: StructureEntry, mark: str) -> Iterator[Block]:
    ratio = "no a/b: no BED and no EQD2"
    if entry.alpha_beta_gy is not None:
        ratio = f"a/b {number(entry.alpha_beta_gy)} Gy"
    if entry.alpha_beta_range_gy is not None:
        ratio += f" ({' to '.join(map(number, entry.alpha_beta_range_gy))})"
    texts = [ratio, entry.endpoint, "a tumour: nothing recovers" if entry.tumour else ""]
    yield Paragraph(f"{clean(entry.name)}{mark}: ", clean("; ".join(t for t in texts if t)))
    details = {
        "also called": ", ".join(entry.aliases),
        "source": entry.source,
        "model": model_text(entry.model),
        "source of the model": entry.model_source,
        "valid": _valid(entry),
        "repopulation": _repopulation(entry),
        "source of repopulation": entry.repopulation_source,
    }
    for name, text in details.items():
        if text.strip():
            yield Paragraph(f"    {name}: ", clean(text), indent=8)


def _valid(entry: StructureEntry) -> str:
    if entry.valid_gy is None:
        return ""
    low, high = map(number, entry.valid_gy)
    return f"{low} to {high} Gy a session; outside of that a warning is given"


def _repopulation(entry: StructureEntry) -> str:
    factor = entry.repopulation
    if factor is None:
        return ""
    rate, start = number(factor.k_gy_per_day), number(factor.kickoff_days)
    return f"{rate} Gy of BED a day from day {start} on, in a row beside the sums, which are without it"


def _recovery(recovery: Recovery) -> str:
    steps = [
        f"{number(percent)} % from {number(months)} months on"
        for months, percent in zip(recovery.months, recovery.percent, strict=True)
    ]
    text = f"{listed(recovery.structures)}, of the {recovery.course} course: {listed(steps)} after its end; "
    return clean(f"{text}source: {recovery.source}")


def _rules(protocol: Protocol, found: Changes) -> Iterator[Block]:
    yield ""
    yield Heading(_number_of_rules(protocol.rules))
    yield Paragraph("", _READ_AS)
    for topic in Topic:
        chosen = [r for r in protocol.rules if topic_of(r.test) is topic]
        if chosen:
            yield ""
            yield Heading(topic.value)
        for rule in chosen:
            yield from _rule(rule, _mark(rule.id, found))


def _rule(rule: Rule, mark: str) -> Iterator[Block]:
    yield Paragraph(f"{clean(rule.id)}{mark}: ", rule_sentence(rule))
    yield Paragraph("    source: ", clean(rule.source), indent=8)


def _changed(protocol: Protocol, found: Changes) -> Iterator[Block]:
    """What differs from the shipped protocol: each changed rule as it is now, and as it was."""
    yield ""
    yield Heading(f"Extends {protocol.extends}{'' if _differs(found) else ', and changes none of its rules'}")
    now = {r.id: r for r in protocol.rules}
    for before in found.before:
        rule = now[before.id]
        yield Paragraph(f"changed {clean(rule.id)}: ", rule_sentence(rule))
        if rule_sentence(before) != rule_sentence(rule):
            yield Paragraph(f"    in {protocol.extends}: ", rule_sentence(before), indent=8)
        for key in ("title", "source"):
            new, old = getattr(rule, key), getattr(before, key)
            if new != old:
                yield Paragraph(f"    {key}: ", f"{clean(new)} (was: {clean(old)})", indent=8)
    for title, names in (
        ("added rules: ", found.rules_added),
        ("named and not changed: ", found.rules_named_only),
        ("also changed: ", found.others_changed),
        ("also added: ", found.others_added),
    ):
        if names:
            yield Paragraph(title, clean(", ".join(names)))


def _differs(found: Changes) -> bool:
    return bool(found.rules_changed or found.rules_added)


def _number_of_rules(rules: Sequence[Rule]) -> str:
    required = sum(r.level is Level.REQUIRED for r in rules)
    return f"{count(len(rules), 'rule')}, {required} required and {len(rules) - required} advisory"


def summary_blocks(
    protocol: Protocol, found: Changes, kinds: Mapping[str, str], noted: Sequence[Advice], places: TomlPlaces
) -> Iterator[Block]:
    """What a valid file holds, and what may not be meant in it; ``kinds`` are those of the rules, by id."""
    yield Heading(f"valid: {clean(protocol.name)}: {clean(protocol.title)}", Tone.GOOD)
    yield Paragraph(
        "",
        f"{count(len(protocol.courses), 'course')}, {count(len(protocol.roles), 'role')}, "
        f"{count(len(protocol.structures), 'structure')}, {_number_of_rules(protocol.rules)}",
    )
    if protocol.extends:
        parts = {
            "changes": (*found.rules_changed, *found.others_changed),
            "adds": (*found.rules_added, *found.others_added),
        }
        said = "; ".join(f"{word} {', '.join(names)}" for word, names in parts.items() if names)
        yield Paragraph(f"extends {protocol.extends}: ", clean(said or "changes nothing"))
    levels = {level: Counter(kinds[r.id] for r in protocol.rules if r.level is level) for level in Level}
    rows = [
        [kind, *(str(levels[level][kind] or "-") for level in Level)]
        for kind in dict.fromkeys(kinds[r.id] for r in protocol.rules)
    ]
    if rows:
        yield Table(header=["kind of rule", *(level.value for level in Level)], rows=rows)
    if noted:
        yield ""
        yield Heading("It can be used. Look at:", Tone.OPEN)
    for note in noted:
        place = places.find(note.where, note.text)
        at = f"line {place.line}: " if place is not None else ""
        yield Paragraph("- ", clean(f"{at}{note.where}: {note.text}"), indent=2)
