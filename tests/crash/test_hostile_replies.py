"""A real run against a service whose model writes what costs most."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from proving_ground import STORMPROOF
from stormproof.store import read_episodes

VALUE = {"text": "x" * 20_000}
SCHEMA = {"anyOf": [{"type": "string"}] * 450}


def call(number: int, name: str, arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": f"c{number}", "type": "function", "function": function}


def reply(*calls: dict[str, Any]) -> bytes:
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    return json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}],
                       "usage": usage}).encode()  # fmt: skip


STORED = call(0, "data_processing_parser", {"input": json.dumps(VALUE), "format": "json"})
CHECKS = [
    call(n, "data_processing_validator", {"schema": {"title": str(n), **SCHEMA}})
    for n in range(1, 120)
]
LONG = call(0, "data_processing_validator", {"input": {"text": "x" * 900_000}, "schema": SCHEMA})
REPLIES = (reply(STORED, *CHECKS), reply(LONG, *CHECKS))


class Hostile(BaseHTTPRequestHandler):
    """Gives each conversation one of the two."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        turn = self.headers["x-client-request-id"]
        data = REPLIES[sum(turn.encode()) % 2]
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


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


def peak_mb(process: subprocess.Popen[bytes]) -> int:
    """Its resident memory at most, when it has ended."""
    peak = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        peak = int(found[1]) >> 10 if found else peak
        time.sleep(0.05)
    return peak


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
