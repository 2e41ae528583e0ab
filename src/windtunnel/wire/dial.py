"""Getting a connection to a server: kept ones first, else a new one, through proxies and TLS.

TLS is verified against the system's store, or SSL_CERT_FILE / SSL_CERT_DIR; nothing here can turn
that off. HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY mean what they mean to curl.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib
import os
import re
import socket
import ssl
import time
from collections import defaultdict
from functools import cached_property
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from msgspec import Struct

from windtunnel.wire.http1 import Answer, Broken, Connection

CONNECT_TIMEOUT_S = 15.0
# Servers hang up on idle connections after 5 s (uvicorn, node) to 4 min (Azure), mostly 60 s and
# more. Taking one that is about to be closed costs a failed call, a new one only a handshake.
LONGEST_IDLE_S = 30.0
MOST_FILES = 65_536
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}  # s, s, probes
_PORTS = {"http": 80, "https": 443}
_SAFE = re.compile(r"[!-~]+")  # nothing that could end a request line or start a header
_LOOPBACK = re.compile(r"localhost|127(?:\.\d+){3}|::1")


class Unreachable(Exception):
    """No connection. `hopeless` means that trying again changes nothing."""

    def __init__(self, reason: str, *, hopeless: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hopeless = hopeless


class Route(Struct, frozen=True):
    """How a URL is reached. `target` is what its request line says; `proxy_auth` is secret."""

    tls: bool
    host: str
    port: int
    target: str
    host_header: str
    proxy: tuple[bool, str, int] | None = None
    proxy_auth: str = ""

    def __repr__(self) -> str:
        return f"Route({self.host_header})"

    @property
    def tunnelled(self) -> bool:
        """TLS inside a proxy's tunnel, so that the proxy sees neither key nor text."""
        return self.tls and self.proxy is not None


def route_to(url: str) -> Route:
    """Work out the route once. Raises `Unreachable` for what is no http(s) address."""
    parts = _split(url)
    tls = parts.scheme == "https"
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if (through := _proxy_for(parts.scheme, host, f"{shown}:{port}")) is None:
        return Route(tls, host, port, target, authority)
    proxy = _split(through if "://" in through else f"http://{through}")
    at = (proxy.scheme == "https", proxy.hostname or "", proxy.port or _PORTS[proxy.scheme])
    if not tls:
        target = f"http://{authority}{target}"
    return Route(tls, host, port, target, authority, at, _basic(proxy))


class Dialler:
    """Opens connections and keeps idle ones for the next call to the same server."""

    def __init__(self) -> None:
        self._idle: defaultdict[tuple[object, ...], list[tuple[float, Connection]]] = defaultdict(
            list
        )
        self._busy: set[Connection] = set()
        _allow_many_connections()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made when first needed: reading the system's store takes tens of milliseconds."""
        return ssl.create_default_context()

    async def connection(self, route: Route) -> Connection:
        """An idle connection, the one used last first, or a new one. Raises `Unreachable`."""
        idle = self._idle[_key(route)]
        earliest = time.monotonic() - LONGEST_IDLE_S
        while idle:
            since, connection = idle.pop()
            if since > earliest and connection.usable:
                self._busy.add(connection)
                return connection
            connection.close()
        connection = await self._open(route)
        self._busy.add(connection)
        return connection

    def keep(self, route: Route, connection: Connection) -> None:
        """Take a connection back after a whole answer; those idle for too long are closed."""
        self._busy.discard(connection)
        idle, now = self._idle[_key(route)], time.monotonic()
        while idle and idle[0][0] < now - LONGEST_IDLE_S:
            idle.pop(0)[1].close()
        idle.append((now, connection))

    def drop(self, connection: Connection) -> None:
        """Hang up on a connection that cannot serve another call."""
        self._busy.discard(connection)
        connection.close()

    def close(self) -> None:
        """Hang up on every connection, idle or under way."""
        for connection in [*self._busy, *(c for kept in self._idle.values() for _, c in kept)]:
            connection.close()
        self._idle.clear()

    async def _open(self, route: Route) -> Connection:
        """A new connection; every way to fail is told in words, without an address."""
        connection = Connection()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._connect(connection, route)
        except TimeoutError:
            connection.close()
            raise Unreachable(f"no connection within {CONNECT_TIMEOUT_S:g} s") from None
        except ssl.SSLCertVerificationError as error:
            reason = f"its certificate cannot be trusted: {error.verify_message}"
            raise Unreachable(
                f"{reason} (SSL_CERT_FILE names the authorities to trust)", hopeless=True
            ) from None
        except (OSError, UnicodeError, Broken) as error:
            connection.close()
            raise Unreachable(f"cannot connect: {_why(error)}") from None
        except BaseException:
            connection.close()
            raise
        return connection

    async def _connect(self, connection: Connection, route: Route) -> None:
        loop = asyncio.get_running_loop()
        tls, host, port = route.proxy or (route.tls, route.host, route.port)
        await loop.create_connection(lambda: connection, host, port, ssl=self._tls if tls else None)
        _keep_alive(connection.transport.get_extra_info("socket"))
        if not route.tunnelled:
            return
        answer = Answer()
        authority = f"{route.host}:{route.port}"
        auth = f"proxy-authorization: {route.proxy_auth}\r\n" if route.proxy_auth else ""
        ask = f"CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n{auth}\r\n"
        connection.transport.write(ask.encode())
        await connection.read_head(answer)
        if answer.status != 200:  # noqa: PLR2004  the tunnel is open
            raise Broken(f"the proxy answered HTTP {answer.status}")
        inner = await loop.start_tls(
            connection.transport, connection, self._tls, server_hostname=route.host
        )
        if inner is None:
            raise Broken("the connection was closed")
        connection.connection_made(inner)


def _why(error: Exception) -> str:
    """The system's words for it: the event loop's hold the address."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _keep_alive(sock: socket.socket) -> None:
    """Let TCP ask whether the other end is still there while a model thinks for minutes.

    Without it a router forgets such a connection after 4 minutes or less, and nobody is told.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in _KEEPALIVE.keys() & vars(socket).keys():  # not every system has them all
        sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), _KEEPALIVE[name])


def _allow_many_connections() -> None:
    """Hundreds of slots need as many files; many systems allow 1,024 unless asked for more."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        resource = importlib.import_module("resource")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _key(route: Route) -> tuple[object, ...]:
    """What must be equal for two calls to share a connection."""
    if route.proxy is not None and not route.tls:
        return (route.proxy, route.proxy_auth)
    return (route.tls, route.host, route.port, route.proxy, route.proxy_auth)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not _SAFE.fullmatch(url):
        raise Unreachable("its address (or its proxy's) is not an http(s) one", hopeless=True)
    return parts


def _proxy_for(scheme: str, host: str, authority: str) -> str | None:
    """The proxy as the environment has it; this machine's own servers are called directly."""
    if _LOOPBACK.fullmatch(host):
        return None
    if proxy_bypass(authority):
        return None
    proxies = getproxies()
    return proxies.get(scheme) or proxies.get("all") or None


def _basic(proxy: SplitResult) -> str:
    if proxy.username is None:
        return ""
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
