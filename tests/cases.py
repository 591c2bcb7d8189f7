"""Makes whole cases in memory for tests of the check: a small patient whose every dose has a closed form.

As it comes, ``make_case`` keeps every required rule of REDEFINE; each keyword argument changes one thing.

The dose of one fraction of a plan is ``organ + (target - organ) w``, where ``w`` is 1 in the middle
(|x| <= 15, |y| <= 6, |z| <= 14 mm) and falls linearly to 0 at |x| = 25, |y| = 18 or |z| = 21 mm. The
voxels lie at the bends, so that interpolation gives back the same. The left carotid (x > 25), the right
one (x < -25) and the mucosa (y >= 18) lie where ``w`` is 0: each has one dose, and so D0.03cc, maximum
and mean of it are that dose.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from factories import make_structure, rectangle, slices

from dosecalc import CheckResult, Finding, Outcome, Settings, check, load_protocol
from dosecalc.case import Case, InputFile
from dosecalc.doses import DoseGrid
from dosecalc.lattices import Lattice
from dosecalc.plans import BeamDose, Group, Plan, Prescription
from dosecalc.protocol import Protocol
from dosecalc.statement import CourseStatement, Event, EventKind, Grouping, PlanStatement, Statement
from dosecalc.structures import Structure, StructureSet

Floats = npt.NDArray[np.float64]

COARSE = Settings(cells=500)
FRAME_UID = "1.9"
SET_UID = "1.3"
UIDS = {"prior": "1.1.0", "low": "1.1.1", "boost": "1.1.2", "definitive": "1.1.3", "sib": "1.1.4"}
LEFT, RIGHT, MUCOSA = "A_Carotid_L", "A_Carotid_R", "Nasopharynx^Muc"
LESION, CORE, CORD = "GTVp", "GTVp_High", "SpinalCord"
NUMBERS = {LESION: 1, CORE: 2, LEFT: 3, RIGHT: 4, MUCOSA: 5, CORD: 6}

LATTICE = Lattice(
    x_mm=np.arange(-45.0, 46.0, 5.0),
    y_mm=np.arange(-24.0, 25.0, 6.0),
    z_mm=np.arange(-35.0, 36.0, 7.0),
)
ISODOSE_END_MM = 14 + 7 * (6.5 - 3.0) / (6.5 - 2.0)
"""Where the 3 Gy isodose of a compliant session ends: between 6.5 Gy at z = 14 mm and 2 Gy at 21 mm."""

INDUCTION_DATES = (dt.date(2026, 3, 2), dt.date(2026, 3, 3), dt.date(2026, 3, 4))
DEFINITIVE_FIRST = dt.date(2026, 3, 30)


@dataclass(frozen=True, kw_only=True)
class Prescribed:
    """A plan as it is prescribed, and what one fraction of it gives outside its target."""

    fractions: int
    total_gy: str
    target: str
    organ_gy: Mapping[str, float]


def organs(*, left: float, right: float, mucosa: float) -> dict[str, float]:
    return {LEFT: left, RIGHT: right, MUCOSA: mucosa}


PRESCRIBED = {
    "low": Prescribed(
        fractions=3, total_gy="4.5", target=LESION, organ_gy=organs(left=0.8, right=0.8, mucosa=0.8)
    ),
    "boost": Prescribed(
        fractions=3, total_gy="15", target=CORE, organ_gy=organs(left=1.2, right=1.2, mucosa=1.2)
    ),
    "definitive": Prescribed(
        fractions=28, total_gy="56", target=LESION, organ_gy=organs(left=1.6, right=1.6, mucosa=1.6)
    ),
    "prior": Prescribed(
        fractions=35, total_gy="70", target=LESION, organ_gy=organs(left=1.8, right=1.8, mucosa=1.8)
    ),
}


def fraction_gy(
    *, target_gy: float, organ_gy: Mapping[str, float], spot_gy: float = 0.0, lattice: Lattice = LATTICE
) -> Floats:
    """Dose of one fraction, ``[z, y, x]``; ``spot_gy`` is added at one voxel of the left carotid."""
    points = lattice.points_xyz_mm()
    return gy_at(points, target_gy=target_gy, organ_gy=organ_gy, spot_gy=spot_gy)


def gy_at(xyz_mm: Floats, *, target_gy: float, organ_gy: Mapping[str, float], spot_gy: float = 0.0) -> Floats:
    """Dose of one fraction at points, shape (..., 3)."""
    x, y, z = np.moveaxis(xyz_mm, -1, 0)
    share = (
        np.clip((25 - abs(x)) / 10, 0, 1)
        * np.clip((18 - abs(y)) / 12, 0, 1)
        * np.clip((21 - abs(z)) / 7, 0, 1)
    )
    organ = np.where(y >= 18, organ_gy[MUCOSA], np.where(x > 0, organ_gy[LEFT], organ_gy[RIGHT]))
    spot = (x == 30) & (y == 0) & (z == 0)
    return np.asarray(organ + (target_gy - organ) * share + spot_gy * spot)


def make_grid(
    *,
    plan: str,
    gy: Floats,
    times: float,
    lattice: Lattice = LATTICE,
    uid: str = "",
    **changes: Any,
) -> DoseGrid:
    """A grid of a plan that holds one fraction's dose so many times."""
    grid = DoseGrid.from_array(lattice, gy * times, frame_uid=FRAME_UID, uid=uid or f"{UIDS[plan]}.2")
    named = replace(grid, plan_uids=(UIDS[plan],), source=f"RD_{plan}.dcm", created="20260101")
    return replace(named, **changes)


