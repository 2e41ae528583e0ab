"""A place to run Stormproof for real: an emulator, a pool file that points at it, results folders.

Everything is a process of its own that can be killed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

STORMPROOF = (sys.executable, "-m", "stormproof")
START_S = 20.0

POOL = """\
[providers.azure]
dialect = "azure"
base_url = "http://127.0.0.1:{port}/azure"
api_version = "2024-10-21"
keys = {{ main = "env:TORTURE_AZURE" }}

[providers.gateway]
base_url = "http://127.0.0.1:{port}/gateway"
keys = {{ one = "env:TORTURE_ONE", two = "env:TORTURE_TWO", three = "env:TORTURE_THREE" }}

[models.alpha]
provider = "azure"
deployments = ["alpha", "alpha-2", "alpha-3"]
endpoint_limits = {{ max_workers = {workers} }}

[models.beta]
provider = "gateway"
endpoint_limits = {{ max_workers = {workers} }}
"""
KEYS = ("TORTURE_AZURE", "TORTURE_ONE", "TORTURE_TWO", "TORTURE_THREE")


class ProvingGround:
    """A folder with an emulator behind a pool file of two models on six endpoints.

    `options` are the emulator's (`stormproof emulate --options`); `workers` bound each endpoint.
    """

    def __init__(self, folder: Path, options: dict[str, Any], *, workers: int = 8) -> None:
        self.folder = folder
        self.port = free_port()
        self.pool = folder / "pool.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self.pool.write_text(POOL.format(port=self.port, workers=workers))
        self.options = folder / "emulator.json"
        self.options.write_text(json.dumps({"emulator": options}))
        self.keys = {key: f"emulated-{key}" for key in KEYS}  # for the environment of any command
        self.emulator: subprocess.Popen[bytes] | None = None
        self.runs: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Start the emulator."""
        self.start_emulator()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it, and every run that still goes on."""
        for process in self.runs:
            kill(process)
        self.kill_emulator()

    def start_emulator(self) -> None:
        """Start it and wait until it answers."""
        words = ("emulate", "--pool", self.pool, "--options", self.options, "--port", self.port)
        self.emulator = subprocess.Popen(
            [*STORMPROOF, *map(str, words)], stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                self.stats()
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("the emulator did not start")

    def kill_emulator(self) -> None:
        """SIGKILL."""
        if self.emulator is not None:
            self.emulator.kill()
            self.emulator.wait()

    def stats(self) -> dict[str, Any]:
        """What the emulator has counted."""
        url = f"http://127.0.0.1:{self.port}/_emulator/stats"
        with urllib.request.urlopen(url, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def start(
        self,
        results: str,
        *words: str,
        log: str = "",
        environ: dict[str, str] | None = None,
        after: str = "",
        program: Sequence[str] = STORMPROOF,
    ) -> subprocess.Popen[bytes]:
        """Start a run into a results folder; its talk goes to `results.log`, or `log.log`.

        `environ` is added to the environment; it starts in a shell after `after`. `program` is
        what runs Stormproof.
        """
        env = os.environ | self.keys | (environ or {})
        given = ("run", "--pool", str(self.pool), "--results", results, "--json", *words)
        shell = ("sh", "-c", f'{after} && exec "$@"', "sh") if after else ()
        with (self.folder / f"{log or results}.log").open("ab") as talk:
            process = subprocess.Popen(
                [*shell, *program, *given], cwd=self.folder, env=env,
                stdout=talk, stderr=talk,
            )  # fmt: skip
        self.runs.append(process)
        return process

    def finish(self, results: str, *words: str, timeout_s: float = 900) -> int:
        """Run to the end; the exit code."""
        return self.start(results, *words).wait(timeout_s)

    def await_turns(self, results: str, process: subprocess.Popen[bytes], more: int = 1) -> None:
        """Wait until the run has journalled so many turns more than there were, or has ended."""
        wanted = len(set(self.journalled(results))) + more
        while process.poll() is None and len(set(self.journalled(results))) < wanted:
            time.sleep(0.02)

    def journalled(self, results: str) -> Iterator[str]:
        """`trial/turn` of every turn whose line in a journal is whole."""
        for path in sorted((self.folder / results).glob("journal-*.jsonl")):
            for line in path.read_bytes().split(b"\n"):
                try:
                    record = json.loads(line)["record"]
                except (ValueError, KeyError):
                    continue
                if "turn" in record:
                    yield f"{record['trial_id']}/{record['turn']['index']}"


Grounds = Callable[..., ProvingGround]  # name, workers=…, and the emulator's options


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL, unless it has ended by itself."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


class Delay:
    """How long a process has taken from here: as clocks say, or the processor time that it got.

    On a machine that is busy with other things the second is the less, and the truth about it.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._stat = Path(f"/proc/{process.pid}/stat")
        self._at, self._worked = time.monotonic(), self._processor_s()

    @property
    def seconds(self) -> float:
        """So far."""
        return min(time.monotonic() - self._at, self._processor_s() - self._worked)

    def _processor_s(self) -> float:
        fields = self._stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
