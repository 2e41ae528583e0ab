from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from stormproof.errors import PoolFileError
from stormproof.plan.poolfile import check_pool
from stormproof.probe import Findings, Mend, PoolEdit, edit_pool

SEED = Mend(("parameters", "seed"), "", "no seed")
STREAM = Mend(("stream",), value=True, why="only streams")
NEWER = Mend(("max_completion_tokens",), 9, "newer")

POOL = """\
# top
[providers]
h = { base_url = "https://h.example", keys = ["env:K"] } # house
i = { base_url = "env:I", keys = ["env:K"] }

[models.one]
provider = "h" # stays
parameters = { top_p = 0.5, max_tokens = 9 }

# between
[models.two]
provider = "h"
max_tokens = 9
deployments = [
    "a", # first
    { name = "b", provider = "i" },
]

[models.two.parameters]
top_p = 0.5
"""


def found(model: str, deployment: str, *mends: Mend, provider: str = "h") -> Findings:
    return Findings(f"{model}/{deployment}", model, provider, deployment, mends=list(mends))


def edit(*findings: Findings, text: str = POOL) -> PoolEdit:
    return edit_pool(text, check_pool(tomllib.loads(text), "pool.toml"), findings)


def test_nothing_found_changes_nothing() -> None:
    made = edit(found("one", "one"), found("two", "a"))
    assert (made.text, made.lines, made.by_hand) == (POOL, (), ())


def test_a_limit_moves_to_its_other_name_and_comments_stay() -> None:
    made = edit(found("one", "one", NEWER, SEED))
    one = tomllib.loads(made.text)["models"]["one"]
    assert one == {
        "provider": "h", "parameters": {"top_p": 0.5, "seed": ""}, "max_completion_tokens": 9,
    }  # fmt: skip
    assert [line for line in POOL.splitlines() if "#" in line] == [
        line for line in made.text.splitlines() if "#" in line
    ]
    assert made.lines[0] == "[models.one]"
    assert made.text.index("# between") < made.text.index("[models.two]")


def test_what_all_deployments_need_stands_at_the_model() -> None:
    made = edit(found("two", "a", SEED, STREAM), found("two", "b", SEED, provider="i"))
    two = tomllib.loads(made.text)["models"]["two"]
    assert two["parameters"] == {"top_p": 0.5, "seed": ""}
    assert two["deployments"] == [{"name": "a", "stream": True}, {"name": "b", "provider": "i"}]
    assert "stream" not in two


def test_a_deployment_that_was_not_asked_is_left_alone() -> None:
    made = edit(found("two", "b", SEED, provider="i"))
    two = tomllib.loads(made.text)["models"]["two"]
    assert two["deployments"][1] == {"name": "b", "provider": "i", "parameters": {"seed": ""}}
    assert two["parameters"] == {"top_p": 0.5}


def test_an_address_from_the_environment_is_mended_by_hand() -> None:
    address = Mend(("base_url",), "https://h.example/v1", "HTTP 404")
    made = edit(found("one", "one", address), found("two", "b", address, provider="i"))
    assert tomllib.loads(made.text)["providers"]["h"]["base_url"] == "https://h.example/v1"
    assert tomllib.loads(made.text)["providers"]["i"]["base_url"] == "env:I"
    assert made.by_hand == ("append /v1 to the address in I",)


def test_a_mend_that_would_break_the_file_is_told_and_not_made() -> None:
    with pytest.raises(PoolFileError, match="its mends cannot be written") as caught:
        edit(found("one", "one", Mend(("parameters", "messages"), "", "odd")))
    assert caught.value.hint


def test_the_file_is_replaced_whole_with_its_permissions_behind_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "pool.toml", tmp_path / "link.toml"
    path.write_text(POOL.replace("\n", "\r\n"), newline="")
    path.chmod(0o640)
    link.symlink_to(path)
    text = path.read_bytes().decode()
    edit(found("one", "one", SEED), text=text).write(link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_bytes().count(b"\r\n") >= text.count("\r\n")
    assert {each.name for each in tmp_path.iterdir()} == {path.name, link.name}
