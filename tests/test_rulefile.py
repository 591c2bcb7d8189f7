"""Rules as they stand in a file: every kind reads, and nothing that a rule would ignore is let through."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from cases import redefine

from dosecalc.errors import TomlError
from dosecalc.intervals import Source
from dosecalc.rulefile import _READERS, read_rule
from dosecalc.rules import (
    CountedFrom,
    CumulativeLimit,
    DecisionPoint,
    Level,
    PrescriptionIs,
    Rule,
    SessionLimit,
    SessionReading,
    StructuresPresent,
    UlcerReading,
)
from dosecalc.statement import Grouping
from dosecalc.tables import Table

HEAD: dict[str, Any] = {"id": "X", "title": "a rule", "level": "required", "source": "a test"}
ORGAN: dict[str, Any] = {"structures": ["Cord"], "course": "c"}
KINDS: dict[str, dict[str, Any]] = {
    "prior_course": {"course": "c"},
    "recurrence": {"course": "c", "years": 1},
    "plan_status": {},
    "dose_matches_prescription": {"low": 0.9, "high": 1.15},
    "prescription": {
        "role": "r",
        "dose_per_fraction_gy": "1.5",
        "fractions": 3,
        "tolerance_gy": "0.01",
    },
    "coverage": {"structure": "GTV", "role": "r", "goal": "D98% >= 95 %"},
    "containment": {"structure": "GTV", "inside": "PTV", "role": "r", "at_most_cm3": 0.1},
    "overlap": {"structures": ["Cord"], "role": "r", "at_most_cm3": 0},
    "consecutive_days": {"course": "c"},
    "session_limit": {**ORGAN, "goal": "D0.03cc < 3 Gy/fx", "reading": "session_sum"},
    "structures_present": {**ORGAN, "left": ["L"], "right": ["R"]},
    "span": {**ORGAN, "dose_gy": 3.0},
    "distance": {
        **ORGAN,
        "level": "advisory",
        "dose_gy": 3.0,
        "goal": "D0.03cc < 3 Gy/fx",
        "shift_mm": 3,
    },
    "days_between": {
        "course": "c",
        "next_course": "d",
        "low_days": 21,
        "high_days": 28,
        "counted_from": "last_session",
    },
    "weekly": {"course": "c", "per_week": 5, "per_day": 1},
    "event_on_days": {"event": "anti_pd1", "course": "c", "days": [1, 22], "tolerance_days": 0},
    "no_event_during": {"event": "anti_pd1", "course": "c"},
    "maintenance": {
        "event": "anti_pd1",
        "course": "c",
        "within_days": 14,
        "every_days": 21,
        "tolerance_days": 3,
        "at_most_months": 12,
    },
    "decision_point": {
        "course": "c",
        "role": "r",
        "dose_gy": "50",
        "dose_per_fraction_gy": "2",
        "reading": "r",
        "window_days": 3,
        "ulcer": "at_any_dose",
    },
    "cumulative_limit": {"structures": ["Cord"], "goal": "Dmax <= 135.5 Gy BED(2)"},
    "cumulative_table": {},
    "cumulative_prescription": {"structure": "GTV", "below_gy": "145.5", "alpha_beta_gy": "3"},
    "one_frame": {},
    "organs_agree": {"structures": ["Brainstem"], "along": ["Cord"], "at_most_mm": 10.0},
}


def rule(kind: str, **changes: Any) -> Rule:
    keys = {k: v for k, v in {**HEAD, "kind": kind, **KINDS[kind], **changes}.items() if v is not None}
    return read_rule(Table(keys, source="mine.toml", where="rules[X]"))


def test_every_kind_is_tested_here() -> None:
    assert set(KINDS) == set(_READERS)


@pytest.mark.parametrize("kind", KINDS)
def test_reads(kind: str) -> None:
    found = rule(kind)
    level = Level.ADVISORY if kind == "distance" else Level.REQUIRED
    assert (found.id, found.title, found.source, found.level) == ("X", "a rule", "a test", level)
    assert found.uncertain_by == {Source.NUMERICAL, Source.STATED_BOUND}


@pytest.mark.parametrize(("kind", "key"), [(k, key) for k in KINDS for key in (*HEAD, *KINDS[k])])
def test_no_key_has_a_default_that_could_decide(kind: str, key: str) -> None:
    if (kind, key) in {("structures_present", "left"), ("structures_present", "right")}:
        key_pair = {"left": None, "right": None}
        found = rule(kind, **key_pair).test
        assert isinstance(found, StructuresPresent)
        assert found.left == ()
        return
    with pytest.raises(TomlError, match=rf"^mine\.toml: rules\[X\]\.{key}: .*found nothing"):
        rule(kind, **{key: None})


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_key(kind: str) -> None:
    with pytest.raises(TomlError, match=r"rules\[X\]\.sourse: unknown key; did you mean 'source'"):
        rule(kind, sourse="x")


@pytest.mark.parametrize(("kind", "key"), [(k, key) for k in KINDS for key in (*HEAD, *KINDS[k])])
def test_wrong_type(kind: str, key: str) -> None:
    with pytest.raises(TomlError, match=rf"rules\[X\]\.{key}"):
        rule(kind, **{key: {"a": 1}})


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("session_limit", {"goal": "D0.03cc < 3 Gy"}, "Gy/fx"),
        ("session_limit", {"goal": "D0.03cc < 3 Gy EQD2(3)"}, "Gy/fx"),
        ("session_limit", {"goal": "D0.03cc < 30 %"}, "Gy/fx"),
        ("session_limit", {"stricter": ["Dmax < 3 Gy"]}, "Gy/fx"),
        ("session_limit", {"stricter": ["Dmax"]}, "stricter"),
        ("session_limit", {"reading": "sum"}, "session_sum, each_plan"),
        ("session_limit", {"structures": []}, "structures"),
        ("cumulative_limit", {"goal": "Dmax < 3 Gy/fx"}, "sum"),
        ("cumulative_limit", {"goal": "Dmax < 107 %"}, "goal"),
        ("cumulative_limit", {"goal": "Mean < 50 % "}, "goal"),
        ("cumulative_limit", {"structures": []}, "structures"),
        ("coverage", {"goal": "D95% >= 2 Gy/fx"}, "goal"),
        ("coverage", {"goal": "D98% >= 50 Gy EQD2(10)"}, "goal"),
        ("coverage", {"goal": "V20Gy EQD2(10) >= 95 %"}, "goal"),
        ("distance", {"goal": "D0.03cc < 119 Gy EQD2(3)"}, "goal"),
        ("distance", {"structures": []}, "structures"),
        ("distance", {"level": "required"}, r"level: expected advisory .* not judged.*, found 'required'"),
        ("span", {"structures": []}, "structures"),
        ("overlap", {"structures": []}, "structures"),
        ("structures_present", {"structures": []}, "structures"),
        ("structures_present", {"left": ["L", "M"]}, "left|right"),
        ("prescription", {"dose_per_fraction_gy": 1.5}, "exact decimal"),
        ("prescription", {"dose_per_fraction_gy": "0"}, "above 0"),
        ("prescription", {"dose_per_fraction_gy": "1_5"}, "exact decimal"),
        ("prescription", {"dose_per_fraction_gy": "NaN"}, "exact decimal"),
        ("prescription", {"fractions": 3.0}, "whole number"),
        ("cumulative_prescription", {"alpha_beta_gy": "0"}, "above 0"),
        ("event_on_days", {"dose_mg": "0"}, "above 0"),
        ("decision_point", {"dose_gy": "-50"}, "above 0"),
        ("decision_point", {"dose_gy": 50.0}, "exact decimal"),
        ("decision_point", {"reading": "r EQD2(10)"}, r"found 'r EQD2\(10\)'"),
        ("decision_point", {"reading": "r EQD2(0) apart"}, "a/b above 0"),
        ("decision_point", {"shown_readings": ["r EQD2(x) apart"]}, "how sessions of one day act"),
        ("decision_point", {"reading": "a+b"}, "expected the role 'r' among others, each once, found 'a.b'"),
        ("decision_point", {"reading": "r+r"}, "each once, found 'r.r'"),
        ("decision_point", {"shown_readings": ["r+a", "a"]}, "each once, found 'a'"),
        ("decision_point", {"window_days": -1}, "expected 0 or more"),
        ("decision_point", {"ulcer": "never"}, "expected one of at_any_dose, at_the_point"),
        ("cumulative_prescription", {"below_gy": "0"}, "above 0"),
        ("days_between", {"counted_from": "day 22"}, "last_session, first_session"),
        ("session_limit", {"uncertain_by": ["guess"]}, "expected some of numerical, stated_bound, .* guess"),
        ("cumulative_limit", {"uncertain_by": ["stated_bound", "reading"]}, "registration, which"),
        ("session_limit", {"uncertain_by": []}, "stated_bound"),
        ("session_limit", {"uncertain_by": ["numerical"]}, "stated_bound"),
    ],
)
def test_refused(kind: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(TomlError, match=words):
        rule(kind, **changes)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("prescription", {"fractions": 0}),
        ("prescription", {"fractions": -3}),
        ("prescription", {"tolerance_gy": "-0.01"}),
        ("recurrence", {"years": -1}),
        ("days_between", {"low_days": 28, "high_days": 21}),
        ("weekly", {"per_week": 0}),
        ("weekly", {"per_day": -1}),
        ("dose_matches_prescription", {"low": 1.15, "high": 0.9}),
        ("dose_matches_prescription", {"low": -1.0}),
        ("containment", {"at_most_cm3": -0.1}),
        ("overlap", {"at_most_cm3": -0.1}),
        ("span", {"dose_gy": 0}),
        ("distance", {"dose_gy": -3.0}),
        ("distance", {"shift_mm": -3.0}),
    ],
)
def test_numbers_without_meaning_are_refused(kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(TomlError, match=rf"rules\[X\]\.({'|'.join(changes)})"):
        rule(kind, **changes)


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("event_on_days", {"days": [1, 1e300]}, r"\[2\]: expected 36525 at most, found 1e\+300"),
        ("event_on_days", {"tolerance_days": 99_999_999_999}, "expected 36525 at most"),
        ("event_on_days", {"dose_mg": "1e400"}, "no larger exponent, found '1e400'"),
        ("maintenance", {"within_days": 99_999_999_999}, "expected 36525 at most, found 99999999999"),
        ("maintenance", {"at_most_months": 999_999_999_999}, "expected 1200 at most, found 999999999999"),
        ("recurrence", {"years": 999_999_999_999}, "expected 100 at most, found 999999999999"),
        ("days_between", {"low_days": -(10**400)}, "expected -36525 or more"),
        ("weekly", {"per_week": 10**9}, "expected 1000 at most"),
        ("prescription", {"fractions": 10**9}, "expected 1000 at most"),
        ("cumulative_prescription", {"below_gy": "1e400"}, "found '1e400'"),
        ("cumulative_prescription", {"below_gy": "1e-9999999"}, "found '1e-9999999'"),
        ("cumulative_prescription", {"alpha_beta_gy": "1e999999999"}, "found '1e999999999'"),
        ("decision_point", {"dose_gy": 10**9}, "expected 100000 at most, found 1000000000"),
        ("decision_point", {"window_days": 10**9}, "expected 36525 at most"),
        ("decision_point", {"reading": f"r EQD2({'9' * 400}) apart"}, "expected roles joined"),
        ("distance", {"shift_mm": 1e300}, r"expected 10000 at most, found 1e\+300"),
        ("span", {"dose_gy": 1e300}, "expected 100000 at most"),
        ("span", {"dose_gy": 1e-300}, "expected 1e-09 or more"),
    ],
)
def test_numbers_beyond_what_a_treatment_has_are_refused(
    kind: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(TomlError, match=rf"^mine\.toml: rules\[X\]\.{next(iter(changes))}.*{words}"):
        rule(kind, **changes)


BANDS = {
    "coverage": {"numerical"},
    "session_limit": {"numerical"},
    "cumulative_limit": {"numerical", "alpha_beta", "registration"},
}
"""Besides the stated bound, what ``band_of`` is given for a rule; the other kinds do not call it."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", ["numerical", "alpha_beta", "registration", "stated_bound"])
def test_only_sources_of_doubt_that_are_looked_into(kind: str, source: str) -> None:
    sources = ["stated_bound", source]
    if kind in BANDS and source in {*BANDS[kind], "stated_bound"}:
        assert rule(kind, uncertain_by=sources).uncertain_by == {Source(s) for s in sources}
        return
    with pytest.raises(TomlError, match=r"^mine\.toml: rules\[X\]\.uncertain_by: expected (no such|some)"):
        rule(kind, uncertain_by=sources)


