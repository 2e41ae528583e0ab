"""Endpoints in trouble as lines of a log: one when it has lasted, one when it ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from stormproof.cli.streams import duration, harmless
from stormproof.progress import EndpointProgress, Progress

LASTS_S = 5.0  # shorter ones are the rule at an endpoint whose limit is being found
MOST_NAMED = 4


class _Trouble(NamedTuple):
    """One that has not ended. `reason` is the one that was printed, "" as long as none was."""

    began_s: float  # in seconds of the run
    troubled_at: float  # as its endpoint says it
    reason: str = ""


class TroubleLines:
    """What has changed from moment to moment. Endpoints that change alike share a line.

    Those that are given up for the run are left to its notices, which say so at once.
    """

    def __init__(self) -> None:
        # By endpoint's name; there while its gate is shut or its last send had no answer.
        self._lasting: dict[str, _Trouble] = {}

    def lines(self, progress: Progress) -> list[str]:
        """The lines to print at this moment."""
        begun: dict[str, list[str]] = defaultdict(list)
        ended: dict[str, list[str]] = defaultdict(list)
        for endpoint in progress.endpoints:
            was = self._lasting.pop(endpoint.name, None)
            if was and _is_over(was, endpoint):
                if was.reason and not endpoint.is_given_up:
                    lasted = duration(progress.elapsed_s - was.began_s)
                    ended[f"answers again after {lasted} ({was.reason})"].append(endpoint.name)
                was = None
            if _is_troubled(endpoint):
                now = was or _Trouble(progress.elapsed_s, endpoint.troubled_at)
                if not now.reason and progress.elapsed_s - now.began_s >= LASTS_S:
                    now = now._replace(reason=endpoint.trouble or endpoint.state)
                    begun[f"no answer: {now.reason}"].append(endpoint.name)
                self._lasting[endpoint.name] = now
        return [*_shared(begun), *_shared(ended)]


def _is_troubled(endpoint: EndpointProgress) -> bool:
    return not endpoint.is_given_up and bool(endpoint.is_shut or endpoint.trouble)


def _is_over(was: _Trouble, endpoint: EndpointProgress) -> bool:
    """Also where it is in trouble again: an answer came between the two."""
    another = endpoint.trouble and 0 < was.troubled_at < endpoint.troubled_at
    return bool(another) or not _is_troubled(endpoint)


def _shared(said: Mapping[str, list[str]]) -> list[str]:
    return [harmless(f"{_named(names)}: {text}") for text, names in said.items()]


def _named(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join([*names[:MOST_NAMED], *([f"{more} more"] if more > 0 else [])])
