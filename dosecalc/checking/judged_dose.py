"""The dose that a limit was held against, kept so that a picture shows the very same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.celldoses import CellDoses, Kept
from dosecalc.doses import DoseGrid
from dosecalc.ledger import Ledger
from dosecalc.mapping import PARTS_BY_METERSET, sum_notes
from dosecalc.quantities import Quantity
from dosecalc.sessions import Contribution, GridFraction
from dosecalc.structures import Structure, StructureSet

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDose:
    """What is given in one session: contributions whose dose is known, and what they may be ``instead``."""

    contributions: tuple[Contribution, ...]
    instead: tuple[tuple[Contribution, ...], ...] = ()

    def grids(self) -> tuple[DoseGrid, ...]:
        every = (c.fraction for part in (self.contributions, *self.instead) for c in part)
        fractions = (f for f in every if isinstance(f, GridFraction))
        return tuple(dict.fromkeys(part.dose for f in fractions for part in f.parts))

    def others(self) -> tuple[SessionDose, ...]:
        """The doses that it may be instead."""
        return tuple(SessionDose(contributions=c) for c in self.instead)

    def gy(self, cells: CellDoses) -> Floats:
        return cells.session_gy(self.contributions)

    def at_least_gy(self, cells: CellDoses) -> Floats:
        return cells.known_session_gy(self.contributions)

    def notes(self) -> Iterator[str]:
        if any(c.is_approximate for c in self.contributions):
            yield PARTS_BY_METERSET


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SumDose:
    """The sum over a ledger whose doses are known, in a quantity, less what is recovered from.

    ``instead`` are ledgers that may be true as well.
    """

    ledger: Ledger
    quantity: Quantity
    kept: Kept
    instead: tuple[Ledger, ...] = ()

    def grids(self) -> tuple[DoseGrid, ...]:
        return tuple(dict.fromkeys(g for ledger in (self.ledger, *self.instead) for g in ledger.grids()))

    def others(self) -> tuple[SumDose, ...]:
        """The sums that it may be instead."""
        return tuple(SumDose(ledger=e, quantity=self.quantity, kept=self.kept) for e in self.instead)

    def gy(self, cells: CellDoses) -> Floats:
        return cells.total_gy(self.ledger, self.quantity, self.kept)

    def at_least_gy(self, cells: CellDoses) -> Floats:
        return cells.known_total_gy(self.ledger, self.quantity, self.kept)

    def notes(self) -> Iterator[str]:
        yield from sum_notes(self.ledger, self.quantity)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgedDose:
    """One limit on one structure: where it was judged, and what was held against it.

    ``quantity`` is the dose in words, ``missing`` says what of it is in no dose distribution.
    """

    structure: Structure
    structure_set: StructureSet
    dose: SessionDose | SumDose
    quantity: str
    limit_gy: float
    missing: tuple[str, ...] = ()
