# Databases for the job of backup.sh, in front of which this stands where a backup has some.
# The same rules hold: POSIX sh, and nothing from outside becomes shell text or an option.
#
# A database arrives as one line "engine,name,run_as,user,host,port,globals,." whose fields are
# encoded like every parameter, and a comma in them too. take_database checks and decodes it.
# probe_database looks, and says in $state what is in the way: the check before a backup asks it,
# and the job again before each dump. Dumps are staged in staging/databases, each is read to
# its end before it counts, and they go into the archive with staging/manifest.json.
# shellcheck shell=sh
# shellcheck disable=SC2154 # what backup.sh sets
# shellcheck disable=SC2034 # what backup.sh reads

PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-15} # seconds
export PGCONNECT_TIMEOUT

take_database() { # LINE
  IFS=,
  # shellcheck disable=SC2086
  set -- $1
  unset IFS
  [ $# -eq 8 ] && [ "$8" = . ] || return 1
  engine=$1 port=$6 globals=$7
  decode "$2" && name=$decoded
  decode "$3" && run_as=$decoded
  decode "$4" && user=$decoded
  decode "$5" && host=$decoded
  case $engine in
  postgresql | mysql | mariadb) served_name "$name" || return 1 ;;
  sqlite) case $name in /*) ;; *) return 1 ;; esac ;;
  *) return 1 ;;
  esac
  [ -z "$user" ] || served_name "$user" || return 1
  case $run_as in [!A-Za-z_]* | *[!A-Za-z0-9_.-]*) return 1 ;; esac
  case $host in -* | *[!A-Za-z0-9_.:%/-]*) return 1 ;; esac
  is_number "$port"
}

# Nothing that a client would take for an option or a connection string.
served_name() { case $1 in '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.\$\ -]*) return 1 ;; esac; }

# --- the account ---------------------------------------------------------------

own_account() { [ -z "$run_as" ] || [ "$run_as" = "$(id -un)" ]; }

# switch TEXT TOOL ARGUMENT...: TEXT is one of the constants below. sudo even for root, so that one
# rule describes it; a root without sudo needs no rule.
switch() {
  text=$1
  shift
  if [ "$(id -u)" = 0 ] && ! command -v sudo >/dev/null 2>&1; then
    su -s /bin/sh -c "$text" -- "$run_as" sh "$@"
  else
    sudo -n -H -u "$run_as" -- /bin/sh -c "$text" sh "$@"
  fi
}

# The folder we are in is closed to other accounts, and some tools complain about that.
# shellcheck disable=SC2016
plainly='umask 077; LC_ALL=C; PGCONNECT_TIMEOUT=15; export LC_ALL PGCONNECT_TIMEOUT; cd /; exec "$@"'

# We may not signal what runs under another account. So it holds on to its standard input,
# and ends the tool when the process at the other end is gone.
# shellcheck disable=SC2016
held='umask 077; LC_ALL=C; PGCONNECT_TIMEOUT=15; export LC_ALL PGCONNECT_TIMEOUT; cd /; exec 3<&0 </dev/null
"$@" 3<&- & tool=$!
{ cat <&3; kill -s TERM $tool; } >/dev/null 2>&1 & hold=$!
exec 3<&-
wait $tool; status=$?
kill -s KILL $hold 2>/dev/null
exit $status'

# as TOOL ARGUMENT...: a question, answered soon.
as() {
  if own_account; then "$@" </dev/null; else switch "$plainly" "$@" </dev/null; fi
}

# as_held TOOL ARGUMENT...: what takes long, in the job's own folder.
as_held() {
  if own_account; then
    "$@" </dev/null
    return
  fi
  rm -f hold.fifo
  mkfifo hold.fifo || return 1
  sleep 2147483647 >hold.fifo 2>/dev/null 3>&- &
  holder=$!
  (switch "$held" "$@") <hold.fifo
  held_status=$?
  kill -s KILL $holder 2>/dev/null
  wait $holder 2>/dev/null
  rm -f hold.fifo
  return $held_status
}

# to_server COMMAND...: with the options that say where the database is and who asks.
to_server() {
  case $engine in
  postgresql)
    [ -z "$host" ] || set -- "$@" "--host=$host"
    [ -z "$user" ] || set -- "$@" "--username=$user"
    ;;
  *)
    case $host in
    '') ;;
    /*) set -- "$@" "--socket=$(mysql_socket)" ;;
    *) set -- "$@" "--host=$host" ;;
    esac
    [ -z "$user" ] || set -- "$@" "--user=$user"
    ;;
  esac
  [ "$port" -eq 0 ] || set -- "$@" "--port=$port"
  "$@"
}

mysql_socket() {
  for socket in mysqld.sock mysql.sock mariadb.sock; do
    if [ -S "$host/$socket" ]; then break; fi
    socket=mysqld.sock
  done
  printf '%s' "$host/$socket"
}

# --- what is in the way ----------------------------------------------------------

# The first that is in the way ends it, and so does time: what was not looked at now, the job looks at.
check_databases() {
  deadline=$(($(date +%s) + 30)) state=ok
  for line in $databases; do
    take_database "$line" || fail 'a database was not understood'
    if [ "$state" = ok ] && [ "$(date +%s)" -lt "$deadline" ]; then probe_database; else nothing_known skipped; fi
    is_number "$database_size" || database_size=-1
    printf 'db_state=%s\ndb_detail=%s\ndb_login=%s\ndb_server=%s\ndb_tool=%s\ndb_client=%s\ndb_size=%s\ndb_tables=%s\ndb_unseen=%s\n' \
      "$state" "$detail" "$login" "$server_version" "$dump_tool" "$client_version" "$database_size" "$tables" "$unseen"
  done
}

nothing_known() {
  state=$1 detail='' database_size=-1 tables='' unseen=''
  login='' server_version='' # of the server
  dump_tool='' client_version=''
}

probe_database() {
  nothing_known ok
  if ! own_account && ! message=$(as printf ok 2>&1); then
    in_the_way account "$message"
    return
  fi
  case $engine in
  postgresql) probe_postgresql ;;
  sqlite) probe_sqlite ;;
  *) probe_mysql ;;
  esac
}

in_the_way() { # STATE WORDS
  state=$1
  detail=$(one_line "$2")
}

# A version as it may stand in an answer.
version_word() {
  case $1 in
  *-MariaDB*) set -- "${1%%-MariaDB*}-MariaDB" ;; # the rest is its package's
  *) set -- "${1%%[+ ]*}" ;;
  esac
  printf '%s' "$1" | tr -cd 'A-Za-z0-9.-' | head -c 40
}

# told N: the Nth field of what the server answered. Our line stands among whatever else its client says.
told() {
  rest=$(printf '%s\n' "$answer" | sed -n 's/^cloudaipilot|//p' | head -n 1)
  field=1
  while [ $field -lt "$1" ]; do
    rest=${rest#*|} field=$((field + 1))
  done
  printf '%s' "${rest%%|*}"
}

postgresql_question="SELECT 'cloudaipilot|' || current_setting('server_version_num') || '|' ||
  current_setting('server_version') || '|' || pg_database_size(current_database()) || '|' ||
  has_table_privilege('pg_catalog.pg_authid', 'SELECT') || '|' || replace(current_user, '|', ' ') || '|' ||
  (SELECT coalesce(string_agg(t, ', '), '') FROM (
    SELECT format('%I.%I', n.nspname, c.relname) AS t FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
    ORDER BY 1 LIMIT 5) unreadable)"

probe_postgresql() {
  psql=$(command -v psql) || psql=$(postgresql_tools psql | tail -n 1)
  if [ -z "$psql" ]; then
    in_the_way tool_missing psql
    return
  fi
  if ! answer=$(to_server as "$psql" --no-psqlrc --no-password --tuples-only --no-align --quiet \
    "--dbname=$name" "--command=$postgresql_question" 2>&1); then
    in_the_way connect "$answer"
    return
  fi
  server_major=$(told 1)
  is_number "$server_major" || server_major=0
  server_major=$((server_major / 10000))
  server_version=$(version_word "$(told 2)")
  database_size=$(told 3)
  login=$(one_line "$(told 5)")
  tables=$(one_line "$(told 6)")
  if [ -n "$tables" ]; then
    in_the_way rights "no right to read $tables"
    return
  fi
  role_passwords=1
  case $globals$(told 4) in 1f*)
    role_passwords=0
    unseen=roles
    ;;
  esac
  choose_pg_dump
}

# Debian keeps each version apart, and so does the PostgreSQL project's repository for RPM.
postgresql_tools() { # TOOL
  (
    set +f
    for tool in /usr/pgsql-*/bin/"$1" /usr/lib/postgresql/*/bin/"$1"; do
      [ -x "$tool" ] && printf '%s\n' "$tool"
    done
  )
}

# The same version as the server where there is one, because its dump goes back without questions;
# else the newest of those above.
choose_pg_dump() {
  pg_dump='' best=0 client_version=''
  consider_pg_dump "$(command -v pg_dump)"
  for tool in $(postgresql_tools pg_dump); do consider_pg_dump "$tool"; done
  if [ -z "$pg_dump" ]; then
    in_the_way tool_missing pg_dump
  elif [ "$best" -lt "$server_major" ]; then
    in_the_way client_old "pg_dump is $client_version, the server is $server_version"
  else
    pg_restore=$(beside_pg_dump pg_restore) || in_the_way tool_missing pg_restore
    pg_dumpall=$(beside_pg_dump pg_dumpall) || in_the_way tool_missing pg_dumpall
  fi
}

beside_pg_dump() { # TOOL
  if [ -x "${pg_dump%/*}/$1" ]; then printf '%s' "${pg_dump%/*}/$1"; else command -v "$1"; fi
}

consider_pg_dump() { # PATH
  [ -n "$1" ] && [ "$best" -ne "$server_major" ] || return 0
  version=$("$1" --version 2>/dev/null </dev/null | sed -n 's/^[^0-9]*\([0-9][0-9.]*\).*/\1/p' | head -n 1)
  major=${version%%.*}
  is_number "$major" || return 0
  if [ "$major" -eq "$server_major" ] || [ "$major" -gt "$best" ]; then
    pg_dump=$1 best=$major dump_tool=pg_dump client_version=$version
  fi
}

