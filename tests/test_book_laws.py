"""Laws that hold for the whole book of any treatment: its sums, its order, what is left, what it said before.

A drawn treatment has up to three courses of plans that were replaced midway, broken off and made up. Each of
its doses is one number in each of two structures, so that every sum over sessions has a closed form, which
is worked out here from what was drawn and not from the ledger.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import dicom_files as dicom
import numpy as np
import pytest
from cases import UIDS
from factories import make_box
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from redefine_files import save_redefine

import dosecalc.celldoses
import dosecalc.evaluation
from dosecalc import Bed, CheckResult, Eqd2, Physical, Settings, accumulate, check, load_protocol, read_case
from dosecalc.book import Entry, SessionEntry
from dosecalc.case import Case
from dosecalc.checking.context import Context
from dosecalc.courses import Treatment, build_treatment
from dosecalc.doses import Beams, DoseGrid
from dosecalc.errors import InputError
from dosecalc.lattices import Lattice
from dosecalc.ledger import Ledger
from dosecalc.plans import BeamDose, Group, Plan, Prescription
from dosecalc.protocol import Protocol
from dosecalc.quantities import Quantity
from dosecalc.records import BeamDelivery, TreatmentRecord
from dosecalc.report.ledger_files import ledger_json
from dosecalc.report.ledger_view import LedgerView, ledger_view
from dosecalc.results import TOTAL, DoseRow
from dosecalc.sampling import Quadrature
from dosecalc.sessions import State
from dosecalc.statement import CourseStatement, Event, EventKind, Grouping, PlanStatement, Statement
from dosecalc.structures import Structure, StructureSet

FRAME_UID, SET_UID = "1.9", "1.3"
ALPHA_BETA_GY = {"Left": 3, "Right": 10}
NAMES = tuple(ALPHA_BETA_GY)
SIDES = {"Left": -1, "Right": 1}
COARSE = Settings(cells=20)
LATTICE = Lattice(x_mm=np.array([-30.0, -10, 10, 30]), y_mm=np.array([-20.0, 20]), z_mm=np.array([-20.0, 20]))
"""Up to x = -10 mm a dose is that of the left structure, from 10 mm on that of the right one."""

COURSES = {"first": ("a",), "second": ("b", "c"), "third": ("d",)}
VISIT_MINUTES = 120
FIRST_DAY = dt.datetime(2026, 3, 2)
APART = dt.timedelta(days=60)
"""From the begin of one course to that of the next: no visit holds plans of two."""

PROTOCOL_HEAD = """
format_version = 1
name = "laws"
title = "a protocol for laws of the book"
source = "a test"
visit_hours = 2.0
"""
RULES = """
[[rules]]
id = "doses"
title = "doses are held against prescriptions, whatever comes of it"
kind = "dose_matches_prescription"
level = "required"
low = 0.0
high = 1e5
source = "a test"

[[rules]]
id = "frames"
title = "one frame of reference"
kind = "one_frame"
level = "required"
source = "a test"

[[rules]]
id = "status"
title = "plans and doses"
kind = "plan_status"
level = "advisory"
source = "a test"

[[rules]]
id = "weekly"
title = "five a week"
kind = "weekly"
level = "required"
course = "third"
per_week = 5
per_day = 1
source = "a test"

[[rules]]
id = "session"
title = "a limit per session"
kind = "session_limit"
level = "required"
structures = ["Left", "Right"]
course = "third"
goal = "D0.03cc < 3 Gy/fx"
reading = "session_sum"
shown_courses = ["first", "second"]
source = "a test"

[[rules]]
id = "sum"
title = "a limit of the sum"
kind = "cumulative_limit"
level = "required"
structures = ["Left", "Right"]
goal = "D0.03cc < 40 Gy EQD2(3)"
source = "a test"

