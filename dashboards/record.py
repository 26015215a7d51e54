"""One interaction as its page shows it: frozen, already worded."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from dashboards import formatting, judged
from dashboards.components import Fact, Gauge, Link, State
from dashboards.lists import address_of, marks_of, state_word, thumbs_of, tokens_words
from dashboards.text import WITHHELD, Message, Piece, messages, withheld, word_diff
from dashboards.view import View
from ingest import attached, dictionary
from ingest.attached import Attached
from ingest.dimensions import ESTIMATED, Cache, Component, CostSource, Dimension, FeedbackKind, Flag
from ingest.edits import text_of
from ingest.models import Feedback, Interaction, Payload
from ingest.projects.models import Project
from ingest.redaction.policy import FAILED, TEXT_HASH

SESSION_ROWS = 20
BEFORE = "before this was stored"
BESIDE = "in what is stored beside the texts, as in the metadata"


@dataclass(frozen=True)
class Event:
    """One feedback event of the interaction's history."""

    at: datetime
    after: str
    title: str
    state: State | None = None
    detail: str = ""
    before_text: tuple[Piece, ...] = ()
    after_text: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class CostLine:
    """One amount of the interaction."""

    text: str
    amount: str


@dataclass(frozen=True)
class Sibling:
    """Another interaction of the same session."""

    at: datetime
    url: str
    title: str
    thumb: str
    is_current: bool


@dataclass(frozen=True)
class Record:
    """Everything the page of one interaction shows."""

    id: str
    title: str
    at: datetime
    feature: str
    head: tuple[Fact, ...]
    latency: Gauge | None
    latency_note: str
    messages: tuple[Message, ...]
    no_text: str
    token_note: str
    events: tuple[Event, ...]
    costs: tuple[CostLine, ...]
    total: str
    cost_note: str
    session: Link | None
    siblings: tuple[Sibling, ...]
    dimensions: tuple[Fact, ...]
    notes: tuple[str, ...]
    json: str


def build(view: View, one: Interaction, payload: Payload | None) -> Record:
    """Read what belongs to an interaction and word it."""
    feature = dictionary.values(Dimension.FEATURE).get(one.feature_id, "other")
    found = attached.to(one)
    history, total = found.feedback, found.total_nano
    return Record(
        id=one.id,
        title=feature,
        at=one.occurred_at,
        feature=feature,
        head=tuple(_head(one, history, total)),
        latency=_latency(one, feature),
        latency_note=_latency_note(one),
        messages=tuple(_messages(one, payload)),
        no_text=no_text(view.project, one, payload),
        token_note=_token_note(one, payload),
        events=tuple(_event(event, one, payload) for event in history),
        costs=tuple(cost_lines(one, found)),
        total=formatting.amount_nano(total) if total is not None else "unpriced",
        cost_note=_cost_note(one, found),
        session=Link(one.session_id, view.url(f"interactions/?{urlencode({'q': one.session_id})}"))
        if one.session_id
        else None,
        siblings=tuple(_siblings(view, one)),
        dimensions=tuple(_dimensions(one)),
        notes=tuple(_notes(one, payload)),
        json=_as_json(one, payload),
    )


def _head(one: Interaction, history: Sequence[Feedback], total: int | None) -> list[Fact]:
    models = dictionary.values(Dimension.MODEL)
    requested = dictionary.values(Dimension.REQUESTED_MODEL).get(one.requested_model_id, "")
    model = models.get(one.model_id, formatting.DASH)
    thumbs = [event for event in history if event.kind == FeedbackKind.THUMB]
    thumb = Fact("Feedback", "None yet" if not history else _counted(history))
    if thumbs:
        up = max(thumbs, key=lambda event: (event.occurred_at, event.id)).value == 1
        thumb = Fact(
            "Feedback", "Thumb up" if up else "Thumb down", _counted(history), State.OK if up else State.CRITICAL
        )
    return [
        Fact("State", state_word(one), state=State.CRITICAL if one.status else State.OK),
        Fact("Model served", model, f"asked for {requested}" if requested and requested != model else ""),
        thumb,
        Fact("Cost", formatting.amount_nano(total) if total is not None else "unpriced"),
    ]


def _counted(history: Sequence[Feedback]) -> str:
    return f"{len(history)} event{'' if len(history) == 1 else 's'}"


def _latency(one: Interaction, feature: str) -> Gauge | None:
    budgets = judged.budget(feature)
    if one.latency_ms is None or budgets is None:
        return None
    typical, budget = budgets
    state = State.OK if one.latency_ms <= budget else State.WARNING
    label = f"Latency, {formatting.duration(one.latency_ms)} of {formatting.duration(budget)} (p95 budget)"
    return Gauge(one.latency_ms / budget, state, label, typical / budget)


