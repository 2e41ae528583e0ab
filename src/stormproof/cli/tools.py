"""`stormproof tools`: the suite's tools, listed or one described."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from stormproof.cli.streams import emit_json
from stormproof.domain.tasks import ToolSpec
from stormproof.errors import ConfigError


def tools(
    name: str | None = None, *, json: Annotated[bool, Parameter(negative="")] = False
) -> None:
    """List the suite's tools, or describe the one of this NAME."""
    from stormproof.suites.workflows import WORKFLOWS  # noqa: PLC0415  --help does without

    specs = WORKFLOWS.tools
    if name is not None and name not in specs:
        from stormproof.plan.mistakes import did_you_mean, shown  # noqa: PLC0415  only here

        raise ConfigError(
            f"NAME: found {shown(name)}, no such tool{did_you_mean(name, specs)}",
            hint="stormproof tools lists all of them",
        )
    chosen = list(specs.values()) if name is None else [specs[name]]
    if json:
        emit_json(chosen)
    elif name is None:
        _list(chosen)
    else:
        _describe(chosen[0])


def _list(specs: list[ToolSpec]) -> None:
    from stormproof.cli.console_tables import output, table  # noqa: PLC0415  --json does without

    shown = table(f"{len(specs)} tools", ("tool", "what it does", "needs"))
    for spec in specs:
        shown.add_row(spec.name, spec.description, ", ".join(spec.needs) or "–")
    output().print(shown)


def _describe(spec: ToolSpec) -> None:
    from stormproof.cli.console_tables import output, table  # noqa: PLC0415  --json does without

    console = output()
    console.print(f"{spec.name}: {spec.description}", markup=False)
    arguments = table("Arguments", ("name", "type", "required", "meaning"))
    required = spec.parameters.get("required", ())
    for key, schema in spec.parameters.get("properties", {}).items():
        kind = schema.get("type", "any")
        text = kind if isinstance(kind, str) else " or ".join(kind)
        arguments.add_row(
            key, text, "yes" if key in required else "", schema.get("description", "")
        )
    results = table("Results", ("name", "meaning"))
    for key, meaning in spec.returns.items():
        results.add_row(key, meaning)
    console.print(arguments)
    console.print(results)
    console.print(f"needs: {', '.join(spec.needs) or 'nothing'}")
    console.print(f"errors: {', '.join(spec.errors)}")
