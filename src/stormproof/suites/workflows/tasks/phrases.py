"""What is wanted, in words: the texts of `phrases.toml`."""

from __future__ import annotations

import functools
from importlib.resources import files

import msgspec
from msgspec import Struct


class Phrases(Struct, frozen=True, forbid_unknown_fields=True):
    """An archetype's texts: `goal` for medium and hard, `story` for very_hard."""

    goal: tuple[str, ...]
    story: tuple[str, ...]


@functools.cache
def phrases() -> dict[str, Phrases]:
    """Archetype's name → its texts."""
    text = files(__package__).joinpath("phrases.toml").read_bytes()
    return msgspec.toml.decode(text, type=dict[str, Phrases])
