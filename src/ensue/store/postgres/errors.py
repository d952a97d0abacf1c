"""What PostgreSQL says went wrong, in our own words: told apart by SQLSTATE, never by text or a constraint's name."""

import psycopg
from psycopg import pq

from ensue.base.errors import Contended, Invalid, Unavailable

# A deadlock, a conflict of snapshots, a transaction that a failed statement spoiled.
_AGAIN = frozenset({"40001", "40P01", "25P02"})
_BUSY = frozenset({"55P03", "57014", "25P03", "25P04"})
_UNKEEPABLE = frozenset({"22021", "22P05", "22P02", "22003"})


class Clash(Contended):
    """A unique key or another constraint.

    Whatever ran since the savepoint, or since the beginning, is lost with it, so nobody may catch it before that; there
    it becomes a Conflict. Where many share a transaction they begin again, and see who was first.
    """


def translated(error: psycopg.Error) -> Exception:
    """Our own exception for one of the driver's.

    Clash: a constraint. Contended: a deadlock or a conflict of snapshots. Unavailable: the connection, the server or
    its disk is not there now. Invalid: a value that no column can keep. Anything else is a defect and stays what it is.
    """
    state = error.sqlstate
    if state is None:
        return Unavailable("The database cannot be reached.")
    if state in _AGAIN:
        return Contended("Another transaction was in the way.")
    if state in _UNKEEPABLE:
        return Invalid("A value cannot be stored.")
    match state[:2]:
        case "23":
            return Clash("It contradicts what is stored.")
        case "08" | "53" | "57" | "58":
            return Unavailable("The database is not there now.")
        case "28" | "3D":
            return Unavailable(f"The database refuses the connection: {error.diag.message_primary}.")
        case _ if state in _BUSY:
            return Unavailable("The database is busy.")
        case _ if state == "25006":
            return Unavailable("The database takes no changes now.")
        case _:
            return error


def failure(result: pq.abc.PGresult, connection: psycopg.Connection) -> Exception:
    """The exception for a result that is none."""
    return translated(psycopg.errors.error_from_result(result, connection.info.encoding))
