"""Text drawn on a terminal: nothing of the plain text is left out, cut or taken for something else."""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from cases import judged, make_case
from report_pages import LONG, SCRIPT, failing, hostile, in_part

from dosecalc import CheckResult, load_protocol
from dosecalc.findings import Outcome
from dosecalc.protocol import shipped_protocols
from dosecalc.report.blocks import TIED, Across, Block, Heading, Paragraph, Table, Tone, tone_of
from dosecalc.report.check_text import check_blocks
from dosecalc.report.protocol_changes import Changes
from dosecalc.report.protocol_text import protocol_blocks
from dosecalc.report.tables import page
from dosecalc.report.terminal import draw

pytest.importorskip("rich")
from rich.cells import cell_len

WIDTHS = (80, 100, 132, 250)
_STYLE = re.compile(r"\x1b\[([0-9;]*)m")
BOLD, RED, GREEN, YELLOW = "1", "31", "32", "33"


@pytest.fixture(autouse=True)
def colour_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)


def drawn(blocks: Iterable[Block], width: int = 80) -> str:
    stream = io.StringIO()
    draw(blocks, stream, width=width)
    return stream.getvalue()


def bare(text: str) -> str:
    return _STYLE.sub("", text)


def checked(result: CheckResult) -> list[Block]:
    return list(check_blocks(result, case_name="a case", patient="a patient"))


def compliant() -> CheckResult:
    return judged(make_case(), cells=50)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("result", [compliant, failing, in_part])
def test_every_word_and_number_of_the_plain_text_is_drawn(
    result: Callable[[], CheckResult], width: int
) -> None:
    blocks = checked(result())
    words, found = (Counter(text.split()) for text in (page(blocks), bare(drawn(blocks, width))))
    assert words - found == Counter()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", shipped_protocols())
def test_protocols_too(name: str, width: int) -> None:
    blocks = list(protocol_blocks(load_protocol(name), Changes()))
    assert Counter(bare(drawn(blocks, width)).split()) == Counter(page(blocks).split())


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for result in (compliant(), failing(), in_part()):
        assert max(map(cell_len, bare(drawn(checked(result), width)).splitlines())) <= width


def test_a_narrower_terminal_gets_80_columns() -> None:
    blocks = checked(compliant())
    assert drawn(blocks, 20) == drawn(blocks, 80)


@pytest.mark.parametrize("width", WIDTHS)
def test_names_that_no_file_should_have(width: int) -> None:
    text = drawn(checked(hostile()), width)
    odd = [c for c in bare(text) if unicodedata.category(c)[0] == "C" and c != "\n"]
    assert odd == []
    assert SCRIPT[:20] in bare(text)
    assert LONG[:200] not in text
    assert "... (10,000 characters)" in " ".join(bare(text).split())


def test_markup_and_emoji_are_only_characters() -> None:
    odd = "[red]x[/red] [/] [link=a]b :warning: 2.5 'quoted' http://a"
    for block in (odd, Heading(odd), Paragraph("", odd), Table(header=[odd], rows=[[odd]])):
        assert odd in bare(drawn([block]))
    assert "\x1b" not in drawn([odd])  # numbers and quotes have no colour of their own


