"""REDEFINE as a table: for every row a case that passes it, one that fails it and one that lacks its data.

The rows and their levels are those of the table of rules (CLINICAL, section 4), whatever the program does.
Each case is the compliant one of ``cases.py`` but for what its row names. Where the table knows no FAIL, the
second case shows what it has in place of one:

- R01 is data. A prior course always exists; the worst that is known of it is that its dose is missing, which
  is said. R19 is shown: it is a PASS however near the isodose is.
- R05, R17 and R42 say that by a dose, a structure or a frame nothing can be judged: NOT EVALUATED. Organs
  that lie apart in two structure sets (R42.organs) leave the sum UNCERTAIN.
- R18 leaves open what was not contoured: UNCERTAIN. So does R03 for an approval that is absent.
- R40 has its limits in rules of a table of one's own, here R40.x; R31 and R32 are kept in the rule R30.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pytest
from cases import (
    CORE,
    ISODOSE_END_MM,
    LEFT,
    LESION,
    MUCOSA,
    RIGHT,
    UIDS,
    Changed,
    box,
    cumulative,
    extended,
    findings,
    judged,
    make_case,
    make_case_before_planning,
    make_statement,
    redefine,
    sib_case,
    standard_structures,
)
from test_checking_frame_rules import two_sets
from test_replanned import given, replanned
from test_visits import FIRST, INDUCTION, begun, definitive, induction, record, weekdays

from dosecalc import Finding, Outcome, Protocol, eqd2
from dosecalc.case import Case
from dosecalc.doses import OneSession
from dosecalc.plans import Group
from dosecalc.records import TreatmentRecord
from dosecalc.registrations import Registration
from dosecalc.rules import Level
from dosecalc.statement import CourseStatement, Event, EventKind, Grouping, PlanStatement
from dosecalc.transforms import Affine

PASS, FAIL, UNCERTAIN = Outcome.PASS, Outcome.FAIL, Outcome.UNCERTAIN
NOT_EVALUATED, NOT_DUE = Outcome.NOT_EVALUATED, Outcome.NOT_DUE
HARDEST_LAST = (PASS, NOT_DUE, UNCERTAIN, NOT_EVALUATED, FAIL)
CELLS = 30
"""Each structure that is judged here has one dose, or one on each side of the limit: few cells are exact."""

LEVELS = {
    **dict.fromkeys(
        (
            "R05",
            "R10",
            "R12",
            "R15",
            "R16",
            "R17",
            "R18",
            "R25",
            "R21",
            "R23",
            "R24",
            "R30",
            "R40.x",
            "R42",
            "R42.organs",
        ),
        Level.REQUIRED,
    ),
    "R42.organs": Level.REQUIRED,
    **dict.fromkeys(
        ("R01", "R02", "R03", "R11", "R13", "R13.inside", "R14", "R19", "R20", "R26", "R40", "R41"),
        Level.ADVISORY,
    ),
}
"""By rule. R40 is required where a table exists (R40.x); the overlap of R16 is given no level of its own."""
NO_LEVEL = {"R16.overlap"}
HELD_BY = {"R31": "R30", "R32": "R30"}
"""Rows of the table that the protocol keeps in the rule of another one."""
ON_DATES = {"R01", "R02", "R03", "R10", "R12", "R14", "R20", "R21", "R23", "R24", "R25", "R26", "R30"}
"""Rules on dates, plans and events: they need no structure, and each takes its time."""

Made = Callable[[], Case]


class Shows(enum.StrEnum):
    """What a case shows of its row."""

    PASSES = "passes"
    FAILS = "fails"
    LACKS = "lacks its data"
    MORE = "more"  # another clause of the row


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case of one row of the table, and what must be said of it.

    ``rule`` is that of the finding, judged together with the rules ``beside`` it; ``of`` is the structure,
    plan or day of the finding where the rule has several. All of ``words`` are in its message.
    """

    row: str
    shows: Shows
    what: str
    case: Made
    words: tuple[str, ...]
    outcome: Outcome
    rule: str
    beside: tuple[str, ...] = ()
    of: str | dt.date = ""
    measured: float | None = None
    within: float = 1e-9
    protocol: Callable[[], Protocol] = redefine
    as_of: dt.date | None = None

    def __str__(self) -> str:
        return f"{self.row} {self.shows}: {self.what}"


def _entry(
    shows: Shows, otherwise: Outcome, row: str, what: str, case: Made, *words: str, **more: Any
) -> Row:
    fields = {"outcome": otherwise, "rule": HELD_BY.get(row, row), **more}
    return Row(row=row, shows=shows, what=what, case=case, words=words, **fields)


passes, fails = partial(_entry, Shows.PASSES, PASS), partial(_entry, Shows.FAILS, FAIL)
lacks, ahead = partial(_entry, Shows.LACKS, NOT_EVALUATED), partial(_entry, Shows.LACKS, NOT_DUE)
keeps, breaks = partial(_entry, Shows.MORE, PASS), partial(_entry, Shows.MORE, FAIL)
open_, later = partial(_entry, Shows.MORE, NOT_EVALUATED), partial(_entry, Shows.MORE, NOT_DUE)


