"""The report in a real browser: hostile text, keyboard, phone, dark, print, and no network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import anyio
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from stormproof.domain.calls import Answer, Message, Reply, ToolCall
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Score, Turn
from stormproof.domain.tasks import Execution
from stormproof.domain.trials import make_trial
from stormproof.report import write_report
from stormproof.store import Header, append_run, open_store

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: /usr/bin/chromium is not here"),
]

HOSTILE = (
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 2'>",
    "<svg onload='window.pwned = 3'><a xlink:href='javascript:window.pwned=4'>x</a></svg>",
    "<a href='javascript:window.pwned = 5' id=bait>click</a> [md](javascript:window.pwned=5)",
    "</pre></details></script><style>body{display:none}</style><iframe src=//evil.test></iframe>",
    "{{ 7 * 7 }} {% for x in y %} ${7*7} <!--",
    "\u202egnp.exe\u202c \u2066isolated\u2069 \x1b[31;1mred\x1b[0m \x1b]0;owned\x07 \x00 \x9b2J",
    "\"' onmouseover='window.pwned = 6' x=\"",
    "half a pair \ud800 and a line\u2028end",
)
EVIL = "evil\"'><script>window.pwned = 7</script>\u202e"
HUGE = "A" * 5_000_000 + "<script>window.pwned = 8</script>"


def episode(number: int, model: str, text: str, *, full: bool) -> Episode:
    condition = Condition(("baseline", "optimal")[number // 2 % 2], "easy", 0.8)
    trial = make_trial(
        suite="s", seed=0, model=model, task_id=f"t{number}", task_type="simple_task",
        condition=condition,
    )  # fmt: skip
    call = Execution(
        text[:300] or "x", {text[:80]: text[:300]}, ok=False, cause="weather", error_code="TIMEOUT",
        message=text[:500], probability=0.8, draw=0.9, took_effect=False,
    )  # fmt: skip
    short = text.replace("\ud800", "")[:60]  # addresses and errors come from HTTP, not from models
    reply = Reply(text, (ToolCall("1", text[:50], text[:90]),), reasoning=text)
    turn = Turn(
        0, Answer(reply, short), "call", (call,), (Message("tool", text),), query=text[:90],
        format_repairs=1,
    )  # fmt: skip
    level: Any = "full" if full else "failed"
    score = Score(level, full, 1.0, 1.0, 0.5, None, 0, "" if full else short)
    return Episode(trial, "completed", "done", (turn,), score, 0.9, simulated=True, error=short)


async def fill(folder: Path) -> None:
    header = Header(suite="s", seed=0, simulated=True, stormproof="0")
    texts = [HOSTILE[i // 2 % len(HOSTILE)] for i in range(38)] + [HUGE, HUGE]
    async with open_store(folder, header) as store:
        for i, text in enumerate(texts):
            model = (EVIL, "plain-model")[i % 2]
            await store.episode(episode(i, model, text, full=i % 3 == 0 and i > 0))
    append_run(folder, {"options": {"pool": EVIL, "rate_mode": "adaptive"}, "endpoints": []})
    sample = {"id": EVIL, "in_flight": 3, "window": 5, "rps": 2.0, "errors": 0, "state": "open"}
    async with open_store(folder, header) as store:
        for second in range(1, 20):
            store.append_sample(sample | {"t": float(second), "refused": second // 4})


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "results"
    anyio.run(fill, folder)
    written = write_report(folder, formats=("html",), episodes="failed")["html"]
    assert [path.name for path in written] == ["failed-0001.html", "report.html"]
    return written[-1]


@pytest.fixture(scope="module")
def browser(report: Path) -> Iterator[Browser]:
    """After the report: playwright's own event loop would not let the store run one."""
    assert report.exists()
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


