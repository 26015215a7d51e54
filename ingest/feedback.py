"""What each kind of feedback says, as the columns of `feedback` and `verdict`. Pure.

| kind | value | name | label |
|---|---|---|---|
| thumb | 1 up, 0 down | | the word |
| rating | value / scale, 0–1 | | like `4/5` |
| survey | score / scale, 0–1 | the question | like `4/5` |
| acceptance | 1 accepted, 0 dismissed | | the word |
| outcome | 1 completed, 0 otherwise | | the word |
| flag, ticket | | the category | |
| implicit | | copy, share or follow | |
| nps | 0–10 | | |
| evaluation | the score | the evaluation's name | its label |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import to_builtins

from ingest import contract
from ingest.arrays import microseconds
from ingest.dimensions import ABSENT, OTHER, FeedbackKind, Flag, RecordKind
from ingest.identity import key_of
from ingest.normalise import (
    NOTHING_KEPT,
    Columns,
    Entry,
    Numbers,
    Receipt,
    Values,
    effective,
    metadata_of,
    numbered,
)
from ingest.redaction.policy import Kept
from ingest.text import cut

# These are said about an interaction and count in its bucket; the others go by their own time.
COUNTED = frozenset(
    {
        FeedbackKind.THUMB,
        FeedbackKind.RATING,
        FeedbackKind.CORRECTION,
        FeedbackKind.ACCEPTANCE,
        FeedbackKind.OUTCOME,
        FeedbackKind.FLAG,
        FeedbackKind.IMPLICIT,
        FeedbackKind.EVALUATION,
    }
)
COPIED = ("interaction_id", "trace_id", "span_id", "session_id", "user_id")


@dataclass(frozen=True)
class Said:
    """What one item says; `more` goes to its metadata."""

    kind: FeedbackKind
    value: float | None = None
    name: str = ""
    label: str | None = None
    final_text: str | None = None
    more: dict[str, Any] | None = None


def said(item: contract.Feedback, kept: Kept) -> Said:  # noqa: PLR0911 (one line a kind)
    """Read one item, of whose texts the project's policy has `kept` something besides."""
    match item:
        case contract.Thumb():
            return Said(FeedbackKind.THUMB, float(item.value == "up"), label=item.value)
        case contract.Rating():
            return Said(FeedbackKind.RATING, item.value / item.scale, label=f"{item.value:g}/{item.scale:g}")
        case contract.Correction():
            return _corrected(item.final_text, kept)
        case contract.Flag():
            return Said(FeedbackKind.FLAG, name=item.category)
        case contract.Escalation():
            return Said(FeedbackKind.ESCALATION, label=item.reason)
        case contract.Acceptance():
            return Said(FeedbackKind.ACCEPTANCE, float(item.value == "accepted"), label=item.value)
        case contract.Outcome():
            return Said(FeedbackKind.OUTCOME, float(item.value == "completed"), label=item.value)
        case contract.Survey():
            label = f"{item.score:g}/{item.scale:g}"
            return Said(FeedbackKind.SURVEY, item.score / item.scale, name=item.question or "", label=label)
        case contract.Nps():
            return Said(FeedbackKind.NPS, item.score if item.value is None else item.value)
        case contract.Implicit():
            return Said(FeedbackKind.IMPLICIT, name=item.value)
        case contract.Ticket():
            return Said(FeedbackKind.TICKET, name=item.category)
        case contract.Evaluation():
            more = {"evaluator": item.evaluator} if item.evaluator else None
            return Said(FeedbackKind.EVALUATION, item.score, name=item.name, label=item.label, more=more)
    raise TypeError(type(item).__name__)


def _corrected(final_text: str | None, kept: Kept) -> Said:
    """A correction, of whose text the project's policy may have left nothing."""
    if final_text is None:
        return Said(FeedbackKind.CORRECTION)
    beginning, was_cut = cut(final_text)
    was = kept.cuts.get("final_text", was_cut)
    more = {"cut": {"final_text": to_builtins(was)}} if was_cut else None
    return Said(FeedbackKind.CORRECTION, final_text=beginning, more=more)


def interaction_key(item: contract.Feedback) -> bytes | None:
    """The key of what the feedback is about; None when it stands alone."""
    return key_of(RecordKind.INTERACTION, item.interaction_id) if item.interaction_id else None


def _unnumbered(item: contract.Feedback, number: int) -> dict[str, Any]:
    """The name of a feature that has no number in the dictionary: it is full, or a browser named what it does not know."""
    return {"feature": item.feature} if item.feature and number in {ABSENT, OTHER} else {}


def feedback_columns(entries: Sequence[Entry], receipt: Receipt, values: Values, numbers: Numbers) -> Columns:
    """All columns of `feedback` but the edit ratio, and what binds an item to its interaction."""
    items: list[contract.Feedback] = [entry.item for entry in entries]
    read = [said(entry.item, entry.kept or NOTHING_KEPT) for entry in entries]
    columns: Columns = {name: [getattr(item, name) or None for item in items] for name in COPIED}
    columns["occurred_at"] = effective((item.occurred_at for item in items), microseconds(receipt.received_at))
    columns["kind"] = [one.kind for one in read]
    columns["value"] = [one.value for one in read]
    columns["name"] = [one.name for one in read]
    columns["label"] = [one.label for one in read]
    columns["final_text"] = [one.final_text for one in read]
    columns["comment"] = [item.comment for item in items]
    columns["word_marks"] = [entry.kept.word_marks if entry.kept else None for entry in entries]
    columns["flags"] = [Flag.TEXT_REPAIRED * entry.is_repaired for entry in entries]
    columns |= numbered(values, numbers)
    columns["metadata"] = [
        metadata_of(entry, {**(one.more or {}), **_unnumbered(entry.item, number)})
        for entry, one, number in zip(entries, read, columns["feature_id"], strict=True)
    ]
    columns["interaction_key"] = list(map(interaction_key, items))
    return columns
