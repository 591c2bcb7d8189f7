"""Files that commands write: written whole or not at all, and never over what was read."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

from dosecalc.case import Case
from dosecalc.errors import InputError

_OUTPUTS = ("json", "csv", "csv_findings", "csv_doses", "svg", "report")


def write(path: Path, content: str | bytes, *, encoding: str = "utf-8") -> None:
    """Write a file whole or not at all; a link is followed, and what is no file (``/dev/stdout``) written to.

    Raises
    ------
    InputError : if it cannot be written.
    """
    if isinstance(content, str):
        content = content.encode(encoding, errors="backslashreplace")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        whole = path.resolve()
        part = whole.with_name(f".{whole.name}.part")
        try:
            part.write_bytes(content)
            part.replace(whole)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def require_outputs(options: argparse.Namespace, *names: str, quiet_needs_one: bool = True) -> None:
    """Refuse places where nothing can be written, one place for two files, and silence that has no file."""
    asked = [path for name in names if (path := getattr(options, name)) is not None]
    listed = ", ".join(f"--{name.replace('_', '-')}" for name in names)
    for path in asked:
        if str(path) == "-":
            raise InputError("-: expected the name of a file (standard output may be /dev/stdout)")
        if path.is_dir() or not path.resolve().parent.is_dir():
            raise InputError(f"{path}: expected a file in a folder that exists")
    if len({path.resolve() for path in asked}) < len(asked):
        raise InputError(f"{listed}: expected a file for each, found one for two")
    if options.quiet and quiet_needs_one and not asked:
        raise InputError(f"--quiet: expected a file to write with it ({listed}), found none")


def require_no_input(options: argparse.Namespace, case: Case) -> None:
    """Refuse to write over what a case was read from, its case file and protocol included.

    Raises
    ------
    InputError : for an output that is one of them, also by a link.
    """
    inputs = list(_inputs(options, case))
    for name in _OUTPUTS:
        path: Path | None = getattr(options, name, None)
        if path is None or not path.exists():
            continue
        for each in inputs:
            if each.exists() and path.samefile(each):
                option = f"--{name.replace('_', '-')}"
                raise InputError(f"{option}: expected another file than the inputs, found {path}")


def _inputs(options: argparse.Namespace, case: Case) -> Iterator[Path]:
    """What was read, or should have been; not the results of an earlier run that lie beside it."""
    for file in case.inputs:
        if file.used or file.lost or file.kind:
            yield options.folder / file.path
    yield from (Path(each) for each in (options.case, getattr(options, "protocol", None)) if each)
