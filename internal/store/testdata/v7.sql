UPDATE backups SET retry_of = 'bk_00000000000000000000000000', moved_at = 1767225600000,
  tries_json = '[{"at":"2026-01-01T00:00:00Z","stage":"connect","fact":"connection_refused","text":"connection refused","attempt":1,"evidence":{}}]' WHERE size_bytes = 4096;
