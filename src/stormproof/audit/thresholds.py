"""Every column of an audit: what it counts, of what, and from which share on it is a flag.

The table of docs/report.md is this one, and a test compares them.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

Verdict = Literal[
    "sound",
    "distorted by infrastructure",
    "distorted by harness",
    "distorted by serving",
    "not usable",
]
Whole = Literal["episodes", "turns", "calls"]  # calls: turns in which something asks for a tool

TOLERATED: Final = 0.05  # share from which a column is a flag
FEWEST_EPISODES: Final = 20  # below it a cell is called short
COLLAPSED_SHARE: Final = 0.5  # of the other prompt types' success, surely below which one collapsed


class Measure(Struct, frozen=True):
    """One column. Where `verdict` is "sound" its flag stands beside a verdict and changes none."""

    column: str
    of: Whole
    flag: str
    verdict: Verdict
    counts: str
    threshold: float = TOLERATED


MEASURES: Final = (
    Measure("infrastructure", "episodes", "infrastructure", "distorted by infrastructure",
            "a call gave no reply, and the episode no score"),
    Measure("suite", "episodes", "suite errors", "distorted by harness",
            "a tool, a goal check or a scorer raised"),
    Measure("lost_first", "episodes", "first call lost", "distorted by harness",
            "the first call that a reader sees was not carried out"),
    Measure("behind_done", "episodes", "call behind done", "distorted by harness",
            "taken as done, with a call in the same message"),
    Measure("calls_lost", "calls", "calls lost", "distorted by harness",
            "something that was asked for was not carried out: any of the next four"),
    Measure("not_executed", "calls", "calls not executed", "distorted by harness",
            "the loose reader sees a call, and none was executed"),
    Measure("left_out", "calls", "calls left out", "distorted by harness",
            "of several calls in a message one was executed, and another was not"),
    Measure("arguments_lost", "calls", "arguments lost", "distorted by harness",
            "executed or refused with no arguments, though some were written"),
    Measure("unread", "calls", "calls unread", "distorted by harness",
            "the runner itself could not read what looked like a call"),
    Measure("blocked", "episodes", "blocked", "distorted by serving",
            "a provider's filter ended it"),
    Measure("body_kept", "turns", "bodies not understood", "distorted by serving",
            "a reply's body was bent, is kept whole, and nothing in it was acted on"),
    Measure("cut_off", "turns", "cut at the length limit", "distorted by serving",
            "a reply ended by `length`"),
    Measure("filtered", "turns", "filtered replies", "distorted by serving",
            "a reply ended by `content_filter`"),
    Measure("empty", "turns", "empty replies", "distorted by serving",
            "a reply without text and without a call"),
    Measure("served_changed", "turns", "served model changed", "distorted by serving",
            "a reply under another name than its endpoint's commonest"),
    Measure("served_another", "turns", "another model served", "distorted by serving",
            "a reply that names another family, size or variant than was asked for"),
    Measure("context_window", "episodes", "context window full", "sound",
            "the conversation no longer fitted the model"),
    Measure("repaired", "calls", "formats repaired", "sound",
            "a call was read by way of a repair, and carried out"),
)  # fmt: skip