def make_plan(*, name: str, prescribed: Prescribed, **changes: Any) -> Plan:
    """An approved plan of one fraction group with two beams."""
    plan = Plan(
        uid=UIDS[name],
        label=name.capitalize(),
        groups=(
            Group(
                number=1,
                fractions=prescribed.fractions,
                beams=(
                    BeamDose(number=1),
                    BeamDose(number=2),
                    BeamDose(number=3, treats=False),
                ),
            ),
        ),
        prescriptions=(
            Prescription(
                dose_gy=Decimal(prescribed.total_gy),
                roi_number=NUMBERS[prescribed.target],
                structure_type="VOLUME",
            ),
        ),
        approval="APPROVED",
        structure_set_uid=SET_UID,
        frame_uid=FRAME_UID,
        created="20251231",
        source=f"RP_{name}.dcm",
    )
    return replace(plan, **changes)


def with_fractions(plan: Plan, fractions: int | None) -> Plan:
    """A plan whose only fraction group has another number of fractions."""
    return replace(plan, groups=(replace(plan.groups[0], fractions=fractions),))


def box(*, name: str, low: Sequence[float], high: Sequence[float], spacing_mm: float = 4.0) -> Structure:
    """A box by its corners in mm."""
    loop = rectangle(low_xy_mm=low[:2], high_xy_mm=high[:2])
    planes = slices(low_mm=low[2], high_mm=high[2], spacing_mm=spacing_mm)
    return make_structure(
        sections=[(z, [loop]) for z in planes],
        name=name,
        number=NUMBERS.get(name, 90),
        frame_uid=FRAME_UID,
    )


@cache
def standard_structures() -> Mapping[str, Structure]:
    """Lesion, core, both carotids, mucosa and cord."""
    boxes = {
        LESION: ((-15, -6, -14), (15, 6, 14)),
        CORE: ((-10, -6, -10), (10, 6, 10)),
        LEFT: ((28, -4, -28), (32, 4, 28)),
        RIGHT: ((-32, -4, -28), (-28, 4, 28)),
        MUCOSA: ((-10, 18, -28), (10, 22, 28)),
        CORD: ((36, -24, -28), (44, -18, 28)),
    }
    return {name: box(name=name, low=low, high=high) for name, (low, high) in boxes.items()}


