"""Seven ways in which a plan can be wrong: each a pure function from plan to plan.

A plan is wrong as a hurried planner errs: words and tool calls say the same, and what is wrong lies
next to what is right, in the task's own world (`neighbours`).

| flaw | how it errs | light | medium | severe |
|---|---|---|---|---|
| sequence_disorder | steps change places | two neighbours | the last comes first | reversed |
| tool_misuse | a wrong but plausible tool, with its own purpose | 1 step | half | all |
| parameter_error | wrong arguments | one of 1 step | one each of half | all of all |
| missing_step | steps are left out | 1 step | a third | 3 in 5, never all |
| redundant_operations | steps are repeated | 1 step | half | all |
| logical_inconsistency | steps use what is made later | 1 step | half | all |
| semantic_drift | a neighbouring goal | its last mark | half of them | all, and a step more |

A light flaw is hardly visible: it shows beside the task's text, or in results alone. A severe one
is plain. Parts are rounded up, of the vital steps: those of required tools (of semantic_drift, of
the marks by which a goal differs from its neighbours: a state, a month, an addressee, a figure,
counted from the end). Which steps are hit is drawn from the seed in an order that severity does not
change: a worse flaw hits the same and more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from random import Random
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from stormproof.domain.conditions import Severity
from stormproof.domain.tasks import Step
from stormproof.errors import SuiteError
from stormproof.suites.workflows.flaws.drifts import drifted
from stormproof.suites.workflows.flaws.misuse import mistaken
from stormproof.suites.workflows.flaws.neighbours import Slip, Surroundings, restated, texts_in
from stormproof.suites.workflows.flaws.wrong_arguments import erring
from stormproof.suites.workflows.tools import CATALOGUE

Plan = tuple[Step, ...]
_UNKNOWN = Surroundings()
_SHARES: Mapping[Severity, float] = MappingProxyType({"light": 0.0, "medium": 0.5, "severe": 1.0})
_LEFT_OUT: Mapping[Severity, float] = MappingProxyType(
    {"light": 0.0, "medium": 1 / 3, "severe": 0.6}
)


class _Draw(Struct, frozen=True):
    """What a flaw goes by. `order` holds the places of the vital steps, as they are hit."""

    severity: Severity
    order: Sequence[int]
    rng: Random
    world: Surroundings

    @property
    def share(self) -> float:
        """The share of what can be wrong that is; of 0 it is one all the same."""
        return _SHARES[self.severity]


def apply_flaw(
    flaw: str,
    plan: Plan,
    severity: Severity,
    seed: int,
    *,
    vital: Collection[str] = (),
    world: Surroundings = _UNKNOWN,
) -> Plan:
    """The plan with a flaw; never equal to the plan given, for plans of two steps or more.

    `vital` names the required tools, which flaws hit first; without it every step is vital.
    `world` is where neighbours of what is right are looked for.
    Raises SuiteError for an unknown flaw or a plan too short to be flawed.
    """
    if flaw not in _FLAWS:
        known = ", ".join(_FLAWS)
        raise SuiteError(f"there is no flaw called {flaw!r}", hint=f"flaws are {known}")
    if len(plan) < 2:  # noqa: PLR2004  nothing to reorder or to leave out
        raise SuiteError("a plan needs two steps to be flawed", hint="no task has fewer")
    rng = Random(seed)  # noqa: S311  reproducible, not secret
    order = [at for at, step in enumerate(plan) if not vital or step.tool in vital]
    rng.shuffle(order)
    return _FLAWS[flaw](plan, _Draw(severity, order, rng, world))


def _hit(order: Sequence[int], share: float) -> list[int]:
    """The first part of the drawn order, one step at least, in the plan's order."""
    return sorted(order[: max(1, math.ceil(share * len(order) - 1e-9))])


def _sequence_disorder(plan: Plan, draw: _Draw) -> Plan:
    if draw.severity == "severe":
        return plan[::-1]
    if draw.severity == "medium":
        return (plan[-1], *plan[:-1])
    feeding = [i for i in draw.order if _feeds(plan, i)]
    both_vital = [i for i in feeding if i + 1 in draw.order]
    at = (both_vital or feeding or [min(draw.order[0], len(plan) - 2)])[0]
    return (*plan[:at], plan[at + 1], plan[at], *plan[at + 2 :])


