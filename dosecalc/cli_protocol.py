"""The command ``dosecalc protocol``: protocols in words, held to be valid, and begun anew."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from dosecalc.errors import InputError
from dosecalc.protocol import (
    Protocol,
    load_protocol,
    protocol_content,
    protocol_from,
    protocol_tables,
    shipped_protocols,
)
from dosecalc.report.blocks import Block
from dosecalc.report.protocol_advice import advice
from dosecalc.report.protocol_changes import Changes, changes
from dosecalc.report.protocol_faults import MOST_FAULTS, Examined, examine, fault_lines
from dosecalc.report.protocol_template import protocol_template
from dosecalc.report.protocol_text import protocol_blocks, protocols_blocks, summary_blocks
from dosecalc.report.tables import clean

_EPILOG = """examples:
  dosecalc protocol list                               those that are shipped
  dosecalc protocol show redefine                      one of them in words
  dosecalc protocol new mine.toml --extends redefine   begin one of your own
  dosecalc protocol validate mine.toml                 every fault in it
  dosecalc check FOLDER --protocol mine.toml           hold a folder against it

exit codes: 0 fine, 2 invalid or unusable, 4 internal fault.
"""
_LIST = """example:
  dosecalc protocol list
"""
_SHOW = """examples:
  dosecalc protocol show redefine
  dosecalc protocol show mine.toml | less

A file that extends a shipped protocol is shown whole, with what it changes at
the top.
"""
_VALIDATE = """example:
  dosecalc protocol validate mine.toml

Faults are shown as FILE:LINE:COLUMN with a caret under the place, all that can
be found at once. What is valid and may not be meant (a source that is left
blank, say) is listed, and the exit code stays 0.
"""
_NEW = """examples:
  dosecalc protocol new mine.toml                      with every kind of rule
  dosecalc protocol new mine.toml --extends redefine   a change of a shipped one

The examples are commented out. A file that exists is never overwritten.
"""


def add_protocol_commands(command: argparse.ArgumentParser) -> None:
    """The subcommands of ``dosecalc protocol``."""
    command.description = "Protocols in words; files of your own begun, and every fault in them found."
    command.epilog = _EPILOG
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = command.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")

    def add(name: str, words: str, epilog: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=words,
            description=f"{words[0].upper()}{words[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    add("list", "the protocols that are shipped", _LIST)
    show = add("show", "courses, roles, structures and every rule of a protocol in words", _SHOW)
    show.add_argument("protocol", metavar="NAME|FILE", help="a shipped protocol, or a file of your own")
    validate = add("validate", "whether a file can be used, and every fault in it with its line", _VALIDATE)
    validate.add_argument("file", metavar="FILE", help="a protocol file")
    new = add("new", "write a template to begin a protocol of your own with", _NEW)
    new.add_argument("file", type=Path, metavar="FILE", help="what to write; must not exist")
    new.add_argument(
        "--extends",
        choices=shipped_protocols(),
        metavar="NAME",
        help=f"change a shipped protocol ({', '.join(shipped_protocols())}) rather than begin from nothing",
    )


def protocol(options: argparse.Namespace) -> Iterator[Block]:
    """What a subcommand shows.

    Raises
    ------
    DosecalcError : if the protocol, or the place to write to, cannot be used.
    """
    match options.subcommand:
        case "list":
            yield from protocols_blocks(load_protocol(name) for name in shipped_protocols())
        case "show":
            yield from _show(options.protocol)
        case "validate":
            yield from _validate(options.file)
        case _:
            yield from _new(options.file, options.extends)


def usable_protocol(name: str) -> Protocol:
    """A protocol by its name or file.

    Raises
    ------
    InputError : if there is none, or it cannot be used; then with the command that shows where and why.
    """
    content, source = protocol_content(name)
    try:
        return protocol_from(protocol_tables(content, source), source)
    except InputError as error:
        hint = f"dosecalc protocol validate {_argument(name)} shows the place"
        raise InputError(f"{error}\n{hint}") from None


def _argument(name: str) -> str:
    """A file name as it is given to a command in a shell: no option, and on one line that can be shown."""
    name = f"./{name}" if name.startswith("-") else name
    if name.isprintable():
        return shlex.quote(name)
    return f"$'{''.join(map(_escaped, name))}'"


def _escaped(character: str) -> str:
    """A character as it stands within ``$'...'``."""
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _show(name: str) -> Iterator[Block]:
    loaded = usable_protocol(name)
    yield from protocol_blocks(loaded, _changes(loaded))


def _changes(loaded: Protocol) -> Changes:
    return changes(loaded, load_protocol(loaded.extends)) if loaded.extends else Changes()


def _validate(name: str) -> Iterator[Block]:
    content, source = protocol_content(name)
    found = examine(content, source)
    if found.protocol is None or found.places is None:
        raise InputError(_refusal(found, name))
    loaded = found.protocol
    differs = _changes(loaded)
    yield from summary_blocks(loaded, differs, found.kinds, advice(loaded, differs), found.places)


def _refusal(found: Examined, name: str) -> str:
    """All faults, each with its place, below how many there are."""
    faults = len(found.faults)
    many = "1 fault" if faults == 1 else f"{faults} faults"
    if faults >= MOST_FAULTS:
        many = f"{faults} faults or more"
    lines = [f"{clean(name)} cannot be used: {many}"]
    for fault in found.faults:
        lines += ["", *fault_lines(fault, found.lines, name)]
    return "\n".join(lines)


def _new(path: Path, extends: str | None) -> Iterator[Block]:
    if str(path) in shipped_protocols():
        raise InputError(
            f"{path}: expected another name, as --protocol {path} means the one that is shipped; "
            f"try {path}.toml"
        )
    text = protocol_template(load_protocol(extends) if extends else None)
    _write_new(path, text)
    name = _argument(str(path))
    yield f"{name} written. Edit it, then:"
    yield f"  dosecalc protocol validate {name}"
    yield f"  dosecalc protocol show {name}"
    yield f"  dosecalc check FOLDER --protocol {name}"


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, whole or not at all.

    Raises
    ------
    InputError : if there is something of that name, or it cannot be written.
    """
    try:
        stream = path.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise InputError(f"{path}: expected no file of that name, found one; it stays as it is") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written: {getattr(error, 'strerror', error)}") from None
    try:
        with stream:
            stream.write(text)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