def make_statement(
    *,
    plans: Sequence[PlanStatement] | None = None,
    courses: Mapping[str, CourseStatement] | None = None,
    events: Sequence[Event] | None = None,
    structures: Mapping[str, str | int] | None = None,
) -> Statement:
    """What a complete case file says; ``courses`` replaces single courses."""
    known = {
        "prior": CourseStatement(prescription_gy=Decimal(70), fractions=35, last_date=dt.date(2024, 3, 1)),
        "induction": CourseStatement(grouping=Grouping.ONE_SESSION, dates=INDUCTION_DATES),
        "definitive": CourseStatement(first_date=DEFINITIVE_FIRST),
    }
    recurrence = Event(kind=EventKind.RECURRENCE, date=dt.date(2026, 2, 10))
    return Statement(
        plans=tuple(plans or ()),
        courses={**known, **(courses or {})},
        structures=structures or {},
        events=(recurrence,) if events is None else tuple(events),
        source="case.toml",
    )


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What differs from the compliant plan of a name: its prescription, its dose, its records."""

    fractions: int | None = None
    total_gy: str | None = None
    left_gy: float | None = None
    right_gy: float | None = None
    mucosa_gy: float | None = None
    spot_gy: float = 0.0
    held_times: float | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    dose: Mapping[str, Any] = field(default_factory=dict)
    cut_x_mm: tuple[float, float] | None = None
    cut_z_mm: tuple[float, float] | None = None

    def prescribed(self, base: Prescribed) -> Prescribed:
        own = {LEFT: self.left_gy, RIGHT: self.right_gy, MUCOSA: self.mucosa_gy}
        return replace(
            base,
            fractions=self.fractions or base.fractions,
            total_gy=self.total_gy or base.total_gy,
            organ_gy={k: base.organ_gy[k] if v is None else v for k, v in own.items()},
        )


def make_case(
    *,
    change: Mapping[str, Changed] | None = None,
    plans: Collection[str] = ("low", "boost", "definitive"),
    no_dose: Collection[str] = (),
    more_plans: Sequence[Plan] = (),
    more_doses: Sequence[DoseGrid] = (),
    structures: Mapping[str, Structure | None] | None = None,
    more_structure_sets: Sequence[StructureSet] = (),
    statement: Statement | None = None,
    **fields: Any,
) -> Case:
    """A compliant case, but for what is named.

    Parameters
    ----------
    change : by plan name
    plans : which of low, boost, definitive and prior are here
    no_dose : plans without a dose
    structures : by name; None leaves one out
    fields : fields of the case itself
    """
    change = change or {}
    made_plans, made_doses = [], []
    for name in plans:
        own = change.get(name, Changed())
        prescribed = own.prescribed(PRESCRIBED[name])
        made_plans.append(make_plan(name=name, prescribed=prescribed, **own.plan))
        if name in no_dose:
            continue
        made_doses.append(_dose(name, own, prescribed))
    found = {**standard_structures(), **(structures or {})}
    kept = tuple(s for s in found.values() if s is not None)
    case = Case(
        folder=Path("memory"),
        plans=(*made_plans, *more_plans),
        doses=(*made_doses, *more_doses),
        structure_sets=(StructureSet(structures=kept, uid=SET_UID, source="RS.dcm"), *more_structure_sets),
        statement=make_statement() if statement is None else statement,
        inputs=(InputFile(path="RS.dcm", sha256="0" * 64, kind="RTSTRUCT", uid=SET_UID),),
        patient_id="SECRET-ID",
        patient_name="Secret^Name",
    )
    return replace(case, **fields)


def make_case_before_planning() -> Case:
    """The prior course alone: induction and definitive are stated to be not planned yet."""
    later = CourseStatement(not_planned_yet=True)
    statement = make_statement(
        plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
        courses={"prior": CourseStatement(), "induction": later, "definitive": later},
    )
    return make_case(plans=("prior",), statement=statement)


def _dose(name: str, own: Changed, prescribed: Prescribed) -> DoseGrid:
    gy = fraction_gy(
        target_gy=float(Decimal(prescribed.total_gy) / prescribed.fractions),
        organ_gy=prescribed.organ_gy,
        spot_gy=own.spot_gy,
    )
    lattice = LATTICE
    if own.cut_x_mm is not None:
        kept = (lattice.x_mm >= own.cut_x_mm[0]) & (lattice.x_mm <= own.cut_x_mm[1])
        lattice, gy = replace(lattice, x_mm=lattice.x_mm[kept]), gy[:, :, kept]
    if own.cut_z_mm is not None:
        kept = (lattice.z_mm >= own.cut_z_mm[0]) & (lattice.z_mm <= own.cut_z_mm[1])
        lattice, gy = replace(lattice, z_mm=lattice.z_mm[kept]), gy[kept]
    times = prescribed.fractions if own.held_times is None else own.held_times
    return make_grid(plan=name, gy=gy, times=times, lattice=lattice, **own.dose)


def sib_case(*, statement: Statement | None = None, **change: Any) -> Case:
    """Low dose and boost in one plan of two prescriptions, then the definitive plan."""
    prescriptions = (
        Prescription(dose_gy=Decimal("4.5"), roi_number=NUMBERS[LESION]),
        Prescription(dose_gy=Decimal(15), roi_number=NUMBERS[CORE]),
    )
    organ_gy = organs(left=2.0, right=2.0, mucosa=2.0)
    prescribed = Prescribed(fractions=3, total_gy="15", target=CORE, organ_gy=organ_gy)
    plan = make_plan(name="sib", prescribed=prescribed, prescriptions=prescriptions)
    dose = make_grid(plan="sib", gy=fraction_gy(target_gy=5.0, organ_gy=organ_gy), times=3)
    return make_case(
        plans=("definitive",), more_plans=(plan,), more_doses=(dose,), statement=statement, **change
    )


@cache
def redefine() -> Protocol:
    """The shipped protocol, read once."""
    return load_protocol("redefine")


def judged(
    case: Case,
    *,
    only: Collection[str] = (),
    protocol: Protocol | None = None,
    as_of: dt.date | None = None,
    cells: int = 500,
) -> CheckResult:
    """The case held against REDEFINE or another protocol, coarsely; with ``only``, some of its rules."""
    held = protocol or redefine()
    if only:
        held = replace(held, rules=tuple(r for r in held.rules if r.id in only))
        assert {r.id for r in held.rules} == set(only)
    return check(case, held, as_of=as_of, settings=replace(COARSE, cells=cells))


def findings(result: CheckResult, rule: str, structure: str | None = None) -> tuple[Finding, ...]:
    """Findings of one rule, of one structure (or plan) where named."""
    return tuple(
        f
        for f in (*result.findings, *result.shown)
        if f.rule == rule and structure in {None, f.structure, f.plan}
    )


def one(result: CheckResult, rule: str, structure: str | None = None) -> Finding:
    """The only finding of a rule."""
    found = findings(result, rule, structure)
    assert len(found) == 1, [(f.structure, f.plan, f.outcome.value, f.message) for f in found]
    return found[0]


def outcomes(result: CheckResult, rule: str) -> list[Outcome]:
    return [f.outcome for f in findings(result, rule)]


def not_passed(result: CheckResult) -> dict[str, set[str]]:
    """Rules that do not simply pass, with their outcomes."""
    found: dict[str, set[str]] = {}
    for item in result.findings:
        if item.outcome is not Outcome.PASS:
            found.setdefault(item.rule, set()).add(item.outcome.value)
    return found


def extended(rules: str = "", *, name: str = "local") -> Protocol:
    """REDEFINE with single rules added or replaced, as a file of one's own does it."""
    head = f'format_version = 1\nextends = "redefine"\nname = "{name}"\n'
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.toml"
        path.write_text(head + rules, encoding="utf-8")
        return load_protocol(path)


def cumulative(goal: str, *, structure: str = LEFT, more: str = "") -> Protocol:
    """REDEFINE with one required cumulative limit, R40.x."""
    return extended(
        '[[rules]]\nid = "R40.x"\ntitle = "cumulative"\nkind = "cumulative_limit"\nlevel = "required"\n'
        f'structures = ["{structure}"]\ngoal = "{goal}"\nsource = "a test"\n{more}'
    )