[[rules]]
id = "mean"
title = "a limit of the sum"
kind = "cumulative_limit"
level = "advisory"
structures = ["Left"]
goal = "Mean < 40 Gy"
source = "a test"
"""


def protocol_text(courses: Mapping[str, Sequence[str]], structures: Mapping[str, int], rules: str) -> str:
    head = [PROTOCOL_HEAD, *(f'[[courses]]\nname = "{name}"\n' for name in courses)]
    roles = [
        f'[[roles]]\nname = "{role}"\ncourse = "{course}"\noptional = true\n'
        for course, names in courses.items()
        for role in names
    ]
    contoured = [
        f'[[structures]]\nname = "{name}"\nalpha_beta_gy = {ratio}\nsource = "a test"\n'
        for name, ratio in structures.items()
    ]
    return "\n".join([*head, *roles, *contoured, rules])


def protocol_of(text: str) -> Protocol:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "laws.toml"
        path.write_text(text, encoding="utf-8")
        return load_protocol(path)


@cache
def protocol() -> Protocol:
    return protocol_of(protocol_text(COURSES, ALPHA_BETA_GY, RULES))


@cache
def structures() -> Mapping[str, Structure]:
    """Two boxes, the one at x = -20 mm and the other at 20 mm."""
    found = {}
    for number, name in enumerate(NAMES, start=1):
        middle = 20.0 * SIDES[name]
        made = make_box(
            low_xyz_mm=(middle - 6, -8, -6), high_xyz_mm=(middle + 6, 8, 6), name=name, frame_uid=FRAME_UID
        )
        found[name] = replace(made, number=number)
    return found


# What is drawn


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What one delivery gave: a part of the meterset of one beam of one fraction."""

    fraction: int
    beam: int
    part: Decimal
    when: dt.datetime
    kind: str = "TREATMENT"


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A plan and all that was given of it. ``beam_gy`` is by beam what a fraction gives to each structure.

    ``is_last`` unless another plan took its place; ``has_beams`` where each beam has a dose of its own.
    ``images`` are in its records too and give nothing.
    """

    uid: str
    role: str
    course: str
    count: int
    prescription_gy: Decimal
    metersets: tuple[Decimal, ...]
    beam_gy: tuple[Mapping[str, Fraction], ...]
    has_beams: bool
    replaces: str
    is_last: bool
    pieces: tuple[Piece, ...]
    images: tuple[Piece, ...] = ()

    @property
    def beams(self) -> range:
        return range(1, len(self.metersets) + 1)

    def gy(self, parts: Mapping[int, Fraction], name: str) -> Fraction:
        """What parts of the beams of a fraction give to a structure."""
        if self.has_beams:
            return sum((parts[n] * self.beam_gy[n - 1][name] for n in parts), Fraction(0))
        return self.share(parts) * self.whole_gy(name)

    def whole_gy(self, name: str) -> Fraction:
        return sum((gy[name] for gy in self.beam_gy), Fraction(0))

    def share(self, parts: Mapping[int, Fraction]) -> Fraction:
        """The part of a fraction, by meterset."""
        given_of = sum((parts[n] * Fraction(self.metersets[n - 1]) for n in parts), Fraction(0))
        return given_of / Fraction(sum(self.metersets))

    def given(self, pieces: Sequence[Piece] | None = None) -> Mapping[int, Mapping[int, Fraction]]:
        """By fraction and beam what part was given."""
        found: dict[int, dict[int, Fraction]] = {}
        for piece in self.pieces if pieces is None else pieces:
            parts = found.setdefault(piece.fraction, {})
            parts[piece.beam] = parts.get(piece.beam, Fraction(0)) + Fraction(piece.part)
        return found

    @property
    def whole(self) -> int:
        """Fractions that were given whole."""
        return sum(self.share(parts) == 1 for parts in self.given().values())

    @property
    def used(self) -> int:
        """Fractions that belong to the treatment."""
        return self.count if self.is_last else self.whole

    def left(self) -> Mapping[int, Mapping[int, Fraction]]:
        """By fraction and beam what is to be given yet."""
        if not self.is_last:
            return {}
        given_of = self.given()
        left = {
            f: {n: 1 - given_of.get(f, {}).get(n, Fraction(0)) for n in self.beams}
            for f in range(1, self.count + 1)
        }
        return {f: parts for f, parts in left.items() if any(parts.values())}

    def total_gy(self, name: str) -> Fraction:
        """What it gives in all: fractions times their dose, and what was begun before it was replaced."""
        begun = (p for p in self.given().values() if not self.is_last and self.share(p) < 1)
        return self.used * self.whole_gy(name) + sum((self.gy(p, name) for p in begun), Fraction(0))


@dataclass(frozen=True, kw_only=True)
class Book:
    """A whole treatment as drawn. Without ``clock`` no record has a time of day."""

    plans: tuple[Drawn, ...]
    grouping: Grouping
    clock: bool
    record_a_day: bool

    @property
    def visits(self) -> list[list[tuple[Drawn, Piece]]]:
        """What was given, by visit."""
        pieces = sorted(
            ((plan, piece) for plan in self.plans for piece in plan.pieces), key=lambda p: p[1].when
        )
        found: list[list[tuple[Drawn, Piece]]] = []
        for plan, piece in pieces:
            before = found[-1][-1][1].when if found else dt.datetime.min
            near = (
                piece.when - before <= dt.timedelta(minutes=VISIT_MINUTES)
                if self.clock
                else piece.when.date() == before.date()
            )
            if not near:
                found.append([])
            found[-1].append((plan, piece))
        return found

    def after(self, plan: Drawn) -> int:
        """Days of its course before the first of a plan that replaced another."""
        before = next((p for p in self.plans if p.uid == plan.replaces), None)
        return 0 if before is None else self.after(before) + before.used

    def given_gy(self, name: str) -> list[Fraction]:
        """What each visit gave to a structure."""
        found = []
        for visit in self.visits:
            plans = dict.fromkeys(plan.uid for plan, _ in visit)
            found.append(sum((self._of_plan(uid, visit, name) for uid in plans), Fraction(0)))
        return found

    def _of_plan(self, uid: str, visit: Sequence[tuple[Drawn, Piece]], name: str) -> Fraction:
        plan = next(p for p in self.plans if p.uid == uid)
        parts = plan.given([piece for drawn, piece in visit if drawn.uid == uid])
        return sum((plan.gy(p, name) for p in parts.values()), Fraction(0))

    def left_gy(self, name: str, *, courses: Sequence[str] = tuple(COURSES)) -> list[Fraction]:
        """What each session that is left of some courses gives to a structure."""
        return self._by_day(
            (p, f, p.gy(parts, name))
            for p in self.plans
            if p.course in courses
            for f, parts in p.left().items()
        )

    def planned_gy(self, name: str) -> list[Fraction]:
        """What each session that is planned gives to a structure, whether it was given or not."""
        return self._by_day((p, f, p.whole_gy(name)) for p in self.plans for f in range(1, p.used + 1))

    def _by_day(self, fractions: Iterable[tuple[Drawn, int, Fraction]]) -> list[Fraction]:
        """Doses of fractions summed over the sessions of a course: its days, or the plans of its days."""
        apart = self.grouping is Grouping.SEPARATE_SESSIONS
        found: dict[tuple[str, int, str], Fraction] = defaultdict(Fraction)
        for plan, fraction, gy in fractions:
            found[plan.course, self.after(plan) + fraction, plan.uid if apart else ""] += gy
        return list(found.values())

    def whole_days(self, course: str) -> int:
        """Days of a course of which nothing is missing."""
        days: dict[int, bool] = {}
        for plan in (p for p in self.plans if p.course == course):
            parts = plan.given()
            for fraction in range(1, plan.used + 1):
                whole = not plan.is_last or plan.share(parts.get(fraction, {})) == 1 or course in self.over
                day = self.after(plan) + fraction
                days[day] = days.get(day, True) and whole
        return sum(days.values())

    @property
    def over(self) -> list[str]:
        """Courses without any record before one that has some: they are taken as given."""
        begun = [list(COURSES).index(p.course) for p in self.plans if p.pieces]
        before = list(COURSES)[: max(begun, default=0)]
        return [c for c in before if not any(p.pieces for p in self.plans if p.course == c)]


METERSETS = st.integers(200, 9000).map(lambda n: Decimal(n).scaleb(-1))
DOSES = st.integers(1, 300).map(lambda n: Fraction(n, 100))
CUTS = st.sampled_from([Decimal(s) for s in ("1", "1", "1", "0.5", "0.3", "0.125")])
HOURS = st.sampled_from([dt.timedelta(hours=h) for h in (8, 9.5, 16, 23.5)])
DELAYS = st.sampled_from([dt.timedelta(minutes=m) for m in (10, 120, 125, 1440, 4320)])
HOW = st.sampled_from(["whole", "whole", "whole", "broken off", "not"])


def cut(draw: st.DrawFn, *, fraction: int, beams: range, when: dt.datetime) -> Iterator[Piece]:
    """A fraction that is given whole, in one or in two parts of some of its beams."""
    for beam in beams:
        part, delay = draw(CUTS), draw(DELAYS)
        yield Piece(fraction=fraction, beam=beam, part=part, when=when)
        if part < 1:
            yield Piece(fraction=fraction, beam=beam, part=1 - part, when=when + delay, kind="CONTINUATION")


def given_of(draw: st.DrawFn, *, count: int, beams: range, first: dt.datetime) -> Iterator[Piece]:
    """What was given of the fractions of a plan, one a day: all of it, a part, or nothing."""
    for fraction in range(1, count + 1):
        how = draw(HOW)
        when = first + dt.timedelta(days=fraction) + draw(HOURS)
        pieces = list(cut(draw, fraction=fraction, beams=beams, when=when)) if how != "not" else []
        if how == "broken off":
            missing = draw(st.sets(st.integers(0, len(pieces) - 1), max_size=len(pieces) - 1))
            pieces = [p for n, p in enumerate(pieces) if n not in missing]
        yield from pieces


@st.composite
def images(draw: st.DrawFn, *, count: int, beams: range, first: dt.datetime) -> Piece:
    """A portfilm, a setup image, or a beam that stopped before it gave anything."""
    kind = draw(st.sampled_from(["OPEN_PORTFILM", "OPEN_PORTFILM", "SETUP", "TREATMENT"]))
    return Piece(
        fraction=draw(st.integers(1, count)),
        beam=draw(st.sampled_from(beams)),
        part=draw(st.integers(1, 3)) / Decimal(100) if kind != "TREATMENT" else Decimal(0),
        when=first + dt.timedelta(days=draw(st.integers(1, count))) + draw(HOURS),
        kind=kind,
    )


def chain(draw: st.DrawFn, *, course: str, role: str, first: dt.datetime) -> Iterator[Drawn]:
    """Plans of one role, of which each took the place of the one before."""
    length = draw(st.sampled_from([1, 1, 2, 3]))
    replaces = ""
    for n in range(1, length + 1):
        metersets = draw(st.lists(METERSETS, min_size=1, max_size=3))
        count = draw(st.integers(1, 3))
        beams = range(1, len(metersets) + 1)
        uid = f"1.{role}.{n}"
        yield Drawn(
            uid=uid,
            role=role,
            course=course,
            count=count,
            prescription_gy=Decimal(draw(st.integers(1, 700))).scaleb(-1),
            metersets=tuple(metersets),
            beam_gy=tuple({name: draw(DOSES) for name in NAMES} for _ in beams),
            has_beams=draw(st.booleans()),
            replaces=replaces,
            is_last=n == length,
            pieces=tuple(given_of(draw, count=count, beams=beams, first=first)),
            images=tuple(draw(st.lists(images(count=count, beams=beams, first=first), max_size=2))),
        )
        first += dt.timedelta(days=count)
        replaces = uid


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Courses with their plans, records of some or all of their fractions, and what these say of time."""
    chosen = draw(st.sets(st.sampled_from(list(COURSES)), min_size=1))
    plans: list[Drawn] = []
    for n, (course, roles) in enumerate(COURSES.items()):
        if course not in chosen:
            continue
        for role in roles[: draw(st.integers(1, len(roles)))]:
            later = draw(st.sampled_from([dt.timedelta(minutes=m) for m in (0, 20, 120, 125, 600)]))
            plans.extend(chain(draw, course=course, role=role, first=FIRST_DAY + n * APART + later))
    return Book(
        plans=tuple(plans),
        grouping=draw(st.sampled_from(Grouping)),
        clock=draw(st.booleans()),
        record_a_day=draw(st.booleans()),
    )