# --- dumps -----------------------------------------------------------------------

say() { printf '%s\n' "$*" >>log; }

# The tools may have ended because the job was told to.
fail_dump() { # PROBLEM
  stop_if_asked
  finish "$1"
}

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

dump_databases() {
  stage=dump
  mkdir staging staging/databases || finish write
  manifest='' staged=0 staged_blocks=1 # of tar, 512 bytes each: the folder
  # shellcheck disable=SC2013 # a line is one word
  for line in $(cat sources); do
    number=$((number + 1)) dumped=''
    take_database "$line" || finish internal
    stop_if_asked
    probe_database
    if [ "$state" != ok ]; then
      say "$engine $name: $detail"
      fail_dump database
    fi
    dump_database
  done
  number=0 state='' server_version='' client_version=''
  write_manifest || fail_dump write
}

# One watcher or another runs until the dump is checked and summed up, so that a job can be cancelled then too.
dump_database() {
  safe=${name##*/}
  safe=$(printf '%s' "${safe%.db}" | tr -c 'A-Za-z0-9._-' _ | head -c 60)
  base=databases/$(printf '%02d' "$number")-$engine-$safe
  started=$(now)
  globals_entry=''
  case $engine in
  postgresql)
    dumped=$base.dump
    dump_postgresql
    [ "$globals" != 1 ] || dump_globals
    ;;
  sqlite)
    dumped=$base.db
    dump_sqlite
    ;;
  *)
    dumped=$base.sql.gz
    dump_mysql
    ;;
  esac
  stop_if_asked
  describe "$dumped" || fail_dump write
  unwatch
  entry=$(printf '    {"engine": "%s", "name": "%s", %s, "server_version": "%s", "client_version": "%s", "started": "%s", "finished": "%s"%s}' \
    "$engine" "$(json "$name")" "$described" "$server_version" "$client_version" "$started" "$(now)" "$globals_entry")
  manifest=$manifest${manifest:+,$newline}$entry
}

