"""A protocol in words: everything that the file has is there, and nothing that it has not."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from test_protocol import SMALL, written

from dosecalc import load_protocol
from dosecalc.protocol import Protocol, shipped_protocols
from dosecalc.report.protocol_changes import Changes, changes
from dosecalc.report.protocol_text import protocol_text, protocols_text
from dosecalc.report.rule_sentences import rule_sentence


def joined(text: str) -> str:
    """Without the breaks of lines."""
    return " ".join(text.split())


def extended(folder: Path, more: str) -> tuple[Protocol, Changes]:
    head = 'format_version = 1\nextends = "redefine"\nname = "local"\n'
    protocol = load_protocol(written(folder, head + more))
    return protocol, changes(protocol, load_protocol("redefine"))


@pytest.mark.parametrize("name", shipped_protocols())
def test_everything_is_shown(name: str) -> None:
    protocol = load_protocol(name)
    text = joined(protocol_text(protocol, Changes()))
    for rule in protocol.rules:
        assert f"{rule.id}: {rule_sentence(rule)} source: {rule.source}" in text
    for entry in protocol.structures:
        assert f"{entry.name}: a/b {entry.alpha_beta_gy:g} Gy" in text
        assert f"also called: {', '.join(entry.aliases)}" in text
        assert entry.source in text
        assert entry.endpoint in text
    for course in protocol.courses:
        assert f"{course.name}: plans of one day act together" in text
    for role in protocol.roles:
        assert f"{role.name}, of the {role.course} course: " in text
    assert protocol.sha256[:16] in text
    assert protocol.source in text
    assert "Extends" not in text
    assert "Recovery" not in text


def test_each_rule_stands_once() -> None:
    protocol = load_protocol("redefine")
    lines = protocol_text(protocol, Changes()).splitlines()
    for rule in protocol.rules:
        assert sum(line.startswith(f"  {rule.id}: ") for line in lines) == 1


def test_lines_fit() -> None:
    assert max(map(len, protocol_text(load_protocol("redefine"), Changes()).splitlines()[1:])) <= 100


def test_models_and_recovery(tmp_path: Path) -> None:
    text = SMALL.replace(
        "alpha_beta_gy = 2.0",
        'alpha_beta_gy = 2.0\nlq_l = { threshold_gy = 6.0, gamma_over_alpha_gy = 5.0 }\nmodel_source = "ms"\n'
        "valid_gy = [1.0, 6.5]\nrepopulation = { k_gy_per_day = 0.9, kickoff_days = 28 }\n"
        'repopulation_source = "rs"',
    )
    text += '[[recovery]]\nstructures = ["Cord"]\ncourse = "only"\nmonths = [6, 12]\npercent = [25, 50]\n'
    text += 'source = "why"\n'
    shown = joined(protocol_text(load_protocol(written(tmp_path, text)), Changes()))
    for part in (
        "model: linear above 6 Gy a session, gamma/alpha 5 source of the model: ms",
        "valid: 1 to 6.5 Gy a session",
        "repopulation: 0.9 Gy of BED a day from day 28 on",
        "source of repopulation: rs",
        "Cord, of the only course: 25 % from 6 months on and 50 % from 12 months on after its end",
        "after its end; source: why",
    ):
        assert part in shown


def test_what_a_file_changes(tmp_path: Path) -> None:
    more = (
        '[[rules]]\nid = "R21"\ncounted_from = "first_session"\nsource = "ours"\n'
        '[[rules]]\nid = "R24"\nper_week = 5\n'
        '[[rules]]\nid = "R23"\ntitle = "ours"\n'
        '[[rules]]\nid = "Z"\ntitle = "t"\nkind = "one_frame"\nlevel = "advisory"\nsource = "s"\n'
        '[[structures]]\nname = "SpinalCord"\nalpha_beta_gy = 3.0\n'
        '[[structures]]\nname = "Eye"\n'
    )
    protocol, found = extended(tmp_path, more)
    assert (found.rules_changed, found.rules_added, found.rules_named_only) == (
        ("R21", "R23"),
        ("Z",),
        ("R24",),
    )
    assert (found.others_changed, found.others_added) == (("structure SpinalCord",), ("structure Eye",))
    shown = joined(protocol_text(protocol, found))
    old = next(r for r in load_protocol("redefine").rules if r.id == "R21")
    new = next(r for r in protocol.rules if r.id == "R21")
    assert f"changed R21: {rule_sentence(new)} in redefine: {rule_sentence(old)} source: ours (was: " in shown
    assert "title: ours (was: definitive 2 Gy x 28)" in shown
    assert "R21 [changed]: " in shown
    assert "Z [added]: " in shown
    assert "R24: " in shown
    assert "named and not changed: R24" in shown
    assert "SpinalCord [changed]: a/b 3 Gy" in shown


def test_nothing_changed(tmp_path: Path) -> None:
    protocol, found = extended(tmp_path, "")
    assert found == Changes()
    assert "Extends redefine, and changes none of its rules" in protocol_text(protocol, found)


def test_hours_of_a_visit_are_a_change(tmp_path: Path) -> None:
    assert extended(tmp_path, "visit_hours = 3.0\n")[1].others_changed == ("visit_hours",)


def test_list_has_each_protocol() -> None:
    text = protocols_text(load_protocol(n) for n in shipped_protocols())
    assert text.count("source: ") == len(shipped_protocols())
    assert "redefine: REDEFINE" in text
    assert "27 rules, 14 required and 13 advisory" in text


def test_names_from_a_file_are_harmless(tmp_path: Path) -> None:
    odd = "Co\\u202erd\\u001b[31m" + "x" * 10_000
    text = SMALL.replace('"Cord"', f'"{odd}"').replace('"a test"', f'"{odd}"').replace('"only"', f'"{odd}"')
    shown = protocol_text(load_protocol(written(tmp_path, text)), Changes())
    assert {unicodedata.category(c) for c in shown} & {"Cc", "Cf"} <= {"Cc"}
    assert {c for c in shown if unicodedata.category(c) == "Cc"} == {"\n"}
