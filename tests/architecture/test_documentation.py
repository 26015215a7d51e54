"""What can be set, asked and measured is documented; the house has its fixed entrance."""

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READERS = {"text", "choice", "integer", "boolean", "words"}
TOP_LEVEL = [
    "manage.py",
    "observatory",
    "ingest",
    "dashboards",
    "alerts",
    "tests",
    "docker-compose.yml",
    "requirements.txt",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "pyproject.toml",
    "requirements-dev.txt",
    "Makefile",
    "Dockerfile",
    ".env.example",
    ".ci/run",
]


def variables_read() -> set[str]:
    """Every environment variable that a settings reader is asked for by name."""
    found = set()
    for path in (ROOT / "observatory").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS:
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == "here" and isinstance(node.args[0], ast.Constant):
                    found.add(node.args[0].value)
    return found | {"DATABASE_URL", "DATABASE_JOBS_URL", "DATABASE_OWNER_URL"}


def test_every_setting_is_documented():
    text = (ROOT / "docs/reference/settings.md").read_text()
    assert len(variables_read()) > 10
    assert {name for name in variables_read() if f"`{name}`" not in text} == set()


def test_every_metric_is_documented():
    from observatory.metrics.definitions import METRICS

    text = "".join(page.read_text() for page in (ROOT / "docs/reference/metrics").glob("*.md"))
    sections = {section.split("`")[0]: section for section in text.split("\n### `")[1:]}
    assert set(METRICS) == set(sections)
    assert {name for name, section in sections.items() if "\n* Example: " not in section} == set()


def test_every_address_of_the_api_is_documented():
    from tests.harness.doors import all_doors

    text = (ROOT / "docs/reference/api.md").read_text()
    routes = [door.route.removeprefix("api/v1") for door in all_doors() if door.route.startswith("api/v1/")]
    assert len(routes) > 12
    assert [route for route in routes if f"{route.split('<')[0]}{'{' * ('<' in route)}" not in text] == []


def test_every_field_that_apps_may_send_is_documented():
    from ingest.kinds import BY_WORD, KINDS_OF_FEEDBACK, STRUCTS

    text = (ROOT / "docs/reference/api.md").read_text()
    fields = {field for struct in STRUCTS for field in struct.__struct_fields__}
    assert {name for name in fields | set(BY_WORD) | set(KINDS_OF_FEEDBACK) if f"`{name}`" not in text} == set()


def test_every_flag_of_an_interaction_is_documented():
    from ingest.dimensions import Flag

    text = (ROOT / "docs/reference/api.md").read_text()
    assert [flag.name.lower() for flag in Flag if f"`{flag.name.lower()}`" not in text] == []


def test_every_management_command_is_documented():
    text = (ROOT / "docs/reference/commands.md").read_text()
    commands = {
        path.stem
        for path in ROOT.glob("*/**/management/commands/*.py")
        if path.stem != "__init__" and ".venv" not in path.parts
    }
    assert {name for name in commands if f"`{name}`" not in text and f"`{name} " not in text} == set()


def test_the_top_level_is_what_its_owner_fixed():
    assert [name for name in TOP_LEVEL if not (ROOT / name).exists()] == []


def test_no_file_holds_a_mark_of_unfinished_work():
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    ours = [
        ROOT / n
        for n in listed
        if n.endswith((".py", ".html", ".css", ".js", ".md")) and "vendor" not in n and "/data/" not in n
    ]
    assert [str(path) for path in ours if path.exists() and words.search(path.read_text())] == []


def test_links_between_documents_lead_somewhere():
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append((page.name, target))
    assert broken == []