# describe FILE: what the manifest says of it, and its room in the archive.
describe() {
  bytes=$(size_of "staging/$1")
  sum=$(sha256sum <"staging/$1") || return 1
  staged=$((staged + bytes)) staged_blocks=$((staged_blocks + 1 + (bytes + 511) / 512))
  described="\"file\": \"$1\", \"size\": $bytes, \"sha256\": \"${sum%% *}\""
}

write_manifest() {
  printf '{\n  "version": 1,\n  "backup": "%s",\n  "databases": [\n%s\n  ]\n}\n' "$(json "${PWD##*/}")" "$manifest" >staging/manifest.json || return 1
  staged_blocks=$((staged_blocks + 1 + ($(size_of staging/manifest.json) + 511) / 512))
}

# json TEXT: as it stands between the quotes of a JSON string. No name holds a newline.
json() {
  case $1 in
  *[[:cntrl:]]*) printf '%s' "$1" | sed "s/[\\\\\"]/\\\\&/g;$(control_characters)" ;;
  *) printf '%s' "$1" | sed 's/[\\"]/\\&/g' ;;
  esac
}

control_characters() {
  for octal in 001 002 003 004 005 006 007 010 011 013 014 015 016 017 020 021 022 023 024 025 026 027 030 031 032 033 034 035 036 037 177; do
    # shellcheck disable=SC2059
    printf "s/\\$octal/\\\\\\\\u%04x/g;" "0$octal"
  done
}

