from __future__ import annotations

import hashlib
import statistics
from collections.abc import Mapping

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormproof.domain.calls import Message, Reply, Request
from stormproof.domain.conditions import PROMPT_TYPES, TASK_TYPES, Condition, Difficulty, Protocol
from stormproof.domain.episodes import Episode
from stormproof.domain.tasks import Step, Task
from stormproof.domain.trials import make_trial
from stormproof.emulator.agent_decisions import (
    Agents,
    SeenResult,
    opening_of,
    plan_in,
    position,
    tool_results,
)
from stormproof.emulator.agent_skills import PERFECT, SKILLS, Habit, Skill, skill_at
from stormproof.episode import function_schemas, run_episode
from stormproof.suites.workflows.prompts import opening, shown_plan, without_findings
from stormproof.suites.workflows.tasks import find_task, load_task
from stormproof.testing import asking
from stormproof.testing.strategies import requests

TASK = load_task("data_pipeline.easy.00006")
PLAN = (Step("network_fetcher"), Step("data_processing_parser"), Step("network_poster"))
BASELINE = Condition("baseline", "easy", 0.8)


def request(model: str = "perfect", *said: Message, turn: int = 0, native: bool = False) -> Request:
    protocol: Protocol = "native" if native else "text"
    first = opening(TASK, Condition("baseline", "easy", 0.8, protocol=protocol))
    return Request(
        "t", turn, model, (*first, *said), tools=function_schemas() if native else (), seed=1
    )


def wording_of(step: Step) -> str:
    return f"{step.tool} {msgspec.json.encode(step.arguments).decode()}"


def succeeded(step: Step) -> tuple[Message, Message]:
    tool_call = Message("assistant", f"<tool_call>{step.tool}</tool_call>")
    return tool_call, Message("user", f"{step.tool} succeeded. Its result is stored as x.\n[]")


def failed(step: Step) -> tuple[Message, Message]:
    tool_call = Message("assistant", f"<tool_call>{step.tool}</tool_call>")
    return tool_call, Message("user", f"{step.tool} failed. TIMEOUT: No answer.")


def played(
    models: Mapping[str, Skill], model: str, condition: Condition, count: int = 8, seed: int = 0
) -> list[Episode]:
    agents = Agents(find_task, seed=seed, skills=models)

    async def go() -> list[Episode]:
        episodes = []
        for task_type in TASK_TYPES:
            for number in range(count):
                task = load_task(f"{task_type}.{condition.difficulty}.{number:05d}")
                trial = make_trial(
                    suite="1",
                    seed=0,
                    model=model,
                    task_id=task.task_id,
                    task_type=task_type,
                    condition=condition,
                )
                episodes.append(await run_episode(trial, task, asking(agents), simulated=True))
        return episodes

    return anyio.run(go)


def weighted(episodes: list[Episode]) -> float:
    worth = {"full": 1.0, "partial": 0.5, "failed": 0.0}
    return statistics.fmean(worth[e.score.success] for e in episodes if e.score)


# --- one reply -----------------------------------------------------------------------------


def test_it_makes_the_step_that_is_due_tries_a_failed_one_again_and_says_when_it_is_done() -> None:
    agents = Agents(find_task)
    first, second = TASK.solution[:2]
    assert f"<tool_call>{first.tool} " in agents(request()).text
    assert f"<tool_call>{second.tool} " in agents(request("perfect", *succeeded(first))).text
    after_failure = (*succeeded(first), *failed(second), *failed(second))
    assert f"<tool_call>{second.tool} " in agents(request("perfect", *after_failure)).text
    everything = [m for step in TASK.solution for m in succeeded(step)]
    last = agents(request("perfect", *everything)).text
    assert "<tool_call>" not in last
    assert "complete" in last.lower()


def test_a_reply_depends_on_seed_model_and_conversation_alone() -> None:
    conversations = [
        request(model, *[m for step in TASK.solution[:n] for m in succeeded(step)])
        for model in ("qwen2.5-3b-instruct", "gpt-4o-mini")
        for n in range(4)
    ]
    forwards, backwards = Agents(find_task, seed=5), Agents(find_task, seed=5)
    one = [forwards(r) for r in conversations]
    other = [backwards(r) for r in reversed(conversations)][::-1]
    elsewhere = [
        Agents(find_task, seed=5)(Request("other", 9, r.model, r.messages, seed=1))
        for r in conversations
    ]
    assert one == other == elsewhere
    assert one != [Agents(find_task, seed=6)(r) for r in conversations]


