"""The flags of `run` and `plan`, made from the one table of options."""

from __future__ import annotations

from dataclasses import field, fields, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stormproof.plan.options import OPTIONS, Option, RunOptions

AXES = {"models", "prompt_types", "task_types", "difficulties", "tool_success_rates", "protocols",
        "severities", "scenarios", "weather"}  # fmt: skip


def _annotation(option: Option) -> Any:
    """Texts stay texts: our own parsers read them, so that all mistakes are said at once."""
    usual = getattr(RunOptions(), option.field)
    help_text = option.help
    if usual is not None and usual is not False and usual not in ("", ()):
        default = ",".join(usual) if isinstance(usual, tuple) else usual
        help_text += f" [default: {default}]"
    if option.env:
        help_text += f" [env: {option.env}]"
    kind = bool if option.is_switch else str
    return Annotated[
        kind | None,
        Parameter(
            name=f"--{option.flag}",
            help=help_text,
            negative="" if not option.is_switch else f"--no-{option.flag}",
            show_default=False,
            allow_leading_hyphen=True,
        ),
    ]


if TYPE_CHECKING:

    class RunFlags:
        """What was given on the command line, a field for each option; None where nothing was."""

else:
    RunFlags = Parameter(name="*")(
        make_dataclass(
            "RunFlags",
            [(o.field, _annotation(o), field(default=None)) for o in OPTIONS],
            frozen=True,
            namespace={"__module__": __name__},  # else cyclopts takes it for a builtin
        )
    )


def given(flags: RunFlags | None) -> dict[str, Any]:
    """Field → what was given."""
    return {} if flags is None else {f.name: getattr(flags, f.name) for f in fields(flags)}  # type: ignore[arg-type]