# ---------------------------------------------------------------- cases
def made(**fields: Any) -> Made:
    return partial(make_case, **fields)


def changed(name: str, **what: Any) -> Made:
    return made(change={name: Changed(**what)})


def stated(*, events: Sequence[Event] | None = None, **courses: CourseStatement) -> Made:
    return made(statement=make_statement(events=events, courses=courses))


def drawn(name: str, low: Sequence[float], high: Sequence[float]) -> Made:
    """One structure as another box."""
    return made(structures={name: box(name=name, low=low, high=high, spacing_mm=2)})


def without(structure: str) -> Made:
    return made(structures={structure: None})


def without_dose(plan: str) -> Made:
    return made(no_dose=(plan,))


def entered(*events: tuple[EventKind, dt.date]) -> list[Event]:
    return [Event(kind=kind, date=day) for kind, day in events]


def given_so_far(fractions: int, *events: tuple[EventKind, dt.date]) -> Made:
    """The induction and so many definitive fractions by their records, and what was entered."""
    return partial(begun, (*induction(), *definitive(fractions)), events=entered(*events))


UNDATED = CourseStatement(grouping=Grouping.ONE_SESSION)
UNKNOWN = CourseStatement()
NO_DEFINITIVE = made(
    plans=("low", "boost"),
    statement=make_statement(courses={"definitive": CourseStatement(not_planned_yet=True)}),
)
COMPLETE: dict[str, Any] = {
    "plans": ("prior", "low", "boost", "definitive"),
    "statement": make_statement(
        plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
        courses={"prior": CourseStatement(last_date=dt.date(2024, 3, 1))},
    ),
}
"""With the dose of the prior course."""
DAYS = [day.date() for day in weekdays(FIRST, 28)]
"""Of the definitive fractions, from Monday 30 March 2026; the 25th is Friday 1 May."""
UNUSED = "no RT Dose refers to it"
UNDRAWN = "no structure of that name"


# ---------------------------------------------------------------- input: R01, R02, R03, R05
def recurred(end: dt.date, day: dt.date) -> Made:
    prior = CourseStatement(prescription_gy=Decimal(70), fractions=35, last_date=end)
    return stated(prior=prior, events=entered((EventKind.RECURRENCE, day)))


def unprescribed(plan: str, **what: Any) -> Made:
    """A plan that lacks something, so that its role must be stated."""
    roles = make_statement(plans=[PlanStatement(uid=UIDS[plan], roles=(plan,))])
    return made(change={plan: Changed(plan=what)}, statement=roles)


def input_rows() -> Iterator[Row]:
    yield passes("R01", "with its dose", made(**COMPLETE), "is here with its dose")
    says = ("70 Gy in 35 fractions as stated", "cumulative sums of dose are incomplete")
    yield fails("R01", "declared, no dose given", make_case, *says, outcome=PASS)
    yield lacks("R01", "nothing known", stated(prior=UNKNOWN), "nothing is known of a prior course")

    day, before, leap = dt.date(2025, 3, 1), dt.date(2025, 2, 28), dt.date(2024, 2, 29)
    end, wanted = dt.date(2024, 3, 1), "expected 2025-03-01 or later"
    yield passes("R02", "the anniversary itself", recurred(end, day), wanted, measured=365)
    yield fails("R02", "the day before", recurred(end, before), f"on {before}", wanted, measured=364)
    yield lacks("R02", "no recurrence", stated(events=[]), "the date of recurrence (an event) is not stated")
    yield lacks("R02", "no end of the prior course", stated(prior=UNKNOWN), "its last date is not stated")
    yield keeps("R02", "a year from 29 February", recurred(leap, day), wanted, measured=366)
    yield breaks("R02", "a day less", recurred(leap, before), f"on {before}", wanted, measured=365)
    yield keeps("R02", "on 29 February", recurred(dt.date(2023, 2, 28), leap), "2024-02-28 or later")

    yield passes("R03", "approved, dose after plan", make_case, "approved, and no dose is older than it")
    yield fails("R03", "rejected", changed("boost", plan={"approval": "REJECTED"}), "'Boost'", "is REJECTED")
    aged = changed("boost", plan={"created": "20260102"}, dose={"created": "20260101"})
    text = "RD_boost.dcm (20260101) is older than the plan (20260102)"
    yield fails("R03", "a dose older than its plan", aged, text)
    absent = changed("boost", plan={"approval": ""})
    yield lacks("R03", "no approval", absent, "'Boost'", "Status is absent", outcome=UNCERTAIN)
    listed = "TPS 1.0 heterogeneity IMAGE"
    yield keeps("R03", "algorithm", changed("low", dose={"made_by": listed}), f"dose by {listed}", of="Low")
    yield keeps("R03", "no algorithm", make_case, "the dose does not say how it was computed")

    yield passes("R05", "as prescribed", make_case, "over the prescription is 1 (expected 0.9 to 1.15)")
    for ratio in (0.89, 1.16):
        says = (f"{CORE!r} over the prescription is {ratio} (expected", "every rule on this dose is NOT EVAL")
        dose = changed("boost", held_times=3 * ratio)
        yield fails("R05", f"{ratio} of it", dose, *says, measured=ratio, outcome=NOT_EVALUATED)
    yield lacks("R05", "no dose", without_dose("boost"), "RP_boost.dcm", UNUSED)
    yield lacks(
        "R05", "no prescription", unprescribed("boost", prescriptions=()), "no TargetPrescriptionDose"
    )
    yield lacks("R05", "no target", without(CORE), "no structure 2")
    one = changed("boost", held_times=1)
    yield open_(
        "R05", "one fraction as the plan", one, "is 0.3333 (", "that is 1/3, as of a grid that holds one"
    )
    whole = changed("definitive", held_times=28, dose={"holds": OneSession()})
    yield open_(
        "R05", "the plan as one fraction", whole, "is 28 (", "that is 28 times, as of a grid of the whole"
    )
    text = "its dose is 0.3333 times the prescription, so it is not used"
    for rule in ("R13", "R15", "R16", "R18", "R19"):
        yield open_("R05", f"{rule} on such a dose", one, text, rule=rule, beside=("R05",))


