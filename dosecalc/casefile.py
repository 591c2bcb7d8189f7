"""A case: the DICOM files of a folder together with what ``case.toml`` states about them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path, PurePosixPath

from dosecalc.case import Case, InputFile
from dosecalc.dicom import read_folder
from dosecalc.envelopes import Numbers, uniform
from dosecalc.errors import FrameError, InputError, MetricError, TomlError
from dosecalc.plans import MOST_FRACTIONS
from dosecalc.progress import Progress, silent
from dosecalc.registrationfile import read_deformation, read_matrix
from dosecalc.registrations import Registration
from dosecalc.statement import (
    CourseStatement,
    Event,
    EventKind,
    Grouping,
    PlanStatement,
    RegistrationStatement,
    Statement,
)
from dosecalc.tables import Table, parse_toml

CASE_FILE = "case.toml"
FORMAT_VERSION = 1
NEAR_MAX_CM3 = 0.03
_REGISTRATION_FILES = (".txt", ".npy", ".npz")
MOST_HOURS_APART = 24
"""Sessions further apart are of two days."""


def read_case(
    folder: Path | str,
    *,
    case_file: Path | str | None = None,
    statement: Statement | None = None,
    patient_id: str | None = None,
    progress: Progress = silent,
) -> Case:
    """Read everything in a folder, its ``case.toml`` included.

    Parameters
    ----------
    folder : searched with all folders below it; files may have any name
    case_file : a case file elsewhere, taken in place of ``case.toml`` in the folder
    statement : the same as an object, taken in place of any file
    patient_id : which patient, where the folder holds several
    progress : told what is being done, how much of it is done, and of how much

    Raises
    ------
    InputError : if the folder or the case file cannot be used, or holds several patients. A single
        file that cannot be used is listed in ``inputs`` with its reason instead.

    Examples
    --------
    >>> from dosecalc.statement import CourseStatement, Grouping
    >>> together = CourseStatement(grouping=Grouping.ONE_SESSION)
    >>> case = read_case(
    ...     "sample_plans/redefine_two_plans", statement=Statement(courses={"induction": together}))
    >>> case.statement.course("induction").grouping.value
    'one_session'
    """
    if statement is not None:
        asked = patient_id or statement.patient_id or None
        case = read_folder(folder, patient_id=asked, progress=progress)
        case = replace(case, statement=replace(statement, source=statement.source or "statement"))
        return _with_registrations(case, Path(folder))
    path = Path(case_file) if case_file is not None else Path(folder) / CASE_FILE
    try:
        is_there = path.is_file()
    except OSError as error:
        raise InputError(f"{Path(folder).as_posix()}: cannot be read: {error.strerror}") from None
    if case_file is None and not is_there:
        return read_folder(folder, patient_id=patient_id, progress=progress)
    stated = read_statement(path)
    case = read_folder(folder, patient_id=patient_id or stated.patient_id or None, progress=progress)
    entry = InputFile(path=path.name, sha256=_sha256(path), kind="case")
    case = replace(case, statement=stated, inputs=(*case.inputs, entry))
    return _with_registrations(case, path.parent)


def read_statement(path: Path | str) -> Statement:
    """Read a case file.

    Raises
    ------
    InputError : if it cannot be read or is no TOML.
    TomlError : for an unknown key or a value of the wrong kind, naming the path inside the file.
    """
    source = Path(path).name
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: expected a case file, found {error.strerror}") from None
    top = Table(parse_toml(content, source), source=source)
    version = top.integer("format_version")
    if version != FORMAT_VERSION:
        raise top.error("format_version", f"expected {FORMAT_VERSION}, found {version}")
    structures = top.table("structures")
    statement = Statement(
        plans=tuple(_plan(t) for t in top.tables("plans", name="uid")),
        courses={name: _course(t) for name, t in top.named_tables("courses").items()},
        structures={name: structures.string_or_integer(name) for name in structures.names},
        events=tuple(_event(t, source) for t in top.tables("events")),
        registrations=tuple(_registration(t) for t in top.tables("registrations")),
        patient_id=top.string("patient_id", ""),
        registration_mm=top.positive("registration_mm") if "registration_mm" in top else None,
        source=source,
    )
    top.done()
    uids = [p.uid for p in statement.plans]
    for uid in uids:
        if uids.count(uid) > 1:
            raise top.error(f"plans[{uid}]", "expected each plan once, found it twice")
    return statement


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _plan(table: Table) -> PlanStatement:
    statement = PlanStatement(
        uid=table.string("uid"),
        roles=table.strings("roles", ()),
        target=table.string_or_integer("target") if "target" in table else None,
        prescription_gy=_dose(table),
        dose_uids=table.strings("doses", ()),
        fractions=_count(table, "fractions"),
        replaces=table.string("replaces", ""),
        delivered=table.integer("delivered", at_least=0) if "delivered" in table else None,
        effective=table.words("effective") if "effective" in table else "",
        ignore=table.string("ignore", ""),
    )
    table.done()
    return statement


def _course(table: Table) -> CourseStatement:
    dates = table.dates("dates", ())
    if list(dates) != sorted(dates):
        raise table.error("dates", "expected dates in order")
    if dates and "first_date" in table:
        raise table.error("first_date", "expected either dates or first_date, found both")
    statement = CourseStatement(
        grouping=table.choice("grouping", Grouping) if "grouping" in table else None,
        dates=dates,
        first_date=table.date("first_date") if "first_date" in table else None,
        last_date=table.date("last_date") if "last_date" in table else None,
        prescription_gy=_dose(table),
        fractions=_count(table, "fractions"),
        delivered=table.integer("delivered") if "delivered" in table else None,
        hours_apart=table.positive("hours_apart") if "hours_apart" in table else None,
        doses={name: _numbers(t) for name, t in table.named_tables("structures").items()},
        hot_spot_factor=table.number("hot_spot_factor", at_least=1) if "hot_spot_factor" in table else None,
        not_planned_yet=table.boolean("not_planned_yet", False),
    )
    if statement.hot_spot_factor is not None and statement.prescription_gy is None:
        raise table.error("hot_spot_factor", "expected prescription_gy with it")
    if statement.hours_apart is not None:
        if statement.grouping is not Grouping.SEPARATE_SESSIONS:
            raise table.error("hours_apart", 'expected grouping = "separate_sessions" with it')
        if statement.hours_apart >= MOST_HOURS_APART:
            raise table.error(
                "hours_apart", f"expected less than {MOST_HOURS_APART}, found {statement.hours_apart:g}"
            )
    if statement.not_planned_yet:
        given = [
            k for k in ("prescription_gy", "fractions", "dates", "first_date", "delivered") if k in table
        ]
        if given:
            raise table.error("not_planned_yet", f"expected nothing else of the course, found {given[0]}")
    if statement.delivered is not None and statement.delivered < 0:
        raise table.error("delivered", f"expected 0 or more, found {statement.delivered}")
    table.done()
    return statement


def _numbers(table: Table) -> Numbers:
    """What is known of a structure's dose, of the whole course."""
    if "uniform_gy" in table:
        found = uniform(table.number("uniform_gy", at_least=0))
        others = [k for k in ("min_gy", "max_gy", "mean_gy", "near_max_gy", "dvh") if k in table]
        if others:
            raise table.error(others[0], "expected nothing beside uniform_gy")
        table.done()
        return found
    points = [*table.pairs("dvh", ())]
    if "near_max_gy" in table:
        points.append((NEAR_MAX_CM3, table.number("near_max_gy", at_least=0)))
    try:
        found = Numbers(
            least_gy=table.number("min_gy", 0.0, at_least=0),
            most_gy=table.number("max_gy", at_least=0) if "max_gy" in table else math.inf,
            mean_gy=table.number("mean_gy", at_least=0) if "mean_gy" in table else None,
            points=tuple(sorted(points)),
        )
    except MetricError as error:
        raise TomlError(table.source, table.where, str(error)) from None
    table.done()
    return found


