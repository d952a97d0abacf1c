"""What the server says when it starts: where it is, and what to do next."""

import secrets

_FIRST = """
Ensue is ready at {url}   (API reference: {url}/docs)

Nobody has an account yet. These three lines make the first owner, a workspace, and its first event:

  curl -sc ensue.cookies -H 'Content-Type: application/json' \\
    -d '{{"name": "Owner", "email": "owner@example.com", "password": "{password}"}}' {url}/api/auth/register
  W=$(curl -sb ensue.cookies -H 'Content-Type: application/json' \\
    -d '{{"name": "My shop", "slug": "my-shop"}}' {url}/api/workspaces | sed 's/.*"id":"\\(ws_[^"]*\\)".*/\\1/')
  curl -sb ensue.cookies -H 'Content-Type: application/json' \\
    -d '{{"type": "signup", "metadata": {{"plan": "pro"}}}}' {url}/api/workspaces/$W/events
"""

_AGAIN = """
Ensue is ready at {url}   (API reference: {url}/docs)
"""


def welcome(url: str, *, first: bool) -> str:
    """The text for a start; on the `first` one with commands that work as they stand, and a password nobody has seen."""
    return (_FIRST if first else _AGAIN).format(url=url, password=secrets.token_urlsafe(12))
