"""The report as one Markdown file."""

from __future__ import annotations

from windtunnel.report.columns import SIMULATED_NOTE
from windtunnel.report.source import Results
from windtunnel.report.table import Table, as_markdown, escaped_markdown


def as_document(results: Results, tables: tuple[Table, ...]) -> str:
    """All tables under one heading; SIMULATED stands first where it applies."""
    head = [f"# Windtunnel report: {escaped_markdown(results.name)}", ""]
    if results.simulated:
        head += [f"> **{SIMULATED_NOTE}**", ""]
    return "\n".join([*head, *map(as_markdown, tables)])
