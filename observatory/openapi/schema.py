"""How one method of a view is described: by its address, its docstrings, its scope, its kinds of items, and by what
its `documented` adds.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, get_args
from urllib.parse import quote

from django.conf import settings
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from ingest.api.answers import ProblemShape
from ingest.api.documented import Documented
from ingest.contract import MOST_ITEMS
from ingest.records import Answer, Way
from observatory.openapi import headers
from observatory.openapi.components import Schema, schema_of, sent, typed
from observatory.openapi.examples import EXAMPLES, FILLING, NARROWED, PLACES, QUERIES

TAGS = {"POST": "Send", "PATCH": "Send", "GET": "Read", "DELETE": "Erase"}
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <key>`"},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "`x-api-key: <key>`"},
    "basic": {"type": "http", "scheme": "basic", "description": "public part and secret of a key"},
}
MEANINGS = {
    200: "Done.",
    201: "Made.",
    202: "Asked for; it will be done.",
    207: "Some items were refused or are in conflict, each with its own word; the others are stored.",
    400: "Nothing of the request can be used.",
    401: "No valid key.",
    403: "The key lacks the scope.",
    404: "There is nothing here.",
    410: "It is from before what the project keeps: what was counted of it stays.",
    413: "The body is too large.",
    415: "The body is of a type or an encoding that is not read.",
    429: "The project has used up its quota, or has too many requests under way; `Retry-After` says when to send it again.",
    503: "The database cannot do this now; the same may be sent again after `Retry-After` seconds.",
}
OF_ITEMS = {200: "Every item is stored, now or before.", 207: MEANINGS[207]}
OF_FIELDS = {
    200: "Every field is set, now or before.",
    207: "Some fields are in conflict with what is set already, each with its own word; the others are set.",
}
_CONVERTER = re.compile(r"<(?:(\w+):)?(\w+)>")
_TYPES = {"int": {"type": "integer", "minimum": 0}}


class ContractSchema(AutoSchema):
    """The description of a view of this API; anything else is left out."""

    def is_excluded(self) -> bool:
        return not self.path.startswith("/api/v1/")

    @property
    def documented(self) -> Documented:
        """What the view says of this method itself."""
        found: Documented = getattr(self.view, "documented", {}).get(self.method, Documented())
        return found

    @property
    def ways(self) -> Sequence[Way]:
        """The kinds of items that a body may hold; none where the method takes no items."""
        way = getattr(self.view, "way", ()) if self.method in {"POST", "PATCH"} else ()
        return way if isinstance(way, tuple) else (way,)

    @property
    def _has_body(self) -> bool:
        """Whether something is sent: it may be compressed, and counts against the project's quotas."""
        return bool(self.ways or self.documented.body)

    @property
    def places(self) -> dict[str, Schema]:
        """The variables of the address."""
        return {name: _TYPES.get(kind, {"type": "string"}) for kind, name in _CONVERTER.findall(self.path_regex)}

    @property
    def _address(self) -> str:
        return self.path.removeprefix("/api/v1/")

    @property
    def _place(self) -> str | int:
        """What stands in the place of the address' variable in examples."""
        return PLACES[self._address]

    def get_operation_id(self) -> str:
        words = re.findall(r"\w+", self._address)
        return "_".join([self.method.lower(), *words])

    def get_summary(self) -> str:
        if self.documented.summary or not self.ways:
            return self.documented.summary or _first_sentence(_own_words(getattr(self.view, self.method.lower())))
        return f"Send {self.path.rpartition('/')[2]}"

    def get_description(self) -> str:  # type: ignore[override]  # the stubs have DRF's own generator in mind
        """The words of what is sent; else the view's own where they are of one method, and do not name its address."""
        if len(self.ways) == 1:
            kinds = get_args(self.ways[0].kind.types)
            return _own_words(kinds[0].__base__ if kinds else self.ways[0].kind.types)
        own = re.sub(r"^[A-Z]+ /\S*[:.] ?", "", _own_words(type(self.view)))
        is_alone = len(set(self.view.allowed_methods) - {"OPTIONS", "HEAD"}) == 1
        return own[:1].upper() + own[1:] if own and is_alone else _own_words(getattr(self.view, self.method.lower()))

    def get_tags(self) -> list[str]:
        return [TAGS.get(self.method, "Other")]

    def get_auth(self) -> list[dict[str, list[str]]]:
        wanted: Any = getattr(self.view, "scopes", {}).get(self.method) or getattr(self.view, "scope", ())
        scopes = [wanted] if isinstance(wanted, str) else list(wanted)
        return [{scheme: [scope]} for scheme in SCHEMES for scope in scopes]

    def get_extensions(self) -> dict[str, Any]:
        return {"x-codeSamples": [{"lang": "Shell", "label": "curl", "source": self._curl()}]}

    def _get_parameters(self) -> list[Schema]:
        inside = [
            {"name": name, "in": "path", "required": True, "schema": schema, "example": self._place}
            for name, schema in self.places.items()
        ]
        asked = [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": words}
            for name, words in self.documented.query.items()
        ]
        return inside + asked + ([headers.COMPRESSED] if self._has_body else [])

    def _get_request_body(self, direction: str = "request") -> Schema | None:
        if not self.ways:
            told = self.documented.body
            return {"required": True, "content": {"application/json": {"schema": self._named(told)}}} if told else None
        items = [self._item(way) for way in self.ways]
        item = items[0] if len(items) == 1 else {"oneOf": items}
        examples = {way.kind.word: {"value": self._example(way)} for way in self.ways}
        if self.method != "POST":
            return {"required": True, "content": {"application/json": {"schema": item, "examples": examples}}}
        lines = {"schema": {"type": "string"}, "example": json.dumps(self._example(self.ways[0])) + "\n"}
        told = {"schema": sent(item, MOST_ITEMS), "examples": examples}
        return {"required": True, "content": {"application/json": told, "application/x-ndjson": lines}}

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Schema]:
        answer = self.documented.answer or (Answer if self.ways else None)
        schema = self._one_of(answer if isinstance(answer, tuple) else (answer,)) if answer else {"type": "object"}
        media_type = self.documented.media_type
        if media_type != "application/json":
            schema = {"type": "string"}
        status = self.documented.status
        of_items = OF_FIELDS if self.method == "PATCH" else OF_ITEMS
        good = of_items if self.ways else {status: MEANINGS[status]}
        found = {code: _body(words, media_type, schema) for code, words in good.items()}
        problem = self._named(ProblemShape)
        for code in self._refusals():
            found[code] = _body(MEANINGS[code], "application/problem+json", problem)
        return {
            str(code): body | {"headers": headers.of_answer(code, has_quotas=self._has_body)}
            for code, body in found.items()
        }

    def _refusals(self) -> list[int]:
        """The statuses that may be answered instead."""
        of_body = [400, 413, 415] if self._has_body else [400] if self.documented.query else []
        of_past = [410] if self.method == "PATCH" else []
        return sorted(
            [401, 403, 429, 503, *of_body, *of_past, *([404] if self.places else []), *self.documented.refusals]
        )

    def _item(self, way: Way) -> Schema:
        schema = self._named(way.kind.types)
        return schema if len(self.ways) == 1 else typed(schema, way.kind.word)

    def _example(self, way: Way) -> dict[str, Any]:
        example = dict(EXAMPLES[way.kind.word] if self.method == "POST" else FILLING)
        return example if len(self.ways) == 1 else {"type": way.kind.word, **example}

    def _named(self, wanted: Any) -> Schema:
        """The schema of a type; what it names becomes a component."""
        schema, named = schema_of(wanted)
        for name, one in named.items():
            register(self.registry, name, one)
        return schema

    def _one_of(self, kinds: Sequence[Any]) -> Schema:
        schemas = [self._named(kind) for kind in kinds]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _curl(self) -> str:
        """The request as one would type it, the key by its variable."""
        path = re.sub(r"{\w+}", lambda _: quote(str(self._place)), self.path)
        queries = {**QUERIES, **NARROWED.get(self._address, {})}
        asked = "&".join(f"{name}={queries[name]}" for name in self.documented.query if name in queries)
        address = f"{settings.PUBLIC_URL}{path}{'?' + asked if asked else ''}"
        words = [f'curl "{address}"']
        if self.method not in {"GET", "POST"}:
            words.append(f"-X {self.method}")
        words.append('-H "Authorization: Bearer $OBSERVATORY_KEY"')
        if self.ways or self.documented.body:
            body = [self._example(way) for way in self.ways] or [dict(self.documented.example)]
            text = json.dumps(body[0] if len(body) == 1 else body, indent=2).replace("\n", "\n  ")
            words += ['-H "Content-Type: application/json"', f"-d '{text}'"]
        return " \\\n  ".join(words)


def register(registry: ComponentRegistry, name: str, schema: Schema) -> None:
    """Add a named schema to the description. Raises ValueError when another one has its name."""
    component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema, name)  # type: ignore[no-untyped-call]  # its own
    if component not in registry:
        registry.register(component)
    elif registry[component].schema != schema:
        raise ValueError(f"two shapes of the API have the name {name}")


def _body(words: str, media_type: str, schema: Schema) -> Schema:
    return {"description": words, "content": {media_type: {"schema": schema}}}


def _own_words(thing: object) -> str:
    return " ".join((thing.__doc__ or "").split())


def _first_sentence(words: str) -> str:
    return words.partition(". ")[0].rstrip(".")
