"""Generated interactions, verdicts and costs, and the same numbers counted naively with pandas."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pandas as pd

from ingest.dimensions import Cache, Component, CostSource, ErrorClass, FeedbackKind
from ingest.projects.models import Project
from ingest.timeline import Window
from tests import factories

FEATURES = ("write-draft", "summarise", "translate")
MODELS = ("a-large", "b-small", None)
OTHERS = {
    "provider": ("openai", "anthropic"),
    "tier": ("free", "pro", None),
    "environment": ("production", None),
    "language": ("de", "en", "pt", None),
}
NAMES = ("feature", "model", *OTHERS)


@dataclass
class Stream:
    """What was sent, as lists of rows, and as pandas sees it."""

    interactions: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    costs: list[dict[str, Any]] = field(default_factory=list)
    _choices: dict[tuple[Any, ...], pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    def send(self, project: Project) -> None:
        """Put all of it into the record."""
        factories.interactions(project, self.interactions)
        factories.verdicts(project, self.verdicts)
        factories.costs(project, self.costs)

    @cached_property
    def _interactions(self) -> pd.DataFrame:
        return pd.DataFrame(self.interactions)

    @cached_property
    def _verdicts(self) -> pd.DataFrame:
        about = self._interactions[["id", "at", *NAMES, "user_id"]]
        said = pd.DataFrame(self.verdicts, columns=["interaction", "kind", "name", "value", "label", "edit_ratio"])
        return said.merge(about, left_on="interaction", right_on="id")

    @cached_property
    def _costs(self) -> pd.DataFrame:
        about = self._interactions.set_index("id")[["at", *NAMES]].to_dict("index")
        rows = [{**row, **about.get(row.get("interaction"), {})} for row in self.costs]
        return pd.DataFrame(rows, columns=["at", *NAMES, "component", "amount_nano", "interaction"])

    @cached_property
    def replaced(self) -> set[str]:
        """The interactions whose own cost a record of model tokens replaces."""
        linked = self._costs[self._costs.component == Component.MODEL_TOKENS].interaction
        return set(linked.dropna())

    @cached_property
    def instead(self) -> dict[str, int]:
        """What the records of model tokens say that an interaction cost, in the place of its own cost."""
        found: dict[str, int] = {}
        for record in self.costs:
            if record.get("interaction") and record["component"] == Component.MODEL_TOKENS:
                found[record["interaction"]] = found.get(record["interaction"], 0) + record["amount_nano"]
        return found

    @cached_property
    def called_at(self) -> dict[tuple[str, str | None], list[datetime]]:
        """When each user called, by user and feature; by user and None all features."""
        found: dict[tuple[str, str | None], list[datetime]] = {}
        for row in self.interactions:
            for feature in {None, row["feature"]}:
                found.setdefault((row["user_id"], feature), []).append(row["at"])
        return found

    def calls(self, window: Window | None = None, **equal: Any) -> pd.DataFrame:
        """The interactions of a window whose columns equal what is given."""
        return self._chosen("_interactions", window, equal)

    def said(self, window: Window | None = None, **equal: Any) -> pd.DataFrame:
        """The verdicts on the interactions of a window, with the interaction's feature, model and user."""
        return self._chosen("_verdicts", window, equal)

    def paid(self, window: Window | None = None, **equal: Any) -> pd.DataFrame:
        """The cost records of a window, linked ones with their interaction's time, feature and model."""
        return self._chosen("_costs", window, equal)

    def cost_nano(self, window: Window | None = None, **equal: Any) -> int:
        """Everything paid in a window: records, and the interactions' own cost where no record replaces it."""
        calls, paid = self.calls(window, **equal), self.paid(window, **equal)
        own = calls[~calls.id.isin(self.replaced)].cost_nano.dropna()
        return int(own.sum()) + int(paid.amount_nano.sum())

    def _chosen(self, frame: str, window: Window | None, equal: dict[str, Any]) -> pd.DataFrame:
        # A hundred oracles ask for the same few: one column is cut after the other, those that most have in common first.
        asked = (frame, window, *sorted(equal.items(), key=lambda one: (one[0] not in NAMES, one[0])))
        if asked not in self._choices:
            self._choices[asked] = self._cut(asked)
        return self._choices[asked]

    def _cut(self, asked: tuple[Any, ...]) -> pd.DataFrame:
        frame, window, *equal = asked
        if equal:
            *others, (name, value) = equal
            rows = self._chosen(frame, window, dict(others))
            return rows[rows[name].isna() if value is None else rows[name] == value]
        rows = getattr(self, frame)
        return rows if window is None else rows[(rows["at"] >= window.start) & (rows["at"] < window.end)]