dump_postgresql() {
  watch dump "$dumped"
  to_server as_held "$pg_dump" --format=custom --no-password "--dbname=$name" >"staging/$dumped" 2>>log
  exit_dump=$?
  [ $exit_dump -eq 0 ] || fail_dump dump
  # The list alone stands at the beginning: only reading everything shows that all of it is there.
  "$pg_restore" --list "staging/$dumped" >/dev/null 2>>log </dev/null || fail_dump dump_incomplete
  "$pg_restore" --file=/dev/null "staging/$dumped" 2>>log </dev/null || fail_dump dump_incomplete
}

dump_globals() {
  file=$base.globals.sql
  set --
  [ "$role_passwords" = 1 ] || set -- --no-role-passwords
  unwatch
  watch dump "$file"
  to_server as_held "$pg_dumpall" --globals-only --no-password "--database=$name" "$@" >"staging/$file" 2>>log
  exit_dump=$?
  [ $exit_dump -eq 0 ] || fail_dump dump
  [ -n "$(tail -n 12 "staging/$file" | sed -n '/^-- PostgreSQL database cluster dump complete/p')" ] || fail_dump dump_incomplete
  describe "$file" || fail_dump write
  passwords=true
  [ "$role_passwords" = 1 ] || passwords=false
  globals_entry=", \"globals\": {$described, \"role_passwords\": $passwords}"
}

# The dumps come first in the archive. tar ends with blocks of zeros, which the files that follow
# would be hidden behind, so the blocks of the members are counted and nothing else is kept. One tar
# for both would have the patterns meant for files leave out dumps.
tar_everything() {
  exec 5>&1
  staging_status=$({
    {
      tar_staging 4>&-
      printf '%s' $? >&4
    } | {
      head -c $((staged_blocks * 512))
      cat >/dev/null
    } >&5 4>&-
  } 4>&1)
  [ "$staging_status" = 0 ] || return 2
  tar_files
}

tar_staging() {
  if gnu_tar; then
    tar --format=gnu -C staging -cf - manifest.json databases
  else
    tar -C staging -cf - manifest.json databases
  fi
}

# --- SQLite ----------------------------------------------------------------------

