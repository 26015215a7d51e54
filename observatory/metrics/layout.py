"""What a sheet counts: the numbers of its counters and the names of its distributions.

Stored sheets carry these numbers: append, never renumber. Pure: no Django here.
"""

from enum import IntEnum, StrEnum

from ingest.dimensions import Component, ErrorClass, Facts

FEEDBACK_FROM = 128
"""Counters from this number on count feedback, those below it interactions. A number fits one byte."""

MICRO = 1_000_000
NANO = 1_000_000_000


class Counter(IntEnum):
    """A sum of whole numbers over the interactions, or over the verdicts on interactions, of one bucket.

    `MICRO` in a name: millionths, rounded one by one. Money is nano-dollars. `PEAK` in a name: no sum, the most of any
    minute.
    """

    CALLS = 1
    ERRORS = 2
    ERRORS_TIMEOUT = 3
    ERRORS_RATE_LIMIT = 4
    ERRORS_AUTH = 5
    ERRORS_CONTENT_FILTER = 6
    ERRORS_CONTEXT_LENGTH = 7
    ERRORS_SERVER = 8
    ERRORS_NETWORK = 9
    ERRORS_OTHER = 10
    MINUTES_WITH_TRAFFIC = 11
    MINUTES_DOWN = 12
    WITH_INPUT_TOKENS = 13
    INPUT_TOKENS = 14
    WITH_OUTPUT_TOKENS = 15
    OUTPUT_TOKENS = 16
    CACHED_INPUT_TOKENS = 17
    CACHE_WRITE_TOKENS = 18
    REASONING_TOKENS = 19
    PRICED_CALLS = 20
    UNPRICED_CALLS = 21
    CALLS_NANO = 22
    COST_MODEL_TOKENS = 23
    COST_RETRIEVAL = 24
    COST_INFRASTRUCTURE = 25
    COST_MODERATION = 26
    COST_HUMAN_REVIEW = 27
    COST_OTHER = 28
    COST_RECORDS = 29
    CACHE_EXACT = 30
    CACHE_SEMANTIC = 31
    RETRIEVALS = 32
    RETRIEVALS_EMPTY = 33
    RETRIEVALS_SCORED = 34
    RETRIEVAL_SCORE_MICRO = 35
    PEAK_CALLS = 36
    PEAK_TOKENS = 37
    OUTLIERS = 40
    OUTLIERS_COST = 41
    OUTLIERS_LATENCY = 42
    OUTLIERS_TOKENS = 43
    OUTLIERS_LENGTH = 44
    OUTLIERS_EMPTY = 45
    OUTLIERS_CUT_OFF = 46
    OUTLIERS_REFUSAL = 47
    OUTLIERS_REPEAT = 48
    CACHED_PRICED_CALLS = 49
    CACHED_CALLS_NANO = 50

    THUMBS_UP = 128
    THUMBS_DOWN = 129
    RATINGS = 130
    RATING_MICRO = 131
    CORRECTIONS = 132
    EDITS = 133
    EDIT_RATIO_MICRO = 134
    ACCEPTED = 135
    DISMISSED = 136
    COMPLETED = 137
    ABANDONED = 138
    REDONE = 139
    FLAGGED = 140
    FLAGS_WRONG = 141
    FLAGS_IRRELEVANT = 142
    FLAGS_INAPPROPRIATE = 143
    FLAGS_OTHER = 144
    COPIES = 145
    SHARES = 146
    FOLLOWS = 147
    EVALUATIONS = 148
    EVALUATION_MICRO = 149
    WITH_FEEDBACK = 150

    @property
    def facts(self) -> Facts:
        """Which sheets carry this counter."""
        return Facts.FEEDBACK if self >= FEEDBACK_FROM else Facts.INTERACTIONS


ERROR_COUNTERS = {
    ErrorClass.TIMEOUT: Counter.ERRORS_TIMEOUT,
    ErrorClass.RATE_LIMIT: Counter.ERRORS_RATE_LIMIT,
    ErrorClass.AUTH: Counter.ERRORS_AUTH,
    ErrorClass.CONTENT_FILTER: Counter.ERRORS_CONTENT_FILTER,
    ErrorClass.CONTEXT_LENGTH: Counter.ERRORS_CONTEXT_LENGTH,
    ErrorClass.SERVER: Counter.ERRORS_SERVER,
    ErrorClass.NETWORK: Counter.ERRORS_NETWORK,
    ErrorClass.OTHER: Counter.ERRORS_OTHER,
}
OUTAGES = (
    Counter.ERRORS_TIMEOUT,
    Counter.ERRORS_RATE_LIMIT,
    Counter.ERRORS_SERVER,
    Counter.ERRORS_NETWORK,
)
"""Failures that mean "not available"; a refused content or a wrong key is not an outage."""

COST_COUNTERS = {
    Component.MODEL_TOKENS: Counter.COST_MODEL_TOKENS,
    Component.RETRIEVAL: Counter.COST_RETRIEVAL,
    Component.INFRASTRUCTURE: Counter.COST_INFRASTRUCTURE,
    Component.MODERATION: Counter.COST_MODERATION,
    Component.HUMAN_REVIEW: Counter.COST_HUMAN_REVIEW,
    Component.OTHER: Counter.COST_OTHER,
}
PEAKS = (Counter.PEAK_CALLS, Counter.PEAK_TOKENS)
"""The most that a minute of the bucket had: merged by taking the larger, never by adding."""

OF_MINUTES = (Counter.MINUTES_WITH_TRAFFIC, Counter.MINUTES_DOWN, *PEAKS)
"""Counted minute by minute: those of a part say nothing about the rest."""

FLAG_COUNTERS = {
    "wrong": Counter.FLAGS_WRONG,
    "irrelevant": Counter.FLAGS_IRRELEVANT,
    "inappropriate": Counter.FLAGS_INAPPROPRIATE,
    "other": Counter.FLAGS_OTHER,
}

MARK_COUNTERS = {
    "cost": Counter.OUTLIERS_COST,
    "latency": Counter.OUTLIERS_LATENCY,
    "tokens": Counter.OUTLIERS_TOKENS,
    "length": Counter.OUTLIERS_LENGTH,
    "empty": Counter.OUTLIERS_EMPTY,
    "cut_off": Counter.OUTLIERS_CUT_OFF,
    "refusal": Counter.OUTLIERS_REFUSAL,
    "repeat": Counter.OUTLIERS_REPEAT,
}
"""The outlier marks by the names of `ingest.dimensions.MARKS`."""

DOWN_CALLS = 5
"""A minute is down when it had at least this many calls and over half were outages."""


class Distribution(StrEnum):
    """A histogram's column in `sheet`. Bins are those of `statistics.bucket_of`, of the value in the column's unit."""

    LATENCY_MS = "latency_ms"
    TIME_TO_FIRST_TOKEN_MS = "time_to_first_token_ms"  # noqa: S105 - a model's token, not a password
    RETRIEVAL_LATENCY_MS = "retrieval_latency_ms"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    COST_NANO = "cost_nano"
    RATING = "rating"

    @property
    def facts(self) -> Facts:
        """Which sheets carry this histogram."""
        return Facts.FEEDBACK if self is Distribution.RATING else Facts.INTERACTIONS


ZERO_BIN = -32768
"""The bin of zeros, which have no logarithm."""
