"""Workers as processes: killed while they work, nothing is lost, doubled or paid for twice."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from proving_ground import Grounds, ProvingGround
from stormproof.report.run_workers import last_workers
from stormproof.store import same_records

GRID = ("--prompt-types", "optimal", "--num-instances", "6")


def test_a_killed_worker_and_a_killed_driver_leave_the_records_of_a_calm_run(
    prove: Grounds,
) -> None:
    calm, ground = prove("calm"), prove("killed", time_scale=0.2)
    assert calm.finish("a", *GRID) == 0
    paid: dict[str, int] = {}
    process = ground.start("b", *GRID, "--workers", "2")
    ground.await_turns("b", process, 30)
    note(ground, paid)
    os.kill(children(process)[0], signal.SIGKILL)
    ground.await_turns("b", process, 30)
    note(ground, paid)
    workers = children(process)
    process.kill()
    process.wait()
    await_end(workers)
    assert ground.finish("b", *GRID, "--workers", "2") == 0
    assert same_records(calm.folder / "a", ground.folder / "b") == []
    assert len(paid) >= 60
    repeats = ground.stats()["repeats"]
    assert {turn: repeats.get(turn, 1) for turn in paid} == paid
    said = (ground.folder / "b.log").read_text()
    assert "has ended; its endpoints and trials go to others" in said
    assert "Traceback" not in said
    shown = last_workers(ground.folder / "b")
    assert [worker.worker for worker in shown] == ["worker 1", "worker 2"]
    assert all(worker.turns for worker in shown)


def test_no_key_stands_where_others_could_read_it(prove: Grounds) -> None:
    ground = prove(workers=2)
    process = ground.start("run", *GRID, "--workers", "2")
    ground.await_turns("run", process, 3)
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(process)]
    assert len(lines) == 2
    assert all(b"emulated-" not in line for line in lines)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    summary = json.loads("{" + (ground.folder / "run.log").read_text().rpartition("\n{")[2])
    assert summary["interrupted"]
    assert summary["ran"] <= summary["scored"] < 60


def note(ground: ProvingGround, paid: dict[str, int]) -> None:
    """How often each turn that is kept by now was asked for."""
    repeats = ground.stats()["repeats"]
    for turn in ground.journalled("b"):
        paid.setdefault(turn, repeats.get(turn, 1))


def await_end(workers: list[int]) -> None:
    """They end with their driver."""
    soon = time.monotonic() + 10
    while any(map(is_alive, workers)):
        assert time.monotonic() < soon
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """Its worker processes."""
    words = ["pgrep", "-P", str(process.pid), "-f", "stormproof.backends"]
    found = subprocess.run(words, capture_output=True, check=False)
    return [int(pid) for pid in found.stdout.split()]
