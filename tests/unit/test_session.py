"""One run under way: what it keeps beside the records, and whom it listens to."""

from __future__ import annotations

import anyio
import msgspec

from stormproof.backends.desk import LocalWorker
from stormproof.domain.calls import Reply
from stormproof.plan import RunOptions, make_plan
from stormproof.progress import Progress
from stormproof.session import RunSummary, Session, Stop
from stormproof.testing import MemoryStore, ScriptedModel, SimulatedTransport
from stormproof.testing.records import a_turn, an_endpoint

OPTIONS = RunOptions(prompt_types=("optimal",), task_types=("simple_task",), num_instances=2)
ONE = msgspec.structs.replace(OPTIONS, num_instances=1)
HERE = an_endpoint("here")


def run(
    store: MemoryStore, options: RunOptions = OPTIONS, median_s: float = 0.01
) -> tuple[RunSummary, list[Progress]]:
    plan = make_plan(options, [HERE], store.take_finished())
    seen: list[Progress] = []
    session = Session(plan, store, on_progress=seen.append)

    async def main() -> RunSummary:
        transport = SimulatedTransport(ScriptedModel([Reply("done")]), median_s=median_s)
        await session.run(
            LocalWorker(plan.endpoints, transport, options, simulated=False, on_event=session.hear)
        )
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
        "id", "t", "in_flight", "window", "rps", "refused", "errors", "state", "decision",
        "rule", "discarded", "discarded_tokens", "hedges", "sends", "false_alarms",
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


def test_turns_that_are_read_differently_now_are_kept_anew_and_said_to_be() -> None:
    store = MemoryStore()
    [trial] = [trial for _, trial in make_plan(ONE, [HERE]).trials("here")]
    recorded = a_turn(0, text="done")  # a turn with a tool call, which this text has not
    anyio.run(store.turn, trial.trial_id, recorded)
    summary, seen = run(store, ONE)
    [episode] = store.episodes()
    assert summary.calls == len(episode.turns) - 1
    assert episode.turns[0].answer == recorded.answer
    assert episode.turns[0].executions == ()
    assert store.journalled(trial.trial_id) == episode.turns
    assert summary.notices == ("read differently by this version: 1 turn of 1 episode",)
    assert seen[-1].notices == summary.notices


def test_a_drain_says_how_long_it_waits_at_most_and_no_time_left() -> None:
    stop, seen = Stop(), list[Progress]()

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if progress.in_flight:
            stop.drain()

    store = MemoryStore()
    plan = make_plan(OPTIONS, [HERE], store.take_finished())
    session = Session(plan, store, on_progress=watch, stop=stop)
    transport = SimulatedTransport(ScriptedModel([Reply("done")]), median_s=1.0)
    anyio.run(
        session.run,
        LocalWorker(plan.endpoints, transport, OPTIONS, simulated=False, on_event=session.hear),
    )
    before = seen[0]
    assert (before.draining, before.drain_left_s) == (False, None)
    waited = [one.drain_left_s for one in seen if one.drain_left_s is not None]
    assert waited == sorted(waited, reverse=True)
    assert 15 < waited[-1] < waited[0] <= 20
    assert not any(one.time_left for one in seen if one.draining)


def test_time_left_is_of_models_that_have_an_endpoint_and_trials() -> None:
    _, seen = run(MemoryStore(), median_s=1.5)
    known = [progress.time_left for progress in seen if progress.time_left]
    assert {left.model for left in known} == {"here"}
    assert seen[-1].time_left is None


def test_a_stop_only_ever_becomes_firmer() -> None:
    stop = Stop()
    assert (stop.is_draining, stop.is_cancelled) == (False, False)
    stop.drain()
    assert (stop.is_draining, stop.is_cancelled) == (True, False)
    stop.cancel()
    stop.drain()
    assert (stop.is_draining, stop.is_cancelled) == (True, True)
