"""What all rules share: the case, the treatment, and doses that are evaluated once per structure."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from dosecalc.case import Case
from dosecalc.celldoses import CellDoses, Kept, body_of, cell_doses, quadrature_of
from dosecalc.checking.judged_dose import JudgedDose
from dosecalc.courses import Treatment
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome
from dosecalc.goals import Goal
from dosecalc.ledger import Ledger
from dosecalc.protocol import Protocol
from dosecalc.quantities import Bed, Eqd2
from dosecalc.registrations import NoPath
from dosecalc.results import Metrics
from dosecalc.roles import AssignedPlan
from dosecalc.rules import Rule
from dosecalc.sampling import DEFAULT_SETTINGS, Quadrature, Settings
from dosecalc.sessions import State
from dosecalc.solids import Body
from dosecalc.structures import Derived, Structure, StructureSet

Region = Structure | Derived
_DAYS_A_MONTH = 365.25 / 12


class StructureMissingError(DosecalcError):
    """A structure of the protocol cannot be found in a structure set."""


class NotDueError(DosecalcError):
    """A rule judges a course that is stated to be not planned yet."""


@dataclass(slots=True, kw_only=True, eq=False)
class Context:
    """One run of a check. Only its caches change, and ``treatment`` where a dose proves unusable.

    ``as_of`` is the day that is judged from, ``asked_as_of`` the same only where the caller named one.
    ``judged`` is what limits were held against, by rule and structure.
    """

    case: Case
    protocol: Protocol
    treatment: Treatment
    as_of: dt.date | None
    asked_as_of: dt.date | None
    settings: Settings = DEFAULT_SETTINGS
    matches: dict[tuple[str, str], str] = field(default_factory=dict)
    judged: dict[tuple[str, str], JudgedDose] = field(default_factory=dict)
    displaced: tuple[str, ...] | None = None
    _quadratures: dict[int, tuple[Region, Quadrature]] = field(default_factory=dict)
    _cells: dict[int, CellDoses] = field(default_factory=dict)
    _metrics: dict[Hashable, Metrics] = field(default_factory=dict)

    def plan_with_role(self, role: str) -> AssignedPlan:
        """The plan that holds a role.

        Raises
        ------
        NotDueError : if its course is stated to be not planned yet.
        DosecalcError : if no plan holds the role.
        """
        found = self.treatment.with_role(role)
        if found is None:
            course = self.protocol.role(role).course
            if course in self.treatment.later:
                raise NotDueError(f"the {course} course is not planned yet")
            raise DosecalcError(f"no plan is {role!r}: none fits it, and case.toml states none")
        return found

    def course_ledger(self, course: str) -> Ledger:
        """The sessions of a course.

        Raises
        ------
        NotDueError, DosecalcError : as :meth:`plan_with_role`.
        """
        ledger = self.treatment.ledger.course(course)
        if not len(ledger):
            if course in self.treatment.later:
                raise NotDueError(f"the {course} course is not planned yet")
            raise DosecalcError(f"no plan belongs to the {course} course")
        return ledger

    def has_begun(self, course: str) -> bool:
        """Whether anything of a course was given."""
        return len(self.treatment.ledger.course(course).delivered()) > 0

    def require_fractions(self, course: str) -> None:
        """Refuse to count the sessions of a course whose plans do not say how many they are.

        Raises
        ------
        DosecalcError : naming the plan.
        """
        for assigned in self.treatment.of_course(course):
            if assigned.fractions is None:
                raise DosecalcError(
                    f"{assigned.name}: NumberOfFractionsPlanned is missing; state fractions in case.toml"
                )

    def structure_set(self, course: str | None = None) -> StructureSet:
        """The structure set of a course's plans, or of the last course that has one.

        Raises
        ------
        DosecalcError : if there is none.
        """
        plans = self.treatment.plans
        if course is not None:
            plans = self.treatment.of_course(course)
            if not plans and course in self.treatment.later:
                raise NotDueError(f"the {course} course is not planned yet")
        for assigned in reversed(plans):
            found = self.case.structure_set_of(assigned.plan)
            if found is not None:
                return found
        if not self.treatment.plans:
            raise DosecalcError("no plan fits a role of the protocol; state roles in case.toml")
        what = f"the plans of the {course} course refer to" if course else "any plan refers to"
        raise DosecalcError(f"no structure set that {what} is in the folder")

    def set_of(self, assigned: AssignedPlan) -> StructureSet:
        """The structure set that a plan refers to.

        Raises
        ------
        DosecalcError : if it is not in the folder.
        """
        found = self.case.structure_set_of(assigned.plan)
        if found is None:
            raise DosecalcError(
                f"{assigned.name}: its structure set "
                f"{assigned.plan.structure_set_uid or '(none referenced)'} is not in the folder"
            )
        return found

    def find(self, name: str, structure_set: StructureSet) -> Structure:
        """The structure that a name of the protocol stands for in a structure set.

        Raises
        ------
        StructureMissingError : if there is none, or more than one.
        """
        where = f"structure set {structure_set.source or structure_set.uid}"
        stated = self.case.statement.structures.get(name)
        if stated is not None:
            return self._as_stated(name, stated, structure_set)
        entry = self.protocol.structure(name)
        names = {_folded(n) for n in (entry.name, *entry.aliases)}
        found = [s for s in structure_set if _folded(s.name) in names]
        if not found:
            raise StructureMissingError(
                f"{name}: no structure of that name, nor of an alias of it, in {where}; "
                f'if it has another name there, state it in case.toml: [structures] "{name}" = "..."'
            )
        if len(found) > 1:
            listed = ", ".join(f"{s.name!r} (ROI Number {s.number})" for s in found)
            raise StructureMissingError(
                f"{name}: {listed} in {where} all go by it; state which in case.toml: [structures]"
            )
        self.matches[(name, structure_set.uid)] = found[0].name
        return found[0]

    def _as_stated(self, name: str, stated: str | int, structure_set: StructureSet) -> Structure:
        try:
            found = structure_set[stated]
        except DosecalcError as error:
            raise StructureMissingError(f"{name}: stated as {stated!r}: {error}") from None
        if isinstance(stated, int):
            named = {s.name for each in self.case.structure_sets for s in each if s.number == stated}
            if len(named) > 1:
                raise StructureMissingError(
                    f"{name}: stated as ROI Number {stated}, which is {', '.join(sorted(map(repr, named)))} "
                    "in different structure sets; state it by name"
                )
        for entry in self.protocol.structures:
            by_name = {_folded(n) for n in (entry.name, *entry.aliases)}
            free = entry.name != name and entry.name not in self.case.statement.structures
            if free and _folded(found.name) in by_name:
                raise StructureMissingError(
                    f"{name}: stated as {stated!r}, which by its name is {entry.name}"
                )
        return found

    def elsewhere(self, name: str, reference: StructureSet) -> Iterator[tuple[StructureSet, Structure]]:
        """The same organ in other structure sets of plans, for showing its value there too."""
        used = {p.plan.structure_set_uid for p in self.treatment.plans}
        for structure_set in self.case.structure_sets:
            if structure_set.uid == reference.uid or structure_set.uid not in used:
                continue
            try:
                yield structure_set, self.find(name, structure_set)
            except StructureMissingError:
                continue  # it is not contoured there

    def target_of(self, assigned: AssignedPlan) -> Structure:
        """The structure that a plan's highest prescription is for.

        Raises
        ------
        DosecalcError : if neither plan nor case file names it, or it is not in the plan's structure set.
        """
        structure_set = self.set_of(assigned)
        prescription = assigned.prescription
        number = assigned.stated.target
        if number is None and prescription is not None:
            number = prescription.roi_number
        if number is None:
            raise DosecalcError(
                f"{assigned.name}: the prescription names no structure (ReferencedROINumber); state it "
                "in case.toml: target"
            )
        return structure_set[number]

    def effect(self, name: str) -> Bed | None:
        """BED as the protocol has it for a structure; None where it has no a/b."""
        entry = next((s for s in self.protocol.structures if s.name == name), None)
        if entry is None or entry.alpha_beta_gy is None:
            return None
        return Bed(alpha_beta_gy=entry.alpha_beta_gy, model=entry.model)

    def with_repair(self, goal: Goal, name: str) -> Goal:
        """A goal for a structure, its BED or EQD2 with the repair that the protocol has for it."""
        if not isinstance(goal.quantity, Bed | Eqd2):
            return goal
        return replace(goal, quantity=replace(goal.quantity, model=self.protocol.structure(name).model))

    def kept(self, name: str) -> Kept:
        """By course, what share of its effect an organ has not recovered from, as the protocol has it.

        Courses whose end, or the first session after it, has no date are kept whole.
        """
        found = {}
        for recovery in self.protocol.recovery:
            months = self.months_after(recovery.course) if name in recovery.structures else None
            if months is not None and recovery.after(months) > 0:
                found[recovery.course] = 1 - recovery.after(months)
        return found

    def losses_gy(self, name: str) -> dict[str, float] | None:
        """By course, what repopulation takes off the BED of a structure; None where that is not known.

        The overall time of a course is that from its first to its last session.
        """
        entry = next((s for s in self.protocol.structures if s.name == name), None)
        if entry is None or entry.repopulation is None:
            return None
        found = {}
        ledger = self.treatment.ledger
        for course in dict.fromkeys((*ledger.known().courses, *(s.course for s, _ in ledger.stated(name)))):
            dates = [s.date for s in ledger.course(course)]
            if dates[0] is None or dates[-1] is None:
                return None
            found[course] = entry.repopulation.loss_gy((dates[-1] - dates[0]).days)
        return found

    def months_after(self, course: str) -> float | None:
        """Months from the end of a course to the first session of those that follow; None where not known."""
        order = [c.name for c in self.protocol.courses]
        ended = [s.date for s in self.treatment.ledger.course(course)]
        later = self.treatment.ledger.course(*order[order.index(course) + 1 :])
        begun = [s.date for s in later]
        if not ended or ended[-1] is None or not begun or begun[0] is None:
            return None
        return (begun[0] - ended[-1]).days / _DAYS_A_MONTH

    def quadrature(self, region: Region) -> Quadrature:
        """The cells of a structure, made once."""
        known = self._quadratures.get(id(region))
        if known is None:
            known = (region, quadrature_of(region, self.settings))
            self._quadratures[id(region)] = known
        return known[1]

    def body(self, region: Region) -> Body:
        """The solid of a structure, that of its cells where it has any yet.

        Raises
        ------
        ContourError : if the structure bounds no volume that can be trusted.
        """
        known = self._quadratures.get(id(region))
        made = known[1].body if known else None
        return body_of(region, self.settings) if made is None else made

    def cells(self, region: Region, ledger: Ledger) -> CellDoses:
        """Doses of a ledger's grids at the cells of a structure, each grid evaluated once.

        A grid in a frame of reference that nothing links to the structure's reaches none of its cells:
        what is known of the others stays known.

        Raises
        ------
        ContourError : if the structure bounds no volume that can be trusted.
        """
        quadrature = self.quadrature(region)
        known = self._cells.get(id(quadrature))
        wanted = ledger.known().grids()
        if known is None or any(g not in known.gy for g in wanted):
            # All grids at once: each may ask for finer cells, and all stand at the same ones.
            books = self.treatment.ledger.known(), self.treatment.planned.known()
            every = tuple(dict.fromkeys((*books[0].grids(), *books[1].grids(), *wanted)))
            paths = {g: self.case.frames.path(quadrature.frame_uid, g.frame_uid) for g in every}
            unlinked = {g: path for g, path in paths.items() if isinstance(path, NoPath)}
            linked = tuple(g for g in every if g not in unlinked)
            known = cell_doses(quadrature, linked, frames=self.case.frames).with_unlinked(unlinked)
            self._cells[id(quadrature)] = known
        return known.of(wanted)

    def metrics(self, of: Hashable, make: Callable[[], Metrics]) -> Metrics:
        """Metrics of all that ``of`` says, made once: what is planned, given and left has much in common."""
        known = self._metrics.get(of)
        if known is None:
            known = self._metrics[of] = make()
        return known


def _folded(name: str) -> str:
    return name.strip().casefold()


def default_as_of(treatment: Treatment) -> dt.date | None:
    """The day of the last delivered session or event; None before treatment."""
    dates = itertools.chain(
        (s.date for s in treatment.ledger if s.state is State.DELIVERED),
        (e.date for e in treatment.ledger.events),
    )
    return max((d for d in dates if d is not None), default=None)


def finding(rule: Rule, outcome: Outcome, message: str, *, structure: str = "", plan: str = "") -> Finding:
    """A finding without a measured value."""
    return Finding(
        rule=rule.id,
        title=rule.title,
        level=rule.level,
        outcome=outcome,
        message=message,
        structure=structure,
        plan=plan,
        source=rule.source,
    )


def not_evaluated(rule: Rule, reason: object, *, structure: str = "", plan: str = "") -> Finding:
    """NOT EVALUATED with its reason, or NOT DUE where the reason is that it lies ahead."""
    outcome = Outcome.NOT_DUE if isinstance(reason, NotDueError) else Outcome.NOT_EVALUATED
    return finding(rule, outcome, str(reason), structure=structure, plan=plan)


def each_structure(
    rule: Rule, names: Sequence[str], judge_one: Callable[[str], Finding]
) -> Iterator[Finding]:
    """A finding for each structure; one that cannot be judged does not stop the others."""
    for name in names:
        try:
            yield judge_one(name)
        except DosecalcError as error:
            yield not_evaluated(rule, error, structure=name)
