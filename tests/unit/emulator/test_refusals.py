from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import pytest

from stormproof.domain.pool import Dialect
from stormproof.emulator.limits import Cause
from stormproof.emulator.refusals import denied, exhausted, gone, retry_headers, too_many


def error_in(body: bytes) -> Any:
    return msgspec.json.decode(body)["error"]


@pytest.mark.parametrize(("dialect", "code"), [("openai", "invalid_api_key"), ("azure", "401")])
def test_a_wrong_key_is_refused_in_the_words_of_its_dialect(dialect: Dialect, code: str) -> None:
    assert error_in(denied(dialect))["code"] == code


@pytest.mark.parametrize(
    ("dialect", "code"), [("openai", "model_not_found"), ("azure", "DeploymentNotFound")]
)
def test_what_is_gone_is_named_by_its_code(dialect: Dialect, code: str) -> None:
    assert error_in(gone(dialect, "x" * 1_000))["code"] == code
    assert len(gone(dialect, "x" * 1_000)) < 300


@pytest.mark.parametrize(
    ("cause", "word"), [("rate", "RPM"), ("tokens", "TPM"), ("cap", "Too many")]
)
def test_a_rate_is_named_and_a_cap_is_not(cause: Cause, word: str) -> None:
    assert word in error_in(too_many(cause))["message"]
    assert error_in(too_many(cause))["code"] != error_in(exhausted())["code"]


def test_when_to_come_back_is_said_rightly_wrongly_or_not_at_all() -> None:
    assert retry_headers("right", 1.2) == {"retry-after": "2", "retry-after-ms": "1200"}
    assert retry_headers("soon", 1.2) == {"retry-after": "soon"}
    assert retry_headers("absent", 1.2) == {}
    date = parsedate_to_datetime(retry_headers("date", 90.0)["retry-after"])
    assert date.timestamp() - time.time() == pytest.approx(90, abs=3)


@pytest.mark.parametrize(
    ("how", "sent"), [("right", {}), ("date", {}), ("7", {"retry-after": "7"})]
)
def test_nobody_knows_when_a_slot_frees(how: str, sent: dict[str, str]) -> None:
    assert retry_headers(how, math.inf) == sent
