"""What reading one interaction finds: its language, the tokens nobody counted, what they cost, what stands out. Pure.

Only what is absent is filled in. A count estimated or a language detected before is absent too, so reading again, after
something was added, gives what reading once would have given.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from ingest import tokens
from ingest.descriptors import Descriptors
from ingest.digest import declining, marks, texts
from ingest.digest.marks import Limits, Measured
from ingest.dimensions import ABSENT, ESTIMATED, EVERY_MARK, CostSource, Flag
from ingest.pricing import Call, PriceBook, is_amount

CHARACTERS_A_TOKEN = 4
"""Where only the length of a text is known."""
TOKENS_A_MESSAGE = 4
"""What marks the beginning and the end of a chat message costs about so many."""

COUNTED = {"prompt": "input_tokens", "output": "output_tokens"}
OF_OUTPUT = Flag.OUTPUT_EMPTY | Flag.REFUSAL | Flag.OUTPUT_CUT_OFF | Flag.REPEAT

Language = Callable[[str], str | None]
_DESCRIBED = msgspec.json.Decoder(dict[str, Descriptors])


@dataclass(frozen=True)
class Stored:
    """An interaction as it is stored, with the beginnings of its texts; `version` changes whenever its row does.

    A text is None when none was sent, or none is kept: then its characters are known all the same, and of texts that were
    never kept also `descriptors`, as JSON. `is_over`: the time of all its texts is over, so they tell nothing any more.
    """

    occurred_at: datetime
    id: str
    version: int
    feature_id: int
    language_id: int
    flags: int
    status: int
    error_class: int
    cache: int
    cost_source: int
    cost_nano: int | None
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    prompt_chars: int | None
    output_chars: int | None
    prompt: str | None
    output: str | None
    error_message: str | None
    descriptors: str | None
    output_hash: int | None
    is_cut_off: bool
    is_over: bool
    provider: str
    served_model: str
    requested_model: str

    @cached_property
    def described(self) -> Mapping[str, Descriptors]:
        """What was noted of texts that are not kept, by field."""
        return _DESCRIBED.decode(self.descriptors) if self.descriptors else {}

    @property
    def has_failed(self) -> bool:
        """Whether the call failed."""
        return bool(self.status or self.error_class)

    @property
    def is_repeatable(self) -> bool:
        """Whether an equal output says something: a long enough one, and not from the app's own cache."""
        return self.output_hash is not None and not self.has_failed and not self.cache

    def words(self) -> str:
        """What the search table gets; empty without texts."""
        prompt = self.prompt or ""
        output = self.output or ""
        parts = (
            texts.said(prompt) if self.flags & Flag.PROMPT_IS_MESSAGES else prompt,
            texts.said(output) if self.flags & Flag.OUTPUT_IS_MESSAGES else output,
            self.error_message or "",
        )
        return " ".join(filter(None, map(str.strip, map(texts.folded, parts))))


@dataclass(frozen=True)
class Found:
    """What an interaction's row should hold; `language` is None where the row keeps what it has."""

    language: str | None
    flags: int
    input_tokens: int | None
    output_tokens: int | None
    cost_nano: int | None
    cost_source: int

    def is_news(self, one: Stored) -> bool:
        """Whether anything but the language differs from what is stored."""
        kept = (one.flags, one.input_tokens, one.output_tokens, one.cost_nano, one.cost_source)
        return kept != (self.flags, self.input_tokens, self.output_tokens, self.cost_nano, self.cost_source)


def find(one: Stored, limits: Limits, book: PriceBook, language_of: Language, *, is_repeat: bool) -> Found:
    """Read one interaction."""
    found = _priced(one, _counted(one), book)
    language = _language(one, language_of)
    flags = found.flags | (Flag.LANGUAGE_DETECTED if language else 0)
    if not one.has_failed:
        measured = Measured(
            found.cost_nano, one.latency_ms, found.input_tokens, found.output_tokens, one.prompt_chars, one.output_chars
        )
        flags |= marks.unusual(measured, limits) | _of_output(one, is_repeat)
    return replace(found, language=language, flags=flags)


