"""What else is wrong with a set of records: each finding in words, with where and how many."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from windtunnel.audit.groups import SHORT_N
from windtunnel.audit.standing import Standing
from windtunnel.stats import wilson

KINDS: Final = {
    "doubled": "the same transcript is recorded more than once and would be counted so",
    "above_one": "a stored score lies outside [0, 1]",
    "parts": "stored parts do not add up to what is stored of the whole",
    "success_after_failure": "stored as a success although an API failure ended it",
    "failure_not_the_models": "an API failure, stored as the model's failure",
    "success_unearned": "stored as a success although not every required tool succeeded",
    "collapsed": "failures under a prompt type whose success is surely under half of the others'",
    "short": f"prompt types of which fewer than {SHORT_N} episodes say something of the model",
}
_ENOUGH = 0.5


class Finding(Struct, frozen=True):
    """`count` `of` a model's episodes (for `short`, of its prompt types) show what `text` says.

    `where` names the prompt types that it is about, empty for all of them.
    """

    kind: str
    model: str
    where: str
    count: int
    of: int
    text: str


def findings(standings: Sequence[Standing]) -> list[Finding]:
    """All findings, by model and then by kind."""
    models: defaultdict[str, list[Standing]] = defaultdict(list)
    for standing in standings:
        models[standing.model].append(standing)
    return [finding for model in sorted(models) for finding in _of_model(model, models[model])]


def _of_model(model: str, standings: Sequence[Standing]) -> Iterator[Finding]:
    counts = Counter(kind for s in standings for kind in s.contradictions)
    counts["doubled"] = _doubled(standings)
    for kind, text in KINDS.items():
        if counts[kind]:
            yield Finding(kind, model, "", counts[kind], len(standings), text)
    prompts: defaultdict[str, list[Standing]] = defaultdict(list)
    for standing in standings:
        prompts[standing.cell["prompt_type"]].append(standing)
    for prompt, part in sorted(prompts.items()):
        rest = [s for s in standings if s.cell["prompt_type"] != prompt]
        yield from _collapse(model, prompt, part, rest)
    short = [p for p, part in prompts.items() if sum(not s.unknown for s in part) < SHORT_N]
    if short:
        where = "" if len(short) == len(prompts) else ", ".join(sorted(short))
        yield Finding("short", model, where, len(short), len(prompts), KINDS["short"])


def _collapse(
    model: str, prompt: str, part: Sequence[Standing], rest: Sequence[Standing]
) -> Iterator[Finding]:
    known = [s for s in part if not s.unknown]
    others = [s for s in rest if not s.unknown]
    hits = sum(s.counted for s in known)
    here = wilson(hits, len(known))
    there = wilson(sum(s.counted for s in others), len(others))
    if known and here.high < _ENOUGH * there.low:
        yield Finding("collapsed", model, prompt, len(known) - hits, len(known), KINDS["collapsed"])


def _doubled(standings: Sequence[Standing]) -> int:
    """Records beyond the first of each trial and of each transcript."""
    trials = Counter(s.trial_id for s in standings)
    said = Counter(s.transcript for s in standings if s.transcript)
    return max(sum(n - 1 for n in trials.values()), sum(n - 1 for n in said.values()))
