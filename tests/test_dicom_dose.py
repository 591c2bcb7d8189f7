"""RT Dose: right numbers at right places, and a clear refusal of everything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dicom_files as make
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from dosecalc.dicom import read_dose
from dosecalc.doses import (
    Beams,
    DoseGrid,
    DoseType,
    FractionGroup,
    Holds,
    OneSession,
    SeveralPlans,
    Unstated,
    WholePlan,
)
from dosecalc.errors import DicomError, DosecalcError, InputError

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data beside the project are absent")

SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big-endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "RLE": RLELossless,
}
HALF_A_STEP_GY = 0.5 * 0.005 + 1e-9
"""Stored numbers are rounded, so a dose comes back to half a scaling step."""


def assert_linear(dose: DoseGrid, within_gy: float = HALF_A_STEP_GY) -> None:
    expected_gy = make.linear_dose_gy(dose.lattice.points_xyz_mm())
    assert np.abs(dose.gy - expected_gy).max() <= within_gy


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
@pytest.mark.parametrize("dtype", ["u2", "u4", "i2", "i4"])
def test_every_encoding_gives_the_dose_that_was_written(tmp_path: Path, dtype: str, syntax: str) -> None:
    dataset = make.make_dose(dtype=dtype, scaling_gy="0.005")
    dose = read_dose(make.save(dataset, tmp_path / "anything.bin", syntax=syntax))
    assert dose.stored.dtype == np.dtype(dtype)
    assert dose.stored.dtype.isnative
    assert dose.lattice.shape_zyx == (5, 4, 6)
    assert_linear(dose)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_file_without_preamble_is_read(tmp_path: Path, syntax: str) -> None:
    assert_linear(read_dose(make.save(make.make_dose(), tmp_path / "d", syntax=syntax, preamble=False)))


@pytest.mark.parametrize("orientation", make.ORIENTATIONS.values(), ids=make.ORIENTATIONS)
@pytest.mark.parametrize("offsets_mm", [(0, 3, 6, 9, 12), (0, -3, -6, -9, -12), (0, 1, 4, 4.5, 11)])
def test_every_orientation_lands_at_its_patient_coordinates(
    tmp_path: Path, orientation: tuple[int, ...], offsets_mm: tuple[float, ...]
) -> None:
    dataset = make.make_dose(orientation=orientation, offsets_mm=offsets_mm)
    dose = read_dose(make.save(dataset, tmp_path / "RD.dcm"))
    assert_linear(dose)
    centres = make.voxel_centres_xyz_mm(orientation=orientation, offsets_mm=offsets_mm).reshape(-1, 3)
    for axis, found_mm in enumerate((dose.lattice.x_mm, dose.lattice.y_mm, dose.lattice.z_mm)):
        np.testing.assert_allclose(found_mm, np.unique(np.round(centres[:, axis], 9)), atol=1e-9)


@pytest.mark.parametrize("position", ["HFS", "HFP", "FFS", "FFP", "HFDL", "FFDR"])
@pytest.mark.parametrize("offsets_mm", [(0, 3, 6, 9, 12), (0, -1, -4, -4.5, -11)])
def test_absolute_offsets_are_the_z_of_the_frames(
    tmp_path: Path, position: str, offsets_mm: tuple[float, ...]
) -> None:
    dataset = make.make_dose(
        orientation=make.ORIENTATIONS[position], offsets_mm=offsets_mm, absolute_offsets=True
    )
    assert dataset.GridFrameOffsetVector[0] == make.POSITION_XYZ_MM[2]
    assert_linear(read_dose(make.save(dataset, tmp_path / "RD.dcm")))


def test_one_frame_needs_no_offsets(tmp_path: Path) -> None:
    dataset = make.make_dose(shape=(1, 4, 6))
    del dataset.GridFrameOffsetVector, dataset.NumberOfFrames
    dose = read_dose(make.save(dataset, tmp_path / "RD.dcm"))
    assert dose.lattice.z_mm.tolist() == [make.POSITION_XYZ_MM[2]]
    assert_linear(dose)


def test_nearly_straight_cosines_count_as_straight(tmp_path: Path) -> None:
    dataset = make.make_dose()
    dataset.ImageOrientationPatient = ["0.999999", "1e-16", "-0.00002", "0", "1.0", "-0.0"]
    assert_linear(read_dose(make.save(dataset, tmp_path / "RD.dcm")))


@st.composite
def doses(draw: st.DrawFn) -> Dataset:
    """A dose of any orientation, size and uneven spacing."""
    shape = draw(st.tuples(*[st.integers(1, 5)] * 3))
    steps = draw(st.lists(st.integers(500, 7000), min_size=4, max_size=4))
    sign = draw(st.sampled_from([1, -1]))
    offsets = [sign * micrometres / 1000 for micrometres in np.cumsum([0, *steps])][: shape[0]]
    orientation = draw(st.sampled_from(sorted(make.ORIENTATIONS)))
    return make.make_dose(orientation=make.ORIENTATIONS[orientation], shape=shape, offsets_mm=offsets)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(dataset=doses(), syntax=st.sampled_from(sorted(SYNTAXES)))
def test_any_grid_comes_back(tmp_path: Path, dataset: Dataset, syntax: str) -> None:
    assert_linear(read_dose(make.save(dataset, tmp_path / "RD.dcm", syntax=SYNTAXES[syntax])))


def test_plain_pixels_are_not_copied(tmp_path: Path) -> None:
    dose = read_dose(make.save(make.make_dose(), tmp_path / "RD.dcm"))
    base: object = dose.stored
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    assert not isinstance(base, np.ndarray)  # the bytes of the file themselves
    assert not dose.stored.flags.writeable


@pytest.mark.parametrize(
    ("summation", "group", "beams", "holds"),
    [
        ("PLAN", None, (), WholePlan()),
        ("FRACTION", 2, (), FractionGroup(number=2)),
        ("FRACTION", None, (), FractionGroup(number=None)),
        ("FRACTION_SESSION", 1, (), OneSession(group_number=1)),
        ("FRACTION_SESSION", None, (), OneSession(group_number=None)),
        ("BEAM", 1, (3,), Beams(numbers=(3,), one_session=False)),
        ("BEAM_SESSION", 1, (3, 1), Beams(numbers=(3, 1), one_session=True)),
        ("MULTI_PLAN", None, (), SeveralPlans()),
    ],
)
def test_what_a_dose_holds(
    tmp_path: Path, summation: str, group: int | None, beams: tuple[int, ...], holds: Holds
) -> None:
    plans = ("1.2.3", "1.2.4") if summation == "MULTI_PLAN" else ("1.2.3",)
    dataset = make.make_dose(summation=summation, group_number=group, beam_numbers=beams, plan_uids=plans)
    dose = read_dose(make.save(dataset, tmp_path / "RD.dcm"))
    assert dose.holds == holds
    assert dose.plan_uids == plans
    assert dose.uid == make.DOSE_UID
    assert dose.frame_uid == make.FRAME_UID
    assert dose.created == "20240103101112"


def test_an_effective_dose_is_marked(tmp_path: Path) -> None:
    dataset = make.make_dose()
    dataset.DoseType = "EFFECTIVE"
    assert read_dose(make.save(dataset, tmp_path / "RD.dcm")).dose_type is DoseType.EFFECTIVE


def test_a_dose_that_does_not_say_what_it_is_says_so(tmp_path: Path) -> None:
    dataset = make.make_dose()
    del dataset.DoseType, dataset.DoseSummationType, dataset.SOPInstanceUID, dataset.FrameOfReferenceUID
    dose = read_dose(make.save(dataset, tmp_path / "RD.dcm"))
    assert dose.holds == Unstated()
    assert dose.dose_type is DoseType.UNSTATED
    assert_linear(dose)


def _set(**values: object) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return change


def _text(keyword: str, text: str) -> Callable[[Dataset], None]:
    """An attribute with text that pydicom would not write."""

    def change(dataset: Dataset) -> None:
        del dataset[keyword]
        make.set_text(dataset, keyword, text)

    return change


def _drop(*keywords: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword in keywords:
            delattr(dataset, keyword)

    return change


def _two_plans(dataset: Dataset) -> None:
    dataset.ReferencedRTPlanSequence.append(dataset.ReferencedRTPlanSequence[0])


def _two_groups(dataset: Dataset) -> None:
    dataset.DoseSummationType = "FRACTION"
    group = Dataset()
    group.ReferencedFractionGroupNumber = 1
    dataset.ReferencedRTPlanSequence[0].ReferencedFractionGroupSequence = [group, group]


def _negative(dataset: Dataset) -> None:
    dataset.PixelRepresentation = 1
    dataset.PixelData = b"\xff" * len(dataset.PixelData)


BAD_DOSES: list[tuple[Callable[[Dataset], None], str, str, str]] = [
    # what is wrong, attribute, expected, found
    (_set(DoseUnits="RELATIVE"), "DoseUnits", "GY", "RELATIVE"),
    (_set(DoseUnits=""), "DoseUnits", "a value", "an empty value"),
    (_drop("DoseUnits"), "DoseUnits", "a value", "none"),
    (_set(DoseType="ERROR"), "DoseType", "PHYSICAL or EFFECTIVE", "ERROR"),
    (_set(DoseSummationType="CONTROL_POINT"), "DoseSummationType", "PLAN, FRACTION", "CONTROL_POINT"),
    (_set(DoseSummationType="RECORD"), "DoseSummationType", "PLAN, FRACTION", "RECORD"),
    (_set(DoseSummationType="FRACTIONS"), "DoseSummationType", "PLAN, FRACTION", "FRACTIONS"),
    (_set(DoseSummationType="BEAM"), "ReferencedBeamSequence", "each beam of this dose once", "none"),
    (_two_plans, "ReferencedRTPlanSequence", "one plan for DoseSummationType PLAN", "2"),
    (_two_groups, "ReferencedFractionGroupSequence", "one group", "2"),
    (_set(DoseGridScaling="-0.001"), "DoseGridScaling", "a number above 0", "-0.001"),
    (_set(DoseGridScaling="0"), "DoseGridScaling", "a number above 0", "0"),
    (_text("DoseGridScaling", "NaN "), "DoseGridScaling", "numbers", "'NaN'"),
    (_text("DoseGridScaling", "1e-999"), "DoseGridScaling", "a number above 0", "1E-999"),
    (_drop("DoseGridScaling"), "DoseGridScaling", "a number above 0", "none"),
    (_set(DoseGridScaling=["1", "2"]), "DoseGridScaling", "one number", "2"),
    (_set(RescaleSlope="2"), "RescaleSlope", "none beside DoseGridScaling", "2"),
    (_set(NumberOfFrames=4), "GridFrameOffsetVector", "4 offsets, one per frame", "5"),
    (_set(NumberOfFrames=0), "NumberOfFrames", "1 or more", "0"),
    (_drop("NumberOfFrames"), "GridFrameOffsetVector", "1 offsets, one per frame", "5"),
    (_set(Rows=5), "PixelData", "600 bytes for 5 x 5 x 6 voxels", "480"),
    (_set(Rows=0), "Rows", "1 or more", "0"),
    (_drop("Rows"), "Rows", "a whole number", "none"),
    (_set(PixelData=b"\0" * 478), "PixelData", "480 bytes", "478"),
    (_drop("PixelData"), "PixelData", "pixels", "none"),
    (_negative, "PixelData", "doses of 0 or more", "-1"),
    (_set(BitsAllocated=8), "BitsAllocated", "16 or 32", "8"),
    (_set(BitsStored=24), "BitsStored", "32 with BitsAllocated 32", "24"),
    (_set(HighBit=23), "HighBit", "31 with BitsAllocated 32", "23"),
    (_set(PixelRepresentation=2), "PixelRepresentation", "0 or 1", "2"),
    (_set(SamplesPerPixel=3), "SamplesPerPixel", "1", "3"),
    (_set(PixelSpacing=["2.5", "0"]), "PixelSpacing", "spacings above 0 mm", "2.5 and 0"),
    (_set(PixelSpacing=["2.5"]), "PixelSpacing", "2 numbers", "1"),
    (_text("PixelSpacing", "inf\\1 "), "PixelSpacing", "numbers", r"'inf\\1'"),
    (_text("PixelSpacing", "1e-300\\1"), "PixelSpacing", "voxels apart", "strictly ascending"),
    (_drop("ImagePositionPatient"), "ImagePositionPatient", "3 numbers", "none"),
    (_text("ImagePositionPatient", "0\\0\\1e999 "), "ImagePositionPatient", "finite numbers", "too large"),
    (
        _set(ImageOrientationPatient=["0.98", "0.199", "0", "-0.199", "0.98", "0"]),
        "ImageOrientationPatient",
        "rows and columns along patient axes (not oblique)",
        r"0.98\0.199\0\-0.199\0.98\0",
    ),
    (
        _set(ImageOrientationPatient=[1, 0, 0, -1, 0, 0]),
        "ImageOrientationPatient",
        "rows and columns along patient axes",
        r"1\0\0\-1\0\0",
    ),
    (
        _set(ImageOrientationPatient=[0, 0, 0, 0, 1, 0]),
        "ImageOrientationPatient",
        "rows and columns along patient axes",
        r"0\0\0\0\1\0",
    ),
    (_set(GridFrameOffsetVector=[0, 3, 6]), "GridFrameOffsetVector", "5 offsets", "3"),
    (_drop("GridFrameOffsetVector"), "GridFrameOffsetVector", "5 offsets", "none"),
    (_set(GridFrameOffsetVector=[0, 3, 3, 6, 9]), "GridFrameOffsetVector", "only rise", "3 then 3"),
    (_set(GridFrameOffsetVector=[0, 3, 6, 5, 9]), "GridFrameOffsetVector", "only rise", "6 then 5"),
    (
        _set(GridFrameOffsetVector=[7, 10, 13, 16, 19]),
        "GridFrameOffsetVector",
        "a first offset of 0, or on axial planes ImagePositionPatient z (-40)",
        "7",
    ),
    (_set(Modality="RTPLAN"), "Modality", "RTDOSE", "RTPLAN"),
    (_set(SOPClassUID="1.2.840.10008.5.1.4.1.1.2"), "SOPClassUID", "RT Dose", "1.2.840.10008.5.1.4.1.1.2"),
]


@pytest.mark.parametrize(("spoil", "attribute", "expected", "found"), BAD_DOSES)
def test_a_bad_dose_is_refused_by_name(
    tmp_path: Path, spoil: Callable[[Dataset], None], attribute: str, expected: str, found: str
) -> None:
    dataset = make.make_dose()
    spoil(dataset)
    with pytest.raises(DicomError) as caught:
        read_dose(make.save(dataset, tmp_path / "RD.dcm"))
    assert caught.value.path.endswith("RD.dcm")
    assert caught.value.attribute.endswith(attribute)
    assert expected in caught.value.expected
    assert found in caught.value.found


def test_absolute_offsets_on_a_coronal_grid_are_refused(tmp_path: Path) -> None:
    dataset = make.make_dose(orientation=make.ORIENTATIONS["coronal"])
    y_mm = make.POSITION_XYZ_MM[1]
    dataset.GridFrameOffsetVector = [y_mm + 3 * n for n in range(5)]
    with pytest.raises(DicomError, match="GridFrameOffsetVector: expected a first offset of 0"):
        read_dose(make.save(dataset, tmp_path / "RD.dcm"))


def test_lossy_or_unknown_compression_is_refused_by_name(tmp_path: Path) -> None:
    content = make.as_bytes(make.make_dose(), syntax=RLELossless)
    path = tmp_path / "RD.dcm"
    uid = JPEG2000Lossless.encode()
    path.write_bytes(make.with_transfer_syntax(content, uid))
    with pytest.raises(
        DicomError, match="TransferSyntaxUID: expected an uncompressed file, RLE or deflated, found JPEG 2000"
    ):
        read_dose(path)


def test_rle_of_too_few_frames_is_refused(tmp_path: Path) -> None:
    dataset = make.make_dose()
    content = make.as_bytes(dataset, syntax=RLELossless)
    rows = content.index(b"\x28\x00\x10\x00US\x02\x00") + 8
    path = tmp_path / "RD.dcm"
    path.write_bytes(content[:rows] + b"\x07\x00" + content[rows + 2 :])
    with pytest.raises(DicomError, match=r"RD\.dcm: PixelData: expected"):
        read_dose(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"%PDF-1.4" + b"x" * 500, b"\x08\x00\x05\x00" + b"x" * 90]
)
def test_what_is_no_dicom_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "RD.dcm"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"RD\.dcm: "):
        read_dose(path)


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file, found nothing of that name"):
        read_dose(tmp_path / "RD.dcm")
    with pytest.raises(InputError, match="expected a file, found something else"):
        read_dose(tmp_path)


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_a_truncated_dose_is_never_read(tmp_path: Path, syntax: str) -> None:
    content = make.as_bytes(make.make_dose(), syntax=syntax)
    path = tmp_path / "RD.dcm"
    # Of an encapsulated file only the last item, the delimiter of the sequence, may be cut.
    end = len(content) - (10 if syntax == RLELossless else 1)
    for length in range(0, end, 3):
        path.write_bytes(content[:length])
        with pytest.raises(DosecalcError, match=r"RD\.dcm: "):
            read_dose(path)


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_flipped_bits_raise_our_errors_only(tmp_path: Path, syntax: str) -> None:
    content = make.as_bytes(make.make_dose(), syntax=syntax)
    path = tmp_path / "RD.dcm"
    rng = np.random.default_rng(20240103)
    for _ in range(300):
        spoilt = bytearray(content)
        for at in rng.integers(0, len(content), size=rng.integers(1, 6)):
            spoilt[at] ^= 1 << rng.integers(0, 8)
        path.write_bytes(bytes(spoilt))
        try:
            read_dose(path)
        except DosecalcError as error:
            assert "RD.dcm" in str(error)


@needs_data
@pytest.mark.parametrize("spacing_mm", [1, 2, 3])
def test_nelms_doses_are_the_published_functions(spacing_mm: int) -> None:
    """Nelms et al. 2015: max(0, 10 - y) and max(0, 10 + z) Gy; residual below 1e-5 Gy by their README."""
    folder = DATA / "nelms2015" / "dose"
    for name, axis, sign in (("AntPost", 1, -1), ("SupInf", 2, 1)):
        dose = read_dose(folder / f"Linear_{name}_{spacing_mm}mm_Aligned.dcm")
        assert dose.holds == FractionGroup(number=1)
        assert np.diff(dose.lattice.x_mm) == pytest.approx(spacing_mm)
        expected_gy = np.maximum(0, 10 + sign * dose.lattice.points_xyz_mm()[..., axis])
        assert np.abs(dose.gy - expected_gy).max() < 1e-5


@needs_data
def test_the_clinical_dose_is_as_its_readme_says() -> None:
    dose = read_dose(DATA / "breast" / "rtdose.dcm")
    assert dose.lattice.shape_zyx == (98, 129, 194)
    assert dose.stored.dtype == np.uint32
    assert dose.holds == WholePlan()


@needs_data
def test_real_orientations() -> None:
    folder = DATA / "orientation"
    for name in ("RD.TBB_feet_in_supine.dcm", "RD.TBC_feet_in_supine.dcm"):
        dose = read_dose(folder / name)
        # Columns run to the right, frames downwards from z = 100 mm over 200 mm.
        np.testing.assert_allclose(dose.lattice.x_mm[[0, -1]], [99.90417554 - 200, 99.90417554])
        np.testing.assert_allclose(dose.lattice.z_mm[[0, -1]], [-100, 100])
    square = read_dose(folder / "rtdose_non_square_pixels.dcm")
    assert np.diff(square.lattice.x_mm) == pytest.approx(1.0078947368421)
    assert np.diff(square.lattice.y_mm) == pytest.approx(1.03125)
    np.testing.assert_allclose(square.lattice.z_mm[[0, -1]], [18.5 - 77.5, 18.5], atol=1e-9)
    assert read_dose(folder / "RD.wedge.dcm").lattice.shape_zyx == (60, 130, 75)
    headers = sorted(folder.glob("RD.DICOMORIENT.*.dcm"))
    assert len(headers) == 8
    for header in headers:
        with pytest.raises(DicomError, match="PixelData: expected pixels, found none"):
            read_dose(header)


@needs_data
@pytest.mark.parametrize("name", ["RD.TBB_feet_in_supine.dcm", "rtdose_non_square_pixels.dcm"])
def test_real_doses_equal_an_independent_reader(name: str) -> None:
    """Each voxel through SimpleITK, which places it by ITK's own rules (axial, ascending or flipped)."""
    sitk = pytest.importorskip("SimpleITK")
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.dcmread(DATA / "orientation" / name, force=True)
    size = dataset.BitsAllocated // 8
    pixels = np.frombuffer(dataset.PixelData, f"<u{size}").reshape(-1, dataset.Rows, dataset.Columns)
    image = sitk.GetImageFromArray(pixels.astype(np.float64) * float(dataset.DoseGridScaling))
    offsets = [float(v) for v in dataset.GridFrameOffsetVector]
    row, column = (np.array(dataset.ImageOrientationPatient[n : n + 3], float) for n in (0, 3))
    normal = np.cross(row, column) * np.sign(offsets[1])
    image.SetDirection(np.stack([row, column, normal], axis=1).ravel().tolist())
    spacing = (*map(float, dataset.PixelSpacing[::-1]), abs(offsets[-1]) / (len(offsets) - 1))
    image.SetSpacing(spacing)
    image.SetOrigin([float(v) for v in dataset.ImagePositionPatient])
    dose = read_dose(DATA / "orientation" / name)
    rng = np.random.default_rng(7)
    for _ in range(200):
        z, y, x = (int(rng.integers(0, n)) for n in dose.lattice.shape_zyx)
        point = (dose.lattice.x_mm[x], dose.lattice.y_mm[y], dose.lattice.z_mm[z])
        index = image.TransformPhysicalPointToIndex([float(v) for v in point])
        assert dose.gy[z, y, x] == pytest.approx(image.GetPixel(index))


def test_a_value_that_runs_on_into_the_patient_name_is_not_quoted(tmp_path: Path) -> None:
    content = bytearray(make.as_bytes(make.make_dose()))
    length = content.index(b"\x08\x00\x60\x00CS") + 6
    content[length] = content.index(b"\x20\x00\x0d\x00UI") - (length + 2)
    path = tmp_path / "RD.dcm"
    path.write_bytes(content)
    with pytest.raises(DicomError) as caught:
        read_dose(path)
    assert "Modality: expected plain text, found bytes that are no text" in str(caught.value)
    assert "Doe" not in str(caught.value)


def test_pixels_of_an_unknown_representation_are_refused(tmp_path: Path) -> None:
    dataset = make.make_dose()
    content = make.as_bytes(dataset)
    at = content.index(b"\xe0\x7f\x10\x00OW") + 4
    path = tmp_path / "RD.dcm"
    path.write_bytes(content[:at] + b"QQ" + content[at + 2 :])
    with pytest.raises(DicomError, match="PixelData: expected value representation OB or OW, found b'QQ'"):
        read_dose(path)
