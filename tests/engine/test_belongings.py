"""A new table that names a contact must say what becomes of its rows when contacts merge or go."""

from tests.engine.world import World

HANDED_OVER = {
    "events", "sessions", "score_ledger", "enrolments", "enrolment_skips", "contact_changes", "contact_aliases",
    "contact_tags", "webhook_deliveries", "incoming_requests", "form_submissions", "messages", "devices",
}  # fmt: skip
WORKED_OUT_ANEW = {"standings", "timers", "consents"}
KEPT_AS_HISTORY = {"memberships"}


def test_every_table_that_names_a_contact_is_thought_of(world: World):
    assert set(world.tables("contact_id")) == HANDED_OVER | WORKED_OUT_ANEW | KEPT_AS_HISTORY
