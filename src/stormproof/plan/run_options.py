"""What a run is asked to do: one record, out of flags > environment > stormproof.toml > defaults.

`OPTIONS` is the one table of it. Flags, keys of the file, environment variables, their parsing
and their help all come from there; `docs/configuration.md` is tested against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from stormproof.domain.conditions import (
    DIFFICULTIES,
    PROMPT_TYPES,
    PROTOCOLS,
    SEVERITIES,
    TASK_TYPES,
    WEATHER_MODES,
    Difficulty,
    Protocol,
    Severity,
    TaskType,
    WeatherMode,
)
from stormproof.domain.pool import RateMode, Sharding
from stormproof.errors import ConfigError
from stormproof.plan import option_values as v
from stormproof.plan.endpoints import check_models
from stormproof.plan.mistakes import Mistakes, did_you_mean, shown
from stormproof.plan.poolfile import SHIPPED_POOL, load_pool
from stormproof.plan.shards import Shard, ShardBy
from stormproof.plan.tomlfile import read_toml

SCENARIO_NAMES = ("5.1", "5.2", "5.3", "5.4", "5.5", "6.1", "6.2", "6.3")
CONFIG_FILE = "stormproof.toml"
Backend = Literal["local", "ray"]


class RunOptions(Struct, frozen=True):
    """Everything that shapes a run. () on an axis means that nothing was said about it.

    `pool` "" is the embedded emulator with the shipped pool; `models` () is every model of it.
    `stagger` holds shard start offsets in seconds; the last one is repeated. `max_wait_s` is for
    quotas of a day, each time that one is used up.
    """

    pool: str = ""
    prices: str = ""
    models: tuple[str, ...] = ()
    prompt_types: tuple[str, ...] = ()
    task_types: tuple[TaskType, ...] = ()
    difficulties: tuple[Difficulty, ...] = ()
    tool_success_rates: tuple[float, ...] = ()
    num_instances: int = 20
    replicates: int = 1
    protocols: tuple[Protocol, ...] = ("text",)
    severities: tuple[Severity, ...] = ("severe",)
    weather: WeatherMode = "before"
    max_turns: int = 0
    scenarios: tuple[str, ...] = ()
    strict_levels: bool = True
    shard: Shard | None = None
    shard_by: ShardBy = ""
    trial: str = ""
    backend: Backend = "local"
    ray_address: str = ""
    workers: int | None = None
    rate_mode: RateMode = "adaptive"
    max_workers: int | None = None
    qps: float | None = None
    sharding: Sharding = "dynamic"
    stagger: tuple[float, ...] = ()
    hedge: Literal["lost", "all", "none"] = "lost"
    max_wait_s: float = 0.0
    forget: bool = False
    storage_format: Literal["parquet", "json"] = "parquet"
    results: str = "results"
    seed: int = 0
    dry_run: bool = False
    json: bool = False
    quiet: bool = False
    debug_log: bool = False
    debug_process_num: int | None = None
    profile: bool = False


class Option(Struct, frozen=True):
    """One option: the field it fills, its flag (and key in the file), how it is read."""

    field: str
    flag: str
    parse: v.Parser
    help: str
    env: str = ""
    is_switch: bool = False


OPTIONS: tuple[Option, ...] = (
    Option(
        "pool",
        "pool",
        v.text,
        "pool file; without one, the embedded emulator serves the shipped pool",
    ),
    Option(
        "prices",
        "prices",
        v.text,
        "litellm's JSON of prices, for models whose prices the pool file does not give",
    ),
    Option("models", "model", v.names, "models of the pool, comma-separated, or all (default)"),
    Option(
        "prompt_types",
        "prompt-types",
        v.many(PROMPT_TYPES),
        "prompt types, comma-separated, or all",
    ),
    Option("task_types", "task-types", v.many(TASK_TYPES), "task types, or all (default)"),
    Option("difficulties", "difficulty", v.many(DIFFICULTIES), "difficulty levels, or all"),
    Option(
        "tool_success_rates",
        "tool-success-rate",
        v.numbers(0, 1),
        "chances that a tool call succeeds, 0 to 1",
    ),
    Option(
        "num_instances", "num-instances", v.whole(1, 10**12), "tasks per task type and condition"
    ),
    Option(
        "replicates",
        "replicates",
        v.whole(1, 10_000),
        "how often each task is run under each condition",
    ),
    Option(
        "protocols",
        "protocol",
        v.many(PROTOCOLS),
        "how tools are called: text (tags), native, hermes (tags around JSON), or all",
    ),
    Option(
        "severities",
        "severity",
        v.many(SEVERITIES),
        "severity of the flaws: light, medium, severe, or all",
    ),
    Option(
        "weather",
        "weather",
        v.one(WEATHER_MODES),
        "before: a failed call had no effect; ambiguous: a TIMEOUT may have; "
        "silent: data that is read may be false; outage: a tool is down; sticky: one waits",
    ),
    Option(
        "max_turns",
        "max-turns",
        v.whole(0, 1000),
        "turns that an episode may take; 0 (default) for each task's own, scaled to its plan",
    ),
    Option(
        "scenarios",
        "scenario",
        v.many(SCENARIO_NAMES),
        "named grids, comma-separated, or all; axes given too narrow them",
    ),
    Option(
        "strict_levels",
        "strict-levels",
        v.switch,
        "5.4's levels in turn: a model's next one waits until the one before has ended",
        is_switch=True,
    ),
    Option(
        "shard",
        "shard",
        v.shard,
        "this machine's part of the plan, as 2/5: the same fifth wherever it is run",
    ),
    Option(
        "shard_by",
        "shard-by",
        v.one(("trial", "model")),
        "trial: an even part of all; model: every endpoint has one owner (default if it fits)",
    ),
    Option("trial", "trial", v.text, "run this one trial of the plan, named by its id"),
    Option(
        "backend",
        "backend",
        v.one(("local", "ray")),
        "who does the work: this machine, or the workers of a Ray cluster",
    ),
    Option(
        "ray_address",
        "ray-address",
        v.text,
        "Ray cluster to join, as HOST:PORT or auto; without it one is started here for this run",
    ),
    Option(
        "workers",
        "workers",
        v.whole(1, 1000),
        "workers that endpoints are shared out to: processes, or Ray actors (default: one a node)",
    ),
    Option(
        "rate_mode",
        "rate-mode",
        v.one(("adaptive", "fixed")),
        "adaptive finds each endpoint's capacity; fixed keeps declared workers and qps",
        env="RATE_MODE",
    ),
    Option(
        "max_workers",
        "max-workers",
        v.whole(1, 100_000),
        "requests in flight per endpoint, in place of the pool file's figure",
    ),
    Option(
        "qps",
        "qps",
        v.number(0, 1e9),
        "requests per second per endpoint, in place of the pool file's figure",
    ),
    Option(
        "sharding",
        "sharding",
        v.one(("dynamic", "even")),
        "dynamic: any endpoint takes the next request; even: equal parts",
    ),
    Option(
        "stagger",
        "stagger",
        v.numbers(0, 86_400),
        "seconds after which a model's 1st, 2nd, 3rd … shard starts, as 0,30,20",
    ),
    Option(
        "hedge",
        "hedge",
        v.one(("lost", "all", "none")),
        "send lost requests again, also race stragglers with a copy (bends results), or none",
    ),
    Option(
        "max_wait_s",
        "max-wait",
        v.duration(v.LONGEST_WAIT_S),
        "wait so long (90m, 12h) for a day's quota to be refilled; else the endpoint is given up",
    ),
    Option(
        "forget",
        "forget",
        v.switch,
        "begin at no limits that an earlier run into this folder has learned",
        is_switch=True,
    ),
    Option(
        "storage_format",
        "storage-format",
        v.one(("parquet", "json")),
        "format of the sealed results: parquet or json",
        env="STORAGE_FORMAT",
    ),
    Option("results", "results", v.text, "results folder"),
    Option("seed", "seed", v.whole(0, 2**53), "seed of tasks, weather and sampling"),
    Option("dry_run", "dry-run", v.switch, "show the plan and stop", is_switch=True),
    Option("json", "json", v.switch, "machine-readable output on stdout", is_switch=True),
    Option("quiet", "quiet", v.switch, "no progress, only the result", is_switch=True),
    Option(
        "debug_log",
        "debug-log",
        v.switch,
        "write a debug log into the results folder",
        env="DEBUG_LOG",
        is_switch=True,
    ),
    Option(
        "debug_process_num",
        "debug-process-num",
        v.whole(0, 10**6),
        "narrow the debug log to the shard of this number (see plan)",
        env="DEBUG_PROCESS_NUM",
    ),
    Option(
        "profile",
        "profile",
        v.switch,
        "write where the CPU time goes to profile.txt in the results folder",
        is_switch=True,
    ),
)

BY_FLAG = {option.flag: option for option in OPTIONS}


def read_options(
    flags: Mapping[str, Any], environ: Mapping[str, str], folder: Path | None = None
) -> RunOptions:
    """Merge the sources. Raises `ConfigError` with the mistakes of all of them, a line each.

    `flags` maps fields of `RunOptions` to what was given (None where nothing was). An empty
    environment variable says nothing. `folder` is where stormproof.toml is looked for.
    """
    mistakes = Mistakes("")
    given = _from_file((folder or Path()) / CONFIG_FILE, mistakes)
    given |= {o.field: (environ[o.env], o.env) for o in OPTIONS if o.env and environ.get(o.env)}
    given |= {
        o.field: (flags[o.field], f"--{o.flag}") for o in OPTIONS if flags.get(o.field) is not None
    }
    read: dict[str, Any] = {}
    for option in OPTIONS:
        if option.field in given:
            raw, place = given[option.field]
            try:
                read[option.field] = option.parse(raw)
            except v.Unfit as unfit:
                for line in unfit.lines:
                    mistakes.note(f"{place}: {line}")
    alone = not mistakes
    of_pool = _check_pool(read, mistakes)
    hint = of_pool if alone and of_pool else "stormproof run --help lists every option"
    mistakes.raise_all(ConfigError, hint=hint)
    return msgspec.convert(read, RunOptions)


def _check_pool(read: Mapping[str, Any], mistakes: Mistakes) -> str:
    """Note mistakes of the pool file, or of the models named; give the hint for them."""
    try:
        check_models(load_pool(read.get("pool") or SHIPPED_POOL), read.get("models", ()))
    except ConfigError as error:
        for line in error.message.splitlines():
            mistakes.note(line)
        return error.hint
    return ""


def _from_file(path: Path, mistakes: Mistakes) -> dict[str, tuple[Any, str]]:
    """Field → (raw value, place). A key may be spelled with - or _."""
    if not path.exists():
        return {}
    try:
        data, lines = read_toml(path, ConfigError)
    except ConfigError as error:
        mistakes.note(error.message)
        return {}
    given: dict[str, tuple[Any, str]] = {}
    for key, raw in data.items():
        place = f"{path.name}:{lines.get((key,), 1)}: {shown(key)[1:-1]}"
        option = BY_FLAG.get(key.replace("_", "-"))
        if option is None:
            mistakes.note(f"{place}: no such option{did_you_mean(key.replace('_', '-'), BY_FLAG)}")
        elif option.field in given:
            mistakes.note(f"{place}: given twice")
        else:
            given[option.field] = (raw, place)
    return given
