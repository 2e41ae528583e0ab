"""What one turn shows to a reader who trusts neither the runner nor the server."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from msgspec import Struct
from msgspec.structs import astuple

from stormproof.audit.loose_reader import LooseReader
from stormproof.domain.calls import Reply
from stormproof.domain.episodes import Turn


class TurnSigns(Struct, frozen=True, gc=False):
    """Of one turn each field is true or false; of an episode it counts turns.

    `calls_seen` are turns that ask for a tool; `calls_lost` those of them in which something was
    not carried out as it was written. All others are columns of `measures`.
    """

    calls_seen: int = 0
    calls_lost: int = 0
    not_executed: int = 0
    left_out: int = 0
    arguments_lost: int = 0
    unread: int = 0
    repaired: int = 0
    body_kept: int = 0
    cut_off: int = 0
    filtered: int = 0
    empty: int = 0

    @property
    def nothing_carried_out(self) -> bool:
        """Whether a tool was asked for and none got what was written."""
        return bool(self.calls_lost and (self.not_executed or self.arguments_lost))


def added_up(signs: Iterable[TurnSigns]) -> TurnSigns:
    """The sum, field by field."""
    return TurnSigns(*map(sum, zip(*map(astuple, signs), strict=True)))


def signs_of(
    turn: Turn,
    reader: LooseReader,
    reported: AbstractSet[str] | None = None,
    *,
    own: bool = True,
    goes_on: bool = False,
) -> TurnSigns:
    """Read a turn again.

    `own` is false for another harness's: one execution at most, recorded without its arguments.
    `goes_on` is true where a turn follows: then the episode's end is no reason to leave a call out.
    `reported` is None but for a message that was taken as done: then it holds the tools that had
    succeeded, of which such a message may speak; only a call in markup counts of those.
    """
    reply, executed = turn.answer.reply, bool(turn.executions)
    cut = reply.finish_reason == "length"  # what was cut within a call is no fault of reading
    seen = executed or (not cut and _asks(turn, reader, reported))
    unread = turn.unread > 0 and not cut and not _is_bare(reply, reader)
    missed = seen and not executed
    emptied = executed and own and not cut and _emptied(turn, reader)
    left_out = executed and own and goes_on and _leaves_out(turn, reader)
    return TurnSigns(
        calls_seen=seen or unread,
        calls_lost=missed or left_out or emptied or unread,
        not_executed=missed,
        left_out=left_out,
        arguments_lost=emptied,
        unread=unread,
        repaired=turn.format_repairs > 0 and executed,
        body_kept=bool(reply.raw) and turn.action == "none",
        cut_off=cut,
        filtered=reply.finish_reason == "content_filter",
        empty=not (executed or reply.text.strip() or reply.tool_calls),
    )


def _asks(turn: Turn, reader: LooseReader, reported: AbstractSet[str] | None) -> bool:
    """Whether a turn that executed nothing asks for a tool all the same."""
    reply = turn.answer.reply
    if reply.tool_calls:
        named = any(reader.tool(call.name) for call in reply.tool_calls)
        return named or turn.action == "none"
    seen = reader.sees(_said(reply, acted_on=turn.action != "none"))
    return bool(seen.tools if reported is None else seen.tagged | (seen.beside - reported))


def _leaves_out(turn: Turn, reader: LooseReader) -> bool:
    """Whether a call was left out beside those that were executed.

    Native calls are counted, one for each id; in a text another tool must stand in a call's markup.
    """
    reply = turn.answer.reply
    if reply.tool_calls:
        calls = {c.id or c.name + c.arguments for c in reply.tool_calls if reader.tool(c.name)}
        return len(calls) > len(turn.executions)
    executed = {reader.tool(execution.tool) for execution in turn.executions}
    return not reader.sees_tagged(reply.text) <= executed


def _said(reply: Reply, *, acted_on: bool) -> str:
    """A reply's text; where nothing was acted on, all else that may hold its answer too."""
    if acted_on:
        return reply.text or reply.reasoning
    raw = reply.raw.replace("\\n", "\n").replace('\\"', '"')
    return f"{reply.text}\n\n{raw}" if raw else reply.text or reply.reasoning


def _emptied(turn: Turn, reader: LooseReader) -> bool:
    """Whether a tool was given no arguments though the reply has some for it."""
    bare = {execution.tool for execution in turn.executions if not execution.arguments}
    if not bare:
        return False
    reply = turn.answer.reply
    if reply.tool_calls:
        given = {reader.tool(c.name) for c in reply.tool_calls if _is_given(c.arguments)}
    else:
        given = {*reader.gives_arguments_to(reply.text)}
    return not bare.isdisjoint(given)


def _is_bare(reply: Reply, reader: LooseReader) -> bool:
    """Whether a reply's native calls name tools and hold nothing more: no reader could lose it."""
    calls = reply.tool_calls
    return bool(calls) and all(reader.tool(c.name) and not _is_given(c.arguments) for c in calls)


def _is_given(arguments: str) -> bool:
    """Whether a native call's text holds anything beside brackets."""
    inside = arguments.strip().removeprefix("```json").strip(" \t\r\n{}[]()\"'`;,")
    return any(c.isalnum() for c in inside) and inside not in {"null", "None"}
