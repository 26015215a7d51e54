"""Parts of a page that come after it: what may take long is asked for by the browser once the page stands.

The page holds a skeleton of the same height that fetches `?part=NAME`. Asked for by the script, that address answers the
part alone; asked for by a person (there may be no script), the whole page with this part in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from dashboards import panels
from dashboards.charts.data import Size, Table
from dashboards.components import Panel, Tile
from dashboards.view import View
from ingest.timeline import local_day

PANEL, TILES, STAYS = "components/panel.html", "components/tiles.html", "components/stays.html"


@dataclass(frozen=True)
class Part:
    """`make` gives what `template` draws as `panel`; with `titles`, tiles. `kept` are parameters of the address that it
    needs besides the filters.
    """

    name: str
    title: str
    make: Callable[[], object]
    template: str = PANEL
    size: Size = "normal"
    titles: tuple[str, ...] = ()
    table: Callable[[], Table | None] | None = None
    kept: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Shown:
    """A part as the page draws it: a partial and its context."""

    template: str
    panel: object


@dataclass(frozen=True, slots=True)
class Tiles:
    """A row of tiles: drawn, or by their titles while they are still to come from `load_url`."""

    id: str
    tiles: tuple[Tile, ...] = ()
    titles: tuple[str, ...] = ()
    load_url: str = ""


def address(view: View, part: Part) -> str:
    """What answers the part. The day in it makes an open page fetch the part anew when a day is over."""
    today = f"{local_day(view.now, view.project.time_zone):%Y-%m-%d}"
    return view.url(view.path, part=part.name, day=today, **dict(part.kept))


def on_page(view: View, part: Part) -> Shown:
    """The part as the page holds it: a skeleton, or the part itself where the address names it."""
    if view.request.GET.get("part") == part.name:
        return made(view, part)
    load_url = address(view, part)
    if part.titles:
        return Shown(part.template, Tiles(part.name, titles=part.titles, load_url=load_url))
    return Shown(PANEL, Panel(part.name, part.title, load_url=load_url, size=part.size))


def made(view: View, part: Part) -> Shown:
    """The part, or in its place the note that it failed, with a way to try again."""
    try:
        with transaction.atomic():
            return Shown(part.template, part.make())
    except Exception:
        reference = panels.report(part.name)
        failed = Panel(part.name, part.title, error=reference, retry_url=address(view, part), size=part.size)
        return Shown(PANEL, failed)


def is_asked_for(view: View) -> bool:
    """Whether the page's script asks for a part alone."""
    return bool(view.request.GET.get("part")) and view.request.headers.get("HX-Request") == "true"


def answer(view: View, parts: Sequence[Part]) -> HttpResponse:
    """One part alone; 404 for one that the page does not have."""
    wanted = next((part for part in parts if part.name == view.request.GET.get("part")), None)
    if wanted is None:
        return HttpResponse("There is no such part of this page.", status=404, content_type="text/plain")
    shown = made(view, wanted)
    found = render(view.request, shown.template, {"panel": shown.panel, "zone": view.zone, "now": view.now})
    patch_vary_headers(found, ["HX-Request"])
    return found
