"""All faults of a protocol file, each with its place, and what they look like."""

from __future__ import annotations

import unicodedata
from importlib import resources

import pytest
from test_protocol import SMALL
from test_toml_places import calls

from dosecalc.protocol import shipped_protocols
from dosecalc.report.protocol_faults import MOST_FAULTS, examine, fault_lines

RULE = SMALL[SMALL.index("[[rules]]") :]


def shown(content: str | bytes) -> list[list[str]]:
    """The lines of each fault of a file."""
    raw = content.encode() if isinstance(content, str) else content
    found = examine(raw, "mine.toml")
    assert (found.protocol is None) is bool(found.faults)
    return [list(fault_lines(f, found.lines, "mine.toml")) for f in found.faults]


def under_caret(lines: list[str]) -> str:
    """What stands above the caret and right of it."""
    return lines[-2][lines[-1].index("^") :]


@pytest.mark.parametrize("name", shipped_protocols())
def test_shipped_protocols_have_none(name: str) -> None:
    content = (resources.files("dosecalc") / "protocols" / f"{name}.toml").read_bytes()
    found = examine(content, f"{name}.toml")
    assert found.faults == ()
    assert found.protocol is not None
    assert set(found.kinds) == {r.id for r in found.protocol.rules}


@pytest.mark.parametrize(
    ("before", "marked"),
    [
        ('"required"', '@"maybe"'),
        ("alpha_beta_gy = 2.0", "alpha_beta_gy = @-2"),
        ("visit_hours = 2.0", "visit_hours = @24"),
        ('goal = "D0.03cc', 'goal = "D0.03@'),
        ('["Cord"]', '[@"Eye"]'),
        ('[[rules]]\nid = "cord"', '[[rules]]\nid = @""'),
        ('[[rules]]\nid = "cord"\ntitle = "cord"\n', '@[[rules]]\nid = "cord"\n'),
        ('id = "cord"', 'id = "cord"\n@stricte = []'),
        ('title = "a small protocol"', 'title = "a small@'),
        ("fractions = [1, 5]", "fractions = @[5, 1]"),
        ("fractions = [1, 5]", "fractions = @[\n  1, # low\n]"),
    ],
)
def test_the_caret_stands_under_the_fault(before: str, marked: str) -> None:
    assert before in SMALL
    text = SMALL.replace(before, marked, 1)
    ahead, _, behind = text.partition("@")
    faults = shown(ahead + behind)
    assert len(faults) == 1
    line, column = ahead.count("\n") + 1, len(ahead) - ahead.rfind("\n")
    assert faults[0][0].startswith(f"mine.toml:{line}:{column}: ")
    assert under_caret(faults[0]) == behind.split("\n")[0]


def test_every_faulty_rule_is_shown_and_none_for_a_sound_one() -> None:
    rules = [RULE.replace('"cord"\ntitle', f'"{n}"\ntitle') for n in "abcde"]
    rules[1] = rules[1].replace("D0.03cc", "D0.03")
    rules[3] = rules[3].replace('"only"', '"nowhere"')
    rules[4] = rules[4].replace('kind = "session_limit"', 'kind = "limit"')
    faults = [f[0] for f in shown(SMALL.replace(RULE, "\n".join(rules)))]
    assert [f.split(": ")[1] for f in faults] == ["rules[b].goal", "rules[d].course", "rules[e].kind"]


def test_a_fault_elsewhere_hides_none_of_a_rule_and_makes_none() -> None:
    text = SMALL.replace("alpha_beta_gy = 2.0", "alpha_beta = 2.0").replace('"required"', '"maybe"')
    text = text.replace("fractions = [1, 5]", "fractions = 1").replace('title = "a small protocol"\n', "")
    text = text.replace("[[courses]]\n", "[[courses]]\nprior = true\n").replace("visit_hours", "visit_hour")
    where = {f[0].split(": ")[1] for f in shown(text)}
    assert where == {
        "title",
        "visit_hours",
        "visit_hour",
        "courses[only].prior",
        "roles[only].fractions",
        "structures[Cord].alpha_beta",
        "rules[cord].level",
    }


