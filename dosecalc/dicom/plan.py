"""RT Plan and RT Ion Plan: prescriptions, fraction groups, beams."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from dosecalc.dicom.attributes import Item, check_kind, timestamp, top
from dosecalc.dicom.files import DicomFile, open_dicom, read_bytes
from dosecalc.plans import MOST_FRACTIONS, BeamDose, Group, Plan, Prescription

SOP_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.481.5": "RT Plan",
    "1.2.840.10008.5.1.4.1.1.481.8": "RT Ion Plan",
}

TREATING_DELIVERY_TYPES = frozenset({"", "TREATMENT", "CONTINUATION"})
"""TreatmentDeliveryType of beams that give dose on purpose; absent is a treatment beam. The others
(SETUP, VERIFICATION, OPEN_PORTFILM, TRMT_PORTFILM) image or check."""


def read_plan(path: Path | str) -> Plan:
    """A RT Plan or RT Ion Plan file.

    Parameters
    ----------
    path : the file; its name and its transfer syntax do not matter

    Returns
    -------
    plan whose doses (Gy) and metersets are exactly the decimals of the file. A prescription is a
    TargetPrescriptionDose above 0 of a DoseReference of type TARGET.

    Raises
    ------
    InputError : if there is no such file, or it is not DICOM.
    DicomError : if it is no RT Plan, inconsistent or broken.

    Examples
    --------
    >>> read_plan("nowhere.dcm")
    Traceback (most recent call last):
    dosecalc.errors.InputError: nowhere.dcm: expected a file, found nothing of that name
    """
    name = Path(path).as_posix()
    return plan_of(open_dicom(read_bytes(Path(path), name), name))


def plan_of(file: DicomFile) -> Plan:
    """The plan of an opened file."""
    item = top(file)
    check_kind(item, "RTPLAN", SOP_CLASSES)
    return Plan(
        uid=item.required_code("SOPInstanceUID"),
        label=item.text("RTPlanLabel"),
        groups=_groups(item),
        prescriptions=_prescriptions(item),
        intent=item.code("PlanIntent"),
        approval=item.code("ApprovalStatus"),
        structure_set_uid=_structure_set_uid(item),
        frame_uid=item.code("FrameOfReferenceUID"),
        related_uids=tuple(
            (other.code("RTPlanRelationship"), other.required_code("ReferencedSOPInstanceUID"))
            for other in item.items("ReferencedRTPlanSequence")
        ),
        created=timestamp(item, "RTPlanDate", "RTPlanTime"),
        source=file.name,
    )


def _structure_set_uid(item: Item) -> str:
    references = item.items("ReferencedStructureSetSequence")
    if len(references) > 1:
        found = str(len(references))
        raise item.error("ReferencedStructureSetSequence", expected="one item", found=found)
    return references[0].required_code("ReferencedSOPInstanceUID") if references else ""


def _groups(item: Item) -> tuple[Group, ...]:
    delivery_types = _delivery_types(item)
    groups = tuple(_group(group, delivery_types) for group in item.items("FractionGroupSequence"))
    numbers = [group.number for group in groups]
    if len(set(numbers)) != len(numbers):
        raise item.error(
            "FractionGroupSequence",
            expected="each FractionGroupNumber once",
            found=", ".join(map(str, numbers)),
        )
    return groups


def _group(item: Item, delivery_types: dict[int, str]) -> Group:
    number = item.required_integer("FractionGroupNumber")
    fractions = item.integer("NumberOfFractionsPlanned")
    if fractions is not None and not 1 <= fractions <= MOST_FRACTIONS:
        expected = "1 or more" if fractions < 1 else f"at most {MOST_FRACTIONS}"
        raise item.error("NumberOfFractionsPlanned", expected=expected, found=str(fractions))
    beams = tuple(_beam(beam, delivery_types) for beam in item.items("ReferencedBeamSequence"))
    numbers = [beam.number for beam in beams]
    if len(set(numbers)) != len(numbers):
        found = ", ".join(map(str, numbers))
        raise item.error("ReferencedBeamSequence", expected="each beam once", found=found)
    return Group(number=number, fractions=fractions, beams=beams)


def _beam(item: Item, delivery_types: dict[int, str]) -> BeamDose:
    number = item.required_integer("ReferencedBeamNumber")
    if delivery_types and number not in delivery_types:
        expected = "a beam of BeamSequence: " + ", ".join(map(str, sorted(delivery_types)))
        raise item.error("ReferencedBeamNumber", expected=expected, found=str(number))
    dose_gy = _not_negative(item, "BeamDose")
    # EFFECTIVE is weighted already: no physical dose that could be summed or shared.
    physical = item.code("BeamDoseType") in ("", "PHYSICAL")
    return BeamDose(
        number=number,
        dose_gy=dose_gy if physical else None,
        meterset=_not_negative(item, "BeamMeterset"),
        treats=delivery_types.get(number, "") in TREATING_DELIVERY_TYPES,
    )


def _delivery_types(item: Item) -> dict[int, str]:
    """TreatmentDeliveryType of each beam by its number; of photon, electron and ion beams."""
    found: dict[int, str] = {}
    for keyword in ("BeamSequence", "IonBeamSequence"):
        for beam in item.items(keyword):
            number = beam.required_integer("BeamNumber")
            if number in found:
                raise beam.error("BeamNumber", expected="each number once", found=f"{number} again")
            found[number] = beam.code("TreatmentDeliveryType")
    return found


def _not_negative(item: Item, keyword: str) -> Decimal | None:
    value = item.decimal(keyword)
    if value is not None and value < 0:
        raise item.error(keyword, expected="0 or more", found=str(value))
    return value


def _prescriptions(item: Item) -> tuple[Prescription, ...]:
    found = []
    for reference in item.items("DoseReferenceSequence"):
        dose_gy = _not_negative(reference, "TargetPrescriptionDose")
        if reference.required_code("DoseReferenceType") != "TARGET" or not dose_gy:
            continue
        found.append(
            Prescription(
                dose_gy=dose_gy,
                roi_number=reference.integer("ReferencedROINumber"),
                structure_type=reference.code("DoseReferenceStructureType"),
                description=reference.text("DoseReferenceDescription"),
                reference_number=reference.integer("DoseReferenceNumber"),
            )
        )
    return tuple(found)
