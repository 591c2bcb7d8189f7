"""What was delivered in which visit, from plans and treatment records."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dosecalc.delivery import Delivery, Given, Visit, deliveries
from dosecalc.errors import DosecalcError
from dosecalc.plans import BeamDose, Group, Plan
from dosecalc.records import BeamDelivery, TreatmentRecord

METERSETS = {1: "100", 2: "50", 3: "250"}
SETUP_BEAM = 9
HOURS = 2.0


def make_group(
    number: int = 1,
    *,
    metersets: Mapping[int, str | None] = METERSETS,
    fractions: int | None = 3,
) -> Group:
    """Treatment beams in an order that is not that of their numbers, and a setup beam."""
    falling = sorted(metersets, reverse=True)
    beams = [
        BeamDose(number=n, meterset=None if (m := metersets[n]) is None else Decimal(m)) for n in falling
    ]
    setup = BeamDose(number=SETUP_BEAM, meterset=None, treats=False)
    return Group(number=number, fractions=fractions, beams=(setup, *beams))


def make_plan(uid: str = "1.1", *groups: Group, label: str = "boost") -> Plan:
    return Plan(uid=uid, label=label, groups=groups or (make_group(),), source=f"{label}.dcm")


def beam(
    number: int = 1,
    delivered: str | None = "100",
    *,
    of: str | None = "100",
    fraction: int = 1,
    kind: str = "TREATMENT",
    begun: dt.datetime | None = None,
) -> BeamDelivery:
    return BeamDelivery(
        beam=number,
        fraction=fraction,
        kind=kind,
        specified=None if of is None else Decimal(of),
        delivered=None if delivered is None else Decimal(delivered),
        begun=begun,
    )


def whole(fraction: int = 1, metersets: Mapping[int, str] = METERSETS) -> list[BeamDelivery]:
    """All beams of one fraction, given whole."""
    return [beam(n, m, of=m, fraction=fraction) for n, m in metersets.items()]


def at(day: int, hour: int = 9, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, minute)


def record(
    uid: str,
    found: Sequence[BeamDelivery],
    when: dt.datetime | dt.date | None = None,
    *,
    plan: str = "1.1",
    group: int | None = 1,
) -> TreatmentRecord:
    timed = when if isinstance(when, dt.datetime) else None
    return TreatmentRecord(
        uid=uid,
        plan_uid=plan,
        group=group,
        given=timed,
        date=timed.date() if timed else when,
        deliveries=tuple(found),
        source=f"{uid}.dcm",
    )


def build(*records: TreatmentRecord, plans: Sequence[Plan] | None = None, hours: float = HOURS) -> Delivery:
    return deliveries([make_plan()] if plans is None else plans, records, visit_hours=hours)


def shares(found: Delivery) -> list[list[tuple[int, Decimal]]]:
    """Of each visit, the fractions with their shares."""
    return [[(g.fraction, g.share) for g in visit.given] for visit in found.visits]


def parts(visit: Visit) -> list[dict[int, Decimal]]:
    return [dict(g.beams) for g in visit.given]


def only(texts: Sequence[str]) -> str:
    assert len(texts) == 1, texts
    return texts[0]


ONE_BEAM = make_plan("1.1", make_group(metersets={1: "100"}))


def of_one_beam(*found: BeamDelivery) -> Delivery:
    """Each in a record of its own, one a day in the order in which they are listed."""
    return build(*(record(f"2.{n}", [d], at(n)) for n, d in enumerate(found, 1)), plans=[ONE_BEAM])


def given_parts(found: Delivery) -> list[Decimal]:
    return [g.beams[0][1] for v in found.visits for g in v.given]


class TestWhole:
    def test_a_complete_course(self) -> None:
        found = build(*(record(f"2.{n}", whole(n), at(n)) for n in (1, 2, 3)))
        ones = ((1, Decimal(1)), (2, Decimal(1)), (3, Decimal(1)))
        assert found == Delivery(
            visits=tuple(
                Visit(
                    date=dt.date(2026, 3, n),
                    begun=at(n),
                    given=(Given(plan_uid="1.1", fraction=n, beams=ones, share=Decimal(1), group=1),),
                    source_uids=(f"2.{n}",),
                )
                for n in (1, 2, 3)
            )
        )

    def test_nothing(self) -> None:
        assert build() == Delivery()
        assert build(plans=[]) == Delivery()

    def test_the_share_goes_by_meterset(self) -> None:
        found = build(record("2.1", [beam(1, "100"), beam(3, "125", of="250")], at(2)))
        assert parts(found.visits[0]) == [{1: Decimal(1), 2: Decimal(0), 3: Decimal("0.5")}]
        assert shares(found) == [[(1, Decimal("0.5625"))]]  # (100 + 125) / (100 + 50 + 250)

    def test_two_halves_on_two_days(self) -> None:
        """5 Gy in two halves: two visits of half the fraction each, not one of 5 Gy."""
        found = build(
            record("2.1", [beam(1, "300", of="600")], at(2)),
            record("2.2", [beam(1, "300", of="600", kind="CONTINUATION")], at(3)),
            plans=[make_plan("1.1", make_group(metersets={1: "600"}))],
        )
        assert shares(found) == [[(1, Decimal("0.5"))], [(1, Decimal("0.5"))]]
        assert (found.notes, found.lost) == ((), ())

    def test_thirds_sum_to_one(self) -> None:
        metersets = {1: "70", 2: "70", 3: "70"}
        found = build(
            *(record(f"2.{n}", [beam(n, "70", of="70")], at(n)) for n in (1, 2, 3)),
            plans=[make_plan("1.1", make_group(metersets=metersets))],
        )
        given_shares = [g.share for v in found.visits for g in v.given]
        assert sum(given_shares) == 1
        assert all(abs(share - Decimal(1) / 3) < Decimal("1E-11") for share in given_shares)

    def test_two_plans_of_one_visit_in_the_order_of_plans(self) -> None:
        low, boost = make_plan("1.9", label="low"), make_plan("1.1")
        found = build(
            record("2.1", [*whole(2), *whole(1)], at(2, 9)),
            record("2.2", whole(1), at(2, 10), plan="1.9"),
            plans=[low, boost],
        )
        assert [(g.plan_uid, g.fraction) for g in only_visit(found).given] == [
            ("1.9", 1),
            ("1.1", 1),
            ("1.1", 2),
        ]
        assert only_visit(found).source_uids == ("2.1", "2.2")

    def test_the_caller_s_decimal_context_decides_nothing(self) -> None:
        records = [record("2.1", [beam(1, "33.333"), beam(2, "17")], at(2))]
        with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact])):
            coarse = build(*records)
        assert coarse == build(*records)

    @pytest.mark.parametrize("hours", [-1.0, float("nan")])
    def test_visit_hours_that_make_no_sense_are_refused(self, hours: float) -> None:
        with pytest.raises(DosecalcError, match=rf"visit_hours: expected 0 or more, found {hours}$"):
            build(hours=hours)


def only_visit(found: Delivery) -> Visit:
    assert len(found.visits) == 1
    return found.visits[0]


class TestWhatCounts:
    @pytest.mark.parametrize("kind", ["TREATMENT", "CONTINUATION"])
    def test_treatment_and_continuation_do(self, kind: str) -> None:
        assert given_parts(of_one_beam(beam(kind=kind))) == [Decimal(1)]

    @pytest.mark.parametrize("kind", ["SETUP", "VERIFICATION"])
    @pytest.mark.parametrize("plan", ["1.1", "1.77"])
    def test_images_do_not_and_nothing_is_lost(self, kind: str, plan: str) -> None:
        images = [beam(1, "3", kind=kind), beam(SETUP_BEAM, "3", kind=kind)]
        assert build(record("2.1", images, at(2), plan=plan)) == Delivery()

    @pytest.mark.parametrize("kind", ["OPEN_PORTFILM", "TRMT_PORTFILM"])
    def test_portfilms_are_listed_and_not_summed(self, kind: str) -> None:
        films = [beam(2, "2.5", kind=kind), beam(1, "1.5", kind=kind, fraction=2), beam(1, None, kind=kind)]
        found = build(record("2.1", [*whole(), *films], at(2)))
        assert shares(found) == [[(1, Decimal(1))]]
        assert only(found.notes) == (
            f"plan 'boost' (boost.dcm): {kind} is not summed; metersets: fraction 1, beam 1: nothing; "
            "fraction 1, beam 2: 2.5; fraction 2, beam 1: 1.5"
        )
        assert found.lost == ()

    def test_portfilms_of_an_unknown_plan_are_listed_too(self) -> None:
        found = build(record("2.1", [beam(2, "2.5", kind="OPEN_PORTFILM")], at(2), plan="1.77"))
        assert only(found.notes).startswith("plan 1.77: OPEN_PORTFILM is not summed; metersets: fraction 1,")
        assert found.lost == ()

    @pytest.mark.parametrize(("kind", "said"), [("", "nothing"), ("WARM_UP", "WARM_UP")])
    def test_what_may_have_been_treatment_is_lost(self, kind: str, said: str) -> None:
        found = of_one_beam(beam(kind=kind))
        assert found.visits == ()
        assert only(found.lost) == (
            "treatment record 2.1.dcm: fraction 1, beam 1: TreatmentDeliveryType: expected TREATMENT, "
            f"CONTINUATION or what is neither, found {said}: its meterset 100 is not summed"
        )

    def test_a_record_without_beams_is_lost(self) -> None:
        assert build(record("2.1", [], at(2))) == Delivery(
            lost=("treatment record 2.1.dcm: expected the beams that it gave, found none",)
        )


class TestLinks:
    @pytest.mark.parametrize(("plan", "said"), [("1.77", "plan 1.77"), ("", "no plan")])
    def test_a_plan_that_does_not_count(self, plan: str, said: str) -> None:
        """An empty UID is no plan's, not even that of a plan without one."""
        found = build(
            record("2.1", [beam(2), beam(1), beam(SETUP_BEAM, kind="SETUP")], at(2), plan=plan),
            plans=[make_plan(), make_plan("")],
        )
        assert found == Delivery(
            lost=(
                f"treatment record 2.1.dcm: expected one of the plans that count, found {said}: not summed: "
                "fraction 1, beam 1; fraction 1, beam 2",
            )
        )

    def test_the_first_of_two_plans_with_one_uid(self) -> None:
        twice = [ONE_BEAM, make_plan("1.1", make_group(metersets={1: "200"}))]
        assert build(record("2.1", [beam(1, "100")], at(2)), plans=twice).lost == ()

    def test_a_record_without_file_is_named_by_its_uid(self) -> None:
        found = build(replace(record("2.1", whole(), plan="1.77"), source=""))
        assert only(found.lost).startswith("treatment record 2.1: ")

    def test_a_group_that_the_plan_does_not_have(self) -> None:
        found = build(record("2.1", [beam(2, "50", of="50")], at(2), group=3))
        assert found == Delivery(
            lost=(
                "treatment record 2.1.dcm: expected a fraction group of plan 'boost' (boost.dcm), 1, found "
                "3: not summed: fraction 1, beam 2",
            )
        )

    def test_no_group_is_the_only_one(self) -> None:
        plan = make_plan("1.1", make_group(4))
        found = build(record("2.1", whole(), at(2), group=None), plans=[plan])
        assert shares(found) == [[(1, Decimal(1))]]
        assert only_visit(found).given[0].group == 4

    def test_no_group_is_lost_where_there_are_several(self) -> None:
        plan = make_plan("1.1", make_group(1), make_group(2))
        found = build(record("2.1", whole(), at(2), group=None), plans=[plan])
        assert found.visits == ()
        assert "1, 2, found none named: not summed: fraction 1, beam 1;" in only(found.lost)

    def test_a_plan_without_groups(self) -> None:
        found = build(record("2.1", whole(), at(2)), plans=[Plan(uid="1.1")])
        assert found.visits == ()
        assert "which has none, found 1: not summed" in only(found.lost)

    def test_groups_count_their_fractions_apart(self) -> None:
        """Fraction 1 of two groups: two fractions, not one beam given twice."""
        plan = make_plan("1.1", make_group(1), make_group(2))
        records = (record("2.2", whole(), at(2), group=2), record("2.1", whole(), at(2)))
        found = build(*records, plans=[plan])
        assert [(g.group, g.fraction, g.share) for g in only_visit(found).given] == [
            (1, 1, Decimal(1)),
            (2, 1, Decimal(1)),
        ]
        assert (found.notes, found.lost) == ((), ())

    @pytest.mark.parametrize("number", [7, SETUP_BEAM])
    def test_a_beam_that_does_not_treat(self, number: int) -> None:
        found = build(record("2.1", [*whole(), beam(number, "31")], at(2)))
        assert shares(found) == [[(1, Decimal(1))]]
        assert only(found.lost) == (
            f"treatment record 2.1.dcm: fraction 1, beam {number}: expected a treatment beam of plan 'boost' "
            f"(boost.dcm), 1, 2, 3, found beam {number}: its meterset 31 is not summed"
        )

    @pytest.mark.parametrize("number", [0, -1])
    def test_a_fraction_before_the_first(self, number: int) -> None:
        found = of_one_beam(beam(fraction=number))
        assert found.visits == ()
        assert f"fraction {number}, beam 1: expected fraction 1 or later" in only(found.lost)


