INSERT INTO servers (id, name, host, port, login_user, host_key, record_host_key, recorded_host_key, backup_dir, privilege,
  environment, connect_timeout, keepalive, key_source, public_key, sealed_key, created_at, updated_at, deleted_at, version)
VALUES ('srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A', 'web-1', '203.0.113.10', 2222, 'cloudpilot', '', 1, 'ssh-ed25519 AAAA', '/var/backups/cloudpilot', 'none',
  'production', 10000, 15000, 'generated', 'ssh-ed25519 BBBB', 'v1:sealed', 1772330400000, 1772330400000, 0, 1);

INSERT INTO activities (id, type, target_id, server_id, title, status, steps_json, created_at, finished_at)
VALUES ('act_01JD3V8Q5R6S7T8V9W0X1Y2Z3A', 'backup.create', 'bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A', 'srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A', 'Backup of web-1', 'completed', '[]', 1772330400000, 1772330401000);

INSERT INTO backups (id, server_id, server_name, dir, type, files_json, retention_days, status, started_by, managed, activity_id,
  created_at, started_at, finished_at, expires_at, deleted_at, delete_reason, on_server, path, size_bytes, sha256, entries,
  warnings_json, failure_json, output, job_json, progress_json, step, next_step_at, lease_until, attempt, cancel_at,
  unreachable_from, holder, held_until)
VALUES ('bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A', 'srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A', 'web-1', '/var/backups/cloudpilot', 'files',
  '{"include":["/etc","/srv/a b"],"exclude":["*.log"]}', 30, 'completed', 'manual', 1, 'act_01JD3V8Q5R6S7T8V9W0X1Y2Z3A',
  1772330400000, 1772330400500, 1772330401000, 1774922400000, 0, '', 1, '/var/backups/cloudpilot/bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A/archive.tar.gz',
  4096, 'ab', 7, 'null', 'null', '', '{"pid":4,"start_time":5,"boot_id":"b"}', '{}', '', 0, 0, 3, 0, 0, '', 0);
