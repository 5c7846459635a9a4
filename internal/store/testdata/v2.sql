INSERT INTO tokens (id, name, role, hash, created_at, expires_at, last_used_at, revoked_at)
VALUES ('tok_01JD3V8Q5R6S7T8V9W0X1Y2Z3A', 'ci', 'member', 'abcd', 1772330400000, 0, 1772330401000, 0);

INSERT INTO activities (id, type, target_id, server_id, title, status, steps_json, created_at, finished_at)
VALUES ('act_01JD3V8Q5R6S7T8V9W0X1Y2Z3B', 'backup.create', 'bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3B', 'srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A', 'Backup of web-1', 'running', '[]', 1772330500000, 0);

-- One that is being made.
INSERT INTO backups (id, server_id, server_name, dir, type, files_json, retention_days, status, started_by, managed, activity_id,
  created_at, started_at, finished_at, expires_at, deleted_at, delete_reason, on_server, path, size_bytes, sha256, entries,
  warnings_json, failure_json, output, job_json, progress_json, step, next_step_at, lease_until, attempt, cancel_at,
  unreachable_from, holder, held_until)
VALUES ('bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3B', 'srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A', 'web-1', '/var/backups/cloudpilot', 'files',
  '{"include":["/etc"]}', 30, 'running', 'manual', 0, 'act_01JD3V8Q5R6S7T8V9W0X1Y2Z3B',
  1772330500000, 1772330500500, 0, 1774922500000, 0, '', 1, '', 0, '', 0,
  'null', 'null', '', '{"pid":6,"start_time":7,"boot_id":"b"}', '{}', 'watch', 1772330501000, 0, 4, 0, 0, '', 0);
