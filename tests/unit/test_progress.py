from collections.abc import Callable
from math import inf

import pytest
from msgspec.structs import replace

from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Score
from stormproof.domain.trials import make_trial
from stormproof.progress import (
    CellProgress,
    Counts,
    ModelCounts,
    Paces,
    Progress,
    Rates,
    TimeLeft,
    condition_in_words,
)
from stormproof.testing.records import a_turn

EASY = Condition("optimal", "easy", 0.8)
SCORE = Score("full", goal_met=True, tool_coverage=1, order=1, execution_success=1, recovery=None,
              redundant_calls=0)  # fmt: skip


def progress(*cells: CellProgress) -> Progress:
    return Progress(10.0, cells, (), calls=0, tokens=0, under_way=0)


def episode(model: str, score: Score | None) -> Episode:
    trial = make_trial(
        suite="s", seed=0, model=model, task_id="t", task_type="simple_task", condition=EASY
    )
    if score is None:
        return Episode(trial, "infrastructure", "infrastructure", ())
    return Episode(trial, "completed", "done", (), score)


def test_episodes_are_counted_under_their_model_and_condition() -> None:
    counts = Counts(
        [("a", EASY, 3, 1, 1), ("b", EASY, 2, 0, 0), ("a", EASY, 2, 0, 0)], simulated=True
    )
    counts.ended(episode("a", SCORE))
    counts.ended(episode("b", None))
    counts.ended(replace(episode("b", None), outcome="blocked", ending="blocked"))
    assert counts.cells() == (
        CellProgress("a", "optimal easy 0.8", planned=5, scored=2, infrastructure=0, blocked=1),
        CellProgress("b", "optimal easy 0.8", planned=2, scored=0, infrastructure=1, blocked=1),
    )
    assert (counts.done_before, counts.scored, counts.infrastructure) == (2, 2, 1)
    assert counts.blocked == 2
    assert counts.simulated


def test_an_episode_that_was_cut_off_is_neither_under_way_nor_ended() -> None:
    counts = Counts([("a", EASY, 3, 0, 0)], simulated=False)
    counts.began()
    counts.turn(a_turn())
    assert counts.under_way == 1
    counts.left()
    assert (counts.under_way, counts.scored, counts.calls, counts.tokens) == (0, 0, 1, 110)


def test_one_simulated_answer_marks_the_run() -> None:
    counts, turn = Counts([("a", EASY, 3, 0, 0)], simulated=False), a_turn()
    counts.turn(turn)
    assert not counts.simulated
    reply = replace(turn.answer.reply, simulated=True)
    counts.turn(replace(turn, answer=replace(turn.answer, reply=reply)))
    counts.turn(turn)
    assert counts.simulated


def test_the_whole_is_the_sum_of_its_cells() -> None:
    whole = progress(CellProgress("a", "x", 3, 1, 1), CellProgress("b", "x", 4, 2, 0))
    assert (whole.planned, whole.scored, whole.infrastructure, whole.ended) == (7, 3, 1, 4)


def paced(
    ended: Callable[[float], int], until_s: int, remaining: int, longest_s: float
) -> TimeLeft:
    """A look at a second of the run, after one at each second before it."""
    paces = Paces()
    for second in range(1, until_s + 1):
        paces.observe(second, "m", ended(second))
    return paces.left(until_s, "m", ModelCounts(ended(until_s), remaining, longest_s))


def test_a_steady_pace_is_gone_on_with_and_the_range_narrows() -> None:
    early = paced(lambda s: int(s * 10), 10, 1000, 1.0)
    late = paced(lambda s: int(s * 10), 1000, 1000, 1.0)
    assert early.likely_s == late.likely_s == 100
    assert 75 < early.low_s < late.low_s < 100 < late.high_s < early.high_s < 135


def test_of_two_paces_the_slower_is_likely_and_the_faster_bounds_the_range() -> None:
    slowing = paced(lambda s: min(int(s) * 10, 500 + int(s)), 100, 100, 1.0)
    assert slowing.low_s < 20
    assert slowing.likely_s == 50
    rising = paced(lambda s: int(s**2) // 10, 100, 100, 1.0)
    assert (rising.likely_s, rising.low_s < 7) == (10, True)


def test_what_stands_still_is_ever_longer_from_its_end() -> None:
    def stuck(second: float) -> int:
        return min(int(second), 10)

    left = [paced(stuck, until, 5, 1.0).likely_s for until in (20, 40, 80)]
    assert left == [50, 100, 200]


def test_the_last_ones_may_take_as_long_as_the_longest_took() -> None:
    assert paced(lambda s: int(s * 10), 100, 1, 45.0).high_s == 45
    resumed = paced(lambda s: int(s * 10), 100, 1, 9e9)
    assert resumed.high_s == 100


def test_nobody_knows_before_anything_has_ended() -> None:
    left = paced(lambda _: 0, 60, 10, 0)
    assert left == TimeLeft("m", inf, inf, inf)
    assert replace(progress(), time_left=left).time_left_s is None
    assert progress().time_left_s is None
    assert replace(progress(), time_left=TimeLeft("m", 3, 1, 9)).time_left_s == 3


def test_paces_keep_few_samples() -> None:
    paces = Paces()
    for second in range(20_000):
        paces.observe(second, "m", second)
    assert len(paces._seen["m"]) < 3 * Paces.SAMPLES
    assert paces._seen["m"][0][0] == pytest.approx(10_000, rel=0.01)


def test_a_model_s_trials_are_those_of_this_run_and_those_to_come() -> None:
    hard = replace(EASY, difficulty="hard")
    counts = Counts([("a", EASY, 3, 1, 1), ("a", hard, 2, 0, 0)], simulated=False)
    counts.ended(replace(episode("a", SCORE), started_at=10.0, ended_at=17.0))
    counts.ended(episode("a", None))
    assert counts.by_model() == {"a": ModelCounts(ended=2, remaining=1, longest_s=7.0)}


def test_a_condition_s_name_tells_what_is_unusual() -> None:
    flawed = replace(EASY, prompt_type="flawed_missing_step", severity="light", protocol="native")
    assert condition_in_words(flawed) == "flawed_missing_step easy 0.8 light native"
    assert condition_in_words(replace(EASY, severity="light")) == "optimal easy 0.8"


def test_rates_are_over_the_last_seconds() -> None:
    rates = Rates()
    assert rates.of("e") == 0
    for second in range(20):
        rates.observe(second, "e", 0 if second < 10 else (second - 10) * 3)
    assert rates.of("e") == 3
    assert rates.of("another") == 0