probe_sqlite() {
  if ! sqlite=$(command -v sqlite3); then
    in_the_way tool_missing sqlite3
    return
  fi
  # shellcheck disable=SC2016
  as /bin/sh -c '[ -e "$1" ] || exit 3; [ -f "$1" ] && [ -r "$1" ] || exit 4' sh "$name" >/dev/null 2>&1
  case $? in
  0) ;;
  3)
    in_the_way missing "no such file, or in a folder that $(account) may not enter"
    return
    ;;
  *)
    in_the_way unreadable "not a file that $(account) may read"
    return
    ;;
  esac
  login=$(one_line "$(account)") dump_tool=sqlite3
  client_version=$(version_word "$("$sqlite" --version 2>/dev/null </dev/null)")
  # shellcheck disable=SC2046
  set -- $(as ls -lnL "$name" 2>/dev/null)
  database_size=${5:-}
  answer=$(as "$sqlite" -init /dev/null -batch -readonly "$name" '.timeout 15000' 'SELECT count(*) FROM sqlite_master' 2>&1) || in_the_way connect "$answer"
}

account() { printf '%s' "${run_as:-$(id -un)}"; }

# The transaction holds one state of the database while it is copied; without it every writer would
# have the copying begin again. Another account cannot write into the job's folder: it makes the
# copy in a folder of its own, and hands it over.
# shellcheck disable=SC2016
copy_aside='dir=$(mktemp -d "${TMPDIR:-/tmp}/cloudaipilot.XXXXXXXXXX") || exit 1
trap "rm -rf \"\$dir\"" EXIT
trap "kill \$tool 2>/dev/null; exit 143" HUP INT TERM
cd "$dir" || exit 1
"$@" .backup\ copy.db >/dev/null & tool=$!
wait $tool || exit
cat copy.db'

dump_sqlite() {
  watch dump ./copy.db
  set -- "$sqlite" -init /dev/null -batch -bail -readonly "$name" '.timeout 60000' BEGIN 'SELECT count(*) FROM sqlite_master'
  if own_account; then
    (cd staging && exec "$@" '.backup copy.db') >/dev/null 2>>log </dev/null
  else
    as_held /bin/sh -c "$copy_aside" sh "$@" >staging/copy.db 2>>log
  fi
  exit_dump=$?
  [ $exit_dump -eq 0 ] || fail_dump dump
  [ -s staging/copy.db ] || fail_dump dump_incomplete
  mv -f staging/copy.db "staging/$dumped" || fail_dump write
  unwatch
  watch dump "$dumped"
  sound=$("$sqlite" -init /dev/null -batch "staging/$dumped" 'PRAGMA integrity_check' 2>&1 </dev/null)
  if [ "$sound" != ok ]; then
    say "integrity_check of the copy of $name: $(one_line "$sound")"
    fail_dump dump_damaged
  fi
  rm -f "staging/$dumped-wal" "staging/$dumped-shm"
}

# --- MySQL and MariaDB -------------------------------------------------------------

# Tables of these engines are not part of the transaction.
mysql_question="SELECT CONCAT('cloudaipilot|', VERSION(), '|',
    (SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_schema = DATABASE()), '|',
    (SELECT COALESCE(GROUP_CONCAT(table_name ORDER BY table_name SEPARATOR ', '), '') FROM information_schema.tables
      WHERE table_schema = DATABASE() AND engine IN ('MyISAM', 'Aria', 'MEMORY', 'CSV', 'ARCHIVE', 'MRG_MyISAM')), '|',
    (SELECT COALESCE(GROUP_CONCAT(DISTINCT privilege_type SEPARATOR ' '), '') FROM (
      SELECT CONCAT('GLOBAL ', privilege_type) AS privilege_type FROM information_schema.user_privileges
      UNION SELECT privilege_type FROM information_schema.schema_privileges WHERE DATABASE() LIKE table_schema) p),
    '|', CURRENT_USER())"

# Only tables whose names need no quoting.
mysql_tables="SELECT CONCAT('cloudaipilot|', table_name) FROM information_schema.tables
  WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name REGEXP '^[A-Za-z0-9_]+\$' LIMIT 200"

first_tool() { # TOOL...
  for tool in "$@"; do
    command -v "$tool" 2>/dev/null && return
  done
  return 1
}

