"""JSON Schema of what the commands write: all of it is described, and what is not of the format is refused.

Without ``jsonschema`` what needs it skips. The results of the sample plans are held against the schema in
``test_sample_plans``, where they are made.
"""

from __future__ import annotations

import copy
import functools
import importlib.util
import json
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from cases import Changed, cumulative, judged, make_case
from test_ledger_view import broken_off, view
from test_recovery import recovering, with_prior
from test_visits import begun, definitive, induction

from dosecalc import Allowance, Finding, cli, json_schema, remaining
from dosecalc.errors import InputError
from dosecalc.findings import Outcome
from dosecalc.intervals import Band, Interval, Source
from dosecalc.report.ledger_files import ledger_json
from dosecalc.results import DecisionState, Metrics, StopDose
from dosecalc.rules import Level
from dosecalc.sampling import Settings
from dosecalc.schemas import SCHEMAS
from dosecalc.sessions import State
from dosecalc.shapes import Between, EndCaps
from dosecalc.statement import EventKind

HAS_JSONSCHEMA = importlib.util.find_spec("jsonschema") is not None
needs_jsonschema = pytest.mark.skipif(not HAS_JSONSCHEMA, reason="jsonschema is not installed")
Data = dict[str, Any]
COARSE = Settings(cells=50)


@functools.cache
def validator(of: str) -> Any:
    from jsonschema import Draft202012Validator

    schema = json_schema(of)
    return Draft202012Validator(inlined(schema, schema["$defs"]))


def inlined(schema: Any, definitions: Data) -> Any:
    """The same schema without references, which takes two thirds of the time."""
    if isinstance(schema, dict):
        own = {k: inlined(v, definitions) for k, v in schema.items() if k not in {"$ref", "$defs"}}
        name = schema.get("$ref")
        return own | (inlined(definitions[name.rpartition("/")[2]], definitions) if name else {})
    return [inlined(each, definitions) for each in schema] if isinstance(schema, list) else schema


def faults(of: str, data: object) -> list[str]:
    """What is wrong with the JSON of a command; nothing can be said without jsonschema."""
    if not HAS_JSONSCHEMA:
        return []
    return [f"{of}: {e.json_path}: {e.message[:200]}" for e in validator(of).iter_errors(data)]


def wrong_bounds(data: object, path: str = "$") -> Iterator[str]:
    """Places where 0 stands for what may be any dose at all, or a value for what is certain of it."""
    if isinstance(data, dict):
        for value, high in (("value", "high"), ("measured", "high"), ("given", "given_at_most")):
            is_open = {value, high} <= set(data) and data[high] is None
            if is_open and data[value] == 0:
                yield f"{path}: {value} is 0 and may be any more"
            if is_open and value == "value" and data[value] != data["low"]:
                yield f"{path}: {data[value]} may be any more, and no less than {data['low']}"
        for key, each in data.items():
            yield from wrong_bounds(each, f"{path}.{key}")
    elif isinstance(data, list):
        for number, each in enumerate(data):
            yield from wrong_bounds(each, f"{path}[{number}]")


def strict(text: str) -> Data:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    found: Data = json.loads(text, parse_constant=refuse)
    return found


