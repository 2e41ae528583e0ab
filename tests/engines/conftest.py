"""Real inference servers with a model that follows its plan, and runs against them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import stormproof
from stormproof.domain.episodes import Episode

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from inference_servers import InferenceServer, LlamaCpp
from tiny_model import write_gguf

Serve = Callable[..., LlamaCpp]
Play = Callable[..., list[Episode]]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model, as a file."""
    missing = [name for name in ("gguf", "xllamacpp") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"without {' and '.join(missing)}, as where there is no wheel for the machine")
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_gguf(path)
    return path


@pytest.fixture
def serve(tiny: Path) -> Iterator[Serve]:
    """Starts servers: `slots` requests at once, with a `context` of so many tokens each."""
    with ExitStack() as stack:
        yield lambda **sizes: stack.enter_context(LlamaCpp(tiny, **sizes))


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Runs a plan against a server to its end, and gives the episodes that the store then has.

    `model` is more of the pool file's table of the model.
    """
    monkeypatch.setenv("ENGINE_KEY", "sk-engine")

    def played(
        server: InferenceServer,
        *,
        model: dict[str, Any] | None = None,
        on_progress: Callable[[stormproof.Progress], None] | None = None,
        **options: Any,
    ) -> list[Episode]:
        table: Any = {"provider": "engine", "deployments": [server.model]} | (model or {})
        pool = stormproof.Pool(
            providers={"engine": {"base_url": server.base_url, "keys": ["env:ENGINE_KEY"]}},
            models={"tiny": table},
        )
        usual: dict[str, Any] = {
            "prompt_types": ("optimal",),
            "tool_success_rates": (1.0,),
            # Of these the shown plans hold all that is to be said: nothing has to be found out.
            "task_types": ("simple_task", "data_pipeline", "api_integration"),
            "num_instances": 2,
        }
        asked = stormproof.RunOptions(results=str(tmp_path / "results"), **(usual | options))
        stormproof.run(asked, pool=pool, on_progress=on_progress)
        return list(stormproof.read_episodes(tmp_path / "results"))

    return played
