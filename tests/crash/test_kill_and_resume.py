"""kill -9 at any moment, run the same command again: nothing lost, doubled or paid for twice."""

import json
import random
import time
from pathlib import Path

import pytest

import torture
from proving_ground import Grounds, ProvingGround, kill
from stormproof.cli import main
from stormproof.store import episode_table, same_records

WORDS = ("--prompt-types", "optimal", "--num-instances", "4")


def test_kills_leave_the_records_of_a_calm_run(tmp_path: Path) -> None:
    found = torture.kills(tmp_path, 3, random.Random(1))
    assert found["kills"] == 3
    assert found["turns_journalled_before_a_kill"] >= 3
    assert found["journalled_calls_repeated"] == 0
    assert (found["lost"], found["doubled"], found["changed"]) == (0, 0, 0)


def test_every_moment_of_a_run_can_be_its_last(
    prove: Grounds, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the first import on; what was journalled once is never fewer afterwards."""
    ground = prove(workers=2)
    assert ground.finish("calm", *WORDS) == 0
    moments, kept = random.Random(2), 0
    for turns_before in (0, 1, 3, 10, 30):
        process = ground.start("killed", *WORDS)
        ground.await_turns("killed", process, turns_before)
        time.sleep(moments.uniform(0, 0.3))
        kill(process)
        turns = len(set(ground.journalled("killed"))) + scored(ground.folder / "killed", capsys)
        assert turns >= kept
        kept = turns
    assert kept > 0
    assert ground.finish("killed", *WORDS) == 0
    assert same_records(ground.folder / "calm", ground.folder / "killed") == []


def scored(folder: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """Episodes that `status`, which looks into a folder in whatever state, calls scored."""
    code = main(["status", str(folder), "--json"])
    told = capsys.readouterr()
    assert code == 0 or not (folder / "header.json").exists()
    assert "Traceback" not in told.err
    return 0 if code else int(json.loads(told.out)["scored"])


def test_a_finished_run_costs_nothing_when_it_is_run_again(prove: Grounds) -> None:
    ground = prove()
    assert ground.finish("done", *WORDS) == 0
    before = accepted(ground)
    assert ground.finish("done", *WORDS) == 0
    assert accepted(ground) == before > 40
    assert episode_table(ground.folder / "done").num_rows == 40


def accepted(ground: ProvingGround) -> int:
    return sum(e["accepted"] for e in ground.stats()["endpoints"].values())
