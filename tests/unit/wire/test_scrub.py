from __future__ import annotations

import json

import pytest
from spellings import SPELLINGS, in_json, marks

from stormproof.wire.scrub import SCRUBBED, Scrubber

MARK = "M4rK3dS3cr3t"
KEY = f"sk-{MARK}/with+odd=signs=="


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_credential_is_taken_out_in_every_spelling(name: str) -> None:
    text = SPELLINGS[name](KEY)
    clean = Scrubber([KEY]).text(f"before {text} after")
    assert "[key]" in clean
    assert clean.startswith("before ")
    assert clean.endswith(" after")
    assert not [mark for mark in marks(MARK, KEY) if mark in clean.lower().encode()]


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_json_body_stays_one(name: str) -> None:
    body = f'{{"said": "it is {in_json(name, KEY)}", "n": [1, "\\n\\u00e9"]}}'.encode()
    clean = json.loads(Scrubber([KEY]).body(body))
    assert clean["n"] == [1, "\né"]
    assert "[key]" in clean["said"]
    assert not [mark for mark in marks(MARK, KEY) if mark in clean["said"].lower().encode()]


def test_each_of_several_credentials_is_taken_out_wherever_it_stands() -> None:
    clean = Scrubber([KEY, "user:p4ssw0rd", "p4ssw0rd"]).text(
        f"{KEY}, dXNlcjpwNHNzdzByZA==, P4SSW0RD {KEY}"
    )
    assert clean == "[key], [key]A==, [key] [key]"


@pytest.mark.parametrize(
    "key", ["back\\slash\\key", 'quo"ted"keys', "a%2Fb%2Fc%2Fd", "=41=42=43=44"]
)
def test_a_credential_that_looks_like_escapes_is_found_too(key: str) -> None:
    assert Scrubber([key]).body(json.dumps({"it": key}).encode()) == b'{"it": "[key]"}'


def test_what_cannot_be_cut_out_is_given_up_whole() -> None:
    scrubber = Scrubber([KEY])
    scrubber._patterns = ()  # as if a decoder had been met that knows no places
    assert scrubber.body(f"it is {KEY}".encode()) == SCRUBBED


@pytest.mark.parametrize(
    "body", [b"nothing here", b'{"a": "50%20 \\u00e9 \\n &amp; c2stTTRySzNk"}']
)
def test_bytes_without_it_are_left_as_they_are(body: bytes) -> None:
    assert Scrubber([KEY]).body(body) is body


@pytest.mark.parametrize("placeholder", ["EMPTY", "none", "sk-1234"])
def test_a_placeholder_is_no_secret_and_what_a_model_said_stays(placeholder: str) -> None:
    body = f"the list is {placeholder}".encode()
    assert Scrubber([placeholder]).body(body) is body


@pytest.mark.parametrize(
    "unit", [b"\\", b"\\u00", b"%25", b"%", b"&#", b"&#x0", b"\\u{000000", b"%41"]
)
def test_bodies_full_of_beginnings_cost_linear_time(unit: bytes) -> None:
    body = unit * (400_000 // len(unit))
    assert Scrubber([KEY]).body(body) is body


def test_its_repr_shows_nothing() -> None:
    assert "M4rK" not in repr(Scrubber([KEY]))
