"""How connections are made: verified TLS, the environment's proxies, sockets that stay alive.

TLS is verified against the system's store, or SSL_CERT_FILE / SSL_CERT_DIR; nothing here can turn
that off. HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY mean what they mean to curl.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import re
import socket
import ssl
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from aiohttp import AddrInfoType, TCPConnector
from aiohttp.client_proto import ResponseHandler

# Servers hang up on idle connections after 5 s (uvicorn, node) to 4 min (Azure), mostly 60 s and
# more. Taking one that is about to be closed costs a failed call, a new one only a handshake.
LONGEST_IDLE_S = 30.0
MOST_FILES = 65_536
# Seconds, seconds, probes. A model thinks for minutes, and routers forget a silent connection
# after 4 minutes or less without telling anybody.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
_LOOPBACK = re.compile(r"localhost|127(?:\.\d+){3}|::1")
_SAFE = re.compile(r"[!-~]+")  # nothing that could end a request line or start a header


def connector() -> TCPConnector:
    """Connections without a limit of their own: slots are the dispatcher's business.

    Must be made in a running loop.
    """
    _allow_many_files()
    made = TCPConnector(
        limit=0,
        ssl=ssl.create_default_context(),
        keepalive_timeout=LONGEST_IDLE_S,
        socket_factory=_socket,
    )
    reader: type[ResponseHandler] = _Reader
    made._factory = partial(reader, loop=asyncio.get_running_loop())  # noqa: SLF001  no other way
    return made


class _Reader(ResponseHandler):
    """aiohttp's own, but for two things that it does for every answer and that change nothing.

    Its own parser reads any number of answers one after the other, and is made anew for each.
    Whenever a part is taken reading resumes, paused or not, and the parser runs over nothing.
    """

    def set_response_params(self, **params: Any) -> None:
        """Once for a connection: they are the same for all that is sent."""
        if self._parser is None:
            super().set_response_params(**params)

    def resume_reading(self, *args: Any, **kwargs: Any) -> None:
        """Go on after a pause, which alone leaves something to be parsed."""
        if self._reading_paused:
            super().resume_reading(*args, **kwargs)


def is_address(url: str) -> bool:
    """Whether the text is an http(s) address that can be called."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return False
    return bool(usable and _SAFE.fullmatch(url))


def shown(url: str) -> str:
    """An address for a person to read: nothing in it that may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names; this machine's own servers are called directly."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _LOOPBACK.fullmatch(host) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return found if not found or "://" in found else f"http://{found}"


def _socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in _KEEPALIVE.keys() & vars(socket).keys():  # not every system has them all
        made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), _KEEPALIVE[name])
    return made


def _allow_many_files() -> None:
    """Hundreds of slots need as many files; many systems allow 1,024 unless asked for more."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        resource = importlib.import_module("resource")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
