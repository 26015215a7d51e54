"""The size budgets of the house: what exceeds one is named."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("observatory", "ingest", "alerts", "dashboards", "tests")
FUNCTION_LINES, FILE_LINES = 50, 400
BUDGETS = {".html": 150, ".css": 250, ".js": 150}


def own_files(suffix: str) -> list[Path]:
    return [
        path
        for room in ROOMS
        for path in sorted((ROOT / room).rglob(f"*{suffix}"))
        if "vendor" not in path.parts and "__pycache__" not in path.parts
    ]


def lines_of(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def long_functions(source: str) -> list[tuple[str, int]]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [(f.name, f.end_lineno - f.lineno + 1) for f in found if f.end_lineno - f.lineno + 1 > FUNCTION_LINES]


def test_no_function_is_longer_than_its_budget():
    too_long = [(str(p.relative_to(ROOT)), *f) for p in own_files(".py") for f in long_functions(p.read_text())]
    assert too_long == []


def test_no_python_file_is_longer_than_its_budget():
    assert [(str(p.relative_to(ROOT)), lines_of(p)) for p in own_files(".py") if lines_of(p) > FILE_LINES] == []


@pytest.mark.parametrize("suffix", BUDGETS)
def test_no_template_or_static_file_is_longer_than_its_budget(suffix):
    assert [(str(p.relative_to(ROOT)), lines_of(p)) for p in own_files(suffix) if lines_of(p) > BUDGETS[suffix]] == []


def test_the_counter_sees_a_long_function():
    source = "def f():\n" + "    pass\n" * FUNCTION_LINES
    assert long_functions(source) == [("f", FUNCTION_LINES + 1)]
