"""Types of the code as JSON schemas of the description: structs, dataclasses and typed dictionaries alike. Pure."""

from typing import Any

import msgspec

REFERENCE = "#/components/schemas/{name}"
Schema = dict[str, Any]


def schema_of(wanted: Any) -> tuple[Schema, dict[str, Schema]]:
    """The schema of a type, and every named one that it refers to."""
    (found,), named = msgspec.json.schema_components([wanted], ref_template=REFERENCE)
    return _mended(found), {name: _mended(schema) for name, schema in named.items()}


def sent(item: Schema, most: int) -> Schema:
    """What a body may be: one item or an array of at most so many."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1, "maxItems": most}]}


def typed(item: Schema, word: str) -> Schema:
    """An item that says its kind as `type`."""
    marked = {"type": "object", "properties": {"type": {"const": word}}, "required": ["type"]}
    return {"allOf": [item, marked]}


def _mended(schema: Any) -> Any:
    """A schema as it is meant: a decimal may come as a number too, and what is wrong in an example is no default."""
    if isinstance(schema, list):
        return [_mended(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _mended(part) for name, part in schema.items() if not (name == "default" and part is None)}
    if kept.get("format") == "decimal":
        kept["type"] = ["string", "number"]
    return kept
