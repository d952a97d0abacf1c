"""What the engine needs of a store, noun by noun. Both stores fulfil these with the statements in `store/sql`."""

from ensue.store.sql.connection import Row
from ensue.store.sql.contacts import Contacts
from ensue.store.sql.definitions import DefinitionTables
from ensue.store.sql.populations import Clause
from ensue.store.sql.transaction import Tables, WorkspaceTables

__all__ = ["Clause", "Contacts", "DefinitionTables", "Row", "Tables", "WorkspaceTables"]