def _count(table: Table, key: str) -> int | None:
    if key not in table:
        return None
    value = table.integer(key)
    if not 1 <= value <= MOST_FRACTIONS:
        raise table.error(key, f"expected 1 to {MOST_FRACTIONS}, found {value}")
    return value


def _dose(table: Table) -> Decimal | None:
    if "prescription_gy" not in table:
        return None
    value = table.decimal("prescription_gy")
    if value <= 0:
        raise table.error("prescription_gy", f"expected a dose above 0, found {value}")
    return value


def _registration(table: Table) -> RegistrationStatement:
    found = RegistrationStatement(
        from_frame=table.words("from_frame"), to_frame=table.words("to_frame"), file=table.words("file")
    )
    path = PurePosixPath(found.file)
    if path.is_absolute() or ".." in path.parts or path.suffix not in _REGISTRATION_FILES:
        kinds = ", ".join(_REGISTRATION_FILES)
        raise table.error("file", f"expected a file below the case ({kinds}), found {found.file!r}")
    table.done()
    return found


def _with_registrations(case: Case, base: Path) -> Case:
    """The case with the registrations that are stated, each from its file."""
    if not case.statement.registrations:
        return case
    found, entries = [], []
    for stated in case.statement.registrations:
        path = base / stated.file
        transform = read_deformation(path) if path.suffix == ".npz" else read_matrix(path)
        try:
            found.append(
                Registration(
                    from_uid=stated.from_frame,
                    to_uid=stated.to_frame,
                    transform=transform,
                    source=stated.file,
                )
            )
        except FrameError as error:
            raise InputError(f"{case.statement.source}: registrations: {error}") from None
        entries.append(InputFile(path=stated.file, sha256=_sha256(path), kind="registration"))
    inputs = [f for f in case.inputs if f.path not in {e.path for e in entries}]
    return replace(case, registrations=(*case.registrations, *found), inputs=(*inputs, *entries))


def _event(table: Table, source: str) -> Event:
    event = Event(
        kind=table.choice("kind", EventKind),
        date=table.date("date"),
        detail=table.string("detail", ""),
        dose_mg=table.decimal("dose_mg") if "dose_mg" in table else None,
        source=source,
    )
    if event.dose_mg is not None and event.dose_mg <= 0:
        raise table.error("dose_mg", f"expected a dose above 0, found {event.dose_mg}")
    table.done()
    return event