class Visit:
    """A page opened, with everything that it tried to do beyond showing itself."""

    def __init__(self, browser: Browser, path: Path, **settings: Any) -> None:
        self.context = browser.new_context(reduced_motion="reduce", **settings)
        self.page: Page = self.context.new_page()
        self.requests: list[str] = []
        self.trouble: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.loaded: list[str] = []
        self.page.on("requestfinished", lambda request: self.loaded.append(request.url))
        self.page.on("dialog", lambda dialog: self.trouble.append(f"dialog: {dialog.message}"))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("console", lambda message: self.trouble.append(message.text))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


def test_hostile_text_is_shown_and_never_run(browser: Browser, report: Path) -> None:
    for path in (report, report.with_name("failed-0001.html")):
        with Visit(browser, path) as visit:
            page = visit.page
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            page.wait_for_timeout(200)
            assert page.evaluate("window.pwned") is None
            assert visit.trouble == []
            assert visit.requests == [path.as_uri()]
            assert page.locator("script").count() == 1
            assert page.locator("iframe, img, object, embed, link, #bait").count() == 0
            hrefs = page.eval_on_selector_all("a", "all => all.map(a => a.getAttribute('href'))")
            assert all(href.startswith(("#", "failed-", "report.html")) for href in hrefs)
            assert page.evaluate("getComputedStyle(document.body).display") == "block"
            names = page.evaluate(
                "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())"
            )
            assert not [name for name in names if name.startswith("on")]
            text = page.evaluate("document.body.textContent")
            for said in HOSTILE[:6]:
                assert said in text
            assert "{{ 7 * 7 }}" in text


def test_no_character_steers_the_reader(browser: Browser, report: Path) -> None:
    with Visit(browser, report) as visit:
        text = visit.page.evaluate("document.documentElement.outerHTML")
        for bad in "\u202e\u202c\u2066\u2069\x1b\x07\x00\x9b\u2028\ud800":
            assert bad not in text
        for named in ("⟨U+202E⟩gnp.exe", "⟨U+001B⟩[31;1mred", "⟨U+0000⟩", "⟨U+009B⟩2J"):
            assert named in text


def test_a_message_of_five_megabytes_is_cut_in_words(browser: Browser, report: Path) -> None:
    assert report.stat().st_size < 2_000_000
    with Visit(browser, report) as visit:
        assert "4,995,033 characters left out" in visit.page.evaluate("document.body.textContent")


def test_the_policy_stops_what_would_slip_through(browser: Browser, report: Path) -> None:
    """Were markup of others ever to get in, it could neither run nor load."""
    with Visit(browser, report) as visit:
        visit.page.evaluate(
            """() => {
                const put = (html) => document.body.insertAdjacentHTML('beforeend', html);
                put(`<img src=x onerror="window.pwned = 1">`);
                put(`<a id=lure href="javascript:window.pwned = 2">x</a>`);
                put(`<p id=styled style="position:fixed">x</p>`);
                put(`<form id=form action="https://evil.test"><button>go</button></form>`);
                const script = document.createElement('script');
                script.textContent = 'window.pwned = 3';
                document.body.append(script);
                document.getElementById('lure').click();
                document.querySelector('#form button').click();
            }"""
        )
        visit.page.wait_for_timeout(300)
        assert visit.page.evaluate("window.pwned") is None
        styled = "getComputedStyle(document.getElementById('styled')).position"
        assert visit.page.evaluate(styled) == "static"
        assert sum("Content Security Policy" in said for said in visit.trouble) >= 4
        assert visit.loaded == [report.as_uri()]


def test_simulated_is_the_first_thing_said(browser: Browser, report: Path) -> None:
    with Visit(browser, report) as visit:
        assert visit.page.locator(".banner").inner_text().startswith("SIMULATED")


def test_tables_sort_by_keyboard(browser: Browser, report: Path) -> None:
    with Visit(browser, report) as visit:
        table = visit.page.locator("#overall table").first
        head = table.locator("thead th", has_text="full").first
        button = head.locator("button")
        column = table.locator("thead th").evaluate_all(
            "all => all.findIndex(th => th.textContent.startsWith('full'))"
        )

        def values() -> list[float]:
            cells = table.locator(f"tbody tr > :nth-child({column + 1})").all()
            return [float(cell.get_attribute("data-v") or "nan") for cell in cells]

        button.focus()
        visit.page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "descending"
        assert values() == sorted(values(), reverse=True)
        visit.page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        assert values() == sorted(values())
        assert len(set(values())) == 2


