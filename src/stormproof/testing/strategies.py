"""Hypothesis strategies for the domain's records. Every value drawn is one that could occur."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from stormproof.domain.calls import Answer, Message, Reply, Request, ToolCall, Usage
from stormproof.domain.conditions import (
    DIFFICULTIES,
    PROMPT_TYPES,
    PROTOCOLS,
    SEVERITIES,
    TASK_TYPES,
    WEATHER_MODES,
    Condition,
)
from stormproof.domain.episodes import Action, Turn
from stormproof.domain.pool import Endpoint, Limits
from stormproof.domain.tasks import Execution
from stormproof.domain.trials import Trial, make_trial

texts = st.text(st.characters(codec="utf-8"), max_size=200)
names = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789_-."), min_size=1, max_size=24)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
arguments = st.dictionaries(names, json_values, max_size=4)
usages = st.builds(Usage, st.integers(0, 10**6), st.integers(0, 10**6))
tool_calls = st.builds(ToolCall, id=names, name=names, arguments=texts)
replies = st.builds(
    Reply,
    text=texts,
    tool_calls=st.lists(tool_calls, max_size=3).map(tuple),
    reasoning=texts,
    finish_reason=st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    usage=usages,
    served_model=names,
)
answers = st.builds(
    Answer,
    reply=replies,
    endpoint_id=names,
    attempts=st.integers(1, 20),
    queued_ms=st.floats(0, 1e6),
    latency_ms=st.floats(0, 1e6),
    hedged=st.booleans(),
    at=st.floats(0, 2e9),
)
messages = st.builds(
    Message, role=st.sampled_from(["system", "user", "assistant", "tool"]), content=texts
)
executions = st.builds(
    Execution,
    tool=names,
    arguments=arguments,
    ok=st.booleans(),
    error_code=st.none() | st.sampled_from(["TIMEOUT", "INVALID_INPUT"]),
    message=texts,
    probability=st.floats(0.05, 1),
    draw=st.floats(0, 1, exclude_max=True),
)
conditions = st.builds(
    Condition,
    prompt_type=st.sampled_from(PROMPT_TYPES),
    difficulty=st.sampled_from(DIFFICULTIES),
    tool_success_rate=st.floats(0.05, 1),
    protocol=st.sampled_from(PROTOCOLS),
    severity=st.sampled_from(SEVERITIES),
    weather=st.sampled_from(WEATHER_MODES),
    max_turns=st.integers(1, 50),
)
limits = st.builds(
    Limits,
    max_workers=st.none() | st.integers(1, 1000),
    qps=st.none() | st.floats(0.01, 1e4),
    rpm=st.none() | st.floats(0.01, 1e6),
    tpm=st.none() | st.floats(1, 1e9),
)
endpoints = st.builds(
    Endpoint,
    endpoint_id=names,
    number=st.integers(0, 1000),
    model=names,
    provider=names,
    dialect=st.sampled_from(["openai", "azure"]),
    base_url=names.map(lambda name: f"https://{name}.example"),
    deployment=names,
    key=names.map(lambda name: f"env:{name}"),
    limits=limits,
)


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    """A trial whose id and seeds are those of its content."""
    return make_trial(
        suite="1",
        seed=draw(st.integers(0, 2**32)),
        model=draw(names),
        task_id=draw(names),
        task_type=draw(st.sampled_from(TASK_TYPES)),
        condition=draw(conditions),
        replicate=draw(st.integers(0, 100)),
    )


@st.composite
def turns(draw: st.DrawFn, index: int = 0) -> Turn:
    """A turn with any answer; its parts fit its action."""
    action: Action = draw(st.sampled_from(get_args(Action)))
    called = action == "call"
    return Turn(
        index=index,
        answer=draw(answers),
        action=action,
        executions=tuple(draw(st.lists(executions, min_size=1, max_size=3))) if called else (),
        observation=tuple(draw(st.lists(messages, max_size=2))),
        query=draw(texts) if action == "search" else "",
        format_repairs=draw(st.integers(0, 3)),
        format_error=action == "none",
    )


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request whose conversation begins with the system and a user."""
    opening = (Message("system", draw(texts)), Message("user", draw(texts)))
    return Request(
        trial_id=draw(names),
        turn=draw(st.integers(0, 50)),
        model=draw(names),
        messages=(*opening, *draw(st.lists(messages, max_size=6))),
        seed=draw(st.none() | st.integers(0, 2**53 - 1)),
        max_tokens=draw(st.none() | st.integers(1, 100_000)),
    )
