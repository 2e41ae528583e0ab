from __future__ import annotations

import json

import pytest

from stormproof.wire.scrub import Scrubber

KEY = "sk-live/abc+def=="


@pytest.mark.parametrize(
    "body",
    [
        f"Incorrect API key provided: {KEY}.".encode(),
        json.dumps({"error": KEY}).encode(),
        json.dumps({"error": KEY}).replace("/", "\\/").encode(),
        b"https://x/?key=sk-live%2Fabc%2Bdef%3D%3D",
    ],
)
def test_a_credential_is_taken_out_in_every_form(body: bytes) -> None:
    clean = Scrubber(KEY).bytes(body)
    assert b"[key]" in clean
    assert b"abc" not in clean


def test_bytes_without_it_are_left_as_they_are() -> None:
    body = b"nothing here"
    assert Scrubber(KEY).bytes(body) is body


@pytest.mark.parametrize("placeholder", ["EMPTY", "none", "sk-1234"])
def test_a_placeholder_is_no_secret_and_what_a_model_said_stays(placeholder: str) -> None:
    body = f"the list is {placeholder}".encode()
    assert Scrubber(placeholder).bytes(body) is body


def test_its_repr_shows_nothing() -> None:
    assert "live" not in repr(Scrubber(KEY))
