import pytest

from stormproof.episode import Vocabulary, recognise
from stormproof.episode.tool_names import Resolved

READER = "file_operations_reader"


def test_the_exact_name_needs_no_repair(vocabulary: Vocabulary) -> None:
    assert vocabulary.resolve(READER) == Resolved(READER)


@pytest.mark.parametrize(
    "written",
    ["File_Operations_Reader", "file-operations-reader", "file operations reader",
     "`file_operations_reader`", "fileOperationsReader", "file.operations.reader",
     "functions.file_operations_reader", "the file_operations_reader tool",
     "file_operations_read", "operations_reader", "file_reader",
     "reader", "file_operation_reader", "file_opertions_reader", " file_operations_reader:"],
)  # fmt: skip
def test_a_name_written_otherwise_is_repaired(written: str, vocabulary: Vocabulary) -> None:
    found = vocabulary.resolve(written)
    assert (found.name, found.repaired) == (READER, True)


@pytest.mark.parametrize(
    ("written", "candidates"),
    [
        ("file_operations", {READER, "file_operations_writer"}),
        (f"{READER} or network_fetcher", {READER, "network_fetcher"}),
    ],
)
def test_one_of_two_is_never_guessed(
    written: str, candidates: set[str], vocabulary: Vocabulary
) -> None:
    found = vocabulary.resolve(written)
    assert (found.name, set(found.candidates)) == ("", candidates)


@pytest.mark.parametrize("written", ["", "  ", "``", "quantum_teleporter", "op", "é"])
def test_what_means_no_tool_has_no_candidates(written: str, vocabulary: Vocabulary) -> None:
    found = vocabulary.resolve(written)
    assert (found.name, found.candidates) == ("", ())


def test_mentioned_tools_come_once_in_their_order(vocabulary: Vocabulary) -> None:
    text = f"Network_Fetcher, then {READER}, network_fetcher again, and a file_reader"
    assert vocabulary.mentioned(text) == ("network_fetcher", READER)


def test_of_two_names_that_begin_alike_the_longer_one_is_found() -> None:
    both = Vocabulary({"queue": {}, "queue_long": {}})
    assert both.at_start("x queue_long()", 2) == ("queue_long", 12)
    assert both.at_start("x queue()", 2) == ("queue", 7)
    assert both.at_start("x queue()", 0) is None


def test_properties_keep_their_order(vocabulary: Vocabulary) -> None:
    assert list(vocabulary.properties(READER)) == ["path", "limit"]
    assert vocabulary.properties("") == {}


def test_without_any_tool_nothing_is_found() -> None:
    none = Vocabulary({})
    assert none.mentioned("anything") == ()
    assert none.resolve("anything") == Resolved(repaired=True)


@pytest.mark.parametrize(
    "text",
    ["<tool_call>data_proce\u017f\u017fing_parser</tool_call>",
     "data_proce\u017f\u017fing_parser()",
     "<tool_call>use the data_proce\u017f\u017fing_parser"],
)  # fmt: skip
def test_a_letter_that_only_looks_alike_breaks_nothing(text: str, vocabulary: Vocabulary) -> None:
    assert not vocabulary.is_in(text)
    assert vocabulary.at_start(text, text.find("data")) is None
    recognise(text, vocabulary)


def test_a_name_in_any_case_is_in_the_text(vocabulary: Vocabulary) -> None:
    assert vocabulary.is_in(f"then {READER.upper()} once more")
    assert not vocabulary.is_in("then file_operations_something")
