ALTER TABLE backups ADD COLUMN retry_of TEXT NOT NULL DEFAULT '';
ALTER TABLE backups ADD COLUMN tries_json TEXT NOT NULL DEFAULT 'null';
ALTER TABLE backups ADD COLUMN moved_at BIGINT NOT NULL DEFAULT 0;

-- What is left on servers of backups that are over.
CREATE INDEX backups_left ON backups (id) WHERE on_server = 1 AND next_step_at = 0 AND (status = 'failed' OR deleted_at > 0);
