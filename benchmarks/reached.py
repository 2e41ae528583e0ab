"""What of the controllers a program comes to: lines that ran, and functions that ever said yes."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Self

Place = tuple[str, int]  # a module and a line of it; or less than 0: the function there said yes
ALWAYS: Place = ("", 0)


class Reached:
    """Within it, `places` gathers what is reached of those `wanted` in the modules of a folder."""

    def __init__(self, folder: Path, wanted: AbstractSet[Place]) -> None:
        self.places: set[Place] = {ALWAYS}
        self._folder = str(folder)
        self._wanted = wanted
        self._left: dict[CodeType, set[int]] = {}  # of each code, what was not reached yet

    def __enter__(self) -> Self:
        """From here on."""
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        """Up to here."""
        sys.settrace(None)

    def _called(self, frame: FrameType, event: str, _: object) -> Any:  # noqa: ARG002  as settrace calls it
        code = frame.f_code
        left = self._left.get(code)
        if left is None:
            lines = {-code.co_firstlineno, *(line for *_, line in code.co_lines() if line)}
            stem = Path(code.co_filename).stem if code.co_filename.startswith(self._folder) else ""
            left = self._left[code] = {line for line in lines if (stem, line) in self._wanted}
        return self._traced if left else None

    def _traced(self, frame: FrameType, event: str, given: object) -> Any:
        code = frame.f_code
        if event == "line":
            place = frame.f_lineno
        elif event == "return" and given:
            place = -code.co_firstlineno
        else:
            return self._traced
        left = self._left[code]
        if place in left:
            left.remove(place)
            self.places.add((Path(code.co_filename).stem, place))
        return self._traced


def reads(trees: Mapping[str, ast.Module], module: str, name: str) -> frozenset[Place]:
    """Where a constant of a module is read, and whatever is made of it; `ALWAYS`: on import."""
    found: set[Place] = set()
    names, seen = [(module, name)], set[tuple[str, str]]()
    while names:
        where, what = names.pop()
        seen.add((where, what))
        for stem, tree in trees.items():
            if stem != where and what in _assigned(tree):
                continue  # one of its own
            for node in tree.body:
                made = set(_names(node)) if isinstance(node, ast.Assign) else set()
                if made and any(_is(x, what) for x in ast.walk(node.value)):  # type: ignore[attr-defined]
                    names += [(stem, each) for each in made if (stem, each) not in seen]
                elif not made:
                    found |= {(stem, line) if line else ALWAYS for line in _lines(node, what)}
    return frozenset(found)


def _is(node: ast.AST, name: str) -> bool:
    named = isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    return named or (isinstance(node, ast.Attribute) and node.attr == name)


def _lines(node: ast.AST, name: str, *, inside: bool = False) -> Iterator[int]:
    """Of the reads in a statement; 0 for one outside of all functions' bodies."""
    if _is(node, name):
        yield node.lineno if inside else 0  # type: ignore[attr-defined]
    body = node.body if isinstance(node, ast.FunctionDef | ast.Lambda) else []
    bodies = body if isinstance(body, list) else [body]
    for child in ast.iter_child_nodes(node):
        yield from _lines(child, name, inside=inside or child in bodies)


def _assigned(tree: ast.Module) -> set[str]:
    return {x for node in tree.body if isinstance(node, ast.Assign) for x in _names(node)}


def _names(node: ast.Assign) -> Iterator[str]:
    for target in node.targets:
        yield from (x.id for x in ast.walk(target) if isinstance(x, ast.Name))
