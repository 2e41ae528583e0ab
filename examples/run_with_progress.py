"""A run against the embedded emulator, whose models are SIMULATED, with a line of progress.

Interrupted or not: run it again, and it goes on from there.
"""

import stormproof


def show(progress: stormproof.Progress) -> None:
    """Called four times a second."""
    left = "?" if progress.time_left_s is None else f"{progress.time_left_s:.0f}"
    print(
        f"\r{progress.scored}/{progress.planned} scored, {progress.under_way} under way, "
        f"{progress.calls} calls, {left} s left ",
        end="",
        flush=True,
    )


options = stormproof.RunOptions(
    models=("DeepSeek-V3-0324",),
    prompt_types=("optimal",),
    task_types=("simple_task", "basic_task"),
    num_instances=2,
    results="progress-results",
)
summary = stormproof.run(options, on_progress=show)

print(f"\n{summary.scored} of {summary.planned} trials scored in {summary.elapsed_s:.1f} s")
for endpoint in summary.stopped:
    print(f"given up: {endpoint}")
