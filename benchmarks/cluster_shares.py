"""Two workers against one process: an unequal pool, and a limit that two models share.

Parts of `cluster.py`. Makespans are of the emulator's clock, from the first request to the last.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from cluster_ground import Figures, workers_of
from proving_ground import ProvingGround

QUICK = {"first_token_s": 0.2, "token_s": 0.0, "sigma": 0.0, "refusal_s": 0.05}
UNEQUAL = (60, 30, 10)  # requests/s of one model's three endpoints
SHARED_QPS = 40  # as in the pool file below
SHARING = ("alpha", "beta")

ONE_MODEL = """\
[providers.house]
base_url = "http://127.0.0.1:{port}/house"
keys = {{ a = "env:TORTURE_ONE", b = "env:TORTURE_TWO", c = "env:TORTURE_THREE" }}

[models.alpha]
provider = "house"
endpoint_limits = {{ max_workers = 200 }}
"""
SHARED = """\
[providers.shared]
base_url = "http://127.0.0.1:{port}/shared"
keys = {{ one = {{ ref = "env:TORTURE_ONE", limits = {{ qps = 40 }} }} }}

[providers.other]
base_url = "http://127.0.0.1:{port}/other"
keys = {{ two = "env:TORTURE_TWO" }}

[models.alpha]
provider = "shared"

[models.beta]
provider = "shared"

[models.gamma]
provider = "other"
endpoint_limits = {{ max_workers = 20 }}
"""


def ground_of(folder: Path, pool: str, **options: object) -> ProvingGround:
    """A proving ground with this pool."""
    ground = ProvingGround(folder, {"seed": 1, "time_scale": 1.0} | options)
    ground.pool.write_text(pool.format(port=ground.port))
    return ground


def span(ground: ProvingGround, models: tuple[str, ...] = ("",)) -> tuple[float, int, int]:
    """Seconds between the first request and the last, how many were admitted, how many refused."""
    found = [e for name, e in ground.stats()["endpoints"].items() if name.startswith(models)]
    first = min(e["first_at_s"] for e in found)
    last = max(e["last_at_s"] for e in found)
    refused = sum(sum(e["refused"].values()) for e in found)
    return last - first, sum(e["accepted"] for e in found), refused


def fairness(folder: Path) -> Figures:
    """60, 30 and 10 requests/s: the makespan of two workers over that of one process."""
    rules = [
        {"match": f"*{key}", "qps": qps, "rate_headers": False, "latency": QUICK}
        for key, qps in zip("abc", UNEQUAL, strict=True)
    ]
    words = ("--prompt-types", "optimal", "--num-instances", "120")
    found: dict[str, list[float]] = {"local": [], "two workers": []}
    for number in range(3):
        for name, more in (("local", ()), ("two workers", ("--workers", "2"))):
            place = folder / f"fair{number}{len(more)}"
            with ground_of(place, ONE_MODEL, rules=rules) as ground:
                code = ground.finish("f", *words, *more)
                took_s, admitted, _ = span(ground)
                owners = {w.worker for w in workers_of(ground, "f") if w.turns}
            if code or len(owners) != len(more):
                raise RuntimeError(f"{name}: exit {code}, workers {owners}")
            found[name].append(took_s)
    local, two = median(found["local"]), median(found["two workers"])
    return {
        "requests": admitted, "local_s": [round(s, 2) for s in found["local"]],
        "two_workers_s": [round(s, 2) for s in found["two workers"]],
        "of_local": round(two / local, 3), "target": 1.03,
        "lower_bound_s": round(admitted / sum(UNEQUAL), 2),
    }  # fmt: skip


def shared_limit(folder: Path) -> Figures:
    """Two models under one key's limit, a third beside them: one owner, and no request too many."""
    words = ("--prompt-types", "optimal", "--num-instances", "40", "--workers", "2")
    with ground_of(folder / "shared", SHARED, latency=QUICK) as ground:
        code = ground.finish("s", *words)
        took_s, admitted, refused = span(ground, SHARING)
        owners = [w for w in workers_of(ground, "s") if w.turns]
    return {
        "exit": code, "limit_per_s": SHARED_QPS, "admitted": admitted,
        "per_s": round(admitted / took_s, 2), "refused": refused, "workers": len(owners),
        "owners_of_the_limit": len(
            {w.worker for w in owners if any(name.startswith(SHARING) for name in w.endpoints)}
        ),
    }  # fmt: skip


SHARES = {"fairness": fairness, "shared_limit": shared_limit}