def test_the_keyboard_reaches_everything(browser: Browser, report: Path) -> None:
    with Visit(browser, report) as visit:
        page = visit.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
        reached = set()
        for _ in range(180):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.tagName"))
        assert {"A", "BUTTON", "SUMMARY", "SELECT", "INPUT"} <= reached


def test_episodes_are_found_by_filter(browser: Browser, report: Path) -> None:
    with Visit(browser, report) as visit:
        page = visit.page
        shown = page.locator("details.episode:visible")
        everything = shown.count()
        assert everything == 40
        page.locator("form.filter").get_by_label("Outcome").select_option("full")
        assert shown.count() == 13
        page.locator("form.filter").get_by_label("Model").select_option("plain-model")
        assert shown.count() == 7
        assert "of 40 shown" in page.locator("output").inner_text()
        page.locator("form.filter").get_by_label("Contains").fill("no such words anywhere")
        assert shown.count() == 0


def test_a_phone_scrolls_one_way(browser: Browser, report: Path) -> None:
    size: Any = {"width": 360, "height": 740}
    with Visit(browser, report, viewport=size, has_touch=True) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
        for table in visit.page.locator("#overall table").all():
            assert table.is_visible()
            head = table.locator("thead th", has_text="success %").first.bounding_box()
            assert head is not None
            assert head["x"] + head["width"] <= 360  # the success column needs no scrolling


def test_what_was_planned_stands_before_any_rate(browser: Browser, report: Path) -> None:
    with Visit(browser, report) as visit:
        sections = visit.page.locator("main > section").evaluate_all("all => all.map(s => s.id)")
        assert sections[:3] == ["missing", "about", "overall"]


def test_light_dark_and_the_switch_between(browser: Browser, report: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    ink = "getComputedStyle(document.querySelector('#overall svg text')).fill"
    with Visit(browser, report, color_scheme="light") as visit:
        assert visit.page.evaluate(paper) == "rgb(255, 255, 255)"
        light = visit.page.evaluate(ink)
        visit.page.locator("#theme").click()
        assert visit.page.evaluate(paper) == "rgb(18, 23, 29)"
        assert visit.page.evaluate(ink) != light
    with Visit(browser, report, color_scheme="dark") as visit:
        assert visit.page.evaluate(paper) == "rgb(18, 23, 29)"
        visit.page.emulate_media(media="print")
        assert visit.page.evaluate(paper) == "rgb(255, 255, 255)"
        assert visit.page.evaluate(ink) == light
        assert not visit.page.locator("nav").is_visible()


def test_without_scripts_everything_is_still_there(browser: Browser, report: Path) -> None:
    with Visit(browser, report, java_script_enabled=False) as visit:
        assert visit.page.locator("#overall table tbody tr").first.is_visible()
        assert visit.page.locator("details.episode").count() == 40
        assert not visit.page.locator("form.filter").is_visible()
        assert not visit.page.locator("#theme").is_visible()


def test_a_chart_is_drawn_for_the_run(browser: Browser, report: Path) -> None:
    with Visit(browser, report) as visit:
        run = visit.page.locator("#run svg")
        assert run.count() == 2
        assert "evil" in (run.first.text_content() or "")


def test_nothing_hostile_slips_into_other_forms(report: Path) -> None:
    written = write_report(report.parents[1], formats=("markdown", "csv", "latex", "charts"))
    for paths in written.values():
        for path in (p for p in paths if p.suffix != ".png"):
            text = path.read_text(encoding="utf-8")
            assert "\x1b" not in text, path
            assert "\u202e" not in text, path
            if path.suffix in {".svg", ".md"}:
                assert "<script" not in text.replace("\\<script", ""), path