def plan_drawn(uid: str, *given_on: tuple[int, int, str], count: int = 1, **changes: Any) -> Drawn:
    """A plan of one beam by what was given: of which fraction, so many days after the first, what part."""
    role = uid.split(".")[1]
    pieces = tuple(
        Piece(fraction=n, beam=1, part=Decimal(part), when=FIRST_DAY + dt.timedelta(days=day, hours=8))
        for n, day, part in given_on
    )
    drawn = Drawn(
        uid=uid,
        role=role,
        course=next(course for course, roles in COURSES.items() if role in roles),
        count=count,
        prescription_gy=Decimal(2 * count),
        metersets=(Decimal(100),),
        beam_gy=({"Left": Fraction(1), "Right": Fraction(2)},),
        has_beams=False,
        replaces="",
        is_last=True,
        pieces=pieces,
    )
    return replace(drawn, **changes)


def book_of(*plans: Drawn, **changes: Any) -> Book:
    book = Book(plans=plans, grouping=Grouping.ONE_SESSION, clock=True, record_a_day=False)
    return replace(book, **changes)


BEGUN = book_of(
    plan_drawn("1.a.1", (1, 1, "0.5"), is_last=False), plan_drawn("1.a.2", (1, 2, "1"), replaces="1.a.1")
)
"""Of the first plan half a fraction was given, then another took its place."""
BEGUN_BETWEEN = book_of(
    plan_drawn("1.a.1", (1, 1, "1"), is_last=False),
    plan_drawn("1.a.2", (1, 2, "0.5"), replaces="1.a.1", is_last=False),
    plan_drawn("1.a.3", (1, 3, "1"), replaces="1.a.2"),
)
"""The same, with a fraction of an earlier plan before it: that one stays whole."""
SKIPPED = book_of(
    plan_drawn("1.a.1", (2, 1, "1"), (3, 2, "1"), count=3, is_last=False),
    plan_drawn("1.a.2", (1, 3, "1"), replaces="1.a.1"),
)
"""Of the first plan the fractions 2 and 3 were given; the first is no more to come."""
IN_ONE_VISIT = book_of(
    plan_drawn("1.a.1", (1, 1, "1"), is_last=False), plan_drawn("1.a.2", (1, 1, "1"), replaces="1.a.1")
)
"""A plan that was given in the visit of the one that it replaced."""
THREE_DOSES = book_of(
    plan_drawn(
        "1.a.1",
        count=2,
        metersets=(Decimal(20),) * 3,
        beam_gy=tuple({"Left": Fraction(1, 100), "Right": Fraction(n, 100)} for n in (1, 1, 200)),
        has_beams=True,
    )
)
"""Doses of three beams, whose sum in floats hangs on the order of its terms."""
THIRDS = book_of(
    plan_drawn(
        "1.a.1",
        count=2,
        metersets=(Decimal(70),) * 3,
        beam_gy=({"Left": Fraction(1), "Right": Fraction(2)},) * 3,
        pieces=tuple(
            Piece(fraction=1, beam=n, part=Decimal(1), when=FIRST_DAY + dt.timedelta(days=n, hours=8))
            for n in (1, 2, 3)
        ),
    )
)
"""A fraction that was given in three visits of a third, which is no decimal."""
UNRECORDED = book_of(plan_drawn("1.a.1"), plan_drawn("1.b.1", (1, 61, "1")))
"""A course without records is taken as given once the next one has begun, and not before."""
OVER_MIDNIGHT = book_of(
    plan_drawn(
        "1.a.1",
        pieces=tuple(
            Piece(fraction=1, beam=1, part=Decimal("0.5"), when=FIRST_DAY + dt.timedelta(hours=hours))
            for hours in (23.5, 24.5)
        ),
    )
)
"""A fraction that was broken off and made up in one visit over midnight."""
MADE_UP_BEFORE_REPLACED = book_of(
    plan_drawn("1.a.1", (1, 1, "1"), (2, 2, "0.5"), (2, 3, "0.5"), count=2, is_last=False),
    plan_drawn("1.a.2", (1, 4, "1"), replaces="1.a.1"),
)