def test_with_the_native_protocol_it_calls_natively() -> None:
    reply = Agents(find_task)(request(native=True))
    assert [c.name for c in reply.tool_calls] == [TASK.solution[0].tool]
    assert reply.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("habit", "mark"),
    [
        ("unclosed", "<tool_call>"),
        ("hermes", '{"name":'),
        ("keywords", "("),
        ("brackets", "```json"),
        ("near_name", "-"),
        ("alone", "</tool_call>"),
    ],
)
def test_habits_show_and_a_lenient_reader_still_understands_most(habit: Habit, mark: str) -> None:
    sloppy = {"m": Skill(1, 1, 1, 1, 1, form=0.0, persistence=1, habit=habit)}
    assert mark in Agents(find_task, skills=sloppy)(request("m")).text
    episodes = played(sloppy, "m", Condition("optimal", "easy", 1.0), count=3)
    turns = [turn for episode in episodes for turn in episode.turns]
    assert sum(turn.action != "none" for turn in turns) / len(turns) > 0.8
    if habit != "alone":
        assert any(turn.format_repairs for turn in turns)


def test_someone_without_skill_rambles_stops_early_and_falls_silent() -> None:
    silent = {"m": Skill(1, 1, 1, 0.7, 0.3, 1, 1)}
    episodes = played(silent, "m", BASELINE, count=6)
    texts = [turn.answer.reply.text for e in episodes for turn in e.turns]
    assert any(turn.action == "none" for e in episodes for turn in e.turns)
    assert any(not text.strip() for text in texts)
    assert any(e.ending == "done" and len(e.executions) == 0 for e in episodes)


def test_what_it_does_not_know_it_talks_about() -> None:
    unknown = Request("t", 0, "gpt", (Message("user", "Tell me about trains."),))
    reply = Agents(find_task)(unknown)
    assert isinstance(reply, Reply)
    assert "<tool_call>" not in reply.text


@given(requests())
def test_no_conversation_breaks_it(asked: Request) -> None:
    assert Agents(find_task)(asked).finish_reason


@given(st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=5, max_size=40))
def test_a_made_up_reference_is_no_task(number: str) -> None:
    asked = Request("t", 0, "m", (Message("user", f"Ref. ABC-{number} and so on."),))
    assert "<tool_call>" not in Agents(find_task)(asked).text


# --- whole episodes ------------------------------------------------------------------------


def test_the_perfect_agent_is_never_better_than_the_ceiling_and_mostly_reaches_its_goal() -> None:
    for prompt_type in ("baseline", "flawed_missing_step"):
        episodes = played({"p": PERFECT}, "p", Condition(prompt_type, "easy", 0.8), count=12)
        full = [e.score is not None and e.score.success == "full" for e in episodes]
        ceilings = [e.ceiling or 0.0 for e in episodes]
        spread = sum(c * (1 - c) for c in ceilings) ** 0.5
        assert sum(full) <= sum(ceilings) + 2.6 * spread
        assert sum(full) > 0.6 * len(full)


def test_more_skill_does_better_and_only_insight_withstands_a_flawed_plan() -> None:
    ranks = {name: skill_at(level) for name, level in (("low", 0.1), ("mid", 0.6), ("high", 1.0))}

    def worth(prompt_type: str) -> list[float]:
        condition = Condition(prompt_type, "easy", 0.9)
        return [weighted(played(ranks, model, condition, count=20)) for model in ranks]

    plain, flawed = worth("optimal"), worth("flawed_missing_step")
    assert plain == sorted(plain)
    assert plain[2] > plain[0] + 0.2
    assert flawed[0] < plain[0] - 0.1
    assert flawed[2] > flawed[0] + 0.2


def test_harder_tasks_are_known_less_often_and_reasoning_helps() -> None:
    middling = {"m": Skill(0.6, 0, 1, 1, 1, 1, 1)}

    def known(difficulty: Difficulty, words: str) -> float:
        """The share of readings after which the first call is the right one."""
        task = msgspec.structs.replace(TASK, difficulty=difficulty, solution=TASK.solution[:1])
        agents = Agents(lambda _: task, skills=middling)
        right = f"<tool_call>{wording_of(task.solution[0])}</tool_call>"
        asked = (Request("t", 0, "m", (Message("user", f"{words} {n}"),)) for n in range(1500))
        return statistics.fmean(right in agents(r).text for r in asked)

    assert known("very_easy", "Do") == pytest.approx(0.6**0.7, abs=0.05)
    assert known("very_hard", "Do") == pytest.approx(0.6**3.0, abs=0.05)
    assert known("very_hard", "Think step by step. Do") == pytest.approx(0.6**2.4, abs=0.05)


