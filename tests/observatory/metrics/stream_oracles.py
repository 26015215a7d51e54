"""What each metric of calls, verdicts and costs is, counted slowly and plainly by pandas from the rows that were sent."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ingest.dimensions import Component, CostSource, ErrorClass, FeedbackKind
from ingest.timeline import Window
from tests.observatory.metrics.streams import Stream

OUTAGES = (ErrorClass.TIMEOUT, ErrorClass.RATE_LIMIT, ErrorClass.SERVER, ErrorClass.NETWORK)

Oracle = Callable[[Stream, Window, dict[str, Any]], float]


def _is_priced(stream: Stream, window: Window, by: dict[str, Any]) -> Any:
    calls = stream.calls(window, **by)
    return calls.cost_nano.notna() | calls.id.isin(stream.replaced)


def _is_unpriced(stream: Stream, window: Window, by: dict[str, Any]) -> Any:
    calls = stream.calls(window, **by)
    return (calls.cost_source == CostSource.UNPRICED) & ~calls.id.isin(stream.replaced)


def share(good: float, all_: float) -> float:
    return good / all_ if all_ else math.nan


def verdict_share(kind: FeedbackKind, is_good: Callable[[Any], Any]) -> Oracle:
    def compute(stream: Stream, window: Window, by: dict[str, Any]) -> float:
        said = stream.said(window, kind=int(kind), **by)
        return share(is_good(said).sum(), len(said))

    return compute


def quantile(column: str, at: float) -> Oracle:
    def compute(stream: Stream, window: Window, by: dict[str, Any]) -> float:
        values = stream.calls(window, **by)[column].dropna()
        return float(np.quantile(values, at, method="inverted_cdf")) if len(values) else math.nan

    return compute


def are_down(stream: Stream, window: Window, by: dict[str, Any]) -> Any:
    """Whether each minute with traffic was down."""
    calls = stream.calls(window, **by)
    minutes = calls.assign(out=calls.error_class.isin(OUTAGES)).groupby(calls["at"].dt.floor("min")).out
    return (minutes.count() >= 5) & (minutes.sum() * 2 > minutes.count())


def uptime(stream: Stream, window: Window, by: dict[str, Any]) -> float:
    down = are_down(stream, window, by)
    return 1 - share(down.sum(), len(down))


def busiest_minute(weigh: Callable[[Any], Any]) -> Oracle:
    """The largest sum of what each call weighs in any minute."""

    def compute(stream: Stream, window: Window, by: dict[str, Any]) -> float:
        calls = stream.calls(window, **by)
        return float(weigh(calls).groupby(calls["at"].dt.floor("min")).sum().max())

    return compute


def per_call(component: Component) -> Oracle:
    """What is paid for it, divided by the calls whose price is known."""

    def compute(stream: Stream, window: Window, by: dict[str, Any]) -> float:
        return share(paid_for(component)(stream, window, by), _is_priced(stream, window, by).sum())

    return compute


def flagged(category: str) -> Oracle:
    """Interactions, each once; every category of its own making is an other."""

    def compute(stream: Stream, window: Window, by: dict[str, Any]) -> float:
        said = stream.said(window, kind=int(FeedbackKind.FLAG), **by)
        named = said.name.where(said.name.isin(("wrong", "irrelevant", "inappropriate")), "other")
        return share(said[named == category].interaction.nunique(), len(stream.calls(window, **by)))

    return compute


def paid_for(component: Component) -> Oracle:
    """Its records, and of model tokens the calls' own cost where no record replaces it."""

    def compute(stream: Stream, window: Window, by: dict[str, Any]) -> float:
        calls, paid = stream.calls(window, **by), stream.paid(window, **by)
        own = calls[~calls.id.isin(stream.replaced)].cost_nano.sum() if component is Component.MODEL_TOKENS else 0
        return float(own + paid[paid.component == component].amount_nano.sum()) / 1e9

    return compute


def median_cost(stream: Stream, window: Window, by: dict[str, Any]) -> float:
    """Of what each call's model cost, by its record where it has one."""
    calls = stream.calls(window, **by)
    costs = [stream.instead.get(id, own) for id, own in zip(calls.id, calls.cost_nano, strict=True)]
    known = [float(cost) for cost in costs if not pd.isna(cost)]
    return float(np.quantile(known, 0.5, method="inverted_cdf")) / 1e9 if known else math.nan


