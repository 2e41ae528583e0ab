"""Pool file, stormproof.toml and flags of any shape: a plan, or errors that name their place."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from stormproof.cli import main
from stormproof.errors import PoolFileError
from stormproof.plan import OPTIONS, POOL_SCHEMA
from stormproof.plan.poolfile import check_pool

FUZZ = int(os.environ.get("FUZZ", "1"))  # times as many inputs as usual; torture has 40

UNPRINTABLE = "\x00\x07\x1b[31m\u202e\ud7ff\U0001f4a9"
texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    [
        "",
        " ",
        "a b",
        "../x",
        UNPRINTABLE,
        "env:KEY",
        "env:",
        "all",
        "1e999",
        "-1",
        "nan",
        "x" * 5000,
    ]
)
numbers = (
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.sampled_from([0, -1, 10**18, math.nan, math.inf, 1e308])
)
scalars = texts | numbers | st.booleans()


values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=6,
)
POOL: dict[str, Any] = {
    "providers": {
        "p": {
            "base_url": "https://h.example/v1",
            "keys": {"k": "env:K", "l": {"ref": "env:L", "limits": {"rpm": 60}}},
            "limits": {"max_workers": 9},
            "headers": {"X-Team": "a", "X-Code": "env:C"},
            "query": {"region": "eu"},
        },
        "q": {
            "dialect": "azure", "base_url": "env:Q", "api_version": "2024-10-21",
            "keys": {"k": "env:K"},
        },
    },
    "models": {
        "m": {"provider": "p", "endpoint_limits": {"qps": 2.5, "fixed": {"max_workers": 3}}},
        "n": {"provider": "q", "deployments": ["n", "n-2"], "endpoint_limits": {"tpm": 1000}},
        "o": {
            "provider": "p", "stream": True, "system_role": "user", "max_tokens": 500,
            "parameters": {"temperature": 0.0, "seed": ""},
            "deployments": [{"name": "o", "provider": "q", "max_completion_tokens": 9}],
        },
    },
}  # fmt: skip
names = st.sampled_from(["p", "q", "m", "base_url", "keys", "provider", "limits", "qps"]) | texts


@st.composite
def changed(draw: st.DrawFn, sound: Any) -> Any:
    """What is sound, with up to three places of it dropped, renamed, or holding anything."""
    made = deepcopy(sound)
    for _ in range(draw(st.integers(0, 3))):
        table = made
        while table:
            key = draw(st.sampled_from(sorted(table)))
            if not isinstance(table[key], dict) or draw(st.integers(0, 3)) == 0:
                break
            table = table[key]
        how = draw(st.sampled_from(["drop", "rename", "fill", "add"]))
        if table and how in {"drop", "rename"}:
            dropped = table.pop(key)
            if how == "rename":
                table[draw(names)] = dropped
        else:
            table[key if table and how == "fill" else draw(names)] = draw(values)
    return made


def toml(value: Any) -> str:
    """Inline TOML; strings of JSON are strings of TOML too, once DEL is escaped."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(str(k))} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value).replace("\x7f", "\\u007f")


def document(tables: dict[str, Any]) -> str:
    return "".join(f"{toml(key)} = {toml(value)}\n" for key, value in tables.items())


@contextmanager
def folder() -> Iterator[Path]:
    """A folder to stand in, with a space in its name, and no variables that mean something."""
    before = Path.cwd()
    plain = {key: value for key, value in os.environ.items() if key not in VARIABLES}
    with tempfile.TemporaryDirectory(prefix="wind tunnel ") as made:
        os.chdir(made)
        try:
            with mock.patch.dict(os.environ, plain, clear=True):
                yield Path(made)
        finally:
            os.chdir(before)


VARIABLES = {option.env for option in OPTIONS if option.env}


