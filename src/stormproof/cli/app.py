"""The commands, each in a file of its own that is imported only when it is called."""

from __future__ import annotations

from cyclopts import App

from stormproof import __version__

HELP = "LLM agents in controlled bad weather, at the full speed of every endpoint you own."


def build_app() -> App:
    """The command line as a cyclopts app; errors come out as exceptions, see `failures`."""
    app = App(
        name="stormproof",
        help=HELP,
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
    )
    for name, (path, help_text) in COMMANDS.items():
        app.command(f"stormproof.cli.{path}", name=name, help=help_text)
    app.register_install_completion_command(help="Complete commands and flags in bash, zsh, fish.")
    return app


COMMANDS = {
    "run": ("run:run", "Run what of the plan is not done yet."),
    "plan": ("plan:plan", "Show what a run would do: grid, shards, slots, done, estimate."),
    "probe": ("probe:probe", "Ask each endpoint of a pool file what it takes; mend the file."),
    "status": ("status:status", "Show what of a results folder's plans is done."),
    "report": ("report:report", "Report a results folder: tables on screen, and files."),
    "audit": ("audit:audit", "Say which numbers of a results folder hold, and why."),
    "import": ("importing:import_recordings", "Take recorded episodes into a results folder."),
    "merge": ("merge:merge", "Put results folders together: one record for each trial."),
    "repair": ("repair:repair", "Show what is damaged in a results folder, and mend it."),
    "tools": ("tools:tools", "List the suite's tools, or describe one."),
    "emulate": ("emulate:emulate", "Serve a pool file's endpoints with simulated models."),
}
