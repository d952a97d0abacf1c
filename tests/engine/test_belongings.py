"""A new table that names a contact must say what becomes of its rows when contacts merge or go."""

from tests.engine.world import World

HANDED_OVER = {
    "events", "sessions", "score_ledger", "enrolments", "enrolment_skips", "contact_changes", "contact_aliases",
    "contact_tags", "webhook_deliveries", "incoming_requests", "form_submissions", "messages", "devices",
}  # fmt: skip
WORKED_OUT_ANEW = {"standings", "timers", "consents"}
KEPT_AS_HISTORY = {"memberships"}


def test_every_table_that_names_a_contact_is_thought_of(world: World):
    tables = [row[0] for row in world.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    naming = {
        table
        for table in tables
        if "contact_id" in {row[0] for row in world.rows(f"SELECT name FROM pragma_table_info('{table}')")}
    }
    assert naming == HANDED_OVER | WORKED_OUT_ANEW | KEPT_AS_HISTORY
