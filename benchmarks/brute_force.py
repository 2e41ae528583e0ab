"""The planner's judge: small workflows solved by trying everything, and large ones by playing.

Kept apart from the planner. Histories are whole lists of calls; the weather's own memory judges
them; every item may be called at any time, again too; nothing is merged and no order is assumed.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from random import Random

from msgspec import Struct

from stormproof.domain.episodes import FAILURES_IN_A_ROW
from stormproof.suites.weather import History, draw, probability, success_probability
from stormproof.suites.workflows.optimum.decision_process import (
    NOTHING_HELPS,
    Policy,
    Position,
)
from stormproof.suites.workflows.optimum.state_space import FILLER, Item, Workflow
from stormproof.suites.workflows.optimum.workflow import with_unseen_work


class Made(Struct, frozen=True):
    """A call: its tool, what it looked like, and what had been done before it."""

    tool: str
    seen: bool
    before: int


def best_chance(workflow: Workflow, tools: Sequence[str], rate: float, calls: int) -> float:
    """The value of a workflow whose items are calls of these tools, by search over all histories.

    A tool that is needed counts as failed since where its latest call failed and some item of it
    had been done before.
    """
    items = [*workflow.items, Item(quiet=workflow.quiet)]
    names = [*tools[: len(workflow.items)], "filler"]
    filler = len(workflow.items)

    @functools.cache
    def best(done: int, made: tuple[Made, ...]) -> float:
        if all(done & mask for mask in workflow.goal):
            return 1.0
        row = [call.seen for call in made[-FAILURES_IN_A_ROW:]]
        if len(made) == calls or (len(row) == FAILURES_IN_A_ROW and not any(row)):
            return 0.0
        ready = (at for at, item in enumerate(items) if all(done & m for m in item.hard))
        return max(worth(done, made, at) for at in ready)

    def worth(done: int, made: tuple[Made, ...], at: int) -> float:
        item = items[at]
        after = done if at == filler else done | 1 << at
        alone = after if item.alone is None else done | 1 << item.alone
        chance = 0.0 if item.blocked else _chance(item, tools, rate, done, made)
        unseen = 1.0 if item.blocked else item.unseen
        outcomes = (
            (chance, after, True),
            ((1 - chance) * unseen, alone, item.quiet),
            ((1 - chance) * (1 - unseen), done, item.quiet),
        )
        return sum(
            share * best(state, (*made, Made(names[at], seen, done)))
            for share, state, seen in outcomes
            if share
        )

    return best(0, ())


def _chance(
    item: Item, tools: Sequence[str], rate: float, done: int, made: tuple[Made, ...]
) -> float:
    history = History()
    for call in made:
        history.add(call.tool, ok=call.seen)
    unmet = sum(not done & mask for mask in item.needs)
    since = any(_failed_since(mask, tools, made) for mask in item.needs if mask)
    return probability(rate, unmet, history.recent_failures, failed_since=since)


def _failed_since(mask: int, tools: Sequence[str], made: tuple[Made, ...]) -> bool:
    tool = tools[(mask & -mask).bit_length() - 1]
    latest = next((call for call in reversed(made) if call.tool == tool), None)
    return latest is not None and not latest.seen and bool(latest.before & mask)


def random_workflow(rng: Random) -> tuple[Workflow, tuple[str, ...]]:
    """One to four items of up to three tools, with all that a workflow can have.

    Their tools are given with it; items that stand for work done unseen have none.
    """
    count = rng.randint(1, 4)
    tools = tuple(rng.choice("abc") for _ in range(count))
    names = sorted(set(tools))
    place = {name: at for at, name in enumerate(rng.sample(names, len(names)))}
    needs = {
        name: [m for m in names if place[m] < place[name] and rng.random() < 0.6]  # noqa: PLR2004  a coin
        + ["never"] * (rng.random() < 0.2)  # noqa: PLR2004  a coin
        for name in names
    }
    weather = rng.choice(("before", "ambiguous", "silent", "sticky"))
    items = tuple(
        Item(
            hard=tuple(1 << before for before in range(at) if rng.random() < 0.3)  # noqa: PLR2004  a coin
            + ((0b11,) if at > 1 and rng.random() < 0.2 else ()),  # noqa: PLR2004  a coin
            needs=tuple(
                sum(1 << i for i, each in enumerate(tools) if each == need) for need in needs[tool]
            ),
            unseen=0.25 if weather == "ambiguous" and rng.random() < 0.5 else 0.0,  # noqa: PLR2004  a coin
            quiet=weather == "silent" and rng.random() < 0.5,  # noqa: PLR2004  a coin
            blocked=weather == "sticky" and rng.random() < 0.3,  # noqa: PLR2004  a coin
        )
        for at, tool in enumerate(tools)
    )
    goal = [1 << at for at in range(count) if at == 0 or rng.random() < 0.7]  # noqa: PLR2004  a coin
    if count > 2 and rng.random() < 0.2:  # noqa: PLR2004  one of two is enough
        goal = [0b11, *(mask for mask in goal if not mask & 0b11)]
    workflow = Workflow(items, tuple(goal), quiet=weather == "silent")
    return with_unseen_work(workflow), (*tools, *("" for _ in tools))


def calls_for(workflow: Workflow, rng: Random) -> int:
    """As many calls as there is time to try everything."""
    return rng.randint(1, (9, 8, 7, 6)[min(3, len(workflow.items) - 1)])


def played(
    policy: Policy, workflow: Workflow, tools: Sequence[str], rate: float, seed: int
) -> bool:
    """Whether the policy reaches the goal against drawn weather, without a World."""
    history, position, done, row = History(), Position(), 0, 0
    while (action := policy.action(position)) != NOTHING_HELPS:
        item = Item(quiet=workflow.quiet) if action == FILLER else workflow.items[action]
        tool = "filler" if action == FILLER else tools[action]
        needs = [_need(mask, tools) for mask in item.needs]
        chance = 0.0 if item.blocked else success_probability(rate, needs, history)
        drawn = draw(seed, tool, history.counts[tool])
        ok = drawn.u <= chance and not item.blocked
        worked = ok or item.blocked or drawn.effect < item.unseen * 2**32
        seen = ok or item.quiet
        history.add(tool, ok=seen)
        if worked and action != FILLER:
            done |= 1 << (action if ok or item.alone is None else item.alone)
        row = 0 if seen else row + 1
        if row == FAILURES_IN_A_ROW:
            break
        position = policy.after(position, seen=seen, worked=worked)
    return all(done & mask for mask in workflow.goal)


def _need(mask: int, tools: Sequence[str]) -> str:
    return tools[(mask & -mask).bit_length() - 1] if mask else "never"
