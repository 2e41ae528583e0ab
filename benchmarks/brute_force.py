"""The planner's judge: small workflows solved by trying everything, and large ones by playing.

Kept apart from the planner. Histories are whole lists of calls; the weather's own memory judges
them; every item may be called at any time, again too; nothing is merged and no order is assumed.
Large ones are played by the thousand (`Crowd`).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from random import Random

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stormproof.domain.episodes import FAILURES_IN_A_ROW
from stormproof.suites.weather import WINDOW, History, probability
from stormproof.suites.workflows.optimum.decision_process import (
    NOTHING_HELPS,
    Policy,
    Position,
)
from stormproof.suites.workflows.optimum.histories import HISTORIES
from stormproof.suites.workflows.optimum.items import Item, Workflow
from stormproof.suites.workflows.optimum.state_space import FILLER, Indices
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


class Crowd:
    """Many episodes played at once by one policy, against weather that numpy draws, in no World.

    What the weather remembers of each is kept in arrays of its own, one place for each episode: it
    is not what the policy remembers.
    """

    def __init__(
        self, policy: Policy, workflow: Workflow, tools: Sequence[str], rate: float, size: int
    ) -> None:
        names = list(dict.fromkeys((*tools, _FILLER, _NEVER)))
        self._policy = policy
        self._workflow = workflow
        self._rate = rate
        self._tools = [names.index(tool) for tool in (*tools[: len(workflow.items)], _FILLER)]
        self._needs = [
            [names.index(tools[(mask & -mask).bit_length() - 1] if mask else _NEVER) for mask in m]
            for m in (item.needs for item in workflow.items)
        ]

        # Of each episode: where the policy thinks it is (a state and a history, as one number),
        # which items are done, and all that the weather's formula asks for. `_playing` go on.
        self._playing = np.arange(size)
        self._positions = np.zeros(size, np.int64)
        self._done = np.zeros(size, np.int64)
        self._succeeded = np.zeros((size, len(names)), np.bool_)
        self._latest = np.zeros((size, len(names)), np.bool_)
        self._failures = np.zeros((size, WINDOW), np.bool_)  # the latest last
        self._row = np.zeros(size, np.int64)

    def won(self, seed: int) -> int:
        """Play to the end: how many episodes reach the goal."""
        rng, made = np.random.default_rng(seed), 0
        while len(self._playing):
            self._step(rng, made)
            made += 1
        reached = np.ones(len(self._done), np.bool_)
        for mask in self._workflow.goal:
            reached &= (self._done & mask) != 0
        return int(reached.sum())

    def _step(self, rng: np.random.Generator, made: int) -> None:
        positions, which = np.unique(self._positions[self._playing], return_inverse=True)
        places = [_place(position, made) for position in positions.tolist()]
        actions = np.array([self._policy.action(place) for place in places])[which]
        for action in np.unique(actions):
            if action != NOTHING_HELPS:
                self._call(rng, made, int(action), self._playing[actions == action])
        goes_on = (actions != NOTHING_HELPS) & (self._row[self._playing] < FAILURES_IN_A_ROW)
        self._playing = self._playing[goes_on]

    def _call(self, rng: np.random.Generator, made: int, action: int, own: Indices) -> None:
        """Make the same call in some episodes."""
        item = (
            self._workflow.items[action] if action != FILLER else Item(quiet=self._workflow.quiet)
        )
        chance = self._chances(self._needs[action] if action != FILLER else [], made, own)
        ok = (rng.random(len(own)) <= chance) & (not item.blocked)
        worked = ok | item.blocked | (rng.random(len(own)) < item.unseen)
        seen = ok | item.quiet
        self._move_on(made, own, seen, worked)
        tool = self._tools[action]
        self._succeeded[own, tool] |= seen
        self._latest[own, tool] = seen
        self._failures[own] = np.column_stack((self._failures[own, 1:], ~seen))
        self._row[own] = np.where(seen, 0, self._row[own] + 1)
        if action != FILLER:
            alone = action if item.alone is None else item.alone
            self._done[own] |= np.where(worked, np.where(ok, 1 << action, 1 << alone), 0)

    def _chances(self, needs: Sequence[int], made: int, own: Indices) -> NDArray[np.float64]:
        met, latest = self._succeeded[own][:, needs], self._latest[own][:, needs]
        recent = self._failures[own].sum(axis=1) if made >= WINDOW else np.zeros(len(own), int)
        since = (met & ~latest).any(axis=1)
        cases, which = np.unique((~met).sum(axis=1) * 8 + recent * 2 + since, return_inverse=True)
        found = [
            probability(self._rate, case >> 3, case >> 1 & 3, failed_since=bool(case & 1))
            for case in cases.tolist()
        ]
        return np.array(found)[which]

    def _move_on(
        self, made: int, own: Indices, seen: NDArray[np.bool_], worked: NDArray[np.bool_]
    ) -> None:
        """Tell the policy what has come of its calls."""
        told = self._positions[own] * 4 + seen * 2 + worked
        cases, which = np.unique(told, return_inverse=True)
        places = [
            self._policy.after(_place(case >> 2, made), seen=bool(case & 2), worked=bool(case & 1))
            for case in cases.tolist()
        ]
        numbers = [place.state * len(HISTORIES) + place.history for place in places]
        self._positions[own] = np.array(numbers)[which]


def _place(number: int, made: int) -> Position:
    return Position(*divmod(number, len(HISTORIES)), made)


_FILLER, _NEVER = "filler", "never"  # what no item is a call of, and what nobody ever calls


def times_won(
    policy: Policy,
    workflow: Workflow,
    tools: Sequence[str],
    rate: float,
    *,
    episodes: int,
    seed: int,
) -> int:
    """How often the policy reaches the goal against drawn weather, in so many episodes."""
    return Crowd(policy, workflow, tools, rate, episodes).won(seed)
