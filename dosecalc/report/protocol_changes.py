"""What a protocol file changes of the shipped protocol that it extends."""

from __future__ import annotations

from dataclasses import dataclass

from dosecalc.protocol import Course, Protocol, Role, StructureEntry
from dosecalc.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs between a protocol and the one below it, by name or id, in the order of the file.

    ``rules_named_only`` are named in the file and are in the end as they were. ``before`` has the rules that
    were changed, as they were.
    """

    rules_changed: tuple[str, ...] = ()
    rules_added: tuple[str, ...] = ()
    rules_named_only: tuple[str, ...] = ()
    before: tuple[Rule, ...] = ()
    others_changed: tuple[str, ...] = ()
    others_added: tuple[str, ...] = ()


def changes(protocol: Protocol, base: Protocol) -> Changes:
    """What a protocol changes of another.

    >>> from dosecalc.protocol import load_protocol
    >>> protocol = load_protocol("redefine")
    >>> changes(protocol, protocol) == Changes()
    True
    """
    below = {r.id: r for r in base.rules}
    changed = [r.id for r in protocol.rules if r.id in below and r != below[r.id]]
    altered, added = [], []
    named: tuple[tuple[str, tuple[Course | Role | StructureEntry, ...], tuple[object, ...]], ...] = (
        ("course", protocol.courses, base.courses),
        ("role", protocol.roles, base.roles),
        ("structure", protocol.structures, base.structures),
    )
    for word, own, theirs in named:
        names = {getattr(entry, "name", "") for entry in theirs}
        altered += [f"{word} {e.name}" for e in own if e.name in names and e not in theirs]
        added += [f"{word} {e.name}" for e in own if e.name not in names]
    if protocol.recovery != base.recovery:
        altered.append("recovery")
    if protocol.visit_hours != base.visit_hours:
        altered.append("visit_hours")
    return Changes(
        rules_changed=tuple(changed),
        rules_added=tuple(r.id for r in protocol.rules if r.id not in below),
        rules_named_only=tuple(i for i in protocol.changed_rules if i not in changed),
        before=tuple(below[i] for i in changed),
        others_changed=tuple(altered),
        others_added=tuple(added),
    )
