package diagnosis

// words are groups of words that mean the same, in lower case, with ' for every quote: translations of the C library's
// messages, spellings of several tools, and what tells where an error comes from.
//
//nolint:misspell // other languages
var words = map[string][]string{
	// The C library's messages, in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Russian,
	// Japanese, Chinese; and as names.
	"nospace": {
		"espace disque est insuffisant", "nicht genug speicherplatz",
		"os error 28)", "errcode: 28", "got error 28 from storage", "0x80070070", "enospc)",
		"no space left on device", "no space left", "|enospc", "errno 28|", "errno=28|", "errno: 28|", "error number 28|", "oserror: [errno 28]",
		"kein speicherplatz mehr verfügbar", "kein platz mehr auf dem gerät", "nicht genügend speicherplatz auf dem datenträger",
		"aucun espace disponible", "plus d'espace disponible", "espace disque insuffisant", "espace insuffisant sur le disque",
		"no queda espacio en el dispositivo", "no hay espacio en el dispositivo", "no queda espacio", "espacio insuficiente en el disco",
		"spazio esaurito sul device", "spazio esaurito sul dispositivo", "spazio su disco insufficiente",
		"não há espaço disponível no dispositivo", "não há espaço", "espaço em disco insuficiente",
		"geen ruimte meer over op apparaat", "geen ruimte meer",
		"brak miejsca na urządzeniu", "brak wolnego miejsca na urządzeniu", "brak wolnego miejsca",
		"на устройстве не осталось свободного места", "не осталось свободного места", "нет места на устройстве", "недостаточно места на диске",
		"デバイスに空き領域がありません", "空き領域がありません", "ディスクに十分な空き領域がありません",
		"设备上没有空间", "设备上没有剩余空间", "磁盘空间不足", "裝置上已無多餘空間",
		"not enough space on the disk", "not enough disk space", "there is not enough space", "disk is full", "disk full", "the disk is full",
		"volume is full", "out of disk space", "filesystem full", "file system is full", "filesystem is full", "device full",
	},
	"quota": {
		"system error -122", "os error 122)", "errcode: 122",
		"disk quota exceeded", "quota exceeded (122)", "|edquot", "errno 122|", "block quota exceeded", "file limit reached", "user block limit reached",
		"plattenplatz (quota) ist überschritten", "quota überschritten", "quota d'espace disque", "débordement du quota d'espace disque", "quota disque dépassé",
		"se ha excedido la cuota de disco", "cuota de disco excedida", "quota disco superata", "quota del disco superata", "quota de disco excedida", "cota de disco excedida",
		"schijfquotum overschreden", "przekroczony limit dyskowy", "превышена дисковая квота", "ディスク使用量制限を超過", "超出磁盘限额", "超过磁盘配额",
	},
	"rofs": {
		"os error 30)", "errcode: 30", "errno: 30", "errno=30",
		"read-only file system", "read only file system", "readonly filesystem", "read-only filesystem", "|erofs", "errno 30|", "filesystem read-only", "file system read-only",
		"das dateisystem ist nur lesbar", "dateisystem ist nur lesbar", "système de fichiers accessible en lecture seulement", "système de fichiers en lecture seule",
		"sistema de ficheros de sólo lectura", "sistema de archivos de sólo lectura", "sistema de archivos de solo lectura", "file system in sola lettura",
		"sistema de arquivos somente para leitura", "sistema de arquivos somente leitura", "bestandssysteem is alleen-lezen", "alleen-lezen bestandssysteem",
		"system plików tylko do odczytu", "файловая система доступна только для чтения", "読み込み専用ファイルシステム", "读入系统为只读", "只读文件系统",
	},
	"ioerr": {
		"os error 5)", "errcode: 5 ",
		"input/output error", "i/o error", "errno 5]", "|eio:", "eingabe-/ausgabefehler", "erreur d'entrée/sortie", "error de entrada/salida", "errore di input/output",
		"erro de entrada/saída", "invoer-/uitvoerfout", "błąd wejścia/wyjścia", "ошибка ввода/вывода", "入力/出力エラーです", "输入/输出错误",
		"unrecovered read error", "medium error", "uncorrectable", "structure needs cleaning", "data error (cyclic redundancy check)", "bad sector", "{ unc }",
		"critical medium error", "i/o device error", "remote i/o error",
	},
	"denied": {
		"os error 13)", "errcode: 13", "0x80070005", "berechtigung verweigert", "os errno 13", "errno: 13", "errno=13",
		"permission denied", "|eacces", "errno 13]", "access is denied", "keine berechtigung", "permission non accordée", "permiso denegado", "permesso negato",
		"permissão negada", "toegang geweigerd", "brak dostępu", "отказано в доступе", "許可がありません", "权限不够", "拒绝访问", "zugriff verweigert", "accès refusé", "acceso denegado", "accesso negato",
	},
	"notpermitted": {
		"operation not permitted", "|eperm", "die operation ist nicht erlaubt", "opération non permise", "operación no permitida", "operazione non permessa",
		"operação não permitida", "bewerking niet toegestaan", "operacja niedozwolona", "операция не позволена", "許可されていない操作です", "不允许的操作", "不允许操作",
	},
	"nofile": {
		"errno: 2]", "os error 2)", "errcode: 2 ", "errno 2]", "nosuchfileexception", "errno: 2 ", "filenotfoundexception",
		"no such file or directory", "|enoent", "datei oder verzeichnis nicht gefunden", "aucun fichier ou dossier de ce type", "aucun fichier ou répertoire de ce nom",
		"no existe el archivo o el directorio", "no existe el fichero o el directorio", "file o directory non esistente", "arquivo ou diretório inexistente", "arquivo ou diretório não encontrado",
		"ficheiro ou pasta inexistente", "bestand of map bestaat niet", "nie ma takiego pliku ani katalogu", "нет такого файла или каталога",
		"そのようなファイルやディレクトリはありません", "没有那个文件或目录", "沒有此一檔案或目錄", "cannot find the path specified", "cannot find the file specified",
		"could not find a part of the path", "das system kann den angegebenen pfad nicht finden", "no such directory",
	},
	"refused": {
		"os error 111)", "connectionrefusederror", "actively refused", "error 111. connection refused",
		"connection refused", "|econnrefused", "errno 111]", "actively refused it", "verbindungsaufbau abgelehnt", "connexion refusée", "connessione rifiutata",
		"conexión rehusada", "conexión rechazada", "conexão recusada", "verbinding is geweigerd", "połączenie odrzucone", "в соединении отказано", "接続を拒否されました", "拒绝连接", "连接被拒绝",
	},
	"timedout": {
		"execution expired", "os error 110)", "socket read operation has timed out", "connect: operation timed out", "connection attempt timed out", "net::ssh::connectiontimeout",
		"connection timed out", "operation timed out", "i/o timeout", "|etimedout", "errno 110]", "connect timeout", "connection timeout", "connect timed out", "connecttimeout", "timed out while connecting", "connection attempt failed because the connected party did not properly respond",
		"die wartezeit für die verbindung ist abgelaufen", "connexion terminée par expiration du délai d'attente", "tiempo de expiración de la conexión", "expiró el tiempo de conexión", "connessione scaduta",
		"tempo esgotado para conexão", "tempo limite da conexão", "verbinding is verlopen", "przekroczony czas oczekiwania na połączenie", "время ожидания соединения истекло", "接続がタイムアウトしました", "连接超时",
	},
	"noroute": {
		"os error 113)", "errno 113",
		"no route to host", "|ehostunreach", "errno 113]", "keine route zum zielrechner", "aucun chemin d'accès pour atteindre l'hôte cible", "no existe ninguna ruta hasta el",
		"nessun instradamento per l'host", "não há rota para o host", "geen route naar", "brak trasy do hosta", "нет маршрута до узла", "ホストへの経路がありません", "没有到主机的路由",
	},
	"netunreach": {
		"os error 101)",
		"network is unreachable", "|enetunreach", "errno 101]", "das netzwerk ist nicht erreichbar", "le réseau n'est pas accessible", "la red es inaccesible", "rete non raggiungibile", "rede inacessível",
		"netwerk is onbereikbaar", "sieć jest niedostępna", "сеть недоступна", "ネットワークに届きません", "网络不可达",
	},
	"nameres": {
		"nameresolutionfailure", "could not resolve:", "resolving a server hostname", "error resolving host", "error resolving name", "error resolving address", "name or service not known", "temporary failure in name resolution", "nodename nor servname provided", "no such host", "|enotfound", "eai_again", "could not resolve host", "couldn't resolve host", "unable to resolve host",
		"name does not resolve", "name resolution failure", "unknownhostexception", "gaierror", "server misbehaving", "failed to resolve", "dns resolution failed", "dns lookup failed", "nxdomain", "no address associated with hostname", "failure in name resolution",
		"could not be resolved", "nameresolutionerror", "dns_probe", "wget: bad address", "unknown host", "failed to lookup address", "php_network_getaddresses", "no address associated with name",
		"name oder dienst nicht bekannt", "der name oder der dienst ist nicht bekannt", "nom ou service inconnu", "nombre o servicio desconocido", "nome o servizio sconosciuto", "nome ou serviço desconhecido", "naam of dienst is niet bekend", "nieznana nazwa lub usługa",
		"имя или служба не известны", "временный сбой в разрешении имен", "temporärer fehler bei der namensauflösung", "échec temporaire dans la résolution du nom", "fallo temporal en la resolución del nombre", "名前またはサービスが不明です", "未知的名称或服务", "域名解析暂时失败",
	},
	"reset": {
		"os error 104)", "software caused connection abort", "connection aborted by the software", "established connection was aborted",
		"connection reset by peer", "connection reset", "|econnreset", "errno 104]", "forcibly closed by the remote host", "connection was reset", "die verbindung wurde vom kommunikationspartner zurückgesetzt", "connexion ré-initialisée par le correspondant",
		"conexión reinicializada por la máquina remota", "connessione interrotta dal corrispondente", "соединение разорвано другой стороной", "接続が相手からリセットされました", "对方重设连接", "连接被对方重设",
	},
	"pipe": {
		"os error 32)",
		"broken pipe", "|epipe", "errno 32]", "datenübergabe unterbrochen", "relais brisé (pipe)", "tubería rota", "pipe interrotta", "pipe quebrado", "обрыв канала", "断开的管道",
	},
	"nomem": {
		"os error 12)",
		"cannot allocate memory", "|enomem", "errno 12]", "nicht genügend hauptspeicher verfügbar", "kann nicht genügend speicher", "der speicher kann nicht angefordert werden", "impossible d'allouer de la mémoire", "no se pudo asignar memoria", "no se puede asignar memoria", "impossibile allocare memoria",
		"não foi possível alocar memória", "kan geen geheugen reserveren", "nie można przydzielić pamięci", "не удалось выделить память", "невозможно выделить память", "メモリを確保できません", "无法分配内存",
	},
	"nocommand": {
		"command not found", "not recognized as an internal or external command", "executable file not found in", "executable file not found", "befehl nicht gefunden", "kommando nicht gefunden", "commande introuvable", "orden no encontrada", "no se encontró la orden", "comando non trovato",
		"comando não encontrado", "opdracht niet gevonden", "nie znaleziono polecenia", "команда не найдена", "コマンドが見つかりません", "未找到命令", "找不到命令", "no se reconoce como un comando interno", "ist entweder falsch geschrieben oder konnte nicht gefunden werden",
		"n'est pas reconnu en tant que commande", "remote command not found", "is not recognized as the name of a cmdlet", "no such command", "exit code 127|", "exit status 127|", "exitcode 127|", "exited with code 127|", "(code 127)", "status 127|", "unknown command 'borg'",
		"не является внутренней или внешней", "nie jest rozpoznawana jako",
	},

	// Where an error comes from.
	"ssh": {
		"sshnet", "|ssh:|", "|ssh|", "sshd", "openssh", "port 22|", ":22:", ":22|", "|sftp|", "sftp:", "publickey", "paramiko", "jsch", "known_hosts", "kex_exchange", "borg", "rsync", "|scp|", "host key", "ssh2", "phpseclib", "ssh_exchange", "port 2222|", "port 23:", "your-storagebox.de", "lost connection",
	},
	"s3": {
		"s3cmd", "s3tools", "s3request", "gsutil", "resumableupload", "put 'http", "post 'http", "get 'http", "head 'http", "delete 'http", "port 443|", ":443", "rest:http", "unexpected http response", "server response unexpected", "|ftp", "kopia", "swift.", "oss-",
		"|s3|", "s3:", "s3.", "amazonaws", "bucket", "minio", "|mc:|", "putobject", "getobject", "uploadpart", "headobject", "listobjects", "completemultipart", "multipart upload", "createmultipart", "r2.cloudflarestorage", "backblaze", "|b2|", "b2_", "b2api", "digitaloceanspaces", "wasabi", "storage.googleapis",
		"googleapi", "gs://", "blob.core.windows", "azure", "azblob", "rclone", "|upload", "object storage", "object store", "scw.cloud", "dropbox", "drive.google", "googleapis.com", "onedrive", "webdav", "botocore", "boto3", "awscli", "endpoint url", "offsite", "status code: ", "request id:", "statuscode:", "api error",
		"amazons3", "objectstorage", "gdrive", "graph.microsoft", "remote repository", "rest-server", "|swift|", "|duplicati", "hetzner.com", "your-objectstorage", ":9000", "backup write data", "proxmox backup server", "|pbs|",
	},
	"db": {
		"gbak", "firebird", "neo4j", "influx", "cassandra", "clickhouse", "couchdb", "sqlclient", "mysql", "mariadb", "postgres", "pg_dump", "pg_basebackup", "psql", "mongo", "sqlstate", "sqlite", "redis", "port 5432", "port 3306", ":5432", ":3306", ":27017", "database", "pgbackrest", "innodb", "|pdo", "mydumper", "xtrabackup", "libpq", "|sql|",
	},
	"docker": {"docker", "container", "podman", "response from daemon", "containerd", "kubectl", "kubelet", "|oci|", "|pod|", "pods "},
	"pull":   {"pull", "registry", "docker.io", "ghcr.io", "quay.io", "manifest", "helper image"},
	"gpg":    {"gpg:", "gnupg", "gpgerror"},
	"tar":    {"|tar:", "tar failed", "tar exited", "|tar|", "bsdtar", "gtar:"},
	"pooler": {"pgbouncer", "pooler", "pgcat", "odyssey", "supavisor", "port 6432", "port 6543", ":6543", ":6432", "-pooler."},
	"cron":   {"cron", "schedule", "crontab"},

	// What somebody says of a line.
	// That a reason is told, whatever it is.
	"reason": {"exception: ", "exception in", "caused by", "due to", "unable to", "cannot ", "can't ", "not found", "invalid", "denied", "http error", "status code", "statuscode", "unsupported", "expected", "refused", "missing", "mismatch", "too large", "too long", "forbidden", "unauthorized", "canceled", "cancelled", "already", "in use", "redirect"},
	"soft":   {"could not change directory to", "/.gvfs", "|warning", "|warn|", "level=info", "level=debug", "|notice|", "|debug", "|[info]|", "|info:", " info ", "retrying", "will retry", "low level retry", "skipping", "ignored", "debug1:", "debug2:"},
	"hard":   {"|error", "|fatal", "failed", "failure", "|panic", "critical", "|cannot ", "can't ", "unable to", "level=error", "aborting", "giving up", "exception"},
	"notice": {"swiftmailer", "expected response code", "connection could not be established with host", "monitor hook", "healthchecks", "no mta installed", "notification", "notify:", "to notify", "not notify", "notify via", "notify because", "|smtp", "sendmail", "send mail", "send email", "sending email", "send e-mail", "telegram", "slack", "discord", "|webhook", "healthchecks.io", "hc-ping", "ntfy", "gotify", "pushover", "swift_transport", "mailer", "to controller", "status to ", "backup's final status", "backup status", "uptime kuma", "apprise", "shoutrrr"},
	"done":   {"successfully", "successful", "success", "completed", "backup done", "backup finished", "finished ok", "backup ok", "erfolgreich", "terminé", "завершено"},
	"fails":  {"failed", "failure", "|fail|", "|error", "fehlgeschlagen", "échoué", "échec", "falló", "fallito", "fehler"},

	"namedfile": {"no such file or directory: "},
	"barename":  {"\x01bare name"}, // set by the reader: no text has it
	"locksince": {"lock was created at"},
	"oldlock":   {"\x01old lock"}, // set by the reader: no text has it
	"exit137":   {"status=9/kill", "exit_status=137", "exit code 137|", "exit code: 137|", "exit status 137|", "exited with 137|", "exitcode 137|", "exited with code 137|", "return code 137|", "error 137|", "status 137|", "exitcode': 137|", "rc=137|", "(137)", "code=137", "exitcode=137", "exit 137|", "returned 137|", "code 137|"},
	"signal9":   {"signal: killed", "signal 9|", "sigkill", "(signal: 9", "killed by signal 9", "terminated by signal 9", "getötet", "processus arrêté", "terminado (killed)", "убито", "强制终了", "已杀死"},
	"empty":     {"size: 0 b", "size 0 b", "size: 0 kb", "size: 0 mb", "|0 bytes", "|0b|", "size=0|", "backup size: 0|", "|0 b|", "20 bytes", "zero bytes", "zero-byte", "0 byte", "d41d8cd98f00b204e9800998ecf8427e", "0 files", "empty file", "is empty", "|0 kb|", "|0.00 b|", "|0.0 b|"},
	"harmless":  {"using a password on the command line interface can be insecure", "deprecated program name", "removing leading '/' from", "removing leading '/'", "circular foreign-key constraints", "permanently added", "uploaded to s3", "socket ignored", "config file '/root/.config/rclone/rclone.conf' not found - using defaults", "pseudo-terminal will not be allocated", "insecure world writable dir", "post-quantum key exchange", "file is unchanged"},
}
