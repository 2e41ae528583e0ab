"""Results on disk: nothing acknowledged is lost, nothing is doubled. See docs/format.md."""

from stormproof.store.comparing import same_records
from stormproof.store.counting import CellCount, status
from stormproof.store.folder import Store, open_store
from stormproof.store.header import FORMAT, HEADER_FILE, Header, read_header
from stormproof.store.parts import StorageFormat
from stormproof.store.reading import episode_table, query, read_episodes, turn_table
from stormproof.store.repairing import repair
from stormproof.store.runs import append_run, read_runs

__all__ = [
    "FORMAT",
    "HEADER_FILE",
    "CellCount",
    "Header",
    "StorageFormat",
    "Store",
    "append_run",
    "episode_table",
    "open_store",
    "query",
    "read_episodes",
    "read_header",
    "read_runs",
    "repair",
    "same_records",
    "status",
    "turn_table",
]
