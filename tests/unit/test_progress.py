from msgspec.structs import replace

from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Score
from stormproof.domain.trials import make_trial
from stormproof.progress import CellProgress, Counts, Progress, Rates, condition_in_words
from stormproof.testing.records import a_turn

EASY = Condition("optimal", "easy", 0.8)
SCORE = Score("full", goal_met=True, tool_coverage=1, order=1, execution_success=1, recovery=None,
              redundant_calls=0)  # fmt: skip


def progress(*cells: CellProgress, done_before: int = 0, elapsed_s: float = 10.0) -> Progress:
    return Progress(elapsed_s, cells, (), calls=0, tokens=0, under_way=0, done_before=done_before)


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


def test_time_left_counts_only_what_this_run_did() -> None:
    half = CellProgress("m", "optimal", planned=100, scored=40, infrastructure=10)
    assert progress(half).time_left_s == 10.0
    assert progress(half, done_before=40).time_left_s == 50.0


def test_time_left_is_unknown_before_anything_ended() -> None:
    assert progress(CellProgress("m", "optimal", 100, 20, 0), done_before=20).time_left_s is None


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
