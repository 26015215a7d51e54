"""What each raw row adds to which counter: columns in, columns of whole numbers out. For jobs: it loads numpy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.dimensions import EVERY_MARK, MARKS, Cache, CostSource, Dimension, ErrorClass, FeedbackKind
from observatory.metrics.layout import COST_COUNTERS, ERROR_COUNTERS, MARK_COUNTERS, MICRO, Counter, Distribution

if TYPE_CHECKING:
    from numpy.typing import NDArray

DETAILS: dict[FeedbackKind, tuple[Counter, ...]] = {
    FeedbackKind.OUTCOME: (Counter.COMPLETED, Counter.ABANDONED, Counter.REDONE),
    FeedbackKind.FLAG: (
        Counter.FLAGS_WRONG,
        Counter.FLAGS_IRRELEVANT,
        Counter.FLAGS_INAPPROPRIATE,
        Counter.FLAGS_OTHER,
    ),
    FeedbackKind.IMPLICIT: (Counter.COPIES, Counter.SHARES, Counter.FOLLOWS),
}
"""What a verdict's `detail` column numbers, per kind."""


@dataclass
class Rows:
    """Rows as columns: when (microseconds since 2000) and of which dimension values, what they add, and the values they
    give histograms.

    A value that is negative or NaN was not sent.
    """

    at: "NDArray[Any]"
    numbers: "list[NDArray[Any]]"
    counters: "dict[Counter, NDArray[Any]]" = field(default_factory=dict)
    values: "dict[Distribution, NDArray[Any]]" = field(default_factory=dict)


def of_interactions(columns: "Mapping[str, NDArray[Any]]", by: Sequence[Dimension]) -> Rows:
    """What each interaction adds."""
    import numpy as np

    rows = _rows(columns, by)
    cost = columns["cost_nano"]
    is_priced = cost >= 0
    is_cached = columns["cache"] != Cache.NONE
    rows.counters = {
        Counter.CALLS: np.ones(len(rows.at), np.int64),
        Counter.ERRORS: columns["failed"],
        Counter.PRICED_CALLS: is_priced,
        Counter.UNPRICED_CALLS: (columns["cost_source"] == CostSource.UNPRICED) & ~is_priced,
        Counter.CALLS_NANO: np.where(is_priced, cost, 0),
        # A record that replaces the cost is counted as a record of its component.
        Counter.COST_MODEL_TOKENS: np.where(is_priced & (columns["is_replaced"] == 0), cost, 0),
        Counter.CACHE_EXACT: columns["cache"] == Cache.EXACT,
        Counter.CACHE_SEMANTIC: columns["cache"] == Cache.SEMANTIC,
        Counter.CACHED_PRICED_CALLS: is_priced & is_cached,
        Counter.CACHED_CALLS_NANO: np.where(is_priced & is_cached, cost, 0),
        Counter.OUTLIERS: (columns["flags"] & EVERY_MARK) != 0,
        **{MARK_COUNTERS[name]: (columns["flags"] & mark) != 0 for name, mark in MARKS.items()},
        **_errors(columns),
        **_tokens(columns),
        **_retrieval(columns),
    }
    rows.values = {name: columns[name] for name in Distribution if name in columns}
    return rows


def of_costs(columns: "Mapping[str, NDArray[Any]]", by: Sequence[Dimension]) -> Rows:
    """What each cost record adds."""
    import numpy as np

    rows = _rows(columns, by)
    rows.counters = {Counter.COST_RECORDS: np.ones(len(rows.at), np.int64)}
    for component, counter in COST_COUNTERS.items():
        rows.counters[counter] = np.where(columns["component"] == component, columns["amount_nano"], 0)
    return rows