EXACT: dict[str, Oracle] = {
    "calls": lambda s, w, by: len(s.calls(w, **by)),
    **{
        f"{error.name.lower()}_error_rate": lambda s, w, by, error=error: (s.calls(w, **by).error_class == error).mean()
        for error in ErrorClass
        if error not in (ErrorClass.NONE, ErrorClass.TIMEOUT, ErrorClass.RATE_LIMIT)
    },
    "error_rate": lambda s, w, by: (s.calls(w, **by).error_class != 0).mean(),
    "timeout_rate": lambda s, w, by: (s.calls(w, **by).error_class == ErrorClass.TIMEOUT).mean(),
    "rate_limited_rate": lambda s, w, by: (s.calls(w, **by).error_class == ErrorClass.RATE_LIMIT).mean(),
    "availability": lambda s, w, by: 1 - s.calls(w, **by).error_class.isin(OUTAGES).mean(),
    "uptime": uptime,
    "minutes_down": lambda s, w, by: are_down(s, w, by).sum(),
    "peak_requests_per_minute": busiest_minute(lambda calls: calls.error_class.notna().astype(int)),
    "peak_tokens_per_minute": busiest_minute(
        lambda calls: calls.input_tokens.fillna(0) + calls.output_tokens.fillna(0)
    ),
    "thumbs_up_rate": verdict_share(FeedbackKind.THUMB, lambda said: said.value == 1),
    "rating_mean": lambda s, w, by: s.said(w, kind=int(FeedbackKind.RATING), **by).value.mean(),
    "correction_rate": lambda s, w, by: share(
        s.said(w, kind=int(FeedbackKind.CORRECTION), **by).interaction.nunique(), len(s.calls(w, **by))
    ),
    "edit_ratio": lambda s, w, by: s.said(w, kind=int(FeedbackKind.CORRECTION), **by).edit_ratio.mean(),
    "rejection_rate": verdict_share(FeedbackKind.ACCEPTANCE, lambda said: said.value == 0),
    "task_completion_rate": verdict_share(FeedbackKind.OUTCOME, lambda said: said.label == "completed"),
    "flag_rate": lambda s, w, by: share(
        s.said(w, kind=int(FeedbackKind.FLAG), **by).interaction.nunique(), len(s.calls(w, **by))
    ),
    **{f"flag_{name}_rate": flagged(name) for name in ("wrong", "irrelevant", "inappropriate", "other")},
    "feedback_coverage": lambda s, w, by: share(
        s.said(w, **by).query(f"kind != {int(FeedbackKind.EVALUATION)}").interaction.nunique(), len(s.calls(w, **by))
    ),
    "cost_total": lambda s, w, by: s.cost_nano(w, **by) / 1e9,
    **{f"cost_{component.name.lower()}": paid_for(component) for component in Component},
    **{f"cost_per_call_{component.name.lower()}": per_call(component) for component in Component},
    "unpriced_calls": lambda s, w, by: _is_unpriced(s, w, by).sum(),
    "input_tokens_mean": lambda s, w, by: s.calls(w, **by).input_tokens.mean(),
    "output_tokens_mean": lambda s, w, by: s.calls(w, **by).output_tokens.mean(),
    "cache_hit_rate": lambda s, w, by: (s.calls(w, **by).cache > 0).mean(),
    "cached_input_share": lambda s, w, by: share(
        s.calls(w, **by).cached_input_tokens.sum(), s.calls(w, **by).input_tokens.sum()
    ),
    "retrieval_score_mean": lambda s, w, by: s.calls(w, **by).retrieval_score.mean(),
    "no_result_rate": lambda s, w, by: (s.calls(w, **by).retrieval_documents.dropna() == 0).mean(),
    "cost_per_call": lambda s, w, by: s.cost_nano(w, **by) / 1e9 / _is_priced(s, w, by).sum(),
}
WITHIN_ONE_PERCENT: dict[str, Oracle] = {
    "latency_p50": quantile("latency_ms", 0.5),
    "latency_p95": quantile("latency_ms", 0.95),
    "latency_p99": quantile("latency_ms", 0.99),
    "ttft_p50": quantile("time_to_first_token_ms", 0.5),
    "ttft_p95": quantile("time_to_first_token_ms", 0.95),
    "retrieval_latency_p95": quantile("retrieval_latency_ms", 0.95),
    "cost_per_call_p50": median_cost,
}
