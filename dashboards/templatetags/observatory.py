"""Formatting for templates: `{% load observatory %}`. All words come from dashboards.formatting.

Times are shown in `zone` and measured from `now`, both context variables; UTC stands in for a missing zone.
"""

from datetime import UTC, datetime, tzinfo
from typing import Any

from django import template
from django.forms import BoundField
from django.forms.widgets import CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.template.context import Context
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString

from dashboards import formatting
from dashboards.charts import tables
from dashboards.charts.data import Chart
from dashboards.components import Field, Heading, Row, State

register = template.Library()

register.filter("rate", formatting.rate)
register.filter("points", formatting.points)
register.filter("change", formatting.change)
register.filter("amount", formatting.amount)
register.filter("amount_nano", formatting.amount_nano)
register.filter("count", formatting.count)
register.filter("duration", formatting.duration)
register.filter("span", formatting.span)


@register.filter
def metric(quantity: float | None, unit: str) -> str:
    """`{{ value|metric:"ratio" }}`: any value by its unit."""
    return formatting.value(quantity, unit)


def _zone(context: Context) -> tzinfo:
    zone = context.get("zone")
    return zone if isinstance(zone, tzinfo) else UTC


def _time(at: datetime, text: str) -> SafeString:
    utc = at.astimezone(UTC)
    title = utc.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html('<time datetime="{}" title="{}">{}</time>', utc.isoformat(), title, text)


@register.simple_tag(takes_context=True)
def when(context: Context, at: datetime | None) -> str:
    """'28 Aug 11:57' in the project's zone, UTC on hover."""
    return formatting.DASH if at is None else _time(at, formatting.moment(at, _zone(context), context.get("now")))


@register.simple_tag(takes_context=True)
def date(context: Context, at: datetime | None) -> str:
    """'28 Aug', UTC on hover."""
    return formatting.DASH if at is None else _time(at, formatting.day(at, _zone(context), context.get("now")))


@register.simple_tag(takes_context=True)
def clock(context: Context, at: datetime | None) -> str:
    """'14:00 CEST', UTC on hover."""
    return formatting.DASH if at is None else _time(at, formatting.clock(at, _zone(context)))


@register.simple_tag(takes_context=True)
def ago(context: Context, at: datetime | None) -> str:
    """'40 s ago', counted on by the browser; UTC on hover."""
    if at is None:
        return "never"
    utc = at.astimezone(UTC)
    text = formatting.ago(at, context["now"])
    title = utc.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html('<time data-ago datetime="{}" title="{}">{}</time>', utc.isoformat(), title, text)


@register.inclusion_tag("components/state.html")
def state_mark(state: State | str, word: str = "") -> dict[str, object]:
    """`{% state_mark "critical" %}`, `{% state_mark tile.state "62 of 100 ratings" %}`: shape, word and colour."""
    known = State(str(state).replace("_", "-"))
    return {"state": known.value, "word": word or known.word}


@register.simple_tag
def figure(chart: Chart, name: str) -> SafeString:
    """The figure as an inert script element with id `fig-<name>`, for charts.js."""
    return json_script(chart.figure, f"fig-{name}")


@register.filter
def table_rows(chart: Chart) -> list[list[tuple[str, bool]]]:
    """The chart's twin, worded: rows of (text, numeric)."""
    columns = chart.table.columns
    return [
        [(text, column.numeric) for text, column in zip(row, columns, strict=True)]
        for row in tables.shown_rows(chart.table)
    ]


@register.filter
def rows_left(chart: Chart) -> int:
    """How many rows the table on the page leaves to the CSV."""
    return max(0, len(chart.table.rows) - tables.SHOWN)


@register.filter
def kind_of_field(field: BoundField) -> str:
    """'check' for tick boxes (label behind), 'choices' for groups (a fieldset), else 'text'."""
    widget: Any = field.field.widget
    if isinstance(widget, (RadioSelect, CheckboxSelectMultiple)):
        return "choices"
    return "check" if isinstance(widget, CheckboxInput) else "text"


@register.filter
def cells(row: Row, headings: tuple[Heading, ...]) -> list[tuple[Heading, Field]]:
    """The fields of a row with the headings above them."""
    return list(zip(headings, row.fields, strict=True))
