"""What the author of a valid protocol file would want to know of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dosecalc.intervals import Source
from dosecalc.protocol import Protocol
from dosecalc.quantities import Bed, Eqd2
from dosecalc.report.goal_words import listed, number
from dosecalc.report.protocol_changes import Changes
from dosecalc.rules import CumulativeLimit, Level, Rule

PLACEHOLDER = "state your source"
"""What the templates have where a source is left to the author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Something that is valid and may not be meant, and the path inside the file that it is about."""

    where: str
    text: str


def advice(protocol: Protocol, found: Changes) -> tuple[Advice, ...]:
    """All that may not be meant in a valid protocol.

    >>> from dosecalc.protocol import load_protocol
    >>> advice(load_protocol("redefine"), Changes())
    ()
    """
    return tuple(_advice(protocol, found))


def _advice(protocol: Protocol, found: Changes) -> Iterator[Advice]:
    if not protocol.rules:
        yield Advice(where="rules", text="there is no rule: nothing is judged")
    elif not any(r.level is Level.REQUIRED for r in protocol.rules):
        yield Advice(
            where="rules", text="no rule is required: the outcome of a check is always NOT EVALUATED"
        )
    yield from _sources(protocol)
    yield from _near_names(protocol)
    for rule in protocol.rules:
        yield from _of_limit(protocol, rule)
    for name in found.rules_named_only:
        text = f"it is as in {protocol.extends}: nothing of it is changed"
        yield Advice(where=f"rules[{name}]", text=text)


def _sources(protocol: Protocol) -> Iterator[Advice]:
    """Sources that say nothing."""
    stated = [("source", protocol.source)]
    for entry in protocol.structures:
        where = f"structures[{entry.name}]"
        if entry.alpha_beta_gy is not None:
            stated.append((f"{where}.source", entry.source))
        if entry.model_source:
            stated.append((f"{where}.model_source", entry.model_source))
        if entry.repopulation_source:
            stated.append((f"{where}.repopulation_source", entry.repopulation_source))
    stated += [(f"recovery[{n}].source", r.source) for n, r in enumerate(protocol.recovery, 1)]
    stated += [(f"rules[{r.id}].source", r.source) for r in protocol.rules]
    for where, source in stated:
        if not source.strip():
            yield Advice(where=where, text="it is blank: state where the numbers are from")
        elif PLACEHOLDER in source.casefold():
            yield Advice(where=where, text=f"it still says {PLACEHOLDER!r}")


def _near_names(protocol: Protocol) -> Iterator[Advice]:
    """Names of two structures that differ in blanks and signs only; equal ones are an error."""
    owner: dict[str, tuple[str, str]] = {}
    for entry in protocol.structures:
        for name in (entry.name, *entry.aliases):
            key = re.sub(r"[\s_^.-]", "", name).casefold()
            other, theirs = owner.setdefault(key, (entry.name, name))
            if key and other != entry.name:
                text = f"{name!r} differs from {theirs!r} of {other} in blanks and signs only"
                yield Advice(where=f"structures[{entry.name}].aliases", text=text)


def _of_limit(protocol: Protocol, rule: Rule) -> Iterator[Advice]:
    """A limit at another a/b than its structure has, and what there is no range of a/b or no recovery for."""
    test = rule.test
    if not isinstance(test, CumulativeLimit):
        return
    goals = {"goal": test.goal, **{f"stricter[{n}]": g for n, g in enumerate(test.stricter, 1)}}
    for entry in (protocol.structure(name) for name in test.structures):
        for key, goal in goals.items():
            own = entry.alpha_beta_gy
            if isinstance(goal.quantity, Bed | Eqd2) and own != goal.quantity.alpha_beta_gy:
                that = "none" if own is None else f"{number(own)} Gy"
                text = f"{goal.text!r} is judged at its own a/b; the structure {entry.name} has {that}"
                yield Advice(where=f"rules[{rule.id}].{key}", text=text)
    fixed = [n for n in test.structures if protocol.alpha_beta_range(n) is None]
    if Source.ALPHA_BETA in rule.uncertain_by and fixed:
        text = f"the protocol has no range of a/b for {listed(fixed)}: alpha_beta changes nothing"
        yield Advice(where=f"rules[{rule.id}].uncertain_by", text=text)
    bare = [n for n in test.structures if not any(n in r.structures for r in protocol.recovery)]
    if test.recovered and bare:
        text = f"the protocol has no recovery for {listed(bare)}: nothing is taken off"
        yield Advice(where=f"rules[{rule.id}].recovered", text=text)