class TestParts:
    def test_the_plan_s_meterset_stands_in(self) -> None:
        found = build(
            record("2.1", [beam(2, "25", of=None)], at(2)),
            record("2.2", [beam(2, "25", of=None, kind="CONTINUATION")], at(3)),
            record("2.3", [beam(2, "50", of=None, fraction=2)], at(4)),
        )
        assert [dict(g.beams)[2] for v in found.visits for g in v.given] == [
            Decimal("0.5"),
            Decimal("0.5"),
            Decimal(1),
        ]
        assert found.notes[0] == (
            "plan 'boost' (boost.dcm): beam 2: records specify no meterset in fractions 1 to 2: that of the "
            "plan, 50, stands for it"
        )
        assert found.lost == ()

    @pytest.mark.parametrize("planned", [None, "0"])
    def test_without_any_specified_meterset_nothing_is_known(self, planned: str | None) -> None:
        plan = make_plan("1.1", make_group(metersets={1: planned}))
        found = build(record("2.1", [beam(of=None)], at(2)), plans=[plan])
        assert found.visits == ()
        assert "expected a specified meterset in the record or its plan, found none" in only(found.lost)
        assert "delivered 100" in only(found.lost)

    @pytest.mark.parametrize("delivered", [None, "-3", "NaN", "sNaN", "Infinity", "1E+400000", "1E-400000"])
    def test_without_delivered_meterset_nothing_is_known(self, delivered: str | None) -> None:
        found = of_one_beam(beam(1, delivered))
        assert found.visits == ()
        said = "nothing" if delivered is None else delivered
        assert only(found.lost) == (
            "treatment record 2.1.dcm: fraction 1, beam 1: delivered meterset: expected 0 or more, found "
            f"{said}: it is not summed"
        )

    def test_nothing_given_makes_no_visit(self) -> None:
        found = build(
            record("2.1", [beam(1, "0")], at(2, 8)),
            record("2.2", whole(), at(2, 11)),
            record("2.3", [beam(1, "0", fraction=2)], at(2, 13)),
            record("2.4", whole(2), at(2, 15)),
        )
        assert [v.begun for v in found.visits] == [at(2, 11), at(2, 15)]
        assert found.notes == (
            "treatment record 2.1.dcm: fraction 1, beam 1: delivered meterset 0: nothing was given",
            "treatment record 2.3.dcm: fraction 2, beam 1: delivered meterset 0: nothing was given",
        )
        assert found.lost == ()

    @pytest.mark.parametrize(
        ("delivered", "part"),
        [("99", "1"), ("101", "1"), ("98.9", "0.989"), ("101.1", "1.011"), ("50", "0.5")],
    )
    def test_within_one_percent_is_whole(self, delivered: str, part: str) -> None:
        assert given_parts(of_one_beam(beam(1, delivered))) == [Decimal(part)]

    def test_more_than_the_beam_is_kept_and_noted(self) -> None:
        found = of_one_beam(beam(1, "120"))
        assert shares(found) == [[(1, Decimal("1.2"))]]
        assert only(found.notes) == (
            "treatment record 2.1.dcm: fraction 1, beam 1: 120 % of the beam was given; summed as it is"
        )
        assert found.lost == ()

    @pytest.mark.parametrize(
        ("specified", "delivered", "part"),
        [
            ("101", "101", "1"),  # the same as planned
            ("99", "49.5", "0.5"),
            ("80", "80", "0.8"),  # less asked for: at least 80 of the planned 100
            ("125", "125", "1"),  # more asked for: never more than the beam
            ("125", "130", "1"),
            ("125", "50", "0.4"),  # 40 % of what was asked for, 50 % of what was planned
            ("80", "40", "0.4"),  # 50 % of what was asked for, 40 % of what was planned
            ("1E+9", "1E+9", "1"),  # particles in place of monitor units
            ("0", "40", "0.4"),
            ("NaN", "40", "0.4"),
        ],
    )
    def test_records_that_contradict_the_plan_give_a_lower_bound(
        self, specified: str, delivered: str, part: str
    ) -> None:
        found = of_one_beam(beam(1, delivered, of=specified))
        assert given_parts(found) == [Decimal(part)]
        if specified in {"101", "99"}:
            assert found.lost == ()
        else:
            assert only(found.lost) == (
                "treatment record 2.1.dcm: fraction 1, beam 1: specified meterset: expected 100, as in its "
                f"plan or other records, found {specified}: of its delivered {delivered}, "
                f"{float(part) * 100:g} % of the beam is summed and more may have been given"
            )

    def test_the_records_metersets_where_the_plan_has_none(self) -> None:
        plan = make_plan("1.1", make_group(metersets={1: None, 2: None}))
        found = build(
            record("2.1", [beam(1, "90", of="90"), beam(2, "15", of="30")], at(2)),
            record("2.2", [beam(2, "15", of="30", kind="CONTINUATION")], at(3)),
            plans=[plan],
        )
        assert shares(found) == [[(1, Decimal("0.875"))], [(1, Decimal("0.125"))]]
        assert (found.notes, found.lost) == ((), ())

    def test_records_that_contradict_each_other_where_the_plan_has_none(self) -> None:
        plan = make_plan("1.1", make_group(metersets={1: None}))
        found = build(
            record("2.1", [beam(1, "90", of="90")], at(2)),
            record("2.2", [beam(1, "120", of="120", fraction=2)], at(3)),
            plans=[plan],
        )
        assert given_parts(found) == [Decimal("0.75"), Decimal(1)]
        assert "2.1.dcm: fraction 1, beam 1: specified meterset: expected 120" in only(found.lost)

    def test_a_share_that_is_not_known_is_0_and_said(self) -> None:
        plan = make_plan("1.1", make_group(metersets={1: "100", 2: None}))
        found = build(record("2.1", [beam(1)], at(2)), plans=[plan])
        assert parts(found.visits[0]) == [{1: Decimal(1), 2: Decimal(0)}]
        assert shares(found) == [[(1, Decimal(0))]]
        assert "found none above 0 of beam 2: which share" in only(found.lost)

    def test_a_beam_that_has_nothing_to_give_is_not_missed(self) -> None:
        plan = make_plan("1.1", make_group(metersets={1: "100", 2: "0"}))
        found = build(record("2.1", [beam(1), beam(2, "0", of="0")], at(2)), plans=[plan])
        assert parts(found.visits[0]) == [{1: Decimal(1), 2: Decimal(0)}]
        assert shares(found) == [[(1, Decimal(1))]]
        assert found.lost == ()
        assert "nothing was given" in only(found.notes)

    def test_no_beam_has_anything_to_give(self) -> None:
        plan = make_plan("1.1", make_group(metersets={1: "0"}))
        found = build(record("2.1", [beam(1)], at(2)), plans=[plan])
        assert shares(found) == [[(1, Decimal(0))]]
        assert ["expected 0" in found.lost[0], "of beam 1: which share" in found.lost[1]] == [True, True]


