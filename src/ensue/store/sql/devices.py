"""Where contacts can be reached beside their addresses."""

from ensue.base import json
from ensue.model.message import Device
from ensue.store.sql.connection import Row, Sql

_COLUMNS = "id, contact_id, channel, address, detail, created_at, gone_at"


class Devices:
    """The chats and subscriptions of one workspace's contacts."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def put(self, device: Device) -> None:
        """Keep a device. One with the same address on the channel is the same device: it is this contact's now."""
        self._sql.run(
            f"""INSERT INTO devices (workspace_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, channel, address) DO UPDATE SET contact_id = excluded.contact_id,
              detail = excluded.detail, gone_at = excluded.gone_at""",
            (
                self._workspace, device.id, device.contact_id, device.channel, device.address,
                json.encode_text(device.detail), device.created_at, device.gone_at,
            ),
        )  # fmt: skip

    def of_contact(self, contact_id: int, channel: str) -> list[Device]:
        """A contact's devices on a channel that are not gone, newest first."""
        rows = self._sql.rows(
            f"""SELECT {_COLUMNS} FROM devices
            WHERE workspace_id = ? AND contact_id = ? AND channel = ? AND gone_at IS NULL ORDER BY id DESC""",
            (self._workspace, contact_id, channel),
        )
        return [_device(row) for row in rows]

    def all_of(self, contact_id: int) -> list[Device]:
        """All devices of a contact, newest first, those that are gone too."""
        rows = self._sql.rows(
            f"SELECT {_COLUMNS} FROM devices WHERE workspace_id = ? AND contact_id = ? ORDER BY id DESC",
            (self._workspace, contact_id),
        )
        return [_device(row) for row in rows]

    def by_address(self, channel: str, address: str) -> Device | None:
        """The device of an address, gone or not."""
        row = self._sql.row(
            f"SELECT {_COLUMNS} FROM devices WHERE workspace_id = ? AND channel = ? AND address = ?",
            (self._workspace, channel, address),
        )
        return _device(row) if row else None

    def gone(self, channel: str, address: str, at: int) -> None:
        """Keep that nothing reaches a device any more."""
        self._sql.run(
            "UPDATE devices SET gone_at = ? WHERE workspace_id = ? AND channel = ? AND address = ? AND gone_at IS NULL",
            (at, self._workspace, channel, address),
        )

    def remove(self, channel: str, address: str) -> None:
        """Forget a device."""
        self._sql.run(
            "DELETE FROM devices WHERE workspace_id = ? AND channel = ? AND address = ?",
            (self._workspace, channel, address),
        )


def _device(row: Row) -> Device:
    return Device(*(*row[:4], json.decode(row[4]), *row[5:]))
