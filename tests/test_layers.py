"""The order of the modules: nothing imports from a later place."""

from __future__ import annotations

import ast
import graphlib
import sys
from pathlib import Path

import pytest

import dosecalc

PACKAGE = Path(dosecalc.__file__).parent

LAYERS = """
errors plausible tables amounts legible notebook progress
intervals quantities radiobiology transforms lattices contours areas outlines linking shapes solids sampling
spreads curves envelopes
doses structures plans registrations images records statement delivery sessions days ledger visits case
fractions book_entries
evaluation doubt celldoses accumulation dosemap mapping
dicom registrationfile casefile
goals rules rulefile protocol findings sections drawings doserows results provenance roles counts prescribed
succession courses book checking exporting schemas
plotting report
__init__
cli_completion cli_files cli_export cli_protocol cli_options cli_screen cli __main__
"""
"""Left to right within a line, upper lines first; a package stands for all of its modules."""

ORDER = LAYERS.split()
THIRD_PARTY = {"numpy", "scipy", "pydicom"}
EXTRAS = {"PIL", "contourpy", "jinja2", "rich", "shtab", "weasyprint"}
"""What the core does without: imported in the functions that need it, never when a module is."""


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(name: str) -> set[str]:
    """Modules that a module imports anywhere in it, our own with their full names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are written in full"
            module = node.module or ""
            below = {f"{module}.{alias.name}" for alias in node.names} & set(MODULES)
            found.update(below)
            if below != {f"{module}.{alias.name}" for alias in node.names}:
                found.add(module)
    return found


def own(name: str) -> set[str]:
    return {m for m in imported(name) if m.split(".")[0] == "dosecalc"}


def place(name: str) -> str:
    """The word in the layers that stands for a module."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def test_every_module_has_a_place() -> None:
    assert {place(name) for name in MODULES} <= set(ORDER)
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("name", MODULES)
def test_nothing_imports_from_a_later_place(name: str) -> None:
    mine = ORDER.index(place(name))
    later = sorted(m for m in own(name) if ORDER.index(place(m)) > mine)
    assert later == [], f"{name} stands before {later}"


def test_no_import_cycle() -> None:
    """Within packages too. ``__init__`` may import its own modules, they must not import it."""
    graph = {name: own(name) - {name} for name in MODULES}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert set(order) == set(MODULES)


def test_only_dicom_imports_pydicom() -> None:
    users = {name for name in MODULES if any(m.split(".")[0] == "pydicom" for m in imported(name))}
    assert users
    assert {place(name) for name in users} == {"dicom"}


def test_core_needs_numpy_scipy_and_pydicom_alone() -> None:
    roots = {m.split(".")[0] for name in MODULES for m in imported(name)} - {"dosecalc"}
    assert roots - set(sys.stdlib_module_names) <= THIRD_PARTY | EXTRAS


@pytest.mark.parametrize("name", MODULES)
def test_extras_are_imported_inside_functions(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    inside |= {
        id(node)
        for unless_run in ast.walk(tree)
        if isinstance(unless_run, ast.If) and getattr(unless_run.test, "id", "") == "TYPE_CHECKING"
        for node in unless_run.body
    }
    outside = [
        n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom) and id(n) not in inside
    ]
    names = {a.name for n in outside if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in outside if isinstance(n, ast.ImportFrom)}
    assert {n.split(".")[0] for n in names} & EXTRAS == set()


def test_no_module_bears_the_name_of_a_public_function() -> None:
    """Else ``dosecalc.check`` would turn into a module once something imports it."""
    modules = {place(name) for name in MODULES} - {"__init__"}
    assert dosecalc.__all__
    assert modules & set(dosecalc.__all__) == set()


@pytest.mark.parametrize("name", sorted(n for n in MODULES if place(n) in ORDER[: ORDER.index("dicom")]))
def test_numbers_and_records_touch_no_files_clock_or_environment(name: str) -> None:
    text = {m.split(".")[0] for m in imported(name)}
    assert text & {"os", "io", "shutil", "time", "subprocess", "socket", "logging"} == set()
    calls = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    forbidden = {
        "open",
        "print",
        "now",
        "today",
        "read_bytes",
        "read_text",
        "write_text",
        "write_bytes",
    }
    assert calls & forbidden == set()
