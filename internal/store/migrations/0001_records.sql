-- Times are milliseconds since 1970 in UTC, 0 where there is none. Texts named *_json hold one JSON value.

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE servers (
  id                TEXT PRIMARY KEY,
  name              TEXT NOT NULL,
  host              TEXT NOT NULL,
  port              BIGINT NOT NULL,
  login_user        TEXT NOT NULL,
  host_key          TEXT NOT NULL,
  record_host_key   BIGINT NOT NULL,
  recorded_host_key TEXT NOT NULL,
  backup_dir        TEXT NOT NULL,
  privilege         TEXT NOT NULL,
  environment       TEXT NOT NULL,
  connect_timeout   BIGINT NOT NULL,
  keepalive         BIGINT NOT NULL,
  key_source        TEXT NOT NULL,
  public_key        TEXT NOT NULL,
  sealed_key        TEXT NOT NULL,
  created_at        BIGINT NOT NULL,
  updated_at        BIGINT NOT NULL,
  deleted_at        BIGINT NOT NULL,
  version           BIGINT NOT NULL
);
CREATE UNIQUE INDEX servers_by_name ON servers (name) WHERE deleted_at = 0;

CREATE TABLE backups (
  id               TEXT PRIMARY KEY,
  server_id        TEXT NOT NULL REFERENCES servers (id),
  server_name      TEXT NOT NULL,
  dir              TEXT NOT NULL,
  type             TEXT NOT NULL,
  files_json       TEXT NOT NULL,
  retention_days   BIGINT NOT NULL,
  status           TEXT NOT NULL,
  started_by       TEXT NOT NULL,
  managed          BIGINT NOT NULL,
  activity_id      TEXT NOT NULL,
  created_at       BIGINT NOT NULL,
  started_at       BIGINT NOT NULL,
  finished_at      BIGINT NOT NULL,
  expires_at       BIGINT NOT NULL,
  deleted_at       BIGINT NOT NULL,
  delete_reason    TEXT NOT NULL,
  on_server        BIGINT NOT NULL,
  path             TEXT NOT NULL,
  size_bytes       BIGINT NOT NULL,
  sha256           TEXT NOT NULL,
  entries          BIGINT NOT NULL,
  warnings_json    TEXT NOT NULL,
  failure_json     TEXT NOT NULL,
  output           TEXT NOT NULL,
  job_json         TEXT NOT NULL,
  progress_json    TEXT NOT NULL,
  step             TEXT NOT NULL,
  next_step_at     BIGINT NOT NULL,
  lease_until      BIGINT NOT NULL,
  attempt          BIGINT NOT NULL,
  cancel_at        BIGINT NOT NULL,
  unreachable_from BIGINT NOT NULL,
  holder           TEXT NOT NULL,
  held_until       BIGINT NOT NULL
);
CREATE INDEX backups_by_server ON backups (server_id, id);
CREATE INDEX backups_due ON backups (next_step_at) WHERE next_step_at > 0;

CREATE TABLE activities (
  id          TEXT PRIMARY KEY,
  type        TEXT NOT NULL,
  target_id   TEXT NOT NULL,
  server_id   TEXT NOT NULL,
  title       TEXT NOT NULL,
  status      TEXT NOT NULL,
  steps_json  TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  finished_at BIGINT NOT NULL
);
CREATE INDEX activities_by_target ON activities (target_id, id);
CREATE INDEX activities_by_server ON activities (server_id, id);

CREATE TABLE activity_lines (
  activity_id TEXT NOT NULL REFERENCES activities (id),
  seq         BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  step        TEXT NOT NULL,
  text        TEXT NOT NULL,
  PRIMARY KEY (activity_id, seq)
);

CREATE TABLE idempotency_keys (
  key         TEXT PRIMARY KEY,
  digest      TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  created_at  BIGINT NOT NULL
);
