"""Plans in their roles: which plan is what, and what belongs to the treatment and is in no session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from dosecalc.case import Case
from dosecalc.errors import InputError
from dosecalc.fractions import fractions_of, plan_name
from dosecalc.plans import POINTS, Plan, Prescription
from dosecalc.protocol import Protocol, Role
from dosecalc.statement import PlanStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedPlan:
    """A plan in its role or roles; ``fractions`` is None where neither plan nor case file says.

    Its first fraction follows ``after`` days of the course, and ``used`` of its fractions belong to it: all
    (None), unless it was replaced midway.
    """

    plan: Plan
    roles: tuple[str, ...]
    course: str
    fractions: int | None
    prescriptions: tuple[Prescription, ...]
    stated: PlanStatement
    after: int = 0
    used: int | None = None

    @property
    def days(self) -> int | None:
        """How many days of the course are its own."""
        return self.fractions if self.used is None else self.used

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


def prescription_for(assigned: AssignedPlan, role: Role) -> Prescription | None:
    """The prescription of a plan that belongs to one of its roles.

    A plan with one role gives its highest prescription; one with several roles the one whose dose per
    fraction lies in the role's range of recognition.
    """
    if len(assigned.roles) == 1:
        return assigned.prescription
    fitting = [p for p in assigned.prescriptions if _fits_dose(assigned.per_fraction_gy(p), role)]
    return max(fitting, key=lambda p: p.dose_gy, default=None)


def check_statement(case: Case, protocol: Protocol) -> None:
    """Refuse what a case file says about plans, courses, roles or structures that do not exist."""
    source = case.statement.source
    courses = [c.name for c in protocol.courses]
    for name in case.statement.courses:
        if name not in courses:
            raise InputError(
                f"{source}: courses.{name}: expected one of {', '.join(courses)}, found {name!r}"
            )
        for structure in case.statement.courses[name].doses:
            if structure not in {s.name for s in protocol.structures}:
                raise InputError(
                    f"{source}: courses.{name}.structures.{structure}: expected a structure of protocol "
                    f"{protocol.name!r} ({', '.join(s.name for s in protocol.structures)})"
                )
    said = list(case.statement.structures.values())
    for name, roi in case.statement.structures.items():
        if said.count(roi) > 1:
            raise InputError(
                f"{source}: structures.{name}: expected a structure of its own, found {roi!r} twice"
            )
    names = [s.name for s in protocol.structures]
    for name in case.statement.structures:
        if name not in names:
            raise InputError(
                f"{source}: structures.{name}: expected a structure of protocol {protocol.name!r} "
                f"({', '.join(names)}), found {name!r}"
            )
    for stated in case.statement.plans:
        _check_plan_statement(case, protocol, stated)


def _check_plan_statement(case: Case, protocol: Protocol, stated: PlanStatement) -> None:
    """A statement is about a plan that is here, has roles of one course, and says what the plan says."""
    where = f"{case.statement.source}: plans[{stated.uid}]"
    plan = next((p for p in case.plans if p.uid == stated.uid), None)
    referenced = {uid for d in case.doses for uid in d.plan_uids}
    referenced |= {uid for p in case.plans for _, uid in p.related_uids}
    unread = any(f.lost for f in case.inputs)  # lost_doses says which; a plan may be among them
    if plan is None and not unread and not (stated.ignore and stated.uid in referenced):
        raise InputError(f"{where}: expected the SOP Instance UID of a plan in the folder")
    if stated.replaces and stated.replaces not in {p.uid for p in case.plans if p.uid != stated.uid}:
        raise InputError(
            f"{where}.replaces: expected the SOP Instance UID of another plan, found {stated.replaces!r}"
        )
    roles = [r.name for r in protocol.roles]
    for role in stated.roles:
        if role not in roles:
            raise InputError(f"{where}.roles: expected some of {', '.join(roles)}, found {role!r}")
    if len({r.course for r in protocol.roles if r.name in stated.roles}) > 1:
        raise InputError(f"{where}.roles: expected roles of one course, found {', '.join(stated.roles)}")
    if plan is None:
        return
    written = {p.dose_gy for p in plan.prescriptions}
    if stated.prescription_gy is not None and written and stated.prescription_gy not in written:
        raise InputError(
            f"{where}.prescription_gy: expected one that the plan has "
            f"({', '.join(str(d) for d in sorted(written))}), found {stated.prescription_gy}"
        )
    if stated.fractions is not None and plan.fractions not in {None, stated.fractions}:
        raise InputError(
            f"{where}.fractions: expected {plan.fractions}, as the plan has (NumberOfFractionsPlanned), "
            f"found {stated.fractions}"
        )


def assign_plans(
    case: Case, protocol: Protocol, assumptions: list[str]
) -> tuple[list[AssignedPlan], list[Plan]]:
    """Plans in their roles, in the order of the protocol's roles, and treatment plans that fit none.

    Several plans may hold one role: ``in_turn`` puts them after one another, or refuses them.
    """
    assigned: list[AssignedPlan] = []
    unassigned: list[Plan] = []
    for plan in case.plans:
        stated = case.statement.plan(plan.uid)
        if stated.ignore:
            warning = "WARNING: " if case.doses_of(plan.uid) else ""
            assumptions.append(f"{warning}{plan_name(plan)} is left out as stated: {stated.ignore}")
            continue
        if not plan.treats and not stated.roles:
            assumptions.append(
                f"WARNING: {plan_name(plan)} is left out: PlanIntent {plan.intent} is not treatment"
            )
            continue
        if not plan.treats:
            assumptions.append(
                f"WARNING: {plan_name(plan)} is counted as stated, though its PlanIntent is {plan.intent}"
            )
        found = _in_role(plan, stated, protocol, assumptions)
        if found is None:
            unassigned.append(plan)
        else:
            assigned.append(found)
    order = [r.name for r in protocol.roles]
    assigned.sort(key=lambda p: min(order.index(r) for r in p.roles))
    return assigned, unassigned


def lost_doses(
    case: Case, protocol: Protocol, assigned: Sequence[AssignedPlan], unassigned: Sequence[Plan]
) -> Iterator[str]:
    """What may belong to the treatment and is in no session."""
    for plan in unassigned:
        yield f"{plan_name(plan)} fits no role: its dose is in no sum"
    for file in case.inputs:
        if file.lost and file.kind in {"RTPLAN", "RTDOSE", "RTRECORD", ""}:
            yield f"{file.path} could not be used, and may hold a plan, a dose or a fraction that was given"
    for one in assigned:
        if one.fractions is None:
            yield f"{one.name}: its number of fractions is not known"
    here = {p.uid for p in case.plans}
    left_out = {p.uid for p in case.statement.plans if p.ignore}
    for dose in case.doses:
        elsewhere = [uid for uid in dose.plan_uids if uid not in here | left_out]
        if elsewhere or not dose.plan_uids:
            of = ", ".join(elsewhere) or "no plan"
            yield f"{dose.source} is the dose of {of}, which is not in the folder: it is in no sum"
    for plan in case.plans:
        for relation, uid in plan.related_uids:
            if relation == "CONCURRENT" and uid not in here | left_out:
                yield f"{plan_name(plan)} is given with plan {uid}, which is not in the folder"
    held = {r for p in assigned for r in p.roles}
    begun = {p.course for p in assigned}
    for role in protocol.roles:
        if role.course in begun and role.name not in held and not role.optional:
            yield f"no plan is {role.name!r}, though the {role.course} course has others"


def _in_role(
    plan: Plan, stated: PlanStatement, protocol: Protocol, assumptions: list[str]
) -> AssignedPlan | None:
    fractions = fractions_of(plan, stated)
    prescriptions = _prescriptions(plan, stated, assumptions)
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


def _prescriptions(plan: Plan, stated: PlanStatement, assumptions: list[str]) -> tuple[Prescription, ...]:
    """Prescriptions to volumes, or where there are none to points; a stated one stands for them all."""
    volumes = tuple(p for p in plan.prescriptions if p.structure_type not in POINTS)
    found = volumes or plan.prescriptions
    if volumes and len(volumes) < len(plan.prescriptions):
        points = ", ".join(
            f"{float(p.dose_gy):.4g} Gy" for p in plan.prescriptions if p.structure_type in POINTS
        )
        assumptions.append(f"{plan_name(plan)}: not taken as prescriptions, doses at points: {points}")
    if stated.prescription_gy is None:
        return found
    same = tuple(p for p in plan.prescriptions if p.dose_gy == stated.prescription_gy)
    return same or (Prescription(dose_gy=stated.prescription_gy),)


def _fits_dose(dose_gy: Decimal | None, role: Role) -> bool:
    if dose_gy is None or role.dose_per_fraction_gy is None:
        return False
    low, high = role.dose_per_fraction_gy
    return low <= float(dose_gy) <= high


def in_turn(
    case: Case,
    assigned: Sequence[AssignedPlan],
    protocol: Protocol,
    given: Mapping[str, int],
    notes: list[str],
) -> list[AssignedPlan]:
    """Plans of one role after one another, where one replaced the other midway.

    Parameters
    ----------
    given : whole fractions of each plan that its treatment records show, by UID

    Raises
    ------
    InputError : if two plans hold one role and nothing says that one replaced the other, or how many
        fractions the first one gave.
    """
    placed = {p.plan.uid: p for p in assigned}
    for role in protocol.roles:
        holders = [p for p in assigned if role.name in p.roles]
        if len(holders) < 2:
            continue
        chain = _chain(holders, role.name)
        after = 0
        for plan, following in zip(chain, [*chain[1:], None], strict=True):
            used = None if following is None else _given_before(case, plan, given)
            placed[plan.plan.uid] = replace(plan, after=after, used=used)
            if following is not None and used is not None:
                after += used
                notes.append(f"{plan.name} was replaced by {following.name} after {used} fractions of it")
    # A plan of which only a part of a fraction was given has no day of its own, but dose.
    used_at_all = [p for p in placed.values() if p.days != 0 or p.plan.uid in given]
    order = {p.plan.uid: n for n, p in enumerate(assigned)}
    first = {
        r: min(order[p.plan.uid] for p in used_at_all if r in p.roles) for p in used_at_all for r in p.roles
    }
    return sorted(used_at_all, key=lambda p: (min(first[r] for r in p.roles), p.after))


def _chain(holders: Sequence[AssignedPlan], role: str) -> list[AssignedPlan]:
    """Plans in the order in which each replaced the one before it."""
    uids = {p.plan.uid for p in holders}
    before = {p.plan.uid: _replaced(p, uids) for p in holders}
    first = [p for p in holders if before[p.plan.uid] is None]
    followed = [uid for uid in before.values() if uid is not None]
    chain = first[:1]
    while chain:
        following = [p for p in holders if before[p.plan.uid] == chain[-1].plan.uid]
        if not following:
            break
        chain += following[:1]
    if len(first) != 1 or len(set(followed)) != len(followed) or len(chain) != len(holders):
        raise InputError(
            f"role {role!r}: expected one plan, found {len(holders)}: "
            + ", ".join(f"{p.name}, SOPInstanceUID {p.plan.uid}" for p in holders)
            + '; state in case.toml what each is: roles = [...], replaces = "UID" for one that '
            'took the place of another midway, or ignore = "reason" for one never given'
        )
    return chain


def _replaced(assigned: AssignedPlan, uids: set[str]) -> str | None:
    """The plan that a plan took the place of, as stated or else as it says itself."""
    if assigned.stated.replaces:
        return assigned.stated.replaces
    return next(
        (uid for kind, uid in assigned.plan.related_uids if kind == "PREDECESSOR" and uid in uids), None
    )


def _given_before(case: Case, assigned: AssignedPlan, given: Mapping[str, int]) -> int:
    """How many fractions a plan gave before it was replaced."""
    where = f"{case.statement.source or 'case.toml'}: plans[{assigned.plan.uid}].delivered"
    shown, stated = given.get(assigned.plan.uid), assigned.stated.delivered
    if shown is not None and stated not in {None, shown}:
        raise InputError(f"{where}: expected {shown}, as its treatment records have, found {stated}")
    count = stated if shown is None else shown
    if count is None:
        raise InputError(
            f"{where}: expected the number of fractions of {assigned.name} that were given before it was "
            "replaced, as there are no treatment records of it; found nothing"
        )
    if assigned.fractions is not None and shown is None and count > assigned.fractions:
        raise InputError(f"{where}: expected at most {assigned.fractions}, found {count}")
    return count
