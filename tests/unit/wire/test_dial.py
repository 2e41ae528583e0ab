from __future__ import annotations

import pytest

from windtunnel.wire.dial import Unreachable, route_to

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("url", "reached", "asked"),
    [
        ("https://a.example/v1?x=1", (True, "a.example", 443), ("/v1?x=1", "a.example")),
        ("http://a.example", (False, "a.example", 80), ("/", "a.example")),
        ("https://A.example:8443/", (True, "a.example", 8443), ("/", "a.example:8443")),
        ("http://[::1]:81/x", (False, "::1", 81), ("/x", "[::1]:81")),
        ("https://me:secret@a.example/x#y", (True, "a.example", 443), ("/x", "a.example")),
    ],
)
def test_a_direct_route(url: str, reached: tuple[bool, str, int], asked: tuple[str, str]) -> None:
    route = route_to(url)
    assert (route.tls, route.host, route.port) == reached
    assert (route.target, route.host_header) == asked
    assert route.proxy is None


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "ftp://a.example", "https://", "http://a.example:0", "http://a.example:99999",
     "http://a.example/x y", "http://a.example/\r\nevil: 1", "http://a.example/é", "http://[::1"],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(Unreachable) as caught:
        route_to(url)
    assert caught.value.hopeless


def test_https_is_tunnelled_and_http_is_asked_for_whole(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://me:s%40y@proxy.example:3128")
    environment.setenv("HTTP_PROXY", "proxy.example")
    secure, plain = route_to("https://a.example/x"), route_to("http://a.example:81/x")
    assert secure.tunnelled
    assert secure.proxy == (False, "proxy.example", 3128)
    assert secure.proxy_auth == "Basic bWU6c0B5"
    assert secure.target == "/x"
    assert not plain.tunnelled
    assert plain.proxy == (False, "proxy.example", 80)
    assert plain.proxy_auth == ""
    assert plain.target == "http://a.example:81/x"


def test_all_proxy_is_the_last_resort(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ALL_PROXY", "https://all.example")
    environment.setenv("https_proxy", "http://secure.example:1")
    assert route_to("https://a.example").proxy == (False, "secure.example", 1)
    assert route_to("http://a.example").proxy == (True, "all.example", 443)


@pytest.mark.parametrize("exempt", ["a.example", ".example", "example", "*", "b, a.example:443"])
def test_no_proxy(exempt: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://proxy.example")
    environment.setenv("NO_PROXY", exempt)
    assert route_to("https://a.example").proxy is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_this_machine_is_never_asked_for_through_a_proxy(
    host: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("HTTP_PROXY", "http://proxy.example")
    assert route_to(f"http://{host}:8000").proxy is None


@pytest.mark.parametrize("host", ["localhost.example", "127.0.0.1.example", "127.example"])
def test_a_name_that_only_looks_like_this_machine_is_another(
    host: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("HTTP_PROXY", "http://proxy.example")
    assert route_to(f"http://{host}").proxy is not None


def test_a_proxy_that_cannot_be_used_is_said(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "socks5://proxy.example")
    with pytest.raises(Unreachable, match="proxy"):
        route_to("https://a.example")


def test_a_route_shows_no_secret(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://me:marked@proxy.example")
    route = route_to("https://you:marked@a.example/")
    assert "marked" not in repr(route)
    assert "Basic" not in repr(route)
