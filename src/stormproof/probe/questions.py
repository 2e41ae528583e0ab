"""The questions of a probe."""

from __future__ import annotations

from typing import Any

from stormproof.domain.calls import Message, Reply, Request

_SEED = 2**31 - 1  # the widest that a run sends
_CITIES = ("Oslo", "Lima")
_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_temperature",
        "description": "The temperature in a city, now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Name of the city"}},
            "required": ["city"],
        },
    },
}
_HELLO = (
    Message("system", "You answer in one word."),
    Message("user", "Which word do sailors use for yes?"),
)
_USE_TOOLS = (
    Message("system", "You use the tools that you have. Call them all at once where you can."),
    Message("user", f"How warm is it in {_CITIES[0]} and in {_CITIES[1]}?"),
)


def hello(model: str) -> Request:
    """A word, asked as a run asks: a system message, a seed."""
    return _request(model, 0, _HELLO)


def with_tools(model: str) -> Request:
    """What takes two tool calls."""
    return _request(model, 1, _USE_TOOLS, (_TOOL,))


def with_results(model: str, reply: Reply) -> Request:
    """The tool calls as they were made, without whatever else came with them, and their results."""
    said = Message("assistant", reply.text, reply.tool_calls)
    results = (Message("tool", "7 °C", tool_call_id=call.id) for call in reply.tool_calls)
    return _request(model, 2, (*_USE_TOOLS, said, *results), (_TOOL,))


def _request(
    model: str, turn: int, messages: tuple[Message, ...], tools: tuple[dict[str, Any], ...] = ()
) -> Request:
    return Request("probe", turn, model, messages, tools, seed=_SEED)