probe_mysql() {
  case $engine in
  mariadb) set -- mariadb mysql mariadb-dump mysqldump ;;
  *) set -- mysql mariadb mysqldump mariadb-dump ;;
  esac
  if ! mysql=$(first_tool "$1" "$2"); then
    in_the_way tool_missing "$1"
    return
  fi
  if ! mysqldump=$(first_tool "$3" "$4"); then
    in_the_way tool_missing "$3"
    return
  fi
  dump_tool=${mysqldump##*/}
  client_version=$(mysql_version "$("$mysqldump" --version 2>/dev/null </dev/null)")
  if ! answer=$(ask_mysql "$mysql_question"); then
    in_the_way connect "$answer"
    return
  fi
  server_version=$(told 1)
  case $engine:$server_version in
  mariadb:*MariaDB*) ;;
  mariadb:* | mysql:*MariaDB*) in_the_way engine "the server is $(one_line "$server_version")" ;;
  esac
  server_version=$(version_word "$server_version")
  [ "$state" = ok ] || return
  database_size=$(told 2)
  tables=$(one_line "$(told 3)")
  rights=$(told 4)
  login=$(one_line "$(told 5)")
  case $rights in *TRIGGER*) ;; *) unseen="$unseen triggers" ;; esac
  case $rights in *EVENT*) ;; *) unseen="$unseen events" ;; esac
  case $rights in *'SHOW VIEW'*) ;; *) unseen="$unseen views" ;; esac
  # Stored routines: MariaDB and MySQL 5.7 keep them in a table, and the others have a right for them.
  case $rights in
  *SHOW_ROUTINE* | *'SHOW CREATE ROUTINE'* | *'GLOBAL SELECT'*) ;;
  *) ask_mysql 'SELECT 1 FROM mysql.proc LIMIT 0' >/dev/null || unseen="$unseen routines" ;;
  esac
  may_read_mysql
}

ask_mysql() { # SQL
  to_server as "$mysql" --batch --skip-column-names --raw --connect-timeout=15 --default-character-set=utf8mb4 \
    "--execute=$1" "--database=$name" 2>&1
}

mysql_version() { # what --version says
  case $1 in
  *' from '*) version=${1#* from } ;;
  *Distrib*) version=${1#*Distrib } ;;
  *) version=${1#*Ver } ;;
  esac
  version_word "${version%%[ ,]*}"
}

may_read_mysql() {
  if ! answer=$(ask_mysql "$mysql_tables"); then
    in_the_way connect "$answer"
    return
  fi
  reads=''
  for table in $(printf '%s\n' "$answer" | sed -n 's/^cloudaipilot|\([A-Za-z0-9_]*\)$/\1/p'); do
    reads="${reads}SELECT 1 FROM \`$table\` LIMIT 0;"
  done
  [ -n "$reads" ] || return 0
  answer=$(ask_mysql "$reads") || in_the_way rights "$answer"
}

dump_mysql() {
  watch dump "$dumped"
  set -- --single-transaction --quick --routines --triggers --events --hex-blob --no-tablespaces --comments \
    --default-character-set=utf8mb4
  # MySQL's own: without the first, only a server without any transactions takes the dump back, and
  # the second asks older servers for what they lack.
  case $client_version in *MariaDB*) ;; *) set -- "$@" --loose-set-gtid-purged=OFF --loose-column-statistics=0 ;; esac
  report=$(
    {
      {
        to_server as_held "$mysqldump" "$@" "$name" 2>>log 3>&-
        printf 'dump=%s\n' $? >&3
      } | {
        gzip -c >"staging/$dumped" 2>>log 3>&-
        printf 'gzip=%s\n' $? >&3
      }
    } 3>&1
  )
  exit_dump=$(reported dump) exit_gzip=$(reported gzip)
  exit_dump=${exit_dump:--1} exit_gzip=${exit_gzip:--1}
  # Who ends early ends the one before it.
  [ "$exit_gzip" = 0 ] || fail_dump gzip
  [ "$exit_dump" = 0 ] || fail_dump dump
  end=$(
    {
      gzip -dc "staging/$dumped" 2>>log
      printf '\ngunzip=%s\n' $?
    } | tail -n 8 | sed -n -e 's/^-- Dump completed.*/complete/p' -e 's/^gunzip=//p' | tr -d '\n'
  )
  [ "$end" = complete0 ] || fail_dump dump_incomplete
}
