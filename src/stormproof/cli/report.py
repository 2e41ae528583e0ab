"""`stormproof report`: what a results folder says, on screen and in files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from cyclopts import Parameter

from stormproof.cli.parameters import RESULTS, results_folder
from stormproof.cli.streams import emit_json, say

if TYPE_CHECKING:
    from stormproof.report import Episodes


def report(
    results: Path = RESULTS,
    *,
    formats: Annotated[str, Parameter(name="--format")] = "all",
    out: Path | None = None,
    compare: Path | None = None,
    episodes: str = "sample",
    prices: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Report a results folder: tables on screen, and files beside the results.

    Parameters
    ----------
    results
        Results folder.
    formats
        Files to write, comma-separated: html, markdown, csv, latex, charts; or all.
    out
        Folder for the files; RESULTS/report where none is given.
    compare
        A second results folder, set beside the first.
    episodes
        Episodes to read turn by turn: sample, or failed for every one that fell short.
    prices
        litellm's JSON of prices, for models whose prices the pool file did not give.
    json
        Print the paths of the files as JSON instead of the tables.
    quiet
        Print no tables.
    """
    from stormproof.report import CHARTS_NEED, can_draw, write_report  # noqa: PLC0415  pyarrow is heavy

    show = None
    if not (json or quiet):
        from stormproof.cli.console_tables import output  # noqa: PLC0415  rich is heavy

        show = output().print
    chosen = () if formats == "all" else tuple(f.strip() for f in formats.split(","))
    written = write_report(
        results_folder(results),
        formats=chosen,
        out=out,
        compare=results_folder(compare) if compare else None,
        episodes=cast("Episodes", episodes),
        prices=prices,
        show=show,
    )
    if json:
        emit_json({name: [str(path) for path in paths] for name, paths in written.items()})
        return
    if prices:
        _show_prices(results, str(prices))
    for paths in filter(None, written.values()):
        say(f"wrote {paths[0]}" + (f" and {len(paths) - 1} more" if len(paths) > 1 else ""))
    if "charts" in written and not can_draw():
        say(CHARTS_NEED)


def _show_prices(results: Path, file: str) -> None:
    """Which entry each model's prices are, as `stormproof plan` says it."""
    from stormproof.plan.folder_status import recorded_endpoints  # noqa: PLC0415  --help does without
    from stormproof.plan.prices import price_notices, priced  # noqa: PLC0415  --help does without
    from stormproof.store import read_runs  # noqa: PLC0415  --help does without

    endpoints = [endpoint for run in read_runs(results) for endpoint in recorded_endpoints(run)]
    for line in price_notices(priced(endpoints, file), file):
        say(line)
