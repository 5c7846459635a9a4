ALTER TABLE servers ADD COLUMN max_concurrent_backups BIGINT NOT NULL DEFAULT 1;

-- Whether a backup has a place among those made on its server at a time. Those under way have theirs.
ALTER TABLE backups ADD COLUMN placed BIGINT NOT NULL DEFAULT 0;
UPDATE backups SET placed = 1 WHERE next_step_at > 0;
CREATE INDEX backups_unfinished ON backups (server_id, id) WHERE next_step_at > 0;
