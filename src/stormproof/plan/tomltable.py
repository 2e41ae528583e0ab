"""One table of a TOML file, read key by key; what is wrong is noted and reading goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stormproof.plan.mistakes import KeyPath, Mistakes, shown, type_name
from stormproof.plan.pool_values import (
    ADDRESS,
    CREDENTIAL,
    REFERENCE,
    SECRET_NAMES,
    url_mistake,
)

MAX_NAME = 200
NAME = f"1 to {MAX_NAME} visible characters"
MAX_EXACT = 2**53  # integers up to here survive JSON readers that use doubles


class TomlTable:
    """A checked view of a dict. Every method reads one key and marks it as known."""

    def __init__(self, data: dict[str, Any], path: KeyPath, mistakes: Mistakes) -> None:
        self.data = data  # the user's; only `name_items` replaces it, by a copy
        self.path = path
        self._mistakes = mistakes  # one for the whole file
        self._known: set[str] = set()  # keys that were asked for, there or not; `_take` alone adds

    @property
    def name(self) -> str:
        """The table's own key; for an item of a list its `name`, or the text it consists of."""
        return (
            str(self.data.get("name", "")) if isinstance(self.path[-1], int) else str(self.path[-1])
        )

    def close(self) -> None:
        """Note every key that nothing has asked for."""
        for key in self.data:
            if key not in self._known:
                self._mistakes.add(
                    (*self.path, key), "a key that means nothing here",
                    ", ".join(sorted(self._known)), near=key, among=self._known,
                )  # fmt: skip

    def wrong(self, key: str, found: str, allowed: str, **near: Any) -> None:
        """Note a mistake at `key`."""
        self._mistakes.add((*self.path, key), found, allowed, **near)

    def text(self, key: str, *, required: bool = False, example: str = "") -> str:
        """A non-empty text; "" where it is missing."""
        value = self._take(key, str, f'a text such as "{example}"', required=required)
        if isinstance(value, str) and not _fit_name(value):
            self.wrong(key, shown(value), NAME)
        return value or ""

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false; the default where it is missing."""
        value = self._take(key, bool, "true or false")
        return default if value is None else bool(value)

    def choice(self, key: str, allowed: tuple[str, ...], *, default: str) -> str:
        """One of the names; the default where it is missing or wrong."""
        value = self._take(key, str, " or ".join(allowed))
        if value is None or value in allowed:
            return value or default
        self.wrong(key, shown(value), _listed(allowed), near=value, among=allowed)
        return default

    def choices(
        self, key: str, allowed: tuple[str, ...], *, known_complete: bool
    ) -> tuple[str, ...]:
        """A list of distinct names; those that are right. () where it is missing."""
        values = self._take(key, list, f"a list of names out of {_listed(allowed)}")
        if values == []:
            self.wrong(key, "an empty list", _listed(allowed))
        right: dict[str, None] = {}
        for index, value in enumerate(values or ()):
            if not isinstance(value, str) or (known_complete and value not in allowed):
                near = value if isinstance(value, str) else ""
                self._mistakes.add(
                    (*self.path, key, index),
                    shown(value),
                    _listed(allowed),
                    near=near,
                    among=allowed,
                )
            elif value in right:
                self._mistakes.add(
                    (*self.path, key, index), f"{shown(value)} a second time", "each name once"
                )
            else:
                right[value] = None
        return tuple(right)

    def whole(self, key: str, *, at_most: int) -> int | None:
        """A whole number from 1 on; None where it is missing or wrong."""
        allowed = f"a whole number from 1 to {at_most:,}"
        value: int | None = self._take(key, int, allowed)
        if value is not None and not 1 <= value <= at_most:
            self.wrong(key, shown(value), allowed)
            return None
        return value

    def number(
        self, key: str, *, at_most: float, default: float | None = None, zero: bool = False
    ) -> float | None:
        """A finite number above 0 (from 0 on with `zero`); the default where missing or wrong."""
        allowed = (
            f"a number {'from' if zero else 'above'} 0 {'' if zero else 'and up '}to {at_most:,.0f}"
        )
        value = self._take(key, (int, float), allowed)
        if value is None:
            return default
        if not (0 <= value <= at_most) or (value == 0 and not zero):
            self.wrong(key, shown(value), allowed)
            return default
        return float(value)

    def url(self, key: str) -> str:
        """An http(s) address or a reference to one."""
        value = self.text(key, required=True, example="https://example.openai.azure.com")
        if value and not REFERENCE.match(value) and (reason := url_mistake(value)):
            self.wrong(key, reason, ADDRESS)
        return value

    def reference(self, key: str, *, hint: str) -> str:
        """A reference `env:NAME`."""
        value = self._take(key, object, "a reference env:NAME", required=True)
        return self.as_reference(value, (key,), hint=hint)

    def as_reference(self, value: object, key: KeyPath, *, hint: str) -> str:
        """The reference, or "" with a mistake that never shows what stood there."""
        if isinstance(value, str) and REFERENCE.match(value):
            return value
        if value is not None:
            found = (
                f"a text of {len(value)} characters" if isinstance(value, str) else type_name(value)
            )
            self._mistakes.add(
                (*self.path, *key),
                f"{found} that is no reference (not shown)",
                f"env:NAME; {hint}",
            )
        return ""

    def free(self, key: str, *, forbidden: frozenset[str]) -> dict[str, object]:
        """A table of the user's own, without names that are ours to set or that hold secrets."""
        table = self.table(key)
        if table is None:
            return {}
        for name, value in table.data.items():
            if name in forbidden:
                table.wrong(name, "a parameter that Stormproof sets itself", "any other parameter")
            elif reason := _unfit_parameter(name, value):
                table.wrong(name, reason, "texts, finite numbers, true, false, lists, tables")
        return table.data

    def texts(self, key: str, unfit: Callable[[str, str], str]) -> dict[str, str]:
        """A table of texts, in which `unfit` finds nothing wrong with any name and value."""
        table = self.table(key)
        texts: dict[str, str] = {}
        for name, value in table.data.items() if table else ():
            found = unfit(name, value) if isinstance(value, str) else type_name(value)
            if found:
                self._mistakes.add((*self.path, key, name), found, "a text, or env:NAME")
            else:
                texts[name] = str(value)
        return texts

    def table(self, key: str) -> TomlTable | None:
        """The table under `key`, or None."""
        value = self._take(key, dict, "a table")
        return None if value is None else TomlTable(value, (*self.path, key), self._mistakes)

    def tables(self, key: str, *, at_least_one: bool = False) -> Iterator[TomlTable]:
        """The tables under `key`, each with a fit name."""
        for entry in self.entries(key, at_least_one=at_least_one):
            if isinstance(entry, TomlTable):
                yield entry
            else:
                name, value, where = entry
                where.wrong(name, type_name(value), "a table")

    def entries(
        self, key: str, *, at_least_one: bool = False
    ) -> Iterator[TomlTable | tuple[str, object, TomlTable]]:
        """What stands under `key`: tables, and plain values as (name, value, where)."""
        table = self.table(key)
        if at_least_one and (key not in self.data or (table and not table.data)):
            self.wrong(key, "nothing", "at least one entry")
        if table is None:
            return
        for name, value in table.data.items():
            if not _fit_name(name):
                table.wrong(
                    name, "a name that is empty, too long or has invisible characters", NAME
                )
            path = (*table.path, name)
            yield (
                TomlTable(value, path, self._mistakes)
                if isinstance(value, dict)
                else (name, value, table)
            )

    def name_items(self, key: str, stem: str) -> None:
        """Where a list stands under `key`, take it for a table named stem0, stem1 and so on."""
        if isinstance(items := self.data.get(key), list):
            named = {f"{stem}{index}": item for index, item in enumerate(items)}
            self.data = self.data | {key: named}

    def named_items(self, key: str, *, default: str) -> list[TomlTable]:
        """A list of names, or of tables with a `name`; the one name `default` where missing."""
        values = self._take(key, list, "a list of names, or of tables with a name")
        if values == []:
            self.wrong(key, "an empty list", "at least one deployment")
        items = []
        for index, value in enumerate([default] if values is None else values):
            path = (*self.path, key, index)
            data = {"name": value} if isinstance(value, str) else value
            item = TomlTable(data if isinstance(data, dict) else {}, path, self._mistakes)
            item.text("name", required=True, example="gpt-4o-mini-2")
            items.append(item)
        return items

    def _take(self, key: str, kind: Any, allowed: str, *, required: bool = False) -> Any:
        """The value if it is there and of the kind; True is no number here."""
        self._known.add(key)
        if key not in self.data:
            if required:
                self.wrong(key, "nothing", allowed)
            return None
        value = self.data[key]
        if isinstance(value, kind) and (not isinstance(value, bool) or kind in {bool, object}):
            return value
        is_plain = not isinstance(value, list | dict)
        self.wrong(key, type_name(value) + (f" ({shown(value)})" if is_plain else ""), allowed)
        return None


def _fit_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME and name.isprintable() and not name.isspace()


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(shown(n)[1:-1] for n in names[:20]) + (" …" if len(names) > 20 else "")  # noqa: PLR2004  twenty names fit a screen


def _unfit_parameter(name: str, value: object) -> str:
    """Why a parameter cannot stand in a JSON body, or ""."""
    if SECRET_NAMES.search(name):
        return CREDENTIAL
    if isinstance(value, dict):
        return next((r for k, v in value.items() if (r := _unfit_parameter(k, v))), "")
    if isinstance(value, list):
        return next((r for v in value if (r := _unfit_parameter("", v))), "")
    if isinstance(value, int | float):
        return "" if abs(value) <= MAX_EXACT else f"{shown(value)}, which JSON cannot carry exactly"
    return "" if isinstance(value, str) else type_name(value)
