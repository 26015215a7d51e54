"""Imports run one way, without circles, and the web stays light."""

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("ingest", "observatory", "alerts", "dashboards")
HEAVY = {"numpy", "pandas", "scipy", "plotly"}


def test_the_contracts_of_the_four_floors_hold():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def circle_of(graph: grimp.ImportGraph) -> list[str]:
    """The modules of one import circle, or an empty list."""
    own = [module for module in graph.modules if module.split(".")[0] in ROOMS]
    imports = {module: graph.find_modules_directly_imported_by(module) for module in own}
    try:
        tuple(TopologicalSorter(imports).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_takes_part_in_an_import_circle():
    graph = grimp.build_graph(*ROOMS, exclude_type_checking_imports=True, cache_dir=None)
    assert circle_of(graph) == []


def test_the_circle_finder_finds_a_circle():
    graph = grimp.ImportGraph()
    for module in ("ingest.a", "ingest.b"):
        graph.add_module(module)
    graph.add_import(importer="ingest.a", imported="ingest.b")
    graph.add_import(importer="ingest.b", imported="ingest.a")
    assert set(circle_of(graph)) == {"ingest.a", "ingest.b"}


@pytest.mark.parametrize("entry", ["observatory.wsgi", "observatory.celery"])
def test_web_and_workers_start_without_the_heavy_libraries(entry, installation):
    probe = (
        f"import sys, importlib; importlib.import_module('{entry}')\n"
        "from django.urls import get_resolver; list(get_resolver().url_patterns)\n"
        f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=ROOT,
        env=installation.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stdout + done.stderr
