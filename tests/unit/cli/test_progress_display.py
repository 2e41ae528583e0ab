import io
import re
from math import inf
from typing import NoReturn

import pytest
from msgspec.structs import replace
from rich.console import Console

from stormproof.cli.progress_display import clock, display, headline, render, rows_that_fit, short
from stormproof.progress import (
    CellProgress,
    EndpointProgress,
    Progress,
    TimeLeft,
    WorkerProgress,
)

ENDPOINTS = tuple(
    EndpointProgress(
        f"house/qwen2.5-72b-instruct/key{i}", 4, float("inf"), 3.2, 1, 0, "open", "hold"
    )
    for i in range(40)
)
WORKERS = tuple(
    WorkerProgress(
        f"worker {i}", f"process {i}", () if i < 3 else ("a", "b"), 100 * i,
        "gone: process 1 has ended" if i < 3 else "at work",
    )
    for i in range(1, 10)
)  # fmt: skip
MOMENT = Progress(
    12.3,
    tuple(CellProgress(f"model-{i}", "optimal easy 0.8", 100, 40, i) for i in range(5)),
    ENDPOINTS,
    calls=1234,
    tokens=1234567,
    under_way=33,
    simulated=True,
    time_left=TimeLeft("model-4", 100, 50, 200),
)


@pytest.mark.parametrize(("width", "height"), [(120, 50), (80, 24), (40, 12)])
def test_it_fits_any_screen_and_says_what_is_hidden(width: int, height: int) -> None:
    console = Console(width=width, height=height, file=io.StringIO(), record=True)
    console.print(render(MOMENT, width, height))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= height
    assert "more endpoints" in lines[-1]
    assert "4 more models" in lines[-1] or width > 40
    assert "SIMULATED" in " ".join(lines)
    with_workers = replace(MOMENT, workers=WORKERS)
    console.print(render(with_workers, width, height))
    lines = console.export_text().splitlines()
    assert len(lines) <= height
    assert "more endpoints" in lines[-1]
    assert any(re.match(r"worker 3 .* 2 +300 +at work", line) for line in lines) == (height > 12)
    assert any(re.match(r"and 1 more, 2 gone +1200", line) for line in lines) == (height > 12)


def test_at_70_by_20_trouble_is_seen_before_all_else() -> None:
    shut = replace(ENDPOINTS[0], name="house/b/last", state="closed: HTTP 503")
    cells = tuple(CellProgress(f"m{i}", "x", 10, 10 - i % 3, 0) for i in range(14))
    crowded = replace(MOMENT, cells=cells, endpoints=(*ENDPOINTS, shut, *[shut] * 8))
    console = Console(width=68, height=20, file=io.StringIO(), record=True)
    console.print(render(crowded, 68, 20))
    lines = console.export_text().splitlines()
    assert len(lines) <= 20
    assert "closed: HTTP 503" in next(line for line in lines if "b/last" in line)
    assert {line.split()[0] for line in lines if re.match(r"m\d", line)} <= {
        f"m{i}" for i in range(14) if i % 3
    }
    assert re.search(r"and \d+ more endpoints, \d of them shut, \d+ more models", lines[-1])
    assert not any("━" in line for line in lines)


def test_the_headline_says_state_and_trouble_before_sums() -> None:
    assert headline(MOMENT) == (
        "210/500 episodes · SIMULATED models · 10 infrastructure · "
        "0:12 gone, 1:40 left for model-4 (0:50–3:20) · 33 under way · 1234 calls · 1.2M tokens"
    )


def test_the_headline_names_no_model_where_there_is_one_and_no_time_that_nobody_knows() -> None:
    one = replace(MOMENT, cells=MOMENT.cells[:1])
    assert "gone, 1:40 left (0:50–3:20)" in headline(one)
    unknown = replace(one, time_left=TimeLeft("model-0", inf, inf, inf))
    assert "gone, time left not known yet ·" in headline(unknown)
    assert "left" not in headline(replace(one, time_left=None))


