"""A client without a guard, for tests of what is behind it."""

from typing import Any

import httpx2


class PlainHttp:
    """Use it in an `async with` block."""

    async def __aenter__(self):
        self._client = httpx2.AsyncClient(timeout=10)
        return self

    async def __aexit__(self, *error):
        await self._client.aclose()

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Any:
        response = await self._client.post(url, content=body, headers=headers)
        return _Reply(response)


class _Reply:
    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.body = response.content
