"""The page on forms says what the program does."""

import json
import re
from pathlib import Path

import pytest

from ensue.api.form_json import FieldBody, NewForm
from ensue.api.public.form_body import OWN
from ensue.base import bounds
from ensue.engine.forms.fields import TYPES
from ensue.engine.forms.mapping import TARGETS
from tests.api.forms import open_counter

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "forms.md").read_text("utf-8")
FIELDS = {str(field.alias) for model in (NewForm, FieldBody) for field in model.model_fields.values()}


@pytest.mark.parametrize("name", sorted(FIELDS | set(TYPES) | set(TARGETS) | (set(OWN) - {"token"})))
def test_the_page_names_everything(name):
    assert re.search(rf"[`\"_]{name}[`\"]", TEXT), f"forms.md does not say {name}"


def test_the_example_of_a_submission_fits_that_of_a_form(tmp_path):
    (form,) = re.findall(r"```json form\n(.*?)```", TEXT, re.DOTALL)
    (sent,) = re.findall(r"~~~json\n(.*?)~~~", TEXT, re.DOTALL)
    with open_counter(tmp_path) as counter:
        made = counter.owner.post(counter.owner.w + "/forms", json.loads(form), 201)
        answer = counter.visitor.post(f"/api/forms/{made['id']}/submit", json=json.loads(sent))
    assert (answer.status_code, answer.json()["status"]) == (202, "PENDING")


def test_the_numbers_are_those_of_the_program():
    assert f"1 to {bounds.FORM_FIELDS}, see below" in TEXT
    assert f"more than {bounds.FORM_RATE} in 10 minutes" in TEXT
    assert bounds.FORM_RATE_WINDOW == 600_000
    assert f"{bounds.FORM_MINIMUM_SECONDS}, 2 unless given" in TEXT
    assert bounds.FORM_CONFIRMATIONS == 3
