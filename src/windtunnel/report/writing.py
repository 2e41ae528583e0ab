"""Write a report's files into a results folder, or give it to a terminal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from windtunnel.errors import ConfigError
from windtunnel.report.markdown import as_document
from windtunnel.report.source import Results, open_results
from windtunnel.report.table import Table, as_csv, as_latex
from windtunnel.report.tables import all_tables

if TYPE_CHECKING:  # rich takes 50 ms to import
    from rich.console import RenderableType

_Writer = Callable[[Path, Results, tuple[Table, ...]], list[Path]]


def write_report(
    folder: Path, *, formats: Collection[str] = (), out: Path | None = None
) -> dict[str, tuple[Path, ...]]:
    """Write the report of a results folder; give the files of each format.

    `formats` are names of `FORMATS`, all of them where none is given. `out` is the folder to write
    to, `FOLDER/report` by default. Raises ConfigError for an unknown format or an empty folder,
    StoreError for a damaged one.
    """
    wanted = tuple(formats) or FORMATS
    for name in wanted:
        if name not in _WRITERS:
            raise ConfigError(
                f"no report format {name!r}", hint=f"formats are {', '.join(FORMATS)}"
            )
    results = open_results(folder)
    tables = all_tables(results.frame)
    target = out or folder / "report"
    target.mkdir(parents=True, exist_ok=True)
    return {name: tuple(_WRITERS[name](target, results, tables)) for name in wanted}


def terminal_report(folder: Path) -> list[RenderableType]:
    """The report's tables as rich renderables that fit any terminal's width."""
    from windtunnel.report.terminal import renderables  # noqa: PLC0415  see above

    return list(renderables(open_results(folder)))


def _markdown(target: Path, results: Results, tables: tuple[Table, ...]) -> list[Path]:
    return [_put(target / "report.md", as_document(results, tables))]


def _csv(target: Path, _results: Results, tables: tuple[Table, ...]) -> list[Path]:
    return [_put(target / "tables" / f"{table.key}.csv", as_csv(table)) for table in tables]


def _latex(target: Path, _results: Results, tables: tuple[Table, ...]) -> list[Path]:
    return [_put(target / "tables" / f"{table.key}.tex", as_latex(table)) for table in tables]


def _put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


_WRITERS: Final[Mapping[str, _Writer]] = {"markdown": _markdown, "csv": _csv, "latex": _latex}
FORMATS: Final[tuple[str, ...]] = tuple(_WRITERS)
