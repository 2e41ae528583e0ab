"""Trials: the planned units, their identity and their seeds."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from stormproof.domain.conditions import Condition, TaskType

_encode = msgspec.json.Encoder(order="deterministic").encode


def digest(*parts: object) -> str:
    """32 hex digits that depend on the parts' values alone, on every machine."""
    return hashlib.blake2b(_encode(parts), digest_size=16).hexdigest()


def seed_of(*parts: object) -> int:
    """A 53-bit seed from the parts (53 bits survive JSON readers that use doubles)."""
    return int(digest(*parts)[:14], 16) >> 3


class Trial(Struct, frozen=True):
    """model × task × condition × replicate. `trial_id` is a content hash.

    `weather_seed` is shared by all models, prompt types and rates: they meet the same weather in a
    task, so that comparing them is paired. `sampling_seed` is the model's own, one per trial.
    """

    trial_id: str
    model: str
    task_id: str
    task_type: TaskType
    condition: Condition
    replicate: int
    weather_seed: int
    sampling_seed: int


def trial_id_of(
    suite: str, seed: int, model: str, task_id: str, condition: Condition, replicate: int
) -> str:
    """The content hash alone: what a planner needs to know which trials are done."""
    return digest("trial", suite, seed, model, task_id, condition, replicate)


def make_trial(
    *,
    suite: str,
    seed: int,
    model: str,
    task_id: str,
    task_type: TaskType,
    condition: Condition,
    replicate: int = 0,
) -> Trial:
    """Derive identity and seeds. `suite` is the suite's version, so new content is a new trial."""
    trial_id = trial_id_of(suite, seed, model, task_id, condition, replicate)
    return Trial(
        trial_id=trial_id,
        model=model,
        task_id=task_id,
        task_type=task_type,
        condition=condition,
        replicate=replicate,
        weather_seed=seed_of("weather", suite, seed, task_id, replicate),
        sampling_seed=seed_of("sampling", trial_id),
    )