def _latency_note(one: Interaction) -> str:
    first = one.time_to_first_token_ms
    return " · ".join(filter(None, (f"first token {formatting.duration(first)}" if first else "", "tick: p50 budget")))


def _messages(one: Interaction, payload: Payload | None) -> list[Message]:
    shown: list[Message] = []
    if payload is None:
        return shown
    if payload.prompt is not None:
        shown += messages(payload.prompt, "Prompt", bool(one.flags & Flag.PROMPT_IS_MESSAGES))
    elif "prompt" in payload.text_hash:
        shown.append(withheld("Prompt", payload.text_hash["prompt"], one.prompt_chars))
    if payload.output is not None:
        shown += messages(payload.output, "Output", bool(one.flags & Flag.OUTPUT_IS_MESSAGES))
    elif "output" in payload.text_hash:
        shown.append(withheld("Output", payload.text_hash["output"], one.output_chars))
    if payload.error_message:
        shown += messages(payload.error_message, "Error", is_messages=False)
    elif "error_message" in payload.text_hash:
        shown.append(withheld("Error", payload.text_hash["error_message"]))
    return shown


def _token_note(one: Interaction, payload: Payload | None) -> str:
    """Only a text that is there is shown as it was stored."""
    is_shown = payload is not None and any((payload.prompt, payload.output, payload.error_message))
    return ("exactly as stored, " if is_shown else "") + tokens_words(one)


def no_text(project: Project, one: Interaction, payload: Payload | None) -> str:
    """Why there is no text to be shown."""
    is_over = project.text_horizon is not None and one.occurred_at < project.text_horizon
    if payload is None and is_over:
        return f"Texts are kept for {project.text_days} days: the time of this one's is over. Its numbers stay."
    return "No text was sent with this interaction."


def _event(event: Feedback, one: Interaction, payload: Payload | None) -> Event:
    kind = FeedbackKind(event.kind)
    title, state = "NPS" if kind is FeedbackKind.NPS else kind.name.capitalize(), None
    if kind is FeedbackKind.THUMB:
        title, state = ("Thumb up", State.OK) if event.value == 1 else ("Thumb down", State.CRITICAL)
    elif kind is FeedbackKind.CORRECTION:
        title = f"Correction, {formatting.rate(event.edit_ratio)} of the words changed"
    elif said_words := _said_words(event, kind):
        title = f"{title}: {said_words}"
    by = f"by {event.user_id}" if event.user_id else ""
    drafted = text_of(payload.output, one.flags) if payload and payload.output is not None else None
    sides = (
        word_diff(drafted, event.final_text)
        if kind is FeedbackKind.CORRECTION and drafted and event.final_text is not None
        else None
    )
    is_withheld = f'"{TEXT_HASH}":' in (event.metadata or "")
    said = f"“{event.comment}”" if event.comment else f"({WITHHELD.lower()})" if is_withheld else ""
    detail = " ".join(filter(None, (by, "" if sides else said, _repaired(event.flags))))
    after = (
        f"+{formatting.span(event.occurred_at - one.occurred_at)}"
        if event.occurred_at >= one.occurred_at
        else "before it"
    )
    return Event(
        event.occurred_at,
        after,
        title,
        state,
        detail,
        tuple(sides[0]) if sides else (),
        tuple(sides[1]) if sides else (),
    )


def _repaired(flags: int) -> str:
    """What is said of feedback or a cost in which something could not be stored as it was."""
    return "(some characters were replaced by U+FFFD)" if flags & Flag.TEXT_REPAIRED else ""


def _said_words(event: Feedback, kind: FeedbackKind) -> str:
    """What an event says: 'faithful 0.8 · good · by judge', '4/5', 'wrong'; of each part what there is."""
    if kind is not FeedbackKind.EVALUATION:
        # A kind's label already words its value: '4/5' is stored as 0.8.
        score = formatting.score(event.value) if kind is FeedbackKind.NPS and event.value is not None else ""
        return " · ".join(filter(None, (event.name, event.label, score)))
    score = formatting.score(event.value) if event.value is not None else ""
    return " · ".join(filter(None, (f"{event.name} {score}".strip(), event.label, _evaluator(event))))


def _evaluator(event: Feedback) -> str:
    try:
        sent = json.loads(event.metadata or "{}")
        name = sent.get("evaluator (field)", sent.get("evaluator"))
    except (ValueError, AttributeError):
        return ""
    return f"by {name}" if name and isinstance(name, str) else ""


