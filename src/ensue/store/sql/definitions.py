"""What a workspace has defined: segments, scoring rules, campaigns, and their versions."""

from collections.abc import Iterable
from typing import Any

from ensue.base import json
from ensue.model.campaign import Campaign
from ensue.model.score import ScoringRule
from ensue.model.segment import Segment
from ensue.model.workspace import Workspace
from ensue.store.sql.connection import Row, Sql

_WORKSPACE = "id, name, slug, time_zone, trigger_horizon, definitions_version, created_at, updated_at"
_SEGMENT = "id, name, description, type, version, rules, status, created_at, updated_at"
_RULE = "id, name, version, active, body, created_at, updated_at"
_CAMPAIGN = "id, name, type, status, version, body, paused_at, created_at, updated_at"


def _segment(row: Row) -> Segment:
    return Segment(row[0], row[1], row[2], row[3], row[4], json.decode(row[5]) if row[5] else None, *row[6:])


def _rule(row: Row) -> ScoringRule:
    return ScoringRule(
        id=row[0], name=row[1], version=row[2], active=bool(row[3]), created_at=row[5], updated_at=row[6],
        **json.decode(row[4]),
    )  # fmt: skip


def _rule_body(rule: ScoringRule) -> str:
    return json.encode_text(
        {
            "event_type": rule.event_type, "delta": rule.delta, "condition": rule.condition,
            "max_score": rule.max_score, "min_score": rule.min_score, "decay_points": rule.decay_points,
            "decay_period": rule.decay_period, "cooldown": rule.cooldown, "once": rule.once,
        }
    )  # fmt: skip


def _campaign(row: Row) -> Campaign:
    body: dict[str, Any] = json.decode(row[5])
    return Campaign(
        id=row[0], name=row[1], type=row[2], status=row[3], version=row[4], paused_at=row[6], created_at=row[7],
        updated_at=row[8], **body,
    )  # fmt: skip


def _campaign_body(campaign: Campaign) -> str:
    return json.encode_text(
        {
            "triggers": campaign.triggers, "workflow": campaign.workflow, "settings": campaign.settings,
            "start_at": campaign.start_at, "end_at": campaign.end_at,
        }
    )  # fmt: skip


