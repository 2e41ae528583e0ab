import io

import pytest
from rich.console import Console

from stormproof.cli.console_tables import output, show, table
from stormproof.cli.streams import say


def shown(width: int) -> str:
    made = table("Title", ("name", "place"), ("first figure", "second figure"))
    made.add_row("qwen2.5-72b-instruct", "somewhere far away", "1,000,000", "2")
    made.add_section()
    made.add_row("all", "", "1,000,000", "2")
    file = io.StringIO()
    show(Console(file=file, width=width), made)
    return file.getvalue()


def test_a_table_that_fits_is_one() -> None:
    assert shown(100).count("qwen2.5-72b-instruct") == 1


def test_one_that_is_too_wide_goes_on_below_with_its_first_column_repeated() -> None:
    text = shown(48)
    assert max(map(len, text.splitlines())) <= 48
    assert text.count("qwen2.5-72b-instruct") > 1
    assert text.count("somewhere far away") == text.count("Title") == 1


def test_the_narrowest_still_holds_everything() -> None:
    text = shown(12)
    assert max(map(len, text.splitlines())) <= 12
    letters = "".join(line[-6:].strip() for line in text.splitlines())
    assert "somewherefaraway" in letters.replace(" ", "").replace("─", "")


def test_a_file_or_pipe_gets_no_blanks_at_line_ends(capsys: pytest.CaptureFixture[str]) -> None:
    made = table("Title", ("name", "place"))
    made.add_row("a", "somewhere")
    made.add_row("b", "")
    show(output(), made)
    lines = capsys.readouterr().out.splitlines()
    assert " b" in lines
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_strangers_text_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    strange = "\u202edesrever \x1b]0;title\x07 \x1b[31mred\u2066 \u200b\x9b2J end"
    made = table("Title", ("name",))
    made.add_row(strange)
    show(output(), made)
    output().print(strange, markup=False, soft_wrap=True)
    say(strange)
    shown = capsys.readouterr()
    assert not [c for c in shown.out + shown.err if not c.isprintable() and c != "\n"]
    assert (shown.out + shown.err).count("desrever ]0;title [31mred 2J end") == 3