TOP = SMALL[: SMALL.index("[[courses]]")]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (
            TOP + 'courses = "x"\nroles = [1]\nrules = 3\nstructures = {a = 1}\nrecovery = [{}]\n',
            ["courses", "roles[1]", "rules", "structures", "recovery[1].structures"],
        ),
        (SMALL.replace("[[courses]]", "[courses]").replace("[[rules]]", "[rules]"), ["courses", "rules"]),
        (SMALL.replace('[[courses]]\nname = "only"\n', "[[courses]]\n"), ["courses[1].name"]),
        (
            SMALL.replace("[[structures]]", "[structures]").replace('"cord"', "3", 1),
            ["structures", "rules[1].id"],
        ),
        (
            SMALL.replace("fractions = [1, 5]", "fractions = 1").replace('[[courses]]\nname = "only"\n', ""),
            ["roles[only].fractions"],
        ),
        (
            SMALL.replace('course = "only"\nfr', 'course = "onli"\nfr') + '[[recovery]]\nname = "x"\n',
            ["roles[only].course", "recovery[1].structures"],
        ),
        (TOP + 'roles = 1\n[[rules]]\nid = "x"\nlevel = 3\n', ["roles", "rules[x].kind"]),
        (
            SMALL
            + '[[courses]]\nname = "only"\n[[courses]]\nname = "more"\n'
            + '[[roles]]\nname = "r"\ncourse = "onli"\n',
            ["courses[only]", "roles[r].course"],
        ),
        (
            'format_version = 1\nextends = "redefine"\nname = "x"\ncourses = 3\n'
            '[[rules]]\nid = "R24"\nper_day = ""\n',
            ["courses", "rules[R24].per_day"],
        ),
    ],
    ids=map(str, range(9)),
)
def test_a_list_that_cannot_be_read_hides_no_fault_and_makes_none(text: str, where: list[str]) -> None:
    """A name that may be in it, such as that of a course, is not held against what else there is."""
    faults = shown(text)
    assert [f[0].split(": ")[1] for f in faults] == where
    assert "stand-in" not in str(faults)


def test_broken_courses_hide_no_fault_and_make_none() -> None:
    text = (
        'format_version = 1\nname = "x"\ntitle = "t"\nsource = "s"\nvisit_hours = 2\n'
        'courses = "x"\nrules = 3\nstructures = {a=1}\n[[roles]]\nname = "r"\ncourse = "only"\n'
    )
    faults = shown(text)
    assert [f[0].split(": ")[1] for f in faults] == ["courses", "rules", "structures"]
    assert "stand-in" not in str(faults)


@pytest.mark.parametrize(
    ("kind", "goal"), [("session_limit", "Dmax < 3 Gy"), ("cumulative_limit", "D95% >= 9 %")]
)
def test_a_fault_of_a_stricter_goal_is_shown_there(kind: str, goal: str) -> None:
    rule = RULE.replace('kind = "session_limit"', f'kind = "{kind}"\nstricter = ["{goal}"]')
    if kind == "cumulative_limit":
        rule = rule.replace('course = "only"\n', "").replace('reading = "session_sum"\n', "")
        rule = rule.replace("3 Gy/fx", "3 Gy")
    (fault,) = shown(SMALL.replace(RULE, rule))
    assert ": rules[cord].stricter[1]: " in fault[0]


def test_a_structure_with_a_fault_makes_no_fault_of_a_limit_in_bed() -> None:
    limit = RULE.replace('kind = "session_limit"', 'kind = "cumulative_limit"').replace(
        "3 Gy/fx", "3 Gy BED(2)"
    )
    limit = limit.replace('course = "only"\n', "").replace('reading = "session_sum"\n', "")
    text = SMALL.replace(RULE, limit)
    assert shown(text) == []
    faults = shown(text.replace("alpha_beta_gy = 2.0", 'alpha_beta_gy = "2"'))
    assert [f[0].split(": ")[1] for f in faults] == ["structures[Cord].alpha_beta_gy"]


def test_rules_without_a_name_are_called_by_their_number() -> None:
    bare = RULE.replace('id = "cord"\n', "")
    faults = shown(SMALL + bare + "\n" + bare)
    assert [f[0].split(": ")[1] for f in faults] == ["rules[2].id", "rules[3].id"]
    numbers = [int(f[0].split(":")[1]) for f in faults]
    assert numbers[1] - numbers[0] == len((bare + "\n").split("\n")) - 1


def test_rules_without_a_name_are_counted_in_the_file_itself() -> None:
    """Whose author does not see how many rules the protocol has that it extends."""
    sound = '[[rules]]\ntitle = "t"\nkind = "one_frame"\nlevel = "advisory"\nsource = "s"\n'
    text = 'format_version = 1\nextends = "redefine"\nname = "x"\n' + sound
    text += f'{sound}id = "new"\n[[rules]]\nid = "R24"\n{sound}{sound.replace("kind", "kin")}[[roles]]\n'
    faults = shown(text)
    assert [f[0].split(": ")[1] for f in faults] == [
        "rules[1].id",
        "rules[4].id",
        "rules[5].kind",
        "roles[1].name",
    ]
    headers = [n for n, line in enumerate(text.split("\n"), 1) if line.startswith("[[")]
    assert [int(f[0].split(":")[1]) for f in faults] == [headers[n] for n in (0, 3, 4, 5)]


