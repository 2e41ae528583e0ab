import pytest

from stormproof.domain.conditions import PROTOCOLS
from stormproof.domain.tasks import Execution
from stormproof.episode import RecognisedCall, catalogue_vocabulary, recognise
from stormproof.episode.observations import (
    LONGEST_VALUE,
    NOT_UNDERSTOOD,
    described,
    executed,
    found,
    shown,
    unknown_tool,
)
from stormproof.suites.workflows.prompts import COMPLETION_PHRASE
from stormproof.suites.workflows.tools import CATALOGUE

SPEC = CATALOGUE["file_operations_reader"].spec


def test_a_success_shows_handle_message_and_value() -> None:
    execution = Execution("reader", {}, ok=True, handle="reader_1", message="2 rows.")
    assert executed(execution, [1, 2]) == (
        "reader succeeded. Its result is stored as reader_1. 2 rows.\n[1,2]"
    )
    assert executed(Execution("reader", {}, ok=True), None) == "reader succeeded."


def test_a_failure_shows_its_code_and_text_and_no_value() -> None:
    failed = Execution("reader", {}, ok=False, error_code="TIMEOUT", message="No answer.")
    assert executed(failed, "secret") == "reader failed. TIMEOUT: No answer."


def test_weather_does_not_show() -> None:
    said = {
        executed(
            Execution("r", {}, ok=False, cause=cause, error_code="TIMEOUT", draw=0.9), None
        )
        for cause in ("weather", "tool")
    }  # fmt: skip
    assert said == {"r failed. TIMEOUT:"}


@pytest.mark.parametrize(
    ("value", "text"),
    [("as it is", "as it is"), ({"a": [1.5, None, "ü"]}, '{"a":[1.5,null,"ü"]}'), (5, "5")],
)
def test_values_are_json_and_texts_as_they_are(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_long_value_is_cut_and_says_so() -> None:
    assert shown("x" * LONGEST_VALUE) == "x" * LONGEST_VALUE
    assert shown("x" * 5_000) == "x" * LONGEST_VALUE + " … (cut: these are 2000 of 5000 characters)"


def test_an_unknown_name_is_told_with_what_it_could_be() -> None:
    assert unknown_tool(RecognisedCall("", written="x")) == "There is no tool named 'x'."
    ambiguous = unknown_tool(RecognisedCall("", written="x", candidates=("xa", "xb")))
    assert ambiguous == "'x' could mean xa, xb. Write the whole name."


def test_search_results_have_purpose_and_arguments() -> None:
    text = found("read", [SPEC])
    assert text.startswith(
        f"Tools found for 'read':\n{SPEC.name}: {SPEC.description}\n  arguments:"
    )
    assert found("zzz", []) == "No tool for 'zzz'."


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_tool_s_description_is_all_that_may_be_known(name: str) -> None:
    spec = CATALOGUE[name].spec
    text = described(spec)
    assert text.startswith(f"{name} ({spec.category}): {spec.description}\nParameters:\n")
    for parameter, schema in spec.parameters["properties"].items():
        need = "required" if parameter in spec.parameters.get("required", ()) else "optional"
        assert f"\n  {parameter} ({schema.get('type', 'any')}, {need})" in text
    assert all(f"\n  {key}: {meaning}" in text for key, meaning in spec.returns.items())
    assert f"Errors: {', '.join(spec.errors)}" in text
    assert ("More reliable after: " + ", ".join(spec.needs) in text) == bool(spec.needs)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_to_write_instead_is_what_the_prompt_says_and_is_understood(protocol: str) -> None:
    text = NOT_UNDERSTOOD[protocol]  # type: ignore[index]  # PROTOCOLS are the keys
    assert COMPLETION_PHRASE in text
    assert not any(name in text for name in CATALOGUE)
    assert recognise(COMPLETION_PHRASE, catalogue_vocabulary()).action == "done"
