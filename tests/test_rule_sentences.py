"""Sentences of rules: nothing that decides is left out of them, and they say what the rule says."""

from __future__ import annotations

import dataclasses
import enum
import typing
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from cases import redefine

from dosecalc import rules
from dosecalc.goals import Goal, parse_goal
from dosecalc.intervals import Source
from dosecalc.report.goal_words import breach, condition, metric_of, number
from dosecalc.report.rule_sentences import Topic, rule_sentence, topic_of
from dosecalc.rules import Level, PointReading, Rule, Test
from dosecalc.statement import EventKind, Grouping

USUAL = frozenset({Source.NUMERICAL, Source.STATED_BOUND})
GOALS = tuple(
    parse_goal(text)
    for text in (
        "D0.03cc < 3 Gy/fx",
        "D0.031234567cc < 3 Gy/fx",
        "D2% < 3 Gy/fx",
        "Dmax < 3 Gy/fx",
        "Mean < 3 Gy/fx",
        "D0.03cc <= 3 Gy/fx",
        "D0.03cc > 3 Gy/fx",
        "D0.03cc >= 3 Gy/fx",
        "D0.03cc < 3.0000001 Gy/fx",
        "D0.03cc < 3 Gy BED(3)",
        "D0.03cc < 3 Gy BED(2)",
        "D0.03cc < 3 Gy EQD2(3)",
        "D0.03cc < 3 %",
        "V20Gy < 3 %",
        "V20Gy < 3 cc",
        "V20.5Gy < 3 cc",
        "V20Gy EQD2(3) < 3 cc",
    )
)
SAMPLES: tuple[Test, ...] = (
    rules.PriorCourse(course="c"),
    rules.Recurrence(course="c", years=1),
    rules.PlanStatus(),
    rules.DoseMatchesPrescription(low=0.9, high=1.15),
    rules.PrescriptionIs(
        role="r", dose_per_fraction_gy=Decimal("1.5"), fractions=3, tolerance_gy=Decimal("0.01")
    ),
    rules.Coverage(structure="s", role="r", goal=parse_goal("D98% >= 95 %")),
    rules.Containment(structure="s", inside="t", role="r", at_most_cm3=0.1),
    rules.Overlap(structures=("s",), role="r", at_most_cm3=0.0),
    rules.ConsecutiveDays(course="c"),
    rules.SessionLimit(
        structures=("s", "t"),
        course="c",
        goal=GOALS[0],
        reading=rules.SessionReading.SESSION_SUM,
        stricter=(),
        shown_courses=(),
    ),
    rules.StructuresPresent(structures=("s", "t", "u"), course="c", left=("s",), right=("t",)),
    rules.Span(structures=("s",), course="c", dose_gy=3.0),
    rules.Distance(structures=("s",), course="c", dose_gy=3.0, goal=GOALS[0], shift_mm=3.0),
    rules.DaysBetween(
        course="c",
        next_course="d",
        low_days=21,
        high_days=28,
        counted_from=rules.CountedFrom.LAST_SESSION,
    ),
    rules.Weekly(course="c", per_week=5, per_day=1),
    rules.EventOnDays(event=EventKind.ANTI_PD1, course="c", days=(1, 22), tolerance_days=0, dose_mg=None),
    rules.NoEventDuring(event=EventKind.ANTI_PD1, course="c"),
    rules.Maintenance(
        event=EventKind.ANTI_PD1,
        course="c",
        within_days=14,
        every_days=21,
        tolerance_days=0,
        at_most_months=12,
    ),
    rules.DecisionPoint(
        course="c",
        role="r",
        dose_gy=Decimal(50),
        dose_per_fraction_gy=Decimal(2),
        reading=PointReading(roles=("r",)),
        shown_readings=(),
        window_days=0,
        ulcer=rules.UlcerReading.AT_ANY_DOSE,
    ),
    rules.CumulativeLimit(structures=("s",), goal=GOALS[9], stricter=(), recovered=False),
    rules.CumulativeTable(),
    rules.CumulativePrescription(structure="s", below_gy=Decimal("145.5"), alpha_beta_gy=Decimal(3)),
    rules.OneFrame(),
    rules.OrgansAgree(structures=("s",), along=("t",), at_most_mm=10.0),
)
ADDED: dict[str, Any] = {
    "stricter": GOALS[3],
    "shown_courses": "d",
    "shown_readings": PointReading(roles=("q", "r")),
    "dose_mg": Decimal(240),
}
"""What fields hold that are empty in the samples."""


