-- Enrolments that wait, and campaigns whose enrolments are being let go again.

-- When the node it stands on stops waiting of itself; `wake_at` may be earlier, when a rule could change before.
ALTER TABLE enrolments ADD COLUMN deadline bigint;

-- Work over all running enrolments of a campaign, under way: JSON, see model.campaign.Sweep.
ALTER TABLE campaigns ADD COLUMN sweep text COLLATE "C";
CREATE INDEX campaigns_sweeping ON campaigns (workspace_id, id) WHERE sweep IS NOT NULL;

CREATE INDEX enrolments_running ON enrolments (workspace_id, campaign_id, version, id) WHERE ended_at IS NULL;
