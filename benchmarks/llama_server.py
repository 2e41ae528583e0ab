"""llama.cpp's own HTTP server in a process of its own, which can be killed and started again.

    python benchmarks/llama_server.py MODEL.gguf --port 8080 --slots 2 --context 16384

`context` is of one slot, in tokens. The server comes from the binary wheel xllamacpp.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from proving_ground import free_port, kill

START_S = 30.0
HTTP_THREADS = 64  # requests that may wait for a slot


class LlamaServer:
    """A server of one model file, at `base_url` from entering to leaving."""

    def __init__(self, model: Path, *, slots: int = 2, context: int = 16_384) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self.log = model.with_name(f"llama-{self.port}.log")
        self._command = (
            sys.executable, __file__, str(model),
            "--port", str(self.port), "--slots", str(slots), "--context", str(context),
        )  # fmt: skip
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
        """Start it and wait until it is healthy."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._is_healthy():
                return
            time.sleep(0.05)
        raise TimeoutError(f"llama.cpp's server did not start: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            kill(self._process)

    def busy(self) -> int:
        """How many slots are at work now."""
        return sum(slot["is_processing"] for slot in self._get("slots"))

    def _is_healthy(self) -> bool:
        try:
            return bool(self._get("health") == {"status": "ok"})
        except (urllib.error.URLError, ConnectionError):  # not there yet, or still loading
            return False

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=5) as got:
            return json.load(got)


def serve(model: str, port: int, slots: int, context: int) -> None:
    """Serve until killed; one thread computes, as the machine is shared with who asks."""
    import xllamacpp  # noqa: PLC0415  100 MB, in the server's process alone

    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias = model, {Path(model).stem}
    params.port, params.n_threads_http = port, HTTP_THREADS
    params.n_parallel, params.n_ctx = slots, slots * context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.fit_params = params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()


def main() -> None:
    """Serve what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--context", type=int, default=16_384)
    given = parser.parse_args()
    serve(given.model, given.port, given.slots, given.context)


if __name__ == "__main__":
    main()
