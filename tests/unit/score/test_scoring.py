import pytest

from stormproof.domain.calls import Answer, Reply
from stormproof.domain.episodes import Ending, Score, Turn
from stormproof.domain.tasks import Cause, Check, Execution, Step, Task
from stormproof.score import CATEGORIES, error_category, score

TASK = Task(
    task_id="basic_task.easy.00001",
    task_type="basic_task",
    difficulty="easy",
    description="Read, parse, write.",
    required_tools=("read", "parse", "write"),
    solution=(Step("read"), Step("parse"), Step("write")),
    checks=(Check("file_equals", "out.txt", "x"),),
)


def good(tool: str, *, goal: bool = False, unmet: tuple[str, ...] = ()) -> Execution:
    return Execution(tool, {}, ok=True, goal_met=goal, unmet=unmet, progress=float(goal))


def bad(
    tool: str,
    cause: Cause = "weather",
    code: str = "OPERATION_FAILED",
    unmet: tuple[str, ...] = (),
) -> Execution:
    return Execution(
        tool, {}, ok=False, cause=cause, error_code=code, took_effect=False, unmet=unmet
    )


def spoiling(tool: str) -> Execution:
    return Execution(tool, {}, ok=True, goal_met=True, progress=1.0, collateral=("1 posts to x",))


def turns(*executions: Execution | None) -> list[Turn]:
    """A turn for each execution; None is a message without an action."""
    answer = Answer(Reply("…"), "e1")
    return [
        Turn(index, answer, "none", format_error=True)
        if e is None
        else Turn(index, answer, "call", executions=(e,))
        for index, e in enumerate(executions)
    ]


WHOLE = (good("read"), good("parse"), good("write", goal=True))
CASES: list[tuple[str, list[Turn], Ending]] = [
    ("", turns(*WHOLE), "done"),
    ("", turns(*WHOLE, None, None, None, None, None, bad("read")), "max_turns"),
    ("tool_call_format", turns(good("read"), None, None), "done"),
    ("tool_call_format", turns(None), "max_turns"),
    ("other", turns(), "done"),
    ("collateral", turns(*WHOLE, spoiling("post")), "done"),
    ("sequence_order", turns(good("parse", unmet=("read",)), WHOLE[0], good("write")), "done"),
    ("parameter_config", turns(WHOLE[0], WHOLE[1], good("write")), "done"),
    ("parameter_config", turns(good("read"), bad("parse", "arguments", "INVALID_INPUT")), "done"),
    ("parameter_config", turns(bad("read", "tool", "FILE_NOT_FOUND")), "done"),
    ("dependency", turns(bad("read"), bad("write", "weather", "TIMEOUT", ("parse",))), "done"),
    ("timeout", turns(good("read"), bad("parse", "weather", "TIMEOUT")), "max_turns"),
    ("max_turns", turns(WHOLE[0], WHOLE[1], good("write"), bad("write")), "max_turns"),
    ("parameter_config", turns(WHOLE[0], WHOLE[1], good("write"), bad("write")), "done"),
    ("max_turns", turns(good("read"), bad("parse")), "max_turns"),
    ("other", turns(good("read"), bad("parse")), "done"),
    ("other", turns(*[bad("read")] * 5), "failures"),
    ("max_turns", turns(good("read"), good("parse")), "max_turns"),
    ("tool_selection", turns(good("read"), good("parse")), "done"),
    ("tool_selection", turns(good("read"), good("x"), good("y")), "max_turns"),
    ("tool_selection", turns(*[bad("no such", "arguments", "INVALID_INPUT")] * 5), "failures"),
    ("tool_selection", turns(*[good("read")] * 5), "repetition"),
]


@pytest.mark.parametrize(("category", "played", "ending"), CASES)
def test_main_error_category(category: str, played: list[Turn], ending: Ending) -> None:
    assert error_category(TASK, played, ending) == category


def test_every_category_can_be_reached() -> None:
    assert {category for category, _, _ in CASES} == {"", *CATEGORIES}


def test_score_of_a_recovered_episode() -> None:
    played = turns(good("read"), bad("parse"), good("parse"), WHOLE[2])
    assert score(TASK, played, "done") == Score(
        success="full",
        goal_met=True,
        tool_coverage=1.0,
        order=1.0,
        execution_success=0.75,
        recovery=1.0,
        redundant_calls=0,
        progress=1.0,
    )


def test_turns_after_the_goal_are_never_errors() -> None:
    ended = score(TASK, turns(*WHOLE), "done")
    after = (bad("read"), None, bad("write", "arguments"), *[None] * 5)
    assert score(TASK, turns(*WHOLE, *after), "max_turns") == ended
    repeated = turns(*WHOLE, good("parse", goal=True), good("parse", goal=True))
    assert score(TASK, repeated, "done") == ended


def test_nothing_done_scores_nothing() -> None:
    assert score(TASK, [], "done") == Score(
        success="failed",
        goal_met=False,
        tool_coverage=0.0,
        order=0.0,
        execution_success=None,
        recovery=None,
        redundant_calls=0,
        error_category="other",
    )
