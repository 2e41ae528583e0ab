from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from stormproof.domain.calls import Answer, Reply, Usage
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.trials import make_trial
from stormproof.report.result_charts import rows_of
from stormproof.report.results import open_results
from stormproof.report.spending import endpoints, speed_ups, spending, spent_facts
from stormproof.store import Header, append_run, open_store

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
    pool = [declared | {"endpoint_id": name} for name in ("m-1", "m-2")]
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
    ]
    (folder / "pool.jsonl").write_text("\n".join(map(json.dumps, samples)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spent") / "r"
    anyio.run(fill, path)
    return path


def test_every_paid_call_counts_once(folder: Path) -> None:
    first, second = spending(open_results(folder))
    assert (first.calls, first.unfinished, first.extra_sends) == (6, 4, 6)
    assert (second.calls, second.unfinished) == (1, 0)
    assert first.cost == pytest.approx(600 * 2 / 1e6)


def test_what_was_spent_is_said_in_words(folder: Path) -> None:
    results = open_results(folder)
    said = dict(spent_facts(results, spending(results)))
    assert said["model calls"] == (
        "7, 4 of them in episodes that have not ended, and 5 replies of 600 tokens thrown away, "
        "and 1 second copies sent"
    )
    assert said["tokens"] == "700 in, 70 out"
    assert said["cost"] == "0.00 in the pool file's currency"
    assert [row["thrown away"] for row in rows_of(endpoints(results, spending(results)))] == [5, 0]


def test_all_endpoints_beside_the_fastest(folder: Path) -> None:
    results = open_results(folder)
    every, model = rows_of(speed_ups(results, spending(results)))
    assert (every["kind"], every["model"], model["model"]) == ("Azure open", "all", "m")
    for row in (every, model):
        assert (row["endpoints"], row["slots"], row["reached at once"]) == (2, 8, 4)
        assert (row["refusals"], row["answers/s"]) == (2, pytest.approx(0.7))
        assert row["speed-up ×"] == pytest.approx(7 / 6)
