"""Results on disk: nothing acknowledged is lost, nothing is doubled. See docs/format.md."""

from typing import TYPE_CHECKING, Any

from stormproof.store.columns import CONDITION_COLUMNS, EPISODE_COLUMNS, SCORE_COLUMNS
from stormproof.store.comparing import same_records
from stormproof.store.folder import Store, open_store
from stormproof.store.header import (
    FORMAT,
    HEADER_FILE,
    Header,
    append_run,
    read_header,
    read_runs,
)
from stormproof.store.learned import Learned, forget_learned, keep_learned, read_learned
from stormproof.store.merging import SOURCE_SAMPLES, Contradiction, Merged, merge
from stormproof.store.parts import StorageFormat
from stormproof.store.reading import read_episodes
from stormproof.store.repairing import repair

if TYPE_CHECKING:
    from stormproof.store.querying import (
        episode_table,
        query,
        turn_table,
        unfinished_turn_table,
    )

__all__ = [
    "CONDITION_COLUMNS",
    "EPISODE_COLUMNS",
    "FORMAT",
    "HEADER_FILE",
    "SCORE_COLUMNS",
    "SOURCE_SAMPLES",
    "Contradiction",
    "Header",
    "Learned",
    "Merged",
    "StorageFormat",
    "Store",
    "append_run",
    "episode_table",
    "forget_learned",
    "keep_learned",
    "merge",
    "open_store",
    "query",
    "read_episodes",
    "read_header",
    "read_learned",
    "read_runs",
    "repair",
    "same_records",
    "turn_table",
    "unfinished_turn_table",
]


def __getattr__(name: str) -> Any:
    if name in {"episode_table", "query", "turn_table", "unfinished_turn_table"}:
        from stormproof.store import querying  # noqa: PLC0415  pyarrow takes long to import

        return getattr(querying, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
