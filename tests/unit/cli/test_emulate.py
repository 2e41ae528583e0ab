"""`stormproof emulate` as a process of its own, asked over real HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

POOL = """
[providers.gateway]
base_url = "https://gateway.example.com/v1"
keys = { one = "env:GATEWAY_KEY" }

[models.some-model]
provider = "gateway"
"""
OPTIONS = "[emulator]\ntime_scale = 0.001\n"


class Emulating(NamedTuple):
    process: subprocess.Popen[str]
    url: str
    told: list[str]


@pytest.fixture
def emulating(tmp_path: Path) -> Iterator[Emulating]:
    (tmp_path / "pool.toml").write_text(POOL)
    (tmp_path / "options.toml").write_text(OPTIONS)
    words = ["emulate", "--pool", "pool.toml", "--options", "options.toml", "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "stormproof", *words],
        cwd=tmp_path, env=os.environ | {"PYTHONUNBUFFERED": "1"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            told = [process.stderr.readline() for _ in range(3)]
            match = re.search(r"emulating 1 endpoint at (http://127\.0\.0\.1:\d+)", told[0])
            assert match is not None, told
            yield Emulating(process, match.group(1), told)
        finally:
            process.kill()


def asked(url: str, body: object = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)  # noqa: S310  loopback
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  likewise
        return json.load(reply)


def test_it_answers_as_the_pool_s_endpoint_and_counts_what_was_asked(emulating: Emulating) -> None:
    stats = f"{emulating.url}/_emulator/stats"
    assert asked(stats)["answered_turns"] == 0
    [base] = re.findall(r"gateway: base_url = (\S+)", emulating.told[1])
    [key] = re.findall(r"export GATEWAY_KEY=(\S+)", emulating.told[2])
    body = {"model": "some-model", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"authorization": f"Bearer {key}", "x-client-request-id": "trial/0/1"}
    said = asked(f"{base}/chat/completions", body, **headers)
    assert said["system_fingerprint"] == "stormproof-emulator"
    assert isinstance(said["choices"][0]["message"]["content"], str)
    counted = asked(stats)
    assert list(counted["endpoints"]) == ["some-model"]
    assert (counted["answered_turns"], counted["repeated_answers"]) == (1, 0)
    asked(f"{base}/chat/completions", body, **headers)
    assert asked(stats)["repeats"] == {"trial/0": 2}


def test_ctrl_c_stops_it_without_a_traceback(emulating: Emulating) -> None:
    emulating.process.send_signal(signal.SIGINT)
    out, err = emulating.process.communicate(timeout=15)
    assert "Traceback" not in out + err
    assert emulating.process.returncode in {0, 130}
