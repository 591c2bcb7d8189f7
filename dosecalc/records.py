"""Treatment records: what the machine says it gave, beam by beam, or as counts of fractions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

COUNTING_KINDS = frozenset({"TREATMENT", "CONTINUATION"})
"""TreatmentDeliveryType of what belongs to a fraction. SETUP and VERIFICATION image or check. Portfilms
(OPEN_PORTFILM, TRMT_PORTFILM) do give dose, but none that the plan holds: they are kept, never summed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamDelivery:
    """What one beam of a fraction gave at one time.

    ``beam`` is DICOM's ReferencedBeamNumber, ``fraction`` its CurrentFractionNumber, ``kind`` its
    TreatmentDeliveryType as written. ``specified`` and ``delivered`` are the primary metersets in the
    unit of the machine's dosimeter, None where the record has none: ``specified`` is that of the whole
    beam (some systems write that of its rest in a CONTINUATION), ``delivered`` what was given this time,
    so that a broken-off beam and its continuations sum.
    ``ended`` is TreatmentTerminationStatus (NORMAL, OPERATOR, MACHINE, UNKNOWN), ``begun`` the time of
    the first control point.

    Examples
    --------
    >>> BeamDelivery(beam=1, fraction=3, kind="SETUP", specified=None, delivered=Decimal(2)).counts
    False
    """

    beam: int
    fraction: int
    kind: str
    specified: Decimal | None
    delivered: Decimal | None
    ended: str = ""
    begun: dt.datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether it is part of a fraction; not where no kind is stated (type 2: it may be empty).

        A plan's beam without kind treats, for a plan is for treatment; but a machine records its images
        too, and what does not say that it was treatment is not taken for delivered dose.
        """
        return self.kind in COUNTING_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentRecord:
    """A RT Beams Treatment Record or RT Ion Beams Treatment Record: one session of one plan.

    ``plan_uid`` is empty where the record names no plan, ``group`` None where it names no fraction
    group. ``date`` is TreatmentDate, ``given`` that with TreatmentTime, None where either is missing;
    both are local times of the machine. The same beam and fraction may occur several times.

    Examples
    --------
    >>> first = BeamDelivery(
    ...     beam=1, fraction=3, kind="TREATMENT", specified=Decimal(100), delivered=Decimal("40.5")
    ... )
    >>> rest = BeamDelivery(
    ...     beam=1, fraction=3, kind="CONTINUATION", specified=Decimal(100), delivered=Decimal("59.5")
    ... )
    >>> record = TreatmentRecord(
    ...     uid="1.2.3", plan_uid="1.2.4", group=1, given=None, date=None, deliveries=(first, rest)
    ... )
    >>> sum(delivery.delivered for delivery in record.deliveries if delivery.counts)
    Decimal('100.0')
    """

    uid: str
    plan_uid: str
    group: int | None
    given: dt.datetime | None
    date: dt.date | None
    deliveries: tuple[BeamDelivery, ...]
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionStatus:
    """How one fraction of a summary went: when it was given and how it ended."""

    fraction: int
    date: dt.date | None
    time: dt.time | None
    ended: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSummary:
    """Planned and delivered fractions of a fraction group; None where not stated.

    ``kind`` is FractionGroupType: EXTERNAL_BEAM, BRACHY, or empty.

    Examples
    --------
    >>> GroupSummary(number=2, planned=3, delivered=1, kind="BRACHY").is_of_beams
    False
    """

    number: int | None
    planned: int | None
    delivered: int | None
    fractions: tuple[FractionStatus, ...] = ()
    kind: str = ""

    @property
    def is_of_beams(self) -> bool:
        """Whether its fractions are those of external beams, as they are where no kind is stated."""
        return self.kind in {"EXTERNAL_BEAM", ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentSummary:
    """A RT Treatment Summary Record: counts without beams.

    ``status`` is CurrentTreatmentStatus (NOT_STARTED, ON_TREATMENT, ON_BREAK, SUSPENDED, STOPPED,
    COMPLETED); ``first_date`` and ``last_date`` are those of the first and the latest treatment.

    Examples
    --------
    >>> summary = TreatmentSummary(
    ...     uid="1.2.3",
    ...     plan_uid="1.2.4",
    ...     status="ON_TREATMENT",
    ...     first_date=dt.date(2026, 1, 5),
    ...     last_date=None,
    ...     groups=(GroupSummary(number=1, planned=28, delivered=3),),
    ... )
    >>> summary.groups[0].delivered
    3
    """

    uid: str
    plan_uid: str
    status: str
    first_date: dt.date | None
    last_date: dt.date | None
    groups: tuple[GroupSummary, ...]
    source: str = ""
