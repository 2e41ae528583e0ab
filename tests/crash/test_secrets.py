"""Marked keys are planted, every error path is made to fire, and all that is left is searched."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pyarrow import parquet
from spellings import SPELLINGS, in_json, marks

from proving_ground import STORMPROOF
from stormproof.cli import main

MARK = "M4rK3dS3cr3t"
KEY = f"sk-{MARK}/with+odd=signs"

# path → status, headers, body; {key} is what the client sent, in a body in every spelling
ANSWERS: dict[str, tuple[int, dict[str, str], str]] = {
    "denied": (401, {}, '{{"error": {{"message": "Incorrect API key provided: {key}"}}}}'),
    "forbidden": (403, {}, "<html>{key} may not</html>"),
    "gone": (404, {}, '{{"error": {{"code": "DeploymentNotFound", "message": "{key}"}}}}'),
    "quota": (429, {}, '{{"error": {{"code": "insufficient_quota", "message": "of {key}"}}}}'),
    "rejected": (400, {}, '{{"error": {{"message": "bad request by {key}"}}}}'),
    "broken": (500, {"x-debug": "{key}"}, "panic: Authorization: {key}"),
    "object": (200, {}, '{{"error": {{"message": "{key}", "code": 502}}}}'),
    "nonjson": (200, {}, "<html>{key}</html>"),
    "typed": (503, {"content-type": "text/{key}"}, "<html>{key}</html>"),
    "moved": (302, {"location": "http://127.0.0.1:9/{key}"}, "{key}"),
    "spoken": (
        200, {},
        ('{{"choices": [{{"message": {{"role": "assistant", "content": "TASK COMPLETE {key}"}},'
        ' "finish_reason": "stop"}}], "usage": {{"prompt_tokens": 1, "completion_tokens": 9}},'
        ' "system_fingerprint": "{key}"}}'),
    ),
}  # fmt: skip


def spelled(key: str, *, in_a_body: str) -> str:
    """The key in every spelling, one after the other."""
    if in_a_body[:2] == "{{":
        return " ".join(in_json(name, key) for name in SPELLINGS)
    return " ".join(spell(key) for spell in SPELLINGS.values())


class Echo(BaseHTTPRequestHandler):
    """Tells every client its own key."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        key = self.headers.get("api-key") or self.headers["authorization"].removeprefix("Bearer ")
        status, headers, body = ANSWERS[self.path.split("/")[1]]
        data = body.format(key=spelled(key, in_a_body=body)).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value.format(key=key))
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def a_pool(port: int) -> str:
    provider = (
        '[providers.{0}]\nbase_url = "http://127.0.0.1:{1}/{0}"\nkeys = {{ k = "env:MARKED" }}\n'
        '[models.{0}]\nprovider = "{0}"\n'
    )
    return "".join(provider.format(name, port) for name in ANSWERS)


def environ(folder: Path) -> dict[str, str]:
    proxy = f"http://user:{MARK}@127.0.0.1:9"
    own = {"MARKED": KEY, "DEBUG_LOG": "true", "TMPDIR": str(folder), "HTTPS_PROXY": proxy}
    return os.environ | own | {"NO_PROXY": "127.0.0.1"}


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        words, cwd=folder, env=environ(folder), capture_output=True, check=False, timeout=90
    )


def leaks(folder: Path) -> list[str]:
    """Every file below that holds a mark in any spelling, in whatever part of it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    unwanted = marks(MARK, KEY)
    texts = ((path, _text(path).lower()) for path in files)
    return [f"{path}: {mark!r}" for path, text in texts for mark in unwanted if mark in text]


def _text(path: Path) -> bytes:
    """All that a file holds; columns are compressed."""
    raw = path.read_bytes()
    if path.suffix != ".parquet":
        return raw
    rows = repr(parquet.read_table(path).to_pylist()).encode("utf-8", "surrogatepass")
    return raw + rows + rows.replace(b"\\\\", b"\\")


FEW_TRIES = """\
import sys
from functools import partial
from stormproof.backends import desk
from stormproof.cli import main
from stormproof.pool.bounds import Bounds

desk.Bounds = partial(Bounds, tries=2, believed_s=1)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("storage", ["json", "parquet"])
def test_no_key_is_left_anywhere(storage: str, tmp_path: Path, port: int) -> None:
    (tmp_path / "pool.toml").write_text(a_pool(port))
    words = ("run", "--pool", "pool.toml", "--results", "r", "--prompt-types", "optimal")
    more = ("--task-types", "simple_task", "--num-instances", "1", "--storage-format", storage)
    log = tmp_path / "said.log"
    with log.open("wb") as talk:
        process = subprocess.Popen(
            [sys.executable, "-c", FEW_TRIES, *words, *more], cwd=tmp_path, env=environ(tmp_path),
            stdout=talk, stderr=talk,
        )  # fmt: skip
        shown = []
        while process.poll() is None:
            shown.append(Path(f"/proc/{process.pid}/cmdline").read_bytes())
            threading.Event().wait(0.2)
    assert process.returncode == 1, log.read_text()
    assert shown
    assert not any(MARK.encode() in title for title in shown)
    for command in ("report", "audit", "status", "repair"):
        done = call(tmp_path, *STORMPROOF, command, "r")
        (tmp_path / f"{command}.log").write_bytes(done.stdout + done.stderr)
        assert b"Traceback" not in done.stderr, command
    assert list(tmp_path.rglob("*.html"))
    assert list(tmp_path.rglob(f"*.{storage}*"))
    debug = (tmp_path / "r" / "debug.log").read_text()
    assert {json.loads(line)["endpoint"] for line in debug.splitlines()} >= {"broken", "denied"}
    assert "[key]" in debug  # the paths did fire, and the key was in them
    assert leaks(tmp_path) == []


CRASH = """\
import os, sys
import stormproof.runner as runner
from stormproof.cli import main

def boom(*_):
    key = os.environ["MARKED"]
    raise RuntimeError(key)

runner.make_plan = boom
sys.exit(main(sys.argv[1:]))
"""


def test_no_key_is_in_a_crash_file(tmp_path: Path) -> None:
    done = call(tmp_path, sys.executable, "-c", CRASH, "run", "--results", "r")
    assert done.returncode == 70
    assert list(tmp_path.glob("stormproof-crash-*.txt"))
    assert MARK.encode() not in done.stdout + done.stderr
    assert leaks(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        f'[providers.p]\nbase_url = "https://h"\nkeys = {{ k = "{KEY}" }}\n',
        f'[providers.p]\nbase_url = "https://h"\nkeys = ["{KEY}"]\n',
        f'[providers.p]\nbase_url = "https://h"\napi_key = "{KEY}"\n',
        f'[providers.p]\nbase_url = "https://h"\nkey = "{KEY}"\n',
        f'[providers.p]\nbase_url = "https://u:{KEY}@h"\nkeys = {{ k = "env:K" }}\n',
        f'[providers.p]\nbase_url = "https://h?api-key={KEY}"\nkeys = {{ k = "env:K" }}\n',
        f'[providers.p]\nkeys = {{ k = {{ ref = "{KEY}" }} }}\n',
        f'[providers.p]\nkeys = {{ k = "{KEY} \n',
        f'keys = "{KEY}"\n',
    ],
)
def test_a_key_in_the_pool_file_is_refused_and_not_repeated(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = tmp_path / "pool.toml"
    pool.write_text(text + '[models.m]\nprovider = "p"\n')
    assert main(["plan", "--pool", str(pool)]) == 2
    told = capsys.readouterr()
    assert "pool.toml" in told.err
    assert "hint: " in told.err
    assert MARK not in told.out + told.err
