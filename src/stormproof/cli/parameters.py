"""What commands take: the options of `run` and `plan` as flags, and the others' results folder."""

from __future__ import annotations

import os
from dataclasses import field, fields, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stormproof.errors import ConfigError
from stormproof.plan.mistakes import shown
from stormproof.plan.run_options import OPTIONS, Option, RunOptions, read_options

RESULTS = Path("results")

AXES = {"models", "prompt_types", "task_types", "difficulties", "tool_success_rates", "protocols",
        "severities", "scenarios", "weather"}  # fmt: skip


def _annotation(option: Option) -> Any:
    """Texts stay texts: our own parsers read them, so that all mistakes are shown at once."""
    usual = getattr(RunOptions(), option.field)
    help_text = option.help
    if usual is not None and usual is not False and usual not in ("", ()):
        default = ",".join(usual) if isinstance(usual, tuple) else usual
        help_text += f" [default: {default}]"
    if option.env:
        help_text += f" [env: {option.env}]"
    return Annotated[
        (bool if option.is_switch else str) | None,
        Parameter(
            name=f"--{option.flag}",
            help=help_text,
            negative="" if not option.is_switch else f"--no-{option.flag}",
            show_default=False,
            allow_leading_hyphen=True,
            n_tokens=0 if option.is_switch else None,  # else it is completed as if with a value
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


def options_from(flags: RunFlags | None) -> RunOptions:
    """Flags over environment over stormproof.toml over defaults; every mistake at once."""
    return read_options(given(flags), os.environ)


def given(flags: RunFlags | None) -> dict[str, Any]:
    """Field → what was given."""
    return {} if flags is None else {f.name: getattr(flags, f.name) for f in fields(flags)}  # type: ignore[arg-type]


def results_folder(path: Path) -> Path:
    """The folder, if there is one. Raises `ConfigError`."""
    if not path.is_dir():
        what = "is no folder" if path.exists() else "there is no such folder"
        raise ConfigError(
            f"{shown(str(path))[1:-1]}: {what}",
            hint="name a results folder; stormproof run --results FOLDER makes one",
        )
    return path