def told(*words: str) -> tuple[int, str]:
    """Exit code and stderr of a command, which are checked: 0, or 2 with an error and a hint."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    said = err.getvalue()
    assert code in {0, 2}, said
    assert "Traceback" not in said
    if code == 2:
        lines = said.splitlines()
        assert all(line.startswith(("error: ", "hint: ")) for line in lines), said
        assert lines[0].startswith("error: ")
        assert lines[0] != "error: "
        assert all(c.isprintable() for line in lines for c in line), ascii(said)
        assert len(said) < 20_000
    return code, said


@settings(max_examples=40 * FUZZ, deadline=None)
@given(changed(POOL))
def test_any_pool_file(tables: dict[str, Any]) -> None:
    with folder() as here:
        (here / "a pool.toml").write_text(document(tables), encoding="utf-8")
        code, said = told("plan", "--pool", "a pool.toml", "--json")
        assert code == 0 or "a pool.toml" in said


SCHEMA = Draft7Validator(json.loads(POOL_SCHEMA.read_text(encoding="utf-8")))


@settings(max_examples=75 * FUZZ, deadline=None)
@given(changed(POOL))
def test_what_the_parser_takes_the_schema_takes(tables: dict[str, Any]) -> None:
    try:
        check_pool(tables, "pool")
    except PoolFileError:
        return
    SCHEMA.validate(tables)


@settings(max_examples=30 * FUZZ, deadline=None)
@given(
    st.binary(max_size=100) | texts.map(str.encode), st.sampled_from(["p.toml", "stormproof.toml"])
)
def test_bytes_that_are_no_toml(data: bytes, name: str) -> None:
    with folder() as here:
        (here / name).write_bytes(data)
        words = ("--pool", name) if name == "p.toml" else ()
        code, said = told("plan", "--json", *words)
        assert code == 0 or name in said


OPTIONS_TOLD: dict[str, Any] = {
    "model": "kimi-k2", "num-instances": 3, "prompt-types": ["optimal"], "seed": 7, "qps": 2.5,
    "quiet": True, "tool-success-rate": [0.5, 1], "stagger": "0,30,20", "results": "a b",
}  # fmt: skip
FLAGS = [option.flag for option in OPTIONS]


@settings(max_examples=40 * FUZZ, deadline=None)
@given(changed(OPTIONS_TOLD))
def test_any_stormproof_toml(keys: dict[str, Any]) -> None:
    with folder() as here:
        (here / "stormproof.toml").write_text(document(keys), encoding="utf-8")
        told("plan", "--json")


fits = st.lists(
    st.sampled_from(
        [(k, str(v), True) for k, v in OPTIONS_TOLD.items() if isinstance(v, (str, int))]
    )
)
words = texts.filter(lambda text: "\x00" not in text) | numbers.map(str)


@settings(max_examples=30 * FUZZ, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FLAGS), words, st.booleans()), max_size=2), fits)
def test_any_flags(
    drawn: list[tuple[str, str, bool]], fitting: list[tuple[str, str, bool]]
) -> None:
    with folder():
        pairs = ([f"--{f}={w}"] if joined else [f"--{f}", w] for f, w, joined in fitting + drawn)
        told("plan", "--json", *(word for pair in pairs for word in pair))


@settings(max_examples=30 * FUZZ, deadline=None)
@given(st.lists(words, max_size=4))
def test_any_words(drawn: list[str]) -> None:
    with folder():
        told("plan", *drawn)


@settings(max_examples=30 * FUZZ, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(VARIABLES)), words, max_size=3))
def test_any_environment(variables: dict[str, str]) -> None:
    with folder(), mock.patch.dict(os.environ, variables):
        told("plan", "--json")


@pytest.mark.parametrize("count", ["1000000000", "9" * 12, "9" * 400, "1e9", "-1", "0", "NaN"])
def test_a_billion_instances_are_refused_early(count: str) -> None:
    with folder():
        code, said = told("plan", "--num-instances", count, "--scenario", "all")
        assert code == 2
        assert "num-instances" in said


def test_what_the_mutations_start_from_is_sound() -> None:
    with folder() as here:
        (here / "p.toml").write_text(document(POOL))
        (here / "stormproof.toml").write_text(document(OPTIONS_TOLD))
        assert told("plan", "--pool", "p.toml", "--model", "m")[0] == 0
