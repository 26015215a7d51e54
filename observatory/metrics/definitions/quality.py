"""Whether the answers are good. Pure: no Django here."""

from ingest.dimensions import FeedbackKind
from observatory.metrics.definitions import business
from observatory.metrics.definitions.making import (
    CALLS,
    HIGHER,
    LOWER,
    NEUTRAL,
    OUTCOMES,
    THUMBS,
    feedback,
    later,
    rate,
)
from observatory.metrics.layout import FLAG_COUNTERS, MICRO, Counter, Distribution
from observatory.metrics.metric import Kind, Metric, Unit

METRICS: tuple[Metric, ...] = (
    feedback(
        FeedbackKind.THUMB,
        rate("thumbs_up_rate", "Thumbs up", HIGHER, (Counter.THUMBS_UP,), THUMBS, "Thumbs up / (up + down)."),
    ),
    Metric(
        "rating_mean",
        "Rating",
        Unit.RATIO,
        HIGHER,
        Kind.MEAN,
        "Mean of star ratings, scaled to 0–1.",
        parts=(Counter.RATING_MICRO,),
        of=(Counter.RATINGS,),
        scale=1 / MICRO,
        distribution=Distribution.RATING,
        needs=FeedbackKind.RATING,
        minimum_sample=5,
    ),
    feedback(
        FeedbackKind.CORRECTION,
        rate(
            "correction_rate",
            "Correction rate",
            LOWER,
            (Counter.CORRECTIONS,),
            CALLS,
            "Interactions whose output somebody corrected, divided by all interactions.",
        ),
    ),
    Metric(
        "edit_ratio",
        "Edit ratio",
        Unit.RATIO,
        LOWER,
        Kind.MEAN,
        "Mean share of the output that was changed, over corrected outputs.",
        parts=(Counter.EDIT_RATIO_MICRO,),
        of=(Counter.EDITS,),
        scale=1 / MICRO,
        needs=FeedbackKind.CORRECTION,
    ),
    feedback(
        FeedbackKind.ACCEPTANCE,
        rate(
            "rejection_rate",
            "Rejection rate",
            LOWER,
            (Counter.DISMISSED,),
            (Counter.ACCEPTED, Counter.DISMISSED),
            "Dismissed / (accepted + dismissed).",
        ),
    ),
    feedback(
        FeedbackKind.OUTCOME,
        rate(
            "task_completion_rate",
            "Task completion",
            HIGHER,
            (Counter.COMPLETED,),
            OUTCOMES,
            "Completed / (completed + abandoned + redone).",
        ),
    ),
    feedback(
        FeedbackKind.FLAG,
        rate(
            "flag_rate",
            "Flag rate",
            LOWER,
            (Counter.FLAGGED,),
            CALLS,
            "Interactions with a flag of any category, divided by all interactions.",
        ),
    ),
    *(
        feedback(
            FeedbackKind.FLAG,
            rate(
                f"flag_{category}_rate",
                f"Flagged {category}",
                LOWER,
                (counter,),
                CALLS,
                f"Interactions flagged as {category}, divided by all interactions.",
            ),
        )
        for category, counter in FLAG_COUNTERS.items()
    ),
    Metric(
        "escalations_24h",
        "Escalations",
        Unit.COUNT,
        LOWER,
        Kind.EVENTS,
        "Escalations by their own time; 24 hours unless another window is asked for.",
        needs=FeedbackKind.ESCALATION,
        window="24h",
    ),
    rate(
        "feedback_coverage",
        "Feedback coverage",
        NEUTRAL,
        (Counter.WITH_FEEDBACK,),
        CALLS,
        "Interactions with any feedback from a user, divided by all interactions.",
    ),
    *business.QUALITY,
    later("review_queue_depth", "Review queue", Unit.COUNT, LOWER),
    later("review_oldest_age", "Oldest review", Unit.MS, LOWER),
    later("human_review_rate", "Human review rate", Unit.RATIO, NEUTRAL),
    later("review_pass_rate", "Review pass rate", Unit.RATIO, HIGHER),
)
