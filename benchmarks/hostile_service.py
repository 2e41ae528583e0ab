"""A service whose model writes what costs most, and the memory that a run takes over it."""

from __future__ import annotations

import json
import re
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

VALUE = {"text": "x" * 20_000}
SCHEMA = {"anyOf": [{"type": "string"}] * 450}


def call(number: int, name: str, arguments: Any) -> dict[str, Any]:
    """A native call as it stands in a reply."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": f"c{number}", "type": "function", "function": function}


def reply(*calls: dict[str, Any]) -> bytes:
    """A whole answer of these calls."""
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
        """The conversation's own of the two, whichever turn it is."""
        self.rfile.read(int(self.headers["content-length"]))
        turn = self.headers["x-client-request-id"]
        data = REPLIES[sum(turn.encode()) % 2]
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Not a word."""


class HostileService(ThreadingHTTPServer):
    """On a free port of this machine. Callers are killed in mid-request, which is no news."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hostile)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


def peak_mb(process: subprocess.Popen[bytes]) -> int:
    """Its resident memory at most, when it has ended."""
    peak = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        peak = int(found[1]) >> 10 if found else peak
        time.sleep(0.05)
    return peak
