"""What the server says when it starts: where it is, and what to do next."""

import secrets
from pathlib import Path

from ensue.operations.demo import Access

_FIRST = """
Ensue is ready at {url}   (API reference: {url}/docs)

Nobody has an account yet. These three commands make the first owner, a workspace, and its first event:

  curl -sw '\\n' -c ensue.cookies -H 'Content-Type: application/json' \\
    -d '{{"name": "Owner", "email": "owner@example.com", "password": "{password}"}}' {url}/api/auth/register
  W=$(curl -sb ensue.cookies -H 'Content-Type: application/json' \\
    -d '{{"name": "My shop", "slug": "my-shop"}}' {url}/api/workspaces | sed 's/.*"id":"\\(ws_[^"]*\\)".*/\\1/')
  curl -sw '\\n' -b ensue.cookies -H 'Content-Type: application/json' \\
    -d '{{"type": "signup", "metadata": {{"plan": "pro"}}}}' {url}/api/workspaces/$W/events
"""

_AGAIN = """
Ensue is ready at {url}   (API reference: {url}/docs)
"""

_DEMO = """
Ensue is ready at {url}   (API reference: {url}/docs)

The shop of the demo is workspace {workspace}. Sign in as {email} with the password {password},
or look around with its API key (both are new at each start; earlier ones no longer work):

  export W={url}/api/workspaces/{workspace} KEY={key}
  curl -sw '\\n' -H "Authorization: Bearer $KEY" "$W/segments?counts=true"
  curl -sw '\\n' -H "Authorization: Bearer $KEY" "$W/events?type=purchase&limit=3"

Its folder is {folder}: other commands find it with --data {folder}, for example `verify --data {folder}`.
"""


def welcome(url: str, *, first: bool) -> str:
    """The text for a start; on the `first` one with commands that work as they stand."""
    return (_FIRST if first else _AGAIN).format(url=url, password=secrets.token_urlsafe(12))


def welcome_demo(url: str, access: Access, folder: Path) -> str:
    """The text for a start of the demo."""
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    return _DEMO.format(
        url=url,
        workspace=access.workspace,
        email=access.email,
        password=access.password,
        key=access.key,
        folder=shown,
    )