def sentence(test: Test, *, level: Level = Level.REQUIRED, uncertain_by: frozenset[Source] = USUAL) -> str:
    return rule_sentence(
        Rule(id="X", title="t", level=level, source="s", test=test, uncertain_by=uncertain_by)
    )


def others(value: object, name: str) -> list[Any]:
    """Values that differ from one, each in one respect."""
    match value:
        case bool():
            return [not value]
        case int() | Decimal():
            return [value + 1, value + 2]
        case float():
            return [value + 1, value + 0.0000001]
        case str():
            return [f"{value}x"]
        case enum.Enum():
            return [member for member in type(value) if member is not value]
        case Goal():
            return [goal for goal in GOALS if goal != value]
        case PointReading():
            eqd2 = replace(value, alpha_beta_gy=Decimal(10))
            return [
                replace(value, roles=(*value.roles, "q")),
                eqd2,
                replace(eqd2, alpha_beta_gy=Decimal(3)),
                replace(eqd2, grouping=Grouping.ONE_SESSION),
            ]
        case tuple() if name in {"left", "right"}:
            return [(f"{value[0]}x",)]
        case tuple() if value:
            return [(*value[:-1], other) for other in others(value[-1], name)] + [(*value, value[-1])]
        case tuple():
            added = ADDED[name]
            return [(added,), *((other,) for other in others(added, name))]
        case None:
            return [ADDED[name], *others(ADDED[name], name)]
        case _:
            raise AssertionError(f"{name}: no other value of {value!r} is known")


def test_every_kind_is_tested_here() -> None:
    assert {type(s) for s in SAMPLES} == set(typing.get_args(Test))


@pytest.mark.parametrize(
    ("sample", "name"),
    [pytest.param(s, f.name, id=f"{type(s).__name__}-{f.name}") for s in SAMPLES for f in fields(s)],
)
def test_no_parameter_is_left_out(sample: Test, name: str) -> None:
    """Each other value of each field gives a sentence of its own."""
    values = [getattr(sample, name), *others(getattr(sample, name), name)]
    changed: list[Any] = [dataclasses.replace(sample, **{name: value}) for value in values]
    said = [sentence(test) for test in changed]
    assert len(set(said)) == len(values), said


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: type(s).__name__)
def test_reads_as_sentences(sample: Test) -> None:
    for level in Level:
        text = sentence(sample, level=level)
        assert text.count(f"({level.value}).") == 1
        assert text[0].isupper()
        assert text.endswith(".")
        assert "  " not in text
        assert ".." not in text
        assert " ," not in text
    assert topic_of(sample) in Topic


@pytest.mark.parametrize("kind", [rules.Coverage, rules.SessionLimit, rules.CumulativeLimit])
def test_sources_of_doubt_of_kinds_that_have_a_band(kind: type[Test]) -> None:
    sample = next(s for s in SAMPLES if isinstance(s, kind))
    usual = sentence(sample)
    assert sentence(sample, uncertain_by=frozenset({Source.STATED_BOUND})) != usual
    if kind is rules.CumulativeLimit:
        wider = {sentence(sample, uncertain_by=USUAL | {s}) for s in (Source.ALPHA_BETA, Source.REGISTRATION)}
        assert len({usual, *wider}) == 3


def test_r15_in_words() -> None:
    """The sentence that a physicist wrote for this rule."""
    rule = next(r for r in redefine().rules if r.id == "R15")
    assert rule_sentence(rule).startswith(
        "In every session of the induction course, D0.03cc of A_Carotid_L and of A_Carotid_R is below 3 Gy, "
        "everything given on one day summed (required). Dmax at or above 3 Gy makes a pass UNCERTAIN."
    )


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_words_of_a_goal_agree_with_its_comparison(goal: Goal) -> None:
    """On the limit, the words with "at" or "least" and "most" hold it, or break it."""
    on_limit = goal.comparison.holds(goal.limit, goal.limit)
    assert condition(goal).startswith(("at most", "at least")) is on_limit
    assert breach(goal).startswith(("at or",)) is not on_limit
    rises = goal.comparison.holds(goal.limit + 1, goal.limit)
    assert ("above" in condition(goal) or "at least" in condition(goal)) is rises
    assert metric_of(goal).split()[0] == goal.text.split()[0].replace("/fx", "")


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1, 1 / 3, 1e-7, 123456.789, 1e22])
def test_numbers_keep_their_value(value: float) -> None:
    assert float(number(value)) == value


def test_names_are_harmless() -> None:
    name = "Cord\x1b[31m\u202e\nOUTCOME: PASS"
    text = sentence(rules.Span(structures=(name,), course="c", dose_gy=3.0))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\n" not in text
