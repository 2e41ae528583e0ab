"""Seven ways in which a plan can be wrong: each a pure function from plan to plan.

| flaw | what it does | light | medium | severe |
|---|---|---|---|---|
| sequence_disorder | steps change places | two neighbours | the last comes first | reversed |
| tool_misuse | a wrong but plausible tool | 1 step | half | all |
| parameter_error | wrong arguments | 1 step | half | all |
| missing_step | steps are left out | 1 step | a third | 3 in 5, never all |
| redundant_operations | steps are repeated | 1 step | half | all |
| logical_inconsistency | steps use what is made later | 1 step | half | all |
| semantic_drift | the end serves another goal | last step | half | all but the first |

Parts are rounded up, of the vital steps: those of required tools. Which steps are hit is drawn
from the seed in an order that severity does not change: a worse flaw hits the same and more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random
from types import MappingProxyType

from msgspec.structs import replace

from stormproof.domain.conditions import Severity
from stormproof.domain.tasks import Step
from stormproof.errors import SuiteError
from stormproof.suites.workflows.flaws.drifts import DRIFTS
from stormproof.suites.workflows.flaws.misuse import mistaken
from stormproof.suites.workflows.flaws.wrong_arguments import wrong_arguments
from stormproof.suites.workflows.tools import CATALOGUE

Plan = tuple[Step, ...]
_SHARES: Mapping[Severity, float] = MappingProxyType({"light": 0.0, "medium": 0.5, "severe": 1.0})
_LEFT_OUT: Mapping[Severity, float] = MappingProxyType(
    {"light": 0.0, "medium": 1 / 3, "severe": 0.6}
)


def apply_flaw(
    flaw: str, plan: Plan, severity: Severity, seed: int, *, vital: Collection[str] = ()
) -> Plan:
    """The plan with a flaw; never equal to the plan given, for plans of two steps or more.

    `vital` names the required tools, which flaws hit first; without it every step is vital.
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
    return _FLAWS[flaw](plan, severity, order, rng)


def _hit(order: Sequence[int], share: float) -> list[int]:
    """The first part of the drawn order, one step at least, in the plan's order."""
    return sorted(order[: max(1, math.ceil(share * len(order) - 1e-9))])


def _sequence_disorder(plan: Plan, severity: Severity, order: Sequence[int], _rng: Random) -> Plan:
    if severity == "severe":
        return plan[::-1]
    if severity == "medium":
        return (plan[-1], *plan[:-1])
    feeding = [i for i in order if _feeds(plan, i)]
    both_vital = [i for i in feeding if i + 1 in order]
    at = (both_vital or feeding or [min(order[0], len(plan) - 2)])[0]
    return (*plan[:at], plan[at + 1], plan[at], *plan[at + 2 :])


def _feeds(plan: Plan, at: int) -> bool:
    """Whether the next step uses what this one makes, or is more reliable after it."""
    if at + 1 == len(plan):
        return False
    step, following = plan[at], plan[at + 1]
    needed = step.tool in CATALOGUE[following.tool].spec.needs
    return needed or (bool(step.makes) and following.reads == step.makes)


def _tool_misuse(plan: Plan, severity: Severity, order: Sequence[int], rng: Random) -> Plan:
    hit = _hit(order, _SHARES[severity])
    used = {step.tool for step in plan}
    steps = list(plan)
    for at in hit:
        steps[at] = mistaken(plan[at], used, rng)
        used.add(steps[at].tool)
    return tuple(steps)


def _parameter_error(plan: Plan, severity: Severity, order: Sequence[int], _rng: Random) -> Plan:
    rich = sorted(order, key=lambda at: not plan[at].arguments)
    hit = _hit(rich, _SHARES[severity])
    most = 1 if severity == "light" else len(CATALOGUE)
    return tuple(
        replace(step, arguments=wrong_arguments(step, most)) if at in hit else step
        for at, step in enumerate(plan)
    )


def _missing_step(plan: Plan, severity: Severity, order: Sequence[int], _rng: Random) -> Plan:
    hit = _hit(order, _LEFT_OUT[severity])[: len(plan) - 1]
    return tuple(step for at, step in enumerate(plan) if at not in hit)


def _redundant_operations(
    plan: Plan, severity: Severity, order: Sequence[int], _rng: Random
) -> Plan:
    hit = _hit(order, _SHARES[severity])
    return tuple(s for at, step in enumerate(plan) for s in [step] * (2 if at in hit else 1))


def _logical_inconsistency(
    plan: Plan, severity: Severity, order: Sequence[int], rng: Random
) -> Plan:
    fed = sorted(order, key=lambda at: not _takes_input(plan[at]))
    hit = _hit(fed, _SHARES[severity])
    steps = list(plan)
    for at in hit:
        later = rng.randrange(at + 1, len(plan)) if at + 1 < len(plan) else at
        steps[at] = _fed_by(plan[at], plan[later])
    return tuple(steps)


def _semantic_drift(plan: Plan, severity: Severity, _order: Sequence[int], rng: Random) -> Plan:
    count = max(1, math.ceil(_SHARES[severity] * len(plan)))
    count = min(count, len(plan) - 1)
    kept = plan[: len(plan) - count]
    used = {step.tool for step in plan}
    drift = rng.choice(DRIFTS)
    fresh = [step for step in drift if step.tool not in used]
    return (*kept, *(fresh + [step for step in drift if step not in fresh])[:count])


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


_FLAWS: Mapping[str, Callable[[Plan, Severity, Sequence[int], Random], Plan]] = MappingProxyType(
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
