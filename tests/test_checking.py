"""The check as a whole: every shipped rule gets a finding, the outcome follows, and all is traced."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from cases import (
    CORE,
    LEFT,
    MUCOSA,
    RIGHT,
    UIDS,
    Changed,
    box,
    extended,
    findings,
    judged,
    make_case,
    make_statement,
    not_passed,
    outcomes,
    redefine,
    sib_case,
)
from test_checking_frame_rules import two_sets_fields

from dosecalc import Outcome
from dosecalc.case import Case
from dosecalc.errors import InputError
from dosecalc.rules import Level
from dosecalc.statement import CourseStatement, Event, EventKind, PlanStatement

PASS, FAIL, UNCERTAIN, NOT_EVALUATED, NOT_DUE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.UNCERTAIN,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_DUE,
)
AHEAD = {rule: {"NOT DUE"} for rule in ("R20", "R25", "R26", "R30")}
ALWAYS = {**AHEAD, "R40": {"NOT EVALUATED"}, "R41": {"FAIL"}}
"""What a compliant case before treatment says: the decision lies ahead, and 145.5 Gy are on the mark."""


def test_a_compliant_case_passes() -> None:
    result = judged(make_case())
    assert result.outcome is PASS
    assert not_passed(result) == ALWAYS


def test_an_integrated_boost_passes() -> None:
    result = judged(sib_case())
    assert result.outcome is PASS
    # 141 Gy are below the risk mark of 145.5, their EQD2 of 150 Gy at a/b 3 is not.
    assert not_passed(result) == {**AHEAD, "R40": {"NOT EVALUATED"}, "R41": {"UNCERTAIN"}}


def test_every_rule_has_a_finding() -> None:
    result = judged(make_case())
    found = {f.rule for f in (*result.findings, *result.shown)}
    assert found == {r.id for r in redefine().rules}


def moved(name: str, y_mm: float) -> dict[str, Any]:
    return {"structures": {name: box(name=name, low=(-10, y_mm, -28), high=(10, y_mm + 4, 28))}}


def dated(**courses: CourseStatement) -> dict[str, Any]:
    return {"statement": make_statement(courses=courses)}


def changed(**plans: Changed) -> dict[str, Any]:
    return {"change": plans}


def entered(*days: dt.date) -> dict[str, Any]:
    return {"statement": make_statement(events=[Event(kind=EventKind.ANTI_PD1, date=d) for d in days])}


SATURDAY_TOO = CourseStatement(dates=tuple(dt.date(2026, 3, 30) + dt.timedelta(days=n) for n in range(28)))
RECURRED_EARLY = {
    "statement": make_statement(events=[Event(kind=EventKind.RECURRENCE, date=dt.date(2024, 6, 1))])
}
FAILS: Mapping[str, tuple[dict[str, Any], Outcome, Outcome]] = {
    # rule: what breaks it, its outcome, the outcome of the check
    "R01": (dated(prior=CourseStatement()), NOT_EVALUATED, PASS),
    "R02": (RECURRED_EARLY, FAIL, PASS),
    "R03": (changed(low=Changed(plan={"approval": "REJECTED"})), FAIL, PASS),
    "R05": (changed(boost=Changed(held_times=1)), NOT_EVALUATED, NOT_EVALUATED),
    "R10": (changed(low=Changed(total_gy="4.8")), FAIL, FAIL),
    "R11": (changed(low=Changed(held_times=2.8)), FAIL, PASS),
    "R12": (changed(boost=Changed(total_gy="14.4")), FAIL, FAIL),
    "R13": (changed(boost=Changed(held_times=2.8)), FAIL, PASS),
    "R13.inside": (
        {"structures": {CORE: box(name=CORE, low=(-6, -6, -10), high=(16, 6, 10))}},
        FAIL,
        PASS,
    ),
    "R14": (
        dated(induction=CourseStatement(dates=tuple(dt.date(2026, 3, d) for d in (2, 4, 5)))),
        FAIL,
        PASS,
    ),
    "R15": (changed(boost=Changed(left_gy=2.3)), FAIL, FAIL),
    "R16": (changed(boost=Changed(mucosa_gy=2.3)), FAIL, FAIL),
    "R16.overlap": (moved(MUCOSA, 5), FAIL, FAIL),
    "R17": ({"structures": {RIGHT: None}}, NOT_EVALUATED, NOT_EVALUATED),
    "R18": (
        {"structures": {LEFT: box(name=LEFT, low=(28, -4, -28), high=(32, 4, 0))}},
        UNCERTAIN,
        UNCERTAIN,
    ),
    "R20": (entered(dt.date(2026, 3, 25)), FAIL, PASS),
    "R25": (entered(dt.date(2026, 3, 31)), FAIL, FAIL),
    "R26": (
        {
            "statement": make_statement(
                courses={"definitive": CourseStatement(first_date=dt.date(2026, 3, 30), delivered=28)},
                events=[
                    Event(kind=EventKind.INCOMPLETE_RESPONSE, date=dt.date(2026, 5, 1)),
                    Event(kind=EventKind.ANTI_PD1, date=dt.date(2026, 5, 30)),
                ],
            )
        },
        FAIL,
        PASS,
    ),
    "R21": (dated(definitive=CourseStatement(first_date=dt.date(2026, 4, 3))), FAIL, FAIL),
    "R23": (changed(definitive=Changed(total_gy="57")), FAIL, FAIL),
    "R24": (dated(definitive=SATURDAY_TOO), FAIL, FAIL),
    "R30": (
        {
            "statement": make_statement(
                courses={"definitive": CourseStatement(first_date=dt.date(2026, 3, 30), delivered=28)},
                events=[Event(kind=EventKind.COMPLETE_RESPONSE, date=dt.date(2026, 5, 1))],
            )
        },
        FAIL,
        FAIL,
    ),
    "R40": ({}, NOT_EVALUATED, PASS),
    "R41": ({}, FAIL, PASS),
    "R42": (changed(definitive=Changed(dose={"frame_uid": "7.7"})), NOT_EVALUATED, NOT_EVALUATED),
    "R42.organs": (two_sets_fields(shift_mm=(0, 11, 0)), UNCERTAIN, UNCERTAIN),
}


def test_every_judged_rule_has_a_case_that_breaks_it() -> None:
    assert {*FAILS, "R19"} == {r.id for r in redefine().rules}


@pytest.mark.parametrize("rule", FAILS)
def test_one_thing_broken(rule: str) -> None:
    """The rule says so, at its level: advisories never decide, required rules always do."""
    case, outcome, whole = FAILS[rule]
    result = judged(make_case(**case), cells=200)
    assert outcome in outcomes(result, rule), not_passed(result)
    assert result.outcome is whole, not_passed(result)
    assert all(
        f.level is next(r.level for r in redefine().rules if r.id == rule) for f in findings(result, rule)
    )


class TestNothingToCheck:
    @pytest.mark.parametrize("what", ["plans", "doses", "structure_sets"])
    def test_refused(self, what: str) -> None:
        with pytest.raises(InputError, match="nothing can be checked"):
            judged(replace(make_case(), **{what: ()}))

    def test_no_plan_of_treatment(self) -> None:
        change = {n: Changed(plan={"intent": "VERIFICATION"}) for n in ("low", "boost", "definitive")}
        assert judged(make_case(change=change), cells=30).outcome is NOT_EVALUATED

    def test_no_rule(self) -> None:
        none = replace(redefine(), rules=())
        assert judged(make_case(), protocol=none).outcome is NOT_EVALUATED

    def test_no_required_rule(self) -> None:
        advisory = replace(redefine(), rules=tuple(r for r in redefine().rules if r.level is Level.ADVISORY))
        assert judged(make_case(), protocol=advisory, cells=30).outcome is NOT_EVALUATED

    def test_everything_lies_ahead(self) -> None:
        later = make_statement(
            courses={n: CourseStatement(not_planned_yet=True) for n in ("induction", "definitive")}
        )
        case = make_case(
            plans=("low",),
            statement=replace(later, plans=(PlanStatement(uid=UIDS["low"], ignore="a trial"),)),
        )
        assert judged(case, cells=30).outcome is NOT_EVALUATED


class TestUnassigned:
    """A treatment plan that fits no role makes every rule on a sum NOT EVALUATED."""

    def test_outcome(self) -> None:
        case = make_case(change={"boost": Changed(total_gy="30")}, statement=make_statement())
        result = judged(case, cells=50)
        assert result.outcome is NOT_EVALUATED
        assert any(a.startswith("WARNING") and "Boost" in a for a in result.assumptions)
        assert set(outcomes(result, "R15")) == {NOT_EVALUATED}


class TestTrace:
    def test_provenance(self) -> None:
        result = judged(make_case(), only=("R42",), cells=30)
        provenance: Any = result.provenance
        assert provenance["protocol"]["name"] == "redefine"
        assert provenance["protocol"]["sha256"] == redefine().sha256
        assert provenance["inputs"][0]["sha256"] == "0" * 64
        assert [p["roles"] for p in provenance["plans"]] == [["low"], ["boost"], ["definitive"]]
        assert provenance["settings"]["cells"] == 30
        cord = next(e for e in provenance["alpha_beta"] if e["structure"] == "SpinalCord")
        assert (cord["alpha_beta_gy"], cord["range_gy"], cord["model"]) == (2.0, [0.87, 3.3], "")
        assert cord["source"].startswith("2 Gy as in Nieder 2006")
        assert "Brainstem" not in {
            e["structure"] for e in provenance["alpha_beta"]
        }  # it is not contoured here
        assert {"dosecalc", "numpy", "scipy", "pydicom"} <= set(provenance)

    @pytest.mark.parametrize("as_of", [None, dt.date(2026, 4, 1)])
    def test_day(self, as_of: dt.date | None) -> None:
        result = judged(make_case(), only=("R42",), as_of=as_of, cells=30)
        day = as_of or dt.date(2026, 2, 10)
        assert result.provenance["as_of"] == day.isoformat()
        assert any(str(day) in a for a in result.assumptions)

    def test_everything_inferred_is_an_assumption(self) -> None:
        bare = make_case(statement=make_statement(courses={"induction": CourseStatement()}))
        said = " | ".join(judged(bare, only=("R15",), cells=30).assumptions)
        for words in (
            "is taken as low",
            "is taken as boost",
            "grouping",
            "weekday",
            "carried on for half a slice",
        ):
            assert words in said

    def test_the_same_again(self) -> None:
        first, second = (judged(make_case(), cells=100).to_json() for _ in range(2))
        assert first == second

    def test_no_patient_data(self) -> None:
        text = judged(make_case(), cells=30).to_json()
        assert "SECRET" not in text.upper()

    def test_json_is_strict(self) -> None:
        text = judged(make_case(no_dose=("boost",)), cells=30).to_json()

        def refuse(name: str) -> None:
            raise AssertionError(name)

        assert json.loads(text, parse_constant=refuse)["outcome"] == "NOT EVALUATED"


class TestOrderAndState:
    def test_findings_come_in_the_order_of_the_rules(self) -> None:
        order = [r.id for r in redefine().rules]
        seen = list(dict.fromkeys(f.rule for f in judged(make_case(), cells=30).findings))
        assert seen == [r for r in order if r in seen]

    def test_one_check_leaves_nothing_for_the_next(self) -> None:
        """A dose taken out by R05 for one case is there again for the next."""
        broken = make_case(change={"boost": Changed(held_times=1)})
        before = judged(make_case(), cells=50).to_json()
        assert judged(broken, cells=50).outcome is NOT_EVALUATED
        assert judged(make_case(), cells=50).to_json() == before

    def test_r05_comes_first_wherever_it_stands(self) -> None:
        reordered = replace(redefine(), rules=tuple(reversed(redefine().rules)))
        result = judged(make_case(change={"boost": Changed(held_times=1)}), protocol=reordered, cells=50)
        assert set(outcomes(result, "R15")) == {NOT_EVALUATED}


def test_another_protocol() -> None:
    case: Case = make_case(change={"boost": Changed(left_gy=2.5)})
    loose = extended('[[rules]]\nid = "R15"\nlevel = "advisory"\n')
    assert judged(case, only=("R15", "R16"), cells=50).outcome is FAIL
    result = judged(case, only=("R15", "R16"), protocol=loose, cells=50)
    assert result.outcome is PASS
    assert FAIL in outcomes(result, "R15")
