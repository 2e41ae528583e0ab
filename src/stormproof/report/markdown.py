"""The report as one Markdown file."""

from __future__ import annotations

from stormproof.report.source import Results
from stormproof.report.table import Table, as_markdown, escaped_markdown


def as_document(results: Results, tables: tuple[Table, ...]) -> str:
    """All tables under one heading; what must be said before any figure stands first."""
    head = [f"# Stormproof report: {escaped_markdown(results.name)}", ""]
    for banner in results.banners:
        head += [f"> **{banner}**", ""]
    return "\n".join([*head, *map(as_markdown, tables)])
