"""Templates are valid as they stand, and so is each example in them once it is no comment any more."""

from __future__ import annotations

import re
import typing

import pytest

from dosecalc import load_protocol
from dosecalc.protocol import Protocol, protocol_from, protocol_tables, shipped_protocols
from dosecalc.report.protocol_advice import PLACEHOLDER
from dosecalc.report.protocol_changes import changes
from dosecalc.report.protocol_faults import examine
from dosecalc.report.protocol_template import protocol_template
from dosecalc.rulefile import _READERS
from dosecalc.rules import Test

TEXTS = {"": protocol_template(), **{n: protocol_template(load_protocol(n)) for n in shipped_protocols()}}
EXAMPLE = re.compile(r"(?:^#\S.*\n)+", re.MULTILINE)


def loaded(text: str) -> Protocol:
    found = examine(text.encode(), "mine.toml")
    assert found.faults == ()
    content = text.encode()
    return protocol_from(protocol_tables(content, "mine.toml"), "mine.toml")


def uncommented(text: str) -> str:
    """An example that counts: its lines without the sign."""
    return re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_is_valid_as_it_stands(text: str) -> None:
    loaded(text)
    assert text.endswith("\n")
    assert max(map(len, text.split("\n"))) <= 110


@pytest.mark.parametrize(
    ("text", "example"),
    [
        pytest.param(text, m[0], id=f"{name}-{m[0].split(chr(10))[1]}")
        for name, text in TEXTS.items()
        for m in EXAMPLE.finditer(text)
    ],
)
def test_each_example_is_valid(text: str, example: str) -> None:
    assert example.startswith("#[[")
    before, after = loaded(text), loaded(text.replace(example, uncommented(example)))
    assert before != after
    assert (before.rules, before.structures, before.roles, before.recovery) != (
        after.rules,
        after.structures,
        after.roles,
        after.recovery,
    )


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_all_examples_together_are_valid(text: str) -> None:
    loaded(uncommented(text))


def test_there_is_an_example_of_every_kind_of_rule() -> None:
    found = loaded(uncommented(TEXTS[""]))
    assert {type(r.test) for r in found.rules} == set(typing.get_args(Test))
    assert set(re.findall(r'^#?kind = "(\w+)"', TEXTS[""], flags=re.MULTILINE)) == set(_READERS)


def test_every_optional_key_of_a_structure_and_role_is_shown() -> None:
    """What the reader knows and never asks for is found nowhere else by somebody who begins."""
    found = loaded(uncommented(TEXTS[""]))
    assert any(s.repopulation and s.repopulation_source for s in found.structures)
    assert any(s.valid_gy for s in found.structures)
    assert len({type(s.model) for s in found.structures}) == 3
    assert any(r.optional and r.fractions for r in found.roles)
    assert found.recovery


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_numbers_that_decide_ask_for_a_source(text: str) -> None:
    """An example with a number of a clinic says where it is from, or leaves the source to the author."""
    for match in EXAMPLE.finditer(text):
        example = uncommented(match[0])
        if not re.search(r"= \S*\d", example) or "[[roles]]" in example:
            continue
        if example.startswith("[[rules]]") and not re.search(r"^source", example, flags=re.MULTILINE):
            continue  # it changes a word of a rule whose source stays
        source = re.search(r'^source = "(.*)"', example, flags=re.MULTILINE)
        assert source is not None, example
        assert PLACEHOLDER in source[1], example


def test_recovery_that_is_a_placeholder_takes_nothing_off() -> None:
    for text in TEXTS.values():
        assert {p for r in loaded(uncommented(text)).recovery for p in r.percent} == {0.0}


@pytest.mark.parametrize("name", shipped_protocols())
def test_extending_changes_nothing_until_an_example_counts(name: str) -> None:
    base = load_protocol(name)
    found = changes(loaded(TEXTS[name]), base)
    assert (found.rules_changed, found.rules_added, found.others_changed, found.others_added) == ((),) * 4
    found = changes(loaded(uncommented(TEXTS[name])), base)
    assert len(found.rules_changed) == 1
    assert found.rules_added == ("LIMIT.cord",)
    assert found.others_changed == ("recovery",)
    assert found.others_added == ("structure MyOrgan",)
