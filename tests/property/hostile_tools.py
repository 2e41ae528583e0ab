"""Tool calls that a hostile model might write, on worlds of its making, under goals of every kind.

    python tests/property/hostile_tools.py 100000 [first seed]

Whatever a tool or a goal check raises is a find: `Weathered.call` must give a record that can be
kept, and nothing else.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import struct
import sys
import time
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

from stormproof.domain.conditions import Condition
from stormproof.domain.tasks import Check, Resource, Task, ToolSpec
from stormproof.episode.arguments import read_native_arguments
from stormproof.store.record_lines import encode
from stormproof.suites import Weathered
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.goals import KINDS, goal_met
from stormproof.suites.workflows.suite import WorldEnvironment
from stormproof.suites.workflows.tools.calling import LONGEST_MESSAGE
from stormproof.suites.workflows.world import HEAVIEST

CALLS_OF_A_WORLD = 25
NUMBERS = (
    0, 1, -1, 2, 7, 0.5, -0.0, 1e200, -1e200, 3e200, 1e308, -1e308, 1.7976931348623157e308, 5e-324,
    1e-308, 2.5e-320, 2**53 + 1, 2**63 - 1, 1 - 2**63, 10**18, 1e16, 1e100, 1e150, 3, 4, 10.25,
)  # fmt: skip
STRANGE = (
    2**64, 10**40, 10**400, -(2**63), float("inf"), float("-inf"), float("nan"), True, False, None,
    "\ud800", "\udc80x",
)  # fmt: skip
TEXTS = (
    "", " ", "a", "b", "id", "amount", "status", "paid", "value", "inf", "nan", "-inf", "1e999",
    "007", "1,000", "null", "true", "NaN", "\0", "\u202e", "é" * 9, "İ", "ß",
    "a.b.c", "a" * 300, "x" * 5_000, "[" * 40, '{"a":' * 40, "${a}", "{{a}}", "../etc/passwd",
    "a/b", "data/a.csv", "out/a.json", "out/b.zip", "*", "**/[a-z]*",
    "[!", "[]]", "?" * 50, "*a" * 80,
    "https://a.b/c", "https://a.b", "http://[::1", "https://a.b:99999/c", "//", "crm", "a.b",
    "%s%d{0}", "06:30", "24:00", "6:3", "data_processing_parser_1", "data_processing_parser",
)  # fmt: skip
PATHS = ("out/b.zip", "out/old.zip", "data/a.csv", "out/c.json", "x.xml", "y.csv", "z")
URLS = ("https://a.b/c", "https://a.b/d")
EXPRESSIONS = (
    "a", "a > 1", "a == b", "a + b", "a * b", "a ** b", "a ** 1000", "2 ** 2000", "a / 0", "0 / a",
    "a % b", "a // b", "-a", "not a", "a and b or id", "a in [1, 2, 'x']", "a in b", "a is null",
    "sum(a)", "sum(a) / count(a)", "mean(a)", "median(a)", "min(a)", "max(a)", "max()", "len(a)",
    "round(a, 99)", "round(a, b)", "abs(a)", "sqrt(a)", "sqrt(-1)", "log(a)", "log(0)", "exp(a)",
    "exp(1e4)", "floor(a)", "ceil(1e308)", "floor(a) * floor(b)", "lower(a)", "contains(a, b)",
    "startswith(a, 'x')", "a.b", "a.b.c > 1", "1e999", "1e308 * 10", "10**300 * 10**300", "1 = 1",
    "a <> b", "a && b || !b", "'x' * 9", "'x' + 'y'", "[a] + [b]", "[1, [2]] == a", "(a,)", "{a}",
    "a if b else 1", "lambda: 1", "__import__('os')", "a.__class__", "f'{a}'", "a[0]", "a < b < id",
    "'a' < 1", "~a", "a @ b", "...", "1j", "b'x'", "sum(a, b, 1, 2)", "count()",
    "sum([1e308, 1e308])",
    "mean([1e308, 1e308, 1e308])", "min('a', 1)", "round(1e300)", "(" * 70 + "a" + ")" * 70,
    "a" + "+a" * 240, "not " * 120 + "a", "-" * 400 + "a", "a.b" + ".c" * 200, "\0", "a\nb", "é",
)  # fmt: skip
SCHEMAS: tuple[dict[str, Any], ...] = (
    {}, {"type": "object"}, {"type": "array", "items": {"type": "object"}}, {"required": ["a"]},
    {"properties": {"a": {"type": "number", "multipleOf": 1e-308}}}, {"multipleOf": 0.1},
    {"anyOf": [{"type": "string"}] * 400}, {"not": {"not": {"not": {}}}}, {"pattern": "(a+)+$"},
    {"$ref": "#"}, {"uniqueItems": True}, {"enum": [1, "a", None, [], {}]}, {"const": float("nan")},
    {"type": "nothing"}, {"type": 5}, {"minLength": -1}, {"properties": []}, {"anyOf": {}},
    {"items": False}, {"additionalProperties": False}, {"minimum": "a"}, {"maximum": 1e308},
    {"oneOf": [True, False]}, {"properties": {"a": {"multipleOf": 3}, "b": {"multipleOf": 5e-324}}},
)  # fmt: skip
OPERATIONS = (
    "rename", "select", "drop", "compute", "convert", "sort", "limit", "deduplicate", "uppercase",
    "lowercase", "trim", "round", "normalise",
)  # fmt: skip


class HostileModel:
    """Draws tool calls and worlds; equal seeds draw the same."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)

    def task(self) -> Task:
        """All data that a task may hold, and a check of some kind."""
        rng = self.rng
        files = {"data/a.csv": self.document(), "b.json": self.document(), "c.xml": self.document()}
        if rng.random() < 0.2:
            files["defaults.json"] = json.dumps({"computation_predictor": {"steps": 3}})
        status = rng.choice((200, 200, 404, 503))
        return Task(
            "t", "simple_task", "easy", "", (), (), (self.check(rng.choice(list(KINDS))),),
            files={**files, "out/old.zip": self.archive()},
            resources={"https://a.b/c": Resource(status, self.document()),
                       "https://a.b/d": Resource(200, "1", credential="crm")},
            credentials={"crm": "pw"},
        )  # fmt: skip

    def check(self, kind: str) -> Check:
        """A check of a subject that there may be."""
        rng = self.rng
        subjects = {"file": PATHS, "archive": PATHS, "post": URLS, "post_once": URLS,
                    "result": tuple(WORKFLOWS.tools), "log": ("", "info")}  # fmt: skip
        expected: Any = self.json()
        if kind == "log":
            expected = [self.text()]
        elif kind in ("schedule", "notification"):
            expected = {"contains": [self.text()]} if rng.random() < 0.5 else {"at": self.text()}
        elif kind in ("queue", "routed"):
            expected = [self.json()]
        elif kind == "checked":
            expected = {"records": [{"a": self.leaf()}], "filled": ["a"], "unique": [self.text()]}
        elif kind in ("file", "archive", "tracked") and rng.random() < 0.7:
            expected = self.document()
        return Check(kind, rng.choice(subjects.get(kind, TEXTS)), expected)

    def arguments(self, spec: ToolSpec) -> dict[str, Any]:
        """Most of a tool's parameters, each as its schema has it or as anything else."""
        rng = self.rng
        properties = spec.parameters["properties"]
        given = {
            name: self.fitting(name, schema) if rng.random() < 0.93 else self.json()
            for name, schema in properties.items()
            if rng.random() < 0.6 or name in spec.parameters["required"]
        }
        if rng.random() < 0.03:
            given[self.text()] = self.json()
        if rng.random() < 0.7:
            return read_native_arguments(json.dumps(given), properties).values
        return given

    def fitting(self, name: str, schema: dict[str, Any]) -> Any:
        """A value for a parameter, of about the right form."""
        rng = self.rng
        if "enum" in schema:
            return rng.choice(schema["enum"])
        named: dict[str, Callable[[], Any]] = {
            "expression": lambda: rng.choice(EXPRESSIONS),
            "where": lambda: rng.choice(EXPRESSIONS),
            "schema": lambda: rng.choice(SCHEMAS),
            "input": lambda: self.data() if rng.random() < 0.7 else self.text(),
            "operations": lambda: [self.operation() for _ in range(rng.choice((1, 1, 2, 3, 25)))],
            "routes": lambda: [{"to": "x", "where": rng.choice(EXPRESSIONS)}] * rng.choice((1, 11)),
            "path": lambda: rng.choice((*PATHS, self.text())),
        }
        if name in named:
            return named[name]()
        kinds: dict[str, Callable[[], Any]] = {
            "string": self.text,
            "integer": lambda: rng.choice((*NUMBERS, 3, 20, 200)),
            "number": lambda: rng.choice(NUMBERS),
            "boolean": lambda: rng.random() < 0.5,
            "array": lambda: [self.leaf() for _ in range(rng.randrange(4))],
            "object": lambda: {self.text(): self.text() for _ in range(rng.randrange(4))},
        }
        return kinds.get(schema.get("type", ""), self.json)()

    def operation(self) -> dict[str, Any]:
        rng = self.rng
        some = {
            "field": rng.choice("ab"), "to": rng.choice(("number", "text", "c")),
            "fields": [rng.choice("ab")], "expression": rng.choice(EXPRESSIONS),
            "descending": rng.random() < 0.5, "count": rng.choice((0, 1, 5, -3, 2**62)),
        }  # fmt: skip
        kept = {name: value for name, value in some.items() if rng.random() < 0.6}
        return {"op": rng.choice(OPERATIONS), **kept}

    def data(self) -> Any:
        """A table of extreme figures; seldom something else."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.6:
            names = rng.choice((("a", "b"), ("a",), ("id", "a", "b", "status")))
            rows = rng.choice((1, 2, 3, 4, 5, 30))
            figures = rng.random() < 0.7
            return [
                {n: rng.choice(NUMBERS) if figures else self.leaf() for n in names}
                for _ in range(rows)
            ]
        if kind < 0.8:
            return self.document()
        return self.archive() if kind < 0.85 else self.json()

    def json(self, depth: int = 4) -> Any:
        """Any value: now and then deep or wide."""
        rng = self.rng
        kind = rng.random()
        if depth == 0 or kind < 0.6:
            return self.leaf()
        if kind < 0.79:
            return [self.json(depth - 1) for _ in range(rng.randrange(4))]
        if kind < 0.98:
            return {self.text(): self.json(depth - 1) for _ in range(rng.randrange(4))}
        if kind < 0.99:
            deep: Any = self.leaf()
            for _ in range(rng.choice((20, 31, 32, 33, 100, 900))):
                deep = [deep] if rng.random() < 0.5 else {"a": deep}
            return deep
        return [self.leaf()] * 3_000 if kind < 0.995 else {f"f{n}": n for n in range(3_000)}

    def leaf(self) -> Any:
        rng = self.rng
        kind = rng.random()
        if kind < 0.6:
            return rng.choice(NUMBERS)
        return rng.choice(TEXTS) if kind < 0.99 else rng.choice(STRANGE)

    def text(self) -> str:
        return self.rng.choice(TEXTS)

    def document(self) -> str:
        """CSV, JSON, JSON Lines, XML: sound or broken."""
        rng = self.rng
        figures = [rng.choice(("1", "2.5", "1e99", "-1e99", "", "x", "1e-99")) for _ in range(6)]
        made = rng.choice((
            "a,b\n{},{}\n{},{}\n", "a;b\n{};{}\n", "a\tb\r\n{}\t{}\r\n", 'a,"b\n{}',
            "a,a,a\n{},{},{}\n",
            '[{{"a": 1e308}}, {{"a": 1e308, "b": 2}}]', '{{"rows": [{{"a": -1e308}}]}}',
            '{{"a": 1}}\n{{"a": 2}}',
            "<r><x a='1'><b>{}</b></x><x><b>{}</b></x></r>", "<r>{}</r>", "<r><a/><b>{}</b></r>",
            "<r", "{}",
            '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "[[[[{}]]]]", "[1, {{}}]",
            "\ufeffa,b\n1,2", "\n", "",
        )).format(*figures)  # fmt: skip
        if rng.random() < 0.02:
            made = rng.choice(
                ("a," * 900 + "\n" + "x\n" * 900, "<a>" * 900, "[" * 900, "{}\n" * 900)
            )
        return made if rng.random() < 0.95 else made[: rng.randrange(len(made) + 1)]

    def archive(self) -> str:
        """Base64 of a gzip or zip: sound, cut, turned, encrypted, of any method, a bomb."""
        rng = self.rng
        raw = self.document().encode("utf-8", "replace") * rng.choice((1, 1, 1, 500))
        if rng.random() < 0.4:
            packed = bytearray(gzip.compress(raw, 1))
        else:
            out = io.BytesIO()
            method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2,
                                 zipfile.ZIP_LZMA))  # fmt: skip
            with zipfile.ZipFile(out, "w", method) as archive:
                for number in range(rng.choice((0, 1, 1, 1, 2, 120))):
                    archive.writestr(f"{number}", raw[:200])
            packed = bytearray(out.getvalue())
            at = packed.rfind(b"PK\x01\x02")
            if (
                at >= 0 and rng.random() < 0.5
            ):  # flags, method, sizes, name: whatever a reader obeys
                struct.pack_into("<H", packed, at + rng.choice((8, 10, 20, 24, 28, 42)),
                                 rng.choice((1, 9, 12, 14, 97, 99, 65_535)))  # fmt: skip
        if packed and rng.random() < 0.4:
            packed[rng.randrange(len(packed))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.1:
            del packed[rng.randrange(len(packed) + 1) :]
        text = base64.b64encode(bytes(packed)).decode()
        return text if rng.random() < 0.95 else text[:-3]


def hostile_calls(calls: int, seed: int = 0) -> dict[str, int]:
    """Make so many tool calls, half of them under weather; raises what any of them raises."""
    figures = {"tool_calls": 0, "succeeded": 0, "faults": 0, "goals_asked": 0,
               "longest_call_ms": 0, "heaviest_world_mb": 0}  # fmt: skip
    for number in range(calls // CALLS_OF_A_WORLD):
        _play(seed + number, figures)
    return figures


def _play(seed: int, figures: dict[str, int]) -> None:
    """One world, used by a hostile model."""
    model = HostileModel(seed)
    rng = model.rng
    condition = Condition("optimal", "easy", rng.choice((1.0, 0.7)),
                          weather=rng.choice(("before", "ambiguous")))  # fmt: skip
    environment = Weathered(WORKFLOWS, model.task(), condition, seed)
    assert isinstance(environment.environment, WorldEnvironment)
    world = environment.environment.world
    for number in range(CALLS_OF_A_WORLD):
        name = rng.choice(list(WORKFLOWS.tools))
        arguments = model.arguments(WORKFLOWS.tools[name])
        start = time.process_time()
        try:
            execution = environment.call(name, arguments)
            json.dumps(environment.value, allow_nan=False)
            encode(execution)  # as the journal does
            checks = [model.check(kind) for kind in KINDS] if number % 5 == 0 else []
            for each in checks:
                goal_met(world, [each])
        except Exception as error:
            error.add_note(f"world {seed}, call {number}: {name} {arguments!r:.2000}")
            raise
        took_ms = round(1000 * (time.process_time() - start))
        assert len(execution.message) <= LONGEST_MESSAGE + 2
        assert world.weight <= HEAVIEST
        figures["tool_calls"] += 1
        figures["succeeded"] += execution.ok
        figures["faults"] += execution.cause in ("arguments", "tool")
        figures["goals_asked"] += len(checks) + execution.took_effect
        figures["longest_call_ms"] = max(figures["longest_call_ms"], took_ms)
        figures["heaviest_world_mb"] = max(figures["heaviest_world_mb"], world.weight >> 20)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(hostile_calls(*map(int, sys.argv[1:]))) + "\n")