def test_a_physical_dose_has_no_doubt_of_a_ratio() -> None:
    with pytest.raises(TomlError, match=r"numerical, stated_bound, registration, which this rule has"):
        rule("cumulative_limit", goal="Dmax < 50 Gy", uncertain_by=["stated_bound", "alpha_beta"])
    found = rule("cumulative_limit", goal="Dmax < 50 Gy", uncertain_by=["stated_bound", "registration"])
    assert found.uncertain_by == {Source.STATED_BOUND, Source.REGISTRATION}


def test_a_source_that_says_nothing_is_none() -> None:
    with pytest.raises(TomlError, match=r"rules\[X\]\.source"):
        rule("one_frame", source=" ")


def test_goal_errors_keep_their_caret() -> None:
    with pytest.raises(TomlError) as caught:
        rule("coverage", goal="D98 >= 95 %")
    lines = str(caught.value).splitlines()
    assert lines[1].strip() == "D98 >= 95 %"
    assert lines[2].index("^") == lines[1].index("98") + 2


def test_typed_values() -> None:
    prescription = rule("prescription").test
    assert isinstance(prescription, PrescriptionIs)
    assert prescription.dose_per_fraction_gy == Decimal("1.5")
    session = rule("session_limit", stricter=["Dmax < 3 Gy/fx"]).test
    assert isinstance(session, SessionLimit)
    assert session.reading is SessionReading.SESSION_SUM
    assert [str(g) for g in session.stricter] == ["Dmax < 3 Gy/fx"]
    cumulative = rule("cumulative_limit").test
    assert isinstance(cumulative, CumulativeLimit)
    assert cumulative.goal.limit == 135.5
    others = ["b", "a+b+c EQD2(2.5) apart", "a+b EQD2(10) together"]
    point = rule("decision_point", role="b", reading="a+b", shown_readings=others).test
    assert isinstance(point, DecisionPoint)
    assert (point.reading.roles, point.reading.alpha_beta_gy) == (("a", "b"), None)
    assert [r.roles for r in point.shown_readings] == [("b",), ("a", "b", "c"), ("a", "b")]
    assert [r.alpha_beta_gy for r in point.shown_readings] == [None, Decimal("2.5"), Decimal(10)]
    assert [r.grouping for r in point.shown_readings[1:]] == [
        Grouping.SEPARATE_SESSIONS,
        Grouping.ONE_SESSION,
    ]
    assert [str(r) for r in point.shown_readings] == others