def _feeds(plan: Plan, at: int) -> bool:
    """Whether the next step uses what this one makes, or is more reliable after it."""
    if at + 1 == len(plan):
        return False
    step, following = plan[at], plan[at + 1]
    needed = step.tool in CATALOGUE[following.tool].spec.needs
    return needed or (bool(step.makes) and following.reads == step.makes)


def _tool_misuse(plan: Plan, draw: _Draw) -> Plan:
    used = {step.tool for step in plan}
    steps = list(plan)
    for at in _hit(draw.order, draw.share):
        steps[at] = mistaken(steps[at], used, draw.rng)
        used.add(steps[at].tool)
        for later in _readers(plan, at):
            steps[later] = replace(steps[later], reads=steps[at].makes)
    return tuple(steps)


def _readers(plan: Plan, at: int) -> Iterator[int]:
    """The later steps whose words say that they read what this one makes."""
    makes = plan[at].makes
    for later in range(at + 1, len(plan)):
        if makes and plan[later].reads == makes:
            yield later
        if plan[later].makes == makes:
            return


def _parameter_error(plan: Plan, draw: _Draw) -> Plan:
    rich = sorted(draw.order, key=lambda at: not plan[at].arguments)
    most = len(CATALOGUE) if draw.severity == "severe" else 1
    steps = list(plan)
    slips: list[Slip] = []
    for at in _hit(rich, draw.share):
        steps[at], made = erring(plan[at], most, draw.world)
        slips += made
    return tuple(_retold(step, slips) for step in steps)


def _retold(step: Step, slips: Sequence[Slip]) -> Step:
    """The step in words that name nothing which others no longer name."""
    kept = list(texts_in(step.arguments))
    gone = [s for s in slips if s.is_name and not any(s.is_needed_in(text) for text in kept)]
    return restated(step, gone)


def _missing_step(plan: Plan, draw: _Draw) -> Plan:
    hit = _hit(draw.order, _LEFT_OUT[draw.severity])[: len(plan) - 1]
    return tuple(step for at, step in enumerate(plan) if at not in hit)


def _redundant_operations(plan: Plan, draw: _Draw) -> Plan:
    hit = _hit(draw.order, draw.share)
    return tuple(s for at, step in enumerate(plan) for s in [step] * (2 if at in hit else 1))


def _logical_inconsistency(plan: Plan, draw: _Draw) -> Plan:
    fed = sorted(draw.order, key=lambda at: not _takes_input(plan[at]))
    steps = list(plan)
    for at in _hit(fed, draw.share):
        later = [step for step in plan[at + 1 :] if made_by(step) != plan[at].reads]
        steps[at] = _fed_by(plan[at], draw.rng.choice(later) if later else plan[at])
    return tuple(steps)


def _semantic_drift(plan: Plan, draw: _Draw) -> Plan:
    return drifted(plan, draw.share, draw.rng, draw.world)


def _takes_input(step: Step) -> bool:
    return "input" in CATALOGUE[step.tool].spec.parameters["properties"]


def _fed_by(step: Step, later: Step) -> Step:
    """The step with what `later` makes as its stated input, in words and in the tool call."""
    arguments = dict(step.arguments)
    if _takes_input(step):
        arguments["input"] = f"{later.tool}_1"
    return replace(step, arguments=arguments, reads=made_by(later))


def made_by(step: Step) -> str:
    """What a step makes, in words."""
    return step.makes or f"the result of {step.tool}"


_FLAWS: Mapping[str, Callable[[Plan, _Draw], Plan]] = MappingProxyType(
    {
        "sequence_disorder": _sequence_disorder,
        "tool_misuse": _tool_misuse,
        "parameter_error": _parameter_error,
        "missing_step": _missing_step,
        "redundant_operations": _redundant_operations,
        "logical_inconsistency": _logical_inconsistency,
        "semantic_drift": _semantic_drift,
    }
)