class TestSeveralDeliveriesOfOneBeam:
    @pytest.mark.parametrize("kind", ["TREATMENT", "CONTINUATION"])
    def test_a_continuation_in_the_same_visit(self, kind: str) -> None:
        found = build(
            record("2.1", [beam(1, "60")], at(2, 9)),
            record("2.2", [beam(1, "40", kind=kind)], at(2, 10)),
            plans=[ONE_BEAM],
        )
        assert shares(found) == [[(1, Decimal(1))]]
        assert (found.notes, found.lost) == ((), ())

    @pytest.mark.parametrize("kind", ["TREATMENT", "CONTINUATION"])
    @pytest.mark.parametrize(
        ("last", "rest"), [("40", "0.4"), ("39", "0.4"), ("41", "0.4"), ("38.9", "0.389")]
    )
    def test_the_last_one_has_the_rest(self, kind: str, last: str, rest: str) -> None:
        found = of_one_beam(beam(1, "60"), beam(1, last, kind=kind))
        assert given_parts(found) == [Decimal("0.6"), Decimal(rest)]
        assert bool(found.notes) == (rest != "0.4")
        assert found.lost == ()

    def test_what_comes_on_top_of_the_whole_within_the_tolerance_is_said(self) -> None:
        found = of_one_beam(beam(1, "100.5"), beam(1, "0.25"))
        assert given_parts(found) == [Decimal(1)]
        assert only(found.notes) == (
            "treatment record 2.2.dcm: fraction 1, beam 1: 0.25 % on top of the whole beam is not summed"
        )

    def test_two_that_claim_the_whole_beam(self) -> None:
        found = of_one_beam(beam(1, "99"), beam(1, "100"))
        assert [v.date for v in found.visits] == [dt.date(2026, 3, 1)]
        assert given_parts(found) == [Decimal(1)]
        assert only(found.lost) == (
            "treatment record 2.2.dcm: fraction 1, beam 1: expected each part of a beam once, found 99 % in "
            "treatment record 2.1.dcm and 100 % here, which is more than the beam: the first counts, this "
            "one, meterset 100, is not summed"
        )

    @pytest.mark.parametrize(
        ("delivered", "counted"),
        [
            (["60", "42"], ["0.6"]),
            (["60", "42", "40"], ["0.6", "0.4"]),
            (["120", "5"], ["1.2"]),
            (["50", "120"], ["0.5"]),
        ],
    )
    def test_those_that_would_give_more_than_the_beam_are_lost(
        self, delivered: list[str], counted: list[str]
    ) -> None:
        found = of_one_beam(*(beam(1, d) for d in delivered))
        assert given_parts(found) == [Decimal(c) for c in counted]
        assert "2.2.dcm: fraction 1, beam 1: expected each part of a beam once" in only(found.lost)

    def test_the_first_in_time_counts_not_the_first_by_name(self) -> None:
        found = build(
            record("2.1", [beam(1, "100")], at(3)), record("2.2", [beam(1, "100")], at(2)), plans=[ONE_BEAM]
        )
        assert only_visit(found).source_uids == ("2.2",)
        assert only(found.lost).startswith("treatment record 2.1.dcm")

    def test_a_copy_under_another_uid_is_no_continuation(self) -> None:
        half = beam(1, "50", begun=at(2, 9))
        found = build(record("2.1", [half], at(2)), record("2.2", [half], at(2)), plans=[ONE_BEAM])
        assert shares(found) == [[(1, Decimal("0.5"))]]
        assert "2.2.dcm: fraction 1, beam 1" in only(found.lost)
        assert "begun at the same time with the same meterset" in only(found.lost)

    def test_equal_halves_at_times_of_their_own_are_a_continuation(self) -> None:
        halves = [beam(1, "50", begun=at(2, 9, m)) for m in (0, 20)]
        found = build(record("2.1", halves, at(2)), plans=[ONE_BEAM])
        assert shares(found) == [[(1, Decimal(1))]]
        assert found.lost == ()


