"""What each metric of events, figures and combinations is, counted slowly and plainly from the rows that were sent."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from ingest.dimensions import EVERY_MARK, MARKS, Cache, FeedbackKind, UserEvent
from ingest.timeline import DAY, Window, day_start, local_day
from tests.observatory.metrics.business_rows import CACHED_USD, INPUT_USD, NOW, PRICED_MODEL, ZONE, Life

Oracle = Callable[[Life, Window, "str | None"], float]
Audience = Callable[[Life, Any, "str | None"], bool]
"""Whether a row of feedback is one of some people's."""

TODAY = local_day(NOW, ZONE)


def by(feature: str | None) -> dict[str, str]:
    return {} if feature is None else {"feature": feature}


def day_of(ago: int) -> datetime:
    return day_start(TODAY - ago * DAY, ZONE)


def calls(life: Life, window: Window, feature: str | None) -> pd.DataFrame:
    return life.stream.calls(window, **by(feature))


def of_calls(count: Callable[[pd.DataFrame], Any]) -> Oracle:
    return lambda life, window, feature: float(count(calls(life, window, feature)) / len(calls(life, window, feature)))


def marked(mark: int) -> Oracle:
    return of_calls(lambda rows: (rows["flags"].astype(int) & mark != 0).sum())


def did(name: str) -> Oracle:
    def compute(life: Life, window: Window, feature: str | None) -> float:
        said = life.stream.said(window, kind=int(FeedbackKind.IMPLICIT), name=name, **by(feature))
        return said.interaction.nunique() / len(calls(life, window, feature))

    return compute


def cost_per_outcome(life: Life, window: Window, feature: str | None) -> float:
    done = life.stream.said(window, kind=int(FeedbackKind.OUTCOME), label="completed", **by(feature))
    return life.stream.cost_nano(window, **by(feature)) / 1e9 / len(done)


def saved_by(kind: Cache) -> Oracle:
    """Call by call: what the others of its feature and model cost on average; without a model, those of its feature."""

    def compute(life: Life, window: Window, feature: str | None) -> float:
        rows = calls(life, window, feature)
        paid = rows.id.map(life.stream.instead).fillna(rows.cost_nano)
        others = rows.assign(paid=paid)[(rows.cache == 0) & paid.notna()]

        @cache
        def mean_of_alike(feature: str, model: str | None) -> float:
            alike = others[others.feature == feature]
            if model is not None:
                alike = alike[alike.model == model]
            return 0.0 if alike.empty else float(alike.paid.mean())

        hits = rows[rows.cache == int(kind)]
        models = (None if pd.isna(model) else model for model in hits.model)
        return sum(map(mean_of_alike, hits.feature, models)) / 1e9

    return compute


def saved_by_prompt_cache(life: Life, window: Window, feature: str | None) -> float:
    rows = life.stream.calls(window, model=PRICED_MODEL, **by(feature))
    return float(rows.cached_input_tokens.sum()) * (INPUT_USD - CACHED_USD) / 1e6


def figure_of(life: Life, day: date) -> float:
    known = sorted(life.figures)
    return life.figures.get(f"{day:%Y-%m}", life.figures[known[-1]])


def revenue(life: Life, window: Window) -> float:
    """Quarter of an hour by quarter of an hour."""
    total, at, zone, step = 0.0, window.start, ZoneInfo(life.zone), timedelta(minutes=15)

    @cache
    def of_step(month: date) -> float:
        following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        steps = (day_start(following, life.zone) - day_start(month, life.zone)) / step
        return 10 * figure_of(life, month) / steps

    while at < window.end:
        total += of_step(at.astimezone(zone).date().replace(day=1))
        at += step
    return total


def mau(life: Life, end: datetime, feature: str | None) -> int:
    last = local_day(end - timedelta(seconds=1), life.zone)
    window = Window(day_start(last - 29 * DAY, life.zone), day_start(last + DAY, life.zone))
    return calls(life, window, feature).user_id.nunique()


def adoption(life: Life, window: Window, feature: str | None) -> float:
    return mau(life, window.end, feature) / figure_of(life, local_day(window.end - timedelta(seconds=1), life.zone))


def grown(life: Life, window: Window, feature: str | None) -> float:
    last = local_day(window.end - timedelta(seconds=1), life.zone)
    middle, end = day_start(last - 29 * DAY, life.zone), day_start(last + DAY, life.zone)
    late = calls(life, Window(middle, end), feature).input_tokens.mean()
    early = calls(life, Window(day_start(last - 59 * DAY, life.zone), middle), feature).input_tokens.mean()
    return float(late / early - 1)


def opted_out(life: Life, window: Window, feature: str | None) -> float:
    """User by user, word by word; what names no feature is said of each."""
    rows = life.lived[life.lived["at"] < window.end].sort_values("at")
    rows = rows[rows.event != UserEvent.SEEN]
    named: dict[str, set[str]] = {user: set() for user in rows.user_id}
    for user, about in zip(rows.user_id, rows.feature, strict=True):
        if isinstance(about, str):
            named[user].add(about)
    out: dict[tuple[str, str | None], bool] = {}
    for row in rows.itertuples():
        about = {row.feature} if isinstance(row.feature, str) else {None, feature, *named[row.user_id]}
        for who in ((row.user_id, of) for of in about if feature is None or of == feature):
            if row.event == UserEvent.ACTIVATED:
                out[who] = False
            elif who in out:
                out[who] = row.event == UserEvent.OPTED_OUT
    return len({user for (user, _), is_out in out.items() if is_out}) / len({user for user, _ in out})