# ---------------------------------------------------------------- prescriptions: R10, R12, R23
def prescribed(plan: str, total_gy: Decimal, fractions: int) -> Made:
    undated = make_statement(courses={"induction": UNDATED})
    return made(change={plan: Changed(total_gy=str(total_gy), fractions=fractions)}, statement=undated)


def prescription(rule: str, plan: str, gy: str, fractions: int) -> Iterator[Row]:
    """Within 0.01 Gy a fraction, ends included, and the exact number of fractions."""
    whole, others = f"{gy} Gy x {fractions}", {"low", "boost", "definitive"} - {plan}
    yield passes(rule, "as prescribed", make_case, f": {whole} (expected {whole})")
    for off, shows in (("0.02", fails), ("-0.02", fails), ("0.01", keeps), ("-0.01", keeps)):
        dose = Decimal(gy) + Decimal(off)
        case = prescribed(plan, dose * fractions, fractions)
        yield shows(rule, f"{off} Gy off", case, f": {dose} Gy x {fractions} (expected {whole})")
    for count in (fractions - 1, fractions + 1):
        case = prescribed(plan, Decimal(gy) * count, count)
        yield fails(rule, f"{count} fractions", case, f": {gy} Gy x {count} (expected {whole})")
    uncounted = unprescribed(plan, groups=(Group(number=1, fractions=None),))
    yield lacks(rule, "no number of fractions", uncounted, "NumberOfFractionsPlanned is missing")
    yield lacks(rule, "no such plan", made(plans=sorted(others)), f"no plan is {plan!r}")
    yield keeps(rule, "one plan with two roles", sib_case, f": {whole} (expected {whole})")


def prescription_rows() -> Iterator[Row]:
    yield from prescription("R10", "low", "1.5", 3)
    yield from prescription("R12", "boost", "5", 3)
    yield from prescription("R23", "definitive", "2", 28)
    says = ("3.5 Gy x 3", "on top of the 1.5 Gy of 'Low' it makes 5 Gy per session")
    yield breaks("R12", "3.5 Gy on top of 1.5 Gy", changed("boost", total_gy="10.5"), *says)
    for count, shows in ((18, keeps), (17, breaks)):
        case = partial(replanned, fractions=count, records=given(10, 2))
        says = ("2 Gy x 10, then", f"2 Gy x {count} (expected 2 Gy x 28)")
        yield shows("R23", f"10 fractions, then {count} of another plan", case, *says)
    yield ahead("R23", "not planned yet", NO_DEFINITIVE, "the definitive course is not planned yet")


# ---------------------------------------------------------------- targets: R11, R13
def coverage(rule: str, plan: str, structure: str, metric: str) -> Iterator[Row]:
    """The target has one dose, so that each of its metrics is that dose."""
    held, low = changed(plan, held_times=3 * 0.95), changed(plan, held_times=3 * 0.94)
    yield passes(rule, "at 95 %", held, f"{metric} is 95.00 %", of=structure)
    yield fails(rule, "at 94 %", low, f"{metric} is 94.00 %", "goal >= 95 %", of=structure, measured=94)
    yield lacks(rule, "no dose", without_dose(plan), f"RP_{plan}.dcm", UNUSED)
    yield lacks(rule, "no target", without(structure), f"{structure}: {UNDRAWN}")


def target_rows() -> Iterator[Row]:
    """The core of 20 x 12 x 20 mm has 5 mm of lesion beside it."""
    yield from coverage("R11", "low", LESION, "D98%")
    yield from coverage("R13", "boost", CORE, "D95%")
    for by_mm, shows, volume in ((5, passes, "0.00"), (5.4, passes, "0.096"), (5.5, fails, "0.12")):
        moved = drawn(CORE, (by_mm - 10, -6, -10), (by_mm + 10, 6, 10))
        words, outside = f"{volume} cm3 of {CORE} lie outside {LESION}", (by_mm - 5) * 12 * 20 / 1000
        yield shows("R13.inside", f"core moved by {by_mm} mm", moved, words, measured=outside)
    yield lacks("R13.inside", "no lesion", without(LESION), f"{LESION}: {UNDRAWN}")


