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
from dosecalc.cli_completion import completion
from dosecalc.cli_export import export
from dosecalc.cli_files import require_no_input, require_outputs, write
from dosecalc.cli_options import parser
from dosecalc.cli_protocol import protocol, usable_protocol
from dosecalc.cli_screen import progress_bar, show
from dosecalc.errors import DosecalcError, InputError
from dosecalc.findings import Outcome
from dosecalc.legible import json_text
from dosecalc.progress import Progress
from dosecalc.protocol import Protocol
from dosecalc.report.blocks import Block, Heading
from dosecalc.report.case_text import case_blocks
from dosecalc.report.check_csv import doses_csv, findings_csv
from dosecalc.report.check_html import Paper
from dosecalc.report.check_report import report_bytes, require_report
from dosecalc.report.check_text import check_blocks, outcome_blocks
from dosecalc.report.csv_text import ENCODING
from dosecalc.report.dvh_table import dvh_blocks, dvh_csv, dvh_rows, require_names
from dosecalc.report.ledger_files import ledger_csv, ledger_json
from dosecalc.report.ledger_picture import calendar_blocks, calendar_svg
from dosecalc.report.ledger_text import ledger_blocks
from dosecalc.report.ledger_view import AfterFraction, ledger_view
from dosecalc.report.remaining_text import remaining_blocks, remaining_json
from dosecalc.report.tables import page
from dosecalc.schemas import json_schema

Shown = tuple[int, Sequence[Block] | str]
"""What a command ends with: its exit code, and what it has to show; a file for others is a string."""

EXIT_PASS, EXIT_FAIL, EXIT_UNUSABLE, EXIT_OPEN, EXIT_FAULT = range(5)


def run() -> None:
    """Entry point of the ``dosecalc`` command."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; no exception and no traceback leaves it."""
    try:
        options = parser().parse_args(arguments)
    except SystemExit as usage:
        return EXIT_UNUSABLE if usage.code else EXIT_PASS
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A name that the terminal cannot show must not end as a fault.
            sys.stdout.reconfigure(errors="backslashreplace")
        command: str = options.command
        with progress_bar(quiet=getattr(options, "quiet", False)) as progress:
            code, blocks = _COMMANDS[command](options, progress)
        show(blocks)
        return code
    except BaseException as error:  # the last line of defence: Python's own exit code 1 would read as FAIL
        return _failed(error)


def _failed(error: BaseException) -> int:
    """Say why there is no result; the exit code of that."""
    match error:
        case DosecalcError():
            _complain(page(f"dosecalc: {error}".split("\n")))
            return EXIT_UNUSABLE
        case KeyboardInterrupt():
            _complain("dosecalc: interrupted; nothing was judged\n")
        case BrokenPipeError() | SystemExit():
            # The reader went away; what it did not read cannot have been relied on. (A terminal that is drawn
            # on then ends the program by itself, with exit code 1.)
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        case _:
            _complain(f"dosecalc: internal fault, nothing was judged: {_place(error)}\n")
    return EXIT_FAULT


