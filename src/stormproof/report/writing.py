"""Write a report's files into a results folder, or give it to a terminal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from stormproof.errors import ConfigError
from stormproof.report.chart_drawing import CHARTS_NEED, as_png, as_svg_file, can_draw
from stormproof.report.contents import Contents, gather
from stormproof.report.results import open_results
from stormproof.report.text_forms import as_csv, as_document, as_latex

if TYPE_CHECKING:  # rich takes 50 ms to import
    from rich.console import RenderableType

Episodes = Literal["sample", "failed"]
FAILED_A_PAGE: Final = 200
SIMULATED_TITLE: Final = "SIMULATED: the emulator's agents, not models"


def write_report(
    folder: Path | str,
    *,
    formats: Collection[str] = (),
    out: Path | str | None = None,
    compare: Path | str | None = None,
    episodes: Episodes = "sample",
    prices: Path | str | None = None,
    show: Callable[[RenderableType], object] | None = None,
) -> dict[str, tuple[Path, ...]]:
    """Write the report of a results folder; give the files of each format.

    `formats` are names of `FORMATS`, all of them where none is given; without the extra `charts`
    there are then no charts, and the page says so. `out` is the folder to write to,
    `FOLDER/report` by default. `compare` is a second results folder, set beside the first.
    `episodes="failed"` adds pages with every episode that fell short, turn by turn. `prices` is
    litellm's JSON, as `RunOptions.prices`. `show` takes what a terminal shows, one rich renderable
    after another, before any file is written. Raises ConfigError for an unknown format, an empty
    folder, a file that holds no prices, or charts asked for by name without their extra; StoreError
    for a damaged folder.
    """
    wanted = tuple(formats) or FORMATS
    for name in wanted:
        if name not in _WRITERS:
            raise ConfigError(f"no report format {name!r}", hint=f"one of {', '.join(FORMATS)}")
    if "charts" in formats and not can_draw():
        raise ConfigError("no charts can be drawn here", hint=CHARTS_NEED)
    if episodes not in get_args(Episodes):
        raise ConfigError(f"no choice of episodes {episodes!r}", hint="one of sample, failed")
    contents = gather(
        Path(folder), Path(compare) if compare else None, Path(prices) if prices else None
    )
    target = Path(out or Path(folder) / "report")
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target}: is no folder", hint="--out FOLDER chooses another")
    if show is not None:
        from stormproof.report.terminal_tables import renderables  # noqa: PLC0415  rich is heavy

        for part in renderables(contents):
            show(part)
    return {name: tuple(_WRITERS[name](target, contents, episodes)) for name in wanted}


def closing_report(folder: Path) -> list[RenderableType]:
    """The one table that says at a run's end how each model did, as rich renderables."""
    from stormproof.report.terminal_tables import headline  # noqa: PLC0415  rich is heavy

    return list(headline(open_results(folder)))


def _html(target: Path, contents: Contents, episodes: Episodes) -> Iterator[Path]:
    from stormproof.report.html_page import failed_pages, page  # noqa: PLC0415  altair takes 300 ms

    pages: Sequence[str] = ()
    if episodes == "failed":
        written = [
            _put(target / name, text)
            for name, text in failed_pages(contents.results, FAILED_A_PAGE)
        ]
        pages = [path.name for path in written]
        yield from written
    yield _put(target / "report.html", page(contents, pages))


def _markdown(target: Path, contents: Contents, _episodes: Episodes) -> Iterator[Path]:
    yield _put(target / "report.md", as_document(contents.results, contents.tables))


def _csv(target: Path, contents: Contents, _episodes: Episodes) -> Iterator[Path]:
    for table in contents.tables:
        yield _put(target / "tables" / f"{table.key}.csv", as_csv(table))


def _latex(target: Path, contents: Contents, _episodes: Episodes) -> Iterator[Path]:
    for table in contents.tables:
        yield _put(target / "tables" / f"{table.key}.tex", as_latex(table))


def _charts(target: Path, contents: Contents, _episodes: Episodes) -> Iterator[Path]:
    title = SIMULATED_TITLE if contents.results.simulated else ""
    for chart in contents.charts:
        yield _put(target / "charts" / f"{chart.key}.svg", as_svg_file(chart.spec, title))
        yield _put(target / "charts" / f"{chart.key}.png", as_png(chart.spec, title))


def _put(path: Path, content: str | bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:  # a full disk does not say which file it was
        error.filename = error.filename or str(path)
        raise
    return path


_Writer = Callable[[Path, Contents, Episodes], Iterator[Path]]
_WRITERS: Final[Mapping[str, _Writer]] = {
    "html": _html,
    "markdown": _markdown,
    "csv": _csv,
    "latex": _latex,
    "charts": _charts,
}
FORMATS: Final[tuple[str, ...]] = tuple(_WRITERS)