# ---------------------------------------------------------------- organs per session: R15, R16
SIDES = {LEFT: "left_gy", RIGHT: "right_gy", MUCOSA: "mucosa_gy"}
TINY = {LEFT: box(name=LEFT, low=(29, -1, -3), high=(31, 1, 3), spacing_mm=2)}
"""2 x 2 x 6 mm = 0.024 cm3, less than the 0.03 cm3 of the near-maximum dose."""


def organ_gy(organ: str, gy: float) -> Changed:
    side: dict[str, Any] = {SIDES[organ]: gy}
    return Changed(**side)


def session(organ: str, low_gy: float, boost_gy: float, **fields: Any) -> Made:
    """What one fraction of each plan of the induction gives one organ."""
    return made(change={"low": organ_gy(organ, low_gy), "boost": organ_gy(organ, boost_gy)}, **fields)


def sparing(rule: str, organ: str) -> Iterator[Row]:
    """Below 3 Gy in the session of both plans for one organ, while the others have 2 Gy."""
    limit, on = "(limit < 3 Gy per fraction)", {"of": organ}
    below, above, at = session(organ, 0.9, 2.0996), session(organ, 1.0, 2.5), session(organ, 1.1, 1.9)
    yield passes(rule, f"{organ} 2.9996 Gy", below, "D0.03cc is 2.9996 Gy", limit, measured=2.9996, **on)
    says = ("D0.03cc is 3.50 Gy", limit, "Low alone 1.00 Gy, Boost alone 2.50 Gy; each plan alone keeps")
    yield fails(rule, f"{organ} 3.5 Gy", above, *says, measured=3.5, **on)
    yield lacks(rule, f"{organ}, no boost dose", without_dose("boost"), "at least 0.80 Gy", UNUSED, **on)
    yield lacks(rule, f"{organ} not contoured", without(organ), f"{organ}: {UNDRAWN}", **on)
    yield ahead(rule, f"{organ}, nothing planned", make_case_before_planning, "is not planned yet", **on)
    yield breaks(rule, f"{organ} 3 Gy exactly", at, "D0.03cc is 3.00 Gy", limit, measured=3, **on)
    shown, before = made(change={"definitive": organ_gy(organ, 3.4)}), organ_gy(organ, 9.0)
    yield keeps(rule, f"{organ} 3.4 Gy in the definitive course", shown, "is 2.00 Gy in the induction", **on)
    case = made(change={"prior": before}, **COMPLETE)
    yield keeps(rule, f"{organ} 9 Gy in the prior course", case, "is 2.00 Gy in the induction", **on)


def organ_rows() -> Iterator[Row]:
    for rule, organ in (("R15", LEFT), ("R15", RIGHT), ("R16", MUCOSA)):
        yield from sparing(rule, organ)
    yield keeps("R15", "each side by itself", session(LEFT, 1.0, 2.5), "is 2.00 Gy", of=RIGHT)
    for boost_gy, shows, gy in ((1.8, keeps, "2.90"), (1.9, breaks, "3.00")):
        case = session(LEFT, 1.1, boost_gy, structures=TINY)
        yield shows(
            "R15", f"{gy} Gy below 0.03 cm3", case, "Dmax in place of D0.03cc", f"is {gy} Gy", of=LEFT
        )
    for y_mm, shows, volume in ((6, passes, "0.00"), (5.5, fails, "0.20")):
        case, shared = drawn(MUCOSA, (-10, y_mm, -28), (10, 20, 28)), (6 - y_mm) * 20 * 20 / 1000
        text = f"{volume} cm3 of {MUCOSA} lie in {CORE!r}"
        yield shows("R16.overlap", f"from y = {y_mm} mm on", case, text, measured=shared)
    yield lacks("R16.overlap", "no target", without(CORE), "no structure 2")
    yield lacks("R16.overlap", "no mucosa", without(MUCOSA), f"{MUCOSA}: {UNDRAWN}")


