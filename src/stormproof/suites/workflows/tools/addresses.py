"""Addresses of the episode's network: what a URL answers, and who may ask."""

from __future__ import annotations

from urllib.parse import urlsplit

from stormproof.domain.tasks import Resource
from stormproof.suites.workflows.values.faults import ToolFault, invalid
from stormproof.suites.workflows.values.tables import listed
from stormproof.suites.workflows.world import World

_CLIENT_ERROR = 400
_SERVER_ERROR = 500


def host_of(url: str) -> str:
    """The host that a URL names; empty where it names none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def locate(world: World, url: str) -> str:
    """The known address that is meant; a missing scheme or a last slash is forgiven.

    Raises ToolFault: INVALID_INPUT for what is no URL, NETWORK_ERROR for an unknown host,
    INVALID_RESPONSE (404) for an unknown path of a known one.
    """
    url = url.strip()
    if url in world.resources:
        return url
    for known in world.resources:
        if known.rstrip("/").partition("://")[2] == url.rstrip("/").rpartition("://")[2]:
            return known
    host = host_of(url)
    if not host:
        raise invalid(f"This is not a URL: {url[:80]!r}. Known: {listed(world.resources)}.")
    same_host = [known for known in world.resources if host_of(known) == host]
    if not same_host:
        raise ToolFault("NETWORK_ERROR", f"The host {host[:80]} cannot be reached.")
    raise ToolFault("INVALID_RESPONSE", f"404: it offers {listed(same_host)}.")


def admitted(world: World, url: str) -> Resource:
    """The address's resource, where it answers well and a session is open if it wants one."""
    resource = world.resources[url]
    wanted = resource.credential
    if wanted and wanted not in world.sessions:
        raise ToolFault("INVALID_RESPONSE", f"401: open a session with {wanted} first.")
    if resource.status >= _SERVER_ERROR:
        raise ToolFault("NETWORK_ERROR", f"{resource.status}: the service is down.")
    if resource.status >= _CLIENT_ERROR:
        raise ToolFault("INVALID_RESPONSE", f"{resource.status}: {resource.body[:200]}")
    return resource
