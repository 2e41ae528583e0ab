import csv
import json
import re
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import duckdb
import pytest

from stormproof.cli import main
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Score
from stormproof.domain.trials import Trial
from stormproof.errors import StoreError
from stormproof.export import write_csv, write_jsonl
from stormproof.plan import RunOptions
from stormproof.store import EPISODE_COLUMNS, append_run, query
from stormproof.testing.records import an_endpoint

FORMAT_PAGE = (Path(__file__).parents[3] / "docs" / "format.md").read_text()


def test_every_ended_episode_is_a_line_of_json_with_every_column(
    results: Path, tmp_path: Path
) -> None:
    assert write_jsonl(results, tmp_path / "new" / "e.jsonl") == 4
    rows = [json.loads(line) for line in (tmp_path / "new" / "e.jsonl").read_text().splitlines()]
    assert rows == query(results, "select * exclude (record) from episodes").to_pylist()
    assert all(list(row) == list(EPISODE_COLUMNS) for row in rows)
    assert [row["success"] for row in rows] == ["full", "partial", None, None]


def test_csv_holds_the_same_values(results: Path, tmp_path: Path) -> None:
    assert write_csv(results, tmp_path / "e.csv") == 4
    with (tmp_path / "e.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["error"] for row in rows] == ["", "", 'a "b", c\nd', "no endpoint answered"]
    assert [row["goal_met"] for row in rows] == ["true", "true", "", ""]
    assert json.loads(rows[0]["endpoints"]) == ["here"]
    assert [row["success"] for row in rows] == ["full", "partial", "", ""]


def test_what_cannot_be_written_is_said(results: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_csv(results, tmp_path / "taken" / "e.csv")


def test_the_command_writes_what_it_is_asked_for(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(results), "--csv", str(tmp_path / "e.csv")]) == 0
    assert "e.csv: 4 episodes" in capsys.readouterr().err
    assert main(["export", str(results)]) == 2
    assert "--jsonl" in capsys.readouterr().err


def test_an_unfinished_plan_and_simulated_models_are_said_first(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = RunOptions(models=("two",), prompt_types=("cot",), num_instances=1)
    append_run(results, {"options": options, "endpoints": [an_endpoint("two")]})
    assert main(["export", str(results), "--jsonl", str(tmp_path / "e.jsonl")]) == 0
    simulated, unfinished, wrote = capsys.readouterr().err.splitlines()
    assert simulated.startswith("SIMULATED: ")
    assert unfinished.startswith("UNFINISHED: 2 of 8 planned trials are scored; 1 blocked, 1 ended")
    assert wrote.endswith("e.jsonl: 4 episodes")


def test_the_format_page_says_what_every_column_holds() -> None:
    named = re.findall(
        r"^\| (`.*?) \| (text|integer|number|boolean|list)", FORMAT_PAGE, re.MULTILINE
    )
    kinds = {str: "text", int: "integer", float: "number", bool: "boolean", tuple: "list"}
    said = {name: kind for names, kind in named for name in re.findall(r"`(\w+)`", names)}
    assert said == {name: kinds[kind] for name, kind in EPISODE_COLUMNS.items()}


@pytest.mark.parametrize(
    ("column", "kind"),
    [(hint_name, hint) for part in (Trial, Condition, Episode, Score)
     for hint_name, hint in get_type_hints(part).items() if get_origin(hint) is Literal],
)  # fmt: skip
def test_the_format_page_names_every_allowed_value(column: str, kind: object) -> None:
    [row] = re.findall(rf"^\| `{column}` \| text \| (.*) \|$", FORMAT_PAGE, re.MULTILINE)
    assert [value for value in get_args(kind) if f"`{value}`" not in row] == []


@pytest.mark.parametrize("library", ["duckdb", "pandas", "polars", "datasets"])
@pytest.mark.filterwarnings("ignore")  # the libraries' own
def test_the_one_liners_of_the_format_page_run(
    library: str, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    write_jsonl(results, tmp_path / "episodes.jsonl")
    write_csv(results, tmp_path / "episodes.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    blocks = re.findall(r"```python\n(.*?)```", FORMAT_PAGE, re.DOTALL)
    [code] = [block for block in blocks if block.startswith(f"import {library}")]
    found: dict[str, object] = {}
    exec(code, found)  # noqa: S102  it is what the page says
    assert found["full"] == 1


def test_duckdb_reads_the_types_that_the_page_says(results: Path, tmp_path: Path) -> None:
    write_csv(results, tmp_path / "e.csv")
    read = duckdb.read_csv(str(tmp_path / "e.csv"))
    types = dict(zip(read.columns, map(str, read.types), strict=True))
    assert (types["goal_met"], types["turns"], types["ceiling"]) == ("BOOLEAN", "BIGINT", "DOUBLE")
