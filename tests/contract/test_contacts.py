"""Contacts and what hangs on one."""

from ensue.model.contact import Contact

FULL = Contact(
    id=1, created_at=10, updated_at=11, as_of=12, email="Ann@X.org", external_id="e1", first_name="Ann",
    last_name="Lee", phone="+43", time_zone="Europe/Vienna", locale="de-AT",
    attributes={"plan": "gold", "deep": {"n": [1, 2.5]}},
    score=-3, due_at=99,
)  # fmt: skip


def bare(number):
    return Contact(number, 10, 11, 12)


def test_a_contact_comes_back_as_it_was(write, read):
    write(lambda one: one.contacts.add(FULL, "ann@x.org"))
    write(lambda one: one.contacts.add(bare(2), None))
    assert read(lambda one: one.contacts.lock(1)) == FULL
    assert read(lambda one: one.contacts.lock(2)) == bare(2)
    assert read(lambda one: one.contacts.lock(3)) is None


def test_a_contact_is_found_by_what_names_it(write, read):
    write(lambda one: one.contacts.add(FULL, "ann@x.org"))
    assert read(lambda one: one.contacts.id_by_email("ann@x.org")) == 1
    assert read(lambda one: one.contacts.id_by_email("Ann@X.org")) is None
    assert read(lambda one: one.contacts.id_by_external_id("e1")) == 1
    assert read(lambda one: one.contacts.id_by_external_id("E1")) is None


def test_any_number_of_contacts_have_neither_address_nor_id(write, read):
    write(lambda one: [one.contacts.add(bare(number), None) for number in (1, 2, 3)])
    assert read(lambda one: one.contacts.after(0, 10)) == [1, 2, 3]
    assert read(lambda one: one.contacts.after(1, 1)) == [2]


def test_what_a_person_changes_and_what_evaluation_changes_are_apart(write, read):
    from msgspec.structs import replace

    write(lambda one: one.contacts.add(FULL, "ann@x.org"))
    changed = replace(FULL, email=None, first_name="Eve", attributes={}, updated_at=20, score=77, as_of=77, due_at=77)
    write(lambda one: one.contacts.change(changed, None))
    assert read(lambda one: one.contacts.lock(1)) == replace(changed, score=-3, as_of=12, due_at=99)
    write(lambda one: one.contacts.advance([(5, 30, None, 7, 1)]))
    assert read(lambda one: one.contacts.lock(1)) == replace(changed, score=5, as_of=30, due_at=None, latest_line=7)
    assert read(lambda one: one.contacts.id_by_email("ann@x.org")) is None


def test_a_removed_contact_leaves_its_address_free(write, read):
    write(lambda one: one.contacts.add(FULL, "ann@x.org"))
    write(lambda one: one.contacts.remove(1))
    assert read(lambda one: one.contacts.lock(1)) is None
    write(lambda one: one.contacts.add(Contact(2, 1, 1, 1, email="ann@x.org"), "ann@x.org"))


def test_who_is_due_comes_longest_due_first(write, read):
    def work(one):
        for number, due_at in ((1, 30), (2, 10), (3, None), (4, 20), (5, 10)):
            one.contacts.add(bare(number), None)
            one.contacts.advance([(0, 1, due_at, None, number)])

    write(work)
    assert read(lambda one: one.contacts.due(9, 10)) == []
    assert read(lambda one: one.contacts.due(20, 10)) == [2, 5, 4]
    assert read(lambda one: one.contacts.due(30, 3)) == [2, 5, 4]


def test_tags_go_on_and_off(write, read):
    def work(one):
        one.contacts.add_tag(7, "vip", 1)
        one.contacts.add_tag(8, "VIP", 1)
        one.contacts.tag(1, 7, 1)
        one.contacts.tag(1, 7, 2)
        one.contacts.tag(1, 8, 1)
        one.contacts.tag(2, 7, 1)

    write(work)
    assert read(lambda one: one.contacts.tags(1)) == {"vip": 7, "VIP": 8}
    assert read(lambda one: (one.contacts.tag_id("vip"), one.contacts.tag_id("none"))) == (7, None)
    write(lambda one: one.contacts.untag(1, 7))
    assert read(lambda one: (one.contacts.tags(1), one.contacts.tags(2))) == ({"VIP": 8}, {"vip": 7})


def test_a_consent_is_the_last_one_given(write, read):
    write(lambda one: one.contacts.set_consent(1, "EMAIL", "OPTED_IN", "form", 1))
    write(lambda one: one.contacts.set_consent(1, "SMS", "PENDING", "form", 1))
    write(lambda one: one.contacts.set_consent(1, "EMAIL", "OPTED_OUT", "link", 2))
    assert read(lambda one: dict(one.contacts.consents(1))) == {"EMAIL": "OPTED_OUT", "SMS": "PENDING"}
    assert read(lambda one: dict(one.contacts.consents(2))) == {}


def test_an_erased_identity_is_remembered(write, read):
    assert read(lambda one: one.erasures.key()) is None
    write(lambda one: one.erasures.keep_key(b"secret", 1))
    write(lambda one: one.erasures.add(b"hash", 1))
    write(lambda one: one.erasures.add(b"hash", 2))
    assert read(lambda one: (one.erasures.key(), one.erasures.has(b"hash"), one.erasures.has(b"other"))) == (
        b"secret", True, False,
    )  # fmt: skip
