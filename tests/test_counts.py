"""How many fractions were given by records and by treatment summaries."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from cases import UIDS, make_case

from dosecalc import load_protocol
from dosecalc.counts import beyond_records, by_summaries, whole_fractions
from dosecalc.courses import build_treatment
from dosecalc.delivery import Given, Visit
from dosecalc.records import GroupSummary, TreatmentSummary
from dosecalc.roles import AssignedPlan

PROTOCOL = load_protocol("redefine")


def group(delivered: int | None, kind: str = "EXTERNAL_BEAM", number: int | None = 1) -> GroupSummary:
    return GroupSummary(number=number, planned=28, delivered=delivered, kind=kind)


def summary(*groups: GroupSummary, plan: str = "definitive", source: str = "sum.dcm") -> TreatmentSummary:
    return TreatmentSummary(
        uid="8.1",
        plan_uid=UIDS.get(plan, plan),
        status="ON_TREATMENT",
        first_date=None,
        last_date=None,
        groups=groups,
        source=source,
    )


def definitive() -> list[AssignedPlan]:
    return [p for p in build_treatment(make_case(), PROTOCOL).plans if p.course == "definitive"]


def counted(*summaries: TreatmentSummary) -> int | None:
    return by_summaries(make_case(summaries=summaries), definitive(), {})[0]


def beyond(*summaries: TreatmentSummary, shown: int | None = None) -> list[str]:
    records = {} if shown is None else {UIDS["definitive"]: shown}
    return list(beyond_records(make_case(summaries=summaries), definitive(), records))


class TestBySummaries:
    @pytest.mark.parametrize("kind", ["EXTERNAL_BEAM", ""])
    def test_fractions_of_beams_count_and_so_do_those_of_no_stated_kind(self, kind: str) -> None:
        assert counted(summary(group(14, kind))) == 14

    @pytest.mark.parametrize("kind", ["BRACHY", "SOMETHING"])
    def test_fractions_of_another_kind_are_none_of_the_plan_s(self, kind: str) -> None:
        assert counted(summary(group(14), group(3, kind, number=2))) == 14
        assert counted(summary(group(3, kind))) is None

    def test_groups_of_beams_add(self) -> None:
        assert counted(summary(group(14), group(2, number=2), group(None, number=3))) == 16

    def test_the_summary_that_counts_most(self) -> None:
        assert counted(summary(group(14)), summary(group(11)), summary(group(20, "BRACHY"))) == 14

    @pytest.mark.parametrize("groups", [(), (group(None),)])
    def test_one_without_counts_counts_nothing(self, groups: Sequence[GroupSummary]) -> None:
        assert counted(summary(*groups)) is None

    def test_one_of_another_plan_counts_nothing(self) -> None:
        assert counted(summary(group(14), plan="1.77")) is None


class TestBeyondRecords:
    def test_fractions_of_a_plan_that_does_not_count(self) -> None:
        (text,) = beyond(summary(group(14), plan="1.77"))
        assert "sum.dcm: expected one of the plans that count, found plan 1.77: 14 fractions" in text
        assert beyond(summary(group(0), plan="1.77")) == []
        assert beyond(summary(group(14)), shown=14) == []

    def test_fractions_without_record(self) -> None:
        (text,) = beyond(summary(group(14)), shown=12)
        assert text.endswith(
            "its treatment summary counts 14 fractions, its treatment records show 12: what the others gave "
            "is in no sum"
        )

    def test_as_many_as_the_records_with_those_of_another_kind_aside(self) -> None:
        """12 of beams and 3 of sources are 12, not 15."""
        (text,) = beyond(summary(group(12), group(3, "BRACHY", number=2)), shown=12)
        assert text == (
            "treatment summary sum.dcm: fraction group 2: FractionGroupType: expected EXTERNAL_BEAM, found "
            "BRACHY: 3 fractions of it may have been given and are in no sum"
        )

    @pytest.mark.parametrize("plan", ["definitive", "1.77", ""])
    def test_brachytherapy_is_named_whatever_its_plan(self, plan: str) -> None:
        (text,) = beyond(summary(group(None, "BRACHY", number=None), plan=plan, source=""))
        assert text == (
            "treatment summary 8.1: fraction group without number: FractionGroupType: expected "
            "EXTERNAL_BEAM, found BRACHY: an unknown number of fractions of it may have been given and are "
            "in no sum"
        )

    def test_none_that_were_given_are_named(self) -> None:
        assert beyond(summary(group(12), group(0, "BRACHY", number=2)), shown=12) == []

    def test_it_leaves_the_sums_open(self) -> None:
        found = build_treatment(make_case(summaries=(summary(group(3, "BRACHY")),)), PROTOCOL)
        assert any("found BRACHY: 3 fractions" in text for text in found.lost)
        assert len(found.ledger.course("definitive").delivered()) == 0


def test_fractions_are_whole_where_their_shares_sum_to_one() -> None:
    def visit(*given: tuple[int, str]) -> Visit:
        return Visit(
            date=None,
            begun=None,
            given=tuple(
                Given(plan_uid="1.1", fraction=number, beams=(), share=Decimal(share))
                for number, share in given
            ),
            source_uids=(),
        )

    assert whole_fractions([visit((1, "1")), visit((2, "0.6")), visit((2, "0.4"), (3, "0.9"))]) == {
        "1.1": (1, 2)
    }
    assert whole_fractions([]) == {}
