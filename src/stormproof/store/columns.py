"""Episodes and turns as flat rows: which fields of the records are columns, in which order.

The names and types are those of the records' own fields; only which of them are columns, and
where they stand, is said here. What reports and audits read by name comes from here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from msgspec import Struct

from stormproof.domain.calls import Answer, Reply, Usage
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Score, Turn
from stormproof.domain.trials import Trial
from stormproof.store.record_lines import EpisodeRecord, Totals, TurnRecord, totals_of

RECORD = "record"  # the column of the JSON record, whole: nothing is lost in rows


class _Fields(NamedTuple):
    """Columns that are fields of one part of a record; all null where `part` gives None."""

    struct: type[Struct]
    names: tuple[str, ...]
    part: Callable[[Any], Any]


TRIAL_COLUMNS = tuple(name for name in Trial.__struct_fields__ if name != "condition")
CONDITION_COLUMNS = Condition.__struct_fields__
SCORE_COLUMNS = Score.__struct_fields__

_EPISODE = (
    _Fields(Trial, TRIAL_COLUMNS, attrgetter("episode.trial")),
    _Fields(Condition, CONDITION_COLUMNS, attrgetter("episode.trial.condition")),
    _Fields(Episode, ("outcome", "ending"), attrgetter("episode")),
    _Fields(Score, SCORE_COLUMNS, attrgetter("episode.score")),
    _Fields(Episode, ("ceiling",), attrgetter("episode")),
    _Fields(Totals, Totals.__struct_fields__, attrgetter("totals")),
    _Fields(
        Episode,
        ("started_at", "ended_at", "simulated", "source", "error"),
        attrgetter("episode"),
    ),
)
_TURN = (
    _Fields(TurnRecord, ("trial_id",), lambda record: record),
    _Fields(Turn, ("index", "action"), attrgetter("turn")),
    _Fields(Totals, ("calls", "failed_calls"), lambda record: totals_of((record.turn,))),
    _Fields(Turn, ("format_repairs", "format_error"), attrgetter("turn")),
    _Fields(Reply, ("finish_reason",), attrgetter("turn.answer.reply")),
    _Fields(Usage, Usage.__struct_fields__, attrgetter("turn.answer.reply.usage")),
    _Fields(Answer, ("endpoint_id",), attrgetter("turn.answer")),
    _Fields(Reply, ("served_model",), attrgetter("turn.answer.reply")),
    _Fields(
        Answer, ("attempts", "queued_ms", "latency_ms", "hedged", "at"), attrgetter("turn.answer")
    ),
)


def _columns(groups: Sequence[_Fields]) -> Iterator[tuple[str, type]]:
    for group in groups:
        hints = get_type_hints(group.struct)
        yield from ((name, _kind(hints[name])) for name in group.names)


def _kind(hint: Any) -> type:
    """What a column of this field holds: str, int, float, bool, or tuple for a list of texts."""
    if isinstance(hint, UnionType):  # None stands for what was not recorded: null
        return next(_kind(one) for one in get_args(hint) if one is not NoneType)
    if get_origin(hint) is Literal:
        return type(get_args(hint)[0])
    kind: type = get_origin(hint) or hint
    return kind


EPISODE_COLUMNS: Mapping[str, type] = dict(_columns(_EPISODE))
TURN_COLUMNS: Mapping[str, type] = dict(_columns(_TURN))


def episode_row(record: EpisodeRecord) -> dict[str, Any]:
    """One episode as a row of EPISODE_COLUMNS."""
    return _row(_EPISODE, record)


def turn_row(record: TurnRecord) -> dict[str, Any]:
    """One turn as a row of TURN_COLUMNS."""
    return _row(_TURN, record)


def _row(groups: Sequence[_Fields], record: Struct) -> dict[str, Any]:
    parts = ((group.names, group.part(record)) for group in groups)
    return {name: getattr(part, name, None) for names, part in parts for name in names}
