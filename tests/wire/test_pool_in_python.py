"""A pool made in Python, run over real HTTP with keys that only the environment holds."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

import stormproof
from stormproof.emulator import Emulation, EmulatorOptions, emulated_key, emulator_process
from stormproof.plan.python_api import endpoints_of
from stormproof.store import read_header

OPTIONS = stormproof.RunOptions(
    models=("m",), prompt_types=("optimal",), task_types=("simple_task",), num_instances=3
)


def pool_at(base_url: str) -> stormproof.Pool:
    return stormproof.Pool(
        providers={"house": {"base_url": base_url, "keys": ["env:KEY_A", "env:KEY_B"]}},
        models={
            "m": {
                "provider": "house",
                "endpoint_limits": {"max_workers": 2},
                "stream": True,
                "system_role": "user",
                "max_completion_tokens": 4_000,
            }
        },
    )


def test_it_runs_and_its_keys_are_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY_A", "KEY_B"):
        monkeypatch.setenv(name, emulated_key(f"env:{name}"))
    monkeypatch.chdir(tmp_path)
    served = Emulation(
        endpoints_of(OPTIONS, pool_at("https://unused.example")), EmulatorOptions(time_scale=0.02)
    )

    async def main() -> stormproof.RunSummary:
        async with emulator_process(served) as url:
            return await stormproof.run_async(OPTIONS, pool=pool_at(f"{url}/house"))

    summary = anyio.run(main)
    assert (summary.scored, summary.simulated) == (3, True)
    assert {e.simulated for e in stormproof.read_episodes("results")} == {True}  # by their marks
    assert not read_header("results").simulated
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"env:KEY_A" in kept
    assert emulated_key("env:KEY_A").encode() not in kept
