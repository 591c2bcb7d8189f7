"""Plans: what was prescribed, in how many fractions, with which beams."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from dosecalc.errors import DosecalcError

POINTS = frozenset({"POINT", "COORDINATES"})
"""Structure types of a dose reference that is a dose at a point, not a prescription to a volume."""
MOST_FRACTIONS = 1000
"""More fractions than any treatment has: a larger number is a fault of the input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamDose:
    """One beam of a fraction group and what it gives in one fraction."""

    number: int
    dose_gy: Decimal | None = None
    meterset: Decimal | None = None
    treats: bool = True  # False for setup and imaging beams (TreatmentDeliveryType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A fraction group: beams that are given together, ``fractions`` times; None where not stated."""

    number: int
    fractions: int | None
    beams: tuple[BeamDose, ...] = ()

    def __post_init__(self) -> None:
        if self.fractions is not None and not 1 <= self.fractions <= MOST_FRACTIONS:
            raise DosecalcError(
                f"fraction group {self.number}: expected 1 to {MOST_FRACTIONS} fractions, "
                f"found {self.fractions}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescription:
    """A prescribed total dose of the plan, and the structure it is prescribed to where one is named."""

    dose_gy: Decimal
    roi_number: int | None = None
    structure_type: str = ""  # VOLUME, SITE, POINT, COORDINATES
    description: str = ""
    reference_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A RT Plan or RT Ion Plan.

    ``intent`` and ``approval`` are DICOM's PlanIntent and ApprovalStatus, empty where absent;
    ``created`` is RTPlanDate and RTPlanTime as written (``YYYYMMDDHHMMSS``).
    """

    uid: str
    label: str = ""
    groups: tuple[Group, ...] = ()
    prescriptions: tuple[Prescription, ...] = ()
    intent: str = ""
    approval: str = ""
    structure_set_uid: str = ""
    frame_uid: str = ""
    related_uids: tuple[tuple[str, str], ...] = ()  # (RTPlanRelationship, SOP Instance UID)
    created: str = ""
    source: str = ""

    @property
    def fractions(self) -> int | None:
        """Fractions of all groups together, or None where a group does not state them."""
        counts = [g.fractions for g in self.groups]
        if not counts or any(c is None for c in counts):
            return None
        return sum(c for c in counts if c is not None)

    @property
    def treats(self) -> bool:
        """Whether the plan may be for treatment: trials are research, so a research plan may."""
        return self.intent not in {"VERIFICATION", "MACHINE_QA", "SERVICE"}
