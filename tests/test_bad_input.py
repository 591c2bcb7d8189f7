"""What is wrong with a folder, the exit code of ``dosecalc check`` and what its message names.

Nothing of it may end as 0 Gy or as a pass.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dicom_files as dicom
import pytest
from cases import LEFT, NUMBERS, PRESCRIBED, UIDS
from pydicom.dataset import Dataset
from redefine_files import CASE_TOML, Edit, dose_file, dose_uid, plan_file, save_redefine

import dosecalc
from dosecalc import cli
from dosecalc.sampling import Settings

After = Callable[[Path], None]


@dataclass(frozen=True, kw_only=True)
class Bad:
    """One fault, the exit code it leads to, parts of what is said, and rules with their outcome."""

    name: str
    code: int
    said: Sequence[str]
    edit: dict[str, Edit] = field(default_factory=dict)
    skip: Sequence[str] = ()
    after: After | None = None
    case_toml: str | None = CASE_TOML
    options: Sequence[str] = ()
    not_evaluated: Sequence[tuple[str, str]] = ()
    passes: Sequence[tuple[str, str]] = ()


def setting(**attributes: object) -> Edit:
    """An edit that sets attributes of a data set."""

    def edit(dataset: Dataset) -> None:
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)

    return edit


def text(keyword: str, value: str) -> Edit:
    """An edit that sets an attribute to text as it is."""
    return lambda dataset: dicom.set_text(dataset, keyword, value)


def without(*keywords: str) -> Edit:
    def edit(dataset: Dataset) -> None:
        for keyword in keywords:
            delattr(dataset, keyword)

    return edit


def group(**attributes: object) -> Edit:
    """An edit of the only fraction group of a plan."""
    return lambda plan: setting(**attributes)(plan.FractionGroupSequence[0])


def contour(change: Callable[[list[float]], list[float]], *, roi: str = LEFT) -> Edit:
    """An edit of the first contour of a structure."""

    def edit(structures: Dataset) -> None:
        of_roi = structures.ROIContourSequence[NUMBERS[roi] - 1]
        first = of_roi.ContourSequence[0]
        points = change([float(v) for v in str(first["ContourData"].value).split("\\")])
        dicom.set_text(first, "ContourData", "\\".join(map(repr, points)))
        first.NumberOfContourPoints = len(points) // 3

    return edit


def duplicated(structures: Dataset) -> None:
    """Every contour of the left carotid twice, which would cancel under the even-odd rule."""
    of_roi = structures.ROIContourSequence[NUMBERS[LEFT] - 1]
    of_roi.ContourSequence = [*of_roi.ContourSequence, *of_roi.ContourSequence]


def renamed(roi: str, name: str) -> Edit:
    def edit(structures: Dataset) -> None:
        structures.StructureSetROISequence[NUMBERS[roi] - 1].ROIName = name

    return edit


def cut(name: str, share: float) -> After:
    def after(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * share)])

    return after


def added(name: str, make: Callable[[], Dataset]) -> After:
    return lambda folder: (dicom.save(make(), folder / name), None)[1]


def another_plan(*, total: str, fractions: int) -> Dataset:
    prescribed = replace(PRESCRIBED["boost"], total_gy=total, fractions=fractions)
    plan = plan_file("boost", prescribed)
    plan.SOPInstanceUID = "1.1.77"
    plan.RTPlanLabel = "Other"
    return plan


def another_dose(**attributes: Any) -> Dataset:
    dose = dose_file("boost", PRESCRIBED["boost"])
    dose.SOPInstanceUID = "1.1.78"
    for keyword, value in attributes.items():
        setattr(dose, keyword, value)
    return dose


BORN = "19600517"


def early_record() -> Dataset:
    """A fraction of the definitive plan, given before the patient was born."""
    record = dicom.make_record(plan_uid=UIDS["definitive"], date="19600516")
    record.PatientBirthDate = BORN
    return record


def negative(dose: Dataset) -> None:
    dose.PixelRepresentation = 1
    dose.PixelData = b"\xff" * len(dose.PixelData)


SESSION = (("R15", LEFT), ("R16", "Nasopharynx^Muc"))
PLAN = f'[[plans]]\nuid = "{UIDS["boost"]}"\n'
TABLE = [
    Bad(
        name="plan missing for a dose",
        code=3,
        skip=["RP_boost.dcm"],
        said=["RD_boost.dcm", "ReferencedRTPlanSequence", UIDS["boost"]],
        not_evaluated=(*SESSION, ("R12", "")),
    ),
    Bad(
        name="dose missing for a plan",
        code=3,
        skip=["RD_boost.dcm"],
        said=["RP_boost.dcm", "no RT Dose refers to it"],
        not_evaluated=SESSION,
    ),
    Bad(
        name="no plan at all", code=2, skip=["RP_low.dcm", "RP_boost.dcm", "RP_definitive.dcm"], said=["plan"]
    ),
    Bad(
        name="no dose at all", code=2, skip=["RD_low.dcm", "RD_boost.dcm", "RD_definitive.dcm"], said=["dose"]
    ),
    Bad(name="no structure set", code=2, skip=["RS.dcm"], said=["structure set"]),
    Bad(
        name="structure set of the plans missing",
        code=3,
        edit={"RS.dcm": setting(SOPInstanceUID="1.1.99")},
        said=["ReferencedStructureSetSequence", dicom.STRUCTURES_UID],
        not_evaluated=(*SESSION, ("R17", LEFT)),
    ),
    Bad(
        name="unknown fraction count",
        code=3,
        edit={"RP_boost.dcm": group(NumberOfFractionsPlanned=None)},
        said=["Boost", "fits no role"],
        not_evaluated=SESSION,
    ),
    Bad(
        name="unknown fraction count of a stated boost",
        code=3,
        edit={"RP_boost.dcm": group(NumberOfFractionsPlanned=None)},
        case_toml=CASE_TOML + PLAN + 'roles = ["boost"]\n',
        said=["NumberOfFractionsPlanned"],
        not_evaluated=(*SESSION, ("R12", "")),
    ),
    Bad(
        name="zero fractions",
        code=3,
        edit={"RP_boost.dcm": group(NumberOfFractionsPlanned=0)},
        said=["RP_boost.dcm", "NumberOfFractionsPlanned", "found 0"],
        not_evaluated=SESSION,
    ),
    Bad(
        name="relative units",
        code=3,
        edit={"RD_boost.dcm": setting(DoseUnits="RELATIVE")},
        said=["RD_boost.dcm", "DoseUnits", "expected GY, found RELATIVE"],
        not_evaluated=SESSION,
    ),
    Bad(
        name="effective dose",
        code=3,
        edit={"RD_boost.dcm": setting(DoseType="EFFECTIVE")},
        said=["RD_boost.dcm", "DoseType", "expected PHYSICAL, found EFFECTIVE"],
        not_evaluated=SESSION,
    ),
    Bad(
        name="error dose",
        code=3,
        edit={"RD_boost.dcm": setting(DoseType="ERROR")},
        said=["RD_boost.dcm", "DoseType", "found ERROR"],
        not_evaluated=SESSION,
    ),
    Bad(
        name="dose in another frame of reference",
        code=3,
        edit={"RD_boost.dcm": setting(FrameOfReferenceUID="7.7.7")},
        said=["7.7.7", dicom.FRAME_UID],
        not_evaluated=SESSION,
    ),
    *(
        Bad(
            name=f"{name} cut to {share:.0%}",
            code=3,
            after=cut(name, share),
            said=[name],
            not_evaluated=SESSION,
        )
        for name in ("RD_boost.dcm", "RP_boost.dcm")
        for share in (0.97, 0.5)
    ),
    Bad(name="structure set cut", code=2, after=cut("RS.dcm", 0.9), said=["RS.dcm", "structure set"]),
    Bad(
        name="pixel data of the wrong size",
        code=3,
        edit={"RD_boost.dcm": lambda d: setting(PixelData=bytes(d.PixelData)[:-400])(d)},
        said=["RD_boost.dcm", "PixelData"],
        not_evaluated=SESSION,
    ),
    *(
        Bad(
            name=f"scaling {value!r}",
            code=3,
            edit={"RD_boost.dcm": text("DoseGridScaling", value)},
            said=["RD_boost.dcm", "DoseGridScaling"],
            not_evaluated=SESSION,
        )
        for value in ("NaN", "-0.001", "0", "inf", "")
    ),
    Bad(
        name="negative doses",
        code=3,
        edit={"RD_boost.dcm": negative},
        said=["RD_boost.dcm"],
        not_evaluated=SESSION,
    ),
    Bad(
        name="contour of two points",
        code=3,
        edit={"RS.dcm": contour(lambda p: p[:6])},
        said=["RS.dcm", "ContourData", "expected 3 points", "found 2"],
        not_evaluated=(("R15", LEFT), ("R17", LEFT)),
        passes=(("R15", "A_Carotid_R"), ("R16", "Nasopharynx^Muc")),
    ),
    Bad(
        name="contour that is not planar",
        code=3,
        edit={"RS.dcm": contour(lambda p: [*p[:2], p[2] + 5, *p[3:]])},
        said=[LEFT, "plane"],
        not_evaluated=(("R15", LEFT),),
        passes=(("R15", "A_Carotid_R"),),
    ),
    Bad(
        name="contour that is no numbers",
        code=3,
        edit={"RS.dcm": contour(lambda p: [float("nan"), *p[1:]])},
        said=["RS.dcm", "ContourData", "finite"],
        not_evaluated=(("R15", LEFT),),
        passes=(("R15", "A_Carotid_R"),),
    ),
    Bad(
        name="structure missing",
        code=3,
        edit={"RS.dcm": renamed(LEFT, "Thyroid")},
        said=[LEFT, "case.toml"],
        not_evaluated=(("R15", LEFT), ("R17", LEFT)),
        passes=(("R15", "A_Carotid_R"),),
    ),
    Bad(
        name="two structures of one name",
        code=3,
        edit={"RS.dcm": renamed("SpinalCord", LEFT)},
        said=["ROIName", LEFT, "3", "6"],
        not_evaluated=(("R15", LEFT), ("R17", LEFT)),
        passes=(("R15", "A_Carotid_R"),),
    ),
    Bad(
        name="every contour twice",
        code=0,
        edit={"RS.dcm": duplicated},
        said=["same contour", "twice"],
        passes=(("R15", LEFT), ("R17", LEFT)),
    ),
    Bad(
        name="two plans for one role",
        code=2,
        after=added("RP_other.dcm", lambda: another_plan(total="15", fractions=3)),
        said=["role 'boost'", "expected one plan, found 2", "RP_other.dcm", "1.1.77", "ignore"],
    ),
    Bad(
        name="a treatment plan that fits no role",
        code=3,
        after=added("RP_other.dcm", lambda: another_plan(total="1", fractions=2)),
        said=["RP_other.dcm", "fits no role"],
        not_evaluated=SESSION,
    ),
    Bad(
        name="two doses of one plan",
        code=3,
        after=added("RD_other.dcm", another_dose),
        said=["RD_boost.dcm", "RD_other.dcm", "state which"],
        not_evaluated=SESSION,
    ),
    Bad(
        name="two doses of one plan, one stated",
        code=0,
        after=added("RD_other.dcm", another_dose),
        case_toml=CASE_TOML + PLAN + f'doses = ["{dose_uid("boost")}"]\n',
        said=[],
        passes=SESSION,
    ),
    Bad(
        name="a sum of several plans beside them",
        code=0,
        after=added(
            "RD_sum.dcm",
            lambda: dicom.make_dose(
                uid="1.1.79", summation="MULTI_PLAN", plan_uids=(UIDS["low"], UIDS["boost"])
            ),
        ),
        said=["RD_sum.dcm"],
        passes=SESSION,
    ),
    Bad(
        name="a dose of one fraction that says PLAN",
        code=3,
        edit={"RD_boost.dcm": text("DoseGridScaling", "0.0000333333")},
        said=["1/3", "prescription"],
        not_evaluated=(*SESSION, ("R05", "GTVp_High")),
    ),
    Bad(
        name="two contents under one UID",
        code=3,
        after=added(
            "RD_other.dcm", lambda: another_dose(SOPInstanceUID=dose_uid("boost"), DoseComment="other")
        ),
        said=["SOPInstanceUID", "RD_boost.dcm", "RD_other.dcm"],
        not_evaluated=SESSION,
    ),
    Bad(
        name="a record of before the patient's birth",
        code=3,
        after=added("RT.dcm", early_record),
        said=[
            "RT.dcm: TreatmentDate: expected a date on or after the patient's birth date, found 1960-05-16",
            "RT.dcm could not be used, and may hold a plan, a dose or a fraction that was given",
        ],
        not_evaluated=SESSION,
    ),
    Bad(
        name="unknown key in the case file",
        code=2,
        case_toml=CASE_TOML + "[course.x]\n",
        said=["case.toml: course: unknown key", "courses"],
    ),
    Bad(
        name="a plan in the case file that is not there",
        code=2,
        case_toml=CASE_TOML + '[[plans]]\nuid = "8.8"\nroles = ["low"]\n',
        said=["case.toml: plans[8.8]", "UID"],
    ),
    Bad(
        name="wrong number of dates",
        code=2,
        case_toml=CASE_TOML.replace("2026-03-03, ", ""),
        said=["courses.induction.dates: expected 3 dates, found 2"],
    ),
    Bad(name="case file that is no TOML", code=2, case_toml="= 3", said=["case.toml: expected a TOML file"]),
    Bad(name="nothing stated", code=0, case_toml=None, said=["grouping", "no dates are stated"]),
    Bad(name="protocol that is not there", code=2, options=["--protocol", "none"], said=["none", "redefine"]),
]


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "check", functools.partial(dosecalc.check, settings=Settings(cells=200)))


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize(
    "bad",
    [pytest.param(b, id=b.name) for b in TABLE],
)
def test_table(bad: Bad, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_redefine(tmp_path / "case", edit=bad.edit, skip=bad.skip, case_toml=bad.case_toml)
    if bad.after is not None:
        bad.after(folder)
    result = tmp_path / "result.json"
    code = cli.main(["check", str(folder), "--json", str(result), *bad.options])
    out, err = capsys.readouterr()
    said = " ".join((out + err).split())
    assert code == bad.code, said
    for words in bad.said:
        assert words in said, said
    assert dicom.make_plan().PatientID not in said
    assert "Traceback" not in said
    assert result.exists() == (code != 2)
    assert [p.name for p in tmp_path.iterdir() if p.name not in {"case", "result.json"}] == []
    if code == 2:
        assert out == ""
        return
    findings = json.loads(result.read_bytes())["findings"]
    for rule, structure in bad.not_evaluated:
        found = _of(findings, rule, structure)
        assert {f["outcome"] for f in found} == {"NOT EVALUATED"}, found
        assert all(f["measured"] != 0 for f in found)
    for rule, structure in bad.passes:
        found = _of(findings, rule, structure)
        assert {f["outcome"] for f in found} == {"PASS"}, found
        assert all(f["measured"] is None or f["measured"] > 0 for f in found)


def _of(findings: list[dict[str, Any]], rule: str, structure: str) -> list[dict[str, Any]]:
    found = [f for f in findings if f["rule"] == rule and structure in {"", f["structure"]}]
    assert found
    return found


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize("command", ["inspect", "dvh", "ledger", "remaining", "check"])
def test_no_output_has_the_birth_date(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even that of a record which contradicts it."""
    folder = save_redefine(tmp_path / "case", edit={"RP_low.dcm": setting(PatientBirthDate=BORN)})
    dicom.save(early_record(), folder / "RT.dcm")
    result = tmp_path / "result"
    options = {"inspect": [], "dvh": ["--csv", str(result)]}.get(command, ["--json", str(result)])
    code = cli.main([command, str(folder), *options])
    out, err = capsys.readouterr()
    said = out + err + (result.read_text(encoding="utf-8") if result.exists() else "")
    assert code == (3 if command == "check" else 0)
    assert BORN not in said
    assert "1960-05-17" not in said
    if command in {"inspect", "ledger", "check"}:
        assert "RT.dcm" in said


