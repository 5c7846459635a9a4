INSERT INTO meta (name, value) VALUES ('key_check', 'v1:sealed');

UPDATE backups SET placed = 1 WHERE next_step_at > 0;
