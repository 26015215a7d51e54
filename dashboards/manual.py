"""The API's description as the manual page shows it: operations and shapes, frozen and already worded. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a shape, one parameter of an address. `shapes` are the names of shapes that it holds."""

    name: str
    words: str
    is_required: bool
    shapes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """A named object that is sent or answered."""

    name: str
    words: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One status that may be answered, with the shapes of its body."""

    status: str
    words: str
    shapes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    id: str
    method: str
    path: str
    title: str
    words: str
    scopes: tuple[str, ...]
    parameters: tuple[Part, ...]
    body: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """The operations of one purpose."""

    title: str
    words: str
    operations: tuple[Operation, ...]


def chapters(document: Schema) -> tuple[Chapter, ...]:
    """The operations of an OpenAPI document by their tag, in the order of its tags."""
    found = list(_operations(document))
    named = [(tag["name"], tag.get("description", "")) for tag in document["tags"]]
    made = (Chapter(name, words, tuple(one for tag, one in found if tag == name)) for name, words in named)
    return tuple(chapter for chapter in made if chapter.operations)


def shapes(document: Schema) -> tuple[Shape, ...]:
    """The named shapes of an OpenAPI document, by name."""
    named: Mapping[str, Schema] = document["components"]["schemas"]
    return tuple(Shape(name, named[name].get("description", ""), _fields(named[name])) for name in sorted(named))


def _operations(document: Schema) -> Iterator[tuple[str, Operation]]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            yield (
                told["tags"][0],
                Operation(
                    id=told["operationId"],
                    method=method.upper(),
                    path=path,
                    title=told["summary"],
                    words=told.get("description", ""),
                    scopes=tuple(
                        dict.fromkeys(scope for one in told["security"] for own in one.values() for scope in own)
                    ),
                    parameters=tuple(_parameter(one) for one in told.get("parameters", ())),
                    body=_shapes_in(body),
                    outcomes=tuple(_outcome(status, one) for status, one in told["responses"].items()),
                    curl=told["x-codeSamples"][0]["source"],
                ),
            )


def _parameter(told: Schema) -> Part:
    return Part(
        told["name"], told.get("description") or f"part of the address, {words_of(told['schema'])}", told["required"]
    )


def _outcome(status: str, told: Schema) -> Outcome:
    return Outcome(status, told["description"], _shapes_in(next(iter(told["content"].values()))["schema"]))


def _fields(schema: Schema) -> tuple[Part, ...]:
    required = schema.get("required", ())
    return tuple(
        Part(name, words_of(own), name in required, _shapes_in(own)) for name, own in schema["properties"].items()
    )


def _shapes_in(schema: Any) -> tuple[str, ...]:
    """The names of the shapes that a schema refers to, in order."""
    if isinstance(schema, Mapping):
        own = [schema["$ref"].rpartition("/")[2]] if isinstance(schema.get("$ref"), str) else []
        inner = [schema[key] for key in schema if key not in ("discriminator", "$ref")]
    else:
        own, inner = [], list(schema) if isinstance(schema, list | tuple) else []
    return tuple(dict.fromkeys([*own, *(name for part in inner for name in _shapes_in(part))]))


def words_of(schema: Schema) -> str:
    """What a value may be, in words; that it may be null goes without saying."""
    if "description" in schema:
        return str(schema["description"])
    if "$ref" in schema:
        return f"a {schema['$ref'].rpartition('/')[2]}"
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return str(values[0]) if len(values) == 1 else f"one of {', '.join(map(str, values))}"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(words_of(part) for part in schema[key] if part.get("type") != "null")
    kind = schema.get("type", "anything")
    if kind == "array":
        items = schema.get("items")
        return f"a list, each {words_of(items)}" if isinstance(items, Mapping) else "a list"
    return f"{'an' if kind[0] in 'aio' else 'a'} {kind}" if isinstance(kind, str) else " or ".join(kind)
