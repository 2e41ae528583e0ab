from msgspec.structs import replace

from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Score
from stormproof.domain.trials import make_trial
from stormproof.view.frame import EndpointRow
from stormproof.view.progress import Progress, Rates, in_words

EASY = Condition("optimal", "easy", 0.8)
SCORE = Score("full", goal_met=True, tool_coverage=1, order=1, execution_success=1, recovery=None,
              redundant_calls=0)  # fmt: skip


def episode(model: str, score: Score | None) -> Episode:
    trial = make_trial(
        suite="s", seed=0, model=model, task_id="t", task_type="simple_task", condition=EASY
    )
    if score is None:
        return Episode(trial, "infrastructure", "infrastructure", ())
    return Episode(trial, "completed", "done", (), score)


def test_episodes_are_counted_under_their_model_and_condition() -> None:
    progress = Progress([("a", EASY, 3, 1), ("b", EASY, 2, 0), ("a", EASY, 2, 0)], simulated=True)
    progress.ended(episode("a", SCORE))
    progress.ended(episode("b", None))
    frame = progress.frame(2.0, [EndpointRow("e", 1, 4, 2.0, 0, 0, "hold")])
    tallies = {(model, t.name): (t.planned, t.scored, t.infrastructure) for model, t in frame.cells}
    assert tallies == {("a", "optimal easy 0.8"): (5, 2, 0), ("b", "optimal easy 0.8"): (2, 0, 1)}
    assert frame.done_before == 1
    assert frame.simulated


def test_an_episode_that_was_cut_off_is_neither_under_way_nor_ended() -> None:
    progress = Progress([("a", EASY, 3, 0)], simulated=False)
    progress.began()
    progress.turn(20)
    assert progress.frame(1, ()).running == 1
    progress.left()
    frame = progress.frame(1, ())
    assert (frame.running, frame.total.ended, frame.calls, frame.tokens) == (0, 0, 1, 20)


def test_one_simulated_answer_marks_the_run() -> None:
    progress = Progress([("a", EASY, 3, 0)], simulated=False)
    progress.turn(1, simulated=True)
    progress.turn(1)
    assert progress.frame(1, ()).simulated


def test_a_condition_s_name_tells_what_is_unusual() -> None:
    flawed = replace(EASY, prompt_type="flawed_missing_step", severity="light", protocol="native")
    assert in_words(flawed) == "flawed_missing_step easy 0.8 light native"
    assert in_words(replace(EASY, severity="light")) == "optimal easy 0.8"


def test_rates_are_over_the_last_seconds() -> None:
    rates = Rates()
    assert rates.of("e") == 0
    for second in range(20):
        rates.observe(second, "e", 0 if second < 10 else (second - 10) * 3)
    assert rates.of("e") == 3
    assert rates.of("another") == 0
