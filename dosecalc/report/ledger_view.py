"""The book with all that must be said of it: as it stands, or as it stood on a day or after a fraction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dosecalc.book import Amount, Count, Entry, counts, decimal, entries
from dosecalc.case import Case
from dosecalc.checking.standing import ended
from dosecalc.courses import Treatment, build_treatment
from dosecalc.errors import DosecalcError, InputError
from dosecalc.legible import clean, json_text
from dosecalc.notebook import data_frame, html_page, html_table
from dosecalc.protocol import Protocol
from dosecalc.provenance import inputs_as_data, protocol_as_data, versions
from dosecalc.report.ledger_rows import BOOK_COLUMNS, book_rows
from dosecalc.sessions import Session, State
from dosecalc.statement import EventKind

FORMAT_VERSION = 1
_MAY_STOP = frozenset({EventKind.ULCER, EventKind.COMPLETE_RESPONSE, EventKind.STOPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterFraction:
    """The question how the book stands after a prescribed day of a course, and before the next."""

    course: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """The book, its counts, what was noted on the way, and what may be in no entry (``lost``)."""

    entries: tuple[Entry, ...]
    counts: tuple[Count, ...]
    stands: str
    notes: tuple[str, ...]
    lost: tuple[str, ...]
    problems: tuple[str, ...]
    provenance: Mapping[str, object]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is lost, then what else must not be overlooked."""
        return (
            *(f"WARNING: {text}" for text in self.lost),
            *(n for n in self.notes if n.startswith("WARNING")),
        )

    def to_dict(self) -> dict[str, object]:
        """The book as plain data, the same for the same input; doses are exact, as text."""
        return {
            "format_version": FORMAT_VERSION,
            "stands": self.stands,
            "entries": [e.to_dict() for e in self.entries],
            "counts": [c.to_dict() for c in self.counts],
            "notes": list(self.notes),
            "lost": list(self.lost),
            "problems": list(self.problems),
            "provenance": dict(self.provenance),
        }

    def to_json(self) -> str:
        """The book as JSON text, the same bytes for the same input and versions."""
        return json_text(self.to_dict())

    def to_dataframe(self) -> Any:
        """A row for each contribution as a pandas DataFrame, with the columns of ``dosecalc ledger --csv``.

        Doses are numbers here; exact ones are in :meth:`to_dict`.

        Raises
        ------
        DosecalcError : if pandas is not installed.
        """
        return data_frame(BOOK_COLUMNS, list(book_rows(self.entries)))

    def __repr__(self) -> str:
        """One line: how the book stands, and how far each course is."""
        lost = f"; {len(self.lost)} in no entry" if self.lost else ""
        return f"<LedgerView {self.stands}: {'; '.join(map(_count_text, self.counts))}{lost}>"

    def __str__(self) -> str:
        """The courses in whole fractions and prescribed dose, and the warnings."""
        lines = [f"the book {self.stands}", *(f"  {_count_text(c)}" for c in self.counts)]
        return "\n".join((*lines, *(f"  {clean(w)}" for w in self.warnings)))

    def _repr_html_(self) -> str:
        title = f"Whole fractions and prescribed dose, {self.stands}"
        header = ("course", "planned", "given", "in part", "left", "planned Gy", "given Gy", "projected Gy")
        courses = [
            (
                c.course,
                *(_number(n) for n in (c.planned, c.delivered, c.begun, c.left)),
                *(_amount(a) for a in (c.planned_dose, c.delivered_dose, c.projected_dose)),
            )
            for c in self.counts
        ]
        return html_page(html_table(title, header, courses, notes=self.warnings))


def ledger_view(case: Case, protocol: Protocol, *, at: dt.date | AfterFraction | None = None) -> LedgerView:
    """The book of a case; ``at`` asks how it stood.

    Raises
    ------
    InputError : if there is nothing to book, the fraction asked for does not exist, or the case file
        contradicts the protocol or the plans.

    Examples
    --------
    >>> from dosecalc.casefile import read_case
    >>> from dosecalc.protocol import load_protocol
    >>> view = ledger_view(read_case("sample_plans/redefine_compliant"), load_protocol("redefine"))
    >>> [(c.course, c.planned, c.delivered, c.left) for c in view.counts]
    [('prior', 35, 35, 0), ('induction', 3, 0, 3), ('definitive', 28, 0, 28)]
    """
    treatment = build_treatment(case, protocol, as_of=at if isinstance(at, dt.date) else None)
    stood, stands = _stood(treatment, at)
    book = ended(stood, case, protocol)
    found = entries(book, protocol, statement=case.statement)
    if not found:
        raise InputError(f"{case.folder}: no session of any course to book" + _why(case, treatment))
    return LedgerView(
        entries=found,
        counts=counts(book, protocol, statement=case.statement),
        stands=stands,
        notes=tuple(
            dict.fromkeys((*_later_records(case, at), *_standing(treatment, stood, at), *_notes(book)))
        ),
        lost=treatment.lost,
        problems=case.problems,
        provenance=_provenance(case, protocol, at),
    )


def _why(case: Case, treatment: Treatment) -> str:
    unused = [f"{f.path}: {f.reason}" for f in case.inputs if not f.used]
    return "".join(f"\n  {text}" for text in (*treatment.lost, *unused)[:10])


