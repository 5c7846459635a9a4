ALTER TABLE servers ADD COLUMN maintenance_json TEXT NOT NULL DEFAULT 'null';

ALTER TABLE schedules ADD COLUMN pause_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE schedules ADD COLUMN paused_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE schedules ADD COLUMN overlap TEXT NOT NULL DEFAULT 'skip';
ALTER TABLE schedules ADD COLUMN missed_runs TEXT NOT NULL DEFAULT 'run_latest';
ALTER TABLE schedules ADD COLUMN max_missed_runs BIGINT NOT NULL DEFAULT 10;
ALTER TABLE schedules ADD COLUMN start_deadline BIGINT NOT NULL DEFAULT 0;
ALTER TABLE schedules ADD COLUMN jitter BIGINT NOT NULL DEFAULT 0;
ALTER TABLE schedules ADD COLUMN blackouts_json TEXT NOT NULL DEFAULT 'null';
-- How far its due times are decided. 0: not begun, so that a schedule kept before there was a dispatcher owes nothing.
ALTER TABLE schedules ADD COLUMN decided_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE schedules ADD COLUMN owed_json TEXT NOT NULL DEFAULT 'null';
ALTER TABLE schedules ADD COLUMN back_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE schedules ADD COLUMN wake_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE schedules ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;
UPDATE schedules SET wake_at = 1 WHERE deleted_at = 0;
CREATE INDEX schedules_by_wake ON schedules (wake_at) WHERE wake_at > 0;

ALTER TABLE backups ADD COLUMN schedule_id TEXT NOT NULL DEFAULT '';
ALTER TABLE backups ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX backups_by_schedule ON backups (schedule_id, status, finished_at) WHERE schedule_id <> '';

-- One row for each due time of a schedule. The key is why no due time starts twice.
CREATE TABLE runs (
  schedule_id  TEXT NOT NULL REFERENCES schedules (id),
  due_at       BIGINT NOT NULL,
  outcome      TEXT NOT NULL,
  reason       TEXT NOT NULL,
  backup_id    TEXT NOT NULL,
  caught_up_by BIGINT NOT NULL,
  last_at      BIGINT NOT NULL,
  due_times    BIGINT NOT NULL,
  decided_at   BIGINT NOT NULL,
  told         BIGINT NOT NULL DEFAULT 0, -- that its backup did not begin in time
  PRIMARY KEY (schedule_id, due_at)
);
CREATE INDEX runs_by_backup ON runs (backup_id) WHERE backup_id <> '';

CREATE TABLE dispatchers (
  id      TEXT PRIMARY KEY,
  seen_at BIGINT NOT NULL
);
