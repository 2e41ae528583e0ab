"""The look of charts: one set of colours that the page's style sheet can swap for dark ones."""

from __future__ import annotations

from typing import Any, Final

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
