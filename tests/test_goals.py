"""Goal strings: every form, every fault with its caret, and what they measure."""

from __future__ import annotations

import pytest

from dosecalc.curves import Curve
from dosecalc.errors import GoalSyntaxError, MetricError
from dosecalc.goals import (
    Comparison,
    DoseAtPercent,
    DoseAtVolume,
    Extreme,
    Metric,
    Unit,
    VolumeAtDose,
    measure,
    metric_name,
    parse_goal,
)
from dosecalc.quantities import Bed, Eqd2, PerFraction, Physical, Quantity

LT, LE, GT, GE = Comparison.BELOW, Comparison.AT_MOST, Comparison.ABOVE, Comparison.AT_LEAST
D003, V20 = DoseAtVolume(cm3=0.03), VolumeAtDose(gy=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("D0.03cc < 3 Gy/fx", (D003, LT, 3, Unit.GY, PerFraction())),
        ("D0.03cc<3Gy/fx", (D003, LT, 3, Unit.GY, PerFraction())),
        ("  D0.03cm3   <=  45.5   Gy ", (D003, LE, 45.5, Unit.GY, Physical())),
        ("Dmax < 3 Gy/fx", (Extreme.MAXIMUM, LT, 3, Unit.GY, PerFraction())),
        ("Dmin > 10 Gy", (Extreme.MINIMUM, GT, 10, Unit.GY, Physical())),
        ("Mean <= 26 Gy", (Extreme.MEAN, LE, 26, Unit.GY, Physical())),
        ("Median <= 26 Gy BED(10)", (Extreme.MEDIAN, LE, 26, Unit.GY, Bed(alpha_beta_gy=10))),
        ("D95% >= 95 %", (DoseAtPercent(percent=95), GE, 95, Unit.PERCENT, Physical())),
        ("D100% >= 1.5 Gy", (DoseAtPercent(percent=100), GE, 1.5, Unit.GY, Physical())),
        ("V20Gy < 30 %", (V20, LT, 30, Unit.PERCENT, Physical())),
        ("V20Gy < 500 cc", (V20, LT, 500, Unit.CM3, Physical())),
        ("V20Gy < 500 cm3", (V20, LT, 500, Unit.CM3, Physical())),
        ("V20Gy EQD2(2.5) < 30 %", (V20, LT, 30, Unit.PERCENT, Eqd2(alpha_beta_gy=2.5))),
        ("V2.9Gy/fx < 0.1 cc", (VolumeAtDose(gy=2.9), LT, 0.1, Unit.CM3, PerFraction())),
        ("D0.03cc < 119 Gy EQD2(3)", (D003, LT, 119, Unit.GY, Eqd2(alpha_beta_gy=3))),
        ("D0.03cc < 135.5 Gy BED(2)", (D003, LT, 135.5, Unit.GY, Bed(alpha_beta_gy=2))),
    ],
)
def test_every_form(text: str, expected: tuple[Metric, Comparison, float, Unit, Quantity]) -> None:
    goal = parse_goal(text)
    assert (goal.metric, goal.comparison, goal.limit, goal.unit, goal.quantity) == expected
    assert str(goal) == " ".join(text.split())
    assert parse_goal(str(goal)) == goal