@pytest.mark.usefixtures("coarse")
class TestFolder:
    def check(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
        code = cli.main(["check", str(folder)])
        out, err = capsys.readouterr()
        assert out == ""
        return code, err

    def test_empty(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, err = self.check(tmp_path, capsys)
        assert code == 2
        assert "no file" in err

    def test_not_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, err = self.check(tmp_path / "nowhere", capsys)
        assert code == 2
        assert "nowhere" in err

    def test_a_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "file").write_text("x", encoding="utf-8")
        code, err = self.check(tmp_path / "file", capsys)
        assert code == 2
        assert "expected a folder, found a file" in err

    def test_no_dicom(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
        code, err = self.check(tmp_path, capsys)
        assert code == 2
        assert "notes.txt: not a DICOM file" in err

    def test_a_case_file_alone(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "case.toml").write_text(CASE_TOML, encoding="utf-8")
        assert self.check(tmp_path, capsys)[0] == 2

    def test_a_protocol_with_an_unknown_key(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = save_redefine(tmp_path / "case")
        local = tmp_path / "local.toml"
        local.write_text(
            'format_version = 1\nextends = "redefine"\nname = "local"\n[[rules]]\nid = "R15"\nlimit = 3\n',
            encoding="utf-8",
        )
        code = cli.main(["check", str(folder), "--protocol", str(local)])
        out, err = capsys.readouterr()
        assert (code, out) == (2, "")
        assert "local.toml: rules[R15].limit: unknown key" in err
