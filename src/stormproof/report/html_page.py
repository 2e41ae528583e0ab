"""The report's pages as HTML: no network, no code but ours, every text escaped.

The one file with everything, and those with every episode that fell short.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import jinja2
from markupsafe import Markup
from msgspec import Struct

from stormproof import __version__
from stormproof.report.chart_drawing import DARK, as_svg
from stormproof.report.contents import Contents, Section, lead, sections
from stormproof.report.report_table import (
    ReportTable,
    is_numeric,
    shown,
    sort_key,
    trimmed,
    visible,
)
from stormproof.report.results import SIMULATED_NOTE, Results
from stormproof.report.transcripts import Transcript, failed_ids, sample_ids, transcripts
from stormproof.store import read_episodes

if TYPE_CHECKING:
    from stormproof.report.result_charts import Chart

MOST_ROWS: Final = 400
_NARROW: Final = 480
_LONG: Final = 48
_SHORT: Final = 24
_WIDTH: Final = re.compile(r"<svg[^>]* width=\"([\d.]+)\"")
HOME: Final = "report.html"
_SAMPLED: Final = (
    "A sample of {shown} of {all:,} episodes, taken in turn from each model and outcome by trial "
    "id, which is a hash: nobody chose them."
)
_ALL: Final = "All {all:,} episodes."


class Drawn(Struct, frozen=True):
    """A chart as it stands in the page."""

    question: str
    caption: str
    svg: Markup
    is_wide: bool


def page(contents: Contents, pages: Sequence[str] = ()) -> str:
    """The report as one HTML file; `pages` are the files that it links to."""
    results = contents.results
    chosen = sample_ids(results.episodes)
    note = _SAMPLED if len(chosen) < len(results.episodes) else _ALL
    return _rendered(
        "page.html",
        results,
        lead(results),
        transcripts(read_episodes(results.folder, chosen)),
        sections=[_section(s) for s in sections(contents)],
        episodes_note=note.format(shown=len(chosen), all=len(results.episodes)),
        pages=pages,
        version=__version__,
    )


def failed_pages(results: Results, size: int) -> Iterator[tuple[str, str]]:
    """File names and contents: every scored episode without full success, `size` to a page."""
    ids = failed_ids(results.episodes)
    for number, start in enumerate(range(0, len(ids), size), 1):
        part = ids[start : start + size]
        which = f"Episodes {start + 1:,} to {start + len(part):,} of {len(ids):,} that fell short."
        shown = transcripts(read_episodes(results.folder, part))
        yield f"failed-{number:04}.html", _rendered("failed.html", results, which, shown, home=HOME)


def _rendered(
    template: str, results: Results, lead: str, episodes: Sequence[Transcript], **more: Any
) -> str:
    style, script = _style(), _asset("page.js")
    return (
        _environment()
        .get_template(template)
        .render(
            title=f"{visible(results.name)} · Stormproof report",
            name=visible(results.name),
            lead=lead,
            banners=results.banners,
            transcripts=episodes,
            models=sorted({t.model for t in episodes}),
            kinds=sorted({t.kind for t in episodes}),
            prompts=sorted({t.prompt for t in episodes}),
            style=Markup(style),  # noqa: S704  our own asset
            script=Markup(script),  # noqa: S704  our own asset
            policy=_policy(style, script),
            **more,
        )
    )


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("stormproof.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def _asset(name: str) -> str:
    return files("stormproof.report").joinpath("templates", name).read_text(encoding="utf-8")


@functools.cache
def _style() -> str:
    """The style sheet, with the dark colours of the page and of the charts."""
    return _asset("page.css") + "\n".join(_dark_rules())


def _dark_rules() -> Iterator[str]:
    variables = _asset("dark.css")
    swaps = "".join(
        f"SCOPE svg [fill='{light}']{{fill:{dark}}}SCOPE svg [stroke='{light}']{{stroke:{dark}}}"
        for light, dark in DARK.items()
    )
    for scope, wrap in (
        (":root[data-theme='dark']", "@media screen{%s}"),
        (":root:not([data-theme='light'])", "@media screen and (prefers-color-scheme:dark){%s}"),
    ):
        yield wrap % (f"{scope}{{{variables}}}" + swaps.replace("SCOPE", scope))


def _policy(style: str, script: str) -> str:
    """Nothing may load, and nothing may run but this very script."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _section(section: Section) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": section.title,
        "facts": section.facts,
        "tables": [_table(table) for table in section.tables],
        "charts": [_drawn(chart) for chart in section.charts],
    }


def _drawn(chart: Chart) -> Drawn:
    svg = Markup(as_svg(chart.spec))  # noqa: S704  vl-convert escapes the text in it
    width = _WIDTH.search(svg)
    return Drawn(chart.question, chart.caption, svg, bool(width and float(width[1]) > _NARROW))


def _table(table: ReportTable) -> dict[str, Any]:
    table = trimmed(table)
    notes = tuple(note for note in table.remarks if note != SIMULATED_NOTE)  # the banner says it
    if len(table.rows) > MOST_ROWS:
        notes = (*notes, f"{MOST_ROWS} of {len(table.rows):,} rows; the CSV file has all.")
    return {
        "title": visible(table.title),
        "columns": [
            {
                "title": _heading(c.title),
                "about": visible(c.about),
                "numeric": is_numeric(c.kind),
            }
            for c in table.columns
        ],
        "rows": [_row(row, table) for row in table.rows[:MOST_ROWS]],
        "notes": [visible(note) for note in notes],
    }


def _heading(title: str) -> str:
    """Its unit stays on the line of the last word."""
    return visible(title).replace(" %", "\u00a0%")


def _row(row: Sequence[Any], table: ReportTable) -> list[dict[str, Any]]:
    return [
        {"text": visible(shown(v, c.kind)), "key": _sortable(v), "css": _css(v, c.kind)}
        for v, c in zip(row, table.columns, strict=True)
    ]


def _sortable(value: Any) -> str:
    key = sort_key(value)
    return "" if key != key else visible(str(key))  # noqa: PLR0124  NaN sorts last


def _css(value: Any, kind: str) -> str:
    if kind != "text":
        return "n"
    text = str(value)
    if text == "sound":
        return "text sound"
    if text == "not usable" or "distorted by" in text:
        return "text distorted"
    if len(text) > _LONG:
        return "text long"
    return "text" if len(text) > _SHORT else ""
