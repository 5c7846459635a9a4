ALTER TABLE backups ADD COLUMN databases_json TEXT NOT NULL DEFAULT 'null';
CREATE INDEX backups_overview ON backups (server_id, status, type, deleted_at, size_bytes, finished_at);
