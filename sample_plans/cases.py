"""The cases: which plans, doses and structures each has, what was given, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import anatomy
from anatomy import Solid
from fields import BeamField, Field, Fields, Grid

PLANNED_ON = "20260220"
PRIOR_PLANNED_ON = "20231215"
REPLANNED_ON = "20260410"  # the day of definitive fraction 10
PRIOR_GY, PRIOR_FRACTIONS = 70.0, 35
PRIOR_LAST_DATE, RECURRENCE_DATE = "2024-03-01", "2026-02-10"
INDUCTION_DATES = ("2026-03-02", "2026-03-03", "2026-03-04")
DEFINITIVE_FIRST_DATE = "2026-03-30"
RESPONSE_DATE = "2026-05-01"  # the day of fraction 25, where there was no break
CORE_X_MM = 4.0  # core of the compliant cases; the larger, the nearer to the left carotid
ALL_X_MM = (-72.0, 72.0)
SHORT_CAROTID_MM = (anatomy.BOTTOM_MM, -27.0)  # six slices, below the 3 Gy isodose
GANTRY_ANGLES = (0, 72, 144, 216, 288)
CLOCKWISE = (216, 288, 0, 72, 144)  # from the right and behind over the front: the last two are on the left
MIDWAY = (1.0, 1.0, 0.5, 0.0, 0.0)  # beam 3 stopped midway, 4 and 5 were not begun
BETWEEN_BEAMS = (1.0, 1.0, 1.0, 0.0, 0.0)

LESION_CENTRE_MM = (1.0, 0.0, 0.0)
LOW = Field(gy=1.5, centre_mm=LESION_CENTRE_MM, plateau_mm=22.0, fall_mm=36.0)
DEFINITIVE = Field(gy=2.0, centre_mm=LESION_CENTRE_MM, plateau_mm=27.0, fall_mm=60.0)
ADAPTED = Field(gy=2.0, centre_mm=LESION_CENTRE_MM, plateau_mm=22.0, fall_mm=24.0)
PRIOR = Field(gy=2.0, centre_mm=(0.0, -4.0, 0.0), plateau_mm=44.0, fall_mm=36.0)

LOW_GRID = Grid(first_mm=(-72, -90, -45), step_mm=(4, 4.5, 5), count=(37, 41, 18), unit_gy=0.0001)
BOOST_GRID = Grid(first_mm=(-72, -91, -44), step_mm=(3, 3.5, 4), count=(49, 53, 22), unit_gy=0.00025)
BEAM_GRID = Grid(first_mm=(-72, -90, -45), step_mm=(3.5, 5, 6), count=(42, 37, 15), unit_gy=0.0001)
DEFINITIVE_GRID = Grid(first_mm=(-72, -90, -44), step_mm=(4.5, 5, 5.5), count=(33, 37, 16), unit_gy=0.001)
PRIOR_GRID = Grid(first_mm=(-72, -91, -44), step_mm=(6, 6.5, 7), count=(25, 29, 13), unit_gy=0.00125)


def boost_field(core_x_mm: float, gy: float) -> Field:
    centre = (core_x_mm, anatomy.CORE_Y_MM, 0.0)
    return Field(gy=gy, centre_mm=centre, plateau_mm=10.5, fall_mm=20.5)


@dataclass(frozen=True, kw_only=True)
class PlanSpec:
    """A plan with its dose. ``stored_fractions``: of how many fractions the grid holds the dose.

    ``beam_fields``: the same dose beam by beam, where each beam has a grid of its own. ``replaces``: the
    plan whose place it took; ``used``: so many fractions were given until another took its own.
    """

    key: str
    roles: tuple[str, ...]
    course: str
    fractions: int
    stored_fractions: int
    fields: Fields
    grid: Grid
    targets: tuple[tuple[str, float], ...]  # structure and prescription in Gy
    beam_fields: tuple[BeamField, ...] = ()
    gantry: tuple[int, ...] = GANTRY_ANGLES
    replaces: str = ""
    used: int | None = None
    planned_on: str = PLANNED_ON

    @property
    def fraction_gy(self) -> float:
        return max(gy for _, gy in self.targets) / self.fractions

    @property
    def days(self) -> int:
        """How many fractions of it belong to the course."""
        return self.fractions if self.used is None else self.used

    def beams(self) -> list[PlanSpec]:
        """Each beam as a plan of its own, where each has a grid of its own."""
        return [replace(self, fields=(field,), beam_fields=()) for field in self.beam_fields]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What was given of a treatment that is under way; the whole induction always was.

    ``days_off``: working days without treatment after fraction ``days_off_after``. ``broken_off``: the
    boost fraction of which ``begun`` was given of each beam, the rest in the visit of the next one.
    ``images``: the definitive fraction before which the machine imaged, and recorded that too.
    """

    definitive: int
    days_off_after: int = 0
    days_off: int = 0
    broken_off: int = 0
    begun: tuple[float, ...] = MIDWAY
    images: int = 0
    complete_response: bool = False  # entered for RESPONSE_DATE


