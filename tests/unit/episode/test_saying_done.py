import time

import pytest

from stormproof.episode.saying_done import is_done_word, says_done


@pytest.mark.parametrize(
    "text",
    [
        "TASK COMPLETE", "**Task complete.**", "task_complete", "Done!", "I'm done.", "Finished",
        "All steps have been executed successfully. The task is complete.",
        "The workflow has been successfully completed.",
        "I have completed the data pipeline task.",
        "No further actions are needed.", "Status: Completed",
        "All of the required tools have been executed, and the goal is fulfilled.",
        "The file could not be read at first. Now the task is finished.",
    ],
)  # fmt: skip
def test_a_claim_about_the_whole_task_is_one(text: str) -> None:
    assert says_done(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "Hello.", "I read the file.", "The reader is done loading.",
        "Once the task is complete, I will say so.", "The task is not complete.",
        "To complete the task, I need the file.", "The task will be completed soon.",
        "If all steps are done, we stop.", "Is the first step of the workflow finished?",
        "The task is complete. Now I will call network_fetcher.",
        "The workflow is complete.\n\nNext, we need to execute the writer.",
        "We must ensure the process is completed.",
    ],
)  # fmt: skip
def test_a_part_a_hope_or_a_plan_is_no_claim(text: str) -> None:
    assert not says_done(text)


@pytest.mark.parametrize("text", ["done", " Task Complete ", "all_done", "final answer", "<end>"])
def test_a_word_for_being_done(text: str) -> None:
    assert is_done_word(text)


@pytest.mark.parametrize("text", ["", "doner", "reader", "done reading", "done" + "!" * 100])
def test_no_word_for_being_done(text: str) -> None:
    assert not is_done_word(text)


def test_of_long_messages_the_head_and_the_tail_are_read() -> None:
    prose = "It rains. " * 2_000
    assert says_done(prose + "The task is complete.")
    assert says_done("The task is complete. " + prose)
    assert not says_done(prose + "The task is complete. " + prose)


@pytest.mark.parametrize(
    "piece", ["all ", "the task ", "no more ", "complete the ", "status ", "I'"]
)
def test_no_repetition_takes_long(piece: str) -> None:
    start = time.process_time()
    says_done(piece * (400_000 // len(piece)))
    assert time.process_time() - start < 1