class TestRestAsABeamOfItsOwn:
    """What is left of a broken-off beam, written as a whole beam: 40 of 40 after 60 of 100."""

    @pytest.mark.parametrize(
        ("rests", "expected"),
        [
            ([("40", "40")], ["0.4"]),
            ([("40", "20")], ["0.2"]),
            ([("41", "40")], ["0.4"]),  # what was asked for is the rest within the tolerance
            ([("39", "39")], ["0.4"]),  # and so is what was given: the last one has the rest
            ([("40", "10"), ("30", "30")], ["0.1", "0.3"]),
            ([("40", "10"), ("100", "30")], ["0.1", "0.3"]),  # the whole beam's, as the standard has it
            ([("40", "10"), ("30", "5"), ("25", "20")], ["0.1", "0.05", "0.2"]),
        ],
    )
    def test_parts_are_of_the_planned_beam(self, rests: list[tuple[str, str]], expected: list[str]) -> None:
        first = beam(1, "60", of="100")
        found = of_one_beam(first, *(beam(1, d, of=s, kind="CONTINUATION") for s, d in rests))
        assert given_parts(found) == [Decimal("0.6"), *map(Decimal, expected)]
        assert [v.date for v in found.visits] == [dt.date(2026, 3, n) for n in range(1, len(rests) + 2)]
        assert found.lost == ()

    def test_it_is_noted(self) -> None:
        found = of_one_beam(beam(1, "60"), beam(1, "20", of="40", kind="CONTINUATION"))
        assert found.notes == (
            "treatment record 2.2.dcm: fraction 1, beam 1: specified meterset 40: what was left of the "
            "beam's 100 after 60 % of it: the delivered 20 count as 20 %",
            "plan 'boost' (boost.dcm): fraction 1 is not complete: given were 80 % of beam 1",
        )

    def test_the_share_is_that_of_the_whole_fraction(self) -> None:
        """60 and 40 of the 100 of beam 1, beside the 50 and 250 of the others."""
        found = build(
            record("2.1", [beam(1, "60"), beam(2, "50", of="50"), beam(3, "250", of="250")], at(2)),
            record("2.2", [beam(1, "40", of="40", kind="CONTINUATION")], at(3)),
        )
        assert shares(found) == [[(1, Decimal("0.9"))], [(1, Decimal("0.1"))]]
        assert found.lost == ()

    def test_the_records_meterset_where_the_plan_has_none(self) -> None:
        found = build(
            record("2.1", [beam(1, "60")], at(2)),
            record("2.2", [beam(1, "40", of="40", kind="CONTINUATION")], at(3)),
            plans=[make_plan("1.1", make_group(metersets={1: None}))],
        )
        assert given_parts(found) == [Decimal("0.6"), Decimal("0.4")]
        assert found.lost == ()

    @pytest.mark.parametrize("when", [at(2), dt.date(2026, 3, 2), None])
    @pytest.mark.parametrize("uids", [("2.1", "2.2", "2.3"), ("2.3", "2.2", "2.1"), ("2.1", "2.1", "2.1")])
    def test_where_times_do_not_tell_a_rest_follows_what_it_is_left_of(
        self, when: dt.datetime | dt.date | None, uids: tuple[str, str, str]
    ) -> None:
        """By name alone the rest would come first, in files and within one."""
        made = [
            beam(1, "60"),
            beam(1, "10", of="40", kind="CONTINUATION"),
            beam(1, "30", of="30", kind="CONTINUATION"),
        ]
        if len(set(uids)) == 1:
            records = [record(uids[0], made, when)]
        else:
            records = [record(uid, [one], when) for uid, one in zip(uids, made, strict=True)]
        for ordered in (records, records[::-1]):
            found = build(*ordered, plans=[ONE_BEAM])
            assert sum(share for visit in shares(found) for _, share in visit) == 1
            assert found.lost == ()

    # What is no rest contradicts the plan, as any other meterset does.

    def contradicts(self, found: Delivery, name: str = "2.2.dcm: fraction 1, beam 1") -> None:
        assert f"treatment record {name}: specified meterset: expected 100, as in its plan" in only(
            found.lost
        )

    def test_a_treatment_is_no_rest(self) -> None:
        found = of_one_beam(beam(1, "60"), beam(1, "40", of="40", kind="TREATMENT"))
        self.contradicts(found)
        assert given_parts(found) == [Decimal("0.6"), Decimal("0.4")]  # at least

    @pytest.mark.parametrize("specified", ["38.9", "41.1", "60"])
    def test_another_number_is_no_rest(self, specified: str) -> None:
        self.contradicts(of_one_beam(beam(1, "60"), beam(1, "20", of=specified, kind="CONTINUATION")))

    def test_nothing_went_before(self) -> None:
        found = of_one_beam(beam(1, "40", of="40", kind="CONTINUATION"))
        self.contradicts(found, "2.1.dcm: fraction 1, beam 1")

    def test_what_went_before_gave_nothing(self) -> None:
        self.contradicts(of_one_beam(beam(1, "0"), beam(1, "40", of="40", kind="CONTINUATION")))

    def test_what_goes_before_is_of_the_same_fraction(self) -> None:
        found = of_one_beam(beam(1, "60"), beam(1, "40", of="40", kind="CONTINUATION", fraction=2))
        self.contradicts(found, "2.2.dcm: fraction 2, beam 1")

    def test_what_goes_before_is_of_the_same_beam(self) -> None:
        plan = make_plan("1.1", make_group(metersets={1: "100", 2: "100"}))
        found = build(
            record("2.1", [beam(1, "60")], at(2)),
            record("2.2", [beam(2, "40", of="40", kind="CONTINUATION")], at(3)),
            plans=[plan],
        )
        self.contradicts(found, "2.2.dcm: fraction 1, beam 2")

    def test_what_goes_before_is_earlier(self) -> None:
        found = of_one_beam(beam(1, "40", of="40", kind="CONTINUATION"), beam(1, "60"))
        self.contradicts(found, "2.1.dcm: fraction 1, beam 1")

    def test_nothing_is_left_of_a_whole_beam(self) -> None:
        self.contradicts(of_one_beam(beam(1, "100"), beam(1, "0.5", of="0.5", kind="CONTINUATION")))

    def test_what_is_left_is_not_known_after_a_part_that_is_not(self) -> None:
        """80 of 80 are at least 80 % of the planned 100: 20 of 20 are not known to be the rest."""
        found = of_one_beam(beam(1, "80", of="80"), beam(1, "20", of="20", kind="CONTINUATION"))
        assert ["2.1.dcm" in found.lost[0], "2.2.dcm" in found.lost[1]] == [True, True]
        assert given_parts(found) == [Decimal("0.8"), Decimal("0.2")]

    def test_what_is_left_is_not_known_after_a_contradiction(self) -> None:
        made = [beam(1, "60"), beam(1, "60"), beam(1, "40", of="40", kind="CONTINUATION")]
        found = of_one_beam(*made)
        assert "which is more than the beam" in found.lost[0]
        assert "2.3.dcm: fraction 1, beam 1: specified meterset: expected 100" in found.lost[1]

    def test_the_planned_meterset_is_no_rest(self) -> None:
        """99 is 100 within the tolerance, and what is left after 1: its half is half of the beam."""
        found = of_one_beam(beam(1, "1"), beam(1, "49.5", of="99", kind="CONTINUATION"))
        assert given_parts(found) == [Decimal("0.01"), Decimal("0.5")]
        assert not any("what was left" in text for text in found.notes)

    def test_more_than_the_rest_is_more_than_the_beam(self) -> None:
        found = of_one_beam(beam(1, "60"), beam(1, "45", of="40", kind="CONTINUATION"))
        assert given_parts(found) == [Decimal("0.6")]
        assert "60 % in treatment record 2.1.dcm and 45 % here, which is more than" in only(found.lost)

    def test_a_copy_of_a_rest_is_not_summed(self) -> None:
        rest = beam(1, "20", of="40", kind="CONTINUATION", begun=at(3))
        found = of_one_beam(beam(1, "60"), rest, rest)
        assert given_parts(found) == [Decimal("0.6"), Decimal("0.2")]
        assert "2.3.dcm: fraction 1, beam 1: expected each part of a beam once" in only(found.lost)


