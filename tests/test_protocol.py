"""Protocol files: what ships, how a file of one's own extends it, and how errors name their place."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from cases import redefine

from dosecalc import load_protocol
from dosecalc.errors import InputError, TomlError
from dosecalc.protocol import shipped_protocols
from dosecalc.rules import Level
from dosecalc.statement import Grouping

ADVISORY = {"R01", "R02", "R03", "R11", "R13", "R13.inside", "R14", "R16.overlap", "R19"}
ADVISORY |= {"R20", "R26", "R40", "R41"}
REQUIRED = {"R05", "R10", "R12", "R15", "R16", "R17", "R18", "R21", "R23", "R24", "R25"}
REQUIRED |= {"R30", "R42", "R42.organs"}

SMALL = """
format_version = 1
name = "small"
title = "a small protocol"
source = "a test"
visit_hours = 2.0

[[courses]]
name = "only"

[[roles]]
name = "only"
course = "only"
fractions = [1, 5]
dose_per_fraction_gy = [1.0, 3.0]

[[structures]]
name = "Cord"
aliases = ["SpinalCord"]
alpha_beta_gy = 2.0
source = "a test"

[[rules]]
id = "cord"
title = "cord"
kind = "session_limit"
level = "required"
structures = ["Cord"]
course = "only"
goal = "D0.03cc < 3 Gy/fx"
reading = "session_sum"
source = "a test"
"""


def written(folder: Path, text: str, *, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        load_protocol(written(folder, text))
    return str(caught.value)


class TestShipped:
    def test_names(self) -> None:
        assert shipped_protocols() == ("example_spine", "redefine")

    @pytest.mark.parametrize("name", ["example_spine", "redefine"])
    def test_every_number_has_a_source(self, name: str) -> None:
        """Each rule has one, each a/b has one, and so has the protocol."""
        text = (resources.files("dosecalc") / "protocols" / f"{name}.toml").read_text(encoding="utf-8")
        data: dict[str, Any] = tomllib.loads(text)
        assert data["source"].strip()
        for rule in data["rules"]:
            assert rule["source"].strip(), rule["id"]
        for structure in data["structures"]:
            if any(isinstance(v, int | float) for v in _values(structure)):
                assert structure["source"].strip(), structure["name"]

    def test_levels_of_redefine(self) -> None:
        levels: dict[Level, set[str]] = {Level.REQUIRED: set(), Level.ADVISORY: set()}
        for rule in redefine().rules:
            levels[rule.level].add(rule.id)
        assert levels == {Level.REQUIRED: REQUIRED, Level.ADVISORY: ADVISORY}

    def test_structures_of_redefine(self) -> None:
        """CLINICAL section 2: a/b of the structures that the rules judge, each within its range."""
        found = {s.name: s.alpha_beta_gy for s in redefine().structures}
        assert found["GTVp"] == found["GTVp_High"] == 10
        assert found["A_Carotid_L"] == found["A_Carotid_R"] == found["Nasopharynx^Muc"] == 3
        assert found["SpinalCord"] == found["Brainstem"] == found["OpticChiasm"] == 2
        assert found["Lens_L"] == 1.2
        for entry in redefine().structures:
            assert entry.alpha_beta_gy is not None
            assert entry.alpha_beta_range_gy is not None
            low, high = entry.alpha_beta_range_gy
            assert low <= entry.alpha_beta_gy <= high
            assert entry.endpoint
            assert len(entry.name) <= 16

    def test_no_alias_serves_two_structures(self) -> None:
        for name in shipped_protocols():
            names = [
                n.strip().casefold()
                for s in load_protocol(name).structures
                for n in {s.name.casefold(), *(a.casefold() for a in s.aliases)}
            ]
            assert len(names) == len(set(names))

    def test_the_prior_course_is_never_recognised(self) -> None:
        assert redefine().role("prior").fractions is None
        assert redefine().role("low").dose_per_fraction_gy == (1.0, 2.4)
        assert redefine().structure("GTVp").alpha_beta_gy == 10
        assert redefine().courses[1].grouping is Grouping.ONE_SESSION

    def test_hash_is_that_of_the_file(self) -> None:
        content = (resources.files("dosecalc") / "protocols" / "redefine.toml").read_bytes()
        assert redefine().sha256 == hashlib.sha256(content).hexdigest()


def _values(table: dict[str, Any]) -> Iterator[object]:
    for value in table.values():
        yield from value if isinstance(value, list) else [value]


class TestFile:
    def test_small(self, tmp_path: Path) -> None:
        protocol = load_protocol(written(tmp_path, SMALL))
        assert (protocol.name, protocol.path) == ("small", "mine.toml")
        assert [r.id for r in protocol.rules] == ["cord"]
        assert load_protocol(str(tmp_path / "mine.toml")) == protocol

    @pytest.mark.parametrize(
        ("before", "after", "words"),
        [
            ('title = "a small protocol"', "", ["title", "found nothing"]),
            ("format_version = 1", "format_version = 2", ["format_version", "expected 1, found 2"]),
            ("format_version = 1", 'format_version = "1"', ["format_version", "whole number", "'1'"]),
            ("format_version = 1", "format_version = true", ["format_version", "whole number"]),
            ("format_version = 1", "", ["format_version", "found nothing"]),
            (
                'source = "a test"\nvisit_hours = 2.0',
                'sourc = "x"\nsource = "y"\nvisit_hours = 2.0',
                ["sourc", "source"],
            ),
            ("visit_hours = 2.0", "", ["visit_hours", "found nothing"]),
            ("visit_hours = 2.0", "visit_hours = 24", ["visit_hours", "less than 24"]),
            ("visit_hours = 2.0", "visit_hours = -1", ["visit_hours", "0 or more"]),
            ('name = "only"\n\n[[roles]]', 'name = "only"\ngroup = 3\n[[roles]]', ["courses[only].group"]),
            ('name = "small"', 'name = " "', ["mine.toml: name", "expected words, found a blank string"]),
            ('name = "only"\n\n[[roles]]', 'name = ""\n\n[[roles]]', ["courses[].name", "expected words"]),
            ('name = "only"\ncourse', 'name = ""\ncourse', ["roles[].name", "expected words"]),
            ('name = "Cord"', 'name = " "', ["structures[ ].name", "expected words"]),
            ('["SpinalCord"]', '["SpinalCord", ""]', ["structures[Cord].aliases[2]", "expected words"]),
            ('id = "cord"', 'id = ""', ["rules[].id", "expected words"]),
            ('name = "only"\n\n[[roles]]', "name = 3\n\n[[roles]]", ["courses[1].name", "a string", "3"]),
            (
                '[[roles]]\nname = "only"',
                '[[roles]]\nname = "low"\nfractions_ = 1',
                ["roles[low].fractions_"],
            ),
            ("fractions = [1, 5]", "fractions = [5, 1]", ["roles[only].fractions", "[low, high]"]),
            ("fractions = [1, 5]", "fractions = [1]", ["roles[only].fractions", "[low, high]"]),
            ("fractions = [1, 5]", 'fractions = [1, "5"]', ["roles[only].fractions[2]", "a number"]),
            ("fractions = [1, 5]", "", ["roles[only].fractions", "found nothing"]),
            ('course = "only"\nfractions', 'course = "onl"\nfractions', ["roles[only].course", "'onl'"]),
            ("alpha_beta_gy = 2.0", "alpha_beta_gy = 0.0", ["structures[Cord].alpha_beta_gy", "above 0"]),
            (
                "alpha_beta_gy = 2.0",
                "alpha_beta_gy = 2.0\nalpha_beta_range_gy = [0, 3.3]",
                ["structures[Cord].alpha_beta_range_gy", "above 0, found [0.0, 3.3]"],
            ),
            (
                "alpha_beta_gy = 2.0",
                "alpha_beta_gy = 2.0\nalpha_beta_range_gy = [-1, 3.3]",
                ["structures[Cord].alpha_beta_range_gy", "above 0, found [-1.0, 3.3]"],
            ),
            (
                "alpha_beta_gy = 2.0",
                "alpha_beta_gy = 2.0\nalpha_beta_range_gy = [5, 8]",
                ["structures[Cord].alpha_beta_range_gy", "alpha_beta_gy (2) within it, found [5.0, 8.0]"],
            ),
            (
                "alpha_beta_gy = 2.0",
                "alpha_beta_range_gy = [5, 8]",
                ["structures[Cord].alpha_beta_gy", "within alpha_beta_range_gy, found nothing"],
            ),
            (
                "alpha_beta_gy = 2.0",
                "alpha_beta_gy = 2.0\nvalid_gy = [-3, -1]",
                ["structures[Cord].valid_gy", "0 or more, found [-3.0, -1.0]"],
            ),
            ("[1, 5]", "[-3, -1]", ["roles[only].fractions", "0 or more, found [-3.0, -1.0]"]),
            ("[1.0, 3.0]", "[-1, 3]", ["roles[only].dose_per_fraction_gy", "0 or more, found [-1.0, 3.0]"]),
            (
                "alpha_beta_gy = 2.0",
                "alpha_beta_gy = 2.0\nrepair_half_time_h = 4.4",
                ["structures[Cord].model_source", "found nothing"],
            ),
            (
                "alpha_beta_gy = 2.0",
                'alpha_beta_gy = 2.0\nrepair_half_time_h = 0\nmodel_source = "s"',
                ["structures[Cord].repair_half_time_h", "above 0"],
            ),
            ("alpha_beta_gy = 2.0", "alpha_beta_gy = nan", ["structures[Cord].alpha_beta_gy", "finite"]),
            ("alpha_beta_gy = 2.0", "alpha_beta_gy = true", ["structures[Cord].alpha_beta_gy", "a number"]),
            ('aliases = ["SpinalCord"]', 'alias = ["SpinalCord"]', ["structures[Cord].alias", "aliases"]),
            ('aliases = ["SpinalCord"]', 'aliases = "SpinalCord"', ["structures[Cord].aliases", "a list"]),
            ('source = "a test"\n\n[[rules]]', "\n[[rules]]", ["structures[Cord].source", "found nothing"]),
            ('structures = ["Cord"]', 'structures = ["Cort"]', ["rules[cord].structures", "Cord", "'Cort'"]),
            ('structures = ["Cord"]', "structures = []", ["rules[cord].structures", "found none"]),
            ('structures = ["Cord"]', 'structures = "Cord"', ["rules[cord].structures", "a list"]),
            ('course = "only"\ngoal', 'course = "all"\ngoal', ["rules[cord].course", "'all'"]),
            ('level = "required"', 'level = "important"', ["rules[cord].level", "required, advisory"]),
            ('level = "required"', "", ["rules[cord].level", "found nothing"]),
            ('kind = "session_limit"', 'kind = "limit"', ["rules[cord].kind", "session_limit", "'limit'"]),
            ("D0.03cc < 3 Gy/fx", "D0.03 < 3 Gy/fx", ["rules[cord].goal", "cc or %", "     ^"]),
            ("D0.03cc < 3 Gy/fx", "D0.03cc < 3 Gy", ["rules[cord].goal", "Gy/fx"]),
            ('id = "cord"', 'id = "cord"\nlimit = 3', ["rules[cord].limit", "unknown key"]),
            ('id = "cord"', 'id = "cord"\nstricte = []', ["rules[cord].stricte", "did you mean 'stricter'"]),
            ('id = "cord"\n', "", ["rules[1].id", "found nothing"]),
        ],
    )
    def test_errors_name_the_path(self, tmp_path: Path, before: str, after: str, words: list[str]) -> None:
        assert before in SMALL
        message = refusal(tmp_path, SMALL.replace(before, after, 1))
        assert message.startswith("mine.toml: ")
        for word in words:
            assert word in message, message

    @pytest.mark.parametrize("ends", ["[2, 2]", "[2, 3.3]", "[0.87, 2]"])
    def test_a_range_may_end_at_the_alpha_beta(self, tmp_path: Path, ends: str) -> None:
        text = SMALL.replace("alpha_beta_gy = 2.0", f"alpha_beta_gy = 2.0\nalpha_beta_range_gy = {ends}")
        found = load_protocol(written(tmp_path, text)).structure("Cord").alpha_beta_range_gy
        assert found is not None
        assert found[0] <= 2 <= found[1]

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ('[[courses]]\nname = "only"', ["courses[only]", "twice"]),
            ('[[structures]]\nname = "Cord"', ["structures[Cord]", "twice"]),
            ('[[roles]]\nname = "only"\ncourse = "only"', ["roles[only]", "twice"]),
            (SMALL[SMALL.index("[[rules]]") :], ["rules[cord]", "twice"]),
            ("[more]\nkey = 1", ["more", "unknown key"]),
        ],
    )
    def test_names_occur_once(self, tmp_path: Path, more: str, words: list[str]) -> None:
        message = refusal(tmp_path, f"{SMALL}\n{more}\n")
        for word in words:
            assert word in message, message

    def test_rules_that_are_no_tables(self, tmp_path: Path) -> None:
        text = SMALL[: SMALL.index("[[rules]]")]
        assert "rules" in refusal(tmp_path, f"rules = 3\n{text}")
        assert "rules[1]" in refusal(tmp_path, f"rules = [3]\n{text}")

    @pytest.mark.parametrize(
        "content", [b"format_version = ", b"\xff\xfe\x00", b"name = 'a'\nname = 'b'", b"\x00", b"[" * 5000]
    )
    def test_no_toml(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "mine.toml"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"mine\.toml: expected a TOML file"):
            load_protocol(path)

    def test_too_large_to_be_one(self, tmp_path: Path) -> None:
        path = written(tmp_path, SMALL + "#" * 1_000_000)
        with pytest.raises(InputError, match=r"expected a protocol of 1 MB at most, found 1\.0 MB"):
            load_protocol(path)

    def test_names_that_are_nearly_right(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"found no such file; did you mean 'redefine'\?"):
            load_protocol("redefin")
        message = refusal(tmp_path, SMALL.replace('structures = ["Cord"]', 'structures = ["Cort"]'))
        assert message.endswith("found 'Cort'; did you mean 'Cord'?")

    def test_a_name_that_no_file_can_have(self) -> None:
        with pytest.raises(InputError, match="cannot be read"):
            load_protocol("x" * 5000)

    def test_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"example_spine, redefine"):
            load_protocol(tmp_path / "nothing.toml")
        with pytest.raises(InputError):
            load_protocol(tmp_path)
        with pytest.raises(InputError):
            load_protocol("")


class TestExtends:
    HEAD = 'format_version = 1\nextends = "redefine"\nname = "local"\n'

    def load(self, folder: Path, more: str) -> Any:
        return load_protocol(written(folder, self.HEAD + more))

    def test_nothing_changed(self, tmp_path: Path) -> None:
        protocol = self.load(tmp_path, "")
        assert protocol.rules == redefine().rules
        assert protocol.name == "local"
        assert (protocol.extends, redefine().extends) == ("redefine", "")
        assert redefine().sha256 in protocol.sha256
        assert protocol.sha256 != redefine().sha256
        assert protocol.title != redefine().title

    def test_overrides_one_key(self, tmp_path: Path) -> None:
        protocol = self.load(tmp_path, '[[rules]]\nid = "R21"\ncounted_from = "first_session"\n')
        changed = [a.id for a, b in zip(protocol.rules, redefine().rules, strict=True) if a != b]
        assert changed == ["R21"]

    def test_adds(self, tmp_path: Path) -> None:
        more = (
            '[[rules]]\nid = "R40.cord"\ntitle = "t"\nkind = "cumulative_limit"\nlevel = "required"\n'
            'structures = ["Eye"]\ngoal = "Dmax <= 135.5 Gy BED(2)"\nsource = "s"\n'
            '[[structures]]\nname = "Eye"\nalpha_beta_gy = 2.0\nsource = "s"\n'
        )
        protocol = self.load(tmp_path, more)
        assert [r.id for r in protocol.rules] == [*(r.id for r in redefine().rules), "R40.cord"]
        assert protocol.structure("Eye").alpha_beta_gy == 2

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('[[rules]]\nid = "R15"\ngoal = "D1cc < 3"\n', ["rules[R15].goal", "unit", "^"]),
            ('[[rules]]\nid = "R15"\ngaol = "D1cc < 3 Gy/fx"\n', ["rules[R15].gaol", "goal"]),
            ('[[rules]]\nid = "R99"\n', ["rules[R99].kind", "found nothing"]),
            ('[[rules]]\nlevel = "advisory"\n', ["rules["]),
            ('[[rules]]\nid = "R15"\n[[rules]]\nid = "R15"\nlevel = "advisory"\n', ["R15", "twice"]),
            ('[[structures]]\nname = "Eye"\n[[structures]]\nname = "Eye"\n', ["Eye", "twice"]),
            ('[[rules]]\nid = "R15"\nstructures = ["Eye"]\n', ["rules[R15].structures", "'Eye'"]),
            ('[[rules]]\nid = "R15"\nkind = "span"\n', ["rules[R15]"]),
        ],
    )
    def test_errors(self, tmp_path: Path, text: str, words: list[str]) -> None:
        message = refusal(tmp_path, self.HEAD + text)
        for word in words:
            assert word in message, message

    @pytest.mark.parametrize("name", ["local", "mine.toml", ""])
    def test_of_an_unknown_protocol(self, tmp_path: Path, name: str) -> None:
        message = refusal(tmp_path, self.HEAD.replace("redefine", name))
        assert "extends" in message
        assert "redefine" in message

    def test_without_a_name_of_its_own(self, tmp_path: Path) -> None:
        """What differs from the shipped protocol must not go by its name."""
        assert "name" in refusal(tmp_path, self.HEAD.replace('name = "local"\n', ""))

    def test_wrong_version(self, tmp_path: Path) -> None:
        assert "format_version" in refusal(tmp_path, self.HEAD.replace("= 1", "= 7"))


def test_errors_of_a_file_are_toml_errors(tmp_path: Path) -> None:
    with pytest.raises(TomlError) as caught:
        load_protocol(written(tmp_path, SMALL.replace('"required"', '"maybe"')))
    assert (caught.value.source, caught.value.where) == ("mine.toml", "rules[cord].level")
