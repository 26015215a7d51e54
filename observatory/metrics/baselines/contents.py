"""What is frozen with a baseline, as bytes: everything that a comparison needs, and nobody's name. Pure: no Django here.

MessagePack of a version and: the totals of all counters and histograms, those of each model, the counters of each local
day, and for each signal of user rows its days (number of the day, n, mean, sum of squares, users).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from observatory.metrics import codec
from observatory.metrics.baselines.clusters import ClusterDay
from observatory.metrics.baselines.comparing import Side
from observatory.metrics.layout import Distribution
from observatory.metrics.reading import Totals

VERSION = 1
_ONLY = 0
_KNOWN = set(Distribution)


class BadContents(ValueError):
    """Stored bytes that no version of this module wrote."""


@dataclass(frozen=True)
class Contents:
    """All models together as a side of a comparison, and the totals of each model by its number."""

    whole: Side
    models: Mapping[int, Totals] = field(default_factory=dict)

    def side(self, model: int | None = None) -> Side:
        """One side of a comparison; of one model, whose days and users are not kept apart, with those of all."""
        return self.whole if model is None else replace(self.whole, totals=self.models.get(model, Totals()))

    def pack(self) -> bytes:
        """Equal contents are equal bytes."""
        whole = self.whole
        users = {signal: [list(day) for day in days] for signal, days in sorted(whole.users.items())}
        days = codec.pack_counters(dict(enumerate(whole.days))) if whole.days else b""
        parts = [VERSION, _packed({_ONLY: whole.totals}), _packed(self.models), len(whole.days), days, users]
        return msgspec.msgpack.encode(parts)

    @classmethod
    def unpack(cls, data: bytes) -> "Contents":
        """What `pack` packed. Raises BadContents."""
        try:
            version, totals, models, length, days, users = msgspec.msgpack.decode(data)
        except (msgspec.DecodeError, ValueError, TypeError) as error:
            raise BadContents("these bytes are no frozen baseline") from error
        if version != VERSION:
            raise BadContents(f"a frozen baseline of version {version!r} is not known here")
        by_day = codec.unpack_counters(days) if days else {}
        whole = Side(
            _unpacked(totals).get(_ONLY, Totals()),
            [by_day.get(number, {}) for number in range(length)],
            {signal: [ClusterDay(*day) for day in found] for signal, found in users.items()},
        )
        return cls(whole, _unpacked(models))


def _packed(totals: Mapping[int, Totals]) -> list[Any]:
    histograms: dict[str, bytes] = {}
    for name in Distribution:
        rows = {value: one.histograms[name] for value, one in totals.items() if one.histograms.get(name)}
        if data := codec.pack_histograms(rows):
            histograms[str(name)] = data
    return [codec.pack_counters({value: one.counters for value, one in totals.items()}), histograms]


def _unpacked(parts: Sequence[Any]) -> dict[int, Totals]:
    counters, histograms = parts
    found = {value: Totals(counts) for value, counts in codec.unpack_counters(counters).items()}
    for name, data in histograms.items():
        if name not in _KNOWN:
            continue
        for value, bins in codec.unpack_histograms(data).items():
            found.setdefault(value, Totals()).histograms[Distribution(name)] = bins
    return found
