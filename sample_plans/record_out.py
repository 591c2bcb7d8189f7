"""RT Beams Treatment Records of the sample plans, always the same bytes."""

from __future__ import annotations

import datetime as dt

from book import Delivery
from dicom_out import MANUFACTURER, Patient, beam_meterset, header, reference, uid_of
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, RTBeamsTreatmentRecordStorage, RTPlanStorage

BEAM_SECONDS = 60  # from the beginning of a beam to that of the next
BEAM_ON_SECONDS = 30
IMAGES = (("SETUP", 1.0), ("OPEN_PORTFILM", 2.0))  # kind and monitor units, at the gantry angle of beam 1


def record(patient: Patient, plan_uid: UID, delivery: Delivery, number: int) -> Dataset:
    """One delivery of one plan; ``number`` counts the records of the plan from 1."""
    date = f"{delivery.day:%Y%m%d}"
    uid = uid_of("record", str(number), "of", str(plan_uid))
    ds = header(patient, RTBeamsTreatmentRecordStorage, uid, "RTRECORD", date)
    ds.InstanceCreationTime, ds.InstanceNumber = "200000", str(number)
    ds.SeriesInstanceUID = uid_of("records of", str(plan_uid), "series")
    ds.TreatmentDate, ds.TreatmentTime = date, delivery.time
    ds.ReferencedRTPlanSequence = Sequence([reference(RTPlanStorage, plan_uid)])
    ds.ReferencedFractionGroupNumber = "1"
    ds.NumberOfFractionsPlanned = str(delivery.plan.fractions)
    ds.PrimaryDosimeterUnit = "MU"
    ds.TreatmentMachineSequence = Sequence([machine()])
    ds.TreatmentSessionBeamSequence = Sequence(beams(delivery))
    return ds


def machine() -> Dataset:
    item = Dataset()
    item.TreatmentMachineName, item.Manufacturer = "SAMPLE", MANUFACTURER
    item.InstitutionName, item.ManufacturerModelName, item.DeviceSerialNumber = "", "closed form", "1"
    return item


def beams(delivery: Delivery) -> list[Dataset]:
    """Images first, then the beams that were begun, a minute after each other."""
    specified = beam_meterset(delivery.plan.fraction_gy)
    kind = "CONTINUATION" if delivery.continued else "TREATMENT"
    parts = [(number, part) for number, part in enumerate(delivery.beams, start=1) if part]
    given = [(1, image, units, units) for image, units in (IMAGES if delivery.images else ())]
    given += [(number, kind, specified, part * specified) for number, part in parts]
    found = []
    begun = dt.datetime.combine(delivery.day, dt.time.fromisoformat(delivery.time))
    for number, what, wanted, delivered in given:
        ds = beam(number, delivery.plan.gantry[number - 1], wanted, delivered, begun)
        ds.TreatmentDeliveryType, ds.CurrentFractionNumber = what, str(delivery.fraction)
        # The first half of a broken-off beam; the second half ends as it should.
        broken = delivered < wanted and not delivery.continued
        ds.TreatmentTerminationStatus = "MACHINE" if broken else "NORMAL"
        found.append(ds)
        begun += dt.timedelta(seconds=BEAM_SECONDS)
    return found


def beam(number: int, gantry: int, specified: float, delivered: float, begun: dt.datetime) -> Dataset:
    ds, pair = Dataset(), Dataset()
    ds.ReferencedBeamNumber, ds.BeamName = str(number), f"G{gantry:03d}"
    ds.BeamType, ds.RadiationType = "STATIC", "PHOTON"
    ds.TreatmentVerificationStatus = ""  # the validator knows none of its values
    ds.SpecifiedPrimaryMeterset, ds.DeliveredPrimaryMeterset = f"{specified:g}", f"{delivered:g}"
    ds.NumberOfWedges = ds.NumberOfCompensators = ds.NumberOfBoli = ds.NumberOfBlocks = "0"
    pair.RTBeamLimitingDeviceType, pair.NumberOfLeafJawPairs = "ASYMX", "1"
    ds.BeamLimitingDeviceLeafPairsSequence = Sequence([pair])
    ds.NumberOfControlPoints = "2"
    end = begun + dt.timedelta(seconds=BEAM_ON_SECONDS)
    ds.ControlPointDeliverySequence = Sequence(
        [control_point(0, begun, 0.0, 0.0), control_point(1, end, specified, delivered)]
    )
    return ds


def control_point(number: int, moment: dt.datetime, specified: float, delivered: float) -> Dataset:
    ds = Dataset()
    ds.ReferencedControlPointIndex = str(number)
    ds.TreatmentControlPointDate = f"{moment:%Y%m%d}"
    ds.TreatmentControlPointTime = f"{moment:%H%M%S}"
    ds.SpecifiedMeterset, ds.DeliveredMeterset = f"{specified:g}", f"{delivered:g}"
    ds.DoseRateSet, ds.DoseRateDelivered = "600", "600"
    return ds
