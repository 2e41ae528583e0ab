"""The audit of a set of episodes, or of a results folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stormproof.audit.evidence import AXES, OWN_TOOLS, Evidence, evidence_of
from stormproof.audit.findings import Finding, findings
from stormproof.audit.recording_import import IMPORTED_SUITE
from stormproof.audit.thresholds import Measure
from stormproof.audit.verdicts import RULES, Judgement, judge
from stormproof.domain.episodes import Episode
from stormproof.domain.reasons import Reason, counted
from stormproof.errors import ConfigError
from stormproof.store import read_episodes, read_header, read_runs
from stormproof.suites.workflows import WORKFLOWS


class Audit(Struct, frozen=True):
    """Per model, per cell where `by` names one, and everything else that was found.

    `reasons` say why infrastructure ended episodes, by model, the commonest first; `reply_limits`
    how many tokens a reply could have, by model, where the pool file says.
    """

    episodes: int
    simulated: int
    models: tuple[Judgement, ...]
    cells: tuple[Judgement, ...]
    findings: tuple[Finding, ...]
    reasons: Mapping[str, tuple[Reason, ...]] = {}
    reply_limits: Mapping[str, str] = {}
    by: tuple[str, ...] = ()
    rules: tuple[str, ...] = RULES

    def limit_of(self, one: Judgement, measure: Measure) -> str:
        """What was in force where a column counts replies that a limit cut, else ""."""
        limit = self.reply_limits.get(one.name["model"]) if measure.column == "cut_off" else None
        return f" ({limit} tokens)" if limit else ""


def audit(
    episodes: Iterable[Episode], by: Sequence[str] = (), tools: frozenset[str] = OWN_TOOLS
) -> Audit:
    """Read all episodes again, one at a time, and judge them. Raises ConfigError for a bad `by`.

    `tools` are the names of their suite's. What is kept of an episode is some 500 bytes.
    """
    names = _names(by)
    simulated, evidence = 0, []
    for episode in episodes:
        simulated += episode.simulated
        evidence.append(evidence_of(episode, tools))
    return audit_of(evidence, names, simulated)


def audit_of(evidence: Sequence[Evidence], by: Sequence[str] = (), simulated: int = 0) -> Audit:
    """The audit of episodes whose evidence has been taken."""
    return Audit(
        episodes=len(evidence),
        simulated=simulated,
        models=tuple(_judged(evidence, ())),
        cells=tuple(_judged(evidence, by)) if by else (),
        findings=tuple(findings(evidence)),
        reasons=_reasons(evidence),
        by=tuple(by),
    )


def audit_folder(folder: Path | str, by: Sequence[str] | None = None) -> Audit:
    """Audit a results folder, every turn read again.

    Raises ConfigError where it holds no episode or `by` is unknown, StoreError if it is broken.
    """
    found = audit_results(Path(folder), by or ())
    if not found.episodes:
        raise ConfigError(
            f"{folder}: no episode is stored here",
            hint="run `stormproof run` or `stormproof import` first",
        )
    return found


def audit_results(folder: Path, by: Sequence[str] = ()) -> Audit:
    """Audit a results folder that may hold no episode yet."""
    found = audit(read_episodes(folder), by, _tools_of(folder))
    return replace(found, reply_limits=_reply_limits(read_runs(folder)))


def _reply_limits(runs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What the pool file set for each model over all runs, several values where it changed."""
    limits = defaultdict[str, dict[str, None]](dict)
    for endpoint in (e for run in runs for e in run.get("endpoints", ())):
        parameters = endpoint.get("parameters", {})
        for name in ("max_tokens", "max_completion_tokens"):
            if parameters.get(name, "") != "":
                limits[endpoint["model"]][f"{parameters[name]}"] = None
    return {model: " or ".join(own) for model, own in limits.items()}


def _tools_of(folder: Path) -> frozenset[str]:
    """Names of the tools of a folder's suite; of another one than ours those that its records have.

    A call that was refused for what it is says nothing of whether its tool exists.
    """
    if read_header(folder).suite in {WORKFLOWS.version, IMPORTED_SUITE}:
        return OWN_TOOLS
    executions = (e for episode in read_episodes(folder) for e in episode.executions)
    return OWN_TOOLS.union(e.tool for e in executions if e.cause != "arguments")


def _reasons(evidence: Iterable[Evidence]) -> dict[str, tuple[Reason, ...]]:
    said: defaultdict[str, list[str]] = defaultdict(list)
    for episode in evidence:
        if episode.infrastructure:
            said[episode.model].append(episode.reason)
    return {model: counted(said[model]) for model in sorted(said)}


def _judged(evidence: Sequence[Evidence], by: Sequence[str]) -> list[Judgement]:
    parts: defaultdict[tuple[str, ...], list[Evidence]] = defaultdict(list)
    for episode in evidence:
        parts[episode.model, *(episode.cell[name] for name in by)].append(episode)
    names = ("model", *by)
    return [judge(dict(zip(names, key, strict=True)), parts[key]) for key in sorted(parts)]


def _names(by: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name.strip().replace("-", "_") for name in by)
    for name in names:
        if name not in AXES:
            raise ConfigError(f"cannot audit by {name!r}", hint=f"one of {', '.join(AXES)}")
    return names