def _stood(treatment: Treatment, at: dt.date | AfterFraction | None) -> tuple[Treatment, str]:
    match at:
        case None:
            return treatment, "as records and case file have it"
        case dt.date():
            return replace(treatment, ledger=treatment.ledger.as_of(at)), f"as it stood on {at}"
        case AfterFraction(course=course, number=number):
            try:
                ledger = treatment.ledger.after(course, number)
            except DosecalcError as error:
                raise InputError(f"after fraction {number}: {error}") from None
            stands = f"as it stands after fraction {number} of the {course} course"
            return replace(treatment, ledger=ledger), stands


def _later_records(case: Case, at: dt.date | AfterFraction | None) -> Iterator[str]:
    later = sum(isinstance(at, dt.date) and r.date is not None and r.date > at for r in case.records)
    if later:
        yield f"{later} treatment record{'s' if later > 1 else ''} of later days left out"


def _standing(treatment: Treatment, stood: Treatment, at: dt.date | AfterFraction | None) -> Iterator[str]:
    """What differs from the book as it is, and what the question leaves open."""
    if at is None:
        return
    pairs = list(zip(treatment.ledger, stood.ledger, strict=True))
    ahead = [s for s, t in pairs if s.state is State.DELIVERED and t.state is State.PLANNED]
    assumed = [s for s, t in pairs if s.state is State.PLANNED and t.state is State.DELIVERED]
    if ahead:
        yield f"{_sessions(ahead)} given later: listed as planned, with the dates and shares they had then"
    if assumed:
        yield f"WARNING: {_sessions(assumed)} counted as given, though nothing says so"
    later = len(treatment.ledger.events) - len(stood.ledger.events)
    if later:
        yield f"{later} later event{'s' if later > 1 else ''} left out"
    if isinstance(at, dt.date):
        overdue = [s for s in stood.ledger.remaining() if s.date is not None and s.date <= at]
        if overdue:
            yield (
                f"WARNING: {_sessions(overdue)} planned for {at} or earlier: nothing says that they were "
                "given"
            )
        undated = _undated(stood)
        if undated:
            yield f"{_sessions(undated)} without a date: counted as given by {at}"


def _undated(treatment: Treatment) -> list[Session]:
    """Sessions that were given and have no date, nor a later one of their course that has."""
    found, closed = [], set()
    for session in reversed(treatment.ledger.delivered().sessions):
        if session.date is not None:
            closed.add(session.course)
        elif session.course not in closed:
            found.append(session)
    return found[::-1]


def _sessions(sessions: list[Session]) -> str:
    """How many sessions of which courses, in words."""
    parts = []
    for course in dict.fromkeys(s.course for s in sessions):
        days = [s.day for s in sessions if s.course == course]
        parts.append(f"{course} {min(days)}" + (f" to {max(days)}" if max(days) > min(days) else ""))
    return f"{len(sessions)} session{'s' if len(sessions) > 1 else ''} ({', '.join(parts)})"


def _notes(treatment: Treatment) -> Iterator[str]:
    yield from treatment.assumptions
    said = set(treatment.assumptions)
    yield from (f"no dose distribution: {text}" for text in treatment.ledger.missing() if text not in said)
    for course in treatment.absent:
        yield f"{course}: nothing is known of this course"
    for course in treatment.later:
        yield f"{course}: not planned yet, as stated"
    yield from _after_a_stop(treatment)


def _after_a_stop(treatment: Treatment) -> Iterator[str]:
    """What follows an event that may end the treatment; whether it does is for a check to say."""
    left = len(treatment.ledger.remaining())
    for event in treatment.ledger.events:
        if event.kind not in _MAY_STOP:
            continue
        given = [s for s in treatment.ledger.delivered() if s.date is not None and s.date > event.date]
        if given or left:
            yield (
                f"WARNING: {event.kind.value.replace('_', ' ')} on {event.date}: sessions given after it: "
                f"{len(given)}, still planned: {left}; dosecalc check says where the decision stands"
            )


def _provenance(case: Case, protocol: Protocol, at: dt.date | AfterFraction | None) -> dict[str, object]:
    after = {"course": at.course, "fraction": at.number} if isinstance(at, AfterFraction) else None
    return {
        **versions("dosecalc", "pydicom"),
        "protocol": protocol_as_data(protocol),
        "as_of": at.isoformat() if isinstance(at, dt.date) else None,
        "after_fraction": after,
        "inputs": inputs_as_data(case),
    }


def _count_text(count: Count) -> str:
    of = f"{_number(count.delivered)} of {_number(count.planned)} fractions given"
    dose = f"{_amount(count.delivered_dose)} of {_amount(count.planned_dose)} Gy"
    return f"{clean(count.course)}: {of}, {dose}" + (f", {count.begun} in part" if count.begun else "")


def _number(number: int | None) -> str:
    return "not known" if number is None else str(number)


def _amount(amount: Amount) -> str:
    """A prescribed dose; nothing known of one is no dose of 0."""
    if amount.at_least and not amount.gy:
        return "not known"
    return f"{'>=' if amount.at_least else ''}{decimal(amount.gy, places=2)}"