# As a case


def case_of(book: Book) -> Case:
    return Case(
        folder=Path("memory"),
        plans=tuple(plan_of(p) for p in book.plans),
        doses=tuple(grid for p in book.plans for grid in grids_of(p)),
        structure_sets=(StructureSet(structures=tuple(structures().values()), uid=SET_UID, source="RS.dcm"),),
        records=tuple(record for p in book.plans for record in records_of(p, book)),
        statement=statement_of(book),
    )


def plan_of(drawn: Drawn) -> Plan:
    beams = tuple(BeamDose(number=n, meterset=m) for n, m in enumerate(drawn.metersets, start=1))
    return Plan(
        uid=drawn.uid,
        label=drawn.uid,
        groups=(Group(number=1, fractions=drawn.count, beams=beams),),
        prescriptions=(Prescription(dose_gy=drawn.prescription_gy, roi_number=1),),
        structure_set_uid=SET_UID,
        frame_uid=FRAME_UID,
        source=f"RP{drawn.uid}.dcm",
    )


def grids_of(drawn: Drawn) -> Iterator[DoseGrid]:
    """The dose of all fractions: of each beam, or of the plan."""
    if not drawn.has_beams:
        yield grid_of(drawn, "", {name: drawn.whole_gy(name) for name in NAMES})
        return
    for n, gy in enumerate(drawn.beam_gy, start=1):
        yield replace(grid_of(drawn, f".{n}", gy), holds=Beams(numbers=(n,), one_session=False))


def grid_of(drawn: Drawn, end: str, gy: Mapping[str, Fraction]) -> DoseGrid:
    left, right = (float(gy[name] * drawn.count) for name in NAMES)
    stored = np.broadcast_to(np.array([left, left, right, right]), LATTICE.shape_zyx)
    grid = DoseGrid.from_array(LATTICE, stored, frame_uid=FRAME_UID, uid=f"2{drawn.uid}{end}")
    return replace(grid, plan_uids=(drawn.uid,), source=f"RD{drawn.uid}{end}.dcm")


def records_of(drawn: Drawn, book: Book) -> Iterator[TreatmentRecord]:
    """A record for each time at which the plan was given, or for each day."""
    groups: dict[dt.datetime | dt.date, list[Piece]] = {}
    for piece in (*drawn.images, *drawn.pieces):
        groups.setdefault(piece.when.date() if book.record_a_day else piece.when, []).append(piece)
    for number, pieces in enumerate(groups.values()):
        first = min(p.when for p in pieces)
        uid = f"9{drawn.uid}.{number}"
        yield TreatmentRecord(
            uid=uid,
            plan_uid=drawn.uid,
            group=1,
            given=first if book.clock else None,
            date=first.date(),
            deliveries=tuple(delivery_of(drawn, p, book) for p in pieces),
            source=f"{uid}.dcm",
        )


