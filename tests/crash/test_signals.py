"""Told to stop, or left by its terminal: a run ends in time and leaves a folder that resumes."""

import signal
import subprocess
import time

import pytest

from proving_ground import Delay, Grounds, ProvingGround, kill
from stormproof.pool.bounds import Bounds
from stormproof.store import episode_table, same_records

WORDS = ("--model", "beta", "--prompt-types", "optimal", "--num-instances", "2")
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MARGIN_S = 10.0  # what starting to end and writing it all down may take on a busy machine
HEARD_WITHIN_S = 1.0
ENDLESS = {"first_token_s": 600.0}


pytestmark = pytest.mark.usefixtures("heeds_hangups")


def at_work(ground: ProvingGround, results: str) -> subprocess.Popen[bytes]:
    process = ground.start(results, *WORDS)
    ground.await_turns(results, process)
    return process


def in_flight(ground: ProvingGround, results: str) -> subprocess.Popen[bytes]:
    """A run whose requests have been sent and stay without an answer."""
    process = ground.start(results, *WORDS)
    while process.poll() is None and not open_requests(ground):
        time.sleep(0.05)
    return process


def open_requests(ground: ProvingGround) -> int:
    return sum(e["in_flight"] for e in ground.stats()["endpoints"].values())


def said(ground: ProvingGround, results: str) -> str:
    return (ground.folder / f"{results}.log").read_text()


def test_a_signal_drains_and_the_folder_resumes(prove: Grounds) -> None:
    ground = prove(workers=2, time_scale=0.3)
    assert ground.finish("calm", *WORDS) == 0
    runs: dict[str, subprocess.Popen[bytes]] = {}
    for sign in STOPS:  # one after the other: the first would else be done before the last begins
        runs[sign.name] = at_work(ground, sign.name)
        runs[sign.name].send_signal(sign)
    for name, process in runs.items():
        assert process.wait(Bounds().drain_grace_s + MARGIN_S) == 130, said(ground, name)
        assert "Traceback" not in said(ground, name)
    name = STOPS[
        -1
    ].name  # a signal's number leaves no trace in a folder: one goes on for the three
    assert ground.finish(name, *WORDS) == 0
    assert same_records(ground.folder / "calm", ground.folder / name) == []


def test_nohup_outlives_its_terminal(prove: Grounds) -> None:
    ground = prove(workers=2)
    process = ground.start("r", *WORDS, after="trap '' HUP")
    ground.await_turns("r", process)
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 0, said(ground, "r")


def test_talk_that_nobody_reads_any_more_does_not_end_a_run(prove: Grounds) -> None:
    ground = prove(workers=2)
    gone = "mkfifo talk && exec 3<>talk 2>talk 3<&-"  # as `2>&1 | head` leaves it
    assert ground.start("r", *WORDS, after=gone).wait(60) == 0
    assert episode_table(ground.folder / "r")["outcome"].unique().to_pylist() == ["completed"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGINT, signal.SIGTERM),
        (signal.SIGHUP, signal.SIGHUP),
    ],
)
def test_a_second_signal_stops_at_once(
    prove: Grounds, first: signal.Signals, second: signal.Signals
) -> None:
    ground = prove(latency=ENDLESS)
    process = in_flight(ground, "r")
    delay = Delay(process)
    process.send_signal(first)
    while "draining" not in said(ground, "r"):
        assert process.poll() is None  # it waits for the answers
        time.sleep(0.01)
    assert delay.seconds < HEARD_WITHIN_S
    start = time.monotonic()
    process.send_signal(second)
    assert process.wait(MARGIN_S) == 130, said(ground, "r")
    assert time.monotonic() - start < MARGIN_S < Bounds().drain_grace_s
    assert "Traceback" not in said(ground, "r")


def test_a_second_writer_is_told_who_holds_the_folder(prove: Grounds) -> None:
    ground = prove(latency=ENDLESS)
    process = in_flight(ground, "r")
    (ground.folder / "r.log").write_text("")
    assert ground.finish("r", *WORDS) == 3
    told = said(ground, "r")
    assert f"error: r is in use by process {process.pid} on " in told
    assert "hint: " in told
    kill(process)
    lock = (ground.folder / "r" / "lock").read_text()
    assert str(process.pid) in lock  # stale: its process is gone, the next run takes it over
    again = in_flight(ground, "r")
    assert again.poll() is None
    assert open_requests(ground)
    kill(again)