def generate(seed: int, window: Window, count: int, outages: Sequence[datetime] = ()) -> Stream:
    """A reproducible stream of every kind of row, spread over the window.

    In the minute of each of `outages` there are 180 more, of all dimension values, most of which fail.
    """
    rng = random.Random(seed)
    stream = Stream()
    made = [_interaction(rng, window, f"s{seed}-{number}") for number in range(count)]
    for at in outages:
        for number in range(180):
            row = _interaction(rng, window, f"s{seed}-{at.isoformat()}-{number}")
            failed = rng.choices((ErrorClass.SERVER, ErrorClass.TIMEOUT, ErrorClass.NONE), [50, 35, 15])[0]
            made.append(row | {"at": at + timedelta(milliseconds=rng.randrange(60_000)), "error_class": int(failed)})
    for row in made:
        stream.interactions.append(row)
        stream.verdicts.extend(_verdicts(rng, row))
        if rng.random() < 0.1:
            component = rng.choice([one for one in Component if one is not Component.INFRASTRUCTURE])
            stream.costs.append(
                {"interaction": row["id"], "component": int(component), "amount_nano": rng.randrange(10**8)}
            )
    for _ in range(count // 50):
        at, feature = _instant(rng, window), rng.choice((*FEATURES, None))
        stream.costs.append(
            {
                "at": at,
                "feature": feature,
                "component": int(Component.INFRASTRUCTURE),
                "amount_nano": rng.randrange(10**9),
            }
        )
    return stream


def _instant(rng: random.Random, window: Window) -> datetime:
    # Bursts, so that some minutes have several calls and some are down.
    minute = rng.randrange(max(1, int(window.length / timedelta(minutes=1)) // 3)) * 3
    return window.start + timedelta(minutes=minute, seconds=rng.randrange(60), microseconds=rng.randrange(10**6))


def _interaction(rng: random.Random, window: Window, name: str) -> dict[str, Any]:
    has_tokens, user = rng.random() < 0.9, rng.choice([f"user-{n}" for n in range(12)] + [None])
    is_priced = has_tokens and rng.random() < 0.8
    error = rng.choices(list(ErrorClass), [80, *[2.5] * 8])[0]
    tokens = int(rng.lognormvariate(5.5, 1.0)) if has_tokens else None
    return {
        "id": name,
        "at": _instant(rng, window),
        "feature": rng.choice(FEATURES),
        "model": rng.choice(MODELS),
        "error_class": int(error),
        "latency_ms": rng.choice((None, 0.0, rng.lognormvariate(7, 0.7))),
        "time_to_first_token_ms": rng.choice((None, rng.lognormvariate(5, 0.5))),
        "input_tokens": tokens,
        "output_tokens": int(rng.expovariate(1 / 200)) if has_tokens else None,
        "cached_input_tokens": tokens and rng.randrange(tokens + 1),
        "cost_nano": rng.randrange(5 * 10**7) if is_priced else None,
        "cost_source": int(
            CostSource.CATALOGUE if is_priced else CostSource.UNPRICED if has_tokens else CostSource.NONE
        ),
        "cache": int(rng.choices(list(Cache), [8, 1, 1])[0]),
        "retrieval_documents": rng.choice((None, 0, 3)),
        "retrieval_latency_ms": rng.choice((None, rng.lognormvariate(4, 0.5))),
        "retrieval_score": rng.choice((None, 0.25, 0.75)),
        "user_id": user,
        "session_id": rng.choice((None, f"session-{rng.randrange(5)}")),
        **{name: rng.choice(values) for name, values in OTHERS.items()},
    }


def _verdicts(rng: random.Random, row: dict[str, Any]) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def say(kind: FeedbackKind, **what: Any) -> None:
        found.append({"interaction": row["id"], "kind": int(kind), **what})

    if rng.random() < 0.5:
        say(FeedbackKind.THUMB, value=float(rng.random() < 0.7))
    if rng.random() < 0.2:
        say(FeedbackKind.RATING, value=rng.choice((0.0, 0.25, 0.5, 0.75, 1.0)))
    if rng.random() < 0.2:
        say(FeedbackKind.CORRECTION, edit_ratio=rng.choice((None, 0.125, 0.5)))
    if rng.random() < 0.2:
        say(FeedbackKind.ACCEPTANCE, value=float(rng.random() < 0.6))
    if rng.random() < 0.2:
        label = rng.choice(("completed", "abandoned", "redone"))
        say(FeedbackKind.OUTCOME, value=float(label == "completed"), label=label)
    for category in ("wrong", "irrelevant", "inappropriate", "something-else", "tone"):
        if rng.random() < 0.05:
            say(FeedbackKind.FLAG, name=category)
    if rng.random() < 0.1:
        say(FeedbackKind.EVALUATION, name="judge", value=rng.random())
    return found
