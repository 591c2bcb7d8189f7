"""The command ``dosecalc completion``: what a shell needs to complete the others."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator

from dosecalc.errors import DosecalcError

SHELLS = ("bash", "zsh", "fish")
_FOLDERS = {"DIR", "FOLDER"}


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """A script for a shell that completes commands, options, their choices and files.

    Raises
    ------
    DosecalcError : if shtab, an extra, is not installed.
    """
    if importlib.util.find_spec("shtab") is None:
        raise DosecalcError(
            "completion: expected the package shtab, found none; install it with: "
            "pip install 'dosecalc[terminal]'"
        )
    import shtab  # noqa: PLC0415 - an extra, which the core does without

    if shell not in shtab.SUPPORTED_SHELLS:
        raise DosecalcError(f"completion: expected a shtab that knows {shell}, found {shtab.__version__}")
    for action in _actions(parser):
        if "FILE" in str(action.metavar):
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # how shtab is told
        elif action.metavar in _FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    return shtab.complete(parser, shell=shell)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Options and arguments of all commands and those below them."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
