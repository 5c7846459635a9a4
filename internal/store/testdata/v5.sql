INSERT INTO schedules (id, server_id, name, type, files_json, databases_json, retention_days, cron, timezone, paused, vault_id, encrypted, incremental, created_at, updated_at, deleted_at, version)
SELECT 'sch_01JD3V8Q5R6S7T8V9W0X1Y2Z3E', id, 'nightly', 'files', '{"include":["/etc"]}', 'null', 30, '30 2 * * *', 'UTC', 0, '', 0, 0, 1700000000000, 1700000000000, 0, 1 FROM servers LIMIT 1;
