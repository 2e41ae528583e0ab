"""Results on disk: nothing acknowledged is lost, nothing is doubled. See docs/format.md."""

from windtunnel.store.comparing import same_records
from windtunnel.store.counting import CellCount, status
from windtunnel.store.folder import Store, open_store
from windtunnel.store.header import FORMAT, HEADER_FILE, Header, read_header
from windtunnel.store.parts import StorageFormat
from windtunnel.store.reading import episode_table, query, read_episodes, turn_table
from windtunnel.store.repairing import repair
from windtunnel.store.runs import append_run, read_runs

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
