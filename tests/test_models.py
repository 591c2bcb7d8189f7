"""Models of effect beyond LQ: where a protocol has them, labelled, with their source and their validity."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from cases import CORE, LEFT, LESION, UIDS, Changed, extended, judged, make_case, make_statement, one
from test_visits import INDUCTION, record

from dosecalc import CheckResult, Outcome, Protocol, eqd2
from dosecalc.case import Case
from dosecalc.doses import OWN_MAKER, DoseType
from dosecalc.envelopes import uniform
from dosecalc.errors import QuantityError, TomlError
from dosecalc.quantities import TimeFactor
from dosecalc.results import DoseRow
from dosecalc.statement import CourseStatement, PlanStatement

LINEAR = 'lq_l = { threshold_gy = 6.0, gamma_over_alpha_gy = 5.0 }\nmodel_source = "a test"\n'
AT_3 = "alpha_beta_gy = 3.0\nalpha_beta_range_gy = [3.0, 3.0]\n"
GROWING = 'repopulation = { k_gy_per_day = 0.9, kickoff_days = 28 }\nrepopulation_source = "a test"\n'


def protocol(name: str, more: str, *, goal: str = "") -> Protocol:
    rules = ""
    if goal:
        rules = (
            '[[rules]]\nid = "R40.x"\ntitle = "cumulative"\nkind = "cumulative_limit"\nlevel = "required"\n'
            f'structures = ["{name}"]\ngoal = "{goal}"\nsource = "a test"\n'
        )
    return extended(f'[[structures]]\nname = "{name}"\n{more}{rules}')


def row(result: CheckResult, structure: str, course: str) -> DoseRow:
    return next(r for s in result.structures if s.name == structure for r in s.rows if r.course == course)


class TestLinearAboveAThreshold:
    """CLINICAL.md, section 1: 3 x 6.5 Gy at a/b 3, dT 6 Gy, gamma/alpha 5: BED 61.5, by LQ 61.75."""

    @pytest.mark.parametrize(("more", "bed"), [(LINEAR, 61.5), ("", 61.75)])
    def test_in_the_table(self, more: str, bed: float) -> None:
        held = protocol(CORE, f"{AT_3}{more}")
        found = row(judged(make_case(), only=("R42",), protocol=held, cells=30), CORE, "induction")
        assert found.bed is not None
        assert found.eqd2 is not None
        assert found.bed.mean_gy.value == pytest.approx(bed)
        assert found.eqd2.mean_gy.value == pytest.approx(bed / (1 + 2 / 3))

    def test_in_a_limit_with_its_label(self) -> None:
        held = protocol(CORE, f"{AT_3}{LINEAR}", goal="Mean < 900 Gy BED(3)")
        case = make_case(
            plans=("low", "boost"),
            statement=make_statement(courses={"definitive": CourseStatement(not_planned_yet=True)}),
        )
        found = one(judged(case, only=("R40.x",), protocol=held, cells=30), "R40.x")
        assert found.measured == pytest.approx(61.5)
        assert "BED(3, LQ-L 6 Gy, 5)" in found.message

    def test_it_is_said_with_its_source(self) -> None:
        held = protocol(CORE, f"{AT_3}{LINEAR}")
        said = judged(make_case(), only=("R42",), protocol=held, cells=30).assumptions
        assert f"linear above 6 Gy a session, gamma/alpha 5 (a test): {CORE}" in said


def test_broken_off_fractions_have_no_upper_end_where_the_line_is_flat() -> None:
    """4 Gy as 0.4 and 3.6 Gy: at a point that got 2 and 2, below the threshold, the effect is larger."""
    held = protocol(
        LEFT,
        'lq_l = { threshold_gy = 2.0, gamma_over_alpha_gy = 0.2 }\nmodel_source = "a test"\n',
        goal="Mean < 900 Gy BED(3)",
    )
    whole = [record("boost", n, INDUCTION[n - 1] + dt.timedelta(minutes=20)) for n in (1, 3)]
    parts = [
        record("boost", 2, INDUCTION[1] + dt.timedelta(minutes=20), parts=["0.1", "0.1"]),
        record("boost", 2, INDUCTION[1] + dt.timedelta(hours=8), parts=["0.9", "0.9"], kind="CONTINUATION"),
    ]
    low = [record("low", n, day) for n, day in enumerate(INDUCTION, start=1)]
    prior = CourseStatement(prescription_gy=Decimal(70), fractions=35, doses={LEFT: uniform(0.0)})
    courses = {"prior": prior, "induction": CourseStatement(), "definitive": CourseStatement()}
    case = make_case(
        change={"boost": Changed(left_gy=4.0), "low": Changed(left_gy=0.0)},
        records=(*low, *whole, *parts),
        statement=make_statement(courses=courses),
    )
    found = one(judged(case, only=("R40.x",), protocol=held, cells=30), "R40.x")
    assert found.outcome is Outcome.NOT_EVALUATED
    assert "nothing bounds the effect" in found.message


class TestValidity:
    def test_a_warning_outside_it(self) -> None:
        held = protocol(CORE, "valid_gy = [1.0, 6.0]\n")
        said = judged(make_case(), only=("R42",), protocol=held, cells=30).assumptions
        (warning,) = [a for a in said if "held to be valid" in a]
        assert warning == (
            f"WARNING: {CORE}: up to 6.50 Gy in a session of the induction course: its model and a/b are "
            "held to be valid for 1 to 6 Gy"
        )

    def test_none_within(self) -> None:
        held = protocol(CORE, "valid_gy = [1.0, 6.6]\n")
        said = judged(make_case(), only=("R42",), protocol=held, cells=30).assumptions
        assert not [a for a in said if "held to be valid" in a]


class TestRepopulation:
    def case(self, **prior: Any) -> Case:
        """The lesion has 70 Gy in 35 fractions of the prior course, from Monday 8 January 2024 on."""
        return make_case(
            plans=("prior", "low", "boost", "definitive"),
            statement=make_statement(
                plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
                courses={"prior": CourseStatement(**prior)},
            ),
        )

    def result(self, case: Case) -> CheckResult:
        return judged(case, only=("R42",), protocol=protocol(LESION, GROWING), cells=200)

    def test_days_beyond_the_kick_off(self) -> None:
        """35 weekdays are 46 days: 84 - 16.2 = 67.8 Gy; 2 and 37 days of the others take 0 and 8.1 off."""
        result = self.result(self.case(first_date=dt.date(2024, 1, 8)))
        less, whole = row(result, LESION, "total, repopulation").bed, row(result, LESION, "total").bed
        assert less is not None
        assert whole is not None
        lost = 0.9 * (46 - 28) + 0.0 + 0.9 * (37 - 28)
        assert less.max_gy.value == pytest.approx(whole.max_gy.value - lost)
        assert less.min_gy.value == pytest.approx(whole.min_gy.value - lost)
        alone = row(result, LESION, "prior").bed
        assert alone is not None
        assert alone.mean_gy.value - 0.9 * (46 - 28) == pytest.approx(67.8)

    def test_of_a_course_known_as_numbers_too(self) -> None:
        """70 Gy in 35 fractions of 46 days, now as a number: the same as by its dose."""
        known = CourseStatement(
            prescription_gy=Decimal(70),
            fractions=35,
            first_date=dt.date(2024, 1, 8),
            doses={LESION: uniform(70)},
        )
        case = make_case(statement=make_statement(courses={"prior": known}))
        result = self.result(case)
        by_dose = row(self.result(self.case(first_date=dt.date(2024, 1, 8))), LESION, "total, repopulation")
        less, whole = row(result, LESION, "total, repopulation").bed, row(result, LESION, "total").bed
        assert less is not None
        assert whole is not None
        assert by_dose.bed is not None
        assert less.min_gy.value == pytest.approx(by_dose.bed.min_gy.value)
        assert less.mean_gy.value == pytest.approx(whole.mean_gy.value - 0.9 * (46 - 28 + 37 - 28), abs=1e-3)

    def test_never_below_nothing_of_a_course(self) -> None:
        held = protocol(LESION, GROWING.replace("0.9", "100.0"))
        case = self.case(first_date=dt.date(2024, 1, 8))
        result = judged(case, only=("R42",), protocol=held, cells=30)
        less, induction = row(result, LESION, "total, repopulation").bed, row(result, LESION, "induction").bed
        assert less is not None
        assert induction is not None
        assert less.mean_gy.value == pytest.approx(induction.mean_gy.value)

    def test_without_dates_there_is_no_such_row(self) -> None:
        result = self.result(self.case(last_date=dt.date(2024, 3, 1)))
        assert not [r for s in result.structures for r in s.rows if r.course == "total, repopulation"]

    def test_it_is_said(self) -> None:
        said = self.result(self.case(first_date=dt.date(2024, 1, 8))).assumptions
        assert any("repopulation of 0.9 Gy of BED a day from day 28" in a and "(a test)" in a for a in said)

    def test_numbers_that_cannot_be(self) -> None:
        with pytest.raises(QuantityError, match="k_gy_per_day"):
            TimeFactor(k_gy_per_day=0.0, kickoff_days=28)
        with pytest.raises(QuantityError, match="kickoff_days: expected 0 or more, found -1"):
            TimeFactor(k_gy_per_day=0.9, kickoff_days=-1)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (LINEAR.replace("threshold_gy = 6.0, ", ""), "lq_l.threshold_gy: expected"),
        (LINEAR.replace("6.0", "0.0"), "lq_l.threshold_gy: expected a number above 0"),
        (LINEAR.replace("threshold_gy", "threshold"), "lq_l.threshold"),
        (LINEAR.replace('model_source = "a test"\n', ""), "model_source: expected"),
        (LINEAR + "repair_half_time_h = 4.4\n", "lq_l: expected one model"),
        (GROWING.replace("0.9", "-0.9"), "repopulation.k_gy_per_day"),
        (GROWING.replace('repopulation_source = "a test"\n', ""), "repopulation_source: expected"),
        ("valid_gy = [6.0, 1.0]\n", r"valid_gy: expected \[low, high\]"),
    ],
)
def test_refused(more: str, words: str) -> None:
    with pytest.raises(TomlError, match=words):
        protocol(CORE, more)


class TestEffectiveDose:
    """Doses weighted by RBE enter by declaration only."""

    def case(self, **stated: Any) -> Case:
        case = make_case(
            statement=make_statement(plans=[PlanStatement(uid=UIDS["boost"], roles=("boost",), **stated)])
        )
        weighted = tuple(
            replace(d, dose_type=DoseType.EFFECTIVE) if d.plan_uids == (UIDS["boost"],) else d
            for d in case.doses
        )
        return replace(case, doses=weighted)

    def test_without_a_declaration_it_is_no_dose(self) -> None:
        found = one(judged(self.case(), only=("R15",), cells=30), "R15", LEFT)
        assert found.outcome is Outcome.NOT_EVALUATED
        assert (
            "found RD_boost.dcm: DoseType EFFECTIVE; if it is weighted by RBE, case.toml may" in found.message
        )

    def test_with_one_it_counts_and_is_said(self) -> None:
        result = judged(self.case(effective="protons, RBE 1.1"), only=("R15",), cells=30)
        found = one(result, "R15", LEFT)
        assert (found.outcome, found.measured) == (Outcome.PASS, pytest.approx(2.0))
        assert any(
            a.startswith("WARNING: plan 'Boost'") and a.endswith("as declared: protons, RBE 1.1")
            for a in result.assumptions
        )

    def test_an_exported_effect_is_none_whatever_is_declared(self) -> None:
        case = self.case(effective="a mistake")
        made = tuple(
            replace(d, made_by=f"{' '.join(OWN_MAKER)} 0.1.0") if d.dose_type is DoseType.EFFECTIVE else d
            for d in case.doses
        )
        found = one(judged(replace(case, doses=made), only=("R15",), cells=30), "R15", LEFT)
        assert found.outcome is Outcome.NOT_EVALUATED
        assert "found RD_boost.dcm: an exported BED or EQD2" in found.message

    def test_a_dose_that_says_nothing_of_its_kind_stays_none(self) -> None:
        case = self.case(effective="protons")
        unstated = tuple(
            replace(d, dose_type=DoseType.UNSTATED) if d.dose_type is DoseType.EFFECTIVE else d
            for d in case.doses
        )
        found = one(judged(replace(case, doses=unstated), only=("R15",), cells=30), "R15", LEFT)
        assert found.outcome is Outcome.NOT_EVALUATED


def test_a_model_changes_no_physical_dose() -> None:
    held = protocol(LEFT, LINEAR)
    plain, other = (
        row(judged(make_case(), only=("R42",), protocol=p, cells=30), LEFT, "total") for p in (None, held)
    )
    assert plain.physical == other.physical
    assert plain.eqd2 is not None
    assert plain.eqd2.mean_gy.value == pytest.approx(
        float(eqd2(6.0, fractions=3, alpha_beta_gy=3) + eqd2(28 * 1.6, fractions=28, alpha_beta_gy=3))
    )