class TestTables:
    wide = Table(
        header=["structure", "course", *(f"number {k}" for k in range(12))],
        rows=[["SpinalCord", "prior", *(f"{k}0.00" for k in range(12))]],
        words=2,
    )

    def test_numbers_stand_to_the_right(self) -> None:
        table = Table(header=["a", "Gy"], rows=[["cord", "9.5 "], ["x", "10.25"]])
        assert [line.rstrip() for line in bare(drawn([table])).splitlines()] == [
            "  a        Gy",
            "  ───────────",
            "  cord   9.5",
            "  x     10.25",
        ]

    def test_what_is_too_wide_goes_on_below_with_its_names(self) -> None:
        text = bare(drawn([self.wide]))
        parts = text.split("the same, continued")
        assert len(parts) == 2
        assert all("SpinalCord" in part and "prior" in part for part in parts)
        assert [len(re.findall(r"\d0\.00", part)) for part in parts] == [6, 6]  # none stands alone
        assert "continued" not in bare(drawn([self.wide], 200))

    @pytest.mark.parametrize("texts", [frozenset(), frozenset({14})])
    def test_a_wide_column_leaves_room_for_the_names(self, texts: frozenset[int]) -> None:
        table = Table(
            header=[*self.wide.header, "plan"],
            rows=[[*self.wide.rows[0], "@" * 70]],  # type: ignore[misc]
            words=2,
            texts=texts,
        )
        text = bare(drawn([table]))
        assert text.count("SpinalCord") == text.count("structure") > 1
        assert text.count("@") == 70
        assert max(map(cell_len, text.splitlines())) <= 80

    def test_parts_are_alike(self) -> None:
        """Of 9 columns 8 fit: no part is left with one alone."""
        table = Table(header=["a", *(f"number {k}" for k in range(9))], rows=[["x", *["1.00"] * 9]])
        parts = bare(drawn([table])).split("the same, continued")
        assert [part.count("1.00") for part in parts] == [5, 4]

    def test_what_a_line_cannot_hold_is_not_cut(self) -> None:
        path = "/" + "folder/" * 30 + "RD.dcm"
        assert path in bare(drawn([f"{path}: EQD2(3)"]))

    @pytest.mark.parametrize("width", WIDTHS)
    def test_a_long_name_is_folded_not_cut(self, width: int) -> None:
        name = "".join(chr(ord("A") + k % 26) for k in range(60))
        rows = [[name, name, *self.wide.rows[0][2:]]]  # type: ignore[index]
        text = bare(drawn([Table(header=self.wide.header, rows=rows, words=2)], width))
        part = text.split("the same, continued")[0]
        columns = list(zip(*(line[2:].partition(" ")[::2] for line in part.splitlines()[2:]), strict=True))
        assert "".join(columns[0]).replace("─", "").startswith(name)

    def test_wide_characters_take_two_columns(self) -> None:
        table = Table(header=["a", "Gy"], rows=[["脊髄", "1.00"], ["cord", "2.00"]])
        lines = bare(drawn([table])).splitlines()
        assert len({cell_len(line.rstrip()) for line in lines[2:]}) == 1

    def test_what_is_tied_stays_together(self) -> None:
        tied = f"boost{TIED}2{TIED}(~50{TIED}%)"
        table = Table(
            header=["day", "fractions", "dose"],
            rows=[["1", f"low{TIED}2 + " * 5 + tied, "9" * 50], Across(["!"], "an event " * 9)],
            texts=frozenset({1}),
            folds=1,
        )
        text = bare(drawn([table]))
        assert "boost 2 (~50 %)" in text
        assert text.count("low 2") == 5
        assert text.count("event") == 9


class TestColours:
    def styles(self, text: str, words: str) -> set[str]:
        """The codes in force where some words begin."""
        before = text[: text.index(words)]
        codes = _STYLE.findall(before)
        return set(codes[-1].split(";")) - {"0", ""} if codes else set()

    @pytest.mark.parametrize(
        ("outcome", "colour"),
        [
            (Outcome.FAIL, RED),
            (Outcome.PASS, GREEN),
            (Outcome.UNCERTAIN, YELLOW),
            (Outcome.NOT_EVALUATED, YELLOW),
        ],
    )
    def test_an_outcome(self, outcome: Outcome, colour: str) -> None:
        blocks = [
            Heading("OUTCOME: x", tone_of(outcome)),
            Paragraph("label R15: ", "text", tone=tone_of(outcome)),
        ]
        text = drawn(blocks)
        assert self.styles(text, "OUTCOME") == {BOLD, colour}
        assert colour in self.styles(text, "label")
        assert self.styles(text, "text") == set()

    def test_what_is_not_judged_is_not_green(self) -> None:
        assert {o for o in Outcome if tone_of(o) is Tone.GOOD} == {Outcome.PASS}

    def test_the_words_say_the_same_without(self, monkeypatch: pytest.MonkeyPatch) -> None:
        blocks = checked(failing())
        coloured = drawn(blocks)
        monkeypatch.setenv("NO_COLOR", "1")
        text = drawn(blocks)
        assert {code for found in _STYLE.findall(text) for code in found.split(";")} <= {"0", BOLD}
        assert bare(text) == bare(coloured)
        monkeypatch.setenv("TERM", "dumb")
        assert drawn(blocks) == bare(coloured)
