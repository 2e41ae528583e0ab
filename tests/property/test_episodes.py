"""Any replies make a well-formed episode, the same one wherever it was broken off, and storable."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import anyio
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stormproof.domain.calls import Reply, Request, ToolCall, Usage
from stormproof.domain.conditions import PROTOCOLS, Condition
from stormproof.domain.episodes import FAILURES_IN_A_ROW, Episode, Turn
from stormproof.domain.tasks import Task
from stormproof.domain.trials import Trial
from stormproof.episode import run_episode
from stormproof.errors import AuthFailed, CallError, RateLimited, RequestRejected, TransientFailure
from stormproof.store import Header, open_store, read_episodes
from stormproof.suites.workflows.tasks import load_task
from stormproof.suites.workflows.tools import CATALOGUE
from stormproof.testing import ScriptedModel
from stormproof.testing.models import Line
from stormproof.testing.records import a_trial

TASKS = [load_task(f"data_pipeline.easy.{n:05d}") for n in range(3)]
NAMES = sorted({name for task in TASKS for name in task.required_tools} | set(CATALOGUE))[:12]
ERRORS: list[CallError] = [
    RateLimited("refused"), TransientFailure("reset"), RequestRejected("400"), AuthFailed("401")
]  # fmt: skip

SOLUTIONS = [step for task in TASKS for step in task.solution]
arguments = st.sampled_from([json.dumps(step.arguments) for step in SOLUTIONS]) | st.sampled_from(
    ["", "{}", '{"path": 1}', '{"x": NaN}', '{"count": 1e999}', "[1]", "{", '"{}"', "null",
     '{"a":' * 120 + "1" + "}" * 120, '{"path": "\\ud83d"}', '{"path": "\\u0000"}',
     '{"count": ' + "9" * 30 + "}"]
)  # fmt: skip
tools = st.sampled_from([step.tool for step in SOLUTIONS]) | st.sampled_from(
    [*NAMES, "reader", "no_such_tool", "tool_name", "", "tool_search", "tool_info", "done"]
)
correct = st.sampled_from(SOLUTIONS).map(
    lambda step: f"<tool_call>{step.tool} {json.dumps(step.arguments)}</tool_call>"
)
written = st.builds("<tool_call>{} {}</tool_call>".format, tools, arguments)
texts = st.sampled_from(
    ["TASK COMPLETE", "", "Let me think.", "<tool_search>read</tool_search>", "<done/>",
     "<tool_info>file_operations_reader</tool_info>", "\ud83d", "\0", "<think>", "<tool_call>"]
)  # fmt: skip
said = st.lists(correct | written | texts, min_size=1, max_size=4).map("\n".join)
native_calls = st.lists(
    st.builds(ToolCall, st.sampled_from(["a", "b", ""]), tools, arguments), max_size=4
).map(tuple)
replies = st.builds(
    Reply,
    text=said,
    tool_calls=st.just(()) | native_calls,
    reasoning=st.just("") | said,
    finish_reason=st.sampled_from(["stop", "length", "tool_calls"]),
    simulated=st.booleans(),
)
scripts = st.lists(replies | correct | st.just("TASK COMPLETE"), min_size=1, max_size=12)
conditions = st.builds(
    Condition,
    prompt_type=st.sampled_from(["baseline", "optimal", "flawed_missing_step"]),
    difficulty=st.just("easy"),
    tool_success_rate=st.sampled_from([0.05, 0.5, 0.9, 1.0]),
    protocol=st.sampled_from(PROTOCOLS),
    weather=st.sampled_from(["before", "ambiguous"]),
    max_turns=st.integers(1, 10),
)
numbers = st.integers(0, len(TASKS) - 1)


def run(
    script: list[Line], task: Task, trial: Trial, journalled: tuple[Turn, ...] = ()
) -> tuple[Episode, list[Request], list[Turn]]:
    """The episode, what the model was asked, and what was journalled."""
    model, heard = ScriptedModel(script), list[Turn]()

    async def on_turn(turn: Turn) -> None:
        heard.append(turn)

    async def ran() -> Episode:
        return await run_episode(trial, task, model, journalled=journalled, on_turn=on_turn)

    return anyio.run(ran), model.asked, heard


@settings(max_examples=150, deadline=None)
@given(scripts, conditions, numbers)
def test_any_replies_make_a_well_formed_episode(
    script: list[Line], condition: Condition, number: int
) -> None:
    trial, task = a_trial(number, condition=condition), TASKS[number]
    episode, asked, heard = run(script, task, trial)
    turns, calls = episode.turns, episode.executions
    assert [turn.index for turn in turns] == list(range(len(turns)))
    assert [request.turn for request in asked] == [turn.index for turn in turns]
    assert heard == list(turns)
    spent = sum(max(1, len(turn.executions)) for turn in turns)
    assert spent <= condition.max_turns
    assert episode.outcome == "completed"
    assert episode.score is not None
    assert episode.ceiling is not None
    assert 0 <= episode.ceiling <= 1
    assert episode.simulated == any(turn.answer.reply.simulated for turn in turns)
    for turn in turns[:-1]:
        assert turn.observation
        assert turn.action != "done"
        assert all(message.content for message in turn.observation)
    assert turns[-1].observation == ()
    for turn in turns:
        assert turn.format_error == (turn.action == "none" and not turn.unread)
        assert bool(turn.executions) == (turn.action == "call")
    match episode.ending:
        case "done":
            assert turns[-1].action == "done"
        case "max_turns":
            assert spent == condition.max_turns
        case "failures":
            assert not any(call.ok for call in calls[-FAILURES_IN_A_ROW:])
        case "repetition":
            assert all(c.ok and c.tool == calls[-1].tool for c in calls[-5:])
            assert all(c.arguments == calls[-1].arguments for c in calls[-5:])
        case other:
            pytest.fail(other)
    for at in range(FAILURES_IN_A_ROW, len(calls)):  # no call comes after an end
        assert any(call.ok for call in calls[at - FAILURES_IN_A_ROW : at])
    for at in range(5, len(calls)):
        before = calls[at - 5 : at]
        assert not all(
            c.ok and (c.tool, c.arguments) == (before[0].tool, before[0].arguments) for c in before
        )


@settings(max_examples=40, deadline=None)
@given(scripts, conditions, numbers)
def test_broken_off_anywhere_it_goes_on_to_the_same_record(
    script: list[Line], condition: Condition, number: int
) -> None:
    trial, task = a_trial(number, condition=condition), TASKS[number]
    whole, _, _ = run(script, task, trial)
    for known in range(len(whole.turns) + 1):
        episode, asked, heard = run(script, task, trial, whole.turns[:known])
        assert episode == whole
        assert heard == list(whole.turns[known:])
        assert [request.turn for request in asked] == [turn.index for turn in heard]


@settings(max_examples=40, deadline=None)
@given(scripts, conditions, st.integers(0, 11), st.sampled_from(ERRORS))
def test_a_call_without_reply_is_never_scored(
    script: list[Line], condition: Condition, at: int, error: CallError
) -> None:
    trial = a_trial(condition=condition)
    whole, _, _ = run(script, TASKS[0], trial)
    broken, _, _ = run([*script[:at], *script[-1:] * (at - len(script)), error], TASKS[0], trial)
    if at >= len(whole.turns):
        assert broken == whole
        return
    assert (broken.outcome, broken.ending) == ("infrastructure", "infrastructure")
    assert (broken.score, broken.ceiling) == (None, None)
    assert broken.error == error.message
    assert broken.turns == whole.turns[:at]


MOST = 1_500
nasty = st.one_of(
    st.integers(0, MOST).map(lambda n: '{"a":' * n + "1" + "}" * n),
    st.integers(0, MOST).map(lambda n: '{"a":' + "[" * n + "]" * n + "}"),
    st.integers(1, 5_000).map(lambda n: '{"a":' + "9" * n + "}"),
    st.recursive(
        st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
    ).map(lambda value: json.dumps({"path": value, "a": [value]})),
    st.text(max_size=40),
)
forms = st.sampled_from(
    [
        "<tool_call>file_operations_reader {}</tool_call>",
        '<tool_call>{{"name": "file_operations_reader", "arguments": {}}}</tool_call>',
        '<tool_call>{{"tool_calls": [{}]}}',
        "<tool_call>file_operations_reader(path={})",
        "<tool_call name='file_operations_reader' arguments={}>",
        "Action: file_operations_reader\nAction Input: {}",
        "<tool_search>{}</tool_search>",
        "{}",
    ]
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(forms, nasty, st.booleans()), min_size=1, max_size=3))
@example([('<tool_call>{{"tool_calls": [{}]}}', '{"tool_calls":[' * 400 + "]}" * 400, False)])
@example([("{}", '{"a":' * 960 + "1" + "}" * 960, True)])
def test_whatever_a_model_writes_can_be_stored_and_read_again(
    lines: list[tuple[str, str, bool]],
) -> None:
    script: list[Line] = [
        Reply("", tool_calls=(ToolCall("1", "file_operations_reader", arguments),))
        if is_native
        else Reply(form.format(arguments), usage=Usage(1, 1))
        for form, arguments, is_native in lines
    ]
    trial = a_trial(condition=Condition("baseline", "easy", 1.0))
    model = ScriptedModel([*script, "TASK COMPLETE"])

    async def stored(folder: Path) -> Episode:
        async with open_store(folder, Header(suite="1", seed=0)) as store:

            async def on_turn(turn: Turn) -> None:
                await store.turn(trial.trial_id, turn)

            episode = await run_episode(trial, TASKS[0], model, on_turn=on_turn)
            assert store.journalled(trial.trial_id) == episode.turns
            await store.episode(episode)
        return episode

    with tempfile.TemporaryDirectory() as folder:
        episode = anyio.run(stored, Path(folder))
        [read] = read_episodes(Path(folder))
    assert msgspec.structs.replace(read, turns=()) == msgspec.structs.replace(episode, turns=())
    assert read.turns == episode.turns
    told = {call.error_code for call in episode.executions if not call.ok}
    assert told <= {"INVALID_INPUT", "FILE_NOT_FOUND"}
