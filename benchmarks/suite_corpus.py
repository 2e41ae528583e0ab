"""Recorded calls read again: what the old harness executed, what is recognised, what is refused."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random

from msgspec import Struct, field

from stormproof.audit.old_harness import tool_calls as old_calls
from stormproof.audit.recording_format import RecordedEpisode, read
from stormproof.episode import catalogue_vocabulary, recognise
from stormproof.episode.recognise import Recognition
from stormproof.episode.tool_calls import RecognisedCall
from suite_tasks import Figure

CORPUS = Path(__file__).parents[2] / "shared/corpus/recorded_episodes.jsonl.gz"
SAMPLES_EACH = 10

EMPTY = "empty message"
BROKEN_OFF = "broken off before any call"
ANNOUNCED = "only announced in prose"
NO_TOOL = "names no tool"
PLACEHOLDER = "placeholder for a name"
AMBIGUOUS = "name fits several tools"
UNKNOWN = "no such tool"
UNREADABLE = "arguments unreadable"

_ENDED = re.compile(r"(?:[.!?:)}\]>\"'\d]|\w`)[\s`*_]*\Z")
_INTENT = re.compile(r"\b(?:execut|call|run|us(?:e|ing)\b|invok|start|proceed)", re.IGNORECASE)
_LONGEST = 1_200


class _Sample(Struct, frozen=True):
    text: str
    verdict: str


class _Tally(Struct):
    """What was counted of one model; `refused` and `read` are messages, by verdict."""

    turns: int = 0
    recognised: int = 0
    calls: int = 0
    old_executions: int = 0
    old_turns: int = 0
    reasons: Counter[str] = field(default_factory=Counter[str])
    refused: list[_Sample] = []
    read: list[_Sample] = []

    def add(self, text: str) -> None:
        """Read one message."""
        found = recognise(text, catalogue_vocabulary())
        why = [*filter(None, map(reason_against, found.tool_calls))] or _nothing_found(text, found)
        self.turns += 1
        self.recognised += found.action != "none"
        self.calls += sum(reason_against(call) == "" for call in found.tool_calls)
        self.old_turns += bool(old_calls(text))
        self.reasons.update(why)
        if why:
            self.refused.append(_Sample(text, f"refused: {', '.join(why)}"))
        elif found.tool_calls:
            self.read.append(_Sample(text, f"read as {', '.join(map(_shown, found.tool_calls))}"))


def reason_against(call: RecognisedCall) -> str:
    """Why a recognised call is not carried out; empty where it is."""
    if call.is_placeholder:
        return PLACEHOLDER
    if not call.name:
        return AMBIGUOUS if len(call.candidates) > 1 else UNKNOWN
    return UNREADABLE if call.problem else ""


def _nothing_found(text: str, found: Recognition) -> list[str]:
    """Why a message holds no action, if it holds none."""
    if found.action != "none":
        return []
    if not text.strip():
        return [EMPTY]
    if not _ENDED.search(text):
        return [BROKEN_OFF]
    named = catalogue_vocabulary().mentioned(text)
    return [ANNOUNCED if named and _INTENT.search(text) else NO_TOOL]


def _shown(call: RecognisedCall) -> str:
    return f"{call.name}({', '.join(f'{k}={v!r}' for k, v in call.arguments.items())})"


def recorded(samples: Path | None = None) -> Iterator[Figure]:
    """A line for each recorded model; with `samples`, ten messages of each go into that file."""
    if not CORPUS.exists():
        yield {"figure": "suite.recorded", "skipped": f"no recordings at {CORPUS}"}
        return
    tallies = defaultdict[str, _Tally](_Tally)
    for episode in read(CORPUS):
        if isinstance(episode, RecordedEpisode):
            tally = tallies[episode.model]
            tally.old_executions += len(episode.executions)
            for message in episode.messages:
                if message.role == "assistant":
                    tally.add(message.content)
    for model, tally in sorted(tallies.items()):
        yield _figure(model, tally)
    if samples:
        samples.write_text("\n".join(_page(m, t) for m, t in sorted(tallies.items())))


def _figure(model: str, tally: _Tally) -> Figure:
    return {
        "figure": "suite.recorded",
        "model": model,
        "turns": tally.turns,
        "recognised": tally.recognised,
        "calls": tally.calls,
        "old_executions": tally.old_executions,
        "old_turns_with_call": tally.old_turns,
        "refused": dict(tally.reasons.most_common()),
    }


def _page(model: str, tally: _Tally) -> str:
    """Ten messages of a model: refused ones first, and every reason among them."""
    rng = Random(0)
    rng.shuffle(tally.refused)
    rng.shuffle(tally.read)
    seen = Counter[str]()
    rounds: list[tuple[int, int]] = []
    for at, sample in enumerate(tally.refused):
        rounds.append((seen[sample.verdict], at))
        seen[sample.verdict] += 1
    refused = [tally.refused[at] for _, at in sorted(rounds)]
    chosen = [*refused, *tally.read][:SAMPLES_EACH]
    parts = [f"--- {at}. {one.verdict}\n{_cut(one.text)}\n" for at, one in enumerate(chosen, 1)]
    return "\n".join([f"=== {model}\n", *parts])


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]}\n[…]\n{text[-_LONGEST // 2 :]}"
