"""What a case is: which plans, doses and structures it has, what was given, and what is wrong with it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import anatomy
from anatomy import Solid
from fields import BeamField, Field, Fields, Grid
from moving import moved
from places import Bent, Place, Turned, Vectors, Wave

PLANNED_ON = "20260220"
PRIOR_PLANNED_ON = "20231215"
REPLANNED_ON = "20260410"  # the day of definitive fraction 10
NEW_CT_ON = "20260320"  # between induction and definitive course
PRIOR_GY, PRIOR_FRACTIONS = 70.0, 35
UNIFORM_GY = 63.0  # of the prior course, where it is known as numbers: everywhere in UNIFORM
UNIFORM, BOUNDED, UNKNOWN = "A_Carotid_L", "SpinalCord", "Brainstem"
MAX_GY, NEAR_MAX_GY = 45.0, 43.0  # of the prior course in BOUNDED
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
# Doses of other images are longer one way than the other, so that a turn shows in them.
NEW_DEFINITIVE = replace(DEFINITIVE, fall_mm=50.0, stretch=(1.05, 0.8, 0.9))
OTHER_PRIOR = replace(
    PRIOR, centre_mm=(3.0, -4.0, 2.0), plateau_mm=30.0, fall_mm=48.0, stretch=(1.0, 0.8, 0.95)
)

LOW_GRID = Grid(first_mm=(-72, -90, -45), step_mm=(4, 4.5, 5), count=(37, 41, 18), unit_gy=0.0001)
BOOST_GRID = Grid(first_mm=(-72, -91, -44), step_mm=(3, 3.5, 4), count=(49, 53, 22), unit_gy=0.00025)
BEAM_GRID = Grid(first_mm=(-72, -90, -45), step_mm=(3.5, 5, 6), count=(42, 37, 15), unit_gy=0.0001)
DEFINITIVE_GRID = Grid(first_mm=(-72, -90, -44), step_mm=(4.5, 5, 5.5), count=(33, 37, 16), unit_gy=0.001)
PRIOR_GRID = Grid(first_mm=(-72, -91, -44), step_mm=(6, 6.5, 7), count=(25, 29, 13), unit_gy=0.00125)
NEW_GRID = Grid(first_mm=(-32, -74, -8), step_mm=(3.5, 4.5, 4), count=(33, 26, 28), unit_gy=0.001)
TURNED_GRID = Grid(first_mm=(-73, -54, -75), step_mm=(3.5, 4, 4.5), count=(41, 31, 34), unit_gy=0.00125)
BENT_GRID = Grid(first_mm=(-58, -38, -32), step_mm=(3.5, 4, 4.5), count=(29, 27, 24), unit_gy=0.00125)

NEW_CT = Turned(axis=(2, -1, 2), degrees=12.0, shift_mm=(23.0, -31.0, 47.0))
OLD_CT = Turned(axis=(1, 2, -2), degrees=-11.0, shift_mm=(-14.0, 9.0, 21.0))
BENT_CT = Bent(
    waves=(
        Wave(mean_mm=1.0, size_mm=4.0, length_mm=160.0, axis=1, phase=0.1),
        Wave(mean_mm=-2.0, size_mm=4.5, length_mm=150.0, axis=2, phase=0.25),
        Wave(mean_mm=1.5, size_mm=3.5, length_mm=140.0, axis=0, phase=0.8),
    ),
    then=Turned(axis=(2, 1, -2), degrees=4.0, shift_mm=(-14.0, 9.0, 21.0)),
    grid=Vectors(first_mm=(-84.0, -98.0, -60.0), step_mm=(12.0, 14.0, 10.0), count=(15, 15, 13)),
)


def boost_field(core_x_mm: float, gy: float) -> Field:
    centre = (core_x_mm, anatomy.CORE_Y_MM, 0.0)
    return Field(gy=gy, centre_mm=centre, plateau_mm=10.5, fall_mm=20.5)


class Link(enum.Enum):
    """How the image of the prior course lies to that of the treatment."""

    ONE_FRAME = enum.auto()
    REGISTERED = enum.auto()  # in a frame of its own, and a matrix leads there
    INVERTED = enum.auto()  # the same, and the file has the matrix that leads back in its place
    UNREGISTERED = enum.auto()  # in a frame of its own, and nothing leads there
    DEFORMED = enum.auto()  # in a frame of its own, and vectors and a matrix lead there


@dataclass(frozen=True, kw_only=True)
class PlanSpec:
    """A plan with its dose. ``stored_fractions``: of how many fractions the grid holds the dose.

    ``beam_fields``: the same dose beam by beam, where each beam has a grid of its own. ``replaces``: the
    plan whose place it took; ``used``: so many fractions were given until another took its own. ``place``:
    the frame of its grid, where it is not that of the anatomy, in which the fields are.
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
    place: Place | None = None

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
    prior: bool = False  # the prior course is here in DICOM
    progress: Progress | None = None  # None: nothing was given yet, there are no records
    few: bool = False  # only structures that rules need
    new_ct: bool = False  # the definitive plan is made on an image of its own
    link: Link = Link.ONE_FRAME
    prior_numbers: bool = False  # of the prior course a few numbers are known

    @property
    def boost_is_cropped(self) -> bool:
        return self.boost_x_mm != ALL_X_MM

    def solids(self) -> list[Solid]:
        """The structures as this case has them."""
        kept = [s for s in anatomy.head(self.core_x_mm) if self.mucosa or s.name != "Nasopharynx^Muc"]
        if self.replanned_after:
            kept.append(anatomy.smaller_target())
        if self.few:
            kept = anatomy.named(kept, anatomy.FEW)
        if self.new_ct:
            kept = [s for s in kept if s.name != "PTVp_200x28"]
        if not self.short_carotid:
            return kept
        return [replace(s, z_mm=SHORT_CAROTID_MM) if s.name == "A_Carotid_L" else s for s in kept]

    @property
    def sum_place(self) -> Place | None:
        """The frame that sums are taken in: that of the definitive plan."""
        return NEW_CT if self.new_ct else None

    @property
    def prior_place(self) -> Place | None:
        """The frame of the prior course."""
        if self.link is Link.DEFORMED:
            return BENT_CT
        return None if self.link is Link.ONE_FRAME else OLD_CT

    def sum_solids(self) -> list[Solid]:
        """The structures that sums are taken in, in their own frame."""
        if not self.new_ct:
            return self.solids()
        return [moved(s, NEW_CT) for s in anatomy.named(anatomy.head(self.core_x_mm), anatomy.TREATED)]

    def prior_solids(self) -> list[Solid]:
        """The structures of the prior course, in their own frame."""
        place = self.prior_place
        if place is None:
            return list(anatomy.prior_head())
        return [moved(s, place) for s in anatomy.named(anatomy.prior_head(), anatomy.FEW)]

    def plans(self) -> list[PlanSpec]:
        first = [self.sib_plan()] if self.sib else [low_plan(), self.boost_plan()]
        return [*first, *self.definitive_plans(), *([self.prior_plan()] if self.prior else [])]

    def prior_plan(self) -> PlanSpec:
        plan, place = prior_plan(), self.prior_place
        if place is None:
            return plan
        grid = BENT_GRID if self.link is Link.DEFORMED else TURNED_GRID
        return replace(plan, fields=(OTHER_PRIOR,), grid=grid, place=place)

    def induction(self) -> list[PlanSpec]:
        return [p for p in self.plans() if p.course == "induction"]

    def definitive_plans(self) -> list[PlanSpec]:
        """One plan, or two that follow one another."""
        if self.new_ct:
            return [new_definitive_plan()]
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


def new_definitive_plan() -> PlanSpec:
    """The definitive plan on an image of its own."""
    return replace(
        definitive_plan(), fields=(NEW_DEFINITIVE,), grid=NEW_GRID, place=NEW_CT, planned_on=NEW_CT_ON
    )


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
