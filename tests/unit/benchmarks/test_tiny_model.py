"""The model of the engine tests, without an engine: where it looks, and what stands there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
import tiny_model as tiny

TASK = "# Task\n\nDo it."
PLAN = TASK + '\n\n# Plan\n\n1. reader {"path":"a"}\n   Read it.\n2. writer {"path":"b"}'
TOOLS = [{"function": {"name": "reader"}}]
READ = {"role": "tool", "content": "reader succeeded."}


def said(*messages: dict[str, Any], tools: Any = None) -> str:
    """What stands where the model looks, up to its end."""
    text: str = jinja2.Template(tiny.template()).render(
        messages=[{"role": "system", "content": "Act."}, *messages],
        tools=tools,
        add_generation_prompt=True,
    )
    tokens = text.replace(tiny.BEGIN, "\1").replace(tiny.END, "\2")
    return tokens[len(tokens) - 1 - tiny.LOOK_BACK :].split("\2")[0]


def test_the_next_step_is_said_in_the_form_of_the_protocol() -> None:
    task = {"role": "user", "content": PLAN}
    assert said(task) == '<tool_call>reader {"path":"a"}</tool_call>'
    native = '<tool_call>\n{"name": "reader", "arguments": {"path":"a"}}\n</tool_call>'
    assert said(task, tools=TOOLS) == native
    assert said(task, READ) == '<tool_call>writer {"path":"b"}</tool_call>'
    assert said(task, READ | {"content": "reader failed."}) == said(task)
    assert said(task, READ, READ) == "TASK COMPLETE"


def test_without_a_plan_the_task_is_said_back() -> None:
    assert said({"role": "user", "content": TASK}) == TASK


@pytest.mark.parametrize("position", [500, 5_000, 32_000])
def test_attention_sees_one_place_alone(position: int) -> None:
    layer = {k.removeprefix("model.layers.0."): v for k, v in tiny.weights().items()}
    query, key = (
        (bias[: tiny.HIDDEN // 2] + 1j * bias[tiny.HIDDEN // 2 :]).astype(complex)
        for bias in (layer["self_attn.q_proj.bias"], layer["self_attn.k_proj.bias"])
    )
    turns = tiny.ROPE_BASE ** (-np.arange(tiny.HIDDEN // 2) / (tiny.HIDDEN // 2))
    distances = np.arange(position)
    scores = (np.exp(1j * np.outer(distances, turns)) @ (query * key.conj())).real
    scores /= np.sqrt(tiny.HIDDEN)
    shares = np.exp(scores - scores.max())
    assert distances[scores.argmax()] == tiny.LOOK_BACK
    assert shares.max() / shares.sum() > 0.999999