def delivery_of(drawn: Drawn, piece: Piece, book: Book) -> BeamDelivery:
    meterset = drawn.metersets[piece.beam - 1]
    return BeamDelivery(
        beam=piece.beam,
        fraction=piece.fraction,
        kind=piece.kind,
        specified=meterset,
        delivered=meterset * piece.part,
        begun=piece.when if book.clock and book.record_a_day else None,
    )


def statement_of(book: Book) -> Statement:
    """Roles, what replaced what, and that nothing was given of a plan that has no records."""
    plans = tuple(
        PlanStatement(
            uid=p.uid,
            roles=(p.role,),
            replaces=p.replaces,
            delivered=None if p.is_last or p.pieces else 0,
        )
        for p in book.plans
    )
    courses = {p.course: CourseStatement(grouping=book.grouping) for p in book.plans}
    return Statement(plans=plans, courses=courses, source="case.toml")


def treated(case: Case) -> Treatment:
    return build_treatment(case, protocol())


def checked(case: Case, *, as_of: dt.date | None = None) -> CheckResult:
    return check(case, protocol(), as_of=as_of, settings=COARSE)


def book_json(case: Case) -> str:
    return ledger_json(ledger_view(case, protocol()))


def close(gy: Fraction | float) -> Any:
    """Shares are decimals of 12 places, doses are floats."""
    return pytest.approx(float(gy), rel=1e-9, abs=1e-9)


# The sum over sessions, and over plans


def bed_gy(sessions: Sequence[Fraction], alpha_beta_gy: int) -> Fraction:
    return sum((gy * (1 + gy / alpha_beta_gy) for gy in sessions), Fraction(0))


def eqd2_gy(sessions: Sequence[Fraction], alpha_beta_gy: int) -> Fraction:
    return bed_gy(sessions, alpha_beta_gy) / (1 + Fraction(2, alpha_beta_gy))


@settings(max_examples=40, deadline=None)
@given(books())
@example(BEGUN_BETWEEN)
@example(SKIPPED)
@example(OVER_MIDNIGHT)
def test_the_sum_over_sessions_is_the_sum_over_plans(book: Book) -> None:
    ledger = treated(case_of(book)).ledger
    for name, structure in structures().items():
        sessions = [*book.given_gy(name), *book.left_gy(name)]
        plans = sum((p.total_gy(name) for p in book.plans), Fraction(0))
        assert sum(sessions) == plans
        if not len(ledger):
            continue
        ratio = ALPHA_BETA_GY[name]
        expected: list[tuple[Quantity, Fraction]] = [
            (Physical(), plans),
            (Bed(alpha_beta_gy=ratio), bed_gy(sessions, ratio)),
            (Eqd2(alpha_beta_gy=ratio), eqd2_gy(sessions, ratio)),
        ]
        for quantity, gy in expected:
            assert accumulate(ledger, structure, quantity, settings=COARSE).mean_gy == close(gy)


def total(rows: Sequence[DoseRow]) -> DoseRow | None:
    return next((r for r in rows if r.course == TOTAL), None)


def mean_gy(row: DoseRow, quantity: str) -> float:
    metrics = getattr(row, quantity)
    assert metrics is not None
    return float(metrics.mean_gy.value)


@settings(max_examples=40, deadline=None)
@given(books())
@example(BEGUN_BETWEEN)
@example(SKIPPED)
def test_a_check_has_these_sums_as_planned_as_given_and_as_it_stands(book: Book) -> None:
    for found in checked(case_of(book)).structures:
        name, ratio = found.name, ALPHA_BETA_GY[found.name]
        given_gy = book.given_gy(name)
        columns = [(found.rows, [*given_gy, *book.left_gy(name)])]
        if given_gy:
            over = book.left_gy(name, courses=book.over)
            columns += [(found.delivered, [*given_gy, *over]), (found.planned, book.planned_gy(name))]
        for rows, sessions in columns:
            row = total(rows)
            assert (row is None) == (not sessions)
            if row is not None:
                assert row.sessions == len(sessions)
                assert mean_gy(row, "physical") == close(sum(sessions))
                assert mean_gy(row, "bed") == close(bed_gy(sessions, ratio))
                assert mean_gy(row, "eqd2") == close(eqd2_gy(sessions, ratio))


# Order


def shuffled(items: Sequence[Any], random: Random) -> tuple[Any, ...]:
    return tuple(random.sample(items, len(items)))


def mixed(case: Case, random: Random) -> Case:
    """The same case with its doses, records and deliveries in another order."""
    records = [replace(r, deliveries=shuffled(r.deliveries, random)) for r in case.records]
    return replace(case, doses=shuffled(case.doses, random), records=shuffled(records, random))


def listed(document: Any) -> Any:
    """A JSON document, whatever the order in its lists and in its sentences, which list plans too."""
    if isinstance(document, dict):
        return {key: listed(value) for key, value in document.items()}
    if isinstance(document, list):
        return sorted((listed(value) for value in document), key=json.dumps)
    if isinstance(document, str):
        return sorted(document.split())
    return document


@settings(max_examples=30, deadline=None)
@given(books(), st.randoms(use_true_random=False))
@example(THREE_DOSES, Random(1))
@example(IN_ONE_VISIT, Random(1))
def test_the_order_of_doses_and_records_changes_no_byte(book: Book, random: Random) -> None:
    case = case_of(book)
    other = mixed(case, random)
    assert checked(other).to_json() == checked(case).to_json()
    if book.plans:
        assert book_json(other) == book_json(case)


@settings(max_examples=30, deadline=None)
@given(books(), st.randoms(use_true_random=False))
@example(THREE_DOSES, Random(1))
@example(IN_ONE_VISIT, Random(1))
def test_the_order_of_plans_changes_only_where_they_are_listed(book: Book, random: Random) -> None:
    case = case_of(book)
    other = replace(case, plans=shuffled(case.plans, random))
    found, others = (listed(json.loads(checked(c).to_json())) for c in (case, other))
    assert others == found


