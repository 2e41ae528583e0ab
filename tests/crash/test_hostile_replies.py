"""A real run against a service whose model writes what costs most."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from hostile_service import Hostile, peak_mb
from proving_ground import STORMPROOF
from stormproof.store import read_episodes


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Path]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = tmp_path / "pool.toml"
        path.write_text(
            f'[providers.p]\nbase_url = "http://127.0.0.1:{server.server_port}"\n'
            'keys = { k = "env:KEY" }\n[models.m]\nprovider = "p"\n'
        )
        yield path
        server.shutdown()


def start(pool: Path, episodes: int) -> subprocess.Popen[bytes]:
    words = ("run", "--pool", "pool.toml", "--results", "r", "--prompt-types", "optimal",
             "--task-types", "simple_task", "--num-instances", str(episodes),
             "--protocol", "native", "--quiet")  # fmt: skip
    environ = os.environ | {"KEY": "sk-0123456789"}
    return subprocess.Popen([*STORMPROOF, *words], cwd=pool.parent, env=environ)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_replies_that_cost_most_are_bounded_in_memory(pool: Path) -> None:
    process = start(pool, 4)
    peak = peak_mb(process)
    assert peak < 600  # what a run and its report take, and some 100 MB
    assert process.returncode == 0
    episodes = list(read_episodes(pool.parent / "r"))
    assert len(episodes) == 4
    assert {episode.outcome for episode in episodes} == {"completed"}


def test_a_signal_is_heard_whatever_a_model_wrote(pool: Path) -> None:
    process = start(pool, 50)
    while not list((pool.parent / "r").glob("journal*")):
        time.sleep(0.05)
    time.sleep(1.5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 130
    assert time.monotonic() - began < 30  # with its report; machines that run tests are busy
