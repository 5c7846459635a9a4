UPDATE backups SET type = 'database', files_json = '{"include":null}', databases_json = '[{"engine":"postgresql","name":"app"}]'
WHERE id = 'bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3B';
