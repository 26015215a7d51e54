"""The real part of the demo: 4,800 answers of 16 models, with the score a judge model gave them."""

import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dashboards.demo.texts import count_tokens, language_of

DATA = Path(__file__).parent / "data" / "arena_answers.jsonl.gz"

Thumb = Literal["up", "down"]

_HIGHEST_DOWN = 5
_LOWEST_UP = 7
# One answer runs on for 121,525 characters; no app would have shown it, and it alone would bend the cost of its day.
_LONGEST_OUTPUT = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One real answer, with what can be counted from its texts. `judge_score` is 1–10, or None where nobody judged."""

    id: str
    model: str
    prompt: str
    output: str
    judge_score: int | None
    input_tokens: int
    output_tokens: int
    language: str | None

    @property
    def thumb(self) -> Thumb | None:
        """The rating a user gives this answer: up from 7, down to 5, and for a 6 one or the other, always the same.

        An answer without a judge's score gets no thumb at all.
        """
        if self.judge_score is None:
            return None
        if _HIGHEST_DOWN < self.judge_score < _LOWEST_UP:
            return "up" if zlib.crc32(self.id.encode()) % 2 else "down"
        return "up" if self.judge_score >= _LOWEST_UP else "down"


def load(path: Path = DATA) -> list[Answer]:
    """Read the shipped answers, without the few that are too long to have been shown."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    languages = {prompt: language_of(prompt) for prompt in {row["prompt"] for row in rows}}
    return [_answer(row, languages[row["prompt"]]) for row in rows if len(row["output"]) <= _LONGEST_OUTPUT]


def _answer(row: dict[str, str | float | None], language: str | None) -> Answer:
    prompt, output, score = str(row["prompt"]), str(row["output"]), row["judge_score"]
    return Answer(
        id=str(row["id"]),
        model=str(row["model"]),
        prompt=prompt,
        output=output,
        judge_score=None if score is None else int(score),
        input_tokens=count_tokens(prompt),
        output_tokens=count_tokens(output),
        language=language,
    )