def test_rules_without_a_name_beside_those_of_the_shipped_protocol() -> None:
    """They have the numbers that whoever wrote the file can count, and each its own place."""
    named = '[[rules]]\nid = "W"\ntitle = "t"\nkind = "weekly"\nlevel = "required"\nsource = "s"\n'
    named += 'course = "definitive"\nper_week = 5\nper_day = 1\n'
    bare = '[[rules]]\ntitle = "t"\nlevel = "required"\nsource = "s"\n'
    text = f'format_version = 1\nextends = "redefine"\nname = "x"\n{bare}kind = "weekly"\n{named}{bare}'
    faults = shown(text)
    assert [":".join(f[0].split(": ")[0].split(":")[1:]) for f in faults] == ["4:1", "18:1"]
    assert [f[0].split(": ")[1].partition(".")[0] for f in faults] == ["rules[1]", "rules[3]"]


def test_names_that_occur_twice() -> None:
    faults = shown(f"{SMALL}\n{RULE}")
    assert len(faults) == 1
    assert int(faults[0][0].split(":")[1]) > SMALL.count("\n")


def test_sound_rules_are_not_read_anew_for_each_fault() -> None:
    def with_faults(count: int) -> str:
        rules = [RULE.replace('"cord"\ntitle', f'"{n}"\ntitle') for n in range(100)]
        faulty = [r.replace('course = "only"', 'course = "nowhere"') for r in rules[:count]]
        return SMALL.replace(RULE, "\n".join(faulty + rules[count:]))

    assert len(shown(with_faults(15))) == 15
    assert calls(lambda: shown(with_faults(15))) < 2 * calls(lambda: shown(with_faults(1)))


def test_of_many_faults_so_many_are_shown() -> None:
    bad = RULE.replace('"required"', '"maybe"')
    rules = [bad.replace('"cord"\ntitle', f'"{n}"\ntitle') for n in range(MOST_FAULTS + 5)]
    assert len(shown(SMALL.replace(RULE, "\n".join(rules)))) == MOST_FAULTS


def test_what_the_shipped_protocol_has_is_no_place_in_this_file() -> None:
    """Courses replaced by name are merged, so a fault can come to light in a rule of the other file."""
    text = 'format_version = 1\nextends = "redefine"\nname = "x"\n[[rules]]\nid = "R15"\nkind = "span"\n'
    faults = shown(text)
    assert faults[0][0].startswith("mine.toml:4:1: rules[R15].dose_gy: expected a number, found nothing")
    assert under_caret(faults[0]) == "[[rules]]"


@pytest.mark.parametrize(
    ("content", "start"),
    [
        (b"format_version = ", "mine.toml:1:18: expected a TOML file"),
        (b"format_version = 1\nx = [1,\n", "mine.toml:2:8: expected a TOML file"),
        (b'a = 1\nb = "\xff"\n', "mine.toml:2:6: expected a TOML file, which is text in UTF-8"),
        ("a = 1\nb = 'ä".encode() + b"\xff'\n", "mine.toml:2:7: "),
        (b"a = 1\r\nb = = 2\r\n", "mine.toml:2:5: expected a TOML file"),
        (b"name = 'a'\nname = 'b'", "mine.toml:2:"),
        (b"a = " + b"9" * 5000, "mine.toml: expected a TOML file, found a number of too many digits"),
        (b"a = " + b"[" * 50000, "mine.toml: expected a TOML file, found brackets nested too deep"),
        (b"\x00\x01\x02", "mine.toml:1:1: expected a TOML file"),
        (b"a = 2026-02-30", "mine.toml:1:"),
        (b"", "mine.toml: format_version: expected a whole number, found nothing"),
        (b"format_version = {a" + b".a" * 3000 + b" = 1}", "mine.toml:1:18: format_version: expected"),
        (b"format_version = 1\nextends = 'x'", "mine.toml:2:11: extends: expected a shipped protocol"),
    ],
)
def test_files_that_are_none(content: bytes, start: str) -> None:
    faults = shown(content)
    assert faults[0][0].startswith(start), faults


def test_bom_moves_no_column() -> None:
    assert shown(b"\xef\xbb\xbfformat_version = 7\n")[0][0].startswith("mine.toml:1:18: ")
    assert shown(b"\xef\xbb\xbfa = \xff\n")[0][0].startswith("mine.toml:1:5: ")


@pytest.mark.parametrize("odd", ["\u202e", "\t", "漢字", "e\u0301", "x" * 10_000])
def test_the_caret_stands_where_a_terminal_shows_the_place(odd: str) -> None:
    """Wide characters take two columns and combining ones none, and long lines are cut around the place."""
    text = SMALL.replace('level = "required"', f'title2 = "{odd}"\nlevel = "required"').replace(
        'aliases = ["SpinalCord"]', f'aliases = ["{odd}", 3, "{odd}"]'
    )
    text = text.replace('"a small protocol"', f'"{odd}" x')
    (lines,) = shown(text)
    columns = [
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in lines[1]
    ]
    at = next(n for n in range(len(columns)) if sum(columns[:n]) == lines[2].index("^"))
    if len(odd) < 100:
        assert lines[1][at:] == "x"
    assert len(lines[1]) < 120
    assert not any(unicodedata.category(c) == "Cc" for line in lines for c in line)
