"""One run under way: what it keeps beside the records, and whom it listens to."""

from __future__ import annotations

import anyio
import msgspec

from stormproof.domain.calls import Reply
from stormproof.plan import RunOptions, make_plan
from stormproof.progress import Progress
from stormproof.session import RunSummary, Session, Stop
from stormproof.testing import MemoryStore, ScriptedModel, SimulatedTransport
from stormproof.testing.records import an_endpoint

OPTIONS = RunOptions(prompt_types=("optimal",), task_types=("simple_task",), num_instances=2)
HERE = an_endpoint("here")


def run(store: MemoryStore, median_s: float = 0.01) -> tuple[RunSummary, list[Progress]]:
    plan = make_plan(OPTIONS, [HERE], store.take_finished())
    seen: list[Progress] = []
    session = Session(plan, store, on_progress=seen.append)

    async def main() -> RunSummary:
        model = ScriptedModel([Reply("done")])
        await session.run(plan.endpoints, SimulatedTransport(model, median_s=median_s))
        return session.close()

    return anyio.run(main), seen


def test_what_the_store_had_to_say_comes_first() -> None:
    store = MemoryStore()
    store.notices = ("a line was mended",)
    summary, seen = run(store)
    assert seen[0].notices == seen[-1].notices == summary.notices == ("a line was mended",)


def test_every_second_a_line_on_every_endpoint_is_kept_as_json_can_say_it() -> None:
    store = MemoryStore()
    run(store, median_s=1.5)
    line = store.samples[0]
    assert list(line) == [
        "id", "t", "in_flight", "window", "rps", "refused", "errors", "state", "decision"
    ]  # fmt: skip
    assert (line["id"], line["in_flight"]) == ("here", 2)
    assert line["window"] is None or line["window"] >= 2
    assert 1 <= line["t"] < 1.5
    assert msgspec.json.decode(msgspec.json.encode(line)) == line


def test_replies_that_are_simulated_mark_a_run_that_was_not_said_to_be() -> None:
    store = MemoryStore()
    summary, _ = run(store)
    assert summary.simulated
    assert all(episode.simulated for episode in store.episodes())


def test_a_stop_only_ever_becomes_firmer() -> None:
    stop = Stop()
    assert (stop.is_draining, stop.is_cancelled) == (False, False)
    stop.drain()
    assert (stop.is_draining, stop.is_cancelled) == (True, False)
    stop.cancel()
    stop.drain()
    assert (stop.is_draining, stop.is_cancelled) == (True, True)
