"""A test of one's own around a run: a scripted model, no network, no key, no disk.

Run it with pytest, or as it is.
"""

import stormproof
from stormproof.domain.calls import Reply, ToolCall
from stormproof.testing import MemoryStore, ScriptedModel, SimulatedTransport

READ = ToolCall("call-1", "file_operations_reader", '{"path": "/in.csv"}')


def test_a_model_that_stops_early_is_scored_all_the_same() -> None:
    model = ScriptedModel([Reply("", tool_calls=(READ,)), "I am done."])
    store = MemoryStore()
    options = stormproof.RunOptions(
        models=("kimi-k2",),
        prompt_types=("baseline",),
        task_types=("simple_task",),
        protocols=("native",),
        num_instances=4,
    )
    transport = SimulatedTransport(model, median_s=0.01)
    summary = stormproof.run(options, transport=transport, store=store)
    assert summary.scored == 4
    assert summary.calls == len(model.asked)
    for episode in store.episodes():
        assert episode.executions[0].tool == "file_operations_reader"
        assert episode.score is not None


if __name__ == "__main__":
    test_a_model_that_stops_early_is_scored_all_the_same()
    print("passed")
