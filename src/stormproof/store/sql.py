"""SQL over a folder. Parquet parts are read where they lie, and only the columns asked for."""

from __future__ import annotations

import duckdb
import pyarrow as pa
from pyarrow import dataset

from stormproof.errors import StoreError
from stormproof.store.columns import EPISODE_COLUMNS, RECORD, TURN_COLUMNS
from stormproof.store.parts import EPISODES, TURNS, checked
from stormproof.store.reading import Snapshot, Standing
from stormproof.store.tables import table

_TEXT = "json_extract_string(record, '$.turn.answer.reply.text') as text"


def query(view: Snapshot, sql: str) -> pa.Table:
    """Run SQL over `episodes` and `turns`. Raises StoreError with DuckDB's own words."""
    sealed = [*view.sealed()]
    with duckdb.connect() as connection:
        _register(connection, view, EPISODES, EPISODE_COLUMNS.append(RECORD), sealed)
        _register(connection, view, TURNS, TURN_COLUMNS.append(RECORD), sealed)
        try:
            relation = connection.sql(sql)
            found: pa.Table = relation.to_arrow_table() if relation else pa.table({})
        except duckdb.Error as error:
            raise StoreError(
                f"the query cannot be run: {error}",
                hint="the columns of episodes and turns are in docs/format.md",
            ) from None
    return found


def _register(
    connection: duckdb.DuckDBPyConnection,
    view: Snapshot,
    kind: str,
    columns: pa.Schema,
    sealed: list[Standing],
) -> None:
    lying = [s.part for s in sealed if s.is_whole and s.part.form == "parquet"]
    other = [s for s in sealed if s.part not in lying]
    paths = [checked(p, p.episodes if kind == EPISODES else p.turns) for p in lying]
    connection.register(f"{kind}_lying", dataset.dataset([*map(str, paths)], columns))
    connection.register(f"{kind}_other", table(view, kind, columns, other))
    more = f", {_TEXT}" if kind == TURNS else ""
    connection.execute(
        f"create view {kind} as select *{more} "  # noqa: S608  no name here comes from outside
        f"from (select * from {kind}_lying union all select * from {kind}_other)"
    )
