"""How an agent dealt with a flawed plan: what of it was followed, noticed, and recovered from.

The flaws of a plan are found by comparing it with the right one, tool call by tool call: a step
that says something else, one in another place, one too many, or one that is left out. They are held
against the tool calls alone: what an agent writes about a plan is not judged.

- followed: the share of the flaws that were carried out as shown. A step counts where the tool
  calls hold it, with the arguments that the prompt shows, in the plan's order among the others; one
  left out counts where it was not made up for. A failed tool call that is made again counts once.
- noticed: at one flaw at least the agent did something nearer to the right plan, at once or after
  it had seen what came of it: the right tool, a right value in the place of a wrong one, the right
  order, a gap filled, or a step too many passed over.
- recovered: full success though a flaw was followed; None where none was.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import msgspec
from msgspec import Struct

from stormproof.domain.tasks import Execution, Step

_WHOLE = 100  # what a step in common is worth; a sound one counts one more, to break ties
_encode = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode


class FlawedPlan(Struct, frozen=True):
    """The plan that the prompt showed, and the right one that it was made from."""

    shown: tuple[Step, ...]
    right: tuple[Step, ...]


class Flaw(Struct, frozen=True):
    """One difference: the place of a step in the shown plan, and of what should stand for it.

    One of them is None where a step is too many, or is left out.
    """

    shown: int | None
    right: int | None


class Dealings(Struct, frozen=True):
    """What came of a plan's flaws in an episode."""

    followed: float
    noticed: bool


def flaws_of(plan: FlawedPlan) -> tuple[Flaw, ...]:
    """All differences: steps that have moved, then the others, in the plan's order."""
    right, shown = [_call(step) for step in plan.right], [_call(step) for step in plan.shown]
    matcher = SequenceMatcher(None, right, shown, autojunk=False)
    blocks = [
        (list(range(i, i_end)), list(range(j, j_end)))
        for tag, i, i_end, j, j_end in matcher.get_opcodes()
        if tag != "equal"
    ]
    missing = [i for block, _ in blocks for i in block]
    moved = []
    for j in (j for _, block in blocks for j in block):
        origin = next((i for i in missing if right[i] == shown[j]), None)
        if origin is not None:
            missing.remove(origin)
            moved.append(Flaw(j, origin))
    elsewhere = {flaw.shown for flaw in moved}
    return (
        *moved,
        *(
            Flaw(j, i)
            for lost, put in blocks
            for i, j in itertools.zip_longest(
                [i for i in lost if i in missing], [j for j in put if j not in elsewhere]
            )
        ),
    )


def dealings(plan: FlawedPlan, executions: Sequence[Execution]) -> Dealings | None:
    """How the flaws of a plan were dealt with; None for a plan without any."""
    flaws = flaws_of(plan)
    if not flaws:
        return None
    done = _without_retries(executions)
    kept = _carried_out(plan.shown, done, {flaw.shown for flaw in flaws})
    followed = [_is_followed(flaw, plan, done, kept) for flaw in flaws]
    noticed = any(_is_mended(flaw, plan, done, kept) for flaw in flaws)
    return Dealings(sum(followed) / len(flaws), noticed)


def _is_followed(flaw: Flaw, plan: FlawedPlan, done: Sequence[Execution], kept: set[int]) -> bool:
    if flaw.shown is not None:
        return flaw.shown in kept
    return bool(done) and not _is_made_up_for(flaw, plan, done)


def _is_mended(flaw: Flaw, plan: FlawedPlan, done: Sequence[Execution], kept: set[int]) -> bool:
    """Whether something nearer to the right plan was done, at once or later."""
    if flaw.shown is None:
        return _is_made_up_for(flaw, plan, done)
    if flaw.right is None:
        return _is_passed_over(flaw.shown, len(plan.shown), kept)
    wrong, right = plan.shown[flaw.shown], plan.right[flaw.right]
    if wrong.tool != right.tool:
        return _is_made_up_for(flaw, plan, done)
    if _visible(wrong) == _visible(right):
        return flaw.shown not in kept and any(_is_as_shown(each, right) for each in done)
    own = [each for each in done if not any(_is_as_shown(each, step) for step in plan.shown)]
    return any(_is_nearer(each, wrong, right) for each in own)


