"""Specifications into SVG and PNG, in this process and without any network."""

from __future__ import annotations

import importlib.util
from typing import Any, Final

CHARTS_NEED: Final = "Charts need the extra `charts`: pip install 'stormproof[charts]'"
_PAPER = "#ffffff"
_PNG_SCALE = 2.0


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
