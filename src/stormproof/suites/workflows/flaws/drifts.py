"""Plans that slide to a neighbour of their goal: another state, another month, and one step more.

What has slid stays so: later steps say the same wrong thing, as one who believes it would.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from msgspec.structs import replace

from stormproof.domain.tasks import Step
from stormproof.suites.workflows.flaws.neighbours import (
    Slip,
    Surroundings,
    restated,
    slip_in,
    texts_in,
)
from stormproof.suites.workflows.tools import CATALOGUE

Plan = tuple[Step, ...]
_ASIDE = frozenset({"input", "message", "op", "table", "service", "system", "key"})
"""Arguments that say how it is done, and not what for."""


def drifted(plan: Plan, share: float, rng: Random, world: Surroundings) -> Plan:
    """The plan with this share of what can slide slid, from its end on; one place at least.

    Where all of it slides, or nothing can, something is done that goes beyond the goal.
    """
    places = [(at, slip) for at in range(len(plan) - 1, 0, -1) if (slip := _slide(plan[at], world))]
    if not places:
        return (*plan, _one_more(plan, rng))
    steps = list(plan)
    for at, slip in reversed(places[: max(1, math.ceil(share * len(places)))]):
        steps[at:] = [slid(step, (slip,)) for step in steps[at:]]
    return (*steps, _one_more(steps, rng)) if share == 1 else tuple(steps)


def slid(step: Step, slips: Iterable[Slip]) -> Step:
    """The step with the slips in its words and its arguments."""
    slips = tuple(slips)
    return restated(replace(step, arguments=_said(step.arguments, slips)), slips)


def _said(value: Any, slips: Iterable[Slip]) -> Any:
    if isinstance(value, str):
        for slip in slips:
            value = slip.on(value)
        return value
    if isinstance(value, dict):
        return {k: v if k in _ASIDE else _said(v, slips) for k, v in value.items()}
    if not isinstance(value, list | tuple):
        return value
    said = [_said(each, slips) for each in value]
    return list(dict.fromkeys(said)) if all(isinstance(each, str) for each in said) else said


def _slide(step: Step, world: Surroundings) -> Slip | None:
    """What would make this step serve another goal; None for one that would serve any."""
    properties = CATALOGUE[step.tool].spec.parameters["properties"]
    for name, value in step.arguments.items():
        schema = properties.get(name, {})
        if name in _ASIDE or "enum" in schema:
            continue
        for text in texts_in(_goal_parts(value)):
            slip = slip_in(text, {}, world)
            if slip is not None and slip.on(text) != text:
                return slip
    return None


def _goal_parts(value: Any) -> Any:
    """A value without what says how it is done."""
    if isinstance(value, dict):
        return {k: _goal_parts(v) for k, v in value.items() if k not in _ASIDE}
    return [_goal_parts(each) for each in value] if isinstance(value, list | tuple) else value


def _one_more(plan: Sequence[Step], rng: Random) -> Step:
    """A step that goes beyond the goal with what the plan has made."""
    subject = _subject(plan)
    made = next((step.makes for step in reversed(plan) if step.makes), "the outcome")
    return rng.choice(
        (
            Step(
                "integration_scheduler",
                {"job": f"{subject}-update", "every": "month"},
                "Have the same done every month",
                made,
                f"a plan for {subject}-update",
            ),
            Step(
                "integration_scheduler",
                {"job": f"{subject}-reminder", "every": "week"},
                "Have them reminded every week",
                made,
                f"a plan for {subject}-reminder",
            ),
            Step(
                "utility_notifier",
                {"recipient": "everybody", "message": f"{subject}: done."},
                "Let everybody know that it is done",
                made,
                "a message to everybody",
            ),
        )
    )


def _subject(plan: Sequence[Step]) -> str:
    """What it is about, by the name of the first file or address."""
    texts = [text for step in plan for text in texts_in(step.arguments)]
    names = [name for text in texts if "/" in text for name in re.findall(r"[a-z]+_[a-z]+", text)]
    return names[0] if names else "work"
