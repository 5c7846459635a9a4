INSERT INTO runs (schedule_id, due_at, outcome, reason, backup_id, caught_up_by, last_at, due_times, decided_at) SELECT id, 1767225600000, 'skipped', 'paused', '', 0, 1767225600000, 1, 1767225601000 FROM schedules;
UPDATE schedules SET wake_at = 1;
