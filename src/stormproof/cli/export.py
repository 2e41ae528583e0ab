"""`stormproof export`: a results folder for other tools."""

from __future__ import annotations

from pathlib import Path

from stormproof.cli.parameters import RESULTS, results_folder
from stormproof.cli.streams import counted, say
from stormproof.errors import ConfigError


def export(
    results: Path = RESULTS,
    *,
    inspect: Path | None = None,
    jsonl: Path | None = None,
    csv: Path | None = None,
) -> None:
    """Write a results folder's ended episodes in forms that other tools read.

    Parameters
    ----------
    results
        Results folder.
    inspect
        Folder for logs that Inspect opens, one for each model, condition and task type.
    jsonl
        File for one JSON object an episode.
    csv
        File for one record an episode, under a heading.
    """
    if not (inspect or jsonl or csv):
        raise ConfigError(
            "export: found no form to write; allowed: --inspect DIR, --jsonl FILE, --csv FILE",
            hint=f"stormproof export {results} --csv episodes.csv",
        )
    from stormproof.export import (  # noqa: PLC0415  pyarrow is heavy
        write_csv,
        write_inspect_logs,
        write_jsonl,
    )
    from stormproof.report.results import open_results  # noqa: PLC0415  pyarrow is heavy

    folder = results_folder(results)
    for banner in open_results(folder).banners:
        say(banner)
    if jsonl:
        say(f"wrote {jsonl}: {counted(write_jsonl(folder, jsonl), 'episode')}")
    if csv:
        say(f"wrote {csv}: {counted(write_csv(folder, csv), 'episode')}")
    if inspect:
        say(f"wrote {inspect}: {counted(len(write_inspect_logs(folder, inspect)), 'log')}")
