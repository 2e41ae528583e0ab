"""The JSON Schema that editors check pool files with, against the parser that reads them."""

from __future__ import annotations

import json
import re
import tomllib
from copy import deepcopy
from typing import Any, get_type_hints

import pytest
from jsonschema import Draft7Validator

from stormproof.errors import PoolFileError
from stormproof.plan import POOL_SCHEMA, SHIPPED_POOL
from stormproof.plan.poolfile import check_pool
from stormproof.plan.python_api import (
    DeploymentTable,
    KeyTable,
    LimitsTable,
    ModelTable,
    ProviderTable,
    StartTable,
)

POOL: dict[str, Any] = {
    "providers": {
        "p": {
            "base_url": "https://h.example/v1",
            "keys": {"k": "env:K", "l": {"ref": "env:L", "limits": {"rpm": 60}}},
            "limits": {"max_workers": 9},
        },
        "q": {
            "dialect": "azure", "base_url": "env:Q", "api_version": "2024-10-21",
            "keys": ["env:K"], "headers": {"X-Code": "env:C"}, "query": {"region": "eu"},
        },
    },
    "models": {
        "m": {
            "provider": "p", "max_tokens": 5, "parameters": {"seed": ""}, "stream": True,
            "start": {"qps": 5},
        },
        "n": {"deployments": [{"name": "n", "provider": "q", "system_role": "user"}]},
    },
}  # fmt: skip
SCHEMA = json.loads(POOL_SCHEMA.read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(SCHEMA)


def parses(data: Any) -> bool:
    try:
        check_pool(data, "pool")
    except PoolFileError:
        return False
    return True


def test_it_is_a_schema_and_takes_the_shipped_pool() -> None:
    Draft7Validator.check_schema(SCHEMA)
    VALIDATOR.validate(tomllib.loads(SHIPPED_POOL.read_text(encoding="utf-8")))
    VALIDATOR.validate(POOL)


PLACES: dict[str, tuple[tuple[str | int, ...], type]] = {
    "provider": (("providers", "p"), ProviderTable),
    "key": (("providers", "p", "keys", "l"), KeyTable),
    "limits": (("providers", "p", "limits"), LimitsTable),
    "start": (("models", "m", "start"), StartTable),
    "model": (("models", "m"), ModelTable),
    "deployment": (("models", "m", "deployments", 0), DeploymentTable),
}


@pytest.mark.parametrize("name", PLACES)
def test_parser_schema_and_python_know_the_same_keys(name: str) -> None:
    path, table = PLACES[name]
    data: Any = deepcopy(POOL)
    data["models"]["m"]["deployments"] = [{"name": "d"}]
    place = data
    for step in path:
        place = place[step]
    place["zzz"] = 1
    with pytest.raises(PoolFileError) as caught:
        check_pool(data, "pool")
    found = re.search(r"zzz: found a key that means nothing here; allowed: (.*)", str(caught.value))
    assert found is not None
    definition = SCHEMA["definitions"][name]
    definition = definition.get("oneOf", [definition])[-1]
    known = set(re.sub(r"; did you mean.*", "", found[1]).split(", "))
    assert known == set(definition["properties"]) == set(get_type_hints(table))


WRONG: list[tuple[tuple[str, ...], Any]] = [
    (("providers",), {}),
    (("models",), 3),
    (("providers", "p", "dialect"), "azur"),
    (("providers", "p", "base_url"), "ftp://x"),
    (("providers", "q", "api_version"), ""),
    (("providers", "p", "keys"), {}),
    (("providers", "p", "keys", "k"), "sk-plain-text-key"),
    (("providers", "p", "headers"), {"X-Team": 5}),
    (("providers", "p", "query"), {"api-version": ""}),
    (("providers", "p", "limits", "rpm"), 0),
    (("providers", "p", "limits", "fixed"), {"rpn": 5}),
    (("models", "m", "parameters"), {"messages": ""}),
    (("models", "m", "max_tokens"), 0),
    (("models", "m", "max_completion_tokens"), "5"),
    (("models", "m", "system_role"), "developer"),
    (("models", "m", "stream"), "yes"),
    (("models", "m", "deployments"), []),
    (("models", "m", "deployments"), [{"limits": {}}]),
    (("models", "m", "price_in"), -1),
    (("models", "m", "per_prompt_type"), 1),
    (("models", "m", "kind"), "secret"),
]


@pytest.mark.parametrize(("path", "value"), WRONG, ids=lambda part: str(part)[:40])
def test_what_is_wrong_is_wrong_to_both(path: tuple[str, ...], value: Any) -> None:
    data: Any = deepcopy(POOL)
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not parses(data)
    assert not VALIDATOR.is_valid(data)


def test_azure_wants_a_version_wherever_it_stands() -> None:
    for change, is_right in (
        ({}, False),
        ({"api_version": "2024-10-21"}, True),
        ({"query": {"api-version": "2024-10-21"}}, True),
        ({"base_url": "https://x.example/models?api-version=2024-10-21"}, True),
    ):
        data: Any = deepcopy(POOL)
        data["providers"]["q"].pop("api_version")
        data["providers"]["q"] |= change
        assert parses(data) == VALIDATOR.is_valid(data) == is_right
