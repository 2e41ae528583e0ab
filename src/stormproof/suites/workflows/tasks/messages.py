"""What somebody is told, and what is noted of the work: messages, the log, plans, statuses."""

from __future__ import annotations

from collections.abc import Iterable

from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.stages import stage
from stormproof.suites.workflows.tasks.wording import EASY, MEDIUM, code

STATUSES = ("done", "settled", "closed", "delivered")
_MOST_LACKING = 40  # names that a message must not hold


def tell(
    s: Scene,
    name: str,
    channel: str,
    answer: str,
    others: Iterable[str] = (),
    *,
    after: tuple[int, ...] = (),
    words: str = "",
) -> None:
    """Send somebody a message that holds the answer, and none of the others.

    It tells what the last of the steps `after` has shown; without them, of the work itself.
    """
    s.do(
        "utility_notifier",
        "tell them what they want to know",
        words=words,
        reads=s.steps[after[-1]].makes if after else None,
        makes=f"a message to {name}",
        after=after or s.shown,
        recipient=name,
        channel=channel,
        message=answer,
    )
    lacks = [each for each in dict.fromkeys(others) if each != answer][:_MOST_LACKING]
    s.check("notification", name, {"channel": channel, "contains": answer, "lacks": lacks})


@stage(1, 1, 2, 2, 2)
def tell_result(s: Scene) -> None:
    """Who or what comes first, or the figure itself, told to somebody."""
    name, channel, by = s.recipient()
    others: list[str] = []
    if s.shape == "figure":
        answer = f"{s.value:.2f}" if isinstance(s.value, float) else str(s.value)
        decimals = " with two decimals" if "." in answer else ""
        what = f"{s.it}, in plain digits{decimals}"
    elif s.shape == "outcome":
        answer, what, others = s.fact
    else:
        column = s.subject.id if s.subject.id in s.rows[0] and s.shape != "groups" else s.group
        best = max(s.rows, key=lambda row: row[s.measure])
        if s.level > EASY and not s.ordered:
            s.do(
                "data_processing_transformer",
                "find the one that comes first",
                makes="the one that comes first",
                operations=[
                    {"op": "sort", "field": s.measure, "descending": True},
                    {"op": "limit", "count": 1},
                ],
                **s.named(),
            )
        answer, others = best[column], [row[column] for row in s.rows]
        what = (
            f"the {s.column(column)} with the greatest {s.column(s.measure)} {s.among}, and no "
            "other"
        )
        if sum(row[s.measure] == best[s.measure] for row in s.rows) > 1:  # nobody is ahead alone
            answer, others = str(best[s.measure]), []
            what = f"the greatest {s.column(s.measure)} {s.among}, in plain digits"
    tell(s, name, channel, answer, others, words=f"tell {code(name)} by {by} {what}")
    s.say("tell_result", recipient=code(name), channel=by, what=what)


@stage(2)
def tell_range(s: Scene) -> None:
    """The least and the greatest, told to somebody."""
    if s.shape not in ("records", "groups"):
        tell_result.work(s)
        return
    name, channel, by = s.recipient()
    figures = [row[s.measure] for row in s.rows]
    s.do(
        "computation_analyzer",
        "look at the spread",
        makes="a description of the figures",
        field=s.measure,
        **s.named(),
    )
    answer = [f"{figure:.2f}" for figure in (min(figures), max(figures))]
    s.do(
        "utility_notifier",
        "tell them what they want to know",
        words=f"tell {code(name)} by {by} the smallest and the greatest {code(s.measure)} "
        f"{s.among}, in plain digits with two decimals",
        makes=f"a message to {name}",
        after=s.shown,
        recipient=name,
        channel=channel,
        message=f"from {answer[0]} to {answer[1]}",
    )
    s.check("notification", name, {"channel": channel, "contains": answer})
    s.say("tell_range", recipient=code(name), channel=by)


@stage(1, 1, 2, 2, 2)
def log_count(s: Scene) -> None:
    """How many there are, in the log."""
    if s.shape not in ("records", "groups"):
        mark_done.work(s)
        return
    if s.level >= MEDIUM:
        s.do(
            "data_processing_aggregator",
            "count them",
            makes="their number",
            function="count",
            **s.named(),
        )
    s.do(
        "utility_logger",
        "note in the log how many there are",
        words=f"log an info entry that says how many there are of {s.it}, in plain digits",
        makes="an entry in the log",
        after=s.shown,
        level="info",
        message=str(len(s.rows)),
    )
    s.check("log", "info", str(len(s.rows)))
    s.say("log_count")


@stage(1)
def mark_done(s: Scene) -> None:
    """A status noted."""
    name = f"{s.subject.stem}-{s.month.stamp}"
    status = s.rng.choice(STATUSES)
    s.do(
        "utility_tracker",
        "note where the work stands",
        reads="",
        words=f"set the status of {code(name)} to {code(status)}",
        makes=f"the status of {name}",
        name=name,
        status=status,
    )
    s.check("tracked", name, status)
    s.say("mark_done", name=code(name), status=code(status))


@stage(1)
def plan_job(s: Scene) -> None:
    """A job that repeats it."""
    verb = s.rng.choice(("refresh", "export", "collect", "renew"))
    job = f"{verb}-{s.subject.stem}-{s.rng.randrange(10, 100)}"
    every = s.rng.choice(("day", "week", "month"))
    hour, half = s.rng.randrange(6, 10), s.rng.random() < 0.5  # noqa: PLR2004  a coin
    at = f"{hour:02d}:{30 if half else 0:02d}"
    start = f"{hour + 1}:00" if half else f"{hour}:30"
    s.do(
        "integration_scheduler",
        "plan the job",
        reads="",
        words=f"plan the job {code(job)} for every {every} at {at}",
        makes=f"a plan for {job}",
        job=job,
        every=every,
        at=at,
    )
    s.check("schedule", job, {"every": every, "at": at})
    when = f"at {at}" if s.exact else f"half an hour before {start}"
    s.say("plan_job", job=code(job), every=every, when=when)
