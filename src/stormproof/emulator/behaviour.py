"""How endpoints behave, as options say it: seed, latencies, limits unlike the pool's, faults.

As TOML (`[emulator]` and `[[emulator.rules]]`) or JSON:

    [emulator]
    seed = 7
    time_scale = 0.5                 # latencies × this; limits and instants stay in real seconds

    [[emulator.rules]]               # for each endpoint, later rules beat earlier ones
    match = "qwen*"                  # of endpoint ids; * and ? as in a shell
    max_workers = 8
    faults = { "500" = 0.03, reset = 0.02 }
    outages = [{ from_s = 10, to_s = 70 }]

Instants count from the first chat request that the emulator gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from stormproof.domain.pool import Limits
from stormproof.errors import ConfigError

Fault = Literal[
    "500", "503", "reset", "hang", "truncated", "nonjson", "empty", "error_object", "drip", "huge",
]  # fmt: skip
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]


class Latency(Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds before `time_scale`. Median = `first_token_s` + tokens × `token_s`, lognormal."""

    first_token_s: NotNegative = 0.5
    token_s: NotNegative = 0.02
    sigma: NotNegative = 0.4
    refusal_s: NotNegative = 0.2


class Outage(Struct, frozen=True, forbid_unknown_fields=True):
    """All requests in `[from_s, to_s)` end in `kind`."""

    from_s: NotNegative = 0.0
    to_s: NotNegative = float("inf")
    kind: Fault = "503"


class Change(Struct, frozen=True, forbid_unknown_fields=True):
    """From `at_s` on all limits are `factor` times what they were declared."""

    at_s: NotNegative
    factor: NotNegative


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """How the endpoints that `match` behave; None leaves it as it was.

    `max_workers`, `qps`, `rpm`, `tpm` replace the pool's limits; 0 takes one away. `kind = "queue"`
    lets requests wait instead of refusing them for `max_workers`. `retry_after` is `right`, `date`,
    `absent`, or any text, which is then sent as it stands.
    """

    match: str = "*"
    kind: Literal["refuse", "queue"] | None = None
    max_workers: Annotated[int, Meta(ge=0)] | None = None
    qps: NotNegative | None = None
    rpm: NotNegative | None = None
    tpm: NotNegative | None = None
    burst_s: NotNegative | None = None
    window_s: NotNegative | None = None
    retry_after: str | None = None
    rate_headers: bool | None = None
    latency: Latency | None = None
    faults: dict[Fault, Share] | None = None
    outages: tuple[Outage, ...] | None = None
    changes: tuple[Change, ...] | None = None
    revoked_at_s: NotNegative | None = None
    gone_at_s: NotNegative | None = None
    exhausted_at_s: NotNegative | None = None


class Behaviour(Struct, frozen=True):
    """What all rules together say of one endpoint."""

    limits: Limits
    kind: Literal["refuse", "queue"] = "refuse"
    burst_s: float = 1.0
    window_s: float = 0.0
    retry_after: str = "right"
    rate_headers: bool = True
    latency: Latency = Latency()
    faults: dict[Fault, float] = {}
    outages: tuple[Outage, ...] = ()
    changes: tuple[Change, ...] = ()
    revoked_at_s: float = float("inf")
    gone_at_s: float = float("inf")
    exhausted_at_s: float = float("inf")


class EmulatorOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """All options. `drip_s` is the time between bytes, `huge_bytes` the size, of those faults."""

    seed: int = 0
    time_scale: Positive = 0.5
    latency: Latency = Latency()
    faults: dict[Fault, Share] = {}
    drip_s: NotNegative = 1.0
    huge_bytes: Annotated[int, Meta(gt=0)] = 50_000_000
    rules: tuple[Rule, ...] = ()

    def behaviour(self, endpoint_id: str, declared: Limits) -> Behaviour:
        """How one endpoint behaves, by its declared limits and all rules that match it."""
        fields: dict[str, Any] = {"latency": self.latency, "faults": self.faults}
        for rule in self.rules:
            if fnmatchcase(endpoint_id, rule.match):
                fields |= {k: v for k, v in msgspec.structs.asdict(rule).items() if v is not None}
        fields.pop("match", None)
        own = {name: fields.pop(name) for name in Limits.__struct_fields__ if name in fields}
        limits = {name: value or None for name, value in own.items()}
        return Behaviour(limits=msgspec.structs.replace(declared, **limits), **fields)


def read_options(data: Mapping[str, Any]) -> EmulatorOptions:
    """Options from plain data. Raises `ConfigError` with the key path of the first mistake."""
    try:
        return msgspec.convert(data, EmulatorOptions)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"emulator options: {error}", hint="stormproof emulate --help shows what can be said"
        ) from None


def load_options(path: Path) -> EmulatorOptions:
    """Options from a TOML or JSON file; other tables beside `[emulator]` are left alone."""
    try:
        text = path.read_bytes()
        decode = msgspec.json.decode if path.suffix == ".json" else msgspec.toml.decode
        data = decode(text)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}", hint="give a TOML or JSON file") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: found no table", hint="give [emulator] and what is under it")
    return read_options(data.get("emulator", data if path.suffix == ".json" else {}))