class TestSameRecord:
    def test_a_record_that_is_here_twice_counts_once(self) -> None:
        one = record("2.1", [beam(1, "50"), beam(2, "50", of="50")], at(2))
        copy = replace(one, source="copy.dcm", deliveries=one.deliveries[::-1])
        assert build(one, copy, one) == build(one)

    def test_records_without_uid_are_not_the_same(self) -> None:
        found = build(
            record("", [beam(1, "100")], at(2)),
            record("", [beam(1, "100", fraction=2)], at(3)),
            plans=[ONE_BEAM],
        )
        assert shares(found) == [[(1, Decimal(1))], [(2, Decimal(1))]]

    def test_one_uid_with_two_contents(self) -> None:
        first = replace(record("2.1", [beam(1, "100")], at(2)), source="a.dcm")
        other = replace(record("2.1", [beam(1, "100", fraction=2)], at(3)), source="b.dcm")
        for records in [(first, other), (other, first)]:
            found = build(*records, plans=[ONE_BEAM])
            assert shares(found) == [[(1, Decimal(1))]]
            assert only(found.lost) == (
                "treatment record b.dcm: expected the same as in a.dcm, which has the same UID 2.1, found "
                "other content: it is not summed"
            )

    def test_one_uid_and_one_file_with_two_contents(self) -> None:
        records = [record("2.1", [beam(1, delivered)], at(2)) for delivered in ("60", "30")]
        assert build(*records, plans=[ONE_BEAM]) == build(*records[::-1], plans=[ONE_BEAM])

    def test_equals_in_time_are_taken_in_an_order_of_their_own(self) -> None:
        """60 % and 45 % cannot both be true: which of them counts must not hang on the order of files."""
        found = [beam(1, "60"), beam(1, "45")]
        together = [build(record("2.1", each, at(2)), plans=[ONE_BEAM]) for each in (found, found[::-1])]
        assert together[0] == together[1]
        apart = [record("2.1", found[:1], at(2)), record("2.2", found[1:], at(2))]
        assert build(*apart, plans=[ONE_BEAM]) == build(*apart[::-1], plans=[ONE_BEAM])


