"""What the page says, in reading order: each part's tables, and the charts that go with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from stormproof.report.facts import facts
from stormproof.report.page import Section
from stormproof.report.source import Results
from stormproof.report.table import Table, visible

if TYPE_CHECKING:
    from stormproof.report.charts import Chart  # altair is an extra

# Section key and title, and the keys of its tables and charts.
_PARTS: Final = (
    ("overall", "Success", ("overall", "compare", "compare_paired"), ("success",)),
    ("task_types", "By task type", ("task_types",), ("task_types",)),
    ("scale", "Scale", ("scale",), ("scale",)),
    ("flaws", "Flawed plans", ("flaws",), ("flaws",)),
    ("rates", "Tool reliability", ("rates", "slopes"), ("reliability",)),
    ("prompts", "Prompt types", ("prompts", "prompt_index"), ("prompts",)),
    ("models", "Models compared", ("models",), ()),
    ("replicates", "Replicates", ("replicates",), ()),
    ("errors", "Errors", ("errors",), ("errors",)),
    ("audit", "Audit", ("audit", "audit_cells", "findings", "flags"), ()),
    ("run", "The run", ("endpoints",), ("capacity", "throughput")),
)


def sections(
    results: Results, tables: Sequence[Table], charts: Sequence[Chart]
) -> tuple[Section, ...]:
    """Every part that has something to say, what was run first."""
    by_table = {table.key: table for table in tables}
    by_chart = {chart.key: chart for chart in charts}
    parts = [Section("about", "What was run", facts=facts(results))]
    for key, title, table_keys, chart_keys in _PARTS:
        own = [by_table[k] for k in table_keys if k in by_table and by_table[k].rows]
        drawn = [by_chart[k] for k in chart_keys if k in by_chart]
        if own or drawn:
            parts.append(Section(key, title, own, drawn))
    return tuple(parts)


def lead(results: Results) -> str:
    """What this is, in a sentence."""
    frame = results.frame
    models, episodes = frame.values("model"), len(frame)
    named = ", ".join(map(visible, models[:4])) + (" and others" if len(models) > 4 else "")  # noqa: PLR2004  a sentence
    how = "recorded" if results.imported else "run"
    return f"{episodes:,} episodes of {named}, {how} under controlled tool failures."
