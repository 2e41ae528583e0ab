"""How charts look, and how a specification becomes SVG and PNG: here, without any network.

There is one set of colours, which the page's style sheet can swap for dark ones.
"""

from __future__ import annotations

import importlib.util
from typing import Any, Final

CHARTS_NEED: Final = "Charts need the extra `charts`: pip install 'stormproof[charts]'"
INK: Final = "#1f2a37"
MUTED: Final = "#5f6b7a"
GRID: Final = "#e1e6ec"
SERIES: Final = (
    "#0b6e99",
    "#c8553d",
    "#2c8a5b",
    "#8559a5",
    "#b87503",
    "#3f6b75",
    "#b03a72",
    "#5f7f0a",
    "#6a6fc4",
    "#8c6d5a",
)
# Light colour -> dark one. Charts are drawn once; in the dark, CSS selects by the light colour.
DARK: Final = {
    INK: "#e6ebf1",
    MUTED: "#9aa7b6",
    GRID: "#2c3642",
    **dict(
        zip(
            SERIES,
            (
                "#4db2dc",
                "#f0836b",
                "#5cc98f",
                "#b893d6",
                "#e5a93b",
                "#7fb3bf",
                "#e57bac",
                "#a3c44f",
                "#9ba0f0",
                "#c8a693",
            ),
            strict=True,
        )
    ),
}
_PAPER: Final = "#ffffff"
_PNG_SCALE: Final = 2.0
FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"

CONFIG: Final[dict[str, Any]] = {
    "background": "transparent",
    "font": FONT,
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelLimit": 260,
        "titlePadding": 8,
    },
    "axisY": {"grid": False},
    "header": {
        "labelColor": INK,
        "labelFontSize": 12,
        "labelFontWeight": "bold",
        "titleColor": MUTED,
        "labelLimit": 320,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "orient": "top",
        "labelLimit": 240,
        "symbolOpacity": 1,
    },
    "range": {"category": list(SERIES)},
}


def can_draw() -> bool:
    """Whether the extra `charts` is installed: altair makes a chart, vl-convert draws it."""
    return all(importlib.util.find_spec(name) for name in ("altair", "vl_convert"))


def as_svg(spec: dict[str, Any]) -> str:
    """A chart as SVG with a transparent ground, for the page."""
    import vl_convert  # noqa: PLC0415  an extra

    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))


def as_svg_file(spec: dict[str, Any], title: str = "") -> str:
    """A chart as an SVG file on white paper, under a title where one is given."""
    return as_svg(_on_paper(spec, title))


def as_png(spec: dict[str, Any], title: str = "") -> bytes:
    """The same as a PNG file, at twice the size for sharp print."""
    import vl_convert  # noqa: PLC0415  an extra

    png = vl_convert.vegalite_to_png(_on_paper(spec, title), scale=_PNG_SCALE, allowed_base_urls=[])
    return bytes(png)


def _on_paper(spec: dict[str, Any], title: str) -> dict[str, Any]:
    paper = {"config": spec["config"] | {"background": _PAPER}}
    return spec | paper | ({"title": title} if title else {})
