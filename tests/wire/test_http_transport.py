"""`HttpTransport` against real sockets that do what real networks do."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stormproof.domain.calls import (
    Blocked,
    Denied,
    Message,
    Ok,
    Overlong,
    Refused,
    Rejected,
    Request,
    Transient,
    Verdict,
)
from stormproof.domain.pool import Endpoint
from stormproof.errors import ConfigError
from stormproof.wire import HttpTransport
from stormproof.wire.connections import shown
from stormproof.wire.exchange import LARGEST_BODY

pytestmark = pytest.mark.anyio

KEY = "sk-marked-7f3a91c2"
Server = Callable[..., AbstractAsyncContextManager[Any]]
REPLY = {
    "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
    "model": "served",
}


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


async def ok(exchange: Any) -> None:
    await exchange.answer(200, REPLY, content_type="application/json")


def at(endpoint: Endpoint, url: str, **changes: Any) -> Endpoint:
    return msgspec.structs.replace(endpoint, base_url=url, **changes)


async def verdict_on(
    script: Any,
    loopback: Server,
    endpoint: Endpoint,
    asked: Request,
    *,
    timeout_s: float = 5,
    hangs_up: bool = False,
) -> tuple[Verdict, Any]:
    """The verdict, and what the server saw; with `hangs_up` it must see the client go."""
    async with loopback(script) as server, HttpTransport({"env:KEY": KEY}) as transport:
        there = at(endpoint, server.url + "/v1")
        verdict = await transport.send(there, asked, timeout_s=timeout_s)
        if hangs_up:
            await until(lambda: server.closed)
        return verdict, server


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another part does on its own; fail after two seconds."""
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110  the server's records are not events
            await asyncio.sleep(0.005)


