"""The catalogue as a model may know it: computed once, shared by all episodes."""

from __future__ import annotations

import functools
from typing import Any

from stormproof.domain.tasks import ToolSpec
from stormproof.episode.names import Vocabulary
from stormproof.suites.workflows import WORKFLOWS


@functools.cache
def catalogue_vocabulary() -> Vocabulary:
    """The names of all catalogue tools, with their parameters."""
    return Vocabulary({name: spec.parameters for name, spec in WORKFLOWS.tools.items()})


@functools.cache
def function_schemas() -> tuple[dict[str, Any], ...]:
    """All catalogue tools as the `tools` of an OpenAI chat-completions request."""
    return tuple(_function(spec) for spec in WORKFLOWS.tools.values())


def specification(name: str) -> ToolSpec:
    """What a model may know of a catalogue tool."""
    return WORKFLOWS.tools[name]


def _function(spec: ToolSpec) -> dict[str, Any]:
    described = {
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.parameters,
    }
    return {"type": "function", "function": described}
