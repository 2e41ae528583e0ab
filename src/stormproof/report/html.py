"""The report's pages: the one file, and those with every episode that fell short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stormproof.report.drawing import CHARTS_NEED, can_draw
from stormproof.report.layout import lead, sections
from stormproof.report.material import Material
from stormproof.report.page import Page, as_failed_page, as_page
from stormproof.report.source import Results
from stormproof.report.transcripts import failed_ids, sample_ids, transcripts
from stormproof.store import read_episodes

HOME = "report.html"
_SAMPLED = (
    "A sample of {shown} of {all:,} episodes, taken in turn from each model and outcome by trial "
    "id, which is a hash: nobody chose them."
)
_ALL = "All {all:,} episodes."


def page(material: Material, pages: Sequence[str] = ()) -> str:
    """The report as one HTML file; `pages` are the files that it links to."""
    results = material.results
    chosen = sample_ids(results.frame)
    note = _SAMPLED if len(chosen) < len(results.frame) else _ALL
    return as_page(
        Page(
            name=results.name,
            lead=lead(results) + ("" if can_draw() else f" {CHARTS_NEED}."),
            banners=results.banners,
            sections=sections(results, material.tables, material.charts),
            transcripts=transcripts(read_episodes(results.folder, chosen)),
            episodes_note=note.format(shown=len(chosen), all=len(results.frame)),
            pages=pages,
        )
    )


def failed_pages(results: Results, size: int) -> Iterator[tuple[str, str]]:
    """File names and contents: every scored episode without full success, `size` to a page."""
    ids = failed_ids(results.frame)
    for number, start in enumerate(range(0, len(ids), size), 1):
        part = ids[start : start + size]
        said = f"Episodes {start + 1:,} to {start + len(part):,} of {len(ids):,} that fell short."
        content = Page(
            name=results.name,
            lead=said,
            banners=results.banners,
            sections=(),
            transcripts=transcripts(read_episodes(results.folder, part)),
        )
        yield f"failed-{number:04}.html", as_failed_page(content, HOME)