# ---------------------------------------------------------------- contours: R17, R18, R19
def contour_rows() -> Iterator[Row]:
    left, right = standard_structures()[LEFT], standard_structures()[RIGHT]
    for organ, volume in ((LEFT, "1.792"), (RIGHT, "1.792"), (MUCOSA, "4.48")):
        yield passes("R17", f"{organ} once", make_case, f"{organ!r}, {volume} cm3", of=organ)
        empty = made(structures={organ: replace(standard_structures()[organ], contours=())})
        yield lacks("R17", f"no {organ}", without(organ), f"{organ}: {UNDRAWN}", of=organ)
        yield lacks("R17", f"{organ} empty", empty, f"{organ!r}", "expected contours, found none", of=organ)
    exchanged = made(structures={LEFT: replace(right, name=LEFT), RIGHT: replace(left, name=RIGHT)})
    text = f"{LEFT} lies at x = -30.0 mm and {RIGHT} at x = 30.0 mm, further left"
    yield fails("R17", "sides exchanged", exchanged, text, of=LEFT, outcome=NOT_EVALUATED)
    twice = made(structures={"second": replace(left, name="Carotid_L", number=99)})
    says = (f"{LEFT!r} (ROI Number 3), 'Carotid_L' (ROI Number 99)", "all go by it")
    yield fails("R17", "two on one alias", twice, *says, of=LEFT, outcome=NOT_EVALUATED)

    end = f"{ISODOSE_END_MM:.1f} mm"
    yield passes(
        "R18", "all along", make_case, f"3 Gy isodose of a session from -{end[:-3]} to {end}", measured=0
    )
    for what, organ, low, high in (
        ("six slices below the boost", LEFT, (28, -4, -28), (32, 4, -16)),
        ("it ends above the middle", RIGHT, (-32, -4, -28), (-28, 4, 10)),
        ("the mucosa ends above the middle", MUCOSA, (-10, 18, -28), (10, 22, 16)),
    ):
        gap_mm = ISODOSE_END_MM - high[2]
        text = f"missing: {gap_mm:.1f} mm from z = {high[2]:.1f} to {end}"
        on = {"of": organ, "measured": gap_mm}
        yield fails("R18", what, drawn(organ, low, high), text, **on, outcome=UNCERTAIN)
    yield lacks("R18", "no boost dose", without_dose("boost"), "RP_boost.dcm", UNUSED)
    yield lacks("R18", "no carotid", without(LEFT), f"{LEFT}: {UNDRAWN}", of=LEFT)

    # From the wall at x = 28 mm to where a session falls from 6.5 Gy at 15 mm to 3 on its way to 2 at 25.
    gap_mm = 28 - (15 + 10 * (6.5 - 3.0) / (6.5 - 2.0))
    says = ("mm or more to the 3 Gy isodose of a session", "D0.03cc up to 2.00 Gy when shifted by 3 mm")
    # It is traced in steps of 1 mm, and said to be so much or more.
    yield passes("R19", f"{gap_mm:.1f} mm", make_case, *says, measured=gap_mm - 0.75, within=0.75)
    says = ("the 3 Gy isodose of a session passes through it", "D0.03cc up to 3.50 Gy when shifted by 3 mm")
    yield fails("R19", "within it", session(LEFT, 1.0, 2.5), *says, of=LEFT, measured=0, outcome=PASS)
    yield lacks("R19", "no boost dose", without_dose("boost"), "RP_boost.dcm", UNUSED)


# ---------------------------------------------------------------- calendar: R14, R21, R24
def induction_on(*days: int) -> Made:
    """Both plans in one visit on days of March 2026."""
    records: list[TreatmentRecord] = []
    for number, day in enumerate(days, start=1):
        at = dt.datetime(2026, 3, day, 9)
        records += [record("low", number, at), record("boost", number, at + dt.timedelta(minutes=20))]
    return partial(begun, records)


def boost_on(*days: int) -> Made:
    """The low dose on 2, 3 and 4 March, the boost on other days."""
    low = [record("low", n, day) for n, day in enumerate(INDUCTION, start=1)]
    boost = [record("boost", n, dt.datetime(2026, 3, day, 9)) for n, day in enumerate(days, start=1)]
    return partial(begun, [*low, *boost])


def two_of_three(first: dt.datetime) -> Made:
    """Records of two days of the induction, and of the definitive course from a day on."""
    return partial(begun, [*induction()[:4], record("definitive", 1, first)])


def on(days: Iterable[dt.date]) -> Made:
    return stated(definitive=CourseStatement(dates=tuple(sorted(days))))


def calendar_rows() -> Iterator[Row]:
    listed = "on consecutive days: 2026-03-02, 2026-03-03, 2026-03-0"
    yield passes("R14", "on 2, 3 and 4 March", induction_on(2, 3, 4), f"{listed}4")
    yield fails("R14", "a day left out", induction_on(2, 3, 5), f"not on 3 {listed.removeprefix('on ')}5")
    for first in (5, 9):
        later = boost_on(first, first + 1, first + 2)
        yield fails("R14", f"boost from {first} March on", later, "not on 3 consecutive days: 2026-03-02")
    unknown = stated(induction=replace(UNDATED, delivered=3))
    yield lacks("R14", "given without dates", unknown, "3 of 3 sessions of the induction course have no date")
    yield ahead(
        "R14", "nothing planned", make_case_before_planning, "the induction course is not planned yet"
    )

    for days, shows in ((21, passes), (28, passes), (20, fails), (29, fails)):
        first = INDUCTION[-1].date() + dt.timedelta(days=days)
        says = (f"{days} days from the last induction session (2026-03-04)", f"({first}); expected 21 to 28")
        yield shows("R21", f"{days} days", stated(definitive=CourseStatement(first_date=first)), *says)
    begun_at = CourseStatement(first_date=DAYS[0], delivered=5)
    unknown = stated(induction=UNDATED, definitive=begun_at)
    third = dt.datetime(2026, 4, 1, 10)
    says = ("29 days from the last induction session (2026-03-03)",)
    yield fails("R21", "from the last that was given, of 2 of 3", two_of_three(third), *says)
    text = "1 of 3 sessions of the induction course have no date"
    yield lacks("R14", "2 of 3 given", two_of_three(third), text)
    yield lacks("R21", "no induction dates", unknown, "3 of 3 sessions of the induction course have no date")
    yield ahead("R21", "not planned yet", NO_DEFINITIVE, "the definitive course is not planned yet")

    saturday = DAYS[4] + dt.timedelta(days=1)
    yield passes("R24", "weekdays", on(DAYS), "at most 5 in a week", "1 in a day", measured=5)
    six, two = on([*DAYS[:27], saturday]), on([*DAYS[:27], DAYS[26]])
    yield fails(
        "R24", "six in an ISO week", six, "6 sessions in week 2026-W14", "at most 5 a week", measured=6
    )
    yield fails("R24", "two a day", two, f"2 on {DAYS[26]}", "at most 5 a week, 1 a day")
    unknown, undated = stated(definitive=CourseStatement(delivered=1)), stated(definitive=UNKNOWN)
    text = "28 of 28 sessions of the definitive course have no date"
    yield lacks("R24", "begun without dates", unknown, text)
    yield ahead("R24", "no dates yet", undated, text)
    yield keeps("R24", "Saturday for Friday", on({*DAYS} - {DAYS[4]} | {saturday}), "at most 5 in a week")
    again = record("definitive", 5, weekdays(FIRST, 4)[3].replace(hour=17))
    twice = partial(begun, [*induction(), *definitive(4), again])
    yield breaks("R24", "two a day by records", twice, f"2 on {DAYS[3]}", "1 a day")


