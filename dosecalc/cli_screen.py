"""What the commands show: plain text in a pipe or a file, drawn on a terminal, and a bar while one waits."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence

from dosecalc.progress import Progress, silent
from dosecalc.report.blocks import Block
from dosecalc.report.tables import page
from dosecalc.report.terminal import draw

_WAIT_S = 1.0
"""Work that is done by then shows no bar."""


def show(what: Sequence[Block] | str) -> None:
    """Blocks on standard output: in colour on a terminal where rich is installed, else as plain text.

    A string is for another program and stays as it is. Without a standard output nothing is shown.
    """
    if sys.stdout is None:
        return
    if isinstance(what, str):
        sys.stdout.write(what)
    elif sys.stdout.isatty() and _has_rich():
        draw(what, sys.stdout, width=shutil.get_terminal_size().columns)
    else:
        sys.stdout.write(page(what))
    sys.stdout.flush()


@contextlib.contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Progress]:
    """A bar on standard error while work goes on that takes longer than a second.

    There is none where nobody sees it: without a terminal, without rich, and where it is not wanted. It is
    gone when the work is, and what becomes of it is nothing to the work.
    """
    if quiet or sys.stderr is None or not sys.stderr.isatty() or not _has_rich():
        yield silent
        return
    from rich.console import Console  # noqa: PLC0415 - an extra, which the core does without
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    bar = Bar(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)

    def start() -> None:
        if not console.is_dumb_terminal:
            with contextlib.suppress(OSError):
                bar.start()

    def tell(what: str, done: int, total: int) -> None:
        if not bar.tasks or bar.tasks[0].description != what:
            for task in bar.tasks:
                bar.remove_task(task.id)
            bar.add_task(what, total=total or None, completed=done)
        else:
            bar.update(bar.tasks[0].id, completed=done)

    timer = threading.Timer(_WAIT_S, start)
    timer.start()
    try:
        yield tell
    finally:
        timer.cancel()
        timer.join()
        if bar.live.is_started:
            with contextlib.suppress(OSError):
                bar.stop()


def _has_rich() -> bool:
    """Whether all of it that is used is there; colours are not worth a result."""
    try:
        from rich import box, cells, console, padding, progress, table, text  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True
