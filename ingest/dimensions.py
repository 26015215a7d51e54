"""The dimensions of an interaction and their numbers: fixed for ever, since stored rows carry them.

A value enters the project's dictionary on first sight and gets a number there. Two numbers are the same everywhere:
`ABSENT` (the app sent nothing) and `OTHER` (the dictionary of this dimension is full; the text stays with the payload).
"""

from enum import IntEnum

ABSENT = 0
OTHER = 1
FIRST = 2


class Dimension(IntEnum):
    """What interactions are told apart by. `MODEL` is the model that answered: the served one, or else the requested."""

    FEATURE = 1
    MODEL = 2
    REQUESTED_MODEL = 3
    PROVIDER = 4
    ENVIRONMENT = 5
    RELEASE = 6
    PROMPT_NAME = 7
    PROMPT_VERSION = 8
    SEGMENT = 9
    TIER = 10
    LANGUAGE = 11
    QUERY_TYPE = 12
    REGION = 13

    @property
    def column(self) -> str:
        """The column of `interaction`, `verdict` and `cost` that carries the value's number."""
        return f"{self.name.lower()}_id"

    @property
    def limit(self) -> int:
        """How many distinct values are kept apart."""
        return 200 if self is Dimension.FEATURE else 500


COLUMNS = tuple(dimension.column for dimension in Dimension)


class ErrorClass(IntEnum):
    """Why a call failed. `NONE` is a call that did not fail."""

    NONE = 0
    TIMEOUT = 1
    RATE_LIMIT = 2
    AUTH = 3
    CONTENT_FILTER = 4
    CONTEXT_LENGTH = 5
    SERVER = 6
    NETWORK = 7
    OTHER = 8


class CostSource(IntEnum):
    """Where an interaction's cost comes from. `NONE`: nothing to price (no tokens and no cost were sent)."""

    NONE = 0
    CLIENT = 1
    OVERRIDE = 2
    CATALOGUE = 3
    UNPRICED = 4


class Cache(IntEnum):
    """The app's own answer cache."""

    NONE = 0
    EXACT = 1
    SEMANTIC = 2


class Component(IntEnum):
    """What a cost was for."""

    MODEL_TOKENS = 1
    RETRIEVAL = 2
    INFRASTRUCTURE = 3
    MODERATION = 4
    HUMAN_REVIEW = 5
    OTHER = 6


class FeedbackKind(IntEnum):
    """What users made of an output."""

    THUMB = 1
    RATING = 2
    CORRECTION = 3
    FLAG = 4
    ESCALATION = 5
    ACCEPTANCE = 6
    OUTCOME = 7
    SURVEY = 8
    NPS = 9
    IMPLICIT = 10
    TICKET = 11
    EVALUATION = 12


class UserEvent(IntEnum):
    """What became of a user."""

    ACTIVATED = 1
    OPTED_OUT = 2
    OPTED_IN = 3
    SEEN = 4


class FigureName(IntEnum):
    """What only the business knows."""

    REVENUE_USD = 1
    ACTIVE_USERS = 2
    FORECAST_COST_USD = 3
    FORECAST_USERS = 4


class Facts(IntEnum):
    """Which raw rows a dirty mark or a sheet is about."""

    INTERACTIONS = 1
    FEEDBACK = 2


class RecordKind(IntEnum):
    """The kinds whose ids are unique per project."""

    INTERACTION = 1
    FEEDBACK = 2
    COST = 3
    CHANGE = 4
    USER = 5
    FIGURE = 6


class Flag(IntEnum):
    """Bits of `interaction.flags`."""

    TEXT_REPAIRED = 1
    PROMPT_CUT = 2
    OUTPUT_CUT = 4
    CLOCK_IMPLAUSIBLE = 8
    PROMPT_IS_MESSAGES = 16
    OUTPUT_IS_MESSAGES = 32
    TEXT_MASKED = 64
    TEXT_HASHED = 128
    # Those from here on are set by ingest.digest, after the commit.
    INPUT_TOKENS_ESTIMATED = 256
    OUTPUT_TOKENS_ESTIMATED = 512
    LANGUAGE_DETECTED = 1024
    UNUSUAL_COST = 2048
    UNUSUAL_LATENCY = 4096
    UNUSUAL_TOKENS = 8192
    UNUSUAL_LENGTH = 16384
    OUTPUT_EMPTY = 32768
    OUTPUT_CUT_OFF = 65536
    REFUSAL = 131072
    REPEAT = 262144


MARKS = {
    "cost": Flag.UNUSUAL_COST,
    "latency": Flag.UNUSUAL_LATENCY,
    "tokens": Flag.UNUSUAL_TOKENS,
    "length": Flag.UNUSUAL_LENGTH,
    "empty": Flag.OUTPUT_EMPTY,
    "cut_off": Flag.OUTPUT_CUT_OFF,
    "refusal": Flag.REFUSAL,
    "repeat": Flag.REPEAT,
}
"""The outlier marks by the names that people use."""

EVERY_MARK = sum(MARKS.values())
ESTIMATED = Flag.INPUT_TOKENS_ESTIMATED | Flag.OUTPUT_TOKENS_ESTIMATED
"""Bits of the token counts that nobody counted: such a count is absent, for whoever sends the true one."""
