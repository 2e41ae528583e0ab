from stormproof.view.frame import EndpointRow, Frame, Tally, add, clock, rows_that_fit, short


def frame(*cells: tuple[str, Tally], done_before: int = 0, elapsed_s: float = 10.0) -> Frame:
    return Frame(elapsed_s, cells, (), calls=0, tokens=0, running=0, done_before=done_before)


def test_eta_counts_only_what_this_run_did() -> None:
    half = frame(("m", Tally("optimal", 100, 40, 10)), done_before=0)
    assert half.eta_s == 10.0
    resumed = frame(("m", Tally("optimal", 100, 40, 10)), done_before=40)
    assert resumed.eta_s == 50.0


def test_eta_is_unknown_before_anything_ended() -> None:
    assert frame(("m", Tally("optimal", 100, 20, 0)), done_before=20).eta_s is None


def test_cells_fold_into_models_when_they_do_not_fit() -> None:
    cells = [(m, Tally(f"c{i}", 10, i, 1)) for m in ("a", "b") for i in range(3)]
    assert [r.name for r in rows_that_fit(frame(*cells), 6)][:2] == ["a · c0", "a · c1"]
    assert rows_that_fit(frame(*cells), 5) == [Tally("a", 30, 3, 3), Tally("b", 30, 3, 3)]


def test_add_sums_every_part() -> None:
    assert add("x", [Tally("a", 3, 1, 1), Tally("b", 4, 2, 0)]) == Tally("x", 7, 3, 1)


def test_clock_and_short() -> None:
    assert [clock(None), clock(5), clock(245.9), clock(3723)] == ["–", "0:05", "4:05", "1:02:03"]
    assert [short(999), short(12345), short(1234567)] == ["999", "12.3k", "1.2M"]


def test_endpoint_row_is_plain_data() -> None:
    assert EndpointRow("e", 1, 2.0, 3.0, 4, 5, "hold").window == 2.0