# What is left


Shares = dict[tuple[str, int, int], Fraction]


def shares_of(ledger: Ledger, beams: Mapping[str, range]) -> Shares:
    """By plan, prescribed day and beam (0 for the fraction as a whole) what part is given."""
    found: Shares = defaultdict(Fraction)
    for session in ledger:
        for c, day in session.numbered():
            uid = c.fraction.plan_uid
            found[uid, day, 0] += Fraction(c.share)
            for beam in beams[uid]:
                found[uid, day, beam] += Fraction(c.share_of(beam))
    return found


@settings(max_examples=100, deadline=None)
@given(books())
@example(BEGUN)
@example(BEGUN_BETWEEN)
@example(SKIPPED)
@example(THIRDS)
def test_what_was_given_and_what_is_left_are_what_is_planned(book: Book) -> None:
    """And what was begun of a plan before another took its place is on top of it."""
    treatment = treated(case_of(book))
    assert treatment.lost == ()
    beams = {p.uid: p.beams for p in book.plans}
    planned, given_of, left = (
        shares_of(ledger, beams)
        for ledger in (treatment.planned, treatment.ledger.delivered(), treatment.ledger.remaining())
    )
    for plan in book.plans:
        days = range(book.after(plan) + 1, book.after(plan) + plan.used + 1)
        for beam in (0, *plan.beams):
            assert {d for uid, d, n in planned if (uid, n) == (plan.uid, beam)} == set(days)
            own = [(given_of[plan.uid, d, beam], left[plan.uid, d, beam]) for d in days]
            assert all(part >= 0 for pair in own for part in pair)
            if plan.is_last:
                assert all(
                    g + ahead == planned[plan.uid, d, beam] for (g, ahead), d in zip(own, days, strict=True)
                )
            else:
                assert sum_of(given_of, plan, beam) == close(plan.used + begun_of(plan, beam))
                assert sum_of(left, plan, beam) == 0


def sum_of(shares: Shares, plan: Drawn, beam: int) -> Fraction:
    return sum((s for (uid, _, n), s in shares.items() if (uid, n) == (plan.uid, beam)), Fraction(0))


def begun_of(plan: Drawn, beam: int) -> Fraction:
    """What part of a beam was given in fractions that were never made up."""
    begun = [parts for parts in plan.given().values() if plan.share(parts) < 1]
    if not beam:
        return sum((plan.share(parts) for parts in begun), Fraction(0))
    return sum((parts.get(beam, Fraction(0)) for parts in begun), Fraction(0))


@settings(max_examples=100, deadline=None)
@given(books())
@example(BEGUN)
@example(BEGUN_BETWEEN)
@example(SKIPPED)
@example(THIRDS)
def test_fractions_given_and_left_are_those_planned(book: Book) -> None:
    view = ledger_view(case_of(book), protocol())
    for count in view.counts:
        assert count.delivered is not None
        assert count.left is not None
        assert count.delivered == book.whole_days(count.course)
        assert count.delivered + count.left == count.planned
        plans = [p for p in book.plans if p.course == count.course]
        assert count.planned == max(book.after(p) + p.used for p in plans)


# Splitting


def gave(delivery: BeamDelivery) -> bool:
    return delivery.counts and bool(delivery.delivered)


def split(records: Sequence[TreatmentRecord], data: st.DataObject) -> list[TreatmentRecord]:
    """The same deliveries with one of them, or a part of it half a minute later, in a record of its own."""
    one = data.draw(st.sampled_from([r for r in records if any(gave(d) for d in r.deliveries)]))
    moved = data.draw(st.sampled_from([d for d in one.deliveries if gave(d)]))
    rest = [d for d in one.deliveries if d is not moved]
    given_at = one.given
    assert moved.delivered is not None
    if not rest or data.draw(st.booleans()):
        later = dt.timedelta(seconds=30)
        first = moved.delivered * data.draw(st.integers(1, 99)) / 100
        rest.append(replace(moved, delivered=first))
        moved = replace(moved, delivered=moved.delivered - first, kind="CONTINUATION")
        moved = replace(moved, begun=moved.begun and moved.begun + later)
        given_at = one.given and one.given + later
    others = [r for r in records if r is not one]
    new = replace(one, uid=f"{one.uid}.9", given=given_at, deliveries=(moved,))
    return [*others, replace(one, deliveries=tuple(rest)), new]


def without_sources(case: Case) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(book_json(case))
    for entry in data["entries"]:
        entry.pop("source_uids", None)
    return data


@settings(max_examples=25, deadline=None)
@given(books(), st.data())
def test_a_fraction_in_two_records_of_one_session_changes_no_byte(book: Book, data: st.DataObject) -> None:
    case = case_of(book)
    assume(any(p.pieces for p in book.plans))
    other = replace(case, records=tuple(split(case.records, data)))
    assert checked(other).to_json() == checked(case).to_json()
    assert without_sources(other) == without_sources(case)


# As it stood


def until(case: Case, day: dt.date) -> Case:
    return replace(case, records=tuple(r for r in case.records if r.date is not None and r.date <= day))


