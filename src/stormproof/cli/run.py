"""`stormproof run`, also known as `ultra-parallel-runner`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stormproof.cli.parameters import RunFlags, options_from
from stormproof.cli.streams import counted, duration, emit_json, say
from stormproof.cli.user_errors import EXIT_BUG, EXIT_INTERRUPTED
from stormproof.plan.run_options import OPTIONS

if TYPE_CHECKING:  # the runner brings every room with it, which --dry-run need not load
    from stormproof.session import RunSummary

EXIT_INCOMPLETE = 1


def run(*, flags: RunFlags | None = None) -> int:
    """Run what of the plan is not done yet; the same command again does only what is missing.

    Exit code 0 when every planned trial is scored (or blocked by a provider's filter), 1 when some
    ended as infrastructure, 70 when the suite broke in some of them, 130 when interrupted.
    """
    options = options_from(flags)
    if options.dry_run:
        from stormproof.cli.plan import show_plan  # noqa: PLC0415  only for --dry-run

        show_plan(options)
        return 0
    from stormproof.cli.own_process import run_in_own_process  # noqa: PLC0415  see above

    summary = run_in_own_process(options)
    if options.json:
        emit_json(msgspec.structs.asdict(summary) | {"remaining": summary.remaining})
    else:
        _show(summary)
    return _exit_code(summary)


def _show(summary: RunSummary) -> None:
    from stormproof.cli.console_tables import output  # noqa: PLC0415  heavy; --help does without
    from stormproof.report import closing_report  # noqa: PLC0415  pyarrow is not needed for JSON

    if summary.scored + summary.blocked + summary.infrastructure:
        console = output()
        for part in closing_report(Path(summary.results)):
            console.print(part)
    for line in _closing(summary):
        say(line)


def _closing(summary: RunSummary) -> list[str]:
    """What happened in this run, and what to do next."""
    done = (
        f"{counted(summary.ran, 'episode')} in {duration(summary.elapsed_s)}, "
        f"{counted(summary.calls, 'call')}, "
        f"{summary.tokens:,} tokens; {summary.scored:,} of {summary.planned:,} planned trials "
        f"are scored; results in {summary.results}"
    )
    if not (summary.ran or summary.remaining):
        ended = "scored or blocked" if summary.blocked else "scored"
        done = f"nothing to do: all {summary.planned:,} planned trials are {ended}"
    lines = [done]
    if summary.blocked:
        lines.append(f"blocked: a provider's filter ended {counted(summary.blocked, 'trial')}")
    lines += [f"infrastructure: {line}" for line in summary.reasons]
    lines += [f"broken suite: {line}" for line in summary.faults]
    lines += _paid_for_nothing(summary)
    lines += [f"stopped: {line}" for line in summary.stopped]
    lines += [f"in trouble: {line}" for line in summary.silent]
    if summary.remaining:
        why = "interrupted" if summary.interrupted else "some trials got no answer"
        lines.append(f"{why}: {summary.remaining:,} left. To go on: {_again()}")
    else:
        command = f"stormproof report {shlex.quote(summary.results)}"
        lines.append(f"hint: {command} shows every table and writes the page")
    return lines


def _paid_for_nothing(summary: RunSummary) -> list[str]:
    """What may stand on the bill, and is in no turn."""
    lines = []
    if summary.discarded:
        lines.append(
            f"thrown away: {counted(summary.discarded, 'answer')} under status 200 with no reply "
            f"in it; {summary.discarded_tokens:,} tokens by their own account"
        )
    if summary.hedged:
        early = f", {summary.false_alarms:,} of them too early" * bool(summary.false_alarms)
        lines.append(f"given up: {counted(summary.hedged, 'call')}, sent again elsewhere{early}")
    return lines


def _again() -> str:
    """The command as it was, with every setting that came from the environment."""
    if os.name != "posix":
        return "the same command"
    names = (option.env for option in OPTIONS if option.env)
    settings = [f"{name}={shlex.quote(os.environ[name])}" for name in names if os.environ.get(name)]
    return " ".join([*settings, shlex.join(["stormproof", *sys.argv[1:]])])


def _exit_code(summary: RunSummary) -> int:
    if summary.interrupted:
        return EXIT_INTERRUPTED
    if summary.faults:
        return EXIT_BUG
    return EXIT_INCOMPLETE if summary.remaining else 0
