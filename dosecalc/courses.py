"""From a case and a protocol to a treatment: plans in their roles, courses, sessions and dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from dosecalc.case import Case
from dosecalc.errors import InputError
from dosecalc.fractions import fraction_of, fractions_of, plan_name
from dosecalc.ledger import Contribution, Fraction, Ledger, NoFraction, Session, State
from dosecalc.plans import Plan, Prescription
from dosecalc.protocol import Course, Protocol, Role
from dosecalc.statement import CourseStatement, Grouping, PlanStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedPlan:
    """A plan in its role or roles; ``fractions`` is None where neither plan nor case file says."""

    plan: Plan
    roles: tuple[str, ...]
    course: str
    fractions: int | None
    prescriptions: tuple[Prescription, ...]
    stated: PlanStatement

    @property
    def name(self) -> str:
        return plan_name(self.plan)

    @property
    def prescription(self) -> Prescription | None:
        """The highest prescription of the plan."""
        return max(self.prescriptions, key=lambda p: p.dose_gy, default=None)

    def per_fraction_gy(self, prescription: Prescription) -> Decimal | None:
        """Exact dose per fraction of a prescription, where the fractions are known."""
        return None if self.fractions is None else prescription.dose_gy / self.fractions


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """All that is planned or given, in order, and what was assumed to say so.

    ``unassigned`` are treatment plans that fit no role: their dose is in no sum, so no cumulative
    sum is complete. ``absent`` are courses of the protocol of which nothing is known, ``later`` those
    that are stated to be not planned yet.
    """

    plans: tuple[AssignedPlan, ...]
    unassigned: tuple[Plan, ...]
    absent: tuple[str, ...]
    later: tuple[str, ...]
    ledger: Ledger
    assumptions: tuple[str, ...]

    def with_role(self, role: str) -> AssignedPlan | None:
        """The plan that holds a role."""
        return next((p for p in self.plans if role in p.roles), None)

    def of_course(self, course: str) -> tuple[AssignedPlan, ...]:
        return tuple(p for p in self.plans if p.course == course)

    def without_dose(self, plan_uid: str, reason: str) -> Treatment:
        """The same treatment with the dose of one plan declared unusable."""

        def mended(contribution: Contribution) -> Contribution:
            if contribution.fraction.plan_uid != plan_uid:
                return contribution
            return replace(contribution, fraction=NoFraction(plan_uid=plan_uid, reason=reason))

        sessions = tuple(
            replace(s, contributions=tuple(mended(c) for c in s.contributions)) for s in self.ledger.sessions
        )
        return replace(self, ledger=replace(self.ledger, sessions=sessions))


def prescription_for(assigned: AssignedPlan, role: Role) -> Prescription | None:
    """The prescription of a plan that belongs to one of its roles.

    A plan with one role gives its highest prescription; one with several roles the one whose dose per
    fraction lies in the role's range of recognition.
    """
    if len(assigned.roles) == 1:
        return assigned.prescription
    fitting = [p for p in assigned.prescriptions if _fits_dose(assigned.per_fraction_gy(p), role)]
    return max(fitting, key=lambda p: p.dose_gy, default=None)


def build_treatment(case: Case, protocol: Protocol) -> Treatment:
    """Assign plans to roles and lay out their sessions.

    Raises
    ------
    InputError : if two plans hold one role, or the case file contradicts the protocol or the plans.
    """
    assumptions: list[str] = []
    _check_statement(case, protocol)
    assigned, unassigned = _assign(case, protocol, assumptions)
    sessions: list[Session] = []
    absent, later = [], []
    for course in protocol.courses:
        members = [p for p in assigned if p.course == course.name]
        stated = case.statement.course(course.name)
        if members:
            sessions.extend(_sessions(case, course, members, stated, assumptions))
        elif stated.fractions is not None or stated.prescription_gy is not None:
            sessions.extend(_stated_sessions(course, stated, assumptions))
        elif stated.not_planned_yet:
            later.append(course.name)
        else:
            absent.append(course.name)
    ledger = Ledger(sessions=tuple(sessions), events=case.statement.events)
    return Treatment(
        plans=tuple(assigned),
        unassigned=tuple(unassigned),
        absent=tuple(absent),
        later=tuple(later),
        ledger=ledger,
        assumptions=tuple(assumptions),
    )


def _check_statement(case: Case, protocol: Protocol) -> None:
    """Refuse what a case file says about plans, courses, roles or structures that do not exist."""
    source = case.statement.source
    courses = [c.name for c in protocol.courses]
    for name in case.statement.courses:
        if name not in courses:
            raise InputError(
                f"{source}: courses.{name}: expected one of {', '.join(courses)}, found {name!r}"
            )
    names = [s.name for s in protocol.structures]
    for name in case.statement.structures:
        if name not in names:
            raise InputError(
                f"{source}: structures.{name}: expected a structure of protocol {protocol.name!r} "
                f"({', '.join(names)}), found {name!r}"
            )
    roles = [r.name for r in protocol.roles]
    uids = {p.uid for p in case.plans}
    for stated in case.statement.plans:
        if stated.uid not in uids:
            raise InputError(
                f"{source}: plans[{stated.uid}]: expected the SOP Instance UID of a plan in the folder"
            )
        for role in stated.roles:
            if role not in roles:
                raise InputError(
                    f"{source}: plans[{stated.uid}].roles: expected some of {', '.join(roles)}, "
                    f"found {role!r}"
                )


def _assign(case: Case, protocol: Protocol, assumptions: list[str]) -> tuple[list[AssignedPlan], list[Plan]]:
    assigned: list[AssignedPlan] = []
    unassigned: list[Plan] = []
    for plan in case.plans:
        stated = case.statement.plan(plan.uid)
        if stated.ignore:
            assumptions.append(f"{plan_name(plan)} is left out as stated: {stated.ignore}")
            continue
        if not plan.treats and not stated.roles:
            assumptions.append(f"{plan_name(plan)} is left out: PlanIntent {plan.intent} is not treatment")
            continue
        found = _in_role(plan, stated, protocol, assumptions)
        if found is None:
            unassigned.append(plan)
        else:
            assigned.append(found)
    _one_plan_a_role(assigned, protocol)
    order = [r.name for r in protocol.roles]
    assigned.sort(key=lambda p: min(order.index(r) for r in p.roles))
    return assigned, unassigned


def _in_role(
    plan: Plan, stated: PlanStatement, protocol: Protocol, assumptions: list[str]
) -> AssignedPlan | None:
    fractions = fractions_of(plan, stated)
    prescriptions = plan.prescriptions
    if stated.prescription_gy is not None:
        prescriptions = (Prescription(dose_gy=stated.prescription_gy),)
    roles = stated.roles
    if not roles and fractions is not None:
        doses = [p.dose_gy / fractions for p in prescriptions]
        roles = tuple(
            r.name
            for r in protocol.roles
            if r.fractions is not None
            and r.fractions[0] <= fractions <= r.fractions[1]
            and any(_fits_dose(d, r) for d in doses)
        )
        if roles:
            said = " and ".join(f"{d:.4g} Gy" for d in doses)
            assumptions.append(
                f"{plan_name(plan)} is taken as {' and '.join(roles)}, "
                f"for its prescription of {said} x {fractions}"
            )
    courses = {protocol.role(r).course for r in roles}
    if len(courses) != 1:
        return None
    return AssignedPlan(
        plan=plan,
        roles=roles,
        course=courses.pop(),
        fractions=fractions,
        prescriptions=prescriptions,
        stated=stated,
    )


def _fits_dose(dose_gy: Decimal | None, role: Role) -> bool:
    if dose_gy is None or role.dose_per_fraction_gy is None:
        return False
    low, high = role.dose_per_fraction_gy
    return low <= float(dose_gy) <= high


def _one_plan_a_role(assigned: Sequence[AssignedPlan], protocol: Protocol) -> None:
    for role in protocol.roles:
        holders = [p for p in assigned if role.name in p.roles]
        if len(holders) > 1:
            raise InputError(
                f"role {role.name!r}: expected one plan, found {len(holders)}: "
                + ", ".join(f"{p.name}, SOPInstanceUID {p.plan.uid}" for p in holders)
                + '; say in case.toml which one counts: ignore = "reason" for the others'
            )


def _sessions(
    case: Case,
    course: Course,
    members: Sequence[AssignedPlan],
    stated: CourseStatement,
    assumptions: list[str],
) -> Iterator[Session]:
    """Sessions of a course: fraction ``k`` of each of its plans falls on its prescribed day ``k``."""
    fractions: list[tuple[AssignedPlan, Fraction]] = [
        (p, fraction_of(case, p.plan, p.stated)) for p in members
    ]
    days = max(p.fractions or 1 for p in members)
    dates = _dates(case, course.name, stated, days, assumptions)
    together = _together(course, members, stated, assumptions)
    number = 0
    for day in range(1, days + 1):
        given = [Contribution(fraction=f) for p, f in fractions if day <= (p.fractions or 1)]
        for visit in [given] if together else [[c] for c in given]:
            number += 1
            yield Session(
                course=course.name,
                number=number,
                day=day,
                contributions=tuple(visit),
                state=State.DELIVERED if day <= (stated.delivered or 0) else State.PLANNED,
                date=dates[day - 1],
            )


def _together(
    course: Course,
    members: Sequence[AssignedPlan],
    stated: CourseStatement,
    assumptions: list[str],
) -> bool:
    if len(members) == 1:
        return True
    labels = " and ".join(p.name for p in members)
    if len({p.fractions for p in members}) > 1:
        counts = " and ".join(str(p.fractions) for p in members)
        assumptions.append(
            f"{course.name}: {labels} have {counts} fractions; their first ones are taken to be on one day"
        )
    if stated.grouping is not None:
        return stated.grouping is Grouping.ONE_SESSION
    words = {
        Grouping.ONE_SESSION: "in one session: their doses add before EQD2",
        Grouping.SEPARATE_SESSIONS: "in separate sessions",
    }
    assumptions.append(
        f"WARNING: {course.name}: nothing says whether {labels} are given in one session; taken as the "
        f"protocol has it, {words[course.grouping]}. State it in case.toml: courses.{course.name}.grouping"
    )
    return course.grouping is Grouping.ONE_SESSION


def _dates(
    case: Case, course: str, stated: CourseStatement, days: int, assumptions: list[str]
) -> list[dt.date | None]:
    """Dates of the prescribed days of a course, or None where they are not known."""
    source = f"{case.statement.source}: courses.{course}"
    if stated.delivered is not None and stated.delivered > days:
        raise InputError(f"{source}.delivered: expected at most {days}, found {stated.delivered}")
    if stated.dates:
        if len(stated.dates) != days:
            raise InputError(f"{source}.dates: expected {days} dates, found {len(stated.dates)}")
        return list(stated.dates)
    if stated.first_date is None:
        return [None] * days
    if stated.first_date.weekday() >= 5:
        raise InputError(f"{source}.first_date: expected a weekday, found {stated.first_date:%A}")
    assumptions.append(f"{course}: one fraction each weekday from {stated.first_date}, holidays not counted")
    found: list[dt.date | None] = []
    day = stated.first_date
    while len(found) < days:
        if day.weekday() < 5:
            found.append(day)
        day += dt.timedelta(days=1)
    return found


def _stated_sessions(course: Course, stated: CourseStatement, assumptions: list[str]) -> list[Session]:
    """Sessions of a course that is known as numbers only: they have no dose."""
    dose = f"{stated.prescription_gy} Gy" if stated.prescription_gy is not None else "unknown dose"
    count = f" in {stated.fractions} fractions" if stated.fractions is not None else ""
    reason = f"{course.name} course: {dose}{count} as stated, without a dose distribution"
    assumptions.append(reason)
    fraction = NoFraction(plan_uid="", reason=reason)
    n = stated.fractions or 1
    return [
        Session(
            course=course.name,
            number=k,
            day=k,
            contributions=(Contribution(fraction=fraction),),
            state=State.DELIVERED if stated.last_date is not None else State.PLANNED,
            date=stated.last_date if k == n else None,
        )
        for k in range(1, n + 1)
    ]
