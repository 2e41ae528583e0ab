"""What a report holds, in reading order: its tables, its charts, and the sections of its page."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from stormproof.audit import audit_results
from stormproof.report.audit_tables import audit_tables
from stormproof.report.chart_drawing import CHARTS_NEED, can_draw
from stormproof.report.completeness import completeness, missing
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.headings import marked, simulated_models
from stormproof.report.paired_comparisons import (
    flaws,
    models_compared,
    prompt_indices,
    reliability_slopes,
)
from stormproof.report.report_table import ReportTable, visible
from stormproof.report.results import Results, open_results
from stormproof.report.run_facts import Fact, facts
from stormproof.report.run_workers import worker_table
from stormproof.report.spending import Spent, endpoints, speed_ups, spending, with_prices
from stormproof.report.success_tables import (
    NO_VERDICTS,
    PROMPTS,
    RELIABILITY,
    SCALE,
    TASK_TYPE,
    along,
    by_condition,
    errors,
    flagged,
    overall,
    replicates,
)
from stormproof.report.two_folders import compared_tables

if TYPE_CHECKING:
    from stormproof.report.result_charts import Chart

# Section key and title, and the keys of its tables and charts.
SECTIONS: Final = (
    ("missing", "Planned and done", ("completeness", "missing"), ()),
    ("overall", "Success", ("overall", "conditions", "compare", "compare_paired"), ("success",)),
    ("task_types", "By task type", ("task_types",), ("task_types",)),
    ("scale", "Scale", ("scale",), ("scale",)),
    ("flaws", "Flawed plans", ("flaws",), ("flaws",)),
    ("rates", "Tool reliability", ("rates", "slopes"), ("reliability",)),
    ("prompts", "Prompt types", ("prompts", "prompt_index"), ("prompts",)),
    ("models", "Models compared", ("models",), ()),
    ("replicates", "Replicates", ("replicates",), ()),
    ("errors", "Errors", ("errors",), ("errors",)),
    ("audit", "Audit", ("audit", "audit_cells", "signs", "reasons", "findings", "flags"), ()),
    ("run", "The run", ("speed", "workers", "endpoints"), ("capacity", "throughput")),
)


class Section(Struct, frozen=True):
    """One part of the page."""

    key: str
    title: str
    tables: Sequence[ReportTable] = ()
    charts: Sequence[Chart] = ()
    facts: Sequence[Fact] = ()


class Contents:
    """A results folder with its tables and, when asked for, its charts."""

    def __init__(
        self, results: Results, tables: tuple[ReportTable, ...], spent: Sequence[Spent] = ()
    ) -> None:
        self.results = results
        self.spent = spent  # what each endpoint was paid for, by name
        self.tables = tables  # in reading order; each has rows

    @functools.cached_property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart that has data, and those of the run itself; none without their extra."""
        if not can_draw():
            return ()
        from stormproof.report.endpoint_charts import run_charts  # noqa: PLC0415  altair takes 300 ms
        from stormproof.report.result_charts import charts_of  # noqa: PLC0415  altair takes 300 ms

        return (*charts_of(self.tables), *run_charts(self.results.folder))


def gather(folder: Path, compare: Path | None = None, prices: Path | None = None) -> Contents:
    """Read a results folder (and a second to set beside it) and make its tables.

    `prices` is a file of prices for models that the pool file gave none.
    """
    results = open_results(folder)
    if prices is not None:
        results = with_prices(results, prices)
    audited, spent = audit_results(folder), spending(results)
    judged = {one.name["model"]: one.verdict for one in audited.models}
    simulated = results.simulated_models
    others = [
        *audit_tables(audited, recorded=results.imported),
        speed_ups(results, spent),
        worker_table(folder),
        endpoints(results, spent),
    ]
    if compare is not None:
        second = open_results(compare)
        simulated |= second.simulated_models
        others = [*compared_tables(results, second), *others]
    tables = [
        *first_tables(results),
        *all_tables(results.episodes, judged, results.models),
        *others,
    ]
    tables = [marked(table, simulated) for table in tables]
    return Contents(results, tuple(table for table in tables if table.rows), spent)


def first_tables(results: Results) -> tuple[ReportTable, ...]:
    """What was planned and what is missing: before any rate."""
    found = (make(results.cells) for make in (completeness, missing))
    return tuple(marked(table, results.simulated_models) for table in found if table.rows)


def all_tables(
    episodes: EpisodeRows,
    verdicts: Mapping[str, str] = NO_VERDICTS,
    planned: Sequence[str] = (),
) -> tuple[ReportTable, ...]:
    """Every table of rates that has rows, in reading order.

    `verdicts` are the audit's, by model; `planned` are models that have a row whatever came of it.
    """
    makers: tuple[Callable[[EpisodeRows], ReportTable], ...] = (
        functools.partial(overall, verdicts=verdicts, planned=planned),
        by_condition,
        functools.partial(along, axis=TASK_TYPE),
        functools.partial(along, axis=SCALE),
        flaws,
        functools.partial(along, axis=RELIABILITY),
        reliability_slopes,
        functools.partial(along, axis=PROMPTS),
        prompt_indices,
        models_compared,
        replicates,
        errors,
        flagged,
    )
    found = (make(episodes) for make in makers)
    simulated = simulated_models(episodes)
    return tuple(marked(table, simulated) for table in found if table.rows)


def sections(contents: Contents) -> tuple[Section, ...]:
    """Every part that has something to say: what was planned, what was run, and the rest."""
    by_table = {table.key: table for table in contents.tables}
    by_chart = {chart.key: chart for chart in contents.charts}
    parts = [
        Section(
            key,
            title,
            [by_table[k] for k in table_keys if k in by_table],
            [by_chart[k] for k in chart_keys if k in by_chart],
        )
        for key, title, table_keys, chart_keys in SECTIONS
    ]
    about = Section("about", "What was run", facts=facts(contents.results, contents.spent))
    said = [part for part in parts if part.tables or part.charts]
    return (*said[:1], about, *said[1:])


def lead(results: Results) -> str:
    """What this is, in a sentence, and why there are no charts where none can be drawn."""
    models = results.models
    named = ", ".join(map(visible, models[:4])) + (" and others" if len(models) > 4 else "")  # noqa: PLR2004  a sentence
    how = "recorded" if results.imported else "run"
    said = f"{len(results.episodes):,} episodes of {named}, {how} under controlled tool failures."
    return said if can_draw() else f"{said} {CHARTS_NEED}."
