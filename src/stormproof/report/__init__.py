"""What a run says: tables, charts and one offline page, from a results folder.

A folder is read (`results`, `episode_rows`, `pool_samples`). What stands side by side is brought to
the same cells (`common_cells`) or the same tasks (`matched_tasks`), becomes figures and flags
(`cell_figures`), and is laid out as tables (`completeness`, `success_tables`, `paired_comparisons`,
`two_folders`, `audit_tables`, `spending`,
`run_workers`, `run_facts`, under shared `headings`, with conditions as
`condition_words` has them) and charts (`result_charts`, `endpoint_charts`, `chart_drawing`).
`contents` says what comes in which order; the forms (`html_page` with `transcripts`, `text_forms`,
`terminal_tables`) show it; `writing` puts it into files.
"""

from stormproof.report.chart_drawing import CHARTS_NEED, can_draw
from stormproof.report.writing import FORMATS, Episodes, closing_report, write_report

__all__ = ["CHARTS_NEED", "FORMATS", "Episodes", "can_draw", "closing_report", "write_report"]
