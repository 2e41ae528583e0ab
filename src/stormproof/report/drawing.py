"""Specifications into SVG and PNG, in this process and without any network."""

from __future__ import annotations

from typing import Any

import vl_convert

_PAPER = "#ffffff"
_PNG_SCALE = 2.0


def as_svg(spec: dict[str, Any]) -> str:
    """A chart as SVG with a transparent ground, for the page."""
    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))


def as_svg_file(spec: dict[str, Any], title: str = "") -> str:
    """A chart as an SVG file on white paper, under a title where one is given."""
    return as_svg(_on_paper(spec, title))


def as_png(spec: dict[str, Any], title: str = "") -> bytes:
    """The same as a PNG file, at twice the size for sharp print."""
    png = vl_convert.vegalite_to_png(_on_paper(spec, title), scale=_PNG_SCALE, allowed_base_urls=[])
    return bytes(png)


def _on_paper(spec: dict[str, Any], title: str) -> dict[str, Any]:
    paper = {"config": spec["config"] | {"background": _PAPER}}
    return spec | paper | ({"title": title} if title else {})
