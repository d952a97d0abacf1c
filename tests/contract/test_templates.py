"""Templates and their versions."""

import pytest
from msgspec.structs import replace

from ensue.base.errors import Conflict
from ensue.model.template import Content, Template, TemplateCard, TemplateVersion
from tests.contract.conftest import TWO

MAIL = Content("EMAIL", subject="Hi {{ contact.firstName }}", html="<p>é\u2028 'a' \"b\" ; --</p>")
WELCOME = Template(1, "Welcome", 1, MAIL, 5, 5)
CHAT = Template(2, "Chat", 1, Content("TELEGRAM", text="a"), 6, 6)


def test_a_template_comes_back_as_it_was(write, read):
    write(lambda one: one.templates.put(WELCOME, "welcome"))
    assert read(lambda one: one.templates.get(1)) == WELCOME
    assert read(lambda one: one.templates.get(2)) is None
    assert read(lambda one: (one.templates.called("welcome"), one.templates.called("Welcome"))) == (1, None)


def test_templates_are_of_one_workspace(write, read):
    write(lambda one: one.templates.put(WELCOME, "welcome"))
    assert read(lambda two: (two.templates.get(1), two.templates.called("welcome")), TWO) == (None, None)
    assert read(lambda two: two.templates.page(None, 0, 9), TWO) == (0, [])
    assert read(lambda two: (two.templates.versions(1, 0, 9), two.templates.version(1, 1)), TWO) == ((0, []), None)
    write(lambda two: two.templates.remove(1), TWO)
    write(lambda two: two.templates.put(replace(WELCOME, name="Theirs"), "welcome"), TWO)
    assert read(lambda one: one.templates.get(1)) == WELCOME


def test_a_page_of_all_and_of_one_channel(write, read):
    write(lambda one: (one.templates.put(WELCOME, "welcome"), one.templates.put(CHAT, "chat")))
    cards = [TemplateCard(1, "Welcome", "EMAIL", 1, 5, 5), TemplateCard(2, "Chat", "TELEGRAM", 1, 6, 6)]
    assert read(lambda one: one.templates.page(None, 0, 9)) == (2, cards)
    assert read(lambda one: one.templates.page(None, 1, 1)) == (2, cards[1:])
    assert read(lambda one: one.templates.page("EMAIL", 0, 9)) == (1, cards[:1])
    assert read(lambda one: one.templates.page("PUSH", 0, 9)) == (0, [])


def test_a_version_is_kept_once_it_was_there(write, read):
    second = replace(WELCOME, version=2, content=replace(MAIL, subject="b"), updated_at=7)
    write(lambda one: one.templates.put(WELCOME, "welcome"))
    write(lambda one: one.templates.put(second, "welcome"))
    # The same version again changes nothing in it.
    write(lambda one: one.templates.put(replace(second, content=MAIL, name="New", updated_at=8), "new"))
    versions = [TemplateVersion(2, second.content, 7), TemplateVersion(1, MAIL, 5)]
    assert read(lambda one: one.templates.versions(1, 0, 9)) == (2, versions)
    assert read(lambda one: one.templates.versions(1, 1, 1)) == (2, versions[1:])
    assert read(lambda one: one.templates.version(1, 2)) == versions[0]
    assert read(lambda one: one.templates.get(1)) == replace(second, name="New", updated_at=8)


def test_a_deleted_template_leaves_its_versions_and_gives_its_name_free(write, read):
    write(lambda one: one.templates.put(WELCOME, "welcome"))
    write(lambda one: one.templates.remove(1))
    assert read(lambda one: (one.templates.get(1), one.templates.called("welcome"))) == (None, None)
    assert read(lambda one: one.templates.version(1, 1)) == TemplateVersion(1, MAIL, 5)
    write(lambda one: one.templates.put(CHAT, "welcome"))


def test_two_names_that_look_alike_never_meet(write):
    write(lambda one: one.templates.put(WELCOME, "welcome"))
    with pytest.raises(Conflict):
        write(lambda one: one.templates.put(CHAT, "welcome"))
