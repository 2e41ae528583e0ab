"""A plan as tables for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf

from rich.table import Table

from stormproof.cli.console_tables import output, show, table
from stormproof.cli.sample_size import SampleSize
from stormproof.cli.streams import counted, duration
from stormproof.domain.pool import FEW_SLOTS, Endpoint, Limits
from stormproof.plan import Estimate, Plan, estimate, expected_speed_ups


def render(plan: Plan, power: float | None = None, sizes: Sequence[SampleSize] = ()) -> None:
    """Print grid, levels, shards, estimate, and what a difference of `power` needs."""
    console = output()
    guess = estimate(plan)
    console.print(_headline(plan), markup=False)
    for part in (_grid(plan), _levels(plan), _shards(plan), _estimates(guess), _speed_ups(plan)):
        show(console, part)
    if power is not None:
        show(console, _sizes(power, sizes))
    for line in _undeclared(plan):
        console.print(line, markup=False)
    console.print(f"Assumed: {guess.assumptions}.", style="dim", markup=False)


def _undeclared(plan: Plan) -> list[str]:
    """What fixed mode makes of endpoints for which no number of slots is declared."""
    if plan.options.rate_mode != "fixed":
        return []
    bare = [e for e in plan.endpoints if e.limits.max_workers is None]
    few = [e.endpoint_id for e in bare if e.fixed_slots < inf]
    by_rate = [e.endpoint_id for e in bare if e.fixed_slots == inf]
    lines = []
    if by_rate:
        lines.append(f"No slots declared, so as many as the rate needs: {', '.join(by_rate)}.")
    if few:
        lines.append(
            f"Nothing declared, so {FEW_SLOTS} slots each in fixed mode: {', '.join(few)}. Declare "
            "max_workers, or let --rate-mode adaptive find what they take."
        )
    return lines


def _sizes(power: float, sizes: Sequence[SampleSize]) -> Table:
    shown = table(
        f"To see a difference of {power:g} (paired by task, 5 % level, 80 % power)",
        ("between", "mean success"),
        ("trials a task", "tasks", "--num-instances", "planned", "would show"),
    )
    for size in sizes:
        counts = (size.trials_a_task, size.tasks, size.instances, size.planned)
        figures = (f"{count:,}" for count in counts)
        shown.add_row(size.comparison, f"{size.rate:g}", *figures, f"{size.seen:g}")
    return shown


def _headline(plan: Plan) -> str:
    options = plan.options
    pool = options.pool or "embedded emulator with the shipped pool (models are SIMULATED)"
    return (
        f"{plan.planned:,} trials planned, {plan.done:,} already done, {plan.remaining:,} to run\n"
        f"pool: {pool}\n"
        f"results: {options.results} ({options.storage_format}); {options.rate_mode} rate mode, "
        f"{options.sharding} sharding, seed {options.seed}"
        + "".join(f"\n{line}" for line in (plan.share, *plan.notices) if line)
    )


def _grid(plan: Plan) -> Table:
    """A row for each condition; a model's share of it is the same for every model of the row."""
    rows: dict[tuple[str, ...], list[int]] = {}
    models: dict[tuple[str, ...], dict[str, None]] = {}
    for c in plan.cells:
        k = c.condition
        name = f"{k.prompt_type} ({k.severity})" if k.is_flawed else k.prompt_type
        row: tuple[str, ...] = (
            name,
            k.difficulty,
            f"{k.tool_success_rate:g}",
            k.protocol,
            str(c.level),
            " ".join(c.scenarios) or "–",
        )
        sums = rows.setdefault(row, [0, 0, 0])
        for index, count in enumerate((c.planned, c.done, c.remaining)):
            sums[index] += count
        models.setdefault(row, {})[c.model] = None
    types = len({c.task_type for c in plan.cells})
    grid = table(
        f"Grid: conditions × {counted(types, 'task type')}"
        f" × {counted(plan.options.num_instances, 'instance')}",
        ("prompt type", "difficulty", "rate", "protocol", "level", "scenario"),
        ("models", "planned", "done", "to run"),
    )
    for row, sums in rows.items():
        grid.add_row(*row, str(len(models[row])), *(f"{n:,}" for n in sums))
    return grid


def _levels(plan: Plan) -> Table:
    """What goes at once: models × endpoints × prompt types × slots of an endpoint."""
    prompts = Counter(m for m, _ in {(c.model, c.condition.prompt_type) for c in plan.cells})
    levels = table(
        "Slots: all models at once, all endpoints of each, all prompt types, all slots",
        ("model",),
        ("endpoints", "prompt types", "slots each", "slots", "trials to run"),
    )
    for model in plan.models:
        slots = [_slots(plan, e) for e in plan.endpoints if e.model == model]
        known = [s for s in slots if s is not None and s < inf]
        levels.add_row(
            model, str(len(slots)), str(prompts[model]),
            " ".join(dict.fromkeys(map(_slots_in_words, slots))),
            f"{sum(known):,.0f}" if len(known) == len(slots) else _unknown(plan),
            f"{sum(c.remaining for c in plan.cells if c.model == model):,}",
        )  # fmt: skip
    return levels


