"""The commands of ``dosecalc``, their options, and the help that each gives."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import NoReturn

from dosecalc.cli_completion import SHELLS
from dosecalc.cli_export import DESCRIPTION as EXPORT
from dosecalc.cli_export import add_export_options
from dosecalc.cli_protocol import add_protocol_commands
from dosecalc.legible import printable
from dosecalc.report.check_html import Paper
from dosecalc.schemas import SCHEMAS

_EPILOG = """examples:
  dosecalc inspect FOLDER                     what is there, how it is linked
  dosecalc check FOLDER                       hold a folder against a protocol
  dosecalc check FOLDER --report out.html     the same as a report to sign
  dosecalc ledger FOLDER --calendar           what was given and what is left
  dosecalc remaining FOLDER --protocol MINE   what is left of cumulative limits
  dosecalc protocol show redefine             a protocol in words

`dosecalc COMMAND --help` has more of each.

exit codes of check: 0 passed or not due, 1 a required rule fails, 2 nothing
can be checked, 3 uncertain or not evaluated, 4 internal fault. Other commands:
0, 2, 4.
"""
_INSPECT = """examples:
  dosecalc inspect FOLDER
  dosecalc inspect FOLDER --case other.toml   a case file from elsewhere
  dosecalc inspect FOLDER --patient ID        one of several patients
"""
_DVH = """examples:
  dosecalc dvh FOLDER
  dosecalc dvh FOLDER --structure SpinalCord --structure Brainstem
  dosecalc dvh FOLDER --csv doses.csv --quiet   for a spreadsheet alone
"""
_LEDGER = """examples:
  dosecalc ledger FOLDER --calendar           with a calendar below the book
  dosecalc ledger FOLDER --as-of 2026-04-15   as it stood on a day
  dosecalc ledger FOLDER --course induction --after-fraction 2
  dosecalc ledger FOLDER --csv book.csv --json book.json --svg calendar.svg
"""
_REMAINING = """examples:
  dosecalc remaining FOLDER --protocol mine.toml
  dosecalc remaining FOLDER --protocol example_spine --json left.json
  dosecalc remaining FOLDER --protocol mine.toml --after-fraction 20

Limits are those of your own protocol: redefine has no cumulative ones.
"""
_CHECK = """examples:
  dosecalc check FOLDER
  dosecalc check FOLDER --report out.html             to read and to sign
  dosecalc check FOLDER --report out.pdf --paper letter --identify
  dosecalc check FOLDER --protocol mine.toml          a protocol of your own
  dosecalc check FOLDER --after-fraction 25           of the last course
  dosecalc check FOLDER --json result.json --quiet    for a script
  dosecalc check FOLDER --csv-findings f.csv --csv-doses d.csv

exit codes: 0 passed or not due, 1 a required rule fails, 2 nothing can be
checked, 3 uncertain or not evaluated, 4 internal fault.
"""
_EXPORT = """examples:
  dosecalc export FOLDER --out DIR                  EQD2, a file for each a/b
  dosecalc export FOLDER --out DIR --alpha-beta 3 --delivered
  dosecalc export FOLDER --out DIR --quantity physical --grid ct
  dosecalc export FOLDER --out DIR --spacing 2.5 --beyond crop --anonymous
"""
_SCHEMA = """examples:
  dosecalc schema check > check.schema.json
  dosecalc schema ledger
"""
_COMPLETION = """examples:
  source <(dosecalc completion bash)             in ~/.bashrc
  dosecalc completion zsh > ~/.zfunc/_dosecalc   a folder of $fpath
  dosecalc completion fish > ~/.config/fish/completions/dosecalc.fish