# ---------------------------------------------------------------- drug: R20, R25, R26
def drug(fractions: int, *days: dt.date) -> Made:
    """So many definitive fractions by their records, and anti-PD-1 as entered."""
    return given_so_far(fractions, *((EventKind.ANTI_PD1, day) for day in days))


def drug_rows() -> Iterator[Row]:
    first = INDUCTION[0].date()
    day_22, day_23 = (first + dt.timedelta(days=n - 1) for n in (22, 23))
    both = drug(12, first, day_22)
    yield passes("R20", "day 1", both, f"day 1 of the induction course ({first}): entered", of=first)
    yield passes("R20", "day 22", both, f"day 22 of the induction course ({day_22}): entered", of=day_22)
    doses = [("240", keeps, "240 mg"), ("120", breaks, "120 mg, expected 240 mg")]
    for mg, shows, text in doses:
        given = [replace(e, dose_mg=Decimal(mg)) for e in entered((EventKind.ANTI_PD1, first))]
        case = partial(begun, [*induction(), *definitive(1)], events=given)
        yield shows("R20", f"{mg} mg", case, text, of=first)
    yield keeps("R20", "dose not entered", both, "its dose is not entered, expected 240 mg", of=first)
    yield fails("R20", "day 23", drug(12, first, day_23), f"({day_22}): not entered", f"{day_23}", of=day_22)
    yield fails("R20", "not on day 1", drug(12, day_22), f"({first}): not entered", of=first)
    yield lacks("R20", "nothing entered", drug(12), "no such event is entered", of=first)
    yield ahead("R20", "before day 22", drug(0, first), f"({day_22}): ahead", of=day_22)

    within = f"during the definitive course, {DAYS[0]} to {DAYS[-1]}"
    yield passes("R25", "none", drug(28, first, day_22), f"none {within}")
    yield ahead("R25", "none so far", both, f"none so far {within}")
    for count, day in ((12, DAYS[0]), (12, DAYS[3]), (28, DAYS[-1])):
        yield fails("R25", f"on {day}", drug(count, first, day), f"anti_pd1 {within}: {day}")
    yield lacks("R25", "nothing entered", drug(12), "no anti_pd1 is entered", "whether there was none is not")
    unbegun = stated(events=entered((EventKind.ANTI_PD1, first)))
    yield ahead("R25", "not begun", unbegun, f"{DAYS[0]} to {DAYS[-1]}, has not begun")

    def after(*days: int) -> Made:
        return drug(28, *(DAYS[-1] + dt.timedelta(days=n) for n in days))

    latest = DAYS[-1] + dt.timedelta(days=14)
    next_day = latest + dt.timedelta(days=1)
    yield passes("R26", "14, 35 and 56 days after", after(14, 35, 56), f"3 entered since, from {latest}")
    yield fails("R26", "15 days after", after(15, 36), f"begun on {next_day}, expected by {latest}")
    yield fails("R26", "42 days between", after(10, 52), "42 days from", "expected 21")
    yield fails(
        "R26", "beyond 12 months", after(*range(10, 400, 21)), "still given on", "expected none after"
    )
    yield lacks("R26", "none entered", drug(28, first), f"expected by {latest}", as_of=next_day)
    yield ahead("R26", "not ended", drug(12, first), "the definitive course has not ended")


# ---------------------------------------------------------------- decision at 50 Gy: R30, R31, R32
CR, NO_CR = EventKind.COMPLETE_RESPONSE, EventKind.INCOMPLETE_RESPONSE
ULCER, STOPPED = EventKind.ULCER, EventKind.STOPPED


def read_as(key: str, reading: str) -> Callable[[], Protocol]:
    return partial(extended, f'[[rules]]\nid = "R30"\n{key} = "{reading}"\n')


