"""llama.cpp's own HTTP server, from the binary wheel xllamacpp, until it is killed.

    python benchmarks/llama_cpp.py MODEL.gguf --port 8080 --slots 2 --context 16384

`context` is of one slot, in tokens. One thread computes: the machine is shared with who asks.
"""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

import xllamacpp

HTTP_THREADS = 64  # requests that may wait for a slot


def serve(model: Path, port: int, slots: int, context: int) -> None:
    """Serve a model under the name of its file."""
    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias = str(model), {model.stem}
    params.port, params.n_threads_http = port, HTTP_THREADS
    params.n_parallel, params.n_ctx = slots, slots * context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.fit_params = params.warmup = False
    params.endpoint_metrics = True
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--context", type=int, default=16_384)
    given = parser.parse_args()
    serve(given.model, given.port, given.slots, given.context)
