"""A real run against a service whose model writes what costs most."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile_service import HostileService, peak_mb
from proving_ground import STORMPROOF, Delay
from stormproof.store import read_episodes

HEARD_WITHIN_S = 1.0


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Path]:
    with HostileService() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = tmp_path / "pool.toml"
        path.write_text(
            f'[providers.p]\nbase_url = "http://127.0.0.1:{server.server_port}"\n'
            'keys = { k = "env:KEY" }\n[models.m]\nprovider = "p"\n'
        )
        yield path
        server.shutdown()


def start(pool: Path, episodes: int, *talk: str) -> subprocess.Popen[bytes]:
    words = ("run", "--pool", "pool.toml", "--results", "r", "--prompt-types", "optimal",
             "--task-types", "simple_task", "--num-instances", str(episodes),
             "--protocol", "native", *talk)  # fmt: skip
    environ = os.environ | {"KEY": "sk-0123456789"}
    return subprocess.Popen(
        [*STORMPROOF, *words], cwd=pool.parent, env=environ, stderr=subprocess.PIPE
    )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_replies_that_cost_most_are_bounded_in_memory(pool: Path) -> None:
    with start(pool, 4, "--quiet") as process:
        peak = peak_mb(process)
    assert peak < 600  # what a run and its report take, and some 100 MB
    assert process.returncode == 0
    episodes = list(read_episodes(pool.parent / "r"))
    assert len(episodes) == 4
    assert {episode.outcome for episode in episodes} == {"completed"}


def wait_for_turns(folder: Path) -> None:
    """Until a turn has been journalled: from now on hostile replies are worked on."""
    while not any(b'"turn"' in path.read_bytes() for path in folder.glob("journal*")):
        time.sleep(0.02)


def heard_after_s(process: subprocess.Popen[bytes], sign: signal.Signals) -> float:
    """How long after the signal the run says that it ends."""
    assert process.stderr is not None
    delay = Delay(process)
    process.send_signal(sign)
    while b"draining" not in process.stderr.readline():
        assert process.poll() is None
    return delay.seconds


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_heard_whatever_a_model_wrote(
    pool: Path, sign: signal.Signals, heeds_hangups: None
) -> None:
    del heeds_hangups
    with start(pool, 50) as process:
        wait_for_turns(pool.parent / "r")
        assert heard_after_s(process, sign) < HEARD_WITHIN_S
        process.kill()


def test_a_second_signal_ends_it_at_once(pool: Path) -> None:
    with start(pool, 50) as process:
        wait_for_turns(pool.parent / "r")
        assert heard_after_s(process, signal.SIGINT) < HEARD_WITHIN_S
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130  # with its report; machines that run tests are busy
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
