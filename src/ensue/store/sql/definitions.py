"""What a workspace has defined: segments, scoring rules, campaigns, and their versions."""

from collections.abc import Iterable
from typing import Any

from ensue.base import json
from ensue.model.backfill import Backfill
from ensue.model.campaign import Campaign, Sweep
from ensue.model.score import ScoringRule
from ensue.model.segment import Segment
from ensue.model.workspace import Workspace
from ensue.store.sql.backfills import Backfills
from ensue.store.sql.connection import Row, Sql

_WORKSPACE = "id, name, slug, time_zone, trigger_horizon, definitions_version, created_at, updated_at"
_SEGMENT = "id, name, description, type, version, rules, status, created_at, updated_at"
_RULE = "id, name, version, active, body, created_at, updated_at"
_CAMPAIGN = "id, name, type, status, version, body, paused_at, created_at, updated_at, sweep"


def _segment(row: Row) -> Segment:
    return Segment(row[0], row[1], row[2], row[3], row[4], json.decode(row[5]) if row[5] else None, *row[6:])


def _rule(row: Row) -> ScoringRule:
    body = json.decode(row[4])
    return ScoringRule(id=row[0], name=row[1], version=row[2], created_at=row[5], updated_at=row[6], **body)


def _rule_body(rule: ScoringRule) -> str:
    return json.encode_text(
        {
            "active": rule.active, "event_type": rule.event_type, "delta": rule.delta, "condition": rule.condition,
            "max_score": rule.max_score, "min_score": rule.min_score, "decay_points": rule.decay_points,
            "decay_period": rule.decay_period, "cooldown": rule.cooldown, "once": rule.once,
            "cooldown_text": rule.cooldown_text,
        }
    )  # fmt: skip


def _campaign(row: Row) -> Campaign:
    body: dict[str, Any] = json.decode(row[5])
    return Campaign(
        id=row[0], name=row[1], type=row[2], status=row[3], version=row[4], paused_at=row[6], created_at=row[7],
        updated_at=row[8], sweep=_sweep(row[9]), **body,
    )  # fmt: skip


def _sweep(text: str | None) -> Sweep | None:
    return Sweep(**json.decode(text)) if text is not None else None