@dataclass(frozen=True, kw_only=True)
class CaseSpec:
    """One case; the defaults are those of the compliant one."""

    name: str
    title: str
    core_x_mm: float = CORE_X_MM
    sib: bool = False
    grouping: bool = True  # case.toml says that low and boost are given in one session
    mucosa: bool = True
    short_carotid: bool = False
    boost_x_mm: tuple[float, float] = ALL_X_MM  # what the boost's grid covers
    boost_stored_fractions: int = 3
    boost_by_beam: bool = False  # a dose grid for each of its beams
    replanned_after: int = 0  # definitive fractions, after which another plan takes their plan's place
    prior: bool = False
    progress: Progress | None = None  # None: nothing was given yet, there are no records

    @property
    def boost_is_cropped(self) -> bool:
        return self.boost_x_mm != ALL_X_MM

    def solids(self) -> list[Solid]:
        """The structures as this case has them."""
        kept = [s for s in anatomy.head(self.core_x_mm) if self.mucosa or s.name != "Nasopharynx^Muc"]
        if self.replanned_after:
            kept.append(anatomy.smaller_target())
        if not self.short_carotid:
            return kept
        return [replace(s, z_mm=SHORT_CAROTID_MM) if s.name == "A_Carotid_L" else s for s in kept]

    def plans(self) -> list[PlanSpec]:
        first = [self.sib_plan()] if self.sib else [low_plan(), self.boost_plan()]
        return [*first, *self.definitive_plans(), *([prior_plan()] if self.prior else [])]

    def induction(self) -> list[PlanSpec]:
        return [p for p in self.plans() if p.course == "induction"]

    def definitive_plans(self) -> list[PlanSpec]:
        """One plan, or two that follow one another."""
        if not self.replanned_after:
            return [definitive_plan()]
        return [
            replace(definitive_plan(), used=self.replanned_after),
            adapted_plan(28 - self.replanned_after),
        ]

    def boost_plan(self) -> PlanSpec:
        field = boost_field(self.core_x_mm, 5.0)
        plan = PlanSpec(
            key="boost", roles=("boost",), course="induction", fractions=3,
            stored_fractions=self.boost_stored_fractions,
            fields=(field,), grid=BOOST_GRID.without_x(*self.boost_x_mm), targets=(("PTVp_500x3", 15.0),),
        )  # fmt: skip
        if not self.boost_by_beam:
            return plan
        beams = tuple(BeamField(whole=field, gantry=angle) for angle in CLOCKWISE)
        return replace(plan, grid=BEAM_GRID, beam_fields=beams, gantry=CLOCKWISE)

    def sib_plan(self) -> PlanSpec:
        return PlanSpec(
            key="sib", roles=("low", "boost"), course="induction", fractions=3, stored_fractions=3,
            fields=(LOW, boost_field(self.core_x_mm, 3.5)), grid=BOOST_GRID,
            targets=(("PTVp_500x3", 15.0), ("PTVp_150x3", 4.5)),
        )  # fmt: skip


def low_plan() -> PlanSpec:
    return PlanSpec(
        key="low", roles=("low",), course="induction", fractions=3, stored_fractions=3,
        fields=(LOW,), grid=LOW_GRID, targets=(("PTVp_150x3", 4.5),),
    )  # fmt: skip


def definitive_plan() -> PlanSpec:
    return PlanSpec(
        key="definitive", roles=("definitive",), course="definitive", fractions=28,
        stored_fractions=28, fields=(DEFINITIVE,), grid=DEFINITIVE_GRID,
        targets=(("PTVp_200x28", 56.0),),
    )  # fmt: skip


def adapted_plan(fractions: int) -> PlanSpec:
    """What took the place of the definitive plan: the same dose per fraction to a smaller target."""
    return PlanSpec(
        key="adapted", roles=("definitive",), course="definitive", fractions=fractions,
        stored_fractions=fractions, fields=(ADAPTED,), grid=DEFINITIVE_GRID,
        targets=(("PTVp_200x18", 2.0 * fractions),), replaces="definitive", planned_on=REPLANNED_ON,
    )  # fmt: skip


