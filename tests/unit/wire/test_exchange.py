"""What is relied on of aiohttp's inside, named one by one, for the day it changes."""

from __future__ import annotations

import asyncio
import inspect
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from aiohttp import ClientRequest, ClientTimeout, StreamReader, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage

from stormproof.wire.exchange import Address

PROJECT = Path(__file__).parents[3] / "pyproject.toml"

USED = (
    (TCPConnector, ("connect",)),
    (ClientRequest, ("connection_key", "is_ssl")),
    (Connection, ("protocol", "transport", "close", "release")),
    (
        ResponseHandler,
        ("set_response_params", "read", "resume_reading", "_reading_paused", "_parser"),
    ),
    (RawResponseMessage, ("code", "headers")),
    (StreamReader, ("is_eof", "readany", "read_nowait")),
)
PASSED = (
    (TCPConnector.connect, ("req", "traces", "timeout")),
    (ClientRequest.__init__, ("method", "url", "headers", "proxy", "loop")),
    (ResponseHandler.set_response_params, ("read_until_eof",)),
    (ClientTimeout, ("total", "sock_connect")),
)


def test_the_version_is_within_the_ceiling() -> None:
    found = re.search(r'"aiohttp>=(\d+)\.(\d+),<(\d+)\.(\d+)"', PROJECT.read_text())
    assert found is not None
    least_major, least_minor, major, minor = map(int, found.groups())
    ours = tuple(map(int, version("aiohttp").split(".")[:2]))
    assert (least_major, least_minor) <= ours < (major, minor)


@pytest.mark.parametrize(("kind", "names"), USED, ids=lambda part: getattr(part, "__name__", ""))
def test_what_is_read_and_called_is_there(kind: type, names: tuple[str, ...]) -> None:
    assert set(names) - set(dir(kind)) == set()


@pytest.mark.parametrize(
    ("function", "names"), PASSED, ids=lambda part: getattr(part, "__qualname__", "")
)
def test_what_is_passed_is_taken(function: object, names: tuple[str, ...]) -> None:
    assert callable(function)
    assert set(names) - set(inspect.signature(function).parameters) == set()


async def _target() -> ClientRequest:
    proxy = "http://proxy.example:3128"
    return Address(TCPConnector(), "https://host.example/v1?a=b", {"a": "b"}, proxy)._target


def test_a_request_that_is_never_sent_knows_its_address() -> None:
    target = asyncio.run(_target())
    assert (target.url.raw_path_qs, target.is_ssl()) == ("/v1?a=b", True)
    assert target.headers["a"] == "b"
    assert str(target.proxy) == "http://proxy.example:3128"


def test_the_connection_key_is_computed_once_and_is_the_library_s_own() -> None:
    target = asyncio.run(_target())
    key = target.connection_key
    assert key is target.connection_key
    assert isinstance(key, ConnectionKey)
    assert (key.host, key.port, key.is_ssl) == ("host.example", 443, True)
