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
        return (*plan, _one_more(plan, _subject(plan), rng))
    steps = list(plan)
    for at, slip in reversed(places[: max(1, math.ceil(share * len(places)))]):
        steps[at:] = [slid(step, (slip,)) for step in steps[at:]]
    return (*steps, _one_more(steps, _subject(plan), rng)) if share == 1 else tuple(steps)


def slid(step: Step, slips: Iterable[Slip]) -> Step:
    """The step with the slips in its words and its arguments."""
    slips = tuple(slips)
    arguments = {k: v if k in _ASIDE else _said(v, slips) for k, v in step.arguments.items()}
    return restated(replace(step, arguments=arguments), slips)


def _said(value: Any, slips: Iterable[Slip]) -> Any:
    """A value with the slips; a list or a mapping that would then name one thing twice stays."""
    if isinstance(value, str):
        for slip in slips:
            value = slip.on(value)
        return value
    if isinstance(value, dict):
        said = {k: v if k in _ASIDE else _said(v, slips) for k, v in value.items()}
        return said if _named(said.values()) == _named(value.values()) else value
    if isinstance(value, list | tuple):
        said_each = [_said(each, slips) for each in value]
        return said_each if _named(said_each) == _named(value) else value
    return value


def _named(values: Iterable[Any]) -> int:
    """How many different texts stand there."""
    return len({value for value in values if isinstance(value, str)})


def _slide(step: Step, world: Surroundings) -> Slip | None:
    """What would make this step serve another goal; None for one that would serve any.

    What stands beside the right text already is no neighbour of it: nobody lists a column twice.
    """
    properties = CATALOGUE[step.tool].spec.parameters["properties"]
    for name, value in step.arguments.items():
        schema = properties.get(name, {})
        if name in _ASIDE or "enum" in schema:
            continue
        texts = list(texts_in(_goal_parts(value)))
        for text in texts:
            slip = slip_in(text, {}, world)
            if slip is not None and slip.on(text) != text and slip.wrong not in texts:
                return slip
    return None


def _goal_parts(value: Any) -> Any:
    """A value without what says how it is done."""
    if isinstance(value, dict):
        return {k: _goal_parts(v) for k, v in value.items() if k not in _ASIDE}
    return [_goal_parts(each) for each in value] if isinstance(value, list | tuple) else value


def _one_more(plan: Sequence[Step], subject: str, rng: Random) -> Step:
    """A step that goes beyond the goal with what the plan has made."""
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