def prior_plan() -> PlanSpec:
    return PlanSpec(
        key="prior", roles=("prior",), course="prior", fractions=PRIOR_FRACTIONS,
        stored_fractions=PRIOR_FRACTIONS, fields=(PRIOR,), grid=PRIOR_GRID,
        targets=(("PTVp_200x35", PRIOR_GY),), planned_on=PRIOR_PLANNED_ON,
    )  # fmt: skip


CASES = (
    CaseSpec(
        name="redefine_compliant",
        title="Low dose and boost as two plans in one session, all limits kept.",
    ),
    CaseSpec(
        name="redefine_carotid_violation",
        title="The core lies near the left carotid; the boost alone breaks 3 Gy there.",
        core_x_mm=11.0,
    ),
    CaseSpec(
        name="redefine_two_plans",
        title="The boost alone keeps 3 Gy at the left carotid; the sum of the session does not. "
        "Nothing says how the two plans are grouped.",
        core_x_mm=8.0,
        grouping=False,
    ),
    CaseSpec(
        name="redefine_sib",
        title="Low dose and boost in one plan with a simultaneous integrated boost.",
        sib=True,
    ),
    CaseSpec(
        name="redefine_missing_mucosa",
        title="No mucosa is contoured.",
        mucosa=False,
    ),
    CaseSpec(
        name="redefine_dose_too_small",
        title="The boost's last voxels are centred on x = -30 mm, inside the right carotid; what it covers "
        "keeps 3 Gy.",
        boost_x_mm=(-30.0, ALL_X_MM[1]),
    ),
    CaseSpec(
        name="redefine_dose_too_small_hot",
        title="The boost's last voxels are centred on x = 30 mm, inside the left carotid; what it covers "
        "breaks 3 Gy already.",
        core_x_mm=10.0,
        boost_x_mm=(ALL_X_MM[0], 30.0),
    ),
    CaseSpec(
        name="redefine_short_contour",
        title="The left carotid is contoured on six slices below the 3 Gy isodose only.",
        short_carotid=True,
    ),
    CaseSpec(
        name="redefine_one_fraction_dose",
        title="The boost's dose grid holds one fraction but says PLAN.",
        boost_stored_fractions=1,
    ),
    CaseSpec(
        name="redefine_with_prior",
        title="The compliant case with the plan, dose and structure set of the prior course.",
        prior=True,
    ),
    CaseSpec(
        name="redefine_under_way",
        title="Under way: the induction and 12 of 28 definitive fractions are given, all as planned.",
        progress=Progress(definitive=12, images=6),
    ),
    CaseSpec(
        name="redefine_decision_due",
        title="50 Gy are reached at definitive fraction 25, and no response is entered: hold.",
        progress=Progress(definitive=25),
    ),
    CaseSpec(
        name="redefine_stopped_after_cr",
        title="Complete response is entered for the day of definitive fraction 25; nothing was given after.",
        progress=Progress(definitive=25, complete_response=True),
    ),
    CaseSpec(
        name="redefine_violated_after_cr",
        title="Complete response is entered for the day of definitive fraction 25; three more were given.",
        progress=Progress(definitive=28, complete_response=True),
    ),
    CaseSpec(
        name="redefine_broken_off",
        title="Boost fraction 2 was broken off after half of it and the rest given with fraction 3: "
        "that day's sum breaks 3 Gy at the left carotid, which the plans keep.",
        core_x_mm=4.5,
        progress=Progress(definitive=0, broken_off=2),
    ),
    CaseSpec(
        name="redefine_five_day_break",
        title="After definitive fraction 10 five working days were lost; 15 fractions are given by now.",
        progress=Progress(definitive=15, days_off_after=10, days_off=5),
    ),
    CaseSpec(
        name="redefine_replanned",
        title="After 10 definitive fractions a second plan of 18 took the place of the first, for a target "
        "that had shrunk; 4 of the 18 are given.",
        replanned_after=10,
        progress=Progress(definitive=14),
    ),
    CaseSpec(
        name="redefine_broken_off_beams",
        title="Boost fraction 2 was broken off between two beams, each of which has a dose of its own: the "
        "rest, given with fraction 3, breaks 3 Gy at the left carotid, which 2/5 of every beam would keep.",
        boost_by_beam=True,
        progress=Progress(definitive=0, broken_off=2, begun=BETWEEN_BEAMS),
    ),
)
