"""The part of torture.py in which one model of a run writes what costs most."""

from __future__ import annotations

import re
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

from hostile_service import Hostile, peak_mb
from proving_ground import ProvingGround
from stormproof.store import read_episodes, same_records

WORDS = ("--prompt-types", "optimal", "--num-instances", "4", "--protocol", "native")
USUAL = {"seed": 1, "time_scale": 0.2}
HELD = re.compile(r"slow: everything waited for ([\d.]+) s")


def hostile(folder: Path, minutes: float) -> dict[str, float | int]:
    """Replies that cost most, from one model, beside two healthy models in the same runs.

    Runs follow each other until the time is over. Memory is that of a whole run at most; what holds
    the loop for more than a second is told by the run itself.
    """
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as service,
        ProvingGround(folder, USUAL) as ground,
    ):
        threading.Thread(target=service.serve_forever, daemon=True).start()
        if ground.finish("calm", *WORDS):
            raise SystemExit("torture: the undisturbed run failed")
        pool = ground.pool.read_text()
        ground.pool.write_text(
            f'{pool}\n[providers.hostile]\nbase_url = "http://127.0.0.1:{service.server_port}"\n'
            'keys = { k = "env:TORTURE_ONE" }\n[models.gamma]\nprovider = "hostile"\n'
        )
        runs = changed = hostile_episodes = 0
        peak, held = 0, [0.0]
        end = time.monotonic() + 60 * minutes
        while not runs or time.monotonic() < end:
            name = f"r{runs}"
            process = ground.start(name, *WORDS)
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
    return {"runs": runs, "hostile_episodes": hostile_episodes, "changed": changed,
            "mb_peak": peak, "times_the_loop_was_held_over_1_s": len(held) - 1,
            "longest_hold_s": max(held)}  # fmt: skip