def cost_lines(one: Interaction, found: Attached) -> list[CostLine]:
    """The amounts that make up the interaction's cost."""
    lines = []
    if not found.is_replaced and one.cost_nano is not None:
        lines.append(CostLine(f"Model tokens, {tokens_words(one, '')}", formatting.amount_nano(one.cost_nano)))
    for cost in found.costs:
        name = Component(cost.component).name.lower().replace("_", " ")
        words = f"{name.capitalize()}{f', {cost.description}' if cost.description else ''}"
        text = " ".join(filter(None, (words, _repaired(cost.flags))))
        lines.append(CostLine(text, formatting.amount_nano(cost.amount_nano)))
    return lines


def _cost_note(one: Interaction, found: Attached) -> str:
    if found.is_replaced:
        return "a cost record stands for the computed price"
    return {
        CostSource.CLIENT: "as the app sent it",
        CostSource.OVERRIDE: "own price list",
        CostSource.CATALOGUE: "public price list",
        CostSource.UNPRICED: "this model has no price",
        CostSource.NONE: "nothing to price",
    }[CostSource(one.cost_source)]


def _siblings(view: View, one: Interaction) -> list[Sibling]:
    if not one.session_id:
        return []
    rows = list(
        Interaction.objects.filter(
            session_id=one.session_id, user_id=one.user_id, occurred_at__date=one.occurred_at.date()
        ).order_by("-occurred_at", "-id")[:SESSION_ROWS]
    )
    thumbs, models = thumbs_of(rows), dictionary.values(Dimension.MODEL)
    words = {1.0: "▲ up", 0.0: "▼ down"}
    return [
        Sibling(
            row.occurred_at,
            address_of(view, row.id),
            models.get(row.model_id, row.id),
            words.get(thumbs.get(row.id, -1.0), formatting.DASH),
            row.id == one.id,
        )
        for row in reversed(rows)
    ]


def _dimensions(one: Interaction) -> list[Fact]:
    facts = []
    for dimension in Dimension:
        number = getattr(one, dimension.column)
        if number and dimension not in {Dimension.FEATURE, Dimension.MODEL}:
            is_detected = dimension is Dimension.LANGUAGE and one.flags & Flag.LANGUAGE_DETECTED
            detected = " (detected)" if is_detected else ""
            facts.append(
                Fact(
                    dimension.name.lower().replace("_", " ").capitalize(),
                    dictionary.values(dimension).get(number, "other") + detected,
                )
            )
    named = {
        "User": one.user_id,
        "Session": one.session_id,
        "Trace": one.trace_id,
        "Span": one.span_id,
        "Answer cache": Cache(one.cache).name.lower(),
    }
    facts += [Fact(name, value) for name, value in named.items() if value]
    if one.retrieval_documents:
        facts.append(
            Fact("Retrieval", f"{one.retrieval_documents} documents, best {formatting.number(one.retrieval_score)}")
        )
    return facts


def _notes(one: Interaction, payload: Payload | None) -> list[str]:
    notes = []
    if one.flags & Flag.TEXT_REPAIRED:
        notes.append("Characters that a database cannot hold were replaced by U+FFFD.")
    if one.flags & Flag.TEXT_HASHED:
        notes.append("The project kept only hashes and lengths of texts when this was received.")
    if one.flags & Flag.TEXT_MASKED:
        is_textless = one.flags & Flag.TEXT_HASHED and not (payload and (payload.prompt or payload.output))
        notes.append(f"Personal data was masked {BESIDE if is_textless else BEFORE}: it reads like [email] or [phone].")
    if payload and FAILED in f"{payload.prompt} {payload.output} {payload.error_message} {payload.metadata}":
        notes.append("The operator's masker failed on a text, which was therefore not stored.")
    if one.flags & (Flag.PROMPT_CUT | Flag.OUTPUT_CUT):
        notes.append(f"A text was longer than 1 MiB and is stored cut: {payload.cut if payload else ''}")
    if one.claimed_at:
        notes.append(f"The app's clock said {one.claimed_at.isoformat()}; counted at receipt.")
    if marks := marks_of(one):
        usual = "Unusual is what lies beyond 99.9 % of the feature's calls of the four weeks before."
        notes.append(f"It stands out: {', '.join(marks).lower()}. {usual if 'Unusual' in str(marks) else ''}".strip())
    if one.flags & ESTIMATED:
        notes.append("Tokens that the app did not count (≈) are estimated from the texts, and so is their cost.")
    return notes


def _as_json(one: Interaction, payload: Payload | None) -> str:
    values = {field.name: getattr(one, field.name) for field in Interaction._meta.concrete_fields if field.name != "pk"}
    texts = (
        {
            name: getattr(payload, name)
            for name in ("prompt", "output", "error_message", "retrieval", "metadata", "text_hash")
        }
        if payload
        else {}
    )
    return json.dumps({**values, **texts}, default=str, ensure_ascii=False, indent=2)
