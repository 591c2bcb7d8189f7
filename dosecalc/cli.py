"""The command line: ``dosecalc`` and its commands.

Exit codes of ``check``: 0 all required rules pass or are not due; 1 a required rule fails; 2 nothing can
be checked; 3 no required rule fails, but one is UNCERTAIN or NOT EVALUATED, or none was judged; 4 an
internal fault. The other commands end with 0, 2 or 4.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import io
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dosecalc.case import Case
from dosecalc.casefile import read_case
from dosecalc.checking import check, remaining
from dosecalc.cli_export import add_export_options, export
from dosecalc.cli_protocol import add_protocol_commands, protocol
from dosecalc.errors import DosecalcError, InputError
from dosecalc.findings import Outcome
from dosecalc.legible import json_text
from dosecalc.protocol import Protocol, load_protocol
from dosecalc.report.case_text import case_text
from dosecalc.report.check_csv import doses_csv, findings_csv
from dosecalc.report.check_html import Paper
from dosecalc.report.check_report import report_bytes, require_report
from dosecalc.report.check_text import check_text
from dosecalc.report.csv_text import ENCODING
from dosecalc.report.dvh_table import dvh_csv, dvh_rows, dvh_text, require_names
from dosecalc.report.ledger_files import ledger_csv, ledger_json
from dosecalc.report.ledger_picture import calendar_svg, calendar_text
from dosecalc.report.ledger_text import ledger_text
from dosecalc.report.ledger_view import AfterFraction, ledger_view
from dosecalc.report.remaining_text import remaining_json, remaining_text
from dosecalc.report.tables import page
from dosecalc.schemas import SCHEMAS, json_schema

_EPILOG = """examples:
  dosecalc inspect FOLDER                     what is there and how it is linked
  dosecalc dvh FOLDER --csv doses.csv         dose-volume metrics of every structure
  dosecalc ledger FOLDER --calendar           what was given and what is left, session by session
  dosecalc ledger FOLDER --as-of 2026-04-15   the same as it stood on a day
  dosecalc remaining FOLDER --protocol MINE   how much of each cumulative limit is left
  dosecalc check FOLDER --json result.json    a folder held against a protocol (default: redefine)
  dosecalc check FOLDER --report out.html     the same as a report to read, to print and to sign
  dosecalc check FOLDER --after-fraction 25   the same as after a fraction of the last course
  dosecalc check FOLDER --csv-doses d.csv     the doses of all structures for a spreadsheet
  dosecalc export FOLDER --out DIR            summed EQD2 as RT Dose files, one for each a/b
  dosecalc protocol show redefine             a protocol in words; also: list, validate, new
  dosecalc schema check                       what the JSON of a command holds, as JSON Schema