"""


class _Parser(argparse.ArgumentParser):
    """One that says, where it cannot understand, what to ask next."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: error: {printable(message)}\n{self.prog} --help has examples\n")


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    whole = _Parser(
        prog="dosecalc",
        description="Radiotherapy dose bookkeeping over courses.\nIndependent check, not a medical device.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"dosecalc {_version()}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, words: str, epilog: str, description: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=words,
            description=description or f"{words[0].upper()}{words[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    inspect = add("inspect", "what is in a folder, linked how, and what is odd", _INSPECT)
    dvh = add("dvh", "dose-volume metrics of every structure in every dose", _DVH)
    ledger = add("ledger", "the book: what was given and what is left", _LEDGER)
    remaining = add("remaining", "how much of each cumulative limit is left", _REMAINING)
    check = add("check", "hold a folder against a protocol", _CHECK)
    export = add("export", "summed BED, EQD2 or physical dose as RT Dose files", _EXPORT, EXPORT)
    _dvh_options(dvh)
    _ledger_options(ledger)
    _file(remaining, "--json", "write it as JSON")
    _check_options(check)
    add_export_options(export)
    for command in (ledger, remaining, check, export):
        _standing_options(command)
    for command in (inspect, dvh, ledger, remaining, check, export):
        _case_options(command, names_patient=command is not export)
    for command in (dvh, ledger, remaining, check, export):
        command.add_argument(
            "-q", "--quiet", action="store_true", help="no tables and no bar; of check the outcome is shown"
        )
    schema = add("schema", "print the JSON Schema of what a command writes as JSON", _SCHEMA)
    schema.add_argument("of", choices=SCHEMAS, metavar="COMMAND", help=", ".join(SCHEMAS))
    add_protocol_commands(commands.add_parser("protocol", help="protocols: list, show, validate, new"))
    completion = add("completion", "print what a shell needs to complete commands", _COMPLETION)
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    return whole


def _file(command: argparse.ArgumentParser, option: str, words: str) -> None:
    command.add_argument(option, type=Path, metavar="FILE", help=words)


def _dvh_options(command: argparse.ArgumentParser) -> None:
    _file(command, "--csv", "write the table as CSV")
    command.add_argument(
        "--structure", action="append", default=[], metavar="NAME", help="only this one; may be repeated"
    )


def _ledger_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--course", metavar="NAME", help="of --after-fraction; default: the last course")
    command.add_argument("--calendar", action="store_true", help="print a calendar below the book")
    _file(command, "--csv", "write the book as CSV, a row a contribution")
    _file(command, "--json", "write the book as JSON")
    _file(command, "--svg", "write the calendar as a picture")


def _check_options(command: argparse.ArgumentParser) -> None:
    _file(command, "--json", "write the result as JSON")
    _file(command, "--report", "write a report to read and to sign: .html or .pdf")
    command.add_argument(
        "--paper",
        type=_paper,
        choices=[p.value for p in Paper],
        default=Paper.A4.value,
        help="of the report; default: A4",
    )
    _file(command, "--csv-findings", "write the findings as CSV, a row a finding")
    _file(command, "--csv-doses", "write the doses as CSV, a row a structure, course and state")


def _paper(text: str) -> str:
    """The name of a size of paper, however it is capitalised."""
    return next((p.value for p in Paper if p.value.lower() == text.lower()), text)


def _standing_options(command: argparse.ArgumentParser) -> None:
    """What a case is held against, and when."""
    command.add_argument("--protocol", default="redefine", metavar="NAME|FILE", help="default: redefine")
    when = command.add_mutually_exclusive_group()
    when.add_argument("--as-of", type=_date, metavar="DATE", help="as it stood on a day, such as 2026-03-02")
    when.add_argument(
        "--after-fraction", type=_number, metavar="N", help="as it stands after a fraction, such as 25"
    )


def _case_options(command: argparse.ArgumentParser, *, names_patient: bool) -> None:
    command.add_argument("folder", type=_folder, metavar="FOLDER", help="searched with all folders below")
    _file(command, "--case", "a case file instead of FOLDER/case.toml")
    command.add_argument("--patient", metavar="ID", help="which patient, where there are several")
    if names_patient:
        command.add_argument("--identify", action="store_true", help="show the patient's name and ID")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only when asked

    try:
        return version("dosecalc")
    except PackageNotFoundError:
        return "(not installed)"


def _folder(text: str) -> Path:
    if not text:  # as from a variable of a shell that is not set: it would be where one happens to be
        raise argparse.ArgumentTypeError("expected a folder, found an empty name")
    return Path(text)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a date such as 2026-03-02, found {text!r}") from None


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a fraction such as 25, found {text!r}")
    return number
