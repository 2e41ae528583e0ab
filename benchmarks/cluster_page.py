"""The figures of docs/scale.md, written from the lines that cluster.py printed.

.venv/bin/python benchmarks/cluster_page.py LINES...
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- figures: benchmarks/cluster_page.py writes them -->", "<!-- end of figures -->"
EPISODES, ENDPOINTS, TURNS_EACH, RPS_EACH = 1_000_000, 1_000, 6, 2  # of the plan on paper
Figures = dict[str, Any]


def read(paths: Iterable[str]) -> Mapping[str, list[Figures]]:
    """All lines by figure; of a part that ran again, the last time counts."""
    found: defaultdict[str, dict[str, Figures]] = defaultdict(dict)
    for path in paths:
        for line in Path(path).read_text().splitlines():
            figures = json.loads(line)
            which = "/".join(str(figures.get(name)) for name in ("way", "pace", "workers"))
            found[figures["figure"]][which] = figures
    return {name: list(lines.values()) for name, lines in found.items()}


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """In Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def deaths(one: Figures) -> str:
    """The kills."""
    heads = {
        "workers killed": "workers_killed", "drivers killed": "drivers_killed",
        "nodes removed, and another added": "nodes_removed_and_added",
        "turns kept before a death": "turns_kept_before_a_death",
        "kept calls repeated": "kept_calls_repeated", "lost": "lost", "doubled": "doubled",
        "records that differ": "records_that_differ",
    }  # fmt: skip
    return (
        f"**Deaths.** Three Ray nodes, the shipped pool, {one['episodes']:,} episodes, against a "
        f"calm run without workers:\n\n{table([*heads], [[one[name] for name in heads.values()]])}"
    )


def owners(found: Mapping[str, list[Figures]]) -> str:
    """Who sent, and until when."""
    killed, frozen = found["killed_worker"][0], found["frozen_node"][0]
    silent, driver = found["silent_raylet"][0], found["frozen_driver"][0]
    again = ", ".join(str(s) for s in killed["sent_again_after_s"])
    rows = [
        ("a worker is killed, three times", "–", f"{again} s (1 s wanted)"),
        ("a Ray node, raylet and worker, stands still for 18 s", "at once",
         f"{frozen['sent_again_after_s']} s (16 s wanted)"),
        ("a raylet alone stands still; Ray calls its worker dead, which goes on",
         f"{silent['sent_last_after_s']} s", f"{silent['sent_again_after_s']} s"),
        (f"the driver stands still for {driver['stood_still_s']:.0f} s",
         f"{driver['sent_last_after_s']} s", "when it goes on"),
    ]  # fmt: skip
    return (
        "**Who may send.** Two workers; when the endpoints concerned were sent a last request, and "
        "when the next, by the emulator's clock. A lease is 12 s.\n\n"
        f"{table(('what happened', 'last request', 'sent to again'), rows)}\n\n"
        f"When the node that had stood still went on, its endpoints' new owner was held still for "
        f"4 s: {frozen['sent_by_the_old_owner_then']} requests came from the old one, and "
        f"{frozen['late_turns_rejected']} of its turns were too late to count."
    )


def ways(found: Sequence[Figures]) -> str:
    """Transport."""
    rows = [
        (one["way"], one["pace"], f"{one['turns_per_s']:,}", one["turns_in_an_answer"],
         one.get("acknowledged_p50_ms", "–"), one.get("acknowledged_p99_ms", "–"),
         one["driver_cores"], one["worker_cores"], one["driver_ms_per_turn"],
         one["mb_per_s"], one["load"])
        for one in found
    ]  # fmt: skip
    heads = (
        "way", "pace", "turns/s", "turns in an answer", "acknowledged p50, ms", "p99, ms",
        "driver, cores", "workers, cores", "driver, CPU ms per turn", "MB/s", "load",
    )  # fmt: skip
    return (
        "**The way to the journal and back.** Calls are answered by a double; *paced* is 500 "
        "turns/s of one worker, *flat out* as fast as one goes, or two, *ceiling* what a driver "
        "takes from eight that do nothing but answer with ten turns of a thousand characters."
        f"\n\n{table(heads, rows)}"
    )


def shares(found: Mapping[str, list[Figures]]) -> str:
    """Fairness, and the shared limit."""
    fair, limit = found["fairness"][0], found["shared_limit"][0]
    return (
        f"**Shares.** One model at three endpoints of 60, 30 and 10 requests/s, "
        f"{fair['requests']:,} requests, three runs each: {fair['local_s']} s in one process, "
        f"{fair['two_workers_s']} s with two workers, {fair['of_local']} times as long (medians; "
        f"1.03 wanted). Two models under a key's limit of {limit['limit_per_s']} requests/s, a "
        f"third beside them, two workers: {limit['owners_of_the_limit']} owner, "
        f"{limit['per_s']} requests/s, {limit['refused']} of {limit['admitted']:,} refused."
    )


def scaling(found: Sequence[Figures]) -> str:
    """CPU per turn of everything but the emulator."""
    rows = [
        (
            one["workers"],
            f"{one['turns']:,}",
            one["turns_per_s"],
            one["cpu_ms_per_turn"],
            one["load"],
        )
        for one in found
    ]
    heads = ("workers", "turns", "turns/s", "CPU ms per turn", "load")
    return (
        "**Whole runs** over HTTP, all processes but the emulator's, starting included. Workers "
        "pay where one core is not enough, or where the machine is another.\n\n"
        f"{table(heads, rows)}"
    )


def on_paper(found: Mapping[str, list[Figures]]) -> str:
    """A million episodes."""
    by_way = {(one["way"], one["pace"]): one for one in found["transport"]}
    socket_ms = by_way["unix socket", "ceiling"]["driver_ms_per_turn"]
    ray_ms = by_way["ray", "ceiling"]["driver_ms_per_turn"]
    whole = {one["workers"]: one["cpu_ms_per_turn"] for one in found["scaling"]}
    turns, per_s = EPISODES * TURNS_EACH, ENDPOINTS * RPS_EACH
    return (
        f"**A million episodes on {ENDPOINTS:,} endpoints**, on paper: some {turns / 1e6:.0f} "
        f"million turns. At {RPS_EACH} requests a second each, endpoints give {per_s:,} turns/s: "
        f"{turns / per_s / 60:.0f} minutes. A worker needs about {whole[0]} ms of CPU for a "
        f"turn: {per_s * whole[0] / 1000:.1f} cores. The driver needs {socket_ms} ms, over Ray "
        f"{ray_ms} ms: {per_s * ray_ms / 1000:.2f} of a core. What breaks first beyond that is the "
        f"driver's one interpreter, at {1000 / ray_ms:,.0f} turns/s over Ray and "
        f"{1000 / socket_ms:,.0f} over sockets. Then episodes wait for their acknowledgement, and "
        f"memory stays flat, since an episode has one turn under way at most. Beyond it come "
        f"shards: each has a driver and a journal of its own."
    )


def main() -> None:
    """Put them into the page."""
    found = read(sys.argv[1:])
    parts = [
        deaths(found["kills"][0]), owners(found), ways(found["transport"]), shares(found),
        scaling(found["scaling"]), on_paper(found),
    ]  # fmt: skip
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n\n".join([f"{before}{BEGIN}", *parts, f"{END}{after}"]))


if __name__ == "__main__":
    main()