def test_format_trouble_is_rare_with_the_best_and_dominates_only_with_small_models() -> None:
    def trouble(model: str) -> float:
        episodes = played(SKILLS, model, Condition("optimal", "easy", 0.8), count=5)
        turns = [turn for episode in episodes for turn in episode.turns]
        return sum(turn.format_error + turn.format_repairs for turn in turns) / len(turns)

    assert trouble("DeepSeek-V3-0324") < 0.1
    assert trouble("qwen2.5-72b-instruct") < 0.35
    assert trouble("qwen2.5-32b-instruct") < 0.35
    assert trouble("qwen2.5-7b-instruct") > 0.4


# --- what it reads ---------------------------------------------------------------------------


@pytest.mark.parametrize("prompt_type", PROMPT_TYPES)
def test_the_plan_that_a_prompt_shows_is_read_as_it_was_meant(prompt_type: str) -> None:
    for number in range(10):
        task = load_task(f"multi_stage_pipeline.easy.{number:05d}")
        condition = Condition(prompt_type, "easy", 0.8)
        read = plan_in(opening_of(opening(task, condition)))
        meant = [(s.tool, without_findings(s)) for s in shown_plan(task, condition)]
        assert [(s.tool, s.arguments) for s in read] == meant


def test_no_plan_is_read_where_none_is() -> None:
    assert plan_in("1. First think.\n2. Then act {not json}.") == ()
    assert plan_in("1. network_fetcher {broken") == (Step("network_fetcher"),)


def test_tool_results_are_read_where_the_harness_tells_them() -> None:
    messages = [
        Message("user", "network_fetcher succeeded. Its result is stored as a.\n{}"),
        Message("assistant", "network_poster failed. I think."),
        Message("tool", "data_processing_parser failed. TIMEOUT: No answer.\n\nx succeeded."),
    ]
    assert tool_results(messages) == [
        SeenResult("network_fetcher", ok=True),
        SeenResult("data_processing_parser", ok=False),
        SeenResult("x", ok=True),
    ]


@pytest.mark.parametrize(
    ("results", "tries", "at"),
    [
        ("", 3, 0),
        ("f+", 3, 1),
        ("f+ p+ o+", 3, 3),
        ("f- f- f+", 3, 1),
        ("f- f- f-", 3, 1),
        ("f- f+ p-", 2, 1),
        ("p+ o+", 3, 0),
        ("f+ p+ o+ f+", 3, 3),
    ],
)
def test_where_one_stands_in_a_plan(results: str, tries: int, at: int) -> None:
    tools = {"f": PLAN[0].tool, "p": PLAN[1].tool, "o": PLAN[2].tool}
    seen = [SeenResult(tools[r[0]], ok=r[1] == "+") for r in results.split()]
    assert position(PLAN, seen, tries) == at


# --- the same records ----------------------------------------------------------------------


def test_what_agents_say_with_a_seed_stays_what_it_was() -> None:
    # Of every model, with its mistakes: who changes this changes every simulated record.
    task = Task(
        task_id="pinned",
        task_type="simple_task",
        difficulty="hard",
        description="Bring the figures of every quarter into one table.",
        required_tools=tuple(step.tool for step in PLAN),
        solution=tuple(Step(step.tool, {"source": "a.csv", "limit": 3}) for step in PLAN),
        checks=(),
    )
    agents = Agents(lambda _: task, seed=0)
    told = [m for step in PLAN[:2] for m in (*failed(step), *succeeded(step))]
    digest = hashlib.blake2b(digest_size=8)
    for model in SKILLS:
        for number in range(40):
            first = (Message("user", f"{number}: do it step by step."), *told[: number % 5 * 2])
            reply = agents(Request("t", 0, model, first, seed=number))
            digest.update(msgspec.json.encode((reply.text, reply.tool_calls)))
    assert digest.hexdigest() == "509e951c446f2e2d"
