"""A results folder that cannot be written ends in one clear error, exit 3, and nothing is lost."""

import shutil

import pytest

from proving_ground import Grounds, ProvingGround, kill
from stormproof.store import read_episodes, same_records

WORDS = ("--model", "beta", "--prompt-types", "optimal", "--num-instances", "2")


def told(ground: ProvingGround, results: str) -> list[str]:
    """The lines of the last words of a run: an error and a hint, no traceback."""
    text = (ground.folder / f"{results}.log").read_text()
    assert "Traceback" not in text
    lines = text.splitlines()[-2:]
    assert [line.split()[0] for line in lines] == ["error:", "hint:"], text
    assert text.count("error:") == 1
    return lines


def test_a_full_disk_ends_the_run_and_more_space_goes_on(prove: Grounds) -> None:
    ground = prove()
    assert ground.finish("calm", *WORDS) == 0
    process = ground.start("r", *WORDS, after="ulimit -f 100")
    assert process.wait(60) == 3
    assert "cannot write r/journal-" in told(ground, "r")[0]
    journalled, before = set(ground.journalled("r")), ground.stats()["repeats"]
    assert journalled
    assert ground.finish("r", *WORDS) == 0
    assert same_records(ground.folder / "calm", ground.folder / "r") == []
    after = ground.stats()["repeats"]
    assert {t: after.get(t) for t in journalled} == {t: before.get(t) for t in journalled}


def test_a_folder_that_vanishes_midway(prove: Grounds) -> None:
    ground = prove(workers=1, time_scale=0.5)
    process = ground.start("r", *WORDS)
    ground.await_turns("r", process)
    shutil.rmtree(ground.folder / "r")
    assert process.wait(60) == 3
    assert "r" in told(ground, "r")[0]


@pytest.mark.parametrize("results", ["file", "file/below", "pool.toml/a b"])
def test_a_file_where_the_folder_should_be(prove: Grounds, results: str) -> None:
    ground = prove()
    (ground.folder / "file").write_text("something of the user's")
    process = ground.start(results, *WORDS, log="said")
    assert process.wait(60) == 3
    assert results in told(ground, "said")[0]
    assert (ground.folder / "file").read_text() == "something of the user's"


@pytest.mark.parametrize("results", ["/proc/results", "/sys/results", "/dev/null"])
def test_a_place_where_nothing_can_be_made(prove: Grounds, results: str) -> None:
    ground = prove()
    process = ground.start(results, *WORDS, log="said")
    assert process.wait(60) == 3
    assert results in told(ground, "said")[0]


CLOCK = """\
import random, time

real = time.time
time.time = lambda: real() + random.choice([0, 86_400 * 400, -86_400 * 400])
"""


def test_a_clock_that_jumps_changes_no_record(prove: Grounds) -> None:
    ground = prove(workers=2)
    assert ground.finish("calm", *WORDS) == 0
    (ground.folder / "sitecustomize.py").write_text(CLOCK)
    jumping = {"PYTHONPATH": str(ground.folder)}
    process = ground.start("r", *WORDS, environ=jumping)
    ground.await_turns("r", process, 10)
    kill(process)
    assert ground.start("r", *WORDS, environ=jumping).wait(60) == 0
    assert same_records(ground.folder / "calm", ground.folder / "r") == []
    at = [turn.answer.at for e in read_episodes(ground.folder / "r") for turn in e.turns]
    assert max(at) - min(at) > 86_400 * 300  # it did jump
