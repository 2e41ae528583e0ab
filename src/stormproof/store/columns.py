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
from stormproof.store.record_lines import EpisodeRecord, Totals, TurnRecord

RECORD = "record"  # the column of the JSON record, whole: nothing is lost in rows


class _Fields(NamedTuple):
    """Columns that are fields of one part of a record, which stands at a dotted path in it."""

    struct: type[Struct]
    path: str
    names: tuple[str, ...]


TRIAL_COLUMNS = tuple(name for name in Trial.__struct_fields__ if name != "condition")
CONDITION_COLUMNS = Condition.__struct_fields__
SCORE_COLUMNS = Score.__struct_fields__
# Not in the first version's parts, so they stand last.
_LATER = ("cut_off", "unread")
_LATER_SCORES = ("progress", "collateral", "flaw_noticed", "flaw_recovered", "flaw_followed")
_FIRST_SCORES = tuple(name for name in SCORE_COLUMNS if name not in _LATER_SCORES)
_SUMS = tuple(name for name in Totals.__struct_fields__ if name not in _LATER)

_EPISODE = (
    _Fields(Trial, "episode.trial.", TRIAL_COLUMNS),
    _Fields(Condition, "episode.trial.condition.", CONDITION_COLUMNS),
    _Fields(Episode, "episode.", ("outcome", "ending")),
    _Fields(Score, "episode.score.", _FIRST_SCORES),
    _Fields(Episode, "episode.", ("ceiling",)),
    _Fields(Totals, "totals.", _SUMS),
    _Fields(Episode, "episode.", ("started_at", "ended_at", "simulated", "source", "error")),
    _Fields(Totals, "totals.", _LATER),
    _Fields(Score, "episode.score.", _LATER_SCORES),
)
_ANSWER = ("attempts", "queued_ms", "latency_ms", "hedged", "at")
_TURN = (
    _Fields(TurnRecord, "", ("trial_id",)),
    _Fields(Turn, "turn.", ("index", "action")),
    _Fields(Totals, "", ("calls", "failed_calls")),  # of this one turn: counted, not stored
    _Fields(Turn, "turn.", ("format_repairs", "format_error")),
    _Fields(Reply, "turn.answer.reply.", ("finish_reason",)),
    _Fields(Usage, "turn.answer.reply.usage.", ("prompt_tokens", "completion_tokens")),
    _Fields(Answer, "turn.answer.", ("endpoint_id",)),
    _Fields(Reply, "turn.answer.reply.", ("served_model",)),
    _Fields(Answer, "turn.answer.", _ANSWER),
    _Fields(Turn, "turn.", ("unread",)),
    _Fields(Usage, "turn.answer.reply.usage.", ("cached_tokens",)),
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


def _reader(groups: Sequence[_Fields], without: type[Struct]) -> Callable[[Struct], dict[str, Any]]:
    """What reads all columns of a record but those of one struct. One look, in C: it seals."""
    stored = [group for group in groups if group.struct is not without]
    names = [name for group in stored for name in group.names]
    read = attrgetter(*(group.path + name for group in stored for name in group.names))
    return lambda record: dict(zip(names, read(record), strict=True))


_read_episode, _read_turn = _reader(_EPISODE, Score), _reader(_TURN, Totals)
_read_score = attrgetter(*SCORE_COLUMNS)
_UNSCORED = (None,) * len(SCORE_COLUMNS)


def episode_row(record: EpisodeRecord) -> dict[str, Any]:
    """One episode as a row of EPISODE_COLUMNS; those of the score are None without one."""
    score = record.episode.score
    values = _UNSCORED if score is None else _read_score(score)
    return _read_episode(record) | dict(zip(SCORE_COLUMNS, values, strict=True))


def turn_row(record: TurnRecord) -> dict[str, Any]:
    """One turn as a row of TURN_COLUMNS."""
    executions = record.turn.executions
    failed = sum(not execution.ok for execution in executions)
    return _read_turn(record) | {"calls": len(executions), "failed_calls": failed}
