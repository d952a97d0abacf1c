"""The pages of a form: to fill in, to confirm, and what is said afterwards; and the script that puts it on a site."""

import re
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse, Response

from ensue.api.public.pages import page, source
from ensue.api.security_headers import HEADERS
from ensue.base import json
from ensue.base.errors import Detail
from ensue.base.ids import show
from ensue.model.form import Form, FormField, Submission

THANKS = "Thank you."
LOOK_INTO_MAIL = "Please look into your mail: we have sent you a link to confirm this."
CLOSED = "There is no such form, or it is not open."

_AUTOCOMPLETE = {
    "email": "email", "firstName": "given-name", "lastName": "family-name", "phone": "tel",
}  # fmt: skip
_INDENT = re.compile(r"\n\s*")


class _Shown(NamedTuple):
    """A field as the page shows it, with what was typed into it last."""

    key: str
    label: str
    type: str
    required: bool
    options: list[str]
    hint: str | None
    anchor: str
    value: str
    ticked: bool
    fault: str | None
    autocomplete: str | None


class _Fault(NamedTuple):
    """What is wrong, and the field that it is about, when that can be seen."""

    sentence: str
    label: str = ""
    anchor: str = ""


def form_page(
    form: Form,
    prefix: str,
    own: dict[str, str],
    status: int = 200,
    typed: dict[str, Any] | None = None,
    faults: list[Detail] | None = None,
) -> HTMLResponse:
    """The page to fill in. `own` goes along with what is sent; `typed` and `faults` are those of the last try."""
    by_key = {fault.path: fault.message for fault in faults or ()}
    fields = [_shown(field, typed, by_key.pop(field.key, None)) for field in form.content.fields]
    seen = [field for field in fields if field.type != "hidden"]
    listed = [_Fault(field.fault, field.label, field.anchor) for field in seen if field.fault is not None]
    # A hidden field has no place of its own, and neither has what is no field at all.
    listed += [_Fault(f"{field.key}: {field.fault}") for field in fields if field.type == "hidden" and field.fault]
    listed += [
        _Fault(sentence if path.startswith(("$", "_")) else f"{path}: {sentence}") for path, sentence in by_key.items()
    ]
    return page(
        "form.html",
        status,
        _form_action(form),
        title=form.content.title or form.name,
        description=form.content.description,
        submit_label=form.content.submit_label or "Send",
        form_id=show("frm", form.id),
        prefix=prefix,
        own=list(own.items()),
        fields=fields,
        faults=listed,
    )


def confirm_page(form: Form, submission: Submission, prefix: str, token: str) -> HTMLResponse:
    """What somebody is about to confirm, all of it, and a button."""
    values = submission.sent.values if submission.sent is not None else {}
    answers = [(field.label, _said(values[field.key])) for field in form.content.fields if field.key in values]
    title = form.content.title or form.name
    return page("form_confirm.html", prefix=prefix, title=title, token=token, answers=answers)


def message_page(
    title: str, message: str, prefix: str, status: int = 200, link: tuple[str, str] | None = None
) -> HTMLResponse:
    """A page that only says something; `link` is an address and what it says."""
    address, label = link or ("", "")
    return page(
        "form_message.html", status, title=title, message=message, prefix=prefix, link=address, link_label=label
    )


def answer_to(form: Form) -> str:
    """What a person is told once the form was sent: the same for everybody."""
    return form.content.message or (LOOK_INTO_MAIL if form.content.double_opt_in else THANKS)


def embed_script(form: Form, token: str) -> Response:
    """The script that builds the form where it stands in a page."""
    described = {
        "id": show("frm", form.id),
        "submitLabel": form.content.submit_label or "Send",
        "failed": "This could not be sent. Please try again.",
        "token": token,
        "fields": [
            {
                "key": field.key, "label": field.label, "type": field.type, "required": field.required,
                "options": field.options, "hint": field.hint, "default": field.default, "ticked": _is_ticked(field),
            }
            for field in form.content.fields
        ],
    }  # fmt: skip
    # JSON is a literal of the language, but for two line ends; `<` never begins anything, wherever the text ends up.
    text = json.encode_text(described)
    for letter in "<\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    script = _script().replace("FORM", text)
    return Response(script, media_type="text/javascript", headers={"cache-control": "no-store"})


@cache
def _script() -> str:
    return _INDENT.sub("\n", source("form_embed.js"))


@cache
def style_sheet() -> str:
    """How the pages look."""
    return source("form.css")


def _shown(field: FormField, typed: dict[str, Any] | None, fault: str | None) -> _Shown:
    value = field.default if typed is None else typed.get(field.key)
    return _Shown(
        field.key,
        field.label,
        field.type,
        field.required,
        field.options,
        field.hint,
        f"field-{field.key}",
        "" if value is None else str(value),
        _is_ticked(field) if typed is None else bool(value),
        fault,
        _AUTOCOMPLETE.get(field.maps_to or ""),
    )


def _is_ticked(field: FormField) -> bool:
    return field.type == "checkbox" and (field.default or "").strip().lower() in {"on", "true", "1", "yes"}


def _said(value: object) -> str:
    return {True: "Yes", False: "No"}[value] if isinstance(value, bool) else str(value)


def _form_action(form: Form) -> dict[str, str]:
    """Browsers hold what follows a form's redirect to the policy of the page that the form was on."""
    if form.content.redirect_url is None:
        return {}
    parts = urlsplit(form.content.redirect_url)
    policy = dict(HEADERS)[b"content-security-policy"].decode()
    ours = "form-action 'self'"
    return {"content-security-policy": policy.replace(ours, f"{ours} {parts.scheme}://{parts.netloc}")}