class TestFractions:
    def test_an_incomplete_fraction_is_noted(self) -> None:
        found = build(record("2.1", [beam(1, "98.999"), beam(3, "250", of="250")], at(2)))
        assert only(found.notes) == (
            "plan 'boost' (boost.dcm): fraction 1 is not complete: given were 98.99 % of beam 1, "
            "0 % of beam 2"
        )

    def test_missing_fractions_are_noted(self) -> None:
        given_fractions = (2, 3, 5, 9)
        plan = make_plan("1.1", make_group(fractions=9))
        records = (record(f"2.{n}", whole(n), at(n)) for n in given_fractions)
        assert only(build(*records, plans=[plan]).notes) == (
            "plan 'boost' (boost.dcm): up to fraction 9, nothing is summed of fraction 1, 4, 6 to 8"
        )

    def test_a_fraction_number_out_of_all_measure(self) -> None:
        found = build(record("2.1", whole(10**12), at(2)))
        assert shares(found) == [[(10**12, Decimal(1))]]
        name = "plan 'boost' (boost.dcm)"
        assert found.notes == (
            f"{name}: up to fraction {10**12}, nothing is summed of fraction 1 to {10**12 - 1}",
            f"{name}: fraction {10**12}: beyond the 3 that are planned; summed all the same",
        )

    @pytest.mark.parametrize(("last", "said"), [(4, "fraction 4"), (5, "fractions 4 to 5")])
    def test_fractions_beyond_the_plan_count(self, last: int, said: str) -> None:
        found = build(*(record(f"2.{n}", whole(n), at(n)) for n in range(1, last + 1)))
        assert shares(found) == [[(n, Decimal(1))] for n in range(1, last + 1)]
        assert only(found.notes) == (
            f"plan 'boost' (boost.dcm): {said}: beyond the 3 that are planned; summed all the same"
        )
        assert found.lost == ()

    def test_any_number_where_the_plan_states_none(self) -> None:
        plan = make_plan("1.1", make_group(fractions=None))
        found = build(*(record(f"2.{n}", whole(n), at(n)) for n in range(1, 6)), plans=[plan])
        assert found.notes == ()

    def test_fractions_out_of_order_are_noted(self) -> None:
        days = {1: 4, 2: 2, 3: 3}
        found = build(*(record(f"2.{n}", whole(n), at(day)) for n, day in days.items()))
        assert shares(found) == [[(2, Decimal(1))], [(3, Decimal(1))], [(1, Decimal(1))]]
        assert only(found.notes) == (
            "plan 'boost' (boost.dcm): fraction 1 was given on 2026-03-04, after fraction 2 on 2026-03-02"
        )

    def test_a_fraction_continued_later_is_not_out_of_order(self) -> None:
        found = build(
            record("2.1", [beam(1, "50")], at(2)),
            record("2.2", [beam(1, "100", fraction=2)], at(3)),
            record("2.3", [beam(1, "50", kind="CONTINUATION")], at(4)),
            plans=[ONE_BEAM],
        )
        assert found.notes == ()

    def test_two_fractions_of_one_date_are_not_out_of_order(self) -> None:
        found = build(record("2.1", whole(2), at(2, 8)), record("2.2", whole(1), at(2, 16)))
        assert len(found.visits) == 2
        assert found.notes == ()

    def test_groups_are_named_where_there_are_several(self) -> None:
        plan = make_plan("1.1", make_group(1), make_group(2))
        found = build(record("2.1", whole(2), at(2), group=2), plans=[plan])
        assert only(found.notes).startswith("plan 'boost' (boost.dcm), fraction group 2: up to fraction 2")


def begins(found: Delivery) -> list[dt.datetime | None]:
    return [v.begun for v in found.visits]


