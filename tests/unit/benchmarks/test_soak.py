import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
from soak import MB, WARM_TASKS, growth, warmed_up_at

RATE = 100  # episodes a second
ENDED = [n / RATE for n in range(200_000)]


def grown(bytes_per_episode: float) -> dict[str, float | int]:
    """A run of 30 minutes that seals every 5,300 episodes, seen twice a second after warm-up."""
    times = [180 + n / 2 for n in range(3240)]
    sizes = [150 * MB + 5_000 * (at * RATE % 5_300) + bytes_per_episode * at * RATE for at in times]
    return growth(list(zip(times, sizes, strict=True)), ENDED)


def test_sealing_is_no_growth() -> None:
    found = grown(0)
    assert found["bytes_per_episode_at_least"] < 0 < found["bytes_per_episode_at_most"]
    assert (found["episodes_after_warm_up"], found["cycles"]) == (161_950, 32)
    assert abs(found["mb_at_the_end"] - found["mb_after_warm_up"]) < 3


def test_growth_is_told_in_bytes_for_each_episode() -> None:
    found = grown(100)
    assert 50 < found["bytes_per_episode_at_least"] < 100 < found["bytes_per_episode_at_most"] < 150


def test_the_warm_up_ends_when_no_more_tasks_are_remembered() -> None:
    rows = [(at, f"task {n // 26}") for n, at in enumerate(ENDED)]
    assert warmed_up_at(rows) == 26 * (WARM_TASKS - 1) / RATE
    assert warmed_up_at(rows[:100]) == float("inf")


def test_a_short_run_is_looked_at_in_short_cycles() -> None:
    found = growth([(at, MB) for at in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)], ENDED)
    assert found["bytes_per_episode"] == 0
    assert found["cycles"] >= 3
