"""Sends data to an address by HTTP POST."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from stormproof.suites.workflows.tools.addresses import admitted, locate
from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.faults import failed
from stormproof.suites.workflows.world import Post, World

MOST_POSTS = 200


class Arguments(ToolArguments):
    """Arguments of `network_poster`."""

    url: Annotated[str, Meta(description="The address to send to.")]
    input: Input = None


@tool(
    Arguments,
    description="Sends data to an address by HTTP POST.",
    returns={"value": "url, status and post (its number)"},
    needs=("data_processing_transformer", "integration_authenticator"),
)
def network_poster(world: World, arguments: Arguments) -> Made:
    """Sends data to an address by HTTP POST."""
    url = locate(world, arguments.url)
    admitted(world, url)
    if len(world.posts) >= MOST_POSTS:
        raise failed("The service takes no more posts.")
    body = take(world, arguments.input).value
    world.posts.append(Post(url, body))
    return Made({"url": url, "status": 201, "post": len(world.posts)}, "receipt")