@pytest.mark.parametrize(
    ("text", "caret", "problem"),
    [
        ("", "^", "expected a metric: D0.03cc, D95%, V20Gy, Dmax, Dmin, Mean or Median"),
        ("max < 3 Gy", "^", "expected a metric: D0.03cc, D95%, V20Gy, Dmax, Dmin, Mean or Median"),
        ("mean < 3 Gy", "^", "expected a metric: D0.03cc, D95%, V20Gy, Dmax, Dmin, Mean or Median"),
        ("D < 3 Gy", " ^", "expected a volume such as 0.03cc or 95%"),
        ("D-1cc < 3 Gy", " ^", "expected a volume such as 0.03cc or 95%"),
        ("D.03cc < 3 Gy", " ^", "expected a volume such as 0.03cc or 95%"),
        ("D0.03 < 3 Gy", "     ^", "expected cc or % after the number"),
        ("D0.03ml < 3 Gy", "     ^", "expected cc or % after the number"),
        ("D0cc < 3 Gy", " ^", "expected a volume above 0, and at most 100 %"),
        ("D101% < 3 Gy", " ^", "expected a volume above 0, and at most 100 %"),
        ("V20 < 30 %", "   ^", "expected Gy after the number"),
        ("V < 30 %", " ^", "expected a dose such as 20Gy"),
        ("V20Gy EQD2 < 30 %", "          ^", "EQD2 needs its a/b in Gy, such as EQD2(3)"),
        ("V20cGy < 30 %", "   ^", "expected Gy after the number"),
        ("Dmax 3 Gy", "     ^", "expected <, <=, > or >="),
        ("Dmax = 3 Gy", "     ^", "expected <, <=, > or >="),
        ("Dmaximum < 3 Gy", "    ^", "expected <, <=, > or >="),
        ("Dmax < Gy", "       ^", "expected a number"),
        ("Dmax < -3 Gy", "       ^", "expected a number"),
        ("Dmax < 3", "        ^", "expected a unit: Gy, Gy/fx, % or cc"),
        ("Dmax < 3 cGy", "         ^", "expected a unit: Gy, Gy/fx, % or cc"),
        ("Dmax < 1e3 Gy", "        ^", "expected a unit: Gy, Gy/fx, % or cc"),
        ("Dmax < 3,5 Gy", "        ^", "expected a unit: Gy, Gy/fx, % or cc"),
        ("Dmax < 3 cc", "         ^", "Dmax needs a limit in Gy, Gy/fx or %"),
        ("D0.03cc < 3 cc", "            ^", "D0.03cc needs a limit in Gy, Gy/fx or %"),
        ("V20Gy < 30 Gy", "           ^", "V20Gy needs a limit in % or cc"),
        ("Dmax < 3 Gy/fraction", "           ^", "expected the end of the goal"),
        ("Dmax < 3 Gy EQD2", "                ^", "EQD2 needs its a/b in Gy, such as EQD2(3)"),
        ("Dmax < 3 Gy EQD2()", "                 ^", "expected an a/b in Gy"),
        ("Dmax < 3 Gy EQD2(0)", "                 ^", "expected an a/b above 0"),
        ("Dmax < 3 Gy EQD2(3", "                  ^", "expected )"),
        ("Dmax < 3 Gy BED", "               ^", "BED needs its a/b in Gy, such as BED(3)"),
        ("Dmax < 3 Gy or so", "            ^", "expected the end of the goal"),
        ("Dmax < 3 Gy/fx EQD2(3)", "               ^", "expected the end of the goal"),
        ("Dmax < 95 % EQD2(3)", "            ^", "expected the end of the goal"),
        ("V20Gy < 30 % EQD2(3)", "             ^", "expected the end of the goal"),
        ("Dmax < 3 Gy < 4 Gy", "            ^", "expected the end of the goal"),
        ("V14Gy <= 195 %", "         ^", "expected at most 100 % of a volume"),
        ("V20Gy < 300 %", "        ^", "expected at most 100 % of a volume"),
        ("V20Gy >= 100.1 %", "         ^", "expected at most 100 % of a volume"),
        ("V20Gy <= 100 %", "         ^", "expected less than 100 % after <=: no volume is more than 100 %"),
        ("V20Gy > 100 %", "        ^", "expected less than 100 % after >: no volume is more than 100 %"),
        ("V0Gy >= 95 %", " ^", "expected a dose above 0: all of a volume has 0 Gy"),
        *(
            (text, caret, f"expected a limit above 0 after {sign}: no dose and no volume is less than 0")
            for text, caret, sign in [
                ("D95% >= 0 %", "        ^", ">="),
                ("Dmin >= 0.0 Gy", "        ^", ">="),
                ("V20Gy >= 0 cc", "         ^", ">="),
                ("Dmax < 0 Gy/fx", "       ^", "<"),
            ]
        ),
        (f"Dmax < {'9' * 400} Gy", "       ^", "expected a number, 500000 at most"),
        ("Dmax < 500001 Gy", "       ^", "expected a number, 500000 at most"),
        ("V500001Gy < 3 cc", " ^", "expected a dose such as 20Gy, 500000 at most"),
        (f"Dmax < 3 Gy EQD2(0.{'0' * 400}1)", "                 ^", "expected an a/b above 0"),
    ],
)
def test_caret_stands_under_the_fault(text: str, caret: str, problem: str) -> None:
    with pytest.raises(GoalSyntaxError) as caught:
        parse_goal(text)
    assert str(caught.value) == f"{problem}\n    {text}\n    {caret}"