def _complain(text: str) -> None:
    """Text on standard error, where there is one and somebody still reads it."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _place(fault: BaseException) -> str:
    """Kind and place of a fault; not its text, which may hold what is in the files."""
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} in {Path(last.filename).name}, line {last.lineno}; please report it"


def _read(options: argparse.Namespace, progress: Progress) -> Case:
    case = read_case(options.folder, case_file=options.case, patient_id=options.patient, progress=progress)
    require_no_input(options, case)
    return case


def _patient(case: Case, options: argparse.Namespace) -> str:
    return f"{case.patient_name} ({case.patient_id})" if options.identify else ""


def _who(case: Case, options: argparse.Namespace) -> Mapping[str, str] | None:
    """The patient as data, where it was asked for."""
    return {"name": case.patient_name, "id": case.patient_id} if options.identify else None


def _patient_line(case: Case, options: argparse.Namespace) -> list[Block]:
    return [f"patient: {_patient(case, options)}"] if options.identify else []


def _inspect(options: argparse.Namespace, progress: Progress) -> Shown:
    case = _read(options, progress)
    return EXIT_PASS, list(case_blocks(case, patient=_patient(case, options)))


def _dvh(options: argparse.Namespace, progress: Progress) -> Shown:
    require_outputs(options, "csv")
    case = _read(options, progress)
    require_names(case, tuple(options.structure))
    rows = list(dvh_rows(case, names=tuple(options.structure), progress=progress))
    if not rows:
        refused = "; ".join(f"{f.path}: {f.reason}" for f in case.inputs if not f.used) or "no file refused"
        raise InputError(f"{options.folder}: no dose with a structure to evaluate it in ({refused})")
    if options.csv is not None:
        write(options.csv, dvh_csv(rows), encoding=ENCODING)
    return EXIT_PASS, [] if options.quiet else [*_patient_line(case, options), *dvh_blocks(rows)]


def _ledger(options: argparse.Namespace, progress: Progress) -> Shown:
    require_outputs(options, "csv", "json", "svg")
    protocol = usable_protocol(options.protocol)
    at = _asked(options, protocol)
    case = _read(options, progress)
    view = ledger_view(case, protocol, at=at)
    who = _who(case, options)
    if options.csv is not None:
        write(options.csv, ledger_csv(view.entries), encoding=ENCODING)
    if options.json is not None:
        write(options.json, ledger_json(view, patient=who))
    if options.svg is not None:
        write(options.svg, calendar_svg(view.entries))
    if options.quiet:
        return EXIT_PASS, []
    blocks = list(ledger_blocks(view, patient=_patient(case, options)))
    if options.calendar:
        blocks += ["", Heading("Calendar"), *calendar_blocks(view.entries)]
    return EXIT_PASS, blocks


def _asked(options: argparse.Namespace, protocol: Protocol) -> dt.date | AfterFraction | None:
    """The day or fraction that the book is asked for."""
    if options.after_fraction is not None:
        course = options.course if options.course is not None else protocol.courses[-1].name
        return AfterFraction(course=course, number=options.after_fraction)
    if options.course is not None:
        raise InputError("--course: expected --after-fraction with it, found none")
    day: dt.date | None = options.as_of
    return day


def _remaining(options: argparse.Namespace, progress: Progress) -> Shown:
    require_outputs(options, "json")
    protocol = usable_protocol(options.protocol)
    case = _read(options, progress)
    found = remaining(
        case, protocol, as_of=options.as_of, after_fraction=options.after_fraction, progress=progress
    )
    if options.json is not None:
        write(options.json, remaining_json(found, patient=_who(case, options)))
    return EXIT_PASS, [] if options.quiet else [*_patient_line(case, options), *remaining_blocks(found)]


def _check(options: argparse.Namespace, progress: Progress) -> Shown:
    require_outputs(options, "json", "csv_findings", "csv_doses", "report", quiet_needs_one=False)
    if options.report is not None:
        require_report(options.report)
    protocol = usable_protocol(options.protocol)
    case = _read(options, progress)
    result = check(
        case, protocol, as_of=options.as_of, after_fraction=options.after_fraction, progress=progress
    )
    if options.json is not None:
        data, who = result.to_dict(), _who(case, options)
        if who is not None:
            data["patient"] = who
        write(options.json, json_text(data))
    if options.csv_findings is not None:
        write(options.csv_findings, findings_csv(result), encoding=ENCODING)
    if options.csv_doses is not None:
        write(options.csv_doses, doses_csv(result), encoding=ENCODING)
    name = options.folder.resolve().name if options.identify else ""
    if options.report is not None:
        progress("drawing the report", 0, 0)
        report = report_bytes(
            result,
            options.report,
            case_name=name,
            patient=_patient(case, options),
            paper=Paper(options.paper),
        )
        write(options.report, report)
    code = {Outcome.PASS: EXIT_PASS, Outcome.FAIL: EXIT_FAIL}.get(result.outcome, EXIT_OPEN)
    if options.quiet:
        return code, list(outcome_blocks(result))
    return code, list(check_blocks(result, case_name=name, patient=_patient(case, options)))


def _export(options: argparse.Namespace, progress: Progress) -> Shown:
    case = _read(options, progress)
    lines: list[str] = []
    code = EXIT_PASS
    try:
        for line in export(options, case, usable_protocol(options.protocol), progress):
            lines.append(line)
    except BaseException as error:  # what was said of the files that are written is still to be shown
        code = _failed(error)
    return code, [line for line in lines if not options.quiet or line.startswith("WARNING")]


def _protocol(options: argparse.Namespace, _: Progress) -> Shown:
    return EXIT_PASS, list(protocol(options))


def _schema(options: argparse.Namespace, _: Progress) -> Shown:
    return EXIT_PASS, json_text(json_schema(options.of))


def _completion(options: argparse.Namespace, _: Progress) -> Shown:
    return EXIT_PASS, completion(parser(), options.shell)


_COMMANDS: Mapping[str, Callable[[argparse.Namespace, Progress], Shown]] = {
    "inspect": _inspect,
    "dvh": _dvh,
    "ledger": _ledger,
    "remaining": _remaining,
    "check": _check,
    "export": _export,
    "protocol": _protocol,
    "schema": _schema,
    "completion": _completion,
}
