"""Pages that visitors see: made on the server, without scripts, escaped throughout."""

from importlib.resources import files

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

_pages = Environment(
    loader=PackageLoader("ensue.api", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# A page of one person is nobody else's, and has no place in a search engine or in the address of the next page.
_HEADERS = {
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
    "referrer-policy": "strict-origin-when-cross-origin",
}


def page(template: str, status: int = 200, headers: dict[str, str] | None = None, **values: object) -> HTMLResponse:
    """A page from one of the templates in `api/pages`."""
    return HTMLResponse(_pages.get_template(template).render(values), status, {**_HEADERS, **(headers or {})})


def source(name: str) -> str:
    """The text of a file in `api/pages`."""
    return (files("ensue.api") / "pages" / name).read_text("utf-8")