def said(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except InputError as error:
        return str(error)


def is_settled(book: Book, day: dt.date) -> bool:
    """Whether the records until a day say all of replaced plans: later ones count for their number."""
    pieces = [piece for p in book.plans if not p.is_last for piece in p.pieces]
    return all(piece.when.date() <= day for piece in pieces)


DAYS = st.integers(0, 140).map(lambda n: (FIRST_DAY + dt.timedelta(days=n)).date())


@settings(max_examples=30, deadline=None)
@given(books(), DAYS)
def test_a_check_as_of_a_day_is_that_of_the_records_until_then(book: Book, day: dt.date) -> None:
    assume(is_settled(book, day))
    case = case_of(book)
    assert said(lambda: checked(case, as_of=day).to_json()) == said(
        lambda: checked(until(case, day), as_of=day).to_json()
    )


def given_entries(view: LedgerView) -> list[SessionEntry]:
    return [e for e in sessions_in(view.entries) if e.state is State.DELIVERED]


def sessions_in(entries: Sequence[Entry]) -> list[SessionEntry]:
    return [e for e in entries if isinstance(e, SessionEntry)]


@settings(max_examples=100, deadline=None)
@given(books(), DAYS)
@example(UNRECORDED, FIRST_DAY.date())
@example(MADE_UP_BEFORE_REPLACED, dt.date(2026, 3, 5))
def test_what_was_given_as_of_a_day_is_what_the_records_until_then_say(book: Book, day: dt.date) -> None:
    assume(is_settled(book, day))
    case = case_of(book)
    as_of, then = ledger_view(case, protocol(), at=day), ledger_view(until(case, day), protocol())
    assert given_entries(as_of) == given_entries(then)
    assert [(c.course, c.delivered, c.delivered_dose) for c in as_of.counts] == [
        (c.course, c.delivered, c.delivered_dose) for c in then.counts
    ]


@settings(max_examples=100, deadline=None)
@given(books(), DAYS)
@example(SKIPPED, FIRST_DAY.date())
@example(OVER_MIDNIGHT, FIRST_DAY.date())
@example(MADE_UP_BEFORE_REPLACED, dt.date(2026, 3, 4))
def test_as_of_any_day_every_plan_gives_the_fractions_that_are_its_own(book: Book, day: dt.date) -> None:
    """At least these, and besides at most the parts of fractions that are given by the end."""
    case = case_of(book)
    as_of, end = (ledger_view(case, protocol(), at=at) for at in (day, None))
    for count, last in zip(as_of.counts, end.counts, strict=True):
        plans = [p for p in book.plans if p.course == count.course]
        own = sum(Fraction(p.prescription_gy) / p.count * p.used for p in plans)
        assert count.planned == last.planned
        assert own * (1 - Fraction(1, 10**9)) <= count.projected_dose.gy
        assert count.projected_dose.gy <= last.projected_dose.gy * (1 + Fraction(1, 10**9))


# So far


@settings(max_examples=100, deadline=None)
@given(books())
@example(BEGUN)
@example(BEGUN_BETWEEN)
@example(SKIPPED)
def test_what_a_course_has_had_never_falls_and_ends_at_what_is_projected(book: Book) -> None:
    view = ledger_view(case_of(book), protocol())
    for count in view.counts:
        course = [e for e in sessions_in(view.entries) if e.course == count.course]
        assert all(a.cumulative.gy <= b.cumulative.gy for a, b in itertools.pairwise(course))
        assert all((a.fractions or 0) <= (b.fractions or 0) for a, b in itertools.pairwise(course))
        assert course[-1].cumulative == count.projected_dose
        assert not count.projected_dose.at_least
        plans = [p for p in book.plans if p.course == count.course]
        assert count.projected_dose.gy == close(sum(prescribed_gy(p) for p in plans))


def prescribed_gy(plan: Drawn) -> Fraction:
    begun = 0 if plan.is_last else begun_of(plan, 0)
    return Fraction(plan.prescription_gy) / plan.count * (plan.used + begun)


# On disk


CASE_TOML = """
format_version = 1

[courses.prior]
prescription_gy = "70"
fractions = 35
last_date = 2024-03-01
"""


def redefine_files(folder: Path) -> Mapping[str, bytes]:
    """The compliant case with records: a boost that was broken off on the second day and made up."""
    save_redefine(folder, case_toml=CASE_TOML)
    given_on = [("low", 1, 2, "1"), ("boost", 1, 2, "1"), ("low", 2, 3, "1"), ("boost", 2, 3, "0.5")]
    given_on += [("boost", 2, 4, "0.5"), ("low", 3, 4, "1"), ("boost", 3, 4, "1")]
    for number, (plan, fraction, day, part) in enumerate(given_on):
        beams = [(n, m, str(Decimal(m) * Decimal(part))) for n, m in ((1, "101.5"), (2, "102.5"))]
        record = dicom.make_record(
            plan_uid=UIDS[plan],
            uid=f"9.{number}",
            fraction=fraction,
            beams=beams,
            date=f"202603{day:02d}",
            time=f"09{number:02d}00",
        )
        dicom.save(record, folder / f"RT_{plan}_{number}.dcm")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def on_disk(folder: Path, files: Iterable[tuple[str, bytes]]) -> tuple[str, str]:
    """What a check and the ledger say of files that are written in this order."""
    folder.mkdir()
    for name, content in files:
        (folder / name).write_bytes(content)
    case, held = read_case(folder), load_protocol("redefine")
    result = check(case, held, settings=replace(COARSE, cells=100))
    return result.to_json(), ledger_json(ledger_view(case, held))


def test_the_order_in_which_files_are_written_or_listed_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = list(redefine_files(tmp_path / "files").items())
    found = on_disk(tmp_path / "forward", files)
    assert json.loads(found[1])["counts"][1]["delivered"] == 3
    walk = os.walk

    def backward(*args: Any, **named: Any) -> Iterator[tuple[str, list[str], list[str]]]:
        for directory, below, names in walk(*args, **named):
            yield directory, below, sorted(names, reverse=True)

    monkeypatch.setattr(os, "walk", backward)
    assert on_disk(tmp_path / "backward", files[::-1]) == found


# Each dose once


class Evaluations:
    """Counts the runs over the cells of structures, and how often a grid was evaluated at the same cells."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs: list[tuple[Quadrature, frozenset[str]]] = []
        self.at: Counter[tuple[str, bytes]] = Counter()
        run, at_cells = dosecalc.celldoses.evaluated, dosecalc.evaluation.at_cells

        def counted_run(quadrature: Quadrature, paths: Any) -> Any:
            self.runs.append((quadrature, frozenset(grid.uid for grid in paths)))
            return run(quadrature, paths)

        def counted_at(grid: DoseGrid, at: Any, transform: Any) -> Any:
            self.at[grid.uid, at.block.centres_xyz_mm().tobytes()] += 1
            return at_cells(grid, at, transform)

        monkeypatch.setattr(dosecalc.celldoses, "evaluated", counted_run)
        monkeypatch.setattr(dosecalc.evaluation, "at_cells", counted_at)

    @property
    def most(self) -> int:
        return max(self.at.values())


def organs(columns: int, rows: int) -> list[Structure]:
    """Boxes that lie beside each other, across the ramp of the doses."""
    found = []
    for number, (column, row) in enumerate(itertools.product(range(columns), range(rows)), start=1):
        x, y = 5.0 * (column - columns / 2), 6.0 * (row - rows / 2)
        made = make_box(
            low_xyz_mm=(x, y, -6), high_xyz_mm=(x + 4, y + 5, 6), name=f"Organ {number}", frame_uid=FRAME_UID
        )
        found.append(replace(made, number=number))
    return found


def in_turn(role: str, *, plans: int, fractions: int, first_day: int, given_days: int) -> Iterator[Drawn]:
    """Plans that replaced each other, given one fraction a day for so many days."""
    for n in range(plans):
        days = range(n * fractions, min((n + 1) * fractions, given_days))
        yield plan_drawn(
            f"1.{role}.{n + 1}",
            *((k, first_day + day, "1") for k, day in enumerate(days, start=1)),
            count=fractions,
            beam_gy=({"Left": Fraction(n + 1, 4), "Right": Fraction(7 - n, 4)},),
            replaces=f"1.{role}.{n}" if n else "",
            is_last=n == plans - 1,
        )


def large_case(held: Sequence[Structure], *, plans: int, fractions: int, given_days: int) -> Case:
    """Two courses of so many plans each; the first was given, of the second so many days."""
    whole = plans * fractions
    book = book_of(
        *in_turn("a", plans=plans, fractions=fractions, first_day=0, given_days=whole),
        *in_turn("d", plans=plans, fractions=fractions, first_day=200, given_days=given_days),
    )
    structure_set = StructureSet(structures=tuple(held), uid=SET_UID, source="RS.dcm")
    return replace(case_of(book), structure_sets=(structure_set,))


def limits(held: Sequence[Structure]) -> Protocol:
    """Sums and sessions are judged of every second structure; the doses are held against a prescription."""
    names = [s.name for s in held]
    rules = "".join(
        f'[[rules]]\nid = "{kind}.{n}"\ntitle = "a limit"\nkind = "{kind}"\nlevel = "required"\n'
        f'structures = {json.dumps(names[::2])}\ngoal = "{goal}"\nsource = "a test"\n{more}\n'
        for n, (kind, goal, more) in enumerate(
            [
                ("cumulative_limit", "D0.03cc < 100 Gy EQD2(3)", ""),
                ("cumulative_limit", "Mean < 150 Gy", ""),
                ("session_limit", "Dmax < 3 Gy/fx", 'course = "first"\nreading = "session_sum"\n'),
                ("session_limit", "Dmax < 3 Gy/fx", 'course = "third"\nreading = "each_plan"\n'),
            ]
        )
    )
    doses = RULES.split("[[rules]]")[1]
    return protocol_of(protocol_text(COURSES, dict.fromkeys(names, 3), f"{rules}[[rules]]{doses}"))


def test_a_book_of_200_sessions_evaluates_each_of_10_doses_once_in_each_of_30_structures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = organs(10, 3)
    case = large_case(held, plans=5, fractions=20, given_days=90)
    assert len(treated(case).ledger) == 200
    assert (len(held), len(case.doses), len(case.records)) == (30, 10, 190)
    seen = Evaluations(monkeypatch)
    result = check(case, limits(held), settings=COARSE)
    assert [s.problem for s in result.structures] == [""] * 30
    assert len({f.structure for f in result.findings if f.measured is not None}) == 15
    assert len(seen.runs) == 30
    assert {grids for _, grids in seen.runs} == {frozenset(d.uid for d in case.doses)}
    assert seen.most == 1


def test_doses_of_plans_that_are_not_given_any_more_are_evaluated_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second course was stopped in its first plan; what was planned is shown beside what was given."""
    held = organs(2, 1)
    case = large_case(held, plans=2, fractions=3, given_days=3)
    stopped = Event(kind=EventKind.STOPPED, date=(FIRST_DAY + dt.timedelta(days=202)).date())
    case = replace(case, statement=replace(case.statement, events=(stopped,)))
    seen = Evaluations(monkeypatch)
    result = check(case, limits(held), settings=COARSE)
    assert [total_sessions(s.rows) for s in result.structures] == [9, 9]
    assert [total_sessions(s.planned) for s in result.structures] == [12, 12]
    assert len(seen.runs) == 2
    assert seen.most == 1


def total_sessions(rows: Sequence[DoseRow]) -> int:
    row = total(rows)
    assert row is not None
    return row.sessions


def test_the_counter_sees_a_dose_that_is_evaluated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what the context keeps of a structure, every rule evaluates every dose anew."""
    held = organs(2, 1)
    cells = Context.cells

    def forgetful(context: Context, region: Any, ledger: Ledger) -> Any:
        context._cells.clear()
        return cells(context, region, ledger)

    monkeypatch.setattr(Context, "cells", forgetful)
    seen = Evaluations(monkeypatch)
    check(large_case(held, plans=2, fractions=3, given_days=6), limits(held), settings=COARSE)
    assert len(seen.runs) > 2
    assert seen.most > 1