exit codes of check: 0 passed or not due, 1 a required rule fails, 2 nothing can be checked,
3 uncertain or not evaluated, 4 internal fault. Other commands: 0, 2, 4.
"""
EXIT_PASS, EXIT_FAIL, EXIT_UNUSABLE, EXIT_OPEN, EXIT_FAULT = range(5)


def run() -> None:
    """Entry point of the ``dosecalc`` command."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; no exception and no traceback leaves it."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as usage:
        return EXIT_UNUSABLE if usage.code else EXIT_PASS
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A name that the terminal cannot show must not end as a fault.
            sys.stdout.reconfigure(errors="backslashreplace")
        command: str = options.command
        code = _COMMANDS[command](options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader of a pipe went away; what it did not read cannot have been relied on.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAULT
    except DosecalcError as error:
        print(page(f"dosecalc: {error}".split("\n")), end="", file=sys.stderr)
        return EXIT_UNUSABLE
    except KeyboardInterrupt:
        print("dosecalc: interrupted; nothing was judged", file=sys.stderr)
        return EXIT_FAULT
    except Exception as fault:  # the last line of defence: Python's own exit code 1 would read as FAIL
        print(f"dosecalc: internal fault, nothing was judged: {_place(fault)}", file=sys.stderr)
        return EXIT_FAULT


def _place(fault: Exception) -> str:
    """Kind and place of a fault; not its text, which may hold what is in the files."""
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} in {Path(last.filename).name}, line {last.lineno}; please report it"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dosecalc",
        description="Radiotherapy dose bookkeeping over courses. An independent check, not a medical device.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dosecalc {_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    inspect = commands.add_parser("inspect", help="what is in a folder, linked how, and what is odd")
    dvh = commands.add_parser("dvh", help="dose-volume metrics of every structure in every dose")
    dvh.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    dvh.add_argument(
        "--structure", action="append", default=[], metavar="NAME", help="only this one; may be repeated"
    )
    ledger = commands.add_parser("ledger", help="the book: what was given and what is left")
    ledger.add_argument("--course", metavar="NAME", help="of --after-fraction; default: the last course")
    ledger.add_argument("--calendar", action="store_true", help="print a calendar below the book")
    ledger.add_argument(
        "--csv", type=Path, metavar="FILE", help="write the book as CSV, a row a contribution"
    )
    ledger.add_argument("--json", type=Path, metavar="FILE", help="write the book as JSON")
    ledger.add_argument("--svg", type=Path, metavar="FILE", help="write the calendar as a picture")
    remaining = commands.add_parser("remaining", help="how much of each cumulative limit is left")
    remaining.add_argument("--json", type=Path, metavar="FILE", help="write it as JSON")
    check = commands.add_parser("check", help="hold a folder against a protocol")
    check.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON")
    check.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write a report to read and to sign: .html or .pdf",
    )
    check.add_argument(
        "--paper", choices=[p.value for p in Paper], default=Paper.A4.value, help="of the report; default: A4"
    )
    check.add_argument(
        "--csv-findings", type=Path, metavar="FILE", help="write the findings as CSV, a row a finding"
    )
    check.add_argument(
        "--csv-doses",
        type=Path,
        metavar="FILE",
        help="write the doses as CSV, a row a structure, course and state",
    )
    exported = commands.add_parser("export", help="summed BED, EQD2 or physical dose as RT Dose files")
    add_export_options(exported)
    schema = commands.add_parser("schema", help="print the JSON Schema of what a command writes as JSON")
    schema.add_argument("of", choices=SCHEMAS, metavar="COMMAND", help=", ".join(SCHEMAS))
    add_protocol_commands(commands.add_parser("protocol", help="protocols: list, show, validate, new"))
    for command in (ledger, remaining, check, exported):
        command.add_argument("--protocol", default="redefine", metavar="NAME|FILE", help="default: redefine")
        when = command.add_mutually_exclusive_group()
        when.add_argument(
            "--as-of", type=_date, metavar="DATE", help="as it stood on a day, such as 2026-03-02"
        )
        when.add_argument(
            "--after-fraction", type=_number, metavar="N", help="as it stands after a fraction, such as 25"
        )
    for command in (inspect, dvh, ledger, remaining, check, exported):
        command.add_argument("folder", type=Path, metavar="FOLDER", help="searched with all folders below")
        command.add_argument(
            "--case", type=Path, metavar="FILE", help="a case file instead of FOLDER/case.toml"
        )
        command.add_argument("--patient", metavar="ID", help="which patient, where there are several")
        if command is not exported:
            command.add_argument("--identify", action="store_true", help="show the patient's name and ID")
    return parser


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only when asked

    try:
        return version("dosecalc")
    except PackageNotFoundError:
        return "(not installed)"


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


def _read(options: argparse.Namespace) -> Case:
    return read_case(options.folder, case_file=options.case, patient_id=options.patient)


def _patient(case: Case, options: argparse.Namespace) -> str:
    return f"{case.patient_name} ({case.patient_id})" if options.identify else ""


def _inspect(options: argparse.Namespace) -> int:
    case = _read(options)
    print(case_text(case, patient=_patient(case, options)), end="")
    return EXIT_PASS


def _dvh(options: argparse.Namespace) -> int:
    _require_writable(options.csv)
    case = _read(options)
    require_names(case, tuple(options.structure))
    rows = list(dvh_rows(case, names=tuple(options.structure)))
    if not rows:
        refused = "; ".join(f"{f.path}: {f.reason}" for f in case.inputs if not f.used) or "no file refused"
        raise InputError(f"{options.folder}: no dose with a structure to evaluate it in ({refused})")
    if options.csv is not None:
        _write(options.csv, dvh_csv(rows), encoding=ENCODING)
    if options.identify:
        print(page([f"patient: {_patient(case, options)}"]), end="")
    print(dvh_text(rows), end="")
    return EXIT_PASS


