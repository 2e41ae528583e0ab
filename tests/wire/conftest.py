from __future__ import annotations

import pytest
from fake_service import FakeService

from stormproof.domain.calls import Message, Request
from stormproof.domain.pool import Endpoint


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def loopback() -> type[FakeService]:
    return FakeService


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint(
        endpoint_id="model@key0",
        number=0,
        model="model",
        provider="p",
        dialect="openai",
        base_url="http://127.0.0.1:9",
        deployment="model",
        key="env:KEY",
    )


@pytest.fixture
def asked() -> Request:
    return Request("0123abcd", 4, "model", (Message("user", "hello"),))
