"""The part of torture.py in which one model of a run writes what costs most."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from pathlib import Path

from hostile_service import HostileService, peak_mb
from proving_ground import ProvingGround
from stormproof.store import read_episodes, same_records

WORDS = ("--prompt-types", "optimal", "--num-instances", "4", "--protocol", "native")
USUAL = {"seed": 1, "time_scale": 0.2}
WATCHED = (sys.executable, str(Path(__file__).with_name("late_loop.py")))
HELD = re.compile(r"slow: everything waited for ([\d.]+) s")


def hostile(folder: Path, minutes: float) -> dict[str, float | int]:
    """Replies that cost most, from one model, beside two healthy models in the same runs.

    Runs follow each other until the time is over. Memory is that of a whole run at most. A task of
    the loop asks for a turn every 10 ms: how late it gets it at most, and how much processor time
    the loop's thread took meanwhile, which no other process on the machine can lengthen. A run
    itself tells what holds its loop for more than a second.
    """
    with (
        HostileService() as service,
        ProvingGround(folder, USUAL) as ground,
    ):
        threading.Thread(target=service.serve_forever, daemon=True).start()
        if ground.finish("calm", *WORDS):
            raise SystemExit("torture: the undisturbed run failed")
        pool, lateness = ground.pool.read_text(), folder / "lateness.jsonl"
        ground.pool.write_text(
            f'{pool}\n[providers.hostile]\nbase_url = "http://127.0.0.1:{service.server_port}"\n'
            'keys = { k = "env:TORTURE_ONE" }\n[models.gamma]\nprovider = "hostile"\n'
        )
        runs = changed = hostile_episodes = 0
        peak, held = 0, [0.0]
        end = time.monotonic() + 60 * minutes
        while not runs or time.monotonic() < end:
            name = f"r{runs}"
            process = ground.start(
                name, *WORDS, program=WATCHED, environ={"LATE_LOOP": str(lateness)}
            )
            peak = max(peak, peak_mb(process))
            said = (ground.folder / f"{name}.log").read_text()
            if process.returncode or "Traceback" in said:
                raise SystemExit(f"torture: a run ended with {process.returncode}:\n{said[-2000:]}")
            runs += 1
            held += map(float, HELD.findall(said))
            differing = same_records(ground.folder / "calm", ground.folder / name, at_most=10**6)
            own = f"is in {ground.folder / name} alone"  # the hostile model's
            changed += sum(not line.endswith(own) for line in differing)
            found = [e.trial.model for e in read_episodes(ground.folder / name)]
            hostile_episodes += found.count("gamma")
        service.shutdown()
        turns = [json.loads(line) for line in lateness.read_text().splitlines()]
    return {"runs": runs, "hostile_episodes": hostile_episodes, "changed": changed,
            "mb_peak": peak, "turns_of_the_loop": sum(each["turns"] for each in turns),
            "longest_wait_for_a_turn_s": round(max(each["late_s"] for each in turns), 3),
            "turns_later_than_200_ms": sum(each["late"] for each in turns),
            "longest_work_between_turns_s": round(max(each["held_s"] for each in turns), 3),
            "times_of_more_work_than_200_ms": sum(each["held"] for each in turns),
            "times_the_loop_was_held_over_1_s": len(held) - 1,
            "longest_hold_s": max(held)}  # fmt: skip
