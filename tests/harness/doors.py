"""Every address the product answers, read from its resolver: nobody has to remember to add a new one to a test."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

PAGE_RULES = {"member", "public", "signed in"}
OPEN = {
    "observatory.health.alive",
    "observatory.health.ready",
    "observatory.scrape.metrics",
}  # say nothing of any project


@dataclass(frozen=True)
class Door:
    """One route with its parameters (name → converter) and the view behind it."""

    route: str
    name: str
    parameters: tuple[tuple[str, str], ...]
    view: Callable[..., Any]

    def addresses(self, known: Mapping[str, Collection[object]]) -> Iterator[tuple[str, tuple[object, ...]]]:
        """Every concrete address with the given values for each parameter, and the values it was made of."""
        names = [name for name, _ in self.parameters]
        for values in product(*(known[name] for name in names)):
            path = self.route
            for (name, converter), value in zip(self.parameters, values, strict=True):
                path = path.replace(f"<{converter}:{name}>" if converter else f"<{name}>", str(value))
            yield f"/{path}", values


def all_doors(patterns: Iterable[URLPattern | URLResolver] | None = None, prefix: str = "") -> list[Door]:
    """All doors of the product. Raises TypeError for a route that cannot be read (a regular expression)."""
    found: list[Door] = []
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        if not isinstance(entry.pattern, RoutePattern):
            raise TypeError(f"{entry.pattern} is not a path() route: its addresses cannot be listed")
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += all_doors(entry.url_patterns, route)
        else:
            parameters = tuple((name, _converter(route, name)) for name in entry.pattern.converters)
            inherited = tuple(one for one in _parameters(prefix) if one not in parameters)
            found.append(Door(route, entry.name or route, (*inherited, *parameters), entry.callback))
    return found


def without_rule(doors: Iterable[Door]) -> list[str]:
    """The routes of views that nobody has said who may open: each must be a page with a rule or an API view with one."""
    return [door.route for door in doors if not _has_rule(door.view)]


def _has_rule(view: Callable[..., Any]) -> bool:
    if getattr(view, "access_rule", None) in PAGE_RULES or f"{view.__module__}.{view.__qualname__}" in OPEN:
        return True
    of_api = getattr(view, "cls", None)
    if of_api is None:
        return False
    return bool(of_api.permission_classes) and all(
        one.__module__ == "ingest.api.authentication" for one in of_api.permission_classes
    )


def _converter(route: str, name: str) -> str:
    return dict(_parameters(route)).get(name, "")


def _parameters(route: str) -> tuple[tuple[str, str], ...]:
    inside = [part.split(">")[0] for part in route.split("<")[1:]]
    pairs = [part.split(":") if ":" in part else ["", part] for part in inside]
    return tuple((name, converter) for converter, name in pairs)
