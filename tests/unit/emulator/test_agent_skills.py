from __future__ import annotations

from stormproof.emulator.agent_skills import SKILLS, skill_of


def test_models_are_ordered_as_their_sizes_suggest() -> None:
    sizes = ["3b", "7b", "14b", "32b", "72b"]
    chances = [SKILLS[f"qwen2.5-{size}-instruct"].competence for size in sizes]
    assert chances == sorted(chances)
    assert chances[-1] < SKILLS["DeepSeek-V3-0324"].competence


def test_a_copy_acts_as_its_model_and_an_unknown_model_acts_the_same_each_time() -> None:
    assert skill_of("DeepSeek-V3-0324-3") == SKILLS["DeepSeek-V3-0324"]
    assert skill_of("never-heard-of") == skill_of("never-heard-of") != skill_of("nor-of-this")