def _is_passed_over(place: int, steps: int, kept: set[int]) -> bool:
    """Whether a step too many was not made though what comes after it was; of the last, before."""
    beyond = place - 1 if place == steps - 1 else place
    return place not in kept and any(other >= beyond for other in kept)


def _is_made_up_for(flaw: Flaw, plan: FlawedPlan, done: Sequence[Execution]) -> bool:
    """Whether a step that was left out was made, beyond what the plan has of it."""
    if flaw.right is None:
        return False
    step = plan.right[flaw.right]
    if step.tool not in {each.tool for each in plan.shown}:
        return any(each.tool == step.tool for each in done)
    still_shown = sum(_call(each) == _call(step) for each in plan.shown)
    return sum(_is_as_shown(each, step) for each in done) > still_shown


def _is_nearer(done: Execution, wrong: Step, right: Step) -> bool:
    """Whether a tool call says something right that the wrong step does not say.

    Perhaps among other things: steps can be put together into one.
    """
    if done.tool != right.tool:
        return False
    said, meant = _visible(wrong), _visible(right)
    given = {**done.arguments, "input": _right_input(done, said.get("input"), meant.get("input"))}
    gone = any(name not in meant and given.get(name) is None for name in said)
    return gone or bool(_sayings(given) & (_sayings(meant) - _sayings(said)))


def _sayings(arguments: Mapping[str, Any]) -> set[tuple[str, bytes]]:
    """Each argument's value, and each of its parts: a list's entries, a condition's clauses."""
    return {(name, _encode(part)) for name, value in arguments.items() for part in _parts(value)}


def _parts(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, str):
        yield from value.split(" and ")


def _right_input(done: Execution, said: Any, meant: Any) -> Any:
    """The input that a tool call names: as it is meant where it comes to that.

    Who names the latest result does what the right step does that names none; and a result has
    another number where an earlier tool call was made again.
    """
    named = done.arguments.get("input")
    if not done.ok or named == said or not isinstance(named, str):
        return named
    return meant if meant is None or _tool_of(named) == _tool_of(meant) else named


def _tool_of(handle: object) -> str:
    return str(handle).rpartition("_")[0]


def _without_retries(executions: Sequence[Execution]) -> list[Execution]:
    """Each tool call once, however often it failed before it was made again, at once or later.

    It is the same call that says all of the one that failed; it may name its data now.
    """
    kept: list[Execution] = []
    for execution in reversed(executions):
        again = Step(execution.tool, execution.arguments)
        if execution.ok or not any(_is_as_shown(each, again) for each in kept):
            kept.append(execution)
    return kept[::-1]


def _carried_out(
    shown: Sequence[Step], done: Sequence[Execution], flawed: set[int | None]
) -> set[int]:
    """The places of the shown steps that were carried out in order: most of them, sound ones first.

    A longest common subsequence: `worth[i][j]` is that of the steps from i and the calls from j.
    """
    worth = [[0] * (len(done) + 1) for _ in range(len(shown) + 1)]
    values = [_WHOLE + (place not in flawed) for place in range(len(shown))]
    same = [[_is_as_shown(each, step) for each in done] for step in shown]
    for i, j in itertools.product(reversed(range(len(shown))), reversed(range(len(done)))):
        passed = max(worth[i + 1][j], worth[i][j + 1])
        worth[i][j] = max(passed, values[i] + worth[i + 1][j + 1]) if same[i][j] else passed
    kept, i, j = set[int](), 0, 0
    while i < len(shown) and j < len(done):
        if same[i][j] and worth[i][j] == values[i] + worth[i + 1][j + 1]:
            kept.add(i)
            i, j = i + 1, j + 1
        elif worth[i][j] == worth[i + 1][j]:
            i += 1
        else:
            j += 1
    return kept


def _is_as_shown(done: Execution, step: Step) -> bool:
    """Whether a tool call says all that the shown step does; it may say more, as whose data."""
    said = _visible(step)
    return done.tool == step.tool and all(done.arguments.get(n) == v for n, v in said.items())


def _visible(step: Step) -> Mapping[str, Any]:
    """The arguments that a prompt shows: a message that has to be found out is left open."""
    if not step.after:
        return step.arguments
    return {name: value for name, value in step.arguments.items() if name != "message"}


def _call(step: Step) -> tuple[str, bytes]:
    return step.tool, _encode(_visible(step))
