"""A notebook's cells, in a real kernel, whose loop is running when they are."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

SETTING = """\
import stormproof
options = stormproof.RunOptions(
    models=("DeepSeek-V3-0324",), prompt_types=("optimal",), task_types=("simple_task",),
    num_instances=10, max_turns=2, results=RESULTS,
)
seen = []
def show(progress):
    seen.append(progress)
    print(progress.scored, "of", progress.planned)
"""
PLAIN = "summary = stormproof.run(options, on_progress=show)\nprint('ran', summary.ran)"
AWAITED = "again = await stormproof.run_async(options, on_progress=show)\nprint('ran', again.ran)"


def said(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel writes into its user's folders: let these be ours."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))


def test_a_cell_runs_ten_episodes_and_shows_its_progress(tmp_path: Path) -> None:
    sources = (f"RESULTS = {str(tmp_path / 'r')!r}", SETTING, PLAIN, AWAITED)
    cells = [nbformat.v4.new_code_cell(source) for source in sources]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=100, kernel_name="python3").execute()
    plain, awaited = map(said, notebook.cells[2:])
    assert "0 of 10" in plain
    assert "10 of 10" in plain
    assert plain.endswith("ran 10\n")
    assert awaited.endswith("ran 0\n")
