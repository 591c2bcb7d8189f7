"""Where the commands show things: a terminal, a pipe, and the bar that one waits by."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from redefine_files import save_redefine

from dosecalc import cli_screen, read_case
from dosecalc.cli_screen import progress_bar, show
from dosecalc.progress import silent
from dosecalc.report.blocks import Block, Heading, Paragraph, Table, Tone
from dosecalc.report.tables import page

HAS_RICH = importlib.util.find_spec("rich") is not None
needs_rich = pytest.mark.skipif(not HAS_RICH, reason="rich is not installed")
BLOCKS: list[Block] = [
    Heading("OUTCOME", Tone.BAD),
    Paragraph("FAIL  R15: ", "word " * 30, tone=Tone.BAD),
    Table(header=["a", "Gy"], rows=[["cord", "9.5"]]),
]


class Terminal(io.StringIO):
    """What is written to it could be seen."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard output and error are one terminal of 90 columns, from here to the end of the test."""
    found = Terminal()
    monkeypatch.setattr(sys, "stdout", found)
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return found


def wait_for(terminal: Terminal, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in terminal.getvalue() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert text in terminal.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compliant case; nobody writes into it."""
    return save_redefine(tmp_path_factory.mktemp("compliant"))


class TestShow:
    def test_a_pipe_gets_plain_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        show(BLOCKS)
        assert capsys.readouterr().out == page(BLOCKS)

    @needs_rich
    def test_a_terminal_gets_colours_and_its_own_width(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = on_terminal(monkeypatch)
        show(BLOCKS)
        text = terminal.getvalue()
        assert "\x1b[1;31mOUTCOME" in text
        assert 80 < max(map(len, text.splitlines())) <= 90 + len("\x1b[1;31m\x1b[0m")

    def test_without_rich_it_gets_plain_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = on_terminal(monkeypatch)
        monkeypatch.setitem(sys.modules, "rich", None)  # what a missing package looks like to an import
        show(BLOCKS)
        assert terminal.getvalue() == page(BLOCKS)

    def test_without_standard_output_nothing_is_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", None)
        show(BLOCKS)

    def test_what_is_for_another_program_stays_as_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = on_terminal(monkeypatch)
        text = "\tif [ x ]; then\n" + "y" * 300 + "\n"
        show(text)
        assert terminal.getvalue() == text

    @needs_rich
    def test_a_real_terminal(self, folder: Path) -> None:
        pty = pytest.importorskip("pty")
        ours, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
        environment.pop("NO_COLOR", None)
        command = [sys.executable, "-m", "dosecalc", "inspect", str(folder)]
        with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
            os.close(theirs)
            text = b""
            try:
                while chunk := os.read(ours, 65536):
                    text += chunk
            except OSError:
                pass  # how the end of a terminal is told
            os.close(ours)
        assert process.returncode == 0
        assert b"\x1b[1m" in text


@needs_rich
class TestBar:
    def test_work_of_over_a_second_shows_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = on_terminal(monkeypatch)
        monkeypatch.setattr(cli_screen, "_WAIT_S", 0.01)
        with progress_bar() as progress:
            progress("summing doses", 3, 19)
            wait_for(terminal, "3/19")
        text = terminal.getvalue()
        assert "summing doses" in text
        assert "3/19" in text
        assert text.endswith("\x1b[2K")  # and it is gone

    def test_it_is_on_standard_error_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cli_screen, "_WAIT_S", 0.0)
        out, terminal = io.StringIO(), on_terminal(monkeypatch)
        monkeypatch.setattr(sys, "stdout", out)
        with progress_bar() as progress:
            progress("reading [b]files[/b]", 1, 2)
            wait_for(terminal, "reading [b]files[/b]")
            progress("drawing", 0, 0)  # nobody knows of how much
            wait_for(terminal, "drawing")
        assert "0/2" not in terminal.getvalue()
        assert out.getvalue() == ""

    def test_a_terminal_that_goes_away_is_nothing_to_the_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cli_screen, "_WAIT_S", 0.0)
        terminal = on_terminal(monkeypatch)
        with progress_bar() as progress:
            progress("reading files", 1, 2)
            wait_for(terminal, "reading files")
            monkeypatch.setattr(threading, "excepthook", lambda _: None)  # of the thread that draws

            def gone(_: str) -> int:
                raise OSError(5, "Input/output error")

            monkeypatch.setattr(terminal, "write", gone)
            progress("reading files", 2, 2)

    @pytest.mark.parametrize("term", ["dumb", "unknown"])
    def test_none_on_a_terminal_that_cannot_draw_it(self, monkeypatch: pytest.MonkeyPatch, term: str) -> None:
        monkeypatch.setattr(cli_screen, "_WAIT_S", 0.0)
        terminal = on_terminal(monkeypatch)
        monkeypatch.setenv("TERM", term)
        with progress_bar() as progress:
            progress("reading files", 1, 2)
            time.sleep(0.1)
        assert terminal.getvalue() == ""

    def test_none_without_standard_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stderr", None)
        with progress_bar() as progress:
            assert progress is silent

    def test_work_of_less_shows_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = on_terminal(monkeypatch)
        with progress_bar() as progress:
            progress("summing doses", 3, 19)
        assert terminal.getvalue() == ""

    def test_a_fault_ends_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        on_terminal(monkeypatch)
        threads = threading.active_count()
        with pytest.raises(ValueError, match="broken"), progress_bar():
            assert threading.active_count() > threads
            raise ValueError("broken")
        assert threading.active_count() == threads

    def test_none_where_it_is_not_wanted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        on_terminal(monkeypatch)
        with progress_bar(quiet=True) as progress:
            assert progress is silent

    def test_none_where_nobody_sees_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        with progress_bar() as progress:
            assert progress is silent


class TestProgress:
    """What those who work tell: what they do, and how much of it is done, up to all of it."""

    def test_reading_says_how_many_files(self, folder: Path) -> None:
        told: list[tuple[str, int, int]] = []
        case = read_case(folder, progress=lambda *what: told.append(what))
        files = len(case.inputs) - 1  # the case file is none of the folder's own
        assert told == [("reading files", k, files) for k in range(files + 1)]
