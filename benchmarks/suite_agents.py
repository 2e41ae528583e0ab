"""Figures of agents in the suite: of three skills, one that only repeats, and the perfect one."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from random import Random

import anyio

from stormproof.domain.calls import Reply, Request
from stormproof.domain.conditions import PROTOCOLS, TASK_TYPES, Condition, Protocol
from stormproof.domain.episodes import FAILURES_IN_A_ROW, Episode
from stormproof.domain.tasks import Execution, Step, Task
from stormproof.domain.trials import Trial, make_trial
from stormproof.emulator import agent_wording
from stormproof.emulator.agent_decisions import Agents, position, tool_results
from stormproof.emulator.agent_skills import skill_at
from stormproof.episode import run_episode
from stormproof.plan.scenarios import SCENARIOS
from stormproof.score import weighted_success
from stormproof.score.measures import success
from stormproof.stats import wilson
from stormproof.suites import Weathered
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.optimum import Guide
from stormproof.suites.workflows.tasks import SUITE_VERSION, find_task, load_task
from stormproof.testing import asking
from suite_tasks import RATES, Figure, default_ids

Responder = Callable[[Request], Reply]

SKILLS = {"low": skill_at(0.2), "middle": skill_at(0.6), "high": skill_at(0.95)}
INSTANCES = 20
LEVEL = 0.99
PERFECT_EPISODES = 2_000
PAIRED_TASKS = 1_260
DIRECT_STRIDE = 12
_WORTH = {"failed": 0, "partial": 1, "full": 2}


def scenarios() -> Iterator[Figure]:
    """Agents of low, middle and high skill in each scenario, over all task types."""
    agents = Agents(find_task, skills=SKILLS)
    for name, scenario in SCENARIOS.items():
        rates = []
        above = 0
        for model in SKILLS:
            cells = [_cell(condition, agents, model) for condition in _conditions(name)]
            figure = _summary(list(itertools.chain(*cells)))
            rates.append(float(str(figure["success"])))
            above += sum(bool(_summary(cell)["above_ceiling"]) for cell in cells)
            yield {"figure": "suite.scenario", "scenario": name, "skill": model, **figure}
        yield {
            "figure": "suite.scenario_order",
            "scenario": name,
            "title": scenario.title,
            "ordered": rates == sorted(rates) and len(set(rates)) == len(rates),
            "cells_above_ceiling": above,
        }


def _cell(condition: Condition, agents: Responder, model: str) -> list[Episode]:
    return [
        episode(f"{task_type}.{condition.difficulty}.{number:05d}", condition, agents, model)
        for task_type in TASK_TYPES
        for number in range(INSTANCES)
    ]


def _conditions(name: str) -> list[Condition]:
    scenario = SCENARIOS[name]
    axes = (scenario.prompt_types, scenario.difficulties, scenario.tool_success_rates)
    return [Condition(*values) for values in itertools.product(*axes)]


def episode(
    task_id: str, condition: Condition, respond: Responder, model: str, replicate: int = 0
) -> Episode:
    """One whole episode, with nothing but a function for a model."""
    task = load_task(task_id)
    trial = trial_of(task, condition, model, replicate)

    async def play() -> Episode:
        return await run_episode(trial, task, asking(respond), simulated=True)

    return anyio.run(play)


def trial_of(task: Task, condition: Condition, model: str, replicate: int) -> Trial:
    """The trial as a run with suite seed 0 would plan it."""
    return make_trial(
        suite=SUITE_VERSION,
        seed=0,
        model=model,
        task_id=task.task_id,
        task_type=task.task_type,
        condition=condition,
        replicate=replicate,
    )


def _is_full(played: Episode) -> bool:
    return played.score is not None and played.score.success == "full"


def _summary(played: Sequence[Episode]) -> Figure:
    """Success with its interval, beside the mean ceiling of the same trials."""
    full = sum(map(_is_full, played))
    partial = sum(e.score is not None and e.score.success == "partial" for e in played)
    most = statistics.fmean(e.ceiling or 0.0 for e in played)
    rate = wilson(full, len(played), level=LEVEL)
    return {
        "episodes": len(played),
        "success": round(rate.estimate, 4),
        "low": round(rate.low, 4),
        "high": round(rate.high, 4),
        "weighted": round(weighted_success(full, partial, len(played)) or 0.0, 4),
        "ceiling": round(most, 4),
        "above_ceiling": rate.low > most,
    }


def paired() -> Iterator[Figure]:
    """An agent that repeats each step until it works: success must not rise as the rate falls."""
    step = len(default_ids()) // PAIRED_TASKS
    ids = default_ids()[::step]
    violations = 0
    worth = []
    for task_id in ids:
        difficulty = load_task(task_id).difficulty
        found = [
            episode(task_id, Condition("baseline", difficulty, rate), stubborn, "stubborn")
            for rate in RATES
        ]
        ranks = [_WORTH[e.score.success] if e.score else -1 for e in found]
        violations += sum(later > earlier for earlier, later in itertools.pairwise(ranks))
        worth.append(ranks)
    yield {
        "figure": "suite.paired_draws",
        "tasks": len(ids),
        "rates": RATES,
        "success": [round(statistics.fmean(r[at] == 2 for r in worth), 4) for at in range(4)],  # noqa: PLR2004  full
        "violations": violations,
    }


def stubborn(request: Request) -> Reply:
    """Works through the task's solution and repeats each step until it succeeds."""
    task = _task_of(request)
    at = position(task.solution, tool_results(request.messages), tries=1_000)
    return _said(task.solution[at] if at < len(task.solution) else None, request)


