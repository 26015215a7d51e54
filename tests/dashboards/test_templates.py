"""The partials, drawn from the style page's example context."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.template import Context, Template
from django.template.loader import render_to_string

from dashboards import components, style_page


class Page(HTMLParser):
    """Every element's name and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))


class Form(forms.Form):
    name = forms.CharField(help_text="Shown on every page")
    paused = forms.BooleanField(required=False)


@pytest.fixture(scope="module")
def html() -> str:
    form = Form({"name": ""})
    return render_to_string("style.html", {**style_page.context(), "form": form})


def test_the_policy_finds_nothing_inline(html: str) -> None:
    for tag, attrs in Page(html).elements:
        assert "style" not in attrs, tag
        assert not [name for name in attrs if name.startswith("on")], tag
        assert tag != "style"
        assert tag != "script" or "src" in attrs or attrs["type"] == "application/json"


def test_ids_are_unique_and_labels_point_to_something(html: str) -> None:
    elements = Page(html).elements
    ids = [attrs["id"] for _, attrs in elements if "id" in attrs]
    assert sorted(ids) == sorted(set(ids))
    for _, attrs in elements:
        for name in ("aria-labelledby", "for", "data-figure", "data-copy", "aria-describedby"):
            assert all(target in ids for target in attrs.get(name, "").split()), attrs


def test_every_figure_is_labelled_and_has_its_json(html: str) -> None:
    drawn = [attrs for _, attrs in Page(html).elements if "data-figure" in attrs]
    assert len(drawn) == len(style_page.charts())
    for attrs in drawn:
        assert attrs["role"] == "img"
        assert attrs["aria-label"]
        source = re.search(
            rf'<script id="{attrs["data-figure"]}" type="application/json">(.*?)</script>', html, re.DOTALL
        )
        assert source is not None
        assert set(json.loads(source.group(1))) == {"data", "layout"}


def test_people_cannot_close_the_script_with_a_name(html: str) -> None:
    assert "<script>" not in html
    assert "<i>analyze-doc" not in html


@pytest.mark.parametrize("state", list(components.State))
def test_a_state_is_shape_and_word_and_colour(state: components.State) -> None:
    mark = render_to_string("components/state.html", {"state": state.value, "word": state.word})
    assert f'data-state="{state.value}"' in mark
    assert state.word in mark
    assert re.search(r"<(circle|path)", mark)


def test_all_shapes_differ() -> None:
    shapes = {
        re.search(r"<svg.*</svg>", render_to_string("components/state.html", {"state": s.value})).group(0)
        for s in components.State
    }  # type: ignore[union-attr]
    assert len(shapes) == len(components.State)


@pytest.mark.parametrize("panel", style_page.unhappy_panels(), ids=lambda panel: panel.id)
def test_an_unhappy_panel_keeps_its_height_and_offers_a_next_step(panel: components.Panel) -> None:
    html = render_to_string("components/panel.html", {"panel": panel})
    assert re.search(r'class="(placeholder|skeleton)" data-size="normal"', html)
    assert "<a href=" in html or "hx-get=" in html or "data-copy=" in html or panel.id in ("enough",)


def test_the_alarm_is_in_title_and_favicon() -> None:
    def head(state: components.State) -> str:
        shell = components.Shell("Support", (components.NavItem("Overview", "/"),), state=state, open_incidents=2)
        return render_to_string("base.html", {"shell": shell})

    assert "<title>(2) " in head(components.State.CRITICAL)
    assert re.search(r'id="favicon" href="[^"]*favicon-alarm\.svg"', head(components.State.WARNING))
    assert "<title>Observatory" in head(components.State.OK)
    assert re.search(r'id="favicon" href="[^"]*favicon\.svg"', head(components.State.OK))


@pytest.mark.parametrize("name", ["400.html", "403.html", "404.html", "500.html"])
def test_error_pages_need_nothing(name: str) -> None:
    assert "<h1>" in render_to_string(name)


def test_signing_in_keeps_where_one_wanted_to_go() -> None:
    html = render_to_string("registration/login.html", {"form": Form(), "next": '/quality?a="b'})
    assert 'name="next" value="/quality?a=&quot;b"' in html


def test_a_field_with_an_error_says_so_to_everybody() -> None:
    html = render_to_string("components/form.html", {"form": Form({"name": ""})})
    assert 'aria-invalid="true"' in html
    assert 'id="id_name_error"' in html
    assert "This field is required." in html


def test_times_show_the_projects_zone_and_utc_on_hover() -> None:
    context: dict[str, Any] = {
        "at": datetime(2026, 8, 27, 23, 30, tzinfo=UTC), "now": datetime(2026, 8, 28, tzinfo=UTC),
        "zone": ZoneInfo("Europe/Berlin"),
    }  # fmt: skip
    html = Template("{% load observatory %}{% when at %}|{% date at %}|{% clock at %}|{% ago at %}").render(
        Context(context)
    )
    assert html.replace("\u00a0", " ").count('title="2026-08-27 23:30:00 UTC"') == 4
    assert re.sub(r"<[^>]+>", "", html).replace("\u00a0", " ") == "28 Aug 01:30|28 Aug|01:30 CEST|30 min ago"


def test_unknown_times_are_a_dash() -> None:
    html = Template("{% load observatory %}{% when None %} {% ago None %}").render(
        Context({"now": datetime(2026, 8, 28, tzinfo=UTC)})
    )
    assert html == "— never"
