from msgspec.structs import replace

from stormproof.cli.trouble_lines import TroubleLines
from stormproof.progress import EndpointProgress, Progress

WELL = EndpointProgress("p/m/k0", 1, 4, 1, 0, 0, "open")
ILL = replace(WELL, trouble="HTTP 503", troubled_at=100.0)


def printed(*moments: tuple[EndpointProgress, ...]) -> list[str]:
    """One moment a second."""
    lines = TroubleLines()
    return [
        line
        for second, endpoints in enumerate(moments)
        for line in lines.lines(Progress(second, (), endpoints, calls=1, tokens=1, under_way=1))
    ]


def test_a_short_trouble_is_not_worth_a_line() -> None:
    assert printed((WELL,), *[(ILL,)] * 5, (WELL,)) == []


def test_troubles_with_an_answer_between_them_are_short_ones() -> None:
    assert printed(*[(replace(ILL, troubled_at=100.0 + i // 3),) for i in range(20)]) == []


def test_a_gate_that_is_shut_without_an_answer_is_a_trouble_of_its_own() -> None:
    assert printed(*[(replace(WELL, state="closed: silent"),)] * 6) == [
        "p/m/k0: no answer: closed: silent"
    ]


def test_endpoints_that_fail_alike_share_a_line() -> None:
    many = tuple(replace(ILL, name=f"p/m/k{i}") for i in range(7))
    assert printed(*[many] * 6) == ["p/m/k0, p/m/k1, p/m/k2, p/m/k3, 3 more: no answer: HTTP 503"]


def test_one_that_is_given_up_is_left_to_the_notices() -> None:
    given_up = replace(ILL, state="stopped: HTTP 401")
    assert printed(*[(given_up,)] * 9) == []
    assert printed(*[(ILL,)] * 6, (given_up,), (given_up,)) == ["p/m/k0: no answer: HTTP 503"]


def test_what_a_provider_said_steers_no_terminal() -> None:
    assert "\x1b" not in printed(*[(replace(ILL, trouble="\x1b[2J gone"),)] * 6)[0]