def perfect() -> Iterator[Figure]:
    """The best agent against the ceiling, in both protocols, each with weather of its own."""
    ids = default_ids()
    Random(0).shuffle(ids)
    for replicate, protocol in enumerate(PROTOCOLS):
        trials = zip(ids[:PERFECT_EPISODES], itertools.cycle(RATES), strict=False)
        played = [_guided(task_id, rate, protocol, replicate) for task_id, rate in trials]
        yield _reached(protocol, [(_is_full(e), e.ceiling or 0.0) for e in played])
    yield _reached(
        "no conversation",
        [
            _directly(i, rate, n)
            for i in default_ids()[::DIRECT_STRIDE]
            for n, rate in enumerate(RATES, len(PROTOCOLS))
        ],
    )


def _reached(protocol: str, played: Sequence[tuple[bool, float]]) -> Figure:
    """Full successes against the sum of the chances that the ceiling gives."""
    full = sum(is_full for is_full, _ in played)
    spread = math.sqrt(sum(p * (1 - p) for _, p in played))
    distance = (full - sum(p for _, p in played)) / spread
    return {
        "figure": "suite.perfect_agent",
        "protocol": protocol,
        "episodes": len(played),
        "success": round(full / len(played), 4),
        "ceiling": round(statistics.fmean(p for _, p in played), 4),
        "standard_errors_away": round(distance, 2),
        "within_99": abs(distance) <= 2.576,  # noqa: PLR2004  the normal's 99.5 % point
    }


def _guided(task_id: str, rate: float, protocol: Protocol, replicate: int) -> Episode:
    task = load_task(task_id)
    condition = Condition("baseline", task.difficulty, rate, protocol=protocol)
    guide = Guide(task, rate, WORKFLOWS.turn_budget(task, condition))

    def respond(request: Request) -> Reply:
        seen = [(result.ok, result.ok) for result in tool_results(request.messages)]
        return _said(guide.next_step(seen), request)

    return episode(task_id, condition, respond, "guide", replicate)


def _directly(task_id: str, rate: float, replicate: int) -> tuple[bool, float]:
    """The best agent alone with the tools: its success, and the ceiling."""
    task = load_task(task_id)
    condition = Condition("baseline", task.difficulty, rate)
    trial = trial_of(task, condition, "guide", replicate)
    guide = Guide(task, rate, WORKFLOWS.turn_budget(task, condition))
    weathered = Weathered(WORKFLOWS, task, condition, trial.weather_seed)
    done: list[Execution] = []
    while step := guide.next_step([(call.ok, call.took_effect) for call in done]):
        if _gave_up(done):
            break
        done.append(weathered.call(step.tool, step.arguments))
    return success(done) == "full", WORKFLOWS.ceiling(task, condition)


def _gave_up(done: Sequence[Execution]) -> bool:
    last = [call.ok for call in done[-FAILURES_IN_A_ROW:]]
    return len(last) == FAILURES_IN_A_ROW and not any(last)


def _task_of(request: Request) -> Task:
    task = find_task(request.messages[1].content)
    if task is None:
        raise SystemExit("no task in the prompt: the reference is not found")
    return task


def _said(step: Step | None, request: Request) -> Reply:
    """The call in the request's protocol; that all is done where there is none."""
    rng = Random(request.turn)
    if step is None:
        return agent_wording.done(rng)
    protocol: Protocol = "native" if request.tools else "text"
    return agent_wording.tool_calls((step,), None, rng, protocol=protocol, thinks=False)