def _shards(plan: Plan) -> Table:
    shards = table(
        "Shards: one for each endpoint (deployment × key); DEBUG_PROCESS_NUM means the number",
        ("#", "endpoint", "model", "provider", "key"),
        ("slots", "qps", "rpm", "tpm", "trials", "starts at"),
    )
    shared = any(e.groups for e in plan.endpoints)
    if shared:
        shards.add_column("shared limits", overflow="fold")
    shares = _shares(plan)
    for e in plan.endpoints:
        figures = (_slots_in_words(_slots(plan, e)), *map(_figure, _values(e.limits)[1:]))
        row = (
            str(e.number),
            e.endpoint_id,
            e.model,
            e.provider,
            e.key,
            *figures,
            shares[e.number],
            _start(plan, e),
        )
        shards.add_row(*row, *([_shared(e)] if shared else []))
    return shards


def _shares(plan: Plan) -> dict[int, str]:
    """Trials of each shard: a fixed part with even sharding, any of the model's with dynamic."""
    shares = {}
    for model in plan.models:
        own = [e for e in plan.endpoints if e.model == model]
        total = sum(c.remaining for c in plan.cells if c.model == model)
        part, rest = divmod(total, len(own))
        for index, e in enumerate(own):
            even = plan.options.sharding == "even"
            shares[e.number] = f"{part + (index < rest):,}" if even else f"of {total:,}"
    return shares


def _start(plan: Plan, endpoint: Endpoint) -> str:
    """When the shard starts, in seconds; the last offset given holds for further shards."""
    offsets = plan.options.stagger or (0.0,)
    own = [e.number for e in plan.endpoints if e.model == endpoint.model]
    return f"{offsets[min(own.index(endpoint.number), len(offsets) - 1)]:g} s"


def _shared(endpoint: Endpoint) -> str:
    names = ("slots", "qps", "rpm", "tpm")
    return "; ".join(
        f"{g.name}: "
        + ", ".join(f"{_figure(v)} {n}" for n, v in zip(names, _values(g.limits), strict=True) if v)
        for g in endpoint.groups
    )


def _estimates(guess: Estimate) -> Table:
    shown = table(
        f"Estimate: {guess.calls:,} calls, {_tokens(guess)} tokens, about {duration(guess.seconds)}"
        + ("" if guess.cost is None else f", {guess.cost:,.2f} in the pool file's currency"),
        ("model",),
        ("episodes", "calls", "tokens in", "tokens out", "calls/s", "time"),
    )
    for m in guess.models:
        shown.add_row(
            m.model, f"{m.episodes:,}", f"{m.calls:,}", f"{m.prompt_tokens:,}",
            f"{m.completion_tokens:,}", f"{m.calls_per_s:,.1f}", duration(m.seconds),
        )  # fmt: skip
    return shown


def _speed_ups(plan: Plan) -> Table:
    """Kinds of model with their models, expected from the declared limits alone."""
    shown = table(
        "Expected speed-up: all endpoints of a model over the fastest of them alone",
        ("kind", "model"),
        ("endpoints", "slots", "calls/s", "speed-up"),
    )
    for row in expected_speed_ups(plan):
        slots = "found while running" if row.slots is None else f"{row.slots:,}"
        figures = (f"{row.endpoints:,}", slots, f"{row.calls_per_s:,.1f}", f"{row.speed_up:.1f}×")
        shown.add_row(row.kind, row.model or "all", *figures)
    return shown


def _tokens(guess: Estimate) -> str:
    return f"{guess.prompt_tokens + guess.completion_tokens:,}"


def _values(limits: Limits) -> tuple[float | None, ...]:
    return limits.max_workers, limits.qps, limits.rpm, limits.tpm


def _slots(plan: Plan, endpoint: Endpoint) -> float | None:
    """Of an endpoint; None where they are found while running, inf where a rate decides."""
    fixed = plan.options.rate_mode == "fixed"
    return endpoint.fixed_slots if fixed else endpoint.limits.max_workers


def _slots_in_words(slots: float | None) -> str:
    return "as its rate needs" if slots == inf else _figure(slots)


def _unknown(plan: Plan) -> str:
    return "as rates need" if plan.options.rate_mode == "fixed" else "found while running"


def _figure(limit: float | None) -> str:
    return "–" if limit is None else f"{limit:,.15g}"
