import re
from pathlib import Path

import pytest

from stormproof.plan import OPTIONS, SCENARIOS, Option, load_pool

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.flag)
def test_every_option_is_documented_in_the_words_of_its_help(option: Option) -> None:
    row = f"| `--{option.flag}` |"
    line = next((line for line in PAGE.splitlines() if line.startswith(row)), "")
    assert option.help.replace("|", "/") in line
    assert option.env in line


def test_every_scenario_is_documented() -> None:
    assert all(f"| {name} | {s.title} |" in PAGE for name, s in SCENARIOS.items())


def test_the_pool_file_of_the_page_loads(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    path = tmp_path / "pool.toml"
    path.write_text(example[1])
    assert len(load_pool(path).models) == 3