def decision_rows() -> Iterator[Row]:
    """The 25th fraction is on Friday 1 May; a response counts from the Tuesday before on, by three days."""
    at_50, tuesday, monday, at_24 = DAYS[24], DAYS[21], DAYS[20], DAYS[11]
    point = "50 Gy is reached at fraction 25 of 28"
    goes_on, stops = given_so_far(28, (NO_CR, at_50)), given_so_far(25, (CR, at_50))
    yield passes("R30", "CONTINUE", goes_on, point, "treatment goes on", measured=25)
    yield passes("R30", "STOPPED", stops, point, f"stopped after complete response on {at_50}", measured=25)
    says = (point, f"3 fractions were given after complete response on {at_50}")
    yield fails("R30", "VIOLATED", given_so_far(28, (CR, at_50)), *says)
    yield lacks("R30", "DUE", given_so_far(25), point, "no response assessed there is entered", "hold")
    yield lacks("R30", "DUE, and three more", given_so_far(28), "reached and 3 more were given", "hold")
    yield ahead("R30", "NOT REACHED", given_so_far(24), point, "24 delivered so far: not reached")
    yield lacks("R30", "no plan", made(plans=("low", "boost")), "no plan belongs to the definitive course")
    says = (point, "at 2 Gy a fraction: 25; by the plan's own decimals: 26; the earlier one holds")
    yield later("R30", "55.94 Gy in 28", changed("definitive", total_gy="55.94"), *says, measured=25)
    for reading, fraction in (
        ("definitive", 25),
        ("low+definitive", 23),
        ("boost+definitive", 18),
        ("low+boost+definitive", 16),
        ("low+boost+definitive EQD2(10) apart", 14),
        ("low+boost+definitive EQD2(10) together", 12),
    ):
        text, chosen = f"reached at fraction {fraction} of 28", read_as("reading", reading)
        yield later("R30", reading, make_case, text, protocol=chosen, measured=fraction)

    yield passes("R31", "stopped at 24 Gy", given_so_far(12, (ULCER, at_24)), f"after an ulcer on {at_24}")
    more = given_so_far(14, (ULCER, at_24))
    yield fails("R31", "two more", more, f"2 fractions were given after an ulcer on {at_24}")
    undated = stated(definitive=CourseStatement(delivered=12), events=entered((ULCER, at_24)))
    yield lacks("R31", "no dates", undated, f"an ulcer on {at_24}, and fractions have no dates: hold")
    text, chosen = f"an ulcer on {at_24} stops nothing by the reading", read_as("ulcer", "at_the_point")
    yield later("R31", "read as at 50 Gy only", more, text, protocol=chosen)

    for day in (at_50, tuesday):
        case, text = given_so_far(25, (CR, day)), f"stopped after complete response on {day}"
        yield passes("R32", f"assessed on {day}", case, text)
    more, too_early = given_so_far(26, (CR, at_50)), given_so_far(12, (CR, at_24), (STOPPED, at_24))
    yield fails("R32", "one more", more, f"1 fraction was given after complete response on {at_50}")
    text = f"stopped on {at_24} at fraction 12 (24 Gy) for complete response on {at_24}"
    yield fails("R32", "a stop for it at 24 Gy", too_early, text)
    case = given_so_far(27, (NO_CR, at_50), (STOPPED, at_50))
    yield fails("R32", "two more", case, f"2 fractions were given after the course was stopped on {at_50}")
    text = "no response assessed there is entered with its date: hold"
    yield lacks("R32", "assessed on the Monday before", given_so_far(25, (CR, monday)), text)


# ---------------------------------------------------------------- sums: R40, R41, R42
PRIOR_GY = float(eqd2(35 * 1.8, fractions=35, alpha_beta_gy=3))
CAROTID_GY = PRIOR_GY + float(
    eqd2(3 * 2.0, fractions=3, alpha_beta_gy=3) + eqd2(28 * 1.6, fractions=28, alpha_beta_gy=3)
)
"""60.48 + 6 + 41.216 = 107.696 Gy."""


def prior_of(gy: str) -> Made:
    course = CourseStatement(prescription_gy=Decimal(gy), fractions=35, last_date=dt.date(2024, 3, 1))
    return stated(prior=course)


