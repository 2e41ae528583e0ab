"""What a pool file says of requests, as it reaches services that ask for just that."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from stormproof.domain.calls import Message, Ok, Rejected, Request, Verdict
from stormproof.plan import credentials, expand
from stormproof.plan.poolfile import check_pool
from stormproof.wire import HttpTransport

pytestmark = pytest.mark.anyio

Server = Callable[..., AbstractAsyncContextManager[Any]]
SECRETS = {"KEY": "sk-marked-7f3a91c2", "GATE": "gate-marked-55aa1", "CODE": "code marked/77+bb"}
REPLY = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
ASKED = Request("t", 0, "m", (Message("system", "S"), Message("user", "U")), seed=2**31 - 1)


async def talks(exchange: Any) -> None:
    await exchange.answer(200, REPLY)


async def sent(pool: str, loopback: Server, script: Any = talks) -> tuple[list[Any], list[Verdict]]:
    """What each endpoint of the pool sends, and what is made of the answers."""
    async with loopback(script) as server:
        declared = check_pool(tomllib.loads(pool.replace("URL", server.url)), "pool.toml")
        endpoints, values = credentials(expand(declared), SECRETS)
        async with HttpTransport(values) as transport:
            verdicts = [await transport.send(e, ASKED, timeout_s=5) for e in endpoints]
        return server.exchanges, verdicts


async def test_azure_ai_foundry(loopback: Server) -> None:
    """https://learn.microsoft.com/azure/ai-foundry: /models/chat/completions?api-version=…."""
    asked = []
    for base, version in (
        ("URL/models", 'query = { api-version = "2024-05-01-preview" }'),
        ("URL/models?api-version=2024-05-01-preview", ""),
        ("URL/models/chat/completions", 'api_version = "2024-05-01-preview"'),
    ):
        pool = (
            f'[providers.foundry]\ndialect = "azure"\nbase_url = "{base}"\n{version}\n'
            'keys = ["env:KEY"]\n[models.m]\nprovider = "foundry"\n'
        )
        exchanges, verdicts = await sent(pool, loopback)
        assert isinstance(verdicts[0], Ok)
        asked += exchanges
    for exchange in asked:
        assert exchange.path == "/models/chat/completions?api-version=2024-05-01-preview"
        assert exchange.headers["api-key"] == SECRETS["KEY"]
        assert exchange.body["model"] == "m"


GATEWAY = """\
[providers.gateway]
base_url = "URL/v1"
keys = ["env:KEY"]
headers = { X-Team = "research", X-Gate = "env:GATE" }
query = { code = "env:CODE" }

[models.m]
provider = "gateway"
system_role = "user"
parameters = { temperature = 0.0, seed = "", tool_choice = "auto" }
max_completion_tokens = 64
"""


async def test_headers_queries_roles_and_parameters(loopback: Server) -> None:
    (exchange,), verdicts = await sent(GATEWAY, loopback)
    assert isinstance(verdicts[0], Ok)
    assert exchange.path == "/v1/chat/completions?code=code%20marked%2F77%2Bbb"
    assert exchange.headers["x-team"] == "research"
    assert exchange.headers["x-gate"] == SECRETS["GATE"]
    assert exchange.headers["authorization"] == f"Bearer {SECRETS['KEY']}"
    assert exchange.body == {
        "model": "m",
        "messages": [{"role": "user", "content": "S\n\nU"}],
        "temperature": 0.0,
        "tool_choice": "auto",
        "max_completion_tokens": 64,
    }


async def test_no_secret_of_a_header_or_a_query_comes_back(loopback: Server) -> None:
    async def repeats(exchange: Any) -> None:
        message = f"not allowed: {exchange.head} {SECRETS['CODE']}"
        await exchange.answer(400, {"error": {"message": message}})

    _, verdicts = await sent(GATEWAY, loopback, repeats)
    assert isinstance(verdicts[0], Rejected)
    assert "not allowed" in verdicts[0].reason
    for secret in (*SECRETS.values(), "code%20marked%2F77%2Bbb"):
        assert secret not in repr(verdicts)


async def test_one_deployment_name_at_two_providers(loopback: Server) -> None:
    pool = (
        '[providers.one]\nbase_url = "URL/one/v1"\nkeys = ["env:KEY"]\n'
        '[providers.two]\nbase_url = "URL/two/v1"\nkeys = ["env:GATE"]\n'
        '[models.m]\ndeployments = [{ name = "m", provider = "one" },'
        ' { name = "m", provider = "two", system_role = "user" }]\n'
    )
    exchanges, verdicts = await sent(pool, loopback)
    assert all(isinstance(verdict, Ok) for verdict in verdicts)
    assert [e.path for e in exchanges] == ["/one/v1/chat/completions", "/two/v1/chat/completions"]
    assert [len(e.body["messages"]) for e in exchanges] == [2, 1]
    keys = [e.headers["authorization"].split()[1] for e in exchanges]
    assert keys == [SECRETS["KEY"], SECRETS["GATE"]]
