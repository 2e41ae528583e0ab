from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from msgspec.structs import replace

from stormproof.domain.calls import Answer, Reply, Usage
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.trials import make_trial
from stormproof.errors import StoreCorrupt
from stormproof.report.result_charts import rows_of
from stormproof.report.results import open_results
from stormproof.report.spending import (
    Spent,
    endpoints,
    speed_ups,
    spending,
    spent_facts,
    with_prices,
)
from stormproof.store import Header, append_run, open_store
from stormproof.testing.records import an_endpoint

TRIALS = [
    make_trial(suite="s", seed=0, model="m", task_id=f"t{i}", task_type="simple_task",
               condition=Condition("optimal", "easy", 0.8))
    for i in range(3)
]  # fmt: skip


def turn(index: int, endpoint: str = "m-1") -> Turn:
    return Turn(index, Answer(Reply("x", usage=Usage(100, 10)), endpoint, attempts=2), "none")


async def fill(folder: Path) -> None:
    """One episode of two turns; one lost and begun again; one that only began."""
    async with open_store(folder, Header(suite="s", seed=0)) as store:
        lost: dict[str, Any] = {"outcome": "infrastructure", "ending": "infrastructure"}
        await store.episode(Episode(TRIALS[0], turns=(turn(0), turn(1, "m-2")), **lost))
        await store.episode(Episode(TRIALS[1], turns=(turn(0),), **lost))
        await store.seal()
        await store.turn(TRIALS[1].trial_id, turn(1))
        for index in range(3):
            await store.turn(TRIALS[2].trial_id, turn(index))
    declared = {"dialect": "azure", "model": "m", "price_in": 2.0, "limits": {"max_workers": 4}}
    pool = [declared | {"endpoint_id": name} for name in ("m-1", "m-2", "m-3")]
    append_run(folder, {"options": {}, "endpoints": pool})
    samples = [
        {
            "id": "m-1",
            "t": 10.0,
            "in_flight": 3,
            "refused": 2,
            "discarded": 5,
            "discarded_tokens": 600,
            "hedges": 1,
        },
        {"id": "m-2", "t": 10.0, "in_flight": 1},
        {"id": "m-3", "t": 10.0, "refused": 9},
    ]
    (folder / "pool.jsonl").write_text("\n".join(map(json.dumps, samples)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spent") / "r"
    anyio.run(fill, path)
    return path


def test_every_paid_call_counts_once(folder: Path) -> None:
    first, second, silent = spending(open_results(folder))
    assert (first.calls, first.unfinished, first.extra_sends) == (6, 4, 6)
    assert (second.calls, second.unfinished) == (1, 0)
    assert (silent.endpoint, silent.calls, silent.extra_sends, silent.cost) == ("m-3", 0, 0, 0.0)
    assert first.cost == pytest.approx(600 * 2 / 1e6)


def test_what_was_spent_is_said_in_words(folder: Path) -> None:
    results = open_results(folder)
    said = dict(spent_facts(results, spending(results)))
    assert said["model calls"] == (
        "7, 4 of them in episodes that have not ended, and 5 replies of 600 tokens thrown away, "
        "and 1 more sent beside slow ones"
    )
    assert said["tokens"] == "700 in, 70 out"
    assert said["cost"] == "0.00 in the currency of the prices"
    assert [row["thrown away"] for row in rows_of(endpoints(results, spending(results)))] == [
        5,
        0,
        0,
    ]


def test_all_endpoints_beside_the_fastest(folder: Path) -> None:
    results = open_results(folder)
    every, model = rows_of(speed_ups(results, spending(results)))
    assert (every["kind"], every["model"], model["model"]) == ("Azure open", "all", "m")
    for row in (every, model):
        assert (row["endpoints"], row["slots"], row["reached at once"]) == (3, 12, 4)
        assert (row["refusals"], row["answers/s"]) == (11, pytest.approx(0.7))
        assert row["speed-up ×"] == pytest.approx(7 / 6)


def test_cached_tokens_have_a_price_of_their_own() -> None:
    def cost(**about: object) -> float:
        return Spent("m-1", about, 1, 0, 0, 1_000_000, 500_000, 400_000, 0.0, 0.0).cost

    assert cost(price_in=2.0, price_out=10.0) == pytest.approx(2 + 5)
    assert cost(price_in=2.0, price_out=10.0, price_cached=0.5) == pytest.approx(1.2 + 0.2 + 5)
    assert cost(price_in=2.0, price_cached=0.0) == pytest.approx(1.2)


def test_a_file_of_prices_counts_as_if_the_run_had_been_given_it(
    folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "prices.json"
    named = {"input_cost_per_token": 1e-6, "output_cost_per_token": 5e-6}
    file.write_text(json.dumps({"azure/m": named, "m": named}))
    by_pool = replace(an_endpoint("m"), price_in=4.0)
    by_id, unknown = replace(an_endpoint("m"), price_id="azure/m"), an_endpoint("other")
    older = replace(an_endpoint("m"), price_in=9.0, price_out=9.0, price_source="entry of old.json")
    recorded = {"m-1": by_id, "m-2": by_pool}, {"m-1": older, "m-2": unknown}
    costs, notes = [], []
    for pool in recorded:
        endpoints_ = [msgspec.to_builtins(replace(e, endpoint_id=i)) for i, e in pool.items()]
        results = replace(open_results(folder), runs=[{"options": {}, "endpoints": endpoints_}])
        spent = spending(with_prices(results, file))
        costs.append([one.cost for one in spent])
        notes.append(endpoints(results, spent).notes[-1])
    assert costs[0] == pytest.approx([(600 * 1 + 60 * 5) / 1e6, 100 * 4 / 1e6])
    assert costs[1] == pytest.approx([(600 * 1 + 60 * 5) / 1e6, math.nan], nan_ok=True)
    assert notes[1].endswith(f'm by entry "m" of {file}, other by nobody.')


def test_a_record_that_cannot_be_priced_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text("{}")
    with pytest.raises(StoreCorrupt, match=r"runs\.jsonl: the endpoints of a run cannot be read"):
        with_prices(open_results(folder), tmp_path / "prices.json")


def test_who_gave_the_prices_stands_under_the_endpoints(folder: Path) -> None:
    results = open_results(folder)
    table = endpoints(results, spending(results))
    assert table.notes[-1].endswith("who gave them: m by the pool file.")
