"""All that a report's files are made from, computed once."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from stormproof.report.audited import audit_tables
from stormproof.report.columns import marked, simulated_models
from stormproof.report.drawing import can_draw
from stormproof.report.facts import endpoints
from stormproof.report.side_by_side import compared_tables
from stormproof.report.source import Results, open_results
from stormproof.report.table import Table
from stormproof.report.tables import all_tables

if TYPE_CHECKING:
    from stormproof.report.charts import Chart


class Material:
    """A results folder with its tables and, when asked for, its charts."""

    def __init__(self, results: Results, tables: tuple[Table, ...]) -> None:
        self.results = results
        self.tables = tables

    @functools.cached_property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart that has data, and those of the run itself; none without their extra."""
        if not can_draw():
            return ()
        from stormproof.report.charts import charts_of  # noqa: PLC0415  altair takes 300 ms
        from stormproof.report.telemetry import run_charts  # noqa: PLC0415  likewise

        return (*charts_of(self.tables), *run_charts(self.results.folder))


def gather(folder: Path, compare: Path | None = None) -> Material:
    """Read a results folder (and a second to set beside it) and make its tables."""
    from stormproof.audit import audit_table  # noqa: PLC0415  it brings the suite with it

    results = open_results(folder)
    audit = audit_table(folder, results.table)
    judged = {group.name["model"]: group.verdict for group in audit.models}
    simulated = simulated_models(results.frame)
    others = [*audit_tables(audit), endpoints(results)]
    if compare is not None:
        second = open_results(compare)
        simulated |= simulated_models(second.frame)
        others = [*compared_tables(results, second), *others]
    tables = [*all_tables(results.frame, judged), *(marked(table, simulated) for table in others)]
    return Material(results, tuple(table for table in tables if table.rows))
