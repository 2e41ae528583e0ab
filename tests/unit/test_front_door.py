"""What `import stormproof` gives: quick to import, documented name by name, and as documented."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import stormproof
from stormproof import testing

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text()
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
NAMES = [name for name in (*stormproof.__all__, *testing.__all__) if not name.startswith("__")]
HEAVY = ("aiohttp", "anyio", "duckdb", "msgspec", "numpy", "pyarrow", "rich", "scipy")


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_documented_with_an_example(name: str) -> None:
    assert name in SECTIONS, f"docs/api.md has no section `{name}`"
    examples = "".join(re.findall(r"```python\n(.*?)```", SECTIONS[name], re.DOTALL))
    assert re.search(rf"\b{name}\b", examples), f"no example of `{name}` names it"


def test_nothing_is_documented_that_is_not_there() -> None:
    assert set(SECTIONS) == set(NAMES)


def test_the_pages_examples_run(tmp_path: Path) -> None:
    script = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_every_name_is_there_and_is_listed() -> None:
    assert all(hasattr(stormproof, name) for name in stormproof.__all__)
    assert set(stormproof.__all__) <= set(dir(stormproof))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = stormproof.nonsense  # type: ignore[attr-defined]


def test_importing_it_brings_nothing_with_it() -> None:
    code = "import stormproof, sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = set(found.stdout.decode().split())
    assert not loaded.intersection(HEAVY)
    assert {name for name in loaded if name.startswith("stormproof")} == {"stormproof"}


def test_names_that_rooms_have_too_stay_the_functions() -> None:
    code = (
        "import stormproof.plan, stormproof.audit.findings, stormproof\n"
        "from stormproof.plan import RunOptions\n"
        "from stormproof import audit\n"
        "assert callable(stormproof.plan) and callable(audit) and audit is stormproof.audit\n"
        "assert RunOptions is stormproof.RunOptions\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