def promoters(answers: pd.DataFrame) -> float:
    return float(((answers.value >= 9).sum() - (answers.value <= 6).sum()) / len(answers))


def is_control(life: Life, row: Any) -> bool:
    told = [said for at, said in life.controls.get(row.user_id, ()) if at <= row.at]
    return bool(told) and told[-1]


def has_called(life: Life, row: Any, feature: str | None) -> bool:
    called = life.stream.called_at.get((row.user_id, feature), ())
    return any(row.at - 30 * DAY < at <= row.at for at in called)


def with_ai(life: Life, row: Any, feature: str | None) -> bool:
    return row.user_id is not None and not is_control(life, row) and has_called(life, row, feature)


def without_ai(life: Life, row: Any, feature: str | None) -> bool:
    return row.user_id is not None and is_control(life, row)


def nps_of(chosen: Audience) -> Oracle:
    def compute(life: Life, window: Window, feature: str | None) -> float:
        answers = life.heard(window, FeedbackKind.NPS, None)
        mine = [chosen(life, row, feature) for row in answers.itertuples()]
        return promoters(answers[np.array(mine, dtype=bool)])

    return compute


def tickets(*names: str) -> Oracle:
    def compute(life: Life, window: Window, feature: str | None) -> float:
        found = life.heard(window, FeedbackKind.TICKET, feature)
        count = found.name.isin(names).sum() if names else len(found)
        return 1_000 * float(count) / len(calls(life, window, feature))

    return compute


def satisfaction_of(chosen: Audience) -> Oracle:
    def compute(life: Life, window: Window, feature: str | None) -> float:
        answers = life.heard(window, FeedbackKind.SURVEY, None)
        mine = [chosen(life, row, feature) for row in answers.itertuples()]
        return float(answers[np.array(mine, dtype=bool)].value.mean())

    return compute


def busiest(life: Life, window: Window, feature: str | None) -> "pd.Series[float]":
    rows = calls(life, window, feature)
    tokens = rows.input_tokens.fillna(0) + rows.output_tokens.fillna(0)
    if rows.empty:
        return pd.Series({"requests": 0.0, "tokens": 0.0})
    by_minute = tokens.groupby(rows["at"].dt.floor("min"))
    return pd.Series({"requests": by_minute.count().max(), "tokens": by_minute.sum().max()})


ORACLES: dict[str, Oracle] = {
    "peak_requests_per_minute": lambda life, w, f: float(busiest(life, w, f)["requests"]),
    "peak_tokens_per_minute": lambda life, w, f: float(busiest(life, w, f)["tokens"]),
    "evaluation_score": lambda life, w, f: life.stream.said(w, kind=int(FeedbackKind.EVALUATION), **by(f)).value.mean(),
    "outlier_rate": marked(EVERY_MARK),
    **{f"outlier_{name}_rate": marked(int(mark)) for name, mark in MARKS.items()},
    "cache_exact_hit_rate": of_calls(lambda rows: (rows.cache == Cache.EXACT).sum()),
    "cache_semantic_hit_rate": of_calls(lambda rows: (rows.cache == Cache.SEMANTIC).sum()),
    "cache_exact_savings": saved_by(Cache.EXACT),
    "cache_semantic_savings": saved_by(Cache.SEMANTIC),
    "prompt_cache_savings": saved_by_prompt_cache,
    "cache_savings": lambda life, w, f: sum(
        saved(life, w, f) for saved in (saved_by(Cache.EXACT), saved_by(Cache.SEMANTIC), saved_by_prompt_cache)
    ),
    "cost_per_outcome": cost_per_outcome,
    "cost_share_of_revenue": lambda life, w, f: life.stream.cost_nano(w, **by(f)) / 1e9 / revenue(life, w),
    "highest_tier_cost_share": lambda life, w, f: life.stream.cost_nano(w, **by(f)) / 1e9 / revenue(life, w),
    "input_tokens_growth": grown,
    "adoption_rate": adoption,
    "opt_out_rate": opted_out,
    "nps": lambda life, w, f: promoters(life.heard(w, FeedbackKind.NPS, f)),
    "nps_ai_users": nps_of(with_ai),
    "nps_non_users": nps_of(without_ai),
    "satisfaction_ai_users": satisfaction_of(with_ai),
    "satisfaction_non_users": satisfaction_of(without_ai),
    "satisfaction": lambda life, w, f: life.heard(w, FeedbackKind.SURVEY, f).value.mean(),
    "ticket_rate": tickets(),
    "ticket_accuracy_rate": tickets("accuracy", "Accuracy"),
    "copy_rate": did("copy"),
    "follow_rate": did("follow"),
}
