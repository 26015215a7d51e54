"""What the replay plays: three features, sixteen models, how often each thing happens, and what goes wrong."""

from dataclasses import dataclass, field
from typing import Literal

from dashboards.demo.answers import Answer

PROJECT_NAME = "Demo"
OPENING = "Real answers, replayed over 60 days."
DESCRIPTION = (
    f"{OPENING} Real: prompt, output, model and judge score, 4,800 answers of 16 models to "
    "300 prompts of a public chat service (lmarena/arena-hard-auto, Apache-2.0); one answer may be served to several "
    "users. Replayed, from a fixed seed: time, user, session, latency, errors, every rating, correction and outcome (a "
    "thumb follows the judge score; an answer without a score gets none), which answers a cache gave, who opted out, "
    "surveys, NPS, tickets, revenue, active users and what providers allow. Tokens are counted from the texts; prices marked “demo, our own figure” are ours."
)

DAYS = 60
INTERACTIONS = 14_000
USERS = 760

MAIN_FEATURE = "write-draft"
STRONG_MODEL = "gpt-4-1106-preview"
WEAK_MODEL = "Llama-2-70b-chat"
SHIFT_FIRST_DAY = 45
SHIFT_LAST_DAY = 52
SHIFTED_SHARE = 0.19

BASELINE_DAYS = 28

FeatureType = Literal["inline", "on_demand", "background"]
Stakes = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Model:
    """Who serves a model, and how fast: generation time per output token, beside others at 1.0."""

    provider: str
    pace: float


MODELS: dict[str, Model] = {
    "gpt-4-1106-preview": Model("openai", 1.1),
    "gpt-4-0314": Model("openai", 1.2),
    "gpt-4": Model("openai", 1.2),
    "gpt-3.5-turbo": Model("openai", 0.8),
    "gpt-3.5-turbo-1106": Model("openai", 0.8),
    "claude-2.1": Model("anthropic", 1.1),
    "claude-1": Model("anthropic", 1.0),
    "claude-instant-1": Model("anthropic", 0.8),
    "palm-2-chat-bison-001": Model("google", 0.9),
    "Llama-2-70b-chat": Model("self-hosted", 1.1),
    "Mistral-7B-Instruct-v0.1": Model("self-hosted", 0.8),
    "Starling-LM-7B-alpha": Model("self-hosted", 0.8),
    "openchat_3.5": Model("self-hosted", 0.8),
    "vicuna-33b-v1.3": Model("self-hosted", 1.0),
    "vicuna-13b-v1.5": Model("self-hosted", 0.9),
    "vicuna-7b-v1.5": Model("self-hosted", 0.8),
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One AI feature of the imagined product. Rates are shares of its answered calls unless they say otherwise.

    `prompt_length` and `longest_output` (characters) choose which real answers it serves. Latency is
    (`base_ms` + `token_ms` x output tokens x pace of the model), log-normally scattered, within the budget of the type.
    """

    name: str
    type: FeatureType
    stakes: Stakes
    share: float
    prompt_length: range
    longest_output: int
    models: dict[str, float]
    base_ms: float
    token_ms: float
    timeout_ms: int
    rated: float
    corrected: float = 0.0
    accepted: dict[str, float] = field(default_factory=dict)
    outcomes: dict[str, float] = field(default_factory=dict)
    copied: float = 0.0
    evaluated: float = 0.1
    cached: float = 0.0

    def serves(self, answer: Answer) -> bool:
        """Say whether this feature could have given this answer."""
        return len(answer.prompt) in self.prompt_length and len(answer.output) <= self.longest_output


FEATURES: tuple[Feature, ...] = (
    Feature(
        name=MAIN_FEATURE,
        type="on_demand",
        stakes="medium",
        share=0.75,
        prompt_length=range(801),
        longest_output=10_000,
        models={
            "gpt-4-1106-preview": 0.31,
            "gpt-4-0314": 0.07,
            "gpt-3.5-turbo": 0.13,
            "gpt-3.5-turbo-1106": 0.12,
            "claude-2.1": 0.11,
            "claude-1": 0.045,
            "claude-instant-1": 0.05,
            "Llama-2-70b-chat": 0.02,
            "Starling-LM-7B-alpha": 0.035,
            "openchat_3.5": 0.035,
            "vicuna-33b-v1.3": 0.016,
            "Mistral-7B-Instruct-v0.1": 0.014,
            "palm-2-chat-bison-001": 0.015,
            "gpt-4": 0.01,
            "vicuna-13b-v1.5": 0.01,
            "vicuna-7b-v1.5": 0.01,
        },
        base_ms=350,
        token_ms=3.4,
        timeout_ms=30_000,
        rated=0.6,
        cached=0.04,
        corrected=0.08,
        outcomes={"completed": 0.13, "abandoned": 0.014, "redone": 0.006},
        copied=0.1,
    ),
    Feature(
        name="quick-answer",
        type="inline",
        stakes="low",
        share=0.16,
        prompt_length=range(201),
        longest_output=600,
        models={
            "gpt-3.5-turbo-1106": 0.36,
            "openchat_3.5": 0.16,
            "claude-1": 0.16,
            "claude-instant-1": 0.08,
            "claude-2.1": 0.07,
            "palm-2-chat-bison-001": 0.07,
            "Mistral-7B-Instruct-v0.1": 0.06,
            "vicuna-13b-v1.5": 0.04,
        },
        base_ms=150,
        token_ms=1.9,
        timeout_ms=5_000,
        rated=0.3,
        cached=0.12,
        accepted={"accepted": 0.43, "dismissed": 0.17},
    ),
    Feature(
        name="analyze-doc",
        type="background",
        stakes="high",
        share=0.09,
        prompt_length=range(801, 100_000),
        longest_output=10_000,
        models={
            "gpt-4-1106-preview": 0.34,
            "claude-2.1": 0.26,
            "gpt-4-0314": 0.18,
            "gpt-3.5-turbo": 0.14,
            "gpt-4": 0.08,
        },
        base_ms=2_500,
        token_ms=15,
        timeout_ms=120_000,
        rated=0.4,
        corrected=0.09,
        outcomes={"completed": 0.44, "abandoned": 0.05, "redone": 0.03},
    ),
)

# Shares of all calls; the rest is ok. All failures together stay well under every limit of the shipped rules.
FAILURES: dict[str, float] = {"rate_limit": 0.0015, "server": 0.003, "network": 0.001, "timeout": 0.0025}
FAILURE_MESSAGES: dict[str, str] = {
    "rate_limit": "429 Too Many Requests: slow down and try again",
    "server": "502 Bad Gateway from the provider",
    "network": "connection reset by peer",
    "timeout": "no complete answer in time",
}

# Shares of the answered calls with a thumb down.
FLAGS: dict[str, float] = {"wrong": 0.012, "irrelevant": 0.006, "other": 0.004}


def model_shares(feature: Feature, day: int) -> dict[str, float]:
    """Tell the shares of a feature's calls by model on one day (1 is the first).

    From day 45 to day 52 the main feature moves 19 points of its calls, in eight equal steps, from one strong model to
    one weak one. Everything else stays as it is for ever.
    """
    if feature.name != MAIN_FEATURE:
        return feature.models
    steps = SHIFT_LAST_DAY - SHIFT_FIRST_DAY + 1
    moved = SHIFTED_SHARE * min(max(day - SHIFT_FIRST_DAY + 1, 0), steps) / steps
    return {
        **feature.models,
        STRONG_MODEL: feature.models[STRONG_MODEL] - moved,
        WEAK_MODEL: feature.models[WEAK_MODEL] + moved,
    }
