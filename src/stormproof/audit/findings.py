"""What else is wrong with a set of records: each finding in words, with where and how many."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from stormproof.audit.evidence import Evidence
from stormproof.audit.thresholds import COLLAPSED_SHARE, FEWEST_EPISODES
from stormproof.stats import wilson

KINDS: Final = {
    "doubled": "the same transcript is recorded more than once and would be counted so",
    "above_one": "a stored score lies outside [0, 1]",
    "parts": "stored parts do not add up to what is stored of the whole",
    "success_after_failure": "stored as a success although an API failure ended it",
    "failure_not_the_models": "an API failure, stored as the model's failure",
    "success_unearned": "stored as a success although not every required tool succeeded",
    "collapsed": "failures under a prompt type whose success is surely under half of the others'",
    "short": f"prompt types of which fewer than {FEWEST_EPISODES} episodes "
    "say something of the model",
}


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


def findings(episodes: Sequence[Evidence]) -> list[Finding]:
    """All findings, by model and then by kind."""
    models: defaultdict[str, list[Evidence]] = defaultdict(list)
    for episode in episodes:
        models[episode.model].append(episode)
    return [finding for model in sorted(models) for finding in _of_model(model, models[model])]


def _of_model(model: str, episodes: Sequence[Evidence]) -> Iterator[Finding]:
    counts = Counter(kind for e in episodes for kind in e.contradictions)
    counts["doubled"] = _doubled(episodes)
    for kind, text in KINDS.items():
        if counts[kind]:
            yield Finding(kind, model, "", counts[kind], len(episodes), text)
    prompts: defaultdict[str, list[bool]] = defaultdict(list)
    for episode in episodes:
        known = [] if episode.unknown else [episode.counted]
        prompts[episode.cell["prompt_type"]] += known
    yield from _collapsed(model, prompts)
    short = sorted(prompt for prompt, known in prompts.items() if len(known) < FEWEST_EPISODES)
    if short:
        where = "" if len(short) == len(prompts) else ", ".join(short)
        yield Finding("short", model, where, len(short), len(prompts), KINDS["short"])


def _collapsed(model: str, prompts: Mapping[str, Sequence[bool]]) -> Iterator[Finding]:
    """Prompt types whose success is surely below half of what the others together reach."""
    hits = {prompt: sum(known) for prompt, known in prompts.items()}
    n = {prompt: len(known) for prompt, known in prompts.items()}
    for prompt in sorted(prompts):
        here = wilson(hits[prompt], n[prompt])
        there = wilson(sum(hits.values()) - hits[prompt], sum(n.values()) - n[prompt])
        if n[prompt] and here.high < COLLAPSED_SHARE * there.low:
            missed, text = n[prompt] - hits[prompt], KINDS["collapsed"]
            yield Finding("collapsed", model, prompt, missed, n[prompt], text)


def _doubled(episodes: Sequence[Evidence]) -> int:
    """Records beyond the first of each trial and of each transcript."""
    trials = Counter(e.trial_id for e in episodes)
    said = Counter(e.transcript for e in episodes if e.transcript)
    return max(sum(n - 1 for n in trials.values()), sum(n - 1 for n in said.values()))