class TestVisits:
    def test_elapsed_time_decides_not_the_date(self) -> None:
        found = build(record("2.1", whole(1), at(2, 23)), record("2.2", whole(2), at(3, 1)))
        assert shares(found) == [[(1, Decimal(1)), (2, Decimal(1))]]
        assert (only_visit(found).date, only_visit(found).begun) == (dt.date(2026, 3, 2), at(2, 23))

    def test_two_visits_of_one_date(self) -> None:
        found = build(record("2.1", whole(1), at(2, 9)), record("2.2", whole(2), at(2, 11, 1)))
        assert begins(found) == [at(2, 9), at(2, 11, 1)]
        assert {v.date for v in found.visits} == {dt.date(2026, 3, 2)}

    def test_the_latest_delivery_carries_a_visit_on(self) -> None:
        """9:00, 10:30 and 12:00 lie within two hours one after the other, though not all together."""
        times = [at(2, 9), at(2, 10, 30), at(2, 12), at(2, 14, 1)]
        found = build(*(record(f"2.{n}", whole(n), time) for n, time in enumerate(times, 1)))
        assert begins(found) == [at(2, 9), at(2, 14, 1)]

    def test_the_time_of_the_beam_goes_before_that_of_the_record(self) -> None:
        late = replace(beam(2, "50", of="50"), begun=at(3, 7))
        found = build(record("2.1", [beam(1), late, beam(3, "250", of="250")], at(2, 9)))
        assert begins(found) == [at(2, 9), at(3, 7)]
        assert [v.date for v in found.visits] == [dt.date(2026, 3, 2), dt.date(2026, 3, 3)]
        assert [v.source_uids for v in found.visits] == [("2.1",), ("2.1",)]
        assert shares(found) == [[(1, Decimal("0.875"))], [(1, Decimal("0.125"))]]

    def test_times_with_and_without_zone_are_the_clinic_s_clock(self) -> None:
        zone = dt.timezone(dt.timedelta(hours=8))
        found = build(
            record("2.1", whole(1), at(2, 9).replace(tzinfo=zone)), record("2.2", whole(2), at(2, 10))
        )
        assert only_visit(found).begun == at(2, 9)

    def test_without_time_of_day_a_date_is_one_visit(self) -> None:
        found = build(
            record("2.1", whole(1), at(2, 8)),
            record("2.2", whole(2), dt.date(2026, 3, 2)),
            record("2.3", whole(3), at(2, 17)),
        )
        assert (only_visit(found).date, only_visit(found).begun) == (dt.date(2026, 3, 2), None)
        assert only_visit(found).source_uids == ("2.1", "2.2", "2.3")
        assert only(found.notes) == (
            "no time of day is known of deliveries on 2026-03-02: all of one such date are taken as one visit"
        )

    def test_dates_without_time_are_noted_once(self) -> None:
        found = build(*(record(f"2.{n}", whole(n), dt.date(2026, 3, n)) for n in (1, 2, 3)))
        assert [v.date for v in found.visits] == [dt.date(2026, 3, n) for n in (1, 2, 3)]
        assert shares(found) == [[(n, Decimal(1))] for n in (1, 2, 3)]
        assert "on 2026-03-01, 2026-03-02, 2026-03-03:" in only(found.notes)

    def test_a_date_without_time_ends_the_visit_before_it(self) -> None:
        """What comes after it is not held against a time before it."""
        found = build(
            record("2.1", whole(1), at(2, 23)),
            record("2.2", whole(2), dt.date(2026, 3, 3)),
            record("2.3", whole(3), at(4, 1)),
            hours=30,
        )
        assert [v.date for v in found.visits] == [dt.date(2026, 3, n) for n in (2, 3, 4)]

    def test_a_known_time_of_an_untimed_date_still_joins_the_night_before(self) -> None:
        found = build(
            record("2.1", whole(1), at(2, 23)),
            record("2.2", whole(2), at(3, 1)),
            record("2.3", whole(3), dt.date(2026, 3, 3)),
        )
        assert (only_visit(found).date, only_visit(found).begun) == (dt.date(2026, 3, 2), None)

    def test_a_record_without_date_is_a_visit_of_its_own_at_the_end(self) -> None:
        found = build(record("2.1", whole(1)), record("2.2", whole(2)), record("2.3", whole(3), at(2)))
        assert [v.date for v in found.visits] == [dt.date(2026, 3, 2), None, None]
        assert shares(found) == [[(n, Decimal(1))] for n in (3, 1, 2)]
        assert found.notes == (
            "treatment record 2.1.dcm: no date: taken as a visit of its own, after all others",
            "treatment record 2.2.dcm: no date: taken as a visit of its own, after all others",
        )

    def test_what_is_lost_makes_no_visit(self) -> None:
        found = build(record("2.1", whole(1), at(2)), record("2.2", whole(1), at(3), plan="1.77"))
        assert [v.date for v in found.visits] == [dt.date(2026, 3, 2)]


# Laws


def tenths(low: int, high: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda n: Decimal(n).scaleb(-1))


METERSET = tenths(200, 9000)
TIMES = st.one_of(
    st.none(),
    st.dates(dt.date(2026, 3, 1), dt.date(2026, 3, 9)),
    st.datetimes(dt.datetime(2026, 3, 1), dt.datetime(2026, 3, 9)).map(lambda t: t.replace(microsecond=0)),
)
USUAL_METERSET = st.sampled_from([Decimal(s) for s in ("100", "100", "60", "40")])  # whole, begun, rest
ODD_METERSET = st.one_of(
    st.none(), METERSET, st.sampled_from([Decimal(s) for s in ("0", "-1", "NaN", "sNaN")])
)


@st.composite
def odd_records(draw: st.DrawFn) -> list[TreatmentRecord]:
    """Anything that a reader could hand on."""
    kinds = ["TREATMENT"] * 6 + ["CONTINUATION"] * 3 + ["SETUP", "OPEN_PORTFILM", ""]
    found = []
    for n in range(draw(st.integers(1, 8))):
        given_deliveries = [
            BeamDelivery(
                beam=draw(st.sampled_from([1, 2, 3, 3, SETUP_BEAM])),
                fraction=draw(st.integers(0, 4)),
                kind=draw(st.sampled_from(kinds)),
                specified=draw(st.one_of(USUAL_METERSET, ODD_METERSET)),
                delivered=draw(st.one_of(USUAL_METERSET, ODD_METERSET)),
                begun=draw(st.one_of(st.none(), st.sampled_from([at(2, 9), at(2, 10), at(3, 1)]))),
            )
            for _ in range(draw(st.integers(0, 4)))
        ]
        uid = draw(st.sampled_from(["2.1", "2.2", "2.3", f"2.{n + 4}", ""]))
        plan = draw(st.sampled_from(["1.1", "1.1", "1.2", "1.77"]))
        group = draw(st.sampled_from([None, 1, 1, 2]))
        found.append(record(uid, given_deliveries, draw(TIMES), plan=plan, group=group))
    return found


PLANS = [
    make_plan("1.1", make_group(metersets={1: "100", 2: None, 3: "0"})),
    make_plan("1.2", make_group(1, metersets={1: "90.9", 3: "100"}), make_group(2)),
]


@settings(max_examples=150, deadline=None)
@given(odd_records(), st.randoms(use_true_random=False), st.sampled_from([0.0, 2.0, 30.0]))
def test_the_order_of_records_and_of_their_deliveries_changes_nothing(
    records: list[TreatmentRecord], random: Random, hours: float
) -> None:
    mixed = []
    for one in random.sample(records, len(records)):
        inside = random.sample(one.deliveries, len(one.deliveries))
        mixed.append(replace(one, deliveries=tuple(inside)))
    found = deliveries(PLANS, records, visit_hours=hours)
    assert deliveries(PLANS, mixed, visit_hours=hours) == found
    for visit in found.visits:
        assert all(share >= 0 for g in visit.given for share in (g.share, *(p for _, p in g.beams)))
        assert any(part > 0 for g in visit.given for _, part in g.beams)


Made = tuple[list[Plan], list[tuple[str, BeamDelivery]]]


