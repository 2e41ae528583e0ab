"""The figures as tables in docs/suite.md, between two marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from stormproof.domain.conditions import DIFFICULTIES, FLAWS, SEVERITIES, WEATHER_MODES
from suite_tasks import RATES, Figure

PAGE = Path(__file__).parents[1] / "docs" / "suite.md"
_BEGIN = "<!-- Written by benchmarks/suite.py --write-docs; do not edit by hand. -->"
_END = "<!-- End of what benchmarks/suite.py writes. -->"

_SECTION = re.compile(r"<!-- (\w+) -->\n(.*?)(?=<!-- |\Z)", re.DOTALL)

_Row = Sequence[object]


def rewritten(page: str, figures: Sequence[Figure]) -> str:
    """The page with those sections made anew whose figures are there, and the others as they are.

    Its marks must be there, once each.
    """
    before, begin, rest = page.partition(_BEGIN)
    own, end, after = rest.partition(_END)
    if not (begin and end):
        raise SystemExit(f"{PAGE} lacks its marks: {_BEGIN} … {_END}")
    made = {name: make(figures) for name, make in _SECTIONS.items() if _of(figures, name)}
    texts = dict(_SECTION.findall(own)) | made
    sections = [f"<!-- {name} -->\n{texts[name].strip()}" for name in _SECTIONS if name in texts]
    return "\n\n".join((f"{before}{begin}", *sections, f"{end}{after}"))


def _of(figures: Iterable[Figure], name: str) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", f) for f in figures if f["figure"] == f"suite.{name}"]


def _table(heads: Sequence[str], rows: Iterable[_Row]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _speed(figures: Sequence[Figure]) -> str:
    (made,), (planned,) = _of(figures, "generation"), _of(figures, "planning")
    rows = [
        [what, f"{f['seconds']:.1f} s", f"{f['median_ms']:.2g} ms", f"{f['most_ms']:.0f} ms"]
        for what, f in (("generation", made), ("plan and ceiling", planned))
    ]
    head = f"Time for all {made['tasks']:,} tasks, on one core:"
    return f"{head}\n\n{_table(['', 'all', 'median task', 'slowest task'], rows)}"


def _levels(figures: Sequence[Figure]) -> str:
    rows = [
        [
            f["difficulty"].replace("_", " "),
            "{} / {} / {}".format(*f["steps"]),
            "{:.0f} / {:.0f} / {:.0f}".format(*f["records"]),
            f["archetypes"],
            f["ways"],
            _percent(f["with_a_fault"]),
            f"{f['solved']} of {f['tasks']}",
        ]
        for f in _of(figures, "level")
    ]
    heads = [
        *(
            "level",
            "steps: least / mean / most",
            "records of the largest source: least / median / most",
        ),
        *("archetypes", "orders of tools", "with a fault", "solved by the real tools"),
    ]
    return f"What the levels ask for, over the default set:\n\n{_table(heads, rows)}"


def _verdicts(figures: Sequence[Figure]) -> str:
    ways = [
        [f["way"].replace("_", " "), f["fits"], f["reaches_goal"], f["full"]]
        for f in _of(figures, "substitution")
    ]
    shortcuts = [
        [f["shortcut"].replace("_", " "), f["fits"], f["full"], f["partial"]]
        for f in _of(figures, "shortcut")
    ]
    tasks = _of(figures, "shortcut")[0]["tasks"]
    copied = ", ".join(
        f"{f['full']:.2f} with {f['prompt_type']}" for f in _of(figures, "plan_copier")
    )
    return (
        f"Other right ways, over {tasks:,} tasks: where one fits, a step of\n"
        "the solution is replaced. What reaches the goal must score full:\n\n"
        f"{_table(['way', 'fits', 'reaches the goal', 'full'], ways)}\n\n"
        "Ways to a score that skip the work, in calm weather. (Writing over a source is refused,\n"
        "and the rest of that agent's work is sound.)\n\n"
        f"{_table(['shortcut', 'fits', 'full', 'partial'], shortcuts)}\n\n"
        f"A regular expression that copies the shown plan, in calm weather: {copied}."
    )


def _ceilings(figures: Sequence[Figure]) -> str:
    mean = {(f["difficulty"], f["weather"], f["rate"]): f["mean"] for f in _of(figures, "ceiling")}
    turns = {f["difficulty"]: f for f in _of(figures, "turns")}
    rows = [
        [
            level.replace("_", " "),
            "{:.0f}–{:.0f}".format(*turns[level]["steps"][::2]),
            "{:.1f} of {:.1f}".format(turns[level]["needed"], turns[level]["steps"][1]),
            "{:.0f}–{:.0f}".format(*turns[level]["turns"][::2]),
            f"{turns[level]['works_through']:.3f}",
            *(f"{mean[level, 'before', rate]:.3f}" for rate in RATES),
            *(f"{mean[level, weather, 0.8]:.3f}" for weather in WEATHER_MODES[1:]),
        ]
        for level in DIFFICULTIES
    ]
    heads = ["level", "steps", "needed", "turns", "works through"]
    heads += [*map(str, RATES), *WEATHER_MODES[1:]]
    text = (
        "Steps of a solution, how many of them the best agent needs, turns of a task, the chance\n"
        "at 0.8 of who works through the plan and repeats each step, and mean ceilings over the\n"
        "default set: under `before` at four rates, and under the other kinds of weather at 0.8:"
    )
    return f"{text}\n\n{_table(heads, rows)}"


def _flaws(figures: Sequence[Figure]) -> str:
    found = {(f["flaw"], f["severity"]): f for f in _of(figures, "flaw")}
    rows = [
        [
            f"{flaw}",
            *(_percent(found[flaw, severity]["changed"]) for severity in SEVERITIES),
            *(_percent(found[flaw, severity]["kept_from_success"]) for severity in SEVERITIES),
        ]
        for flaw in FLAWS
    ]
    tasks = _of(figures, "flaw")[0]["prompts"]
    heads = ["flaw", *(f"changed: {s}" for s in SEVERITIES), *(f"kept: {s}" for s in SEVERITIES)]
    text = (
        "Prompts that differ from the optimal one, and agents kept from full success who follow\n"
        f"the plan blindly in calm weather (rate 1), over {tasks:,} tasks:"
    )
    return f"{text}\n\n{_table(heads, rows)}"


def _scenarios(figures: Sequence[Figure]) -> str:
    rows = [
        [
            f["scenario"],
            f["skill"],
            f["episodes"],
            f"{f['success']:.3f} [{f['low']:.3f}, {f['high']:.3f}]",
            f"{f['weighted']:.3f}",
            f"{f['ceiling']:.3f}",
        ]
        for f in _of(figures, "scenario")
    ]
    heads = ["scenario", "skill", "episodes", "full success, 99 % interval", "weighted", "ceiling"]
    text = "Simulated agents (invented skills, no measured models) in the scenarios:"
    return f"{text}\n\n{_table(heads, rows)}"


def _agents(figures: Sequence[Figure]) -> str:
    (paired,) = _of(figures, "paired_draws")
    shares = ", ".join(
        f"{share:.3f} at {rate}"
        for rate, share in zip(paired["rates"], paired["success"], strict=True)
    )
    rows = [
        [f["protocol"], f["episodes"], f"{f['success']:.4f}", f"{f['ceiling']:.4f}",
         f"{f['standard_errors_away']:+.2f}"]
        for f in _of(figures, "perfect_agent")
    ]  # fmt: skip
    heads = ["protocol", "episodes", "full success", "mean ceiling", "standard errors away"]
    return (
        f"An agent that repeats each step until it works, on {paired['tasks']:,} tasks a rate:\n"
        f"full success {shares}.\n"
        f"Tasks that went better at a lower rate: {paired['violations']}.\n\n"
        f"The perfect agent against the ceiling (99 % lie within ±2.58):\n\n{_table(heads, rows)}"
    )


def _planner(figures: Sequence[Figure]) -> str:
    (search,) = _of(figures, "brute_force")
    rows = [
        [f["player"], f["weather"], f["tasks"], f"{f['episodes']:,}", f"{f['success']:.4f}",
         f"{f['value']:.4f}", f"{f['standard_errors_away']:+.2f}", f["beyond_99"]]
        for f in _of(figures, "planner")
    ]  # fmt: skip
    heads = ["player", "weather", "tasks", "episodes", "success", "value"]
    heads += ["standard errors away", "tasks beyond 99 %"]
    return (
        f"The planner against a search that tries everything, over {search['workflows']} random\n"
        f"workflows: the greatest difference is {search['greatest_difference']:.0e}. Then its own\n"
        "policy at rate 0.6, on the tasks with the most parts whose ceiling is exact: in drawn\n"
        "weather alone, and as a guide who calls the tools, once for each trouble that a task may\n"
        "have. (One task in a hundred lies beyond 99 % by chance.)\n\n"
        f"{_table(heads, rows)}"
    )


def _recorded(figures: Sequence[Figure]) -> str:
    found = [f for f in _of(figures, "recorded") if "model" in f]
    rows = [
        [f["model"], f["turns"], f["recognised"], f["calls"], f["old_executions"],
         ", ".join(f"{count} {why}" for why, count in f["refused"].items())]
        for f in found
    ]  # fmt: skip
    heads = ["model", "turns", "with an action", "calls", "old harness executed", "refused"]
    text = (
        "Real episodes recorded with an older harness, read again. What is refused would be told\n"
        "to the model, and counted; no name is guessed, and an intention in prose is no call:"
    )
    return f"{text}\n\n{_table(heads, rows)}" if found else "No recordings were at hand."


def _percent(share: float) -> str:
    """Never rounded up to all or down to none."""
    shown = round(100 * share)
    if shown == 100 and share < 1:  # noqa: PLR2004  percent
        return "> 99 %"
    return "< 1 %" if shown == 0 and share > 0 else f"{shown} %"


_SECTIONS: Mapping[str, Callable[[Sequence[Figure]], str]] = {
    "planning": _speed,
    "level": _levels,
    "ceiling": _ceilings,
    "planner": _planner,
    "shortcut": _verdicts,
    "flaw": _flaws,
    "scenario": _scenarios,
    "perfect_agent": _agents,
    "recorded": _recorded,
}
"""A figure that a section is made of → the section."""
