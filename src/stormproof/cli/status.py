"""`stormproof status`: how far a results folder is, per cell; a run may be under way in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter

from stormproof.cli.parameters import RESULTS, results_folder
from stormproof.cli.streams import counted, emit_json, say

if TYPE_CHECKING:
    from stormproof.plan.folder_status import CellStatus
    from stormproof.report.run_workers import WorkerSample


def status(
    results: Path = RESULTS, *, json: Annotated[bool, Parameter(negative="")] = False
) -> None:
    """Show planned, scored, blocked, infrastructure and remaining trials of all runs in a folder.

    And why trials ended as infrastructure, each reason with its count.
    """
    from stormproof.domain.reasons import counted as counted_reasons  # noqa: PLC0415  --help does without
    from stormproof.domain.reasons import in_lines  # noqa: PLC0415  --help does without
    from stormproof.plan.folder_status import folder_status, recorded_runs  # noqa: PLC0415  --help does without
    from stormproof.report.pool_samples import false_alarms  # noqa: PLC0415  --help does without
    from stormproof.report.run_workers import last_workers  # noqa: PLC0415  --help does without
    from stormproof.store import episode_table, read_header  # noqa: PLC0415  --help does without

    folder = results_folder(results)
    header = read_header(folder)
    ended = episode_table(folder, ["trial_id", "outcome", "simulated", "error"]).to_pydict()
    outcomes = dict(zip(ended["trial_id"], ended["outcome"], strict=True))
    cells = folder_status(recorded_runs(folder), outcomes)
    sums = _sums(cells)
    unplanned = len(outcomes) - sums["scored"] - sums["blocked"] - sums["infrastructure"]
    reasons = counted_reasons(
        error or ""
        for error, outcome in zip(ended["error"], ended["outcome"], strict=True)
        if outcome == "infrastructure"
    )
    simulated = header.simulated or any(ended["simulated"])
    data = {"results": str(folder), "simulated": simulated, **sums, "unplanned": unplanned}
    data["reasons"] = msgspec.to_builtins(reasons)
    early, sends = false_alarms(folder)
    data |= {"sends": sends, "false_alarms": early}
    workers = last_workers(folder)
    if json:
        told = {
            "cells": [_as_data(cell) for cell in cells],
            "workers": msgspec.to_builtins(workers),
        }
        emit_json(data | told)
    else:
        _show(data, cells)
        _show_workers(workers)
        for line in in_lines(reasons):
            say(f"infrastructure: {line}")
        if early:
            say(f"given up too early: {early:,} of {counted(sends, 'send')}")


def _sums(cells: tuple[CellStatus, ...]) -> dict[str, int]:
    names = ("planned", "scored", "blocked", "infrastructure", "remaining")
    return {name: sum(getattr(cell, name) for cell in cells) for name in names}


def _as_data(cell: CellStatus) -> dict[str, Any]:
    return msgspec.structs.asdict(cell) | {"remaining": cell.remaining}


def _show(data: dict[str, Any], cells: tuple[CellStatus, ...]) -> None:
    from stormproof.cli.console_tables import output, show, table  # noqa: PLC0415  rich is heavy
    from stormproof.progress import condition_in_words  # noqa: PLC0415  rich is heavy

    console = output()
    note = " (models are SIMULATED)" if data["simulated"] else ""
    console.print(f"{data['results']}{note}", markup=False)
    if data["unplanned"]:
        console.print(
            f"{counted(data['unplanned'], 'episode')} here of no run's plan, as imported ones are"
        )
    if not cells:
        return
    names = ("planned", "scored", "blocked", "infrastructure", "remaining")
    shown = table("", ("model", "condition", "task type"), names)
    for cell in cells:
        words = (cell.model, condition_in_words(cell.condition), cell.task_type)
        shown.add_row(*words, *(f"{getattr(cell, name):,}" for name in names))
    shown.add_section()
    shown.add_row("all", "", "", *(f"{data[name]:,}" for name in names))
    show(console, shown)


def _show_workers(workers: list[WorkerSample]) -> None:
    from stormproof.cli.console_tables import output, show, table  # noqa: PLC0415  rich is heavy

    if not workers:
        return
    shown = table("Workers of the last run", ("worker", "place", "state"), ("endpoints", "turns"))
    for one in workers:
        shown.add_row(one.worker, one.place, one.state, str(len(one.endpoints)), f"{one.turns:,}")
    show(output(), shown)