class DefinitionTables:
    """The definitions of one workspace. Every write must be followed by `bump`."""

    def __init__(self, sql: Sql, workspace_id: int) -> None:
        self._sql = sql
        self._workspace = workspace_id

    def workspace(self) -> Workspace | None:
        """The workspace itself."""
        row = self._sql.row(f"SELECT {_WORKSPACE} FROM workspaces WHERE id = ?", (self._workspace,))
        return Workspace(*row) if row else None

    def version(self) -> int | None:
        """Grows with every change of a definition; None when there is no such workspace."""
        row = self._sql.row("SELECT definitions_version FROM workspaces WHERE id = ?", (self._workspace,))
        return row[0] if row else None

    def bump(self, at: int) -> None:
        """Say that definitions have changed."""
        self._sql.run(
            "UPDATE workspaces SET definitions_version = definitions_version + 1, updated_at = ? WHERE id = ?",
            (at, self._workspace),
        )

    def segments(self) -> list[Segment]:
        """All segments, oldest first."""
        rows = self._sql.rows(f"SELECT {_SEGMENT} FROM segments WHERE workspace_id = ? ORDER BY id", (self._workspace,))
        return [_segment(row) for row in rows]

    def segment(self, segment_id: int) -> Segment | None:
        """One segment."""
        row = self._sql.row(
            f"SELECT {_SEGMENT} FROM segments WHERE workspace_id = ? AND id = ?", (self._workspace, segment_id)
        )
        return _segment(row) if row else None

    def put_segment(self, segment: Segment) -> None:
        """Store a segment and, when its version is new, keep that version."""
        rules = json.encode_text(segment.rules) if segment.rules is not None else None
        self._sql.run(
            f"""INSERT INTO segments (workspace_id, {_SEGMENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET name = excluded.name, description = excluded.description,
              version = excluded.version, rules = excluded.rules, status = excluded.status, updated_at = excluded.updated_at""",
            (
                self._workspace, segment.id, segment.name, segment.description, segment.type, segment.version, rules,
                segment.status, segment.created_at, segment.updated_at,
            ),
        )  # fmt: skip
        self._sql.run(
            """INSERT INTO segment_versions (workspace_id, segment_id, version, rules, created_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, segment_id, version) DO NOTHING""",
            (self._workspace, segment.id, segment.version, rules, segment.updated_at),
        )

    def remove_segment(self, segment_id: int) -> None:
        """Delete a segment; its versions and past stays remain as history."""
        self._sql.run("DELETE FROM segments WHERE workspace_id = ? AND id = ?", (self._workspace, segment_id))

    def scoring_rules(self) -> list[ScoringRule]:
        """All scoring rules, oldest first."""
        rows = self._sql.rows(f"SELECT {_RULE} FROM scoring_rules WHERE workspace_id = ? ORDER BY id", (self._workspace,))
        return [_rule(row) for row in rows]

    def put_scoring_rule(self, rule: ScoringRule) -> None:
        """Store a scoring rule and, when its version is new, keep that version."""
        body = _rule_body(rule)
        self._sql.run(
            f"""INSERT INTO scoring_rules (workspace_id, {_RULE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET name = excluded.name, version = excluded.version,
              active = excluded.active, body = excluded.body, updated_at = excluded.updated_at""",
            (self._workspace, rule.id, rule.name, rule.version, int(rule.active), body, rule.created_at, rule.updated_at),
        )
        self._sql.run(
            """INSERT INTO scoring_rule_versions (workspace_id, rule_id, version, body, created_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, rule_id, version) DO NOTHING""",
            (self._workspace, rule.id, rule.version, body, rule.updated_at),
        )

    def remove_scoring_rule(self, rule_id: int) -> None:
        """Delete a scoring rule; its versions and ledger lines remain as history."""
        self._sql.run("DELETE FROM scoring_rules WHERE workspace_id = ? AND id = ?", (self._workspace, rule_id))

    def campaigns(self) -> list[Campaign]:
        """All campaigns, oldest first."""
        rows = self._sql.rows(f"SELECT {_CAMPAIGN} FROM campaigns WHERE workspace_id = ? ORDER BY id", (self._workspace,))
        return [_campaign(row) for row in rows]

    def campaign_versions(self, pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], dict[str, Any]]:
        """The bodies of versions: (campaign, version) to triggers, workflow, settings, start_at, end_at."""
        bodies = {}
        for campaign_id, version in pairs:
            row = self._sql.row(
                "SELECT body FROM campaign_versions WHERE workspace_id = ? AND campaign_id = ? AND version = ?",
                (self._workspace, campaign_id, version),
            )
            if row:
                bodies[campaign_id, version] = json.decode(row[0])
        return bodies

    def put_campaign(self, campaign: Campaign) -> None:
        """Store a campaign and, when its version is new, keep that version."""
        body = _campaign_body(campaign)
        self._sql.run(
            f"""INSERT INTO campaigns (workspace_id, {_CAMPAIGN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET name = excluded.name, type = excluded.type,
              status = excluded.status, version = excluded.version, body = excluded.body, paused_at = excluded.paused_at,
              updated_at = excluded.updated_at""",
            (
                self._workspace, campaign.id, campaign.name, campaign.type, campaign.status, campaign.version, body,
                campaign.paused_at, campaign.created_at, campaign.updated_at,
            ),
        )  # fmt: skip
        self._sql.run(
            """INSERT INTO campaign_versions (workspace_id, campaign_id, version, body, created_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, campaign_id, version) DO UPDATE SET body = excluded.body""",
            (self._workspace, campaign.id, campaign.version, body, campaign.updated_at),
        )

    def remove_campaign(self, campaign_id: int) -> None:
        """Delete a campaign; its versions and enrolments remain as history."""
        self._sql.run("DELETE FROM campaigns WHERE workspace_id = ? AND id = ?", (self._workspace, campaign_id))
