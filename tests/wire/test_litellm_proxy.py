"""Our client against a server that is not ours: the litellm proxy with mock responses.

litellm is no dependency of ours. Install it anywhere and name its command:

    python -m venv /tmp/litellm && /tmp/litellm/bin/pip install 'litellm[proxy]'
    STORMPROOF_LITELLM=/tmp/litellm/bin/litellm make test
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from stormproof.domain.calls import (
    Denied,
    Message,
    Ok,
    Refused,
    Rejected,
    Request,
    Transient,
    Usage,
    Verdict,
)
from stormproof.domain.pool import Dialect, Endpoint
from stormproof.wire import HttpTransport

LITELLM = os.environ.get("STORMPROOF_LITELLM") or shutil.which("litellm")
START_S = 90.0
KEY = "sk-marked-7f3a91c2"
MODELS = {
    "says-hello": "hello from litellm",
    "limited": "litellm.RateLimitError",
    "broken": "litellm.InternalServerError",
    "too-long": "litellm.ContextWindowExceededError",
}

pytestmark = [
    pytest.mark.skipif(LITELLM is None, reason="litellm is not installed (see this file's top)"),
    pytest.mark.timeout(START_S + 30),
]


def config() -> str:
    """The proxy's configuration; JSON is YAML."""
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_key": "x", "mock_response": said},
        }
        for name, said in MODELS.items()
    ]
    settings = {"model_list": models, "general_settings": {"master_key": KEY}}
    return msgspec.json.encode(settings).decode()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "config.yaml").write_text(config())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(LITELLM), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            wait_for(port, process, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the litellm proxy did not start: {log.read_text()[-2000:]}")


def ask(proxy: str, model: str, dialect: Dialect = "openai", key: str = KEY) -> Verdict:
    endpoint = Endpoint(
        endpoint_id=model,
        number=0,
        model=model,
        provider="litellm",
        dialect=dialect,
        base_url=proxy if dialect == "azure" else f"{proxy}/v1",
        deployment=model,
        key="env:KEY",
        api_version="2024-10-21",
        parameters={"temperature": 0.0},
    )
    request = Request("feed", 0, model, (Message("user", "hello"),), seed=3, max_tokens=50)

    async def once() -> Verdict:
        async with HttpTransport({"env:KEY": key}) as transport:
            return await transport.send(endpoint, request, timeout_s=30)

    return asyncio.run(once())


@pytest.mark.parametrize("dialect", ["openai", "azure"])
def test_a_reply(proxy: str, dialect: Dialect) -> None:
    verdict = ask(proxy, "says-hello", dialect)
    assert isinstance(verdict, Ok)
    assert verdict.reply.text == "hello from litellm"
    assert verdict.reply.usage == Usage(10, 20)  # what its mock says
    assert verdict.reply.finish_reason == "stop"
    assert verdict.reply.raw == ""
    assert not verdict.reply.simulated


@pytest.mark.parametrize(
    ("model", "kind"),
    [("limited", Refused), ("broken", Transient), ("too-long", Rejected), ("unknown", Denied)],
)
def test_errors(proxy: str, model: str, kind: type) -> None:
    assert isinstance(ask(proxy, model), kind)


def test_a_key_that_it_does_not_know_is_denied(proxy: str) -> None:
    verdict = ask(proxy, "says-hello", key="sk-marked-wrong-0000")
    assert isinstance(verdict, Denied)
    assert "0000" not in verdict.reason