@st.composite
def courses(draw: st.DrawFn) -> Made:
    """Plans, and deliveries of whole beams, halves and other parts, each with a time of its own.

    No two begin at one time, and no beam is given more than once.
    """
    plans: list[Plan] = []
    found: list[tuple[str, BeamDelivery]] = []
    stride = draw(st.integers(1, 10006))
    for uid in draw(st.sampled_from([["1.1"], ["1.1", "1.2"]])):
        metersets = draw(st.lists(METERSET, min_size=1, max_size=4))
        count = draw(st.integers(1, 4))
        group = make_group(metersets={n: str(m) for n, m in enumerate(metersets, 1)}, fractions=count)
        plans.append(make_plan(uid, group, label=f"p{uid}"))
        for fraction in range(1, count + 1):
            left_out = draw(st.sampled_from([0, 0, 1, 2]))
            for n, meterset in enumerate(metersets, 1):
                cut = draw(st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.3"), Decimal("0.125")]))
                for part in (cut, 1 - cut) if n != left_out else ():
                    # Multiples of a number below a prime are all different, modulo the prime.
                    minute = len(found) * stride % 10007
                    when = dt.datetime(2026, 3, 1) + dt.timedelta(minutes=minute)
                    size = str(meterset * part)
                    if part:
                        given_part = beam(n, size, of=str(meterset), fraction=fraction, begun=when)
                        found.append((uid, given_part))
    return plans, found


def as_records(found: Sequence[tuple[str, BeamDelivery]]) -> Iterator[TreatmentRecord]:
    for n, (uid, one) in enumerate(found):
        yield record(f"2.{n}", [one], one.begun, plan=uid)


@settings(max_examples=100, deadline=None)
@given(courses())
def test_shares_sum_to_what_was_delivered(
    course: Made,
) -> None:
    """Against delivered metersets over planned ones, summed without visits or parts."""
    plans, made = course
    found = deliveries(plans, list(as_records(made)), visit_hours=2)
    assert found.lost == ()
    planned = {p.uid: sum(Fraction(b.meterset or 0) for b in p.groups[0].beams) for p in plans}
    sums: dict[tuple[str, int], Decimal] = {}
    for visit in found.visits:
        for g in visit.given:
            sums[g.plan_uid, g.fraction] = sums.get((g.plan_uid, g.fraction), Decimal(0)) + g.share
    expected: dict[tuple[str, int], Fraction] = {}
    for uid, one in made:
        share = Fraction(one.delivered or 0) / planned[uid]
        expected[uid, one.fraction] = expected.get((uid, one.fraction), Fraction(0)) + share
    assert sums.keys() == expected.keys()
    for key, share in expected.items():
        assert abs(Fraction(sums[key]) - share) <= Fraction(1, 10**12)
        assert (sums[key] == 1) == (share == 1)


@settings(max_examples=100, deadline=None)
@given(courses(), st.integers(0, 3))
def test_visits_are_the_gaps_of_more_than_the_hours(course: Made, hours: int) -> None:
    plans, made = course
    times = sorted(one.begun for _, one in made if one.begun)
    first = [
        later
        for earlier, later in zip([dt.datetime.min, *times], times, strict=False)
        if later - earlier > dt.timedelta(hours=hours)
    ]
    assert begins(deliveries(plans, list(as_records(made)), visit_hours=hours)) == first


@settings(max_examples=100, deadline=None)
@given(courses(), st.data())
def test_a_delivery_split_into_two_records_of_one_visit_changes_only_the_records(
    course: Made, data: st.DataObject
) -> None:
    plans, made = course
    records = list(as_records(made))
    before = deliveries(plans, records, visit_hours=2)
    assume(records)
    split = data.draw(st.sampled_from(records))
    (one,) = split.deliveries
    assert one.delivered is not None
    assert one.begun is not None
    cut = one.delivered / data.draw(st.integers(2, 9))
    later = one.begun + dt.timedelta(seconds=30)
    halves = (
        replace(split, deliveries=(replace(one, delivered=cut),)),
        record(
            "2.999",
            [replace(one, delivered=one.delivered - cut, kind="CONTINUATION", begun=later)],
            later,
            plan=split.plan_uid,
        ),
    )
    after = deliveries(plans, [r for r in records if r is not split] + list(halves), visit_hours=2)
    visits = [
        replace(
            v,
            source_uids=tuple(sorted({*v.source_uids, "2.999"}))
            if split.uid in v.source_uids
            else v.source_uids,
        )
        for v in before.visits
    ]
    assert after == replace(before, visits=tuple(visits))


@settings(max_examples=100, deadline=None)
@given(METERSET, st.lists(st.integers(1, 9), min_size=2, max_size=5), st.booleans(), st.randoms())
def test_rests_written_as_beams_of_their_own_change_nothing(
    meterset: Decimal, tenths_each: list[int], is_complete: bool, random: Random
) -> None:
    """Against the same deliveries as the standard has them, each with the meterset of the whole beam."""
    parts_of_beam = [Fraction(n, sum(tenths_each)) for n in tenths_each]
    if not is_complete:
        parts_of_beam[-1] /= 2
    plan = make_plan("1.1", make_group(metersets={1: str(meterset), 2: "77"}))
    as_rests, as_whole, left = [], [], Fraction(meterset)
    for n, part in enumerate(parts_of_beam, 1):
        given_part = round(part * Fraction(meterset) * 10**6)
        size, rest = f"{given_part}E-6", f"{round(left * 10**6)}E-6"
        kind = "CONTINUATION" if n > 1 else "TREATMENT"
        as_whole.append(record(f"2.{n}", [beam(1, size, of=str(meterset), kind=kind)], at(n)))
        as_rests.append(record(f"2.{n}", [beam(1, size, of=rest, kind=kind)], at(n)))
        left -= Fraction(given_part, 10**6)
    random.shuffle(as_rests)
    found, expected = build(*as_rests, plans=[plan]), build(*as_whole, plans=[plan])
    assert found.lost == ()
    assert found.visits == expected.visits
    assert set(found.notes) >= set(expected.notes)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(METERSET, min_size=1, max_size=5),
    st.integers(1, 28),
    st.lists(st.integers(990, 1010), min_size=5, max_size=5),
)
def test_complete_courses_give_exactly_one_share_a_fraction(
    metersets: list[Decimal], count: int, thousandths: list[int]
) -> None:
    """Whatever a machine gives too much or too little within the tolerance."""
    plan = make_plan(
        "1.1", make_group(metersets={n: str(m) for n, m in enumerate(metersets, 1)}, fractions=count)
    )
    records = []
    for fraction in range(1, count + 1):
        when = dt.datetime(2026, 3, 1, 9) + dt.timedelta(days=fraction)
        found = [
            beam(n, str(m * thousandths[n - 1] / 1000), of=str(m), fraction=fraction)
            for n, m in enumerate(metersets, 1)
        ]
        records.append(record(f"2.{fraction}", found, when))
    found_delivery = build(*records, plans=[plan])
    assert shares(found_delivery) == [[(n, Decimal(1))] for n in range(1, count + 1)]
    assert {part for v in found_delivery.visits for g in v.given for _, part in g.beams} == {Decimal(1)}
    assert (found_delivery.notes, found_delivery.lost) == ((), ())