def test_of_a_cut_the_rule_is_shown_and_of_nothing_else() -> None:
    shown = {}
    for decision in ("cut: rate", "key p/k: cut: cap", "grow"):
        row = replace(ENDPOINTS[0], decision=decision, rule="far below")
        console = Console(width=120, height=50, file=io.StringIO(), record=True)
        console.print(render(replace(MOMENT, endpoints=(row,)), 120, 50))
        last = console.export_text().splitlines()[-1]
        shown[decision] = last[last.index(decision) :].strip()
    assert shown == {
        "cut: rate": "cut: rate (far below)",
        "key p/k: cut: cap": "key p/k: cut: cap (far below)",
        "grow": "grow",
    }


def test_a_drain_says_what_it_waits_for_and_how_long_at_most() -> None:
    assert "Ctrl-C" not in headline(MOMENT)
    draining = replace(MOMENT, draining=True, drain_left_s=17.9, time_left=None)
    assert "draining: 160 calls in flight, 0:17 at most; Ctrl-C again" in headline(draining)
    assert "drained · 0:12 gone · 0 under way" in headline(replace(draining, under_way=0))


def test_plain_lines_come_seldom_and_hold_no_control_codes() -> None:
    out = io.StringIO()
    with display(Console(file=out), quiet=False) as show:
        for second in range(12):
            show(replace(MOMENT, elapsed_s=float(second)))
    lines = out.getvalue().splitlines()
    assert [re.search(r"\d:\d\d gone", line)[0] for line in lines] == [  # type: ignore[index]
        "0:05 gone",
        "0:10 gone",
        "0:11 gone",
    ]
    assert "210/500 episodes" in lines[0]
    assert "\x1b" not in out.getvalue()


def test_a_log_tells_a_trouble_that_lasts_as_it_begins_and_as_it_ends() -> None:
    out = io.StringIO()
    well = EndpointProgress("p/m/k", 1, 4, 1, 0, 0, "open")
    ill = replace(well, state="closed: HTTP 503", trouble="HTTP 503 [overloaded]", troubled_at=9.0)
    with display(Console(file=out), quiet=False) as show:
        for second, endpoint in enumerate([well, *[ill] * 7, well]):
            show(replace(MOMENT, elapsed_s=float(second), endpoints=(endpoint,)))
    told = [line for line in out.getvalue().splitlines() if "episodes" not in line]
    assert told == [
        "p/m/k: no answer: HTTP 503 [overloaded]",
        "p/m/k: answers again after 7 s (HTTP 503 [overloaded])",
    ]


def test_a_live_display_leaves_room_for_the_echo_of_ctrl_c() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, height=20, color_system=None)
    with display(console, quiet=False) as show:
        show(MOMENT)
    lines = re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]", "\n", out.getvalue()).splitlines()
    assert any("SIMULATED" in line for line in lines)
    assert max(map(len, lines)) <= 58


def test_nothing_is_drawn_of_a_run_that_has_nothing_to_do() -> None:
    out = io.StringIO()
    with display(Console(file=out, force_terminal=True), quiet=False) as show:
        show(replace(MOMENT, under_way=0, calls=0))
    assert out.getvalue() == ""


def test_quiet_says_what_must_be_known_once_and_nothing_else() -> None:
    out = io.StringIO()
    with display(Console(file=out), quiet=True) as show:
        show(MOMENT)
        show(replace(MOMENT, notices=("stopped: [a]",)))
        show(replace(MOMENT, notices=("stopped: [a]", "stuck: b")))
    assert out.getvalue() == "stopped: [a]\nstuck: b\n"


def test_a_terminal_that_is_gone_does_not_end_the_run() -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> NoReturn:
            raise OSError

    with display(Console(file=Gone(), force_terminal=True), quiet=False) as show:
        show(replace(MOMENT, notices=("a notice",)))
        show(MOMENT)


def test_cells_fold_into_models_when_they_do_not_fit() -> None:
    cells = tuple(CellProgress(m, f"c{i}", 10, i, 1) for m in ("a", "b") for i in range(3))
    assert rows_that_fit(cells, 6) == list(cells)
    assert rows_that_fit(cells, 5) == [CellProgress(m, "", 30, 3, 3) for m in ("a", "b")]


def test_clock_and_short() -> None:
    assert [clock(None), clock(5), clock(245.9), clock(3723)] == ["–", "0:05", "4:05", "1:02:03"]
    assert [short(999), short(12345), short(1234567)] == ["999", "12.3k", "1.2M"]