def nodes(schema: object) -> Iterator[Data]:
    """Every schema within a schema."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            within = value.values() if key in {"properties", "$defs"} else [value]
            for each in within:
                yield from nodes(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from nodes(each)


@pytest.mark.parametrize("of", SCHEMAS)
class TestSchema:
    def test_is_one_and_holds_an_example(self, of: str) -> None:
        if not HAS_JSONSCHEMA:
            pytest.skip("jsonschema is not installed")
        from jsonschema import Draft202012Validator

        Draft202012Validator.check_schema(json_schema(of))
        example = {"check": _checked, "remaining": _left, "ledger": _book}[of]()
        assert Draft202012Validator(json_schema(of)).is_valid(json.loads(example))

    def test_every_key_is_described_and_no_other_is_allowed(self, of: str) -> None:
        objects = [n for n in nodes(json_schema(of)) if n.get("type") == "object"]
        assert objects
        for found in objects:
            assert found["additionalProperties"] is False
            assert set(found["required"]) <= set(found["properties"])
            for name, described in found["properties"].items():
                text = described["description"]
                assert text.endswith("."), name
                assert 8 < len(text) < 160, name

    def test_units_are_said(self, of: str) -> None:
        for found in nodes(json_schema(of)):
            for name, described in found.get("properties", {}).items():
                for ending, unit in {"_gy": "Gy", "_cm3": "cm3", "_mm": "mm", "_percent": "%"}.items():
                    assert not str(name).endswith(ending) or unit in described["description"], name

    def test_is_printed(self, of: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["schema", of]) == 0
        assert json.loads(capsys.readouterr().out) == json_schema(of)


def test_no_other_schema(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="expected one of check, remaining, ledger, found 'dvh'"):
        json_schema("dvh")
    assert cli.main(["schema", "dvh"]) == 2
    assert "invalid choice" in capsys.readouterr().err


def test_choices_are_those_of_the_code() -> None:
    check, ledger = json_schema("check"), json_schema("ledger")
    finding, stop = (check["$defs"][n]["properties"] for n in ("finding", "stop_point"))
    settings = check["properties"]["provenance"]["properties"]["settings"]["properties"]
    assert finding["outcome"]["enum"] == [o.value for o in Outcome]
    assert check["properties"]["outcome"]["enum"] == [o.value for o in Outcome if o is not Outcome.NOT_DUE]
    assert finding["level"]["enum"] == [level.value for level in Level]
    assert sorted(finding["band"]["properties"]) == sorted(s.value for s in Source)
    assert stop["state"]["enum"] == [*(s.value for s in DecisionState), None]
    assert settings["end_caps"]["enum"] == [c.value for c in EndCaps]
    assert settings["between"]["enum"] == [b.value for b in Between]
    assert ledger["$defs"]["session"]["properties"]["state"]["enum"] == [s.value for s in State]
    assert ledger["$defs"]["event"]["properties"]["kind"]["enum"] == [k.value for k in EventKind]


@functools.cache
def checked_recovered() -> Data:
    """With a band over a range of a/b, and a row less what is recovered from."""
    protocol = recovering("D0.03cc < 107 Gy EQD2(3)")
    found = strict(judged(with_prior(), protocol=protocol, cells=50).to_json())
    assert any("alpha_beta" in f["band"] for f in found["findings"])
    assert found["stop_points"][0]["rules"]
    assert any(r["course"] == "total, recovered" for s in found["structures"] for r in s["rows"])
    return found


def checked_incomplete() -> Data:
    change = {"boost": Changed(cut_x_mm=(-25, 25)), "low": Changed(left_gy=4.0)}
    return strict(judged(make_case(change=change, no_dose=("definitive",)), cells=50).to_json())


@needs_jsonschema
@pytest.mark.parametrize("make", [checked_recovered, checked_incomplete])
def test_checks(make: Callable[[], Data]) -> None:
    """What no sample plan has: limits on sums, with both futures and bands, and doses that are missing."""
    found = make()
    assert faults("check", found) == []
    assert faults("check", {**found, "patient": {"name": "Doe^Jane", "id": "P-1"}}) == []


@needs_jsonschema
def test_what_is_left() -> None:
    protocol = cumulative("Dmax <= 60 Gy EQD2(3)")
    for case in (
        make_case(),
        begun([*induction(), *definitive(12)]),
        make_case(no_dose=("low",)),
        with_prior(),
    ):
        data = strict(remaining(case, protocol, settings=COARSE).to_json())
        assert len(data["remaining"]) == 1
        assert faults("remaining", data) == []


@needs_jsonschema
def test_book() -> None:
    assert faults("ledger", strict(ledger_json(view(broken_off())))) != []  # it has a provenance of a test
    assert faults("ledger", book()) == []
    assert faults("ledger", {**book(), "patient": {"name": "Doe^Jane", "id": "P-1"}}) == []


@functools.cache
def _book() -> str:
    provenance = {
        "dosecalc": "0",
        "pydicom": "not installed",
        "protocol": {"name": "p", "title": "t", "source": "s", "file": "p.toml", "sha256": "0" * 64},
        "as_of": None,
        "after_fraction": {"course": "definitive", "fraction": 3},
        "inputs": [],
    }
    return json.dumps({**strict(ledger_json(view(broken_off()))), "provenance": provenance})


def book() -> Data:
    return strict(_book())


@functools.cache
def _left() -> str:
    return remaining(make_case(), cumulative("Dmax <= 60 Gy EQD2(3)"), settings=COARSE).to_json()


@functools.cache
def _checked() -> str:
    return json.dumps(first_two(checked_recovered()))


def first_two(data: object) -> object:
    """The same with no list longer than two, so that it is looked through quickly."""
    if isinstance(data, dict):
        return {key: first_two(value) for key, value in data.items()}
    return [first_two(value) for value in data[:2]] if isinstance(data, list) else data


def places(data: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of all objects."""
    if isinstance(data, dict):
        yield path
        for key, value in data.items():
            yield from places(value, (*path, key))
    elif isinstance(data, list) and data:
        for number, value in enumerate(data):
            yield from places(value, (*path, number))