def of_verdicts(columns: "Mapping[str, NDArray[Any]]", by: Sequence[Dimension]) -> Rows:
    """What each verdict adds; an interaction with several is flagged, or has feedback, once."""
    rows = _rows(columns, by)
    kind, value = columns["kind"], columns["value"]
    is_up = value > 0.5
    is_flag, is_evaluation = kind == FeedbackKind.FLAG, kind == FeedbackKind.EVALUATION
    rows.counters = {
        Counter.THUMBS_UP: (kind == FeedbackKind.THUMB) & is_up,
        Counter.THUMBS_DOWN: (kind == FeedbackKind.THUMB) & ~is_up,
        Counter.ACCEPTED: (kind == FeedbackKind.ACCEPTANCE) & is_up,
        Counter.DISMISSED: (kind == FeedbackKind.ACCEPTANCE) & ~is_up,
        Counter.CORRECTIONS: kind == FeedbackKind.CORRECTION,
        Counter.FLAGGED: _first_of_its_interaction(columns, is_flag),
        Counter.WITH_FEEDBACK: _first_of_its_interaction(columns, ~is_evaluation),
        **_mean(Counter.RATINGS, Counter.RATING_MICRO, kind == FeedbackKind.RATING, value),
        **_mean(Counter.EVALUATIONS, Counter.EVALUATION_MICRO, is_evaluation, value),
        **_mean(Counter.EDITS, Counter.EDIT_RATIO_MICRO, kind == FeedbackKind.CORRECTION, columns["edit_ratio"]),
    }
    for of, counters in DETAILS.items():
        for number, counter in enumerate(counters):
            rows.counters[counter] = (kind == of) & (columns["detail"] == number)
    # Categories of an app's own making are one: several of them on an interaction are one flag.
    rows.counters[Counter.FLAGS_OTHER] = _first_of_its_interaction(columns, rows.counters[Counter.FLAGS_OTHER])
    rows.values = {Distribution.RATING: _only(value, kind == FeedbackKind.RATING)}
    return rows


def kinds_in(columns: "Mapping[str, NDArray[Any]]") -> int:
    """The kinds of these verdicts, as a set of bits: 1 << kind."""
    import numpy as np

    return sum(1 << int(kind) for kind in np.unique(columns["kind"]))


def _rows(columns: "Mapping[str, NDArray[Any]]", by: Sequence[Dimension]) -> Rows:
    import numpy as np

    return Rows(columns["at"], [columns[dimension.column].astype(np.int64) for dimension in by])


def _errors(columns: "Mapping[str, NDArray[Any]]") -> "dict[Counter, NDArray[Any]]":
    """Each failed call in the counter of its class; one without a class is OTHER."""
    import numpy as np

    classes = np.where(
        (columns["failed"] != 0) & (columns["error_class"] == 0), ErrorClass.OTHER, columns["error_class"]
    )
    return {counter: classes == error for error, counter in ERROR_COUNTERS.items()}


def _tokens(columns: "Mapping[str, NDArray[Any]]") -> "dict[Counter, NDArray[Any]]":
    has_input, has_output = columns["input_tokens"] >= 0, columns["output_tokens"] >= 0
    return {
        Counter.WITH_INPUT_TOKENS: has_input,
        Counter.INPUT_TOKENS: columns["input_tokens"] * has_input,
        Counter.WITH_OUTPUT_TOKENS: has_output,
        Counter.OUTPUT_TOKENS: columns["output_tokens"] * has_output,
        Counter.CACHED_INPUT_TOKENS: columns["cached_input_tokens"],
        Counter.CACHE_WRITE_TOKENS: columns["cache_write_tokens"],
        Counter.REASONING_TOKENS: columns["reasoning_tokens"],
    }


def _retrieval(columns: "Mapping[str, NDArray[Any]]") -> "dict[Counter, NDArray[Any]]":
    import numpy as np

    score = columns["retrieval_score"]
    return {
        Counter.RETRIEVALS: columns["retrieval_documents"] >= 0,
        Counter.RETRIEVALS_EMPTY: columns["retrieval_documents"] == 0,
        **_mean(Counter.RETRIEVALS_SCORED, Counter.RETRIEVAL_SCORE_MICRO, ~np.isnan(score), score),
    }


def _mean(
    count: Counter, total: Counter, where: "NDArray[Any]", value: "NDArray[Any]"
) -> "dict[Counter, NDArray[Any]]":
    """A count of values and their sum in millionths, each rounded alone."""
    import numpy as np

    known = _only(value, where)
    is_known = ~np.isnan(known)
    return {count: is_known, total: np.rint(np.where(is_known, known, 0.0) * MICRO).astype(np.int64)}


def _only(value: "NDArray[Any]", where: "NDArray[Any]") -> "NDArray[Any]":
    import numpy as np

    kept: NDArray[Any] = np.where(where, value, np.nan)
    return kept


def _first_of_its_interaction(columns: "Mapping[str, NDArray[Any]]", where: "NDArray[Any]") -> "NDArray[Any]":
    import numpy as np

    places = np.flatnonzero(where)
    pairs = np.stack([columns["at"][places], columns["interaction"][places]])
    _, firsts = np.unique(pairs, axis=1, return_index=True)
    is_first = np.zeros(len(where), bool)
    is_first[places[firsts]] = True
    return is_first
