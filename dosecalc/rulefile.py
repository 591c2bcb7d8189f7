"""Rules as they stand in a protocol file: from strict tables to typed rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from dosecalc.errors import GoalSyntaxError
from dosecalc.goals import Goal, parse_goal
from dosecalc.intervals import Source
from dosecalc.quantities import PerFraction
from dosecalc.rules import (
    ConsecutiveDays,
    Containment,
    CountedFrom,
    Coverage,
    CumulativeLimit,
    CumulativePrescription,
    CumulativeTable,
    DaysBetween,
    DecisionPoint,
    Distance,
    DoseMatchesPrescription,
    Level,
    OneFrame,
    Overlap,
    PlanStatus,
    PrescriptionIs,
    PriorCourse,
    Recurrence,
    Rule,
    SessionLimit,
    SessionReading,
    Span,
    StructuresPresent,
    Test,
    Weekly,
)
from dosecalc.tables import Table


def read_rule(table: Table) -> Rule:
    """One rule of a protocol file.

    Raises
    ------
    TomlError : for an unknown kind or key, a missing or mistyped value, or a goal that does not parse.
    """
    kind = table.string("kind")
    if kind not in _READERS:
        raise table.error("kind", f"expected one of {', '.join(sorted(_READERS))}, found {kind!r}")
    sources = table.strings("uncertain_by", ("numerical", "stated_bound"))
    known = {s.value: s for s in Source}
    if not set(sources) <= set(known):
        raise table.error("uncertain_by", f"expected some of {', '.join(known)}, found {sources}")
    rule = Rule(
        id=table.string("id"),
        title=table.string("title"),
        level=table.choice("level", Level),
        source=table.string("source"),
        test=_READERS[kind](table),
        uncertain_by=frozenset(known[s] for s in sources),
    )
    table.done()
    return rule


def _goal(table: Table, key: str = "goal") -> Goal:
    return _parsed(table, key, table.string(key))


def _goals(table: Table, key: str) -> tuple[Goal, ...]:
    return tuple(_parsed(table, key, text) for text in table.strings(key, ()))


def _parsed(table: Table, key: str, text: str) -> Goal:
    try:
        return parse_goal(text)
    except GoalSyntaxError as error:
        raise table.error(key, str(error)) from None


def _session_limit(table: Table) -> SessionLimit:
    limit = SessionLimit(
        structures=table.strings("structures"),
        course=table.string("course"),
        goal=_goal(table),
        reading=table.choice("reading", SessionReading),
        stricter=_goals(table, "stricter"),
        shown_courses=table.strings("shown_courses", ()),
    )
    for goal in (limit.goal, *limit.stricter):
        if not isinstance(goal.quantity, PerFraction):
            raise table.error("goal", f"expected a limit in Gy/fx, found {goal}")
    return limit


def _cumulative_limit(table: Table) -> CumulativeLimit:
    limit = CumulativeLimit(
        structures=table.strings("structures"), goal=_goal(table), stricter=_goals(table, "stricter")
    )
    for goal in (limit.goal, *limit.stricter):
        if isinstance(goal.quantity, PerFraction):
            raise table.error("goal", f"expected a limit of a sum, found {goal}")
    return limit


def _decision_point(table: Table) -> DecisionPoint:
    readings = table.strings("shown_readings", ())
    return DecisionPoint(
        course=table.string("course"),
        role=table.string("role"),
        dose_gy=_positive(table, "dose_gy"),
        dose_per_fraction_gy=_positive(table, "dose_per_fraction_gy"),
        counted_roles=tuple(table.string("reading").split("+")),
        shown_roles=tuple(tuple(r.split("+")) for r in readings),
    )


def _positive(table: Table, key: str) -> Decimal:
    value = table.decimal(key)
    if value <= 0:
        raise table.error(key, f"expected a number above 0, found {value}")
    return value


_READERS: Mapping[str, Callable[[Table], Test]] = {
    "prior_course": lambda t: PriorCourse(course=t.string("course")),
    "recurrence": lambda t: Recurrence(course=t.string("course"), years=t.integer("years")),
    "plan_status": lambda _: PlanStatus(),
    "dose_matches_prescription": lambda t: DoseMatchesPrescription(
        low=t.number("low"), high=t.number("high")
    ),
    "prescription": lambda t: PrescriptionIs(
        role=t.string("role"),
        dose_per_fraction_gy=_positive(t, "dose_per_fraction_gy"),
        fractions=t.integer("fractions"),
        tolerance_gy=t.decimal("tolerance_gy"),
    ),
    "coverage": lambda t: Coverage(structure=t.string("structure"), role=t.string("role"), goal=_goal(t)),
    "containment": lambda t: Containment(
        structure=t.string("structure"),
        inside=t.string("inside"),
        at_most_cm3=t.number("at_most_cm3"),
    ),
    "overlap": lambda t: Overlap(
        structures=t.strings("structures"),
        role=t.string("role"),
        at_most_cm3=t.number("at_most_cm3"),
    ),
    "consecutive_days": lambda t: ConsecutiveDays(course=t.string("course")),
    "session_limit": _session_limit,
    "structures_present": lambda t: StructuresPresent(
        structures=t.strings("structures"),
        course=t.string("course"),
        left=t.strings("left", ()),
        right=t.strings("right", ()),
    ),
    "span": lambda t: Span(
        structures=t.strings("structures"), course=t.string("course"), dose_gy=t.number("dose_gy")
    ),
    "distance": lambda t: Distance(
        structures=t.strings("structures"),
        course=t.string("course"),
        dose_gy=t.number("dose_gy"),
        goal=_goal(t),
        shift_mm=t.number("shift_mm"),
    ),
    "days_between": lambda t: DaysBetween(
        course=t.string("course"),
        next_course=t.string("next_course"),
        low_days=t.integer("low_days"),
        high_days=t.integer("high_days"),
        counted_from=t.choice("counted_from", CountedFrom),
    ),
    "weekly": lambda t: Weekly(
        course=t.string("course"), per_week=t.integer("per_week"), per_day=t.integer("per_day")
    ),
    "decision_point": _decision_point,
    "cumulative_limit": _cumulative_limit,
    "cumulative_table": lambda _: CumulativeTable(),
    "cumulative_prescription": lambda t: CumulativePrescription(
        structure=t.string("structure"), below_gy=_positive(t, "below_gy")
    ),
    "one_frame": lambda _: OneFrame(),
}
