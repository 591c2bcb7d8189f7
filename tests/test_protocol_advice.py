"""What the author of a valid protocol may not have meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_protocol import SMALL, written

from dosecalc import load_protocol
from dosecalc.errors import TomlError
from dosecalc.protocol import shipped_protocols
from dosecalc.report.protocol_advice import advice
from dosecalc.report.protocol_changes import Changes


def said(folder: Path, text: str) -> set[tuple[str, str]]:
    found = advice(load_protocol(written(folder, text)), Changes())
    return {(a.where, a.text.split(":")[0]) for a in found}


@pytest.mark.parametrize("name", shipped_protocols())
def test_shipped_protocols_need_none(name: str) -> None:
    assert advice(load_protocol(name), Changes()) == ()


def test_sources(tmp_path: Path) -> None:
    text = SMALL.replace('alpha_beta_gy = 2.0\nsource = "a test"', 'alpha_beta_gy = 2.0\nsource = " "')
    text = text.replace(
        '"session_sum"\nsource = "a test"', '"session_sum"\nsource = "Smith; State your source"'
    )
    assert {where for where, _ in said(tmp_path, text)} == {
        "structures[Cord].source",
        "rules[cord].source",
    }


def test_names_that_a_reader_mistakes_for_one(tmp_path: Path) -> None:
    text = f'{SMALL}\n[[structures]]\nname = "Other"\naliases = ["spinal_cord"]\n'
    ((where, words),) = said(tmp_path, text)
    assert where == "structures[Other].aliases"
    assert words == "'spinal_cord' differs from 'SpinalCord' of Cord in blanks and signs only"


def test_a_limit_at_another_alpha_beta(tmp_path: Path) -> None:
    limit = (
        '\n[[rules]]\nid = "sum"\ntitle = "t"\nkind = "cumulative_limit"\nlevel = "required"\n'
        'structures = ["Cord"]\ngoal = "Dmax < 50 Gy EQD2(3)"\nrecovered = true\nsource = "s"\n'
    )
    assert said(tmp_path, SMALL + limit) == {
        (
            "rules[sum].goal",
            "'Dmax < 50 Gy EQD2(3)' is judged at its own a/b; the structure Cord has 2 Gy",
        ),
        ("rules[sum].recovered", "the protocol has no recovery for Cord"),
    }


def test_a_stricter_limit_at_another_alpha_beta(tmp_path: Path) -> None:
    limit = (
        '\n[[rules]]\nid = "sum"\ntitle = "t"\nkind = "cumulative_limit"\nlevel = "required"\n'
        'structures = ["Cord"]\ngoal = "Dmax < 50 Gy EQD2(2)"\nsource = "s"\n'
        'stricter = ["Dmax < 45 Gy EQD2(2)", "Dmax < 45 Gy EQD2(3)"]\n'
    )
    assert {where for where, _ in said(tmp_path, SMALL + limit)} == {"rules[sum].stricter[2]"}


def test_a_range_of_alpha_beta_that_there_is_none_of(tmp_path: Path) -> None:
    limit = (
        '\n[[rules]]\nid = "sum"\ntitle = "t"\nkind = "cumulative_limit"\nlevel = "required"\n'
        'structures = ["Cord"]\ngoal = "Dmax < 50 Gy EQD2(2)"\nsource = "s"\n'
        'uncertain_by = ["stated_bound", "alpha_beta"]\n'
    )
    expected = ("rules[sum].uncertain_by", "the protocol has no range of a/b for Cord")
    assert said(tmp_path, SMALL + limit) == {expected}
    with_range = SMALL.replace("alpha_beta_gy = 2.0", "alpha_beta_gy = 2.0\nalpha_beta_range_gy = [1, 3]")
    assert said(tmp_path, with_range + limit) == set()


def test_nothing_that_decides(tmp_path: Path) -> None:
    assert {w for w, _ in said(tmp_path, SMALL.replace('"required"', '"advisory"'))} == {"rules"}
    assert {w for w, _ in said(tmp_path, SMALL[: SMALL.index("[[rules]]")])} == {"rules"}


def test_a_distance_decides_nothing(tmp_path: Path) -> None:
    text = SMALL.replace('"session_limit"', '"distance"').replace('"required"', '"advisory"')
    text = text.replace('reading = "session_sum"', "dose_gy = 3.0\nshift_mm = 3.0")
    assert {w for w, _ in said(tmp_path, text)} == {"rules"}
    with pytest.raises(TomlError, match=r"rules\[cord\]\.level: expected advisory"):
        said(tmp_path, text.replace('"advisory"', '"required"'))
