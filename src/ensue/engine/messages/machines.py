"""Whether an image was fetched or a link followed by a machine, as far as can be told.

| | is a machine |
|---|---|
| `HEAD` | always: it asks whether there is something, and shows nothing to anybody |
| `Purpose`, `Sec-Purpose`, `X-Purpose`, `X-Moz` that say prefetch, prerender or preview | always |
| no `User-Agent`, or one of a program, a crawler or a scanner of mail | always |
| Apple's privacy proxy (exactly `Mozilla/5.0`) and Gmail's prefetcher | for images: they fetch before anybody reads |
| Gmail's and Yahoo's image proxies | within `bounds.PROXY_HASTE` of the sending; later they fetch for a reader |
| anything | within `bounds.MACHINE_HASTE` of the sending |
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from ensue.base import bounds

_AHEAD = ("purpose", "sec-purpose", "x-purpose", "x-moz")
_AHEAD_WORDS = ("prefetch", "prerender", "preview")

# Parts of the names of programs that read no mail for anybody, in lower case.
_PROGRAMS = re.compile(
    r"bot\b|bot/|crawl|spider|scan(?:ner)?\b|linkpreview|uripreview|headless|phantomjs|"
    r"curl/|wget/|python|libwww|go-http-client|java/|apache-httpclient|node-fetch|axios|undici|ruby|php/|powershell|"
    r"barracuda|proofpoint|mimecast|messagelabs|symantec|sophos|trendmicro|fireeye|trellix|bitdefender|cloudmark|ironport|"
    r"forcepoint|kaspersky|virustotal|urlscan|safelinks|zgrab|"
    r"facebookexternalhit|whatsapp/|embedly|bingpreview|google-safety|mediapartners"
)
_APPLE_PROXY = "Mozilla/5.0"
_GMAIL_PREFETCHER = "Edge/12.246 Mozilla/5.0"
_IMAGE_PROXIES = ("GoogleImageProxy", "YahooMailProxy", "YahooCacheSystem")


class Visit(NamedTuple):
    """One request for a pixel or a link: `at` in milliseconds, header names in lower case."""

    at: int
    method: str
    headers: Mapping[str, str]


def opened_by_machine(visit: Visit, sent_at: int | None) -> bool:
    """Whether the pixel was fetched by a machine. `sent_at` is None while the message is being handed over."""
    agent = visit.headers.get("user-agent", "").strip()
    if _by_program(visit) or agent == _APPLE_PROXY or agent.endswith(_GMAIL_PREFETCHER):
        return True
    proxied = any(name in agent for name in _IMAGE_PROXIES)
    return _too_soon(visit, sent_at, bounds.PROXY_HASTE if proxied else bounds.MACHINE_HASTE)


def followed_by_machine(visit: Visit, sent_at: int | None) -> bool:
    """Whether a link was followed by a machine. `sent_at` is None while the message is being handed over."""
    return _by_program(visit) or _too_soon(visit, sent_at, bounds.MACHINE_HASTE)


def _by_program(visit: Visit) -> bool:
    headers = visit.headers
    ahead = any(word in headers.get(name, "").lower() for name in _AHEAD for word in _AHEAD_WORDS)
    agent = headers.get("user-agent", "").strip()
    return visit.method == "HEAD" or ahead or not agent or _PROGRAMS.search(agent.lower()) is not None


def _too_soon(visit: Visit, sent_at: int | None, haste: int) -> bool:
    return sent_at is None or visit.at < sent_at + haste
