"""A plan in three shards, in three folders, put together: the same as one run."""

import json
import subprocess

from proving_ground import STORMPROOF, Grounds, ProvingGround, kill
from stormproof.store import episode_table, same_records, turn_table

GRID = ("--prompt-types", "optimal", "--num-instances", "10")


def test_three_shards_merged_are_one_run(prove: Grounds) -> None:
    ground = prove(workers=30, time_scale=0.02)
    shards = [ground.start(f"r{n}", *GRID, "--shard", f"{n}/3") for n in (1, 2, 3)]
    ground.await_turns("r1", shards[0], 40)
    kill(shards[0])
    assert [shard.wait(100) for shard in shards[1:]] == [0, 0]
    early = stormproof(ground.folder, "merge", "r1", "r2", "r3", "--results", "all")
    assert early.returncode == 0
    assert ground.finish("r1", *GRID, "--shard", "1/3") == 0
    told = stormproof(ground.folder, "merge", "r1", "r2", "r3", "--results", "all", "--json")
    assert json.loads(told.stdout)["outcomes"] == {"completed": 100}
    assert ground.finish("one", *GRID) == 0
    assert same_records(ground.folder / "one", ground.folder / "all") == []
    tables = [turn_table(ground.folder / name) for name in ("one", "all")]
    assert tables[0].num_rows == tables[1].num_rows
    status = json.loads(stormproof(ground.folder, "status", "all", "--json").stdout)
    assert [status[k] for k in ("planned", "scored", "remaining")] == [100, 100, 0]
    before = asked(ground)
    assert ground.finish("all", *GRID) == 0  # nothing is left, so nothing is asked
    assert asked(ground) == before > 400
    assert episode_table(ground.folder / "all").num_rows == 100


def asked(ground: ProvingGround) -> int:
    return sum(endpoint["accepted"] for endpoint in ground.stats()["endpoints"].values())


def stormproof(folder: object, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*STORMPROOF, *words], cwd=str(folder), capture_output=True, text=True)  # noqa: PLW1510  the test looks at the code
