import io
import re

import anyio
import pytest
from rich.console import Console

from stormproof.view.frame import EndpointRow, Frame, Tally
from stormproof.view.terminal import display, headline, render

ENDPOINTS = tuple(
    EndpointRow(f"ideallab/qwen2.5-72b-instruct/qwen-key{i}", 4, float("inf"), 3.2, 1, 0, "hold")
    for i in range(40)
)
FRAME = Frame(
    12.3,
    tuple((f"model-{i}", Tally("optimal easy 0.8", 100, 40, i)) for i in range(5)),
    ENDPOINTS,
    calls=1234,
    tokens=1234567,
    running=33,
    simulated=True,
)


@pytest.mark.parametrize(("width", "height"), [(120, 50), (80, 24), (40, 12)])
def test_it_fits_any_screen_and_says_what_is_hidden(width: int, height: int) -> None:
    console = Console(width=width, height=height, file=io.StringIO(), record=True)
    console.print(render(FRAME, width, height))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= height
    assert "more endpoints" in lines[-1]
    assert "SIMULATED" in " ".join(lines)


def test_headline_names_infrastructure_and_the_drain() -> None:
    assert "10 infrastructure" in headline(FRAME)
    assert "Ctrl-C" not in headline(FRAME)


def test_plain_lines_hold_no_control_codes() -> None:
    out = io.StringIO()

    async def watch() -> None:
        with anyio.move_on_after(0.01):
            await display(Console(file=out), quiet=False)(lambda: FRAME)

    anyio.run(watch)
    assert "210/500 episodes" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_live_display_leaves_room_for_the_echo_of_ctrl_c() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, height=20, color_system=None)

    async def watch() -> None:
        with anyio.move_on_after(0.01):
            await display(console, quiet=False)(lambda: FRAME)

    anyio.run(watch)
    lines = re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]", "\n", out.getvalue()).splitlines()
    assert any("SIMULATED" in line for line in lines)
    assert max(map(len, lines)) <= 58


def test_quiet_says_nothing() -> None:
    out = io.StringIO()

    async def watch() -> None:
        with anyio.move_on_after(0.01):
            await display(Console(file=out), quiet=True)(lambda: FRAME)

    anyio.run(watch)
    assert out.getvalue() == ""