def _counted(one: Stored) -> Found:
    """The token counts, estimated where absent: of calls that a model answered, as far as texts are known."""
    flags = one.flags & ~(EVERY_MARK | ESTIMATED)
    sent_in = None if one.flags & Flag.INPUT_TOKENS_ESTIMATED else one.input_tokens
    sent_out = None if one.flags & Flag.OUTPUT_TOKENS_ESTIMATED else one.output_tokens
    tokens_in, tokens_out = sent_in, sent_out
    if not one.has_failed and not one.cache:
        if sent_in is None:
            tokens_in = _estimated(one, "prompt", Flag.PROMPT_IS_MESSAGES)
        if sent_out is None:
            tokens_out = _estimated(one, "output", Flag.OUTPUT_IS_MESSAGES)
    if sent_in != tokens_in:
        flags |= Flag.INPUT_TOKENS_ESTIMATED
    if sent_out != tokens_out:
        flags |= Flag.OUTPUT_TOKENS_ESTIMATED
    return Found(None, flags, tokens_in, tokens_out, one.cost_nano, one.cost_source)


def _estimated(one: Stored, field: str, is_messages: Flag) -> int | None:
    text: str | None = getattr(one, field)
    characters: int | None = getattr(one, f"{field}_chars")
    if characters is None:
        return None
    if text is None:
        before: int | None = getattr(one, COUNTED[field])
        if one.is_over and before is not None:
            return before
        noted = one.described.get(field)
        return noted.tokens if noted and noted.tokens is not None else -(-characters // CHARACTERS_A_TOKEN)
    if not one.flags & is_messages:
        return tokens.estimate(text, characters)
    found = tokens.estimate(texts.said(text)) + TOKENS_A_MESSAGE * text.count('"role":')
    return round(found * max(characters, len(text)) / max(len(text), 1))


def _priced(one: Stored, counted: Found, book: PriceBook) -> Found:
    """Estimated tokens at the model's price; without any model's name there is nothing to ask a price for."""
    was_estimated = one.flags & ESTIMATED
    if not (counted.flags & ESTIMATED or was_estimated) or _is_paid(one, counted):
        return counted
    if not (one.served_model or one.requested_model):
        return counted
    call = Call(
        one.provider,
        one.served_model,
        one.requested_model,
        one.occurred_at.astimezone(UTC).date(),
        counted.input_tokens,
        counted.output_tokens,
        one.cached_input_tokens,
        one.cache_write_tokens,
    )
    cost_nano, source = book.price(call)
    return replace(counted, cost_nano=cost_nano, cost_source=int(source))


def _is_paid(one: Stored, counted: Found) -> bool:
    """Whether the app said what the call cost."""
    if one.cost_source != CostSource.CLIENT:
        return False
    return is_amount(one.cost_nano or 0, counted.input_tokens, counted.output_tokens, is_from_cache=bool(one.cache))


def _language(one: Stored, language_of: Language) -> str | None:
    """The language of what the user wrote, or else of the answer; a template around either comes last."""
    if one.language_id != ABSENT and not one.flags & Flag.LANGUAGE_DETECTED:
        return None
    return next(filter(None, map(language_of, _written(one))), None)


def _written(one: Stored) -> Iterator[str]:
    if one.prompt and one.flags & Flag.PROMPT_IS_MESSAGES:
        yield texts.asked(one.prompt)
    if one.output:
        yield texts.said(one.output) if one.flags & Flag.OUTPUT_IS_MESSAGES else one.output
    if one.prompt and not one.flags & Flag.PROMPT_IS_MESSAGES:
        yield one.prompt


def _of_output(one: Stored, is_repeat: bool) -> int:
    """The marks of the output; those that it had before its time was over stay."""
    if one.is_over:
        return one.flags & OF_OUTPUT
    is_messages = bool(one.flags & Flag.OUTPUT_IS_MESSAGES)
    if one.output is None:
        noted = one.described.get("output")
        is_blank = noted.is_blank if noted else one.output_chars == 0
        is_refusal = bool(noted and noted.is_refusal)
    else:
        is_blank = texts.is_blank(one.output, is_messages)
        is_refusal = declining.is_refusal(texts.said(one.output) if is_messages else one.output)
    return marks.of_output(is_blank=is_blank, is_refusal=is_refusal, is_cut_off=one.is_cut_off, is_repeat=is_repeat)
