"""Conditions in words, and in the order in which the grid has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from stormproof.domain.conditions import DIFFICULTIES, FLAWED_PREFIX, PROMPT_TYPES, Condition
from stormproof.report.common_cells import Aligned
from stormproof.report.episode_rows import EpisodeRows

_MOST_CELLS = 6


def condition_key(condition: Condition) -> tuple[Any, ...]:
    """What conditions are sorted by: as the grid has them, unknown values last."""
    prompt, difficulty = condition.prompt_type, condition.difficulty
    places = (
        PROMPT_TYPES.index(prompt) if prompt in PROMPT_TYPES else len(PROMPT_TYPES),
        DIFFICULTIES.index(difficulty) if difficulty in DIFFICULTIES else len(DIFFICULTIES),
    )
    return (*places, -condition.tool_success_rate, *condition_parts(condition, ()))


def condition_parts(condition: Condition, apart: Collection[str]) -> tuple[str, ...]:
    """A condition in words, as `optimal`, `easy`, `0.8`; fields that are as usual go unsaid."""
    usual = Condition("", "easy", 0.0)
    said = {
        "prompt_type": condition.prompt_type.removeprefix(FLAWED_PREFIX).replace("_", " "),
        "difficulty": condition.difficulty.replace("_", " "),
        "tool_success_rate": rate_label(condition.tool_success_rate),
        "protocol": condition.protocol,
        "severity": condition.severity,
        "weather": f"weather {condition.weather}",
        "max_turns": f"{condition.max_turns or 'own'} turns",
    }
    always = ("prompt_type", "difficulty", "tool_success_rate")
    return tuple(
        text
        for name, text in said.items()
        if name not in apart
        and (name in always or getattr(condition, name) != getattr(usual, name))
    )


def condition_label(condition: Condition) -> str:
    """The condition on one line: `optimal · easy · 0.8`."""
    return " · ".join(condition_parts(condition, ()))


def condition_of(episodes: EpisodeRows, row: int = 0) -> Condition:
    """The condition of a row."""
    found = {name: episodes.value(name, row) for name in Condition.__struct_fields__}
    turns = found["max_turns"]
    return Condition(**(found | {"max_turns": int(turns) if turns == turns else 0}))  # noqa: PLR0124  NaN


def cells_in_words(aligned: Sequence[Aligned], apart: Collection[str]) -> str:
    """The sentence that says over which conditions rates that stand side by side are."""
    rows = max((one.rows for one in aligned), key=len, default=None)
    if not rows:
        return ""
    names = [name for name in Condition.__struct_fields__ if name not in apart]
    found = sorted((condition_of(part) for _, part in rows.groups(*names)), key=condition_key)
    labels = list(dict.fromkeys(" · ".join(condition_parts(c, apart)) for c in found))
    more = f" and {len(labels) - _MOST_CELLS} more" if len(labels) > _MOST_CELLS else ""
    each = "" if len(labels) == 1 else ", each of which weighs the same in every row"
    return f"Over {', '.join(labels[:_MOST_CELLS])}{more}{each}."


def rate_label(rate: float) -> str:
    """A tool success rate; imported episodes have none."""
    return f"{rate:g}" if rate >= 0 else "not recorded"