def test_shipped_readings() -> None:
    """What CLINICAL section 4 picks: the sum, D0.03cc with Dmax as the stricter, from the last session."""
    tests: dict[str, Any] = {r.id: r.test for r in redefine().rules}
    for name in ("R15", "R16"):
        assert str(tests[name].goal) == "D0.03cc < 3 Gy/fx"
        assert [str(g) for g in tests[name].stricter] == ["Dmax < 3 Gy/fx"]
        assert tests[name].reading is SessionReading.SESSION_SUM
        assert tests[name].shown_courses == ("definitive",)
    assert tests["R21"].counted_from is CountedFrom.LAST_SESSION
    assert str(tests["R30"].reading) == "definitive"
    assert (tests["R30"].window_days, tests["R30"].ulcer) == (3, UlcerReading.AT_ANY_DOSE)
    assert tests["R41"].below_gy == Decimal("145.5")
    assert (tests["R05"].low, tests["R05"].high) == (0.9, 1.15)
    assert tests["R13.inside"].at_most_cm3 == 0.1
    assert tests["R16.overlap"].at_most_cm3 == 0


@pytest.mark.parametrize(
    ("kind", "sound", "wrong"),
    [
        ("session_limit", "Dmax < 3 Gy/fx", "Dmax < 3 Gy"),
        ("session_limit", "Dmax < 3 Gy/fx", "Dmax"),
        ("cumulative_limit", "Dmax < 50 Gy", "Dmax < 3 Gy/fx"),
    ],
)
def test_a_fault_of_a_stricter_goal_is_named_there(kind: str, sound: str, wrong: str) -> None:
    with pytest.raises(TomlError) as error:
        rule(kind, stricter=[sound, wrong])
    assert error.value.where == "rules[X].stricter[2]"
    with pytest.raises(TomlError) as error:
        rule(kind, goal=wrong, stricter=[sound])
    assert error.value.where == "rules[X].goal"