def at(data: Any, path: tuple[str | int, ...]) -> Any:
    return functools.reduce(lambda found, key: found[key], path, data)


@needs_jsonschema
@pytest.mark.parametrize("of", ["check", "ledger"])
def test_a_key_that_is_missing_or_unknown_is_refused_anywhere(of: str) -> None:
    data = strict(_checked()) if of == "check" else first_two(book())
    seen = set()  # shapes, of which each is changed once
    for path in places(data):
        here = at(data, path)
        shape = (tuple(k for k in path if isinstance(k, str)), tuple(here))
        if shape in seen or (path and path[-1] == "band"):
            continue
        seen.add(shape)
        less, more = copy.deepcopy(data), copy.deepcopy(data)
        at(more, path)["one more"] = 1
        assert not validator(of).is_valid(more), path
        if here:
            del at(less, path)[next(iter(here))]
            assert not validator(of).is_valid(less), path
    assert len(seen) > 8


@needs_jsonschema
@pytest.mark.parametrize(
    ("key", "value"),
    [
        (("outcome",), "PASSED"),
        (("outcome",), "NOT DUE"),
        (("format_version",), 2),
        (("findings", 0, "level"), "optional"),
        (("findings", 0, "outcome"), None),
        (("findings", 0, "measured"), "NaN"),
        (("findings", 0, "due"), "1 May 2026"),
        (("findings", 0, "hot_spot_xyz_mm"), [1.0, 2.0]),
        (("findings", 0, "comparison"), "about"),
        (("findings", 0, "band"), {"weather": {"low": 1.0, "high": 2.0}}),
        (("structures", 0, "volume_cm3"), -1.0),
        (("structures", 0, "rows", 0, "sessions"), 1.5),
        (("structures", 0, "rows", 0, "physical", "max_gy"), 3.0),
        (("structures", 0, "problem"), None),
        (("stop_points", 0, "state"), "MAYBE"),
        (("provenance", "inputs", 0, "sha256"), "abc"),
        (("provenance", "settings", "end_caps"), "round"),
        (("patient",), "Doe^Jane"),
    ],
)
def test_what_is_of_another_kind_is_refused(key: tuple[str | int, ...], value: object) -> None:
    data = strict(_checked())
    assert faults("check", data) == []
    at(data, key[:-1])[key[-1]] = value
    assert faults("check", data)


def test_what_is_not_known_is_null_and_never_0() -> None:
    """A course without dose, a structure that no dose reaches, and a limit of which nothing is used up."""
    assert list(wrong_bounds({"a": [{"value": 0.0, "low": 0.0, "high": None}]}))
    assert list(wrong_bounds({"a": [{"value": 2.0, "low": 1.0, "high": None}]}))
    assert list(wrong_bounds(checked_incomplete())) == []
    left = remaining(make_case(no_dose=("low", "boost")), cumulative("Dmax <= 60 Gy"), settings=COARSE)
    assert list(wrong_bounds(strict(left.to_json()))) == []
    nothing = Interval(value=0.0, low=0.0, high=math.inf)
    doses = StopDose(structure="a", quantity="q", metric="mean", at_stop=nothing, full=nothing).to_dict()
    assert (doses["at_stop"], doses["full"], doses["lower_bounds"]) == (None, None, True)
    metrics = Metrics(min_gy=nothing, mean_gy=nothing, near_max_gy=nothing, max_gy=nothing).to_dict()
    assert metrics["max_gy"] == {"value": None, "low": None, "high": None}
    found = Finding(rule="R", title="t", level=Level.REQUIRED, outcome=Outcome.NOT_EVALUATED, message="m",
                    band=Band(value=0.0), deciding=nothing).to_dict()  # fmt: skip
    assert (found["measured"], found["low"], found["high"]) == (None, None, None)
    given = Allowance(rule="R", structure="a", metric="m", limit=1.0, unit="Gy", given=nothing).to_dict()
    assert (given["given"], given["given_at_most"]) == (None, None)


def test_numbers_that_json_does_not_have_are_not_written() -> None:
    """A schema cannot refuse NaN, which Python takes for a number; the text that holds it is no JSON."""
    found = judged(make_case(), only=("R15",), cells=50)
    broken = found.__class__(outcome=found.outcome, provenance={"settings": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        broken.to_json()
    with pytest.raises(AssertionError, match="NaN"):
        strict('{"measured": NaN}')


def test_exact_doses_are_read_by_fraction() -> None:
    from fractions import Fraction

    doses = [Fraction(e["dose"]["gy"]) for e in book()["entries"] if e["entry"] == "session"]
    assert sum(doses) == Decimal("21.5")
