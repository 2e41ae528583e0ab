"""Prices of models from litellm's published JSON (model_prices_and_context_window.json).

It maps ids to entries with prices per token. An entry is taken by its exact id, never a near one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from stormproof.domain.pool import Endpoint
from stormproof.errors import ConfigError
from stormproof.plan.mistakes import shown

_FIELDS = {
    "price_in": "input_cost_per_token",
    "price_out": "output_cost_per_token",
    "price_cached": "cache_read_input_token_cost",
}
_SPECIMEN = "sample_spec"  # an entry that explains the others' fields
_PER_PRICE = 1e6
_DIGITS = 9  # 1.5e-07 per token is 0.15 per million, and not 0.15 and some noise


def priced(endpoints: Sequence[Endpoint], file: str) -> tuple[Endpoint, ...]:
    """The endpoints with the file's prices where the pool gives none. Raises ConfigError.

    What another file gave before stands only where this one has no entry.
    """
    entries = _read(Path(file))
    return tuple(
        e if _has_price(e) and not e.price_source else _with_price(e, entries, file)
        for e in endpoints
    )


def price_notices(endpoints: Sequence[Endpoint], file: str) -> Iterator[str]:
    """Which entry of the file each model's prices are, a line a model; nothing without a file."""
    if not file:
        return
    for model, endpoint in {e.model: e for e in endpoints}.items():
        if endpoint.price_source:
            yield f"prices of {model}: {endpoint.price_source}: {_in_words(endpoint)}"
        elif _has_price(endpoint):
            yield f"prices of {model}: the pool file's: {_in_words(endpoint)}"
        else:
            yield (
                f"prices of {model}: none; {file} prices no {shown(_id_of(endpoint))}, and "
                "price_id in the pool file may name another entry"
            )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not JSON"
        raise ConfigError(
            f"--prices: {path}: {reason}",
            hint="it is litellm's model_prices_and_context_window.json, as published",
        ) from None
    if not isinstance(found, dict):
        raise ConfigError(f"--prices: {path}: found no table of models, id by id")
    return found


def _with_price(endpoint: Endpoint, entries: Mapping[str, Any], file: str) -> Endpoint:
    name = _id_of(endpoint)
    entry = entries.get(name)
    if name == _SPECIMEN or not isinstance(entry, dict):
        return endpoint
    prices = {ours: _per_million(entry.get(theirs)) for ours, theirs in _FIELDS.items()}
    if prices["price_in"] is None or prices["price_out"] is None:
        return endpoint
    return replace(endpoint, **prices, price_source=f"entry {shown(name)} of {file}")


def _per_million(price: Any) -> float | None:
    """None where it is no price: missing, a text, below 0, beyond 1 a token or not finite."""
    if isinstance(price, bool) or not isinstance(price, int | float):
        return None
    return round(price * _PER_PRICE, _DIGITS) if 0 <= price <= 1 else None


def _id_of(endpoint: Endpoint) -> str:
    return endpoint.price_id or endpoint.model


def _has_price(endpoint: Endpoint) -> bool:
    return endpoint.price_in is not None or endpoint.price_out is not None


def _in_words(endpoint: Endpoint) -> str:
    named = (("in", endpoint.price_in), ("out", endpoint.price_out),
             ("cached", endpoint.price_cached))  # fmt: skip
    return ", ".join(f"{price:g} {name}" for name, price in named if price is not None)
