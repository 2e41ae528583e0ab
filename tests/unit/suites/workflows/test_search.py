from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from stormproof.suites.workflows.search import search
from stormproof.suites.workflows.tools import CATALOGUE


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("file reader", "file_operations_reader"),
        ("read csv", "file_operations_reader"),
        ("save the results to a file", "file_operations_writer"),
        ("data parsing", "data_processing_parser"),
        ("compress files", "file_operations_compressor"),
        ("convert format", "file_operations_converter"),
        ("transform data", "data_processing_transformer"),
        ("validate schema of records", "data_processing_validator"),
        ("network validation", "network_validator"),
        ("filter records by condition", "data_processing_filter"),
        ("group by and sum", "data_processing_aggregator"),
        ("HTTP GET", "network_fetcher"),
        ("upload to API", "network_poster"),
        ("health check of services", "network_monitor"),
        ("calculate an expression", "computation_calculator"),
        ("forecast next values", "computation_predictor"),
        ("statistical analysis", "computation_analyzer"),
        ("best choice within budget", "computation_optimizer"),
        ("login with credentials", "integration_authenticator"),
        ("map fields", "integration_mapper"),
        ("message queue", "integration_queue"),
        ("schedule a job", "integration_scheduler"),
        ("send an alert", "utility_notifier"),
        ("cache", "utility_cache"),
        ("logging", "utility_logger"),
    ],
)
def test_everyday_words_find_the_tool(query: str, first: str) -> None:
    assert search(query)[0].name == first


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_tools_own_name_finds_it(name: str) -> None:
    assert search(name)[0].name == name
    assert search(name.replace("_", " "))[0].name == name


def test_limit_and_no_hit() -> None:
    assert len(search("data")) == 5
    assert len(search("data", limit=2)) == 2
    assert search("data", limit=0) == ()
    assert search("xyzzy") == search("") == ()


def test_long_queries_are_cut() -> None:
    assert search("parser " * 100_000)[0].name == "data_processing_parser"


CORPUS = Path(__file__).parents[5] / "shared/corpus/recorded_episodes.jsonl.gz"


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of recorded episodes is not here")
def test_recorded_queries_find_what_their_models_then_called() -> None:
    wanted = [(q, called) for q, called in _recorded() if called in CATALOGUE]
    found = [called in {spec.name for spec in search(q)} for q, called in wanted]
    assert len(wanted) > 700
    assert sum(found) > 0.96 * len(found)


def _recorded() -> list[tuple[str, str]]:
    """Each query of the corpus with the first tool that was called after it."""
    pairs: list[tuple[str, str]] = []
    with gzip.open(CORPUS, "rt") as lines:
        for line in lines:
            query = ""
            for message in json.loads(line)["messages"]:
                if message["role"] != "assistant":
                    continue
                called = re.search(r"<tool_call>\s*(\w+)", message["content"])
                if called and query:
                    pairs.append((query, called.group(1)))
                    query = ""
                asked = re.search(r"<tool_search>([^<]{1,200})</tool_search>", message["content"])
                query = asked.group(1) if asked else query
    return pairs