async def test_an_openai_call_as_it_is_on_the_wire(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    verdict, server = await verdict_on(ok, loopback, endpoint, asked)
    assert isinstance(verdict, Ok)
    assert verdict.reply.text == "hi"
    (exchange,) = server.exchanges
    assert exchange.path == "/v1/chat/completions"
    assert exchange.headers["authorization"] == f"Bearer {KEY}"
    assert exchange.headers["content-type"] == "application/json"
    assert exchange.headers["x-client-request-id"] == "0123abcd/4/1"
    assert exchange.body == {"model": "model", "messages": [{"role": "user", "content": "hello"}]}


async def test_an_azure_call_as_it_is_on_the_wire(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async with loopback(ok) as server, HttpTransport({"env:KEY": KEY}) as transport:
        azure = at(endpoint, server.url, dialect="azure", api_version="2024-10-21")
        assert isinstance(await transport.send(azure, asked, timeout_s=5, attempt=3), Ok)
    (exchange,) = server.exchanges
    assert exchange.path == "/openai/deployments/model/chat/completions?api-version=2024-10-21"
    assert exchange.headers["api-key"] == KEY
    assert "authorization" not in exchange.headers
    assert exchange.headers["x-client-request-id"] == "0123abcd/4/3"


async def test_connections_are_reused(loopback: Server, endpoint: Endpoint, asked: Request) -> None:
    async with loopback(ok) as server, HttpTransport({"env:KEY": KEY}) as transport:
        there = at(endpoint, server.url)
        for _ in range(5):
            assert isinstance(await transport.send(there, asked, timeout_s=5), Ok)
            await asyncio.sleep(0.01)
        for _ in range(3):
            sends = (transport.send(there, asked, timeout_s=5) for _ in range(20))
            assert all(isinstance(v, Ok) for v in await asyncio.gather(*sends))
            await asyncio.sleep(0.05)
    assert len(server.exchanges) == 65
    assert server.connections <= 20


async def test_an_endpoint_that_moved_is_followed(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async with (
        loopback(ok) as first,
        loopback(ok) as second,
        HttpTransport({"env:KEY": KEY}) as transport,
    ):
        for server in (first, second):
            await transport.send(at(endpoint, server.url), asked, timeout_s=5)
    assert len(first.exchanges) == len(second.exchanges) == 1


# --- what networks do -----------------------------------------------------------------------


async def reset(exchange: Any) -> None:
    exchange.reset()


async def hang(exchange: Any) -> None:
    await exchange.hang()


async def garbage(exchange: Any) -> None:
    await exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    exchange.drop()


async def nothing(exchange: Any) -> None:
    exchange.drop()


@pytest.mark.parametrize("script", [reset, garbage, nothing])
async def test_no_answer_at_all_is_transient_and_sent_once(
    script: Any, loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    verdict, server = await verdict_on(script, loopback, endpoint, asked)
    assert isinstance(verdict, Transient)
    assert verdict.reason.startswith("no answer")
    assert len(server.exchanges) == 1


async def test_a_hang_ends_at_the_time_limit_and_closes_the_connection(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    started = time.monotonic()
    verdict, _ = await verdict_on(hang, loopback, endpoint, asked, timeout_s=0.3, hangs_up=True)
    assert verdict == Transient("no whole answer within 0.3 s")
    assert time.monotonic() - started < 2


async def test_a_body_cut_off_is_kept_raw(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async def cut(exchange: Any) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n" + b'{"choices": [{')
        exchange.drop()

    verdict, _ = await verdict_on(cut, loopback, endpoint, asked)
    assert isinstance(verdict, Transient)
    assert verdict.reason == "the answer broke off; HTTP 200 and 14 bytes came"
    assert verdict.raw == '{"choices": [{'


async def test_a_reply_that_was_whole_before_the_break_is_a_reply(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async def cut(exchange: Any) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n"
        await exchange.send(head + msgspec.json.encode(REPLY))
        exchange.drop()

    verdict, _ = await verdict_on(cut, loopback, endpoint, asked)
    assert isinstance(verdict, Ok)
    assert verdict.reply.text == "hi"


async def test_a_drip_ends_at_the_time_limit_with_what_came(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async def drip(exchange: Any) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")
        while True:
            await exchange.send(b"x")
            await asyncio.sleep(0.1)

    started = time.monotonic()
    verdict, _ = await verdict_on(drip, loopback, endpoint, asked, timeout_s=0.55, hangs_up=True)
    assert isinstance(verdict, Transient)
    assert verdict.reason.startswith("no whole answer within 0.55 s; HTTP 200 and ")
    assert 3 <= len(verdict.raw) <= 6
    assert time.monotonic() - started < 2


async def endless(exchange: Any) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n")
    for _ in range(500):
        await exchange.send(b"x" * 100_000)


async def bomb(exchange: Any) -> None:
    await exchange.answer(200, gzip.compress(b"x" * 50_000_000), content_encoding="gzip")


@pytest.mark.parametrize("script", [endless, bomb])
async def test_a_body_of_50_mb_is_bounded(
    script: Any, loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    hangs_up = script is endless  # the other one has sent all that it had
    verdict, _ = await verdict_on(script, loopback, endpoint, asked, hangs_up=hangs_up)
    assert isinstance(verdict, Transient)
    assert verdict.reason == "HTTP 200 with a body of more than 4 MiB"
    assert len(verdict.raw) < LARGEST_BODY


async def an_endless_refusal(exchange: Any) -> None:
    await exchange.send(b"HTTP/1.1 429 X\r\nretry-after: 7\r\ncontent-length: 50000000\r\n\r\n")
    for _ in range(500):
        await exchange.send(b"x" * 100_000)


async def a_refusal_that_breaks_off(exchange: Any) -> None:
    await exchange.send(b"HTTP/1.1 429 X\r\nretry-after: 7\r\ncontent-length: 900\r\n\r\n{")
    exchange.drop()


@pytest.mark.parametrize("script", [an_endless_refusal, a_refusal_that_breaks_off])
async def test_a_refusal_is_one_by_its_head_alone(
    script: Any, loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    hangs_up = script is an_endless_refusal
    verdict, _ = await verdict_on(script, loopback, endpoint, asked, hangs_up=hangs_up)
    assert isinstance(verdict, Refused)
    assert verdict.retry_after_s == 7
    assert re.match("HTTP 429: (a body of more than 4 MiB|the answer broke off)", verdict.reason)


async def test_a_redirect_is_not_followed(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async with loopback(ok) as other, HttpTransport({"env:KEY": KEY}) as transport:

        async def redirect(exchange: Any) -> None:
            await exchange.answer(307, b"", location=f"{other.url}/v1/chat/completions")

        async with loopback(redirect) as server:
            verdict = await transport.send(at(endpoint, server.url), asked, timeout_s=5)
    assert isinstance(verdict, Denied)
    assert other.connections == 0


@pytest.mark.parametrize(
    ("status", "value", "kind"),
    [
        (200, b"<html>maintenance</html>", Transient),
        (200, {"error": {"message": "backend gone", "code": 502}}, Transient),
        (200, {"choices": [{"message": {"content": ""}}]}, Transient),
        (429, {"error": {"message": "slow down"}}, Refused),
        (400, {"error": {"message": "too long", "code": "context_length_exceeded"}}, Overlong),
        (400, {"error": {"message": "no", "code": "content_filter"}}, Blocked),
        (400, {"error": {"message": "what?"}}, Rejected),
        (401, {"error": {"message": "no"}}, Denied),
    ],
)
async def test_statuses_and_bodies_reach_their_verdicts(
    status: int, value: Any, kind: type, loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async def script(exchange: Any) -> None:
        await exchange.answer(status, value, Retry_After="2")

    verdict, _ = await verdict_on(script, loopback, endpoint, asked)
    assert isinstance(verdict, kind)
    if status == 429:
        assert getattr(verdict, "retry_after_s", None) == 2


async def test_a_404_names_the_address_but_not_what_may_be_secret_in_it(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async def gone(exchange: Any) -> None:
        await exchange.answer(404, {"detail": "Not Found"})

    verdict, server = await verdict_on(gone, loopback, endpoint, asked)
    assert verdict == Denied(f"HTTP 404: Not Found (asked at {server.url}/v1/chat/completions)")
    assert shown("https://me:pw@host:1/v1?key=sk") == "https://host:1/v1"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9", "Connection refused"),
        ("http://nowhere.invalid", ""),  # resolvers word it in their own ways
    ],
)
async def test_a_closed_port_and_an_unknown_host_say_so(
    url: str, words: str, endpoint: Endpoint, asked: Request
) -> None:
    async with HttpTransport({"env:KEY": KEY}) as transport:
        verdict = await transport.send(at(endpoint, url), asked, timeout_s=5)
    assert isinstance(verdict, Transient)
    assert verdict.reason.startswith(f"cannot connect to {url.removeprefix('http://')}: ")
    assert verdict.unreached
    assert verdict.reason.endswith(words)


async def test_an_address_that_is_none_is_denied(endpoint: Endpoint, asked: Request) -> None:
    async with HttpTransport({"env:KEY": KEY}) as transport:
        verdict = await transport.send(at(endpoint, "nonsense"), asked, timeout_s=5)
        assert isinstance(verdict, Denied)


async def test_cancelling_a_call_closes_its_connection(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async with loopback(hang) as server, HttpTransport({"env:KEY": KEY}) as transport:
        call = asyncio.ensure_future(transport.send(at(endpoint, server.url), asked, timeout_s=60))
        await until(lambda: server.exchanges)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: server.closed)


async def test_closing_the_transport_ends_calls_under_way(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async with loopback(hang) as server:
        transport = HttpTransport({"env:KEY": KEY})
        call = asyncio.ensure_future(transport.send(at(endpoint, server.url), asked, timeout_s=60))
        await until(lambda: server.exchanges)
        await transport.close()
        assert isinstance(await call, Transient)


# --- forms of HTTP/1.1 ----------------------------------------------------------------------


async def chunked(exchange: Any) -> None:
    body = msgspec.json.encode(REPLY)
    await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for at_byte in range(0, len(body), 7):
        piece = body[at_byte : at_byte + 7]
        await exchange.send(b"%x;name=value\r\n%s\r\n" % (len(piece), piece))
        await asyncio.sleep(0)
    await exchange.send(b"0\r\nx-trailer: 1\r\n\r\n")


async def byte_by_byte(exchange: Any) -> None:
    body = msgspec.json.encode(REPLY)
    for byte in b"HTTP/1.1 200\r\nContent-Length:%d\r\n\r\n%s" % (len(body), body):
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0)


async def early_hints(exchange: Any) -> None:
    await exchange.send(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
    await exchange.answer(200, REPLY)


async def compressed(exchange: Any) -> None:
    body = gzip.compress(msgspec.json.encode(REPLY))
    await exchange.answer(200, body, Content_Encoding="gzip")


@pytest.mark.parametrize("script", [chunked, byte_by_byte, early_hints, compressed])
async def test_answers_in_many_forms_are_read_and_the_connection_kept(
    script: Any, loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async with loopback(script) as server, HttpTransport({"env:KEY": KEY}) as transport:
        for _ in range(2):
            verdict = await transport.send(at(endpoint, server.url), asked, timeout_s=5)
            assert isinstance(verdict, Ok)
            assert verdict.reply.text == "hi"
    assert server.connections == 1


async def until_the_end(exchange: Any) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\n\r\n" + msgspec.json.encode(REPLY))
    exchange.drop()


async def says_close(exchange: Any) -> None:
    await exchange.answer(200, REPLY, Connection="Close")


async def old(exchange: Any) -> None:
    body = msgspec.json.encode(REPLY)
    await exchange.send(b"HTTP/1.0 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


async def too_much(exchange: Any) -> None:
    await exchange.answer(200, REPLY)
    await exchange.answer(200, {"choices": [{"message": {"content": "for someone else"}}]})


@pytest.mark.parametrize("script", [until_the_end, says_close, old, too_much])
async def test_a_connection_that_cannot_be_trusted_again_is_not_used_again(
    script: Any, loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async with loopback(script) as server, HttpTransport({"env:KEY": KEY}) as transport:
        for _ in range(3):
            verdict = await transport.send(at(endpoint, server.url), asked, timeout_s=5)
            assert isinstance(verdict, Ok)
            assert verdict.reply.text == "hi"
            await asyncio.sleep(0.02)
    assert server.connections == 3


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: -5\r\n\r\nxx",
        b"content-length: 1e3\r\n\r\nxx",
        b"content-length: \r\n\r\nxx",
        b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"transfer-encoding: chunked\r\n\r\n-1\r\n",
        b"x: " + b"y" * 200_000,
    ],
)
async def test_http_that_makes_no_sense_is_transient(
    head: bytes, loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async def script(exchange: Any) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\n" + head)

    verdict, _ = await verdict_on(script, loopback, endpoint, asked, hangs_up=True)
    assert isinstance(verdict, Transient)


async def test_an_idle_connection_that_the_server_closed_is_not_used(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async def once(exchange: Any) -> None:
        await exchange.answer(200, REPLY)
        exchange.drop()

    async with loopback(once) as server, HttpTransport({"env:KEY": KEY}) as transport:
        for _ in range(3):
            assert isinstance(
                await transport.send(at(endpoint, server.url), asked, timeout_s=5), Ok
            )
            await asyncio.sleep(0.02)
    assert server.connections == 3


# --- TLS and proxies ------------------------------------------------------------------------


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the test's certificate, is not installed")
    folder = tmp_path_factory.mktemp("tls")
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:api.example.test"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", names]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def tls_server(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def test_a_certificate_that_nobody_signed_is_refused_before_the_key_is_sent(
    certificate: Path, loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async with (
        loopback(ok, tls_server(certificate)) as server,
        HttpTransport({"env:KEY": KEY}) as transport,
    ):
        verdict = await transport.send(at(endpoint, server.url), asked, timeout_s=5)
    assert isinstance(verdict, Denied)
    assert "certificate" in verdict.reason
    assert "SSL_CERT_FILE" in verdict.reason
    assert server.exchanges == []


ONE_CALL = """
import asyncio, sys, uvloop
from stormproof.domain.calls import Message, Request
from stormproof.domain.pool import Endpoint
from stormproof.wire import HttpTransport

async def main():
    endpoint = Endpoint("e", 0, "m", "p", "openai", sys.argv[1], "m", "env:KEY")
    request = Request("t", 0, "m", (Message("user", "hello"),))
    async with HttpTransport({"env:KEY": "sk-marked-7f3a91c2"}) as transport:
        print(repr(await transport.send(endpoint, request, timeout_s=5)))

(uvloop if sys.argv[2] == "uvloop" else asyncio).run(main())
"""


async def one_call(url: str, **environment: str) -> str:
    """One call from a process of its own, since these variables are read where one starts."""
    inherited = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ONE_CALL, url, loop,
        env=inherited | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.decode()


async def test_ssl_cert_file_names_whom_to_trust(certificate: Path, loopback: Server) -> None:
    async with loopback(ok, tls_server(certificate)) as server:
        out = await one_call(server.url, SSL_CERT_FILE=str(certificate / "cert.pem"))
    assert out.startswith("Ok(")


def tunnel_to(server: Any) -> Any:
    """A proxy that opens its tunnel to `server`, whatever it was asked for."""

    async def tunnel(exchange: Any) -> None:
        port = int(server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(splice(exchange.reader, writer), splice(reader, exchange.writer))

    return tunnel


async def splice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_https_goes_through_the_proxy_with_the_key_inside_the_tunnel(
    certificate: Path, loopback: Server
) -> None:
    async with (
        loopback(ok, tls_server(certificate)) as server,
        loopback(tunnel_to(server)) as proxy,
    ):
        through = proxy.url.replace("://", "://me:pa%40ss@")
        trusted = {"SSL_CERT_FILE": str(certificate / "cert.pem")}
        out = await one_call("https://api.example.test/v1", HTTPS_PROXY=through, **trusted)
    assert out.startswith("Ok(")
    (asked_of_proxy,) = proxy.exchanges
    assert asked_of_proxy.head.startswith("CONNECT api.example.test:443 HTTP/1.1\r\n")
    assert asked_of_proxy.headers["proxy-authorization"] == "Basic bWU6cGFAc3M="  # me:pa@ss
    assert KEY not in asked_of_proxy.head
    (asked_of_server,) = server.exchanges
    assert asked_of_server.headers["host"] == "api.example.test"
    assert asked_of_server.headers["authorization"] == f"Bearer {KEY}"
    assert "proxy-authorization" not in asked_of_server.headers


async def test_a_proxy_that_refuses_the_tunnel_is_named(loopback: Server) -> None:
    async def refuse(exchange: Any) -> None:
        await exchange.answer(403, b"")

    async with loopback(refuse) as proxy:
        out = await one_call("https://api.example.test/v1", HTTPS_PROXY=proxy.url)
    assert "cannot connect to api.example.test: the proxy answered HTTP 403" in out


async def test_a_certificate_of_another_name_is_refused(
    certificate: Path, loopback: Server
) -> None:
    async with (
        loopback(ok, tls_server(certificate)) as server,
        loopback(tunnel_to(server)) as proxy,
    ):
        trusted = {"SSL_CERT_FILE": str(certificate / "cert.pem")}
        out = await one_call("https://other.example.test", HTTPS_PROXY=proxy.url, **trusted)
    assert out.startswith("Denied(")
    assert "certificate cannot be trusted" in out
    assert server.exchanges == []


@pytest.mark.parametrize("exempt", ["", "api.example.invalid"])
async def test_http_proxy_and_no_proxy(exempt: str, loopback: Server) -> None:
    async with loopback(ok) as proxy:
        url = "http://api.example.invalid/v1"
        out = await one_call(url, HTTP_PROXY=proxy.url, http_proxy=proxy.url, NO_PROXY=exempt)
    assert len(proxy.exchanges) == (0 if exempt else 1)
    assert out.startswith("Transient(" if exempt else "Ok(")


async def test_a_proxy_of_plain_http_is_shown_its_own_password_with_each_call(
    loopback: Server,
) -> None:
    async with loopback(ok) as proxy:
        through = proxy.url.replace("://", "://me:pa%40ss@")
        out = await one_call("http://api.example.invalid/v1", http_proxy=through)
    assert out.startswith("Ok(")
    (exchange,) = proxy.exchanges
    assert exchange.path == "http://api.example.invalid/v1/chat/completions"
    assert exchange.headers["proxy-authorization"] == "Basic bWU6cGFAc3M="  # me:pa@ss
    assert exchange.headers["host"] == "api.example.invalid"


async def test_this_machines_own_servers_are_called_directly(loopback: Server) -> None:
    async with loopback(ok) as server, loopback(ok) as proxy:
        out = await one_call(server.url, ALL_PROXY=proxy.url, http_proxy=proxy.url)
    assert out.startswith("Ok(")
    assert proxy.exchanges == []


# --- secrets --------------------------------------------------------------------------------


async def echo(exchange: Any) -> None:
    key = exchange.headers["authorization"]
    status = int(exchange.path.split("/")[1])
    error = {"error": {"message": f"Incorrect API key provided: {key}", "code": key}}
    await exchange.answer(status, error, X_Echo=key)


async def echo_cut(exchange: Any) -> None:
    key = exchange.headers["authorization"].encode()
    await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n" + key)
    exchange.drop()


@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("key", [KEY, "sk/marked+7f3a91c2=="])
async def test_a_key_that_a_provider_repeats_is_not_in_the_verdict(
    status: int, key: str, loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async with loopback(echo) as server, HttpTransport({"env:KEY": key}) as transport:
        there = at(endpoint, f"{server.url}/{status}")
        verdict = await transport.send(there, asked, timeout_s=5)
    assert "7f3a91c2" not in repr(verdict)
    assert "[key]" in repr(verdict)


async def test_a_key_in_a_body_cut_off_is_not_kept(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    verdict, _ = await verdict_on(echo_cut, loopback, endpoint, asked)
    assert isinstance(verdict, Transient)
    assert verdict.raw == "Bearer [key]"


def test_a_key_that_no_header_can_carry_is_a_config_error_without_its_value() -> None:
    for value in ("", "sk-marked\n", "sk-märked", "sk\x00marked"):
        with pytest.raises(ConfigError) as caught:
            HttpTransport({"env:KEY": value})
        assert "env:KEY" in caught.value.message
        assert "marked" not in "".join(traceback.format_exception(caught.value)).replace(
            repr(value), ""
        )


async def test_nothing_that_a_transport_shows_of_itself_holds_a_key(
    endpoint: Endpoint, asked: Request
) -> None:
    async with HttpTransport({"env:KEY": KEY}) as transport:
        verdict = await transport.send(at(endpoint, "http://127.0.0.1:9"), asked, timeout_s=5)
        assert KEY not in repr(transport) + repr(verdict)


async def test_a_key_without_a_value_is_denied_by_its_reference(
    endpoint: Endpoint, asked: Request
) -> None:
    async with HttpTransport({}) as transport:
        verdict = await transport.send(endpoint, asked, timeout_s=5)
    assert verdict == Denied("no value is known for env:KEY")


async def test_long_histories_go_through_whole(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    messages = tuple(Message("user", f"{n} é " * 2000) for n in range(40))
    long = msgspec.structs.replace(asked, messages=messages)
    verdict, server = await verdict_on(ok, loopback, endpoint, long)
    assert isinstance(verdict, Ok)
    assert [m["content"] for m in server.exchanges[0].body["messages"]] == [
        m.content for m in messages
    ]
