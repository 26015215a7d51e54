"""What the browser is given: small, ours, and under the strict policy."""

import gzip
import re
from pathlib import Path

import brotli
import pytest
from plotly.offline import get_plotlyjs_version

import dashboards
from dashboards import cohorts

STATIC = Path(dashboards.__path__[0]) / "static" / "dashboards"
SHEETS = sorted((STATIC / "css").glob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
VENDORED = sorted((STATIC / "vendor").glob("*.js"))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_colours_are_written_once(sheet: Path) -> None:
    literals = re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", sheet.read_text(encoding="utf-8"))
    assert sheet.name == "tokens.css" or literals == []


def test_every_colour_used_is_a_token() -> None:
    tokens = set(re.findall(r"^\s*(--[\w-]+):", "\n".join(s.read_text(encoding="utf-8") for s in SHEETS), re.MULTILINE))
    tokens |= set(re.findall(r"(--[\w-]+):", (STATIC / "css" / "tokens.css").read_text(encoding="utf-8")))
    used = {name for sheet in SHEETS for name in re.findall(r"var\((--[\w-]+)\)", sheet.read_text(encoding="utf-8"))}
    assert used <= tokens


def test_every_sheet_lives_in_a_layer_and_the_first_one_orders_them() -> None:
    assert (
        (STATIC / "css" / "tokens.css")
        .read_text(encoding="utf-8")
        .startswith("@layer tokens, base, layout, components, utilities;")
    )
    for sheet in SHEETS:
        assert re.search(r"^@layer \w+ \{", sheet.read_text(encoding="utf-8"), re.MULTILINE), sheet.name


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_our_scripts_are_strict_and_never_build_code_or_html_from_text(script: Path) -> None:
    code = script.read_text(encoding="utf-8")
    assert code.startswith('"use strict";')
    assert not re.search(
        r"\beval\(|new Function|innerHTML|outerHTML\s*=|document\.write|\.style\b|setAttribute\(\"style\"", code
    )


@pytest.mark.parametrize("library", VENDORED, ids=lambda library: library.name)
def test_compressed_copies_hold_the_same_bytes(library: Path) -> None:
    content = library.read_bytes()
    assert gzip.decompress(library.with_name(library.name + ".gz").read_bytes()) == content
    assert brotli.decompress(library.with_name(library.name + ".br").read_bytes()) == content


def test_plotly_js_is_the_version_that_plotly_declares() -> None:
    head = (STATIC / "vendor" / "plotly-basic.min.js").read_text(encoding="utf-8")[:400]
    assert f"plotly.js (basic - minified) v{get_plotlyjs_version()}" in head
    assert "MIT" in (STATIC / "vendor" / "plotly.LICENSE").read_text(encoding="utf-8")


def test_pages_ask_nothing_from_elsewhere() -> None:
    for file in [*SHEETS, *SCRIPTS]:
        assert not re.search(r"https?://|@import|//cdn", file.read_text(encoding="utf-8")), file.name


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palette() -> dict[str, tuple[str, str]]:
    tokens = (STATIC / "css" / "tokens.css").read_text(encoding="utf-8")
    return {name: (a, b) for name, a, b in re.findall(r"--c-([\w-]+):\s*light-dark\((#\w+), (#\w+)\)", tokens)}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("role", "least"),
    [(role, 4.5) for role in ("text", "quiet", "link", "ok", "warning", "critical")]
    + [(f"series-{n}", 4.5) for n in range(1, 7)]
    + [("hue-1", 4.5), ("hue-2", 3.0), ("hue-3", 3.0)],
)
def test_words_and_lines_stand_out_from_their_ground(role: str, least: float, theme: int) -> None:
    colours = palette()
    assert contrast(colours[role][theme], colours["panel"][theme]) >= least


def mixed(one: str, other: str, share: float) -> str:
    """color-mix(in srgb, one share, other)."""
    pairs = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_are_readable_on_every_shade_of_a_heat_table(theme: int) -> None:
    rules = (STATIC / "css" / "charts.css").read_text(encoding="utf-8")
    shades = re.findall(r'data-heat="(\d+)"\] \{ background: color-mix\(in srgb, var\(--c-([\w-]+)\) (\d+)%', rules)
    assert [int(level) for level, _, _ in shades] == [*range(1, cohorts.DARKEST + 1)]
    colours = palette()
    for _, role, percent in shades:
        ground = mixed(colours[role][theme], colours["panel"][theme], int(percent) / 100)
        assert contrast(colours["text"][theme], ground) >= 4.5, percent


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_word_on_a_primary_button_is_readable(theme: int) -> None:
    assert contrast(palette()["on-link"][theme], palette()["link"][theme]) >= 4.5
