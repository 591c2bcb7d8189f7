"""Results for tests of reports: one with everything in it, and one with names that no file should have."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import replace
from decimal import Decimal

from cases import (
    CORD,
    INDUCTION_DATES,
    LEFT,
    MUCOSA,
    RIGHT,
    UIDS,
    Changed,
    box,
    cumulative,
    judged,
    make_case,
    make_statement,
)
from test_visits import begun, record

from dosecalc import CheckResult
from dosecalc.case import Case
from dosecalc.envelopes import Numbers
from dosecalc.statement import CourseStatement, PlanStatement

SCRIPT = "<script>document.title='broken'</script><img src=x onerror=alert(1)>"
RIGHT_TO_LEFT = "\u202ecord\u202c \u05d7\u05d5\u05d8\x07\x00"
LONG = "long" * 2500
TAGS = "{{ 7 * 7 }}{% raw %}]]>&quot;\"'--><b>"


def failing_case() -> Case:
    """All four courses with a dose each; the boost gives the left carotid too much, in a spot the more."""
    stated = make_statement(
        plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))], courses={"prior": CourseStatement()}
    )
    return make_case(
        plans=("prior", "low", "boost", "definitive"),
        change={"boost": Changed(left_gy=2.6, spot_gy=1.0)},
        statement=stated,
    )


def broken_off_case() -> Case:
    """Of each boost both beams stopped at 60 of 100 MU; whole, it gives the left carotid 6 Gy."""
    days = [dt.datetime.combine(day, dt.time(10)) for day in INDUCTION_DATES]
    late = dt.timedelta(minutes=20)
    records = [
        r
        for n, day in enumerate(days, 1)
        for r in (record("low", n, day), record("boost", n, day + late, parts=("0.6", "0.6")))
    ]
    return replace(begun(records), doses=make_case(change={"boost": Changed(left_gy=6.0)}).doses)


@functools.cache
def failing() -> CheckResult:
    """A result with FAIL, NOT EVALUATED, NOT DUE and PASS, a limit on a sum and a decision point."""
    return judged(failing_case(), protocol=cumulative("Dmax < 100 Gy EQD2(3)"))


@functools.cache
def hostile() -> CheckResult:
    """The same with names, labels and sources that hold markup, control characters and far too much."""
    case = failing_case()
    (reference,) = case.structure_sets
    names = {"GTVp": SCRIPT, "GTVp_High": TAGS, CORD: RIGHT_TO_LEFT, LEFT: LEFT}
    structures = tuple(replace(s, name=names.get(s.name, s.name)) for s in reference)
    structures = (*structures, replace(structures[-1], number=99, name=LONG))
    plans = tuple(
        replace(p, label=label)
        for p, label in zip(case.plans, (SCRIPT, LONG, RIGHT_TO_LEFT, TAGS), strict=True)
    )
    held = replace(
        case,
        structure_sets=(replace(reference, structures=structures),),
        plans=plans,
        problems=(SCRIPT, LONG, RIGHT_TO_LEFT),
    )
    return judged(held, protocol=cumulative("Dmax < 100 Gy EQD2(3)"))


@functools.cache
def in_part() -> CheckResult:
    """The boost ends inside the left carotid, and of the prior course a few numbers only are known."""
    numbers = Numbers(least_gy=10.0, most_gy=45.0)
    doses = dict.fromkeys(("GTVp", "GTVp_High", CORD, LEFT, RIGHT, MUCOSA), numbers)
    prior = CourseStatement(prescription_gy=Decimal(70), fractions=35, doses=doses)
    left = box(name=LEFT, low=(26, -4, -28), high=(34, 4, 28))
    return judged(
        make_case(
            change={"boost": Changed(cut_x_mm=(-45.0, 30.0))},
            structures={LEFT: left},
            statement=make_statement(courses={"prior": prior}),
        )
    )
