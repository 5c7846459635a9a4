CREATE TABLE schedules (
  id             TEXT PRIMARY KEY,
  server_id      TEXT NOT NULL REFERENCES servers (id),
  name           TEXT NOT NULL,
  type           TEXT NOT NULL,
  files_json     TEXT NOT NULL,
  databases_json TEXT NOT NULL,
  retention_days BIGINT NOT NULL,
  cron           TEXT NOT NULL,
  timezone       TEXT NOT NULL,
  paused         BIGINT NOT NULL,
  vault_id       TEXT NOT NULL,
  encrypted      BIGINT NOT NULL,
  incremental    BIGINT NOT NULL,
  created_at     BIGINT NOT NULL,
  updated_at     BIGINT NOT NULL,
  deleted_at     BIGINT NOT NULL,
  version        BIGINT NOT NULL
);
CREATE UNIQUE INDEX schedules_by_name ON schedules (server_id, name) WHERE deleted_at = 0;