def _sweep_text(sweep: Sweep | None) -> str | None:
    return json.encode_text(sweep) if sweep is not None else None


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

    def stand_still(self) -> int:
        """Nobody changes the definitions before the end of this transaction: call it before they are read.

        Returns an id that every id from now on must be above, or 0.
        """
        return self._sql.beside_others(self._workspace)

    def bump(self, at: int) -> None:
        """Say that definitions have changed."""
        self._sql.alone(self._workspace)
        self._sql.run(
            "UPDATE workspaces SET definitions_version = definitions_version + 1, updated_at = ? WHERE id = ?",
            (at, self._workspace),
        )

    def keep_latest_id(self, latest: int) -> None:
        """Keep that ids up to this one are handed out. Alone among the writes, it changes no definition."""
        self._sql.keep_latest_id(self._workspace, latest)

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
              version = excluded.version, rules = excluded.rules, status = excluded.status,
              updated_at = excluded.updated_at""",
            (
                self._workspace, segment.id, segment.name, segment.description, segment.type, segment.version, rules,
                segment.status, segment.created_at, segment.updated_at,
            ),
        )  # fmt: skip
        self._sql.run(
            """INSERT INTO segment_versions (workspace_id, segment_id, version, rules, created_at)
            VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, segment_id, version) DO NOTHING""",
            (self._workspace, segment.id, segment.version, rules, segment.updated_at),
        )

    def remove_segment(self, segment_id: int) -> None:
        """Delete a segment; its versions and past stays remain as history."""
        self._sql.run("DELETE FROM segments WHERE workspace_id = ? AND id = ?", (self._workspace, segment_id))

    def segment_versions(self, segment_id: int) -> list[tuple[int, dict[str, Any] | None, int]]:
        """(version, rules, since when) of a segment, newest first; also of a deleted one."""
        rows = self._sql.rows(
            """SELECT version, rules, created_at FROM segment_versions WHERE workspace_id = ? AND segment_id = ?
            ORDER BY version DESC""",
            (self._workspace, segment_id),
        )
        return [(row[0], json.decode(row[1]) if row[1] else None, row[2]) for row in rows]

    def conditions(self) -> dict[str, int]:
        """The conditions over events that are registered: key to the id since which each is in use without a break."""
        return dict(self._sql.rows("SELECT key, since FROM conditions WHERE workspace_id = ?", (self._workspace,)))

    def register_condition(self, key: str, since: int) -> None:
        """Say that a condition has come into use."""
        self._sql.run(
            "INSERT INTO conditions (workspace_id, key, since) VALUES (?, ?, ?)", (self._workspace, key, since)
        )

    def retire_condition(self, key: str) -> None:
        """Say that a condition is not in use any more."""
        self._sql.run("DELETE FROM conditions WHERE workspace_id = ? AND key = ?", (self._workspace, key))

    def backfills(self) -> list[Backfill]:
        """The backfills that are running, oldest first."""
        return Backfills(self._sql, self._workspace).running()

    def running_mentions(self, text: str) -> list[int]:
        """Campaigns of which somebody runs through a version that has a text in it, be it the newest version or not."""
        rows = self._sql.rows(
            """SELECT DISTINCT v.campaign_id FROM campaign_versions v
            WHERE v.workspace_id = ? AND v.body LIKE ? AND EXISTS (SELECT 1 FROM enrolments e
              WHERE e.workspace_id = v.workspace_id AND e.campaign_id = v.campaign_id AND e.version = v.version
                AND e.ended_at IS NULL)
            ORDER BY v.campaign_id""",
            (self._workspace, f'%"{text}"%'),
        )
        return [row[0] for row in rows]

    def scoring_rules(self) -> list[ScoringRule]:
        """All scoring rules, oldest first."""
        rows = self._sql.rows(
            f"SELECT {_RULE} FROM scoring_rules WHERE workspace_id = ? ORDER BY id", (self._workspace,)
        )
        return [_rule(row) for row in rows]

    def scoring_rule(self, rule_id: int) -> ScoringRule | None:
        """One scoring rule."""
        row = self._sql.row(
            f"SELECT {_RULE} FROM scoring_rules WHERE workspace_id = ? AND id = ?", (self._workspace, rule_id)
        )
        return _rule(row) if row else None

    def scoring_versions(self) -> list[ScoringRule]:
        """Every version of every scoring rule, also of deleted ones, oldest first.

        Their times are those of the version; names are not kept.
        """
        rows = self._sql.rows(
            """SELECT rule_id, '', version, 1, body, created_at, created_at FROM scoring_rule_versions
            WHERE workspace_id = ? AND body IS NOT NULL ORDER BY rule_id, version""",
            (self._workspace,),
        )
        return [_rule(row) for row in rows]

    def scoring_rule_ends(self) -> dict[int, int]:
        """When the deleted scoring rules were deleted."""
        rows = self._sql.rows(
            "SELECT rule_id, created_at FROM scoring_rule_versions WHERE workspace_id = ? AND body IS NULL",
            (self._workspace,),
        )
        return dict(rows)

    def put_scoring_rule(self, rule: ScoringRule) -> None:
        """Store a scoring rule and, when its version is new, keep that version."""
        body = _rule_body(rule)
        self._sql.run(
            f"""INSERT INTO scoring_rules (workspace_id, {_RULE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET name = excluded.name, version = excluded.version,
              active = excluded.active, body = excluded.body, updated_at = excluded.updated_at""",
            (
                self._workspace,
                rule.id,
                rule.name,
                rule.version,
                int(rule.active),
                body,
                rule.created_at,
                rule.updated_at,
            ),
        )
        self._sql.run(
            """INSERT INTO scoring_rule_versions (workspace_id, rule_id, version, body, created_at)
            VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, rule_id, version) DO NOTHING""",
            (self._workspace, rule.id, rule.version, body, rule.updated_at),
        )

    def remove_scoring_rule(self, rule_id: int, at: int) -> None:
        """Delete a scoring rule; its versions and ledger lines remain as history, with a last version of no body."""
        self._sql.run(
            """INSERT INTO scoring_rule_versions (workspace_id, rule_id, version, body, created_at)
            SELECT ?, id, version + 1, NULL, ? FROM scoring_rules WHERE workspace_id = ? AND id = ?""",
            (self._workspace, at, self._workspace, rule_id),
        )
        self._sql.run("DELETE FROM scoring_rules WHERE workspace_id = ? AND id = ?", (self._workspace, rule_id))

    def campaigns(self) -> list[Campaign]:
        """All campaigns, oldest first."""
        rows = self._sql.rows(
            f"SELECT {_CAMPAIGN} FROM campaigns WHERE workspace_id = ? ORDER BY id", (self._workspace,)
        )
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
            f"""INSERT INTO campaigns (workspace_id, {_CAMPAIGN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, id) DO UPDATE SET name = excluded.name, type = excluded.type,
              status = excluded.status, version = excluded.version, body = excluded.body,
              paused_at = excluded.paused_at,
              updated_at = excluded.updated_at, sweep = excluded.sweep""",
            (
                self._workspace, campaign.id, campaign.name, campaign.type, campaign.status, campaign.version, body,
                campaign.paused_at, campaign.created_at, campaign.updated_at, _sweep_text(campaign.sweep),
            ),
        )  # fmt: skip
        self._sql.run(
            """INSERT INTO campaign_versions (workspace_id, campaign_id, version, body, created_at)
            VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (workspace_id, campaign_id, version) DO UPDATE SET body = excluded.body""",
            (self._workspace, campaign.id, campaign.version, body, campaign.updated_at),
        )

    def campaign(self, campaign_id: int) -> Campaign | None:
        """One campaign."""
        row = self._sql.row(
            f"SELECT {_CAMPAIGN} FROM campaigns WHERE workspace_id = ? AND id = ?", (self._workspace, campaign_id)
        )
        return _campaign(row) if row else None

    def versions_in_use(self) -> list[tuple[int, int]]:
        """(campaign, version) of everything that can take somebody in, or has somebody in it."""
        rows = self._sql.rows(
            """SELECT v.campaign_id, v.version FROM campaign_versions v
            JOIN campaigns c ON c.workspace_id = v.workspace_id AND c.id = v.campaign_id
            WHERE v.workspace_id = ? AND (
              (v.version = c.version AND c.status IN ('ACTIVE', 'PAUSED')) OR EXISTS (
                SELECT 1 FROM enrolments e WHERE e.workspace_id = v.workspace_id AND e.campaign_id = v.campaign_id
                  AND e.version = v.version AND e.ended_at IS NULL))""",
            (self._workspace,),
        )
        return [(row[0], row[1]) for row in rows]

    def sweep(self, campaign_id: int) -> Sweep | None:
        """How far the work over a campaign's enrolments has come; None when there is none under way."""
        row = self._sql.row(
            "SELECT sweep FROM campaigns WHERE workspace_id = ? AND id = ?", (self._workspace, campaign_id)
        )
        return _sweep(row[0]) if row else None

    def keep_sweep(self, campaign_id: int, sweep: Sweep | None) -> None:
        """Say how far it has come, or (None) that it is done."""
        self._sql.run(
            "UPDATE campaigns SET sweep = ? WHERE workspace_id = ? AND id = ?",
            (_sweep_text(sweep), self._workspace, campaign_id),
        )

    def webhook_wishes(self) -> list[tuple[int, list[str]]]:
        """(endpoint, what it wants to hear of) of all for which what happens is noted."""
        rows = self._sql.rows(
            "SELECT id, kinds FROM webhook_endpoints WHERE workspace_id = ? AND status IN ('ACTIVE', 'PAUSED')",
            (self._workspace,),
        )
        return [(row[0], json.decode(row[1])) for row in rows]

    def message_limits(self) -> dict[str, Any] | None:
        """The quiet hours and frequency caps of the workspace, as they were saved; None when none ever were."""
        row = self._sql.row("SELECT body FROM message_limits WHERE workspace_id = ?", (self._workspace,))
        return json.decode(row[0]) if row else None

    def put_message_limits(self, limits: dict[str, Any]) -> None:
        """Save quiet hours and frequency caps."""
        self._sql.run(
            """INSERT INTO message_limits (workspace_id, body) VALUES (?, ?)
            ON CONFLICT (workspace_id) DO UPDATE SET body = excluded.body""",
            (self._workspace, json.encode_text(limits)),
        )

    def winners(self) -> dict[tuple[int, str], str]:
        """The branches that splits are decided for: (campaign, node) to branch."""
        rows = self._sql.rows(
            "SELECT campaign_id, node_id, winner FROM split_tests WHERE workspace_id = ? AND winner IS NOT NULL",
            (self._workspace,),
        )
        return {(row[0], row[1]): row[2] for row in rows}

    def remove_campaign(self, campaign_id: int) -> None:
        """Delete a campaign; its versions and enrolments remain as history."""
        self._sql.run("DELETE FROM campaigns WHERE workspace_id = ? AND id = ?", (self._workspace, campaign_id))
