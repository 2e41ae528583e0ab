import itertools
import re

import pytest
from msgspec.structs import replace

from stormproof.domain.conditions import (
    DIFFICULTIES,
    FLAWS,
    PROMPT_TYPES,
    PROTOCOLS,
    TASK_TYPES,
    Condition,
    Protocol,
)
from stormproof.domain.tasks import Step
from stormproof.episode.native import function_schemas
from stormproof.errors import SuiteError
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.optimum import optimal_plan
from stormproof.suites.workflows.prompts import COMPLETION_PHRASE, opening, rendered, shown_plan
from stormproof.suites.workflows.tasks import find_task, load_task
from stormproof.suites.workflows.tools import CATALOGUE

TASK = load_task("api_integration.easy.00003")
DISCLOSING = re.compile(r"\b(flaw|wrong|mistake|incorrect|error in)\w*", re.IGNORECASE)


def shown(prompt_type: str, protocol: Protocol = "text", rate: float = 0.8) -> tuple[str, str]:
    system, user = opening(TASK, Condition(prompt_type, "easy", rate, protocol))
    assert (system.role, user.role) == ("system", "user")
    return system.content, user.content


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("prompt_type", PROMPT_TYPES)
def test_every_prompt_holds_the_task_word_for_word(prompt_type: str, protocol: Protocol) -> None:
    system, user = shown(prompt_type, protocol)
    assert TASK.description in user
    assert COMPLETION_PHRASE in system
    assert find_task(f"{system}\n{user}") == TASK
    assert "{" + "max_turns" not in system
    turns = WORKFLOWS.turn_budget(TASK, Condition(prompt_type, "easy", 0.8, protocol))
    assert f"You have {turns} turns." in system
    assert "After 8 failed calls in a row" in system
    assert "nothing else that others would see" in system


def test_the_text_protocol_explains_its_tags_and_names_every_tool() -> None:
    system, _ = shown("baseline")
    for tag in ("tool_call", "tool_search", "tool_info"):
        assert re.search(rf"<{tag}>.+</{tag}>", system)


def test_text_and_native_show_the_same_documentation_of_tools_and_arguments() -> None:
    """What `input` is stands once in text; all else at its own argument."""
    system, _ = shown("baseline")
    assert shown("baseline", "hermes")[0].partition("\nThe tools")[2] in system
    for function in (each["function"] for each in function_schemas()):
        head, *arguments = _documented(system, function["name"])
        assert head == function["description"]
        parameters = function["parameters"]
        assert len(arguments) == len(parameters["properties"])
        for (name, schema), told in zip(parameters["properties"].items(), arguments, strict=True):
            mark = "" if name in parameters["required"] else "?"
            assert told.startswith(f"{name}{mark} ({schema.get('type', 'any')})")
            assert schema["description"] in (told if name != "input" else system)


def _documented(system: str, tool: str) -> list[str]:
    """What a system message says of a tool, and of each of its arguments."""
    _, _, rest = system.partition(f"\n- {tool}: ")
    head, *lines = rest.split("\n")
    return [head, *(line[4:] for line in itertools.takewhile(lambda x: x[:4] == "    ", lines))]


def test_the_native_protocol_leaves_tools_to_the_request() -> None:
    system, _ = shown("baseline", "native")
    assert "<tool" not in system
    assert "- file_operations_reader:" not in system


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_how_to_call_is_the_same_for_all_prompt_types(protocol: Protocol) -> None:
    assert len({shown(prompt_type, protocol)[0] for prompt_type in PROMPT_TYPES}) == 1


def test_both_protocols_show_the_same_task_and_plan() -> None:
    for prompt_type in PROMPT_TYPES:
        assert shown(prompt_type, "text")[1] == shown(prompt_type, "native")[1]


def test_both_protocols_are_told_what_makes_tools_reliable() -> None:
    for protocol in PROTOCOLS:
        system, _ = shown("baseline", protocol)
        for name, tool in CATALOGUE.items():
            assert (f"- {name} after " in system) == bool(tool.spec.needs)


def test_cot_asks_to_reason_first_and_shows_no_plan() -> None:
    assert "step by step" in shown("cot")[1]
    assert "# Plan" not in shown("cot")[1]
    assert shown("baseline")[1] == f"# Task\n\n{TASK.description}"


def test_the_plan_is_numbered_with_its_arguments() -> None:
    plan = optimal_plan(TASK, 0.8, 10)
    text = shown("optimal")[1]
    numbered = re.findall(r"^(\d+)\. (\w+) (\{.*\})$", text, re.MULTILINE)
    assert [(int(n), tool) for n, tool, _ in numbered] == [
        (at, step.tool) for at, step in enumerate(plan, 1)
    ]
    assert rendered(plan) in text


def test_a_step_reads_as_written() -> None:
    step = Step("file_operations_reader", {"path": "a.csv"}, "Read it", "a.csv", "its text")
    assert rendered([step]) == (
        '1. file_operations_reader {"path":"a.csv"}\n   Read it. Uses a.csv. Gives its text.'
    )


def test_arguments_stand_in_the_order_of_their_schema() -> None:
    operation = {"descending": True, "field": "n", "op": "sort"}
    step = Step("data_processing_transformer", {"operations": [operation], "input": "x_1"})
    assert rendered([step]).startswith(
        '1. data_processing_transformer {"input":"x_1","operations":'
        '[{"op":"sort","field":"n","descending":true}]}\n'
    )


def test_a_message_that_has_to_be_found_out_is_not_in_the_plan() -> None:
    step = Step("utility_notifier", {"message": "North", "recipient": "a@b"}, "Name it", after=(1,))
    assert '{"recipient":"a@b","message":"…"}' in rendered([step])
    assert "North" in rendered([replace(step, after=())])


def test_flawed_plans_stand_in_the_words_of_an_optimal_one() -> None:
    frame = shown("optimal")[1].replace(rendered(optimal_plan(TASK, 0.8, 10)), "PLAN")
    for flaw in FLAWS:
        condition = Condition(f"flawed_{flaw}", "easy", 0.8)
        text = shown(f"flawed_{flaw}")[1].replace(rendered(shown_plan(TASK, condition)), "PLAN")
        assert text == frame
        assert not DISCLOSING.search(text.replace(TASK.description, ""))


def test_a_higher_rate_needs_fewer_calls() -> None:
    lengths = [len(optimal_plan(TASK, rate, 20)) for rate in (1.0, 0.6)]
    assert lengths[0] < lengths[1]


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_the_same_prompt_every_time(task_type: str) -> None:
    for difficulty in DIFFICULTIES:
        task = load_task(f"{task_type}.{difficulty}.00001")
        condition = Condition("flawed_tool_misuse", difficulty, 0.7)
        assert opening(task, condition) == opening(task, condition)


def test_an_unknown_prompt_type_is_refused() -> None:
    with pytest.raises(SuiteError):
        opening(TASK, Condition("poetic", "easy", 0.8))