def _ledger(options: argparse.Namespace) -> int:
    _require_outputs([options.csv, options.json, options.svg], "--csv, --json, --svg")
    protocol = load_protocol(options.protocol)
    at = _asked(options, protocol)
    case = _read(options)
    view = ledger_view(case, protocol, at=at)
    who = {"name": case.patient_name, "id": case.patient_id} if options.identify else None
    if options.csv is not None:
        _write(options.csv, ledger_csv(view.entries), encoding=ENCODING)
    if options.json is not None:
        _write(options.json, ledger_json(view, patient=who))
    if options.svg is not None:
        _write(options.svg, calendar_svg(view.entries))
    print(ledger_text(view, patient=_patient(case, options)), end="")
    if options.calendar:
        print(f"\nCalendar\n{calendar_text(view.entries)}", end="")
    return EXIT_PASS


def _asked(options: argparse.Namespace, protocol: Protocol) -> dt.date | AfterFraction | None:
    """The day or fraction that the book is asked for."""
    if options.after_fraction is not None:
        course = options.course if options.course is not None else protocol.courses[-1].name
        return AfterFraction(course=course, number=options.after_fraction)
    if options.course is not None:
        raise InputError("--course: expected --after-fraction with it, found none")
    day: dt.date | None = options.as_of
    return day


def _remaining(options: argparse.Namespace) -> int:
    _require_writable(options.json)
    protocol = load_protocol(options.protocol)
    case = _read(options)
    found = remaining(case, protocol, as_of=options.as_of, after_fraction=options.after_fraction)
    if options.json is not None:
        _write(options.json, remaining_json(found))
    if options.identify:
        print(page([f"patient: {_patient(case, options)}"]), end="")
    print(remaining_text(found), end="")
    return EXIT_PASS


def _check(options: argparse.Namespace) -> int:
    outputs = [options.json, options.csv_findings, options.csv_doses, options.report]
    _require_outputs(outputs, "--json, --csv-findings, --csv-doses, --report")
    if options.report is not None:
        require_report(options.report)
    protocol = load_protocol(options.protocol)
    case = _read(options)
    result = check(case, protocol, as_of=options.as_of, after_fraction=options.after_fraction)
    if options.json is not None:
        data = result.to_dict()
        if options.identify:
            data["patient"] = {"name": case.patient_name, "id": case.patient_id}
        _write(options.json, json_text(data))
    if options.csv_findings is not None:
        _write(options.csv_findings, findings_csv(result), encoding=ENCODING)
    if options.csv_doses is not None:
        _write(options.csv_doses, doses_csv(result), encoding=ENCODING)
    name = options.folder.resolve().name if options.identify else ""
    if options.report is not None:
        report = report_bytes(
            result,
            options.report,
            case_name=name,
            patient=_patient(case, options),
            paper=Paper(options.paper),
        )
        _write(options.report, report)
    print(check_text(result, case_name=name, patient=_patient(case, options)), end="")
    return {Outcome.PASS: EXIT_PASS, Outcome.FAIL: EXIT_FAIL}.get(result.outcome, EXIT_OPEN)


def _export(options: argparse.Namespace) -> int:
    for line in export(options, _read(options), load_protocol(options.protocol)):
        print(page([line]), end="")
    return EXIT_PASS


def _protocol(options: argparse.Namespace) -> int:
    print(page(protocol(options)), end="")
    return EXIT_PASS


def _schema(options: argparse.Namespace) -> int:
    print(json_text(json_schema(options.of)), end="")
    return EXIT_PASS


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "inspect": _inspect,
    "dvh": _dvh,
    "ledger": _ledger,
    "remaining": _remaining,
    "check": _check,
    "export": _export,
    "protocol": _protocol,
    "schema": _schema,
}


def _write(path: Path, content: str | bytes, *, encoding: str = "utf-8") -> None:
    """Write a file whole or not at all.

    Raises
    ------
    InputError : if it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        if isinstance(content, str):
            content = content.encode(encoding, errors="backslashreplace")
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _require_outputs(paths: Sequence[Path | None], options: str) -> None:
    """Refuse places where nothing can be written, and one place for two files."""
    asked = [path for path in paths if path is not None]
    for path in asked:
        _require_writable(path)
    if len({path.resolve() for path in asked}) < len(asked):
        raise InputError(f"{options}: expected a file for each, found one for two")


def _require_writable(path: Path | None) -> None:
    """Refuse a place where nothing can be written, before the work and not after it."""
    if path is not None and (path.is_dir() or not path.resolve().parent.is_dir()):
        raise InputError(f"{path}: expected a file in a folder that exists")
