"""Sessions: one visit of the patient, with which part of which fraction of which plan is given in it."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from dosecalc.doses import Beams, DoseGrid, DoseType, OneSession, SeveralPlans, Unstated
from dosecalc.envelopes import Numbers
from dosecalc.errors import DosecalcError, QuantityError

ALL_OF_IT = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A dose grid and the exact factor that makes it the dose of ONE fraction, such as 1/28."""

    dose: DoseGrid
    scale: Fraction
    beam: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFraction:
    """The dose of one fraction of a plan, as the sum of its parts."""

    plan_uid: str
    # Fractions of one plan have the same parts, as a rule, and those are slow to hash.
    parts: tuple[Part, ...] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What is known of the dose of a whole course in so many fractions, by structure.

    ``anywhere`` holds where nothing is known of a structure; ``fractions`` is None where that is not known.
    """

    course: str
    fractions: int | None
    structures: tuple[tuple[str, Numbers], ...] = ()
    anywhere: Numbers | None = None

    def of(self, structure: str) -> Numbers | None:
        """What is known of a structure, if anything."""
        return dict(self.structures).get(structure, self.anywhere)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoFraction:
    """One fraction of a plan or course whose dose distribution is not known, and why.

    ``stated`` is what a person knows of it in numbers.
    """

    plan_uid: str
    reason: str
    stated: Stated | None = None


FractionDose = GridFraction | NoFraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """A share of one fraction given in a session: 1 where the fraction was given whole.

    Of a fraction that was broken off, ``beams`` says what part of each beam was given (number, part).

    Examples
    --------
    >>> part = Contribution(
    ...     fraction=NoFraction(plan_uid="1.2", reason="no dose"),
    ...     share=Decimal("0.6"), beams=((1, Decimal(1)), (2, Decimal(0))))
    >>> part.share_of(beam=2), part.share_of(beam=None)
    (Decimal('0'), Decimal('0.6'))
    """

    fraction: FractionDose
    share: Decimal = ALL_OF_IT
    beams: tuple[tuple[int, Decimal], ...] = ()

    def share_of(self, beam: int | None) -> Decimal:
        """The share of a dose grid that holds one beam, or several (None)."""
        return dict(self.beams).get(beam, self.share) if beam is not None else self.share

    @property
    def is_whole(self) -> bool:
        return self.share == ALL_OF_IT

    @property
    def is_approximate(self) -> bool:
        """Whether it is a part of a dose that was computed for the whole only.

        A beam that stopped midway gave the apertures of its first half, not half of each.
        """
        if not isinstance(self.fraction, GridFraction):
            return False
        shares = {self.share_of(part.beam) for part in self.fraction.parts}
        return not shares <= {ALL_OF_IT, Decimal(0)}


class State(enum.Enum):
    """Whether a session was given or is still ahead."""

    PLANNED = "planned"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One visit of the patient: everything given in it acts together.

    ``number`` counts the sessions of the course from 1, ``day`` its prescribed days: two planned sessions
    of one day are two visits within 24 hours. A session that was given has the number and day of the last
    fraction in it. ``fractions`` says for each contribution to which fraction of the course it belongs; where
    it is empty, to that of the day. ``hours`` is when it is planned, in hours after the first of its day.
    """

    course: str
    number: int
    day: int
    contributions: tuple[Contribution, ...]
    state: State = State.PLANNED
    date: dt.date | None = None
    time: dt.time | None = None
    source_uids: tuple[str, ...] = ()
    fractions: tuple[int, ...] = ()
    hours: float | None = None

    @property
    def begun(self) -> dt.datetime | None:
        return dt.datetime.combine(self.date, self.time) if self.date and self.time else None

    def numbered(self) -> tuple[tuple[Contribution, int], ...]:
        """Each contribution with the fraction of the course that it is, or belongs to."""
        numbers = self.fractions or (self.day,) * len(self.contributions)
        return tuple(zip(self.contributions, numbers, strict=True))

    def of(self, numbered: Iterable[tuple[Contribution, int]]) -> Session:
        """The same session with other contributions."""
        kept = tuple(numbered)
        return replace(
            self, contributions=tuple(c for c, _ in kept), fractions=tuple(number for _, number in kept)
        )


def whole_dose_fraction(dose: DoseGrid, fractions: int) -> GridFraction:
    """One fraction of a dose grid that stands for ``fractions`` of them, or for one session.

    Raises
    ------
    DosecalcError : for fractions below 1.
    QuantityError : if the grid is a sum of several plans, some beams only, or no physical dose.
    """
    name = f"dose {dose.uid or dose.source or '(no UID)'}"
    if fractions < 1:
        raise DosecalcError(f"{name}: expected 1 fraction or more, found {fractions}")
    if dose.dose_type is not DoseType.PHYSICAL:
        raise QuantityError(f"{name}: DoseType: expected PHYSICAL, found {dose.dose_type.value}")
    if isinstance(dose.holds, SeveralPlans):
        raise QuantityError(f"{name}: a sum of several plans cannot be divided into fractions")
    if isinstance(dose.holds, Unstated):
        raise QuantityError(f"{name}: DoseSummationType is not stated: what it holds is not known")
    if isinstance(dose.holds, Beams):
        raise QuantityError(f"{name}: holds beams {dose.holds.numbers} only, not a whole plan")
    scale = Fraction(1) if isinstance(dose.holds, OneSession) else Fraction(1, fractions)
    return GridFraction(
        plan_uid=dose.plan_uids[0] if dose.plan_uids else "", parts=(Part(dose=dose, scale=scale),)
    )