@pytest.mark.parametrize(
    "text",
    [
        "V20Gy < 100 %",
        "V20Gy >= 100 %",
        "V20Gy <= 0 %",
        "V20Gy > 0 cc",
        "V20Gy < 300 cc",
        "Dmin > 0 Gy",
        "D2% <= 107 %",
    ],
)
def test_ends_that_some_values_meet_and_others_do_not(text: str) -> None:
    assert str(parse_goal(text)) == text


CURVE = Curve.from_cells([10.0, 20.0, 30.0, 40.0], [1.0, 1.0, 1.5, 0.5])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("D0.03cc < 1 Gy", 40.0),
        ("D0.5cc < 1 Gy", 40.0),
        ("D0.51cc < 1 Gy", 30.0),
        ("D95% > 1 Gy", 10.0),
        ("D75% > 1 Gy", 20.0),
        ("Dmax < 1 Gy", 40.0),
        ("Dmin < 1 Gy", 10.0),
        ("Mean < 1 Gy", 23.75),
        ("Median < 1 Gy", 30.0),
        ("V20Gy < 1 %", 75.0),
        ("V20.01Gy < 1 %", 50.0),
        ("V20Gy < 1 cc", 3.0),
        ("V41Gy < 1 cc", 0.0),
    ],
)
def test_measured_values(text: str, value: float) -> None:
    goal = parse_goal(text)
    assert measure(goal.metric, CURVE, goal.unit) == pytest.approx(value, rel=1e-12)


def test_metric_without_an_answer_is_refused_by_name() -> None:
    with pytest.raises(MetricError, match="D5cc is not defined: the structure has 4 cm3 only"):
        measure(parse_goal("D5cc < 1 Gy").metric, CURVE)


@pytest.mark.parametrize(
    ("comparison", "below", "equal", "above"),
    [
        (LT, True, False, False),
        (LE, True, True, False),
        (GT, False, False, True),
        (GE, False, True, True),
    ],
)
def test_limits_are_strict_or_not_as_written(
    comparison: Comparison, below: bool, equal: bool, above: bool
) -> None:
    assert comparison.holds(2.9996, 3.0) is below
    assert comparison.holds(3.0, 3.0) is equal
    assert comparison.holds(3.0000001, 3.0) is above
    assert comparison.is_upper is below


@pytest.mark.parametrize("comparison", list(Comparison))
def test_no_limit_is_met_by_what_is_no_number(comparison: Comparison) -> None:
    assert comparison.holds(float("nan"), 3.0) is False


@pytest.mark.parametrize("name", ["D0.03cc", "D95%", "V20Gy", "Dmax", "Dmin", "Mean", "Median"])
def test_metrics_are_named_as_they_are_written(name: str) -> None:
    unit = "%" if name.startswith("V") else "Gy"
    assert metric_name(parse_goal(f"{name} < 1 {unit}").metric) == name
