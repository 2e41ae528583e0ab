"""Mends written into a pool file, with its comments, its order and its style left as they are."""

from __future__ import annotations

import difflib
import os
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from msgspec import Struct
from tomlkit.exceptions import TOMLKitError

from stormproof.errors import PoolFileError
from stormproof.plan.poolfile import TOKEN_LIMITS, PoolFile, PoolModel, check_pool
from stormproof.probe.endpoint_findings import Findings, Mend

_Place = tuple[str, ...]


class PoolEdit(Struct, frozen=True):
    """A pool file with its mends. `lines` are those that are new, below their table's header.

    `by_hand` says what no line of the file can mend.
    """

    text: str
    lines: tuple[str, ...]
    by_hand: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Put it in the file's place, whole or not at all, with the file's permissions."""
        target = path.resolve()
        with tempfile.NamedTemporaryFile(
            "w", dir=target.parent, prefix=f".{target.name}.", delete=False, encoding="utf-8",
            newline="",
        ) as file:  # fmt: skip
            file.write(self.text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(target.stat().st_mode & 0o7777)
        Path(file.name).replace(target)


def edit_pool(text: str, pool: PoolFile, findings: Iterable[Findings]) -> PoolEdit:
    """The pool file's text with every mend in it. Raises PoolFileError where none can be made.

    What all deployments of a model need goes to the model, else to the deployment.
    """
    found = [f for f in findings if f.mends]
    by_hand = tuple(dict.fromkeys(_by_hand(pool, found)))
    try:
        document: Any = tomlkit.parse(text)
        for model in pool.models.values():
            _mend_model(document["models"][model.name], model, found)
        for f in found:
            if address := _address(f.mends):
                _mend_address(document["providers"][f.provider], address)
        after = tomlkit.dumps(document)
        after += "" if after.endswith("\n") else "\n"
        check_pool(tomllib.loads(after), pool.source)
    except (TOMLKitError, PoolFileError, KeyError, TypeError, ValueError) as error:
        raise PoolFileError(
            f"{pool.source}: its mends cannot be written: {error}",
            hint="write them by hand: docs/configuration.md shows each key",
        ) from error
    return PoolEdit(after, tuple(_new_lines(text, after)), by_hand)


def _mend_model(table: Any, model: PoolModel, findings: Sequence[Findings]) -> None:
    needed: dict[tuple[str, str], dict[_Place, Mend]] = defaultdict(dict)
    for f in findings:
        if f.model == model.name:
            own = {m.place: m for m in f.mends if m.place != ("base_url",)}
            needed[f.deployment, f.provider] |= own
    everyone = [needed.get((d.name, d.provider), {}) for d in model.deployments]
    shared = {
        place: mend
        for place, mend in everyone[0].items()
        if all(place in each and each[place].value == mend.value for each in everyone)
    }
    for mend in shared.values():
        _set(table, mend)
    for number, own in enumerate(everyone):
        for place, mend in own.items():
            if place not in shared:
                _set(_own_table(table["deployments"], number), mend)


def _own_table(deployments: Any, number: int) -> Any:
    """The deployment's table, made of its name where it is but a name."""
    if isinstance(deployments[number], str):
        table = tomlkit.inline_table()
        table.append("name", str(deployments[number]))
        deployments[number] = table
    return deployments[number]


def _set(table: Any, mend: Mend) -> None:
    *parents, name = mend.place
    if name in TOKEN_LIMITS:
        for limit in TOKEN_LIMITS:
            table.pop(limit, None)
            if limit in table.get("parameters", {}):
                table["parameters"].pop(limit)
    for parent in parents:
        if parent not in table:
            table[parent] = tomlkit.inline_table()
        table = table[parent]
    table[name] = mend.value


def _address(mends: Iterable[Mend]) -> str:
    return next((str(mend.value) for mend in mends if mend.place == ("base_url",)), "")


def _mend_address(provider: Any, address: str) -> None:
    if not str(provider["base_url"]).startswith("env:"):
        provider["base_url"] = address


def _by_hand(pool: PoolFile, findings: Iterable[Findings]) -> Iterable[str]:
    providers: Mapping[str, Any] = pool.providers
    for f in findings:
        base_url = providers[f.provider].base_url
        if _address(f.mends) and base_url.startswith("env:"):
            yield f"append /v1 to the address in {base_url.removeprefix('env:')}"


def _new_lines(before: str, after: str) -> Iterable[str]:
    """Lines that are only in the new text, each group below the header that it stands under."""
    lines = after.splitlines()
    matcher = difflib.SequenceMatcher(None, before.splitlines(), lines, autojunk=False)
    shown = ""
    for kind, _, _, start, end in matcher.get_opcodes():
        if kind in {"equal", "delete"}:
            continue
        for number in range(start, end):
            header = next((x for x in lines[number::-1] if x.startswith("[")), "")
            if header != shown and header != lines[number]:
                yield header
            shown = header
            if lines[number].strip():
                yield lines[number]
