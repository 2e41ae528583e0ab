import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormproof.domain.conditions import DIFFICULTIES, TASK_TYPES
from stormproof.errors import SuiteError
from stormproof.suites.workflows.tasks import DEFAULT_COUNTS, find_task, load_task, task_ids
from stormproof.suites.workflows.tasks.identity import Identity, read_id, read_reference, reference

identities = st.builds(
    Identity, st.sampled_from(TASK_TYPES), st.sampled_from(DIFFICULTIES), st.integers(0, 10**7)
)


def test_default_set_has_5040_tasks_spread_evenly() -> None:
    assert sum(DEFAULT_COUNTS.values()) == 5040
    assert set(DEFAULT_COUNTS) == {(t, d) for t in TASK_TYPES for d in DIFFICULTIES}
    assert {sum(n for (t, _), n in DEFAULT_COUNTS.items() if t == each) for each in TASK_TYPES} == {
        1008
    }


def test_ids_are_a_lazy_sequence() -> None:
    ids = task_ids("data_pipeline", "easy", 10**9)
    assert len(ids) == 10**9
    assert ids[17] == "data_pipeline.easy.00017"
    assert ids[-1] == "data_pipeline.easy.999999999"
    assert list(ids[2:4]) == ["data_pipeline.easy.00002", "data_pipeline.easy.00003"]
    assert len(task_ids("data_pipeline", "easy")) == DEFAULT_COUNTS["data_pipeline", "easy"]
    with pytest.raises(IndexError):
        task_ids("data_pipeline", "easy", 3)[3]


@given(identities)
def test_an_id_is_read_as_it_is_written(identity: Identity) -> None:
    assert read_id(identity.task_id) == identity


@pytest.mark.parametrize(
    "text",
    ["", "easy", "data_pipeline.easy.17", "data_pipeline.easy.-0001", "data_pipeline.mild.00001",
     "pipeline.easy.00001", "data_pipeline.easy.000017", "data_pipeline.easy.00017.json",
     "data_pipeline.easy.\u0660\u0660\u0660\u0661\u0667"],
)  # fmt: skip
def test_what_is_no_id_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(SuiteError) as caught:
        read_id(text)
    assert "data_pipeline.easy.00017" in caught.value.hint


@given(identities, st.integers(-(2**63), 2**63))
def test_a_reference_stands_for_its_task_and_seed(identity: Identity, seed: int) -> None:
    number = reference(identity, seed)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{5,}", number)
    assert read_reference(number) == (identity, seed)


@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=5, max_size=40))
def test_any_number_can_be_read(number: str) -> None:
    identity, _ = read_reference(number)
    assert identity.index >= 0


@pytest.mark.parametrize("seed", [0, 7, -1, 2**53])
def test_a_description_leads_back_to_its_task_within_any_prompt(seed: int) -> None:
    task = load_task("api_integration.hard.00042", seed)
    assert find_task(task.description, seed) == task
    prompt = f"Ref. XYZ-00000 is another.\n\n## Task\n{task.description}\n\n1. Do this."
    assert find_task(prompt) == task
    assert find_task(task.description, seed + 1) is None


def test_a_reference_alone_or_with_other_words_finds_nothing() -> None:
    task = load_task("simple_task.easy.00003")
    assert find_task("Ref. RTL-4F2C1: do what you like.") is None
    assert find_task(task.description.replace("`", "'")) is None
    assert find_task("") is None
