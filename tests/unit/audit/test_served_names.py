from __future__ import annotations

import pytest

from stormproof.audit.served_names import changed, is_another, others


@pytest.mark.parametrize(
    ("served", "asked"),
    [
        ("/models/qwen2.5-7b-instruct-q4_k_m.gguf", "qwen2.5-7b-instruct"),
        ("/srv/llama/model.gguf", "Qwen2.5-7B"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-3.5-turbo-0613", "gpt-35-turbo"),
        ("Qwen/Qwen2.5-7B-Instruct", "qwen2.5-7b-instruct"),
        ("accounts/fireworks/models/kimi-k2-instruct", "Kimi-K2"),
        ("deepseek-chat", "DeepSeek-V3-0324"),
        ("models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("qwen2.5-7b", "our-house-model"),
        ("", "gpt-4o"),
    ],
)
def test_another_spelling_is_no_other_model(served: str, asked: str) -> None:
    assert not is_another(served, asked)


@pytest.mark.parametrize(
    ("served", "asked"),
    [
        ("Llama-3.3-70B-Instruct", "qwen2.5-72b-instruct"),
        ("qwen2.5-72b-instruct", "qwen2.5-7b-instruct"),
        ("/models/qwen2.5-0.5b.gguf", "qwen2.5-7b"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o"),
        ("gemini-2.5-pro", "gemini-2.5-flash"),
        ("deepseek-r1-distill-qwen-7b", "DeepSeek-R1-0528"),
    ],
)
def test_another_family_size_or_variant_is_another_model(served: str, asked: str) -> None:
    assert is_another(served, asked)


def test_the_deployment_that_was_asked_may_name_the_model_too() -> None:
    """Results are filed under a name of the user's; the endpoint's name holds the deployment's."""
    assert others({("gpt-4o-mini@a", "gpt-4o-mini-2024"): 5}, "GPT-4o") == 0
    assert others({("gpt-4o@a", "gpt-4o-mini-2024"): 5, ("gpt-4o@a", "gpt-4o"): 1}, "GPT-4o") == 5


def test_a_change_is_within_an_endpoint_or_to_another_model() -> None:
    spelled = {("a", "/m/qwen2.5-7b.gguf"): 50, ("b", "Qwen2.5-7B-Instruct"): 40}
    assert changed(spelled) == 0
    assert changed(spelled | {("b", "Qwen2.5-7B-Instruct-AWQ"): 3}) == 3
    assert changed(spelled | {("c", "qwen2.5-72b"): 4}) == 4
    assert changed({}) == 0
