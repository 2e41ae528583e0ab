"""Real inference servers as processes of their own, which can be killed and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from proving_ground import free_port, kill

HOST = "127.0.0.1"


class InferenceServer:
    """A server at `base_url`, from entering to leaving.

    `command` starts it at `port`; `model` is the name that it wants in requests. It is up when
    `/health` says so, which must be within `start_s`. What it says goes to the file `log`;
    `environ` is added to the environment.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int,
        model: str,
        log: Path,
        start_s: float = 30.0,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.base_url = f"http://{HOST}:{port}/v1"
        self.model = model
        self._port = port
        self._command = tuple(command)
        self._log = log
        self._start_s = start_s
        self._environ = os.environ | (environ or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it; it keeps nothing that could be lost."""
        self.kill()

    def start(self) -> None:
        """Start it and wait until it is up."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environ
            )
        deadline = time.monotonic() + self._start_s
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._is_up():
                return
            time.sleep(0.05)
        self.kill()
        raise TimeoutError(f"{self._command[0]} did not start: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            kill(self._process)

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://{HOST}:{self._port}/{path}", timeout=5) as got:
            return bytes(got.read())

    def _is_up(self) -> bool:
        try:
            return bool(json.loads(self._get("health")) == {"status": "ok"})
        except (urllib.error.URLError, ConnectionError):  # not there yet, or still loading
            return False


class LlamaCpp(InferenceServer):
    """llama.cpp with so many `slots`, each with a `context` of so many tokens."""

    def __init__(self, model: Path, *, slots: int = 2, context: int = 16_384) -> None:
        port = free_port()
        sizes = ("--port", port, "--slots", slots, "--context", context)
        program = Path(__file__).with_name("llama_cpp.py")
        command = [str(word) for word in (sys.executable, program, model, *sizes)]
        log = model.with_name(f"llama-{port}.log")
        super().__init__(command, port=port, model=model.stem, log=log)

    def busy(self) -> int:
        """How many slots are at work now."""
        return sum(slot["is_processing"] for slot in json.loads(self._get("slots")))

    def tokens(self) -> tuple[int, int]:
        """How many it has counted since it started: of prompts, cached or not, and said."""
        lines = self._get("metrics").decode().splitlines()
        counts = dict(line.removeprefix("llamacpp:").split() for line in lines if line[:1] != "#")
        read, cached, said = (
            int(counts[f"{name}_total"])
            for name in ("prompt_tokens", "prompt_tokens_cached", "tokens_predicted")
        )
        return read + cached, said


class TransformersServe(InferenceServer):
    """`transformers serve` with the model of a folder; `program` is its command."""

    def __init__(self, program: str, model: Path) -> None:
        port = free_port()
        flags = ("--host", HOST, "--port", port, "--device", "cpu")
        command = [str(word) for word in (program, "serve", model, *flags)]
        log = model / f"serve-{port}.log"
        environ = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}  # or its threads spin in vain
        super().__init__(
            command, port=port, model=str(model), log=log, start_s=90.0, environ=environ
        )
