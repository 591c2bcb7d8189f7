"""Rules as they stand in a protocol file: from strict tables to typed rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from dosecalc.errors import GoalSyntaxError
from dosecalc.goals import Goal, Unit, VolumeAtDose, parse_goal
from dosecalc.intervals import Source
from dosecalc.plausible import LEAST_ABOVE_0, MOST
from dosecalc.quantities import Bed, Eqd2, PerFraction, Physical
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
    EventOnDays,
    Level,
    Maintenance,
    NoEventDuring,
    OneFrame,
    OrgansAgree,
    Overlap,
    PlanStatus,
    PointReading,
    PrescriptionIs,
    PriorCourse,
    Recurrence,
    Rule,
    SessionLimit,
    SessionReading,
    Span,
    StructuresPresent,
    Test,
    UlcerReading,
    Weekly,
)
from dosecalc.statement import EventKind, Grouping
from dosecalc.tables import Table

_POINT_READING = re.compile(
    r"(?P<roles>[^()]+?)(?: EQD2\((?P<alpha_beta>\d+(?:\.\d+)?)\) (?P<how>apart|together))?"
)

_USUAL = (Source.NUMERICAL, Source.STATED_BOUND)


def read_rule(table: Table) -> Rule:
    """One rule of a protocol file.

    Raises
    ------
    TomlError : for an unknown kind or key, a missing or mistyped value, or a goal that does not parse.
    """
    kind = table.string("kind")
    if kind not in _READERS:
        raise table.error("kind", f"expected one of {', '.join(sorted(_READERS))}, found {kind!r}")
    test = _READERS[kind](table)
    rule = Rule(
        id=table.words("id"),
        title=table.words("title"),
        level=table.choice("level", Level),
        source=table.words("source"),
        test=test,
        uncertain_by=_uncertain_by(table, test),
    )
    table.done()
    return rule


def _uncertain_by(table: Table, test: Test) -> frozenset[Source]:
    """The sources of doubt that may make a rule UNCERTAIN, of those that its test has a band of."""
    key = "uncertain_by"
    known = _sources_of(test)
    if key in table and not known:
        raise table.error(key, "expected no such key: what this kind of rule judges has no band")
    sources = table.strings(key, tuple(s.value for s in _USUAL))
    if key in table and not set(sources) <= {s.value for s in known}:
        expected = ", ".join(s.value for s in known)
        found = ", ".join(sources)
        raise table.error(key, f"expected some of {expected}, which this rule has, found {found}")
    if Source.STATED_BOUND.value not in sources:
        raise table.error(key, "expected stated_bound among them: missing dose never passes")
    return frozenset(Source(s) for s in sources)


def _sources_of(test: Test) -> tuple[Source, ...]:
    """The sources of doubt that are looked into for a test."""
    match test:
        case Coverage() | SessionLimit():
            return _USUAL
        case CumulativeLimit(goal=Goal(quantity=Bed() | Eqd2())):
            return (*_USUAL, Source.ALPHA_BETA, Source.REGISTRATION)
        case CumulativeLimit():
            return (*_USUAL, Source.REGISTRATION)
        case _:
            return ()


def _goal(table: Table, key: str = "goal") -> Goal:
    return _parsed(table, key, table.string(key))


def _goals(table: Table, key: str) -> tuple[Goal, ...]:
    return tuple(_parsed(table, f"{key}[{n}]", text) for n, text in enumerate(table.strings(key, ()), 1))


def _parsed(table: Table, key: str, text: str) -> Goal:
    try:
        return parse_goal(text)
    except GoalSyntaxError as error:
        raise table.error(key, str(error)) from None


def _session_limit(table: Table) -> SessionLimit:
    limit = SessionLimit(
        structures=_names(table, "structures"),
        course=table.string("course"),
        goal=_goal(table),
        reading=table.choice("reading", SessionReading),
        stricter=_goals(table, "stricter"),
        shown_courses=table.strings("shown_courses", ()),
    )
    for key, goal in _limits(limit):
        _require_per_fraction(table, key, goal)
    return limit


def _limits(limit: SessionLimit | CumulativeLimit) -> Iterator[tuple[str, Goal]]:
    """The goals of a limit, each with the key that it stands at."""
    yield "goal", limit.goal
    for number, goal in enumerate(limit.stricter, 1):
        yield f"stricter[{number}]", goal


def _require_per_fraction(table: Table, key: str, goal: Goal) -> None:
    if not isinstance(goal.quantity, PerFraction) or goal.unit is not Unit.GY:
        raise table.error(key, f"expected a limit in Gy/fx, found {goal}")


def _coverage(table: Table) -> Coverage:
    test = Coverage(structure=table.string("structure"), role=table.string("role"), goal=_goal(table))
    if not isinstance(test.goal.quantity, Physical):
        raise table.error("goal", f"expected a goal of physical dose, found {test.goal}")
    return test


def _distance(table: Table) -> Distance:
    test = Distance(
        structures=_names(table, "structures"),
        course=table.string("course"),
        dose_gy=table.positive("dose_gy"),
        goal=_goal(table),
        shift_mm=table.number("shift_mm", at_least=0),
    )
    _require_per_fraction(table, "goal", test.goal)
    if table.choice("level", Level) is not Level.ADVISORY:
        found = table.string("level")
        raise table.error("level", f"expected advisory (it is shown and not judged), found {found!r}")
    return test


def _structures_present(table: Table) -> StructuresPresent:
    test = StructuresPresent(
        structures=_names(table, "structures"),
        course=table.string("course"),
        left=table.strings("left", ()),
        right=table.strings("right", ()),
    )
    if len(test.left) != len(test.right):
        raise table.error("right", f"expected as many as left ({len(test.left)}), found {len(test.right)}")
    return test


def _names(table: Table, key: str) -> tuple[str, ...]:
    names = table.strings(key)
    if not names:
        raise table.error(key, "expected one name or more, found none: the rule would judge nothing")
    return names


def _cumulative_limit(table: Table) -> CumulativeLimit:
    limit = CumulativeLimit(
        structures=_names(table, "structures"),
        goal=_goal(table),
        stricter=_goals(table, "stricter"),
        recovered=table.boolean("recovered", False),
    )
    if limit.recovered and not isinstance(limit.goal.quantity, Bed | Eqd2):
        raise table.error("recovered", f"expected a goal in BED or EQD2 with it, found {limit.goal}")
    for key, goal in _limits(limit):
        percent_of_dose = goal.unit is Unit.PERCENT and not isinstance(goal.metric, VolumeAtDose)
        if isinstance(goal.quantity, PerFraction) or percent_of_dose:
            raise table.error(key, f"expected a limit of a sum, in Gy or of a volume, found {goal}")
    return limit


def _decision_point(table: Table) -> DecisionPoint:
    readings, role = table.strings("shown_readings", ()), table.string("role")
    for key, text in (("reading", table.string("reading")), *(("shown_readings", r) for r in readings)):
        roles = _point_reading(table, key, text).roles
        if role not in roles or len(set(roles)) < len(roles):
            raise table.error(key, f"expected the role {role!r} among others, each once, found {text!r}")
    return DecisionPoint(
        course=table.string("course"),
        role=role,
        dose_gy=_positive(table, "dose_gy"),
        dose_per_fraction_gy=_positive(table, "dose_per_fraction_gy"),
        reading=_point_reading(table, "reading", table.string("reading")),
        shown_readings=tuple(_point_reading(table, "shown_readings", text) for text in readings),
        window_days=table.integer("window_days", at_least=0),
        ulcer=table.choice("ulcer", UlcerReading),
    )


def _point_reading(table: Table, key: str, text: str) -> PointReading:
    found = _POINT_READING.fullmatch(text)
    alpha_beta = Decimal(found["alpha_beta"]) if found and found["alpha_beta"] else None
    if found is None or not (alpha_beta is None or LEAST_ABOVE_0 <= alpha_beta <= MOST):
        expected = "roles joined by +, and for EQD2 an a/b above 0 and how sessions of one day act, such as "
        raise table.error(key, f"expected {expected}'low+definitive EQD2(10) apart', found {text!r}")
    return PointReading(
        roles=tuple(found["roles"].split("+")),
        alpha_beta_gy=alpha_beta,
        grouping=Grouping.ONE_SESSION if found["how"] == "together" else Grouping.SEPARATE_SESSIONS,
    )


def _event_on_days(table: Table) -> EventOnDays:
    days = table.numbers("days")
    if not days or any(day != int(day) or day < 1 for day in days):
        raise table.error("days", f"expected whole numbers of 1 or more, found {list(days)}")
    return EventOnDays(
        event=table.choice("event", EventKind),
        course=table.string("course"),
        days=tuple(int(day) for day in days),
        tolerance_days=table.integer("tolerance_days", at_least=0),
        dose_mg=_positive(table, "dose_mg") if "dose_mg" in table else None,
    )


def _positive(table: Table, key: str) -> Decimal:
    value = table.decimal(key)
    if value <= 0:
        raise table.error(key, f"expected a number above 0, found {value}")
    return value


def _not_negative(table: Table, key: str) -> Decimal:
    value = table.decimal(key)
    if value < 0:
        raise table.error(key, f"expected 0 or more, found {value}")
    return value


def _dose_matches(table: Table) -> DoseMatchesPrescription:
    test = DoseMatchesPrescription(low=table.number("low", at_least=0), high=table.number("high"))
    if test.low > test.high:
        raise table.error("low", f"expected at most high ({test.high:g}), found {test.low:g}")
    return test


def _days_between(table: Table) -> DaysBetween:
    test = DaysBetween(
        course=table.string("course"),
        next_course=table.string("next_course"),
        low_days=table.integer("low_days"),
        high_days=table.integer("high_days"),
        counted_from=table.choice("counted_from", CountedFrom),
    )
    if test.low_days > test.high_days:
        raise table.error("low_days", f"expected at most high_days ({test.high_days}), found {test.low_days}")
    return test


_READERS: Mapping[str, Callable[[Table], Test]] = {
    "prior_course": lambda t: PriorCourse(course=t.string("course")),
    "recurrence": lambda t: Recurrence(course=t.string("course"), years=t.integer("years", at_least=0)),
    "plan_status": lambda _: PlanStatus(),
    "dose_matches_prescription": _dose_matches,
    "prescription": lambda t: PrescriptionIs(
        role=t.string("role"),
        dose_per_fraction_gy=_positive(t, "dose_per_fraction_gy"),
        fractions=t.integer("fractions", at_least=1),
        tolerance_gy=_not_negative(t, "tolerance_gy"),
    ),
    "coverage": _coverage,
    "containment": lambda t: Containment(
        structure=t.string("structure"),
        inside=t.string("inside"),
        role=t.string("role"),
        at_most_cm3=t.number("at_most_cm3", at_least=0),
    ),
    "overlap": lambda t: Overlap(
        structures=_names(t, "structures"),
        role=t.string("role"),
        at_most_cm3=t.number("at_most_cm3", at_least=0),
    ),
    "consecutive_days": lambda t: ConsecutiveDays(course=t.string("course")),
    "session_limit": _session_limit,
    "structures_present": _structures_present,
    "span": lambda t: Span(
        structures=_names(t, "structures"), course=t.string("course"), dose_gy=t.positive("dose_gy")
    ),
    "distance": _distance,
    "days_between": _days_between,
    "weekly": lambda t: Weekly(
        course=t.string("course"),
        per_week=t.integer("per_week", at_least=1),
        per_day=t.integer("per_day", at_least=1),
    ),
    "event_on_days": _event_on_days,
    "no_event_during": lambda t: NoEventDuring(event=t.choice("event", EventKind), course=t.string("course")),
    "maintenance": lambda t: Maintenance(
        event=t.choice("event", EventKind),
        course=t.string("course"),
        within_days=t.integer("within_days", at_least=0),
        every_days=t.integer("every_days", at_least=1),
        tolerance_days=t.integer("tolerance_days", at_least=0),
        at_most_months=t.integer("at_most_months", at_least=1),
    ),
    "decision_point": _decision_point,
    "cumulative_limit": _cumulative_limit,
    "cumulative_table": lambda _: CumulativeTable(),
    "cumulative_prescription": lambda t: CumulativePrescription(
        structure=t.string("structure"),
        below_gy=_positive(t, "below_gy"),
        alpha_beta_gy=_positive(t, "alpha_beta_gy"),
    ),
    "one_frame": lambda _: OneFrame(),
    "organs_agree": lambda t: OrgansAgree(
        structures=_names(t, "structures"),
        along=t.strings("along"),
        at_most_mm=t.positive("at_most_mm"),
    ),
}
