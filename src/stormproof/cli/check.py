"""`stormproof check`: whether a results folder meets what is required of it, for CI."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from stormproof.cli.parameters import RESULTS, results_folder
from stormproof.cli.streams import counted, emit_json, harmless, say
from stormproof.errors import ConfigError

if TYPE_CHECKING:
    from stormproof.demands import Checked

EXIT_BREACHED = 1


def check(  # noqa: PLR0913  each is a flag
    results: Path = RESULTS,
    *,
    minimum: Annotated[tuple[str, ...], Parameter(name="--min")] = (),
    baseline: Path | None = None,
    margin: float = 0.05,
    max_infra: float | None = None,
    max_unread: float | None = None,
    by: Literal["model", "cell"] = "model",
    on: Literal["interval", "point", "proof"] = "interval",
    junit: Path | None = None,
    summary: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Judge a results folder; exit code 1 with one line for each requirement that is breached.

    Trials that are not run, conditions with nothing scored and, without --max-infra, trials
    that ended by infrastructure are breaches always.

    Parameters
    ----------
    results
        Results folder.
    minimum
        What is to be reached, as 'success>=0.6' or 'MODEL: success>=0.6'; may be given often.
    baseline
        A results folder whose success may not be missed by more than the margin.
    margin
        How much below the baseline is allowed, as a share of 1.
    max_infra
        Largest share of trials that may have ended by infrastructure.
    max_unread
        Largest share of turns in which something like a tool call could not be read.
    by
        What is judged: each model, or each cell (model and condition).
    on
        interval: breached where the 95 % interval lies beyond; point: where the estimate does;
        proof: where the whole interval does not lie on the right side.
    junit
        File to write as JUnit XML.
    summary
        File to add a Markdown summary to, as "$GITHUB_STEP_SUMMARY".
    json
        Print all verdicts as JSON.
    """
    from stormproof.cli.check_forms import as_data, as_junit, as_summary  # noqa: PLC0415  --help does without
    from stormproof.demands import Demands, parse_minimum  # noqa: PLC0415  --help does without
    from stormproof.demands import check as judge  # noqa: PLC0415  --help does without

    shares = {"--margin": margin, "--max-infra": max_infra, "--max-unread": max_unread}
    for name, share in shares.items():
        if share is not None and not (math.isfinite(share) and 0 <= share <= 1):
            raise ConfigError(f"{name}: found {share:g}; allowed: a share from 0 to 1")
    demands = Demands(
        minimums=tuple(map(parse_minimum, minimum)),
        baseline=results_folder(baseline) if baseline else None,
        margin=margin,
        max_infra=max_infra,
        max_unread=max_unread,
        by=by,
        on=on,
    )
    found = judge(results_folder(results), demands)
    if junit:
        junit.write_bytes(as_junit(found))
    if summary:
        with summary.open("a", encoding="utf-8") as file:
            file.write(as_summary(found))
    if json:
        emit_json(as_data(found))
    else:
        _show(found)
    return EXIT_BREACHED if found.breaches else 0


def _show(found: Checked) -> None:
    """Breaches on standard output, a line each; what else there is to say beside it."""
    from stormproof.cli.check_forms import in_words  # noqa: PLC0415  --help does without

    for verdict in found.breaches:
        sys.stdout.write(harmless(f"breached: {in_words(verdict)}\n"))
    for verdict in found.undecided:
        say(f"undecided: {in_words(verdict)}")
    held = len(found.verdicts) - len(found.breaches) - len(found.undecided)
    note = " (models are SIMULATED)" if found.simulated else ""
    say(
        f"{found.results}{note}: {counted(len(found.verdicts), 'requirement')}, {held:,} held, "
        f"{len(found.undecided):,} undecided, {len(found.breaches):,} breached"
    )
