"""Each rule of a protocol as plain sentences that name every parameter which decides."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import assert_never

from dosecalc.goals import (
    Goal,
)
from dosecalc.intervals import Source
from dosecalc.report.goal_words import (
    breach,
    condition,
    count,
    listed,
    metric_of,
    number,
    of_each,
)
from dosecalc.report.tables import clean
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
from dosecalc.statement import Grouping


class Topic(enum.Enum):
    """What a rule is about; the order is that of a report."""

    INPUT = "The input: what is there, and how it is linked"
    PRESCRIPTION = "Prescriptions and targets"
    SESSION = "Organs in each session"
    CALENDAR = "The calendar"
    EVENT = "Drugs and responses that are entered"
    SUM = "Sums over all courses"


def topic_of(test: Test) -> Topic:
    """What a rule of this kind is about.

    >>> topic_of(OneFrame()).value
    'The input: what is there, and how it is linked'
    """
    match test:
        case PriorCourse() | PlanStatus() | DoseMatchesPrescription() | OneFrame() | OrgansAgree():
            return Topic.INPUT
        case PrescriptionIs() | Coverage() | Containment() | Overlap():
            return Topic.PRESCRIPTION
        case SessionLimit() | StructuresPresent() | Span() | Distance():
            return Topic.SESSION
        case Recurrence() | ConsecutiveDays() | DaysBetween() | Weekly():
            return Topic.CALENDAR
        case EventOnDays() | NoEventDuring() | Maintenance() | DecisionPoint():
            return Topic.EVENT
        case CumulativeLimit() | CumulativeTable() | CumulativePrescription():
            return Topic.SUM
        case _:
            assert_never(test)


def rule_sentence(rule: Rule) -> str:
    """A rule in one sentence with its level, and what else decides in short ones after it.

    >>> from dosecalc.rules import Level
    >>> print(rule_sentence(Rule(id="R24", title="five a week", level=Level.REQUIRED, source="registry",
    ...     test=Weekly(course="definitive", per_week=5, per_day=1), uncertain_by=frozenset())))
    The definitive course has at most 5 sessions in an ISO week (Monday to Sunday) and at most 1 in a day
    (required).
    """
    main, *more = _sentences(rule.test)
    more += _doubts(rule)
    return clean(" ".join([f"{main} ({rule.level.value}).", *(f"{text}." for text in more)]))


def _sentences(test: Test) -> tuple[str, ...]:
    """What a rule demands, and then what else decides; without full stops."""
    match test:
        case PriorCourse() | PlanStatus() | DoseMatchesPrescription() | OneFrame() | OrgansAgree():
            return _of_input(test)
        case PrescriptionIs() | Coverage() | Containment() | Overlap():
            return _of_prescription(test)
        case SessionLimit():
            return _session_limit(test)
        case StructuresPresent() | Span() | Distance():
            return _of_contours(test)
        case Recurrence() | ConsecutiveDays() | DaysBetween() | Weekly():
            return _of_calendar(test)
        case EventOnDays() | NoEventDuring() | Maintenance():
            return _of_event(test)
        case DecisionPoint():
            return _decision_point(test)
        case CumulativeLimit() | CumulativeTable() | CumulativePrescription():
            return _of_sum(test)
        case _:
            assert_never(test)


def _of_input(
    test: PriorCourse | PlanStatus | DoseMatchesPrescription | OneFrame | OrgansAgree,
) -> tuple[str, ...]:
    match test:
        case PriorCourse(course=course):
            return (
                f"Something is known of the {course} course: plans, records or numbers",
                "Without its dose every sum over courses is incomplete",
            )
        case PlanStatus():
            return (
                "Every plan is approved, and no dose is older than its plan",
                "A plan that is neither approved nor rejected is UNCERTAIN",
            )
        case DoseMatchesPrescription(low=low, high=high):
            return (
                "For every plan the median dose in its target is "
                f"{number(low)} to {number(high)} times its highest prescription, ends included",
                "A dose for which this does not hold, or cannot be judged, is used by no rule",
            )
        case OneFrame():
            return (
                "All doses and structures lie in one frame of reference, or in frames that are registered",
            )
        case OrgansAgree():
            return _organs_agree(test)
        case _:
            assert_never(test)


def _organs_agree(test: OrgansAgree) -> tuple[str, ...]:
    apart = f"at most {number(test.at_most_mm)} mm"
    main = "In each structure set that is used, once it is registered, the centroid of an organ lies "
    main += f"{apart} from that in the structures of the sum: {listed(test.structures)}"
    along = f"Of {listed(test.along)} the same holds within the craniocaudal range that both sets have"
    open_end = "Where organs lie further apart, this rule and every sum over those sets is UNCERTAIN"
    return (main, *([along] if test.along else []), open_end)


def _of_prescription(test: PrescriptionIs | Coverage | Containment | Overlap) -> tuple[str, ...]:
    match test:
        case PrescriptionIs(role=role, dose_per_fraction_gy=dose, fractions=n, tolerance_gy=tolerance):
            return (
                f"The plan in the role {role} is prescribed with {dose} Gy a fraction, within {tolerance} "
                f"Gy, and with {count(n, 'fraction')} exactly",
                "Plans that follow one another in the role count together",
            )
        case Coverage(structure=structure, role=role, goal=goal):
            return (
                f"In the dose of the plan in the role {role}, {metric_of(goal)} of "
                f"{structure} is {condition(goal)}",
                _LAST_PLAN,
            )
        case Containment(structure=structure, inside=inside, role=role, at_most_cm3=cm3):
            return (
                f"At most {number(cm3)} cm3 of {structure} lies outside {inside}, both as contoured for the "
                f"plan in the role {role}",
                _LAST_PLAN,
            )
        case Overlap(structures=structures, role=role, at_most_cm3=cm3):
            return (
                f"At most {number(cm3)} cm3 {of_each(structures)} lies in the target of the plan in the role "
                f"{role}",
                _LAST_PLAN,
            )
        case _:
            assert_never(test)


_LAST_PLAN = "Of plans that follow one another in the role it is the last"


def _session_limit(test: SessionLimit) -> tuple[str, ...]:
    match test.reading:
        case SessionReading.SESSION_SUM:
            how = "everything given on one day summed"
        case SessionReading.EACH_PLAN:
            how = "each plan of a session by itself, not their sum"
        case _:
            assert_never(test.reading)
    main = f"In every session of the {test.course} course, {metric_of(test.goal)} "
    main += f"{of_each(test.structures)} is {condition(test.goal)}, {how}"
    shown = f"Shown and not judged: the worst session of the {listed(test.shown_courses)} course"
    return (main, *_stricter(test.stricter), *([shown] if test.shown_courses else []))


def _of_contours(test: StructuresPresent | Span | Distance) -> tuple[str, ...]:
    match test:
        case StructuresPresent(structures=structures, course=course, left=left, right=right):
            sides = [f"{a} lies further left than {b}" for a, b in zip(left, right, strict=True)]
            main = f"For the {course} course {listed(structures)} "
            main += f"{'is' if len(structures) == 1 else 'are each'} contoured, once and with a volume"
            exchanged = "Where sides are exchanged, or cannot be compared, it is NOT EVALUATED"
            return (main, *sides, *([exchanged] if sides else []))
        case Span(structures=structures, course=course, dose_gy=gy):
            return (
                f"The contours {of_each(structures)} reach as far up and down as the {number(gy)} Gy isodose "
                f"of every session of the {course} course, without a gap",
                "Where they do not, or the isodose reaches the end of the dose, it is UNCERTAIN",
            )
        case Distance(structures=structures, course=course, dose_gy=gy, goal=goal, shift_mm=shift):
            return (
                f"Shown and not judged: the distance {of_each(structures)} to the {number(gy)} Gy isodose of "
                f"a session of the {course} course, and {metric_of(goal)} "
                f"(for comparison: {condition(goal)}) under a shift of {number(shift)} mm along each axis",
            )
        case _:
            assert_never(test)


def _of_calendar(test: Recurrence | ConsecutiveDays | DaysBetween | Weekly) -> tuple[str, ...]:
    match test:
        case Recurrence(course=course, years=years):
            return (
                f"The recurrence comes {count(years, 'calendar year')} or more after the end of the "
                f"{course} course, the anniversary included",
            )
        case ConsecutiveDays(course=course):
            return (f"The fractions of the {course} course are begun on consecutive days",)
        case DaysBetween(course=course, next_course=then, low_days=low, high_days=high, counted_from=start):
            match start:
                case CountedFrom.LAST_SESSION:
                    word = "last"
                case CountedFrom.FIRST_SESSION:
                    word = "first"
                case _:
                    assert_never(start)
            return (
                f"The first session of the {then} course comes {low} to {high} days after the {word} "
                f"session of the {course} course, ends included",
            )
        case Weekly(course=course, per_week=per_week, per_day=per_day):
            return (
                f"The {course} course has at most {count(per_week, 'session')} in an ISO week (Monday to "
                f"Sunday) and at most {per_day} in a day",
            )
        case _:
            assert_never(test)


def _of_event(test: EventOnDays | NoEventDuring | Maintenance) -> tuple[str, ...]:
    unknown = f"Where no {test.event.value} is entered at all, nothing is judged"
    match test:
        case EventOnDays(event=event, course=course, days=days, tolerance_days=tolerance, dose_mg=dose):
            wanted = listed([f"day {day}" for day in days])
            within = f"within {count(tolerance, 'day')}" if tolerance else "to the day"
            main = f"The event {event.value} is entered for {wanted} of the {course} course, whose first "
            main += f"session is day 1, {within}"
            main += ", whatever its dose" if dose is None else f", with {dose} mg each time"
            without = "An entry without a dose is taken for it, and said"
            return (main, *([without] if dose is not None else []), unknown)
        case NoEventDuring(event=event, course=course):
            return (
                f"No event {event.value} is entered from the first to the last session of the {course} "
                "course",
                unknown,
            )
        case Maintenance(
            event=event,
            course=course,
            within_days=within,
            every_days=every,
            tolerance_days=tolerance,
            at_most_months=months,
        ):
            spread = f", within {count(tolerance, 'day')}," if tolerance else ", to the day,"
            return (
                f"After the last session of the {course} course the event {event.value} begins within "
                f"{count(within, 'day')}, comes every {count(every, 'day')}{spread} and ends within "
                f"{count(months, 'month')} of its beginning",
                unknown,
            )
        case _:
            assert_never(test)


def _decision_point(test: DecisionPoint) -> tuple[str, ...]:
    point = f"{test.dose_gy} Gy"
    match test.ulcer:
        case UlcerReading.AT_ANY_DOSE:
            ulcer = "An ulcer stops the course at any dose"
        case UlcerReading.AT_THE_POINT:
            ulcer = f"An ulcer stops the course at {point} or later; one before is noted and stops nothing"
        case _:
            assert_never(test.ulcer)
    when = "there or later"
    if test.window_days:
        when += f", or up to {count(test.window_days, 'day')} before"
    counted = f"Counted is what is prescribed in {_reading(test.reading)}, the role {test.role} "
    counted += f"giving {test.dose_per_fraction_gy} Gy a fraction, or as its plan has it if that is sooner"
    shown = "Shown beside it, and not judged, the same with "
    shown += "; ".join(_reading(r) for r in test.shown_readings)
    return (
        f"At {point} the response decides on the {test.course} course: after complete response no fraction "
        "follows, after incomplete response it goes on, and until one is entered it is held",
        counted,
        f"A response counts that is assessed {when}",
        ulcer,
        *([shown] if test.shown_readings else []),
    )


def _reading(reading: PointReading) -> str:
    """What counts towards the dose of a decision point, in words."""
    what = f"the role{'s' if len(reading.roles) > 1 else ''} {listed(reading.roles)}"
    if reading.alpha_beta_gy is None:
        return f"{what}, as physical dose"
    match reading.grouping:
        case Grouping.ONE_SESSION:
            how = "plans of one day acting together"
        case Grouping.SEPARATE_SESSIONS:
            how = "each plan of a day acting by itself"
        case _:
            assert_never(reading.grouping)
    return f"{what}, as EQD2({reading.alpha_beta_gy}) with {how}"


def _of_sum(test: CumulativeLimit | CumulativeTable | CumulativePrescription) -> tuple[str, ...]:
    match test:
        case CumulativeLimit(structures=structures, goal=goal, stricter=stricter, recovered=recovered):
            less = "It is held against the sum less what the organ has recovered from"
            main = f"Summed over all courses, {metric_of(goal)} {of_each(structures)} is "
            return (main + condition(goal), *_stricter(stricter), *([less] if recovered else []))
        case CumulativeTable():
            return (
                "There are limits for organ dose summed over all courses",
                "Where the protocol has none, it is NOT EVALUATED, and the sums are shown",
            )
        case CumulativePrescription(structure=structure, below_gy=mark, alpha_beta_gy=alpha_beta):
            return (
                "The highest prescriptions of all plans, whatever their targets, add up to less than "
                f"{mark} Gy of physical dose",
                f"{mark} Gy or more as EQD2({alpha_beta}), what one session gives added first, makes a pass "
                "UNCERTAIN",
                f"Shown beside it: the same at the a/b of {structure}",
            )
        case _:
            assert_never(test)


def _stricter(goals: Sequence[Goal]) -> tuple[str, ...]:
    """Goals that a value has to meet too, or its pass becomes UNCERTAIN."""
    return tuple(f"{metric_of(goal)} {breach(goal)} makes a pass UNCERTAIN" for goal in goals)


def _doubts(rule: Rule) -> list[str]:
    """Where the sources of doubt that may make a rule UNCERTAIN are not the usual ones."""
    if not isinstance(rule.test, Coverage | SessionLimit | CumulativeLimit):
        return []  # the others are held against what has no band
    texts = []
    if Source.NUMERICAL not in rule.uncertain_by:
        texts.append("What end caps and sampling leave open does not make it UNCERTAIN")
    if isinstance(rule.test, CumulativeLimit):
        if Source.ALPHA_BETA in rule.uncertain_by:
            texts.append("The structure's range of a/b may make it UNCERTAIN")
        if Source.REGISTRATION in rule.uncertain_by:
            texts.append("What a registration may be off by may make it UNCERTAIN")
    return texts
