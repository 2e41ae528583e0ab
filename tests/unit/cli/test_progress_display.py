import io
import re
from typing import NoReturn

import pytest
from msgspec.structs import replace
from rich.console import Console

from stormproof.cli.progress_display import clock, display, headline, render, rows_that_fit, short
from stormproof.progress import CellProgress, EndpointProgress, Progress

ENDPOINTS = tuple(
    EndpointProgress(f"house/qwen2.5-72b-instruct/key{i}", 4, float("inf"), 3.2, 1, 0, "hold")
    for i in range(40)
)
MOMENT = Progress(
    12.3,
    tuple(CellProgress(f"model-{i}", "optimal easy 0.8", 100, 40, i) for i in range(5)),
    ENDPOINTS,
    calls=1234,
    tokens=1234567,
    under_way=33,
    simulated=True,
)


@pytest.mark.parametrize(("width", "height"), [(120, 50), (80, 24), (40, 12)])
def test_it_fits_any_screen_and_says_what_is_hidden(width: int, height: int) -> None:
    console = Console(width=width, height=height, file=io.StringIO(), record=True)
    console.print(render(MOMENT, width, height))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= height
    assert "more endpoints" in lines[-1]
    assert "SIMULATED" in " ".join(lines)


def test_headline_names_infrastructure_and_the_drain() -> None:
    assert "10 infrastructure" in headline(MOMENT)
    assert "Ctrl-C" not in headline(MOMENT)
    assert "Ctrl-C" in headline(replace(MOMENT, draining=True))


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