def sum_rows() -> Iterator[Row]:
    kept, broken = (partial(cumulative, f"D0.03cc < {gy} Gy EQD2(3)") for gy in (107.7, 107.69))
    sums, both = {"rule": "R40.x", "protocol": kept}, {"protocol": kept, "beside": ("R40.x",)}
    whole = made(**COMPLETE)
    yield passes("R40", "there is a table", whole, "1 cumulative limits, 1 of them required", **both)
    yield lacks("R40", "there is none", make_case, "cumulative organ dose was not judged")
    yield passes(
        "R40",
        "its limit kept",
        whole,
        "is 107.696 Gy EQD2(3) (limit < 107.7 Gy)",
        measured=CAROTID_GY,
        **sums,
    )
    on = {**sums, "protocol": broken, "measured": CAROTID_GY}
    yield fails("R40", "its limit broken", whole, "is 107.70 Gy EQD2(3) (limit < 107.69 Gy)", **on)
    says = ("at least 47.22 Gy EQD2(3)", "70 Gy in 35 fractions as stated, without a dose distribution")
    yield lacks("R40", "no prior dose", make_case, *says, measured=CAROTID_GY - PRIOR_GY, **sums)

    # EQD2 at a/b 3 adds 37.05 Gy of the induction and 56: 53.88 Gy of 35 fractions are 49.38.
    yield passes("R41", "129.38 Gy", prior_of("53.88"), "= 129.38 Gy, below the risk mark", measured=129.38)
    says = ("= 145.46 Gy, below the risk mark", "as EQD2(3)", "162.99 Gy")
    case = prior_of("69.96")
    yield open_("R41", "145.46 Gy", case, *says, measured=145.46, outcome=UNCERTAIN)
    says = ("= 141 Gy, below the risk mark", "as EQD2(3)", "150.00 Gy")
    yield open_("R41", "141 Gy with an integrated boost", sib_case, *says, measured=141, outcome=UNCERTAIN)
    yield fails("R41", "145.5 Gy", prior_of("70"), "= 145.5 Gy, not below the risk mark", measured=145.5)
    says = ("= 75.5 Gy", "the prescription of the prior course is not known")
    yield lacks("R41", "prior not known", stated(prior=UNKNOWN), *says)

    elsewhere, link = {"frame_uid": "7.7"}, Affine(matrix=np.eye(4))
    apart = {"change": {"low": Changed(dose=elsewhere)}}
    linked = Registration(from_uid="7.7", to_uid="1.9", transform=link)
    text = "no registration links frame of reference 7.7 with 1.9"
    yield passes("R42", "one frame", make_case, "all doses and structures share one frame of reference")
    yield passes("R42", "registered", made(**apart, registrations=(linked,)), "2 frames", "all registered")
    yield fails("R42", "not registered", made(**apart), text, outcome=NOT_EVALUATED)
    loose = made(plans=("low",), change={"low": Changed(dose={"plan_uids": ("8.8",)})})
    yield lacks("R42", "no dose of any plan", loose, "no dose can be used", UNUSED)
    name, text = "R42.organs", "RS_old.dcm lies 11.0 mm from that of the structures of the sum"
    yield passes(name, "10 mm apart", partial(two_sets, shift_mm=(0, 6, 8)), "expected at most 10 mm")
    yield fails(name, "11 mm apart", partial(two_sets, shift_mm=(0, 11, 0)), text, outcome=UNCERTAIN)
    yield lacks(name, "no organ in common", partial(two_sets, organs={}), "nothing shows whether both lie")
    case = made(change={"prior": Changed(dose=elsewhere)}, **COMPLETE)
    yield open_("R42", "no sum over two frames", case, "RD_prior.dcm", "no registration links", **sums)


ROWS = (
    *input_rows(),
    *prescription_rows(),
    *target_rows(),
    *organ_rows(),
    *contour_rows(),
    *calendar_rows(),
    *drug_rows(),
    *decision_rows(),
    *sum_rows(),
)


# ---------------------------------------------------------------- the table held against the program
def hardest(row: Row, found: Iterable[Finding]) -> Finding:
    """The finding that is hardest on the case, of those that a row is about."""
    meant = [f for f in found if not row.of or row.of in (f.structure, f.plan, f.due)]
    return max(meant, key=lambda f: HARDEST_LAST.index(f.outcome))


def without_structures(case: Case) -> Case:
    return replace(case, structure_sets=tuple(replace(s, structures=()) for s in case.structure_sets))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row(row: Row) -> None:
    case = without_structures(row.case()) if row.rule in ON_DATES else row.case()
    rules = (row.rule, *row.beside)
    result = judged(case, only=rules, protocol=row.protocol(), as_of=row.as_of, cells=CELLS)
    found = hardest(row, findings(result, row.rule))
    assert found.outcome is row.outcome, found.message
    assert [words for words in row.words if words not in found.message] == [], found.message
    if row.measured is not None:
        assert found.measured == pytest.approx(row.measured, abs=row.within)
    assert row.rule in NO_LEVEL or found.level is LEVELS[row.rule]
    if row.outcome is FAIL:
        assert (result.outcome is FAIL) is (found.level is Level.REQUIRED)


def without_three_cases(identifiers: Iterable[str]) -> set[str]:
    """Those of some rows of which no case passes, none fails, or none lacks its data."""
    shown = {(row.row, row.shows) for row in ROWS}
    three = (Shows.PASSES, Shows.FAILS, Shows.LACKS)
    return {i for i in identifiers if not all((i, shows) in shown for shows in three)}


def test_every_rule_has_its_three_cases() -> None:
    shipped = {rule.id for rule in redefine().rules}
    assert without_three_cases({*shipped, *HELD_BY}) == set()
    assert shipped == {*LEVELS, *NO_LEVEL} - {"R40.x"}


def test_a_rule_without_its_cases_is_found() -> None:
    more = 'id = "R99"\ntitle = "one more"\nkind = "one_frame"\nlevel = "advisory"\nsource = "a test"\n'
    protocol = extended(f"[[rules]]\n{more}")
    assert without_three_cases(rule.id for rule in protocol.rules) == {"R99"}


def test_what_is_shown_is_not_judged() -> None:
    result = judged(make_case(), only=("R19",), cells=CELLS)
    assert ([f.rule for f in result.findings], [f.rule for f in result.shown]) == ([], ["R19", "R19"])
