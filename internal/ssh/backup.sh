#!/bin/sh
# One backup job on one server, in POSIX sh for dash, bash and BusyBox.
#
# It arrives on standard input, held by the bootstrap in $s, followed by its
# parameters: the subcommand, key=value lines, "end". It answers a greeting,
# key=value lines, a line ".", and for status and archive raw bytes after that.
# No value that came from outside ever becomes shell text or an argument of a tool,
# except the root folder and the job's id, whose characters are checked first, and what database.sh and estimate.sh say.
#
# <root>/<id>/ holds
#   job       pid, start time and boot id of the process; made once, by the job
#   progress  step, bytes, time of the last advance
#   log       what the tools said
#   staging   the dumps of databases, until they are in the archive: see database.sh
#   result    written last; without it, and without the process, the job died
#   archive.tar.gz   only ever a checked archive; until then archive.tar.gz.partial

set -fu
LC_ALL=C
export LC_ALL
unset TAR_OPTIONS GZIP POSIXLY_CORRECT CDPATH
PATH=${PATH:-/usr/bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
umask 077

tools='tar gzip setsid sha256sum df mkfifo tee sync mv rm mkdir rmdir cat ls wc sed head tail tr sleep date id'
newline='
'

# --- answers -----------------------------------------------------------------

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

refuse() { # REASON
  printf 'refused=%s\nfolder=%s\ndetail=%s\n.\n' "$1" "${folder:-}" "${detail:-}"
  exit 0
}

# A message of a tool, fit for one line of an answer.
one_line() { printf '%s' "$1" | tr '\n' ' ' | tr -cd ' -~' | head -c 500; }

# --- small facts about the server ---------------------------------------------

is_number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

# sleep takes whole seconds only on a few systems.
nap() { sleep 0.1 2>/dev/null || sleep 1; }

boot_id() { cat /proc/sys/kernel/random/boot_id 2>/dev/null; }

# A container keeps the boot id of its host when it is restarted, but gets a new first process. That began at a number of
# clock ticks after the host's boot, of which every Linux that is still about counts 100 a second for its users.
print_boot() {
  first=$(start_time 1)
  booted=$(sed -n 's/^btime \([0-9][0-9]*\)$/\1/p' /proc/stat 2>/dev/null)
  if is_number "$first" && is_number "$booted" && [ $((booted + first / 100)) -le "$(date +%s)" ]; then
    booted=$((booted + first / 100))
  fi
  printf 'boot_now=%s\nbooted_at=%s\nfirst_start=%s\n' "$(boot_id)" "$booted" "$first"
}

# start_time PID: its start in clock ticks after boot, nothing when it is gone or a zombie.
# The name in /proc/PID/stat may hold blanks and brackets, so count after the last one.
start_time() {
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  [ $# -ge 20 ] || return 0
  case $1 in Z | X) return 0 ;; esac
  shift 19
  printf '%s' "$1"
}

# Not wc -c: BusyBox reads the whole file for it.
size_of() {
  # shellcheck disable=SC2046
  set -- $(ls -ln "$1" 2>/dev/null)
  printf '%s' "${5:-0}"
}

tar_said=''
gnu_tar() {
  [ -n "$tar_said" ] || tar_said=$(tar --version 2>/dev/null </dev/null)
  case $tar_said in *'GNU tar'*) ;; *) return 1 ;; esac
}

# Some builds of BusyBox tar cannot read lists of names; theirs is no tar for us.
tar_reads_lists() {
  gnu_tar || echo status | tar -C /proc/self -cf - -X /dev/null -T - >/dev/null 2>&1
}

missing_tools() {
  for tool in $tools; do
    command -v "$tool" >/dev/null 2>&1 || printf '%s\n' "$tool"
  done
  if command -v tar >/dev/null 2>&1 && ! tar_reads_lists; then printf 'tar with -T and -X\n'; fi
}

# shellcheck disable=SC2034 # df_maker, which estimate.sh reads
# tool=NAME MAKER VERSION; BusyBox says its own where it does not know the question. The maker of df is kept.
print_versions() {
  df_maker=-
  for tool in tar gzip df; do
    command -v $tool >/dev/null 2>&1 || continue
    said='' maker=-
    [ $tool != tar ] || said=$tar_said
    [ -n "$said" ] || said=$($tool --version 2>&1 </dev/null)
    case $said in
    *'BusyBox v'*) maker=BusyBox said=${said#*BusyBox v} version=${said%%[!0-9.]*} ;;
    *)
      said=${said%%"$newline"*} version=${said##* }
      case $said in *GNU*) maker=GNU ;; *'(busybox)'*) maker=BusyBox ;; esac
      ;;
    esac
    case $version in '' | [!0-9]* | *[!A-Za-z0-9.-]*) version=- ;; esac
    printf 'tool=%s %s %s\n' $tool $maker "$version"
    [ $tool != df ] || df_maker=$maker
  done
}

# The name of a file system may hold blanks, so count from the percent sign backwards.
df_numbers() {
  sed -n '$s/^.* \([0-9][0-9]*\)  *[0-9][0-9]*  *\([0-9][0-9]*\)  *[0-9][0-9]*% .*$/\1 \2/p'
}

print_space() { # DIRECTORY
  # shellcheck disable=SC2046
  set -- "$1" $(df -Pk "$1" 2>/dev/null | df_numbers)
  printf 'total_kib=%s\nfree_kib=%s\n' "${2:--1}" "${3:--1}"
  # shellcheck disable=SC2046
  set -- "$1" $(df -Pi "$1" 2>/dev/null | df_numbers)
  # Btrfs and others count no inodes and say 0 of 0.
  [ "${2:-0}" != 0 ] || set -- "$1"
  printf 'total_inodes=%s\nfree_inodes=%s\n' "${2:--1}" "${3:--1}"
}

# --- parameters --------------------------------------------------------------

read_parameters() {
  command='' root='' id='' includes='' excludes='' databases='' keep_log='' versions=0 estimate=0
  want_pid='' want_start='' want_boot='' skip=''
  IFS= read -r command || return 1
  while IFS= read -r line; do
    value=${line#*=}
    case $value in *[!A-Za-z0-9/_.,:+@%=\\-]*) return 1 ;; esac
    case $line in
    end) return 0 ;;
    root=*) root=$value ;;
    id=*) id=$value ;;
    include=/*) includes=$includes$value$newline ;;
    exclude=?*) excludes=$excludes$value$newline ;;
    database=?*) databases=$databases$value$newline ;;
    keep_log=*) keep_log=$value ;;
    skip=*) skip=$value ;;
    versions=1) versions=1 ;;
    estimate=*) is_number "$value" && estimate=$value ;;
    pid=*) want_pid=$value ;;
    start=*) want_start=$value ;;
    boot=*) want_boot=$value ;;
    *) return 1 ;;
    esac
  done
  return 1 # cut short: act on nothing
}

valid_root() {
  case $1 in
  *[!A-Za-z0-9._/-]* | *//* | */./* | */../* | */. | */.. | */) return 1 ;;
  /bin | /boot | /dev | /etc | /home | /lib | /lib32 | /lib64 | /libx32 | /media | /mnt) return 1 ;;
  /opt | /proc | /root | /run | /sbin | /srv | /sys | /tmp | /usr | /var) return 1 ;;
  /*) [ ${#1} -le 255 ] ;;
  *) return 1 ;;
  esac
}

valid_id() {
  case ${1%%_*} in '' | *[!a-z]*) return 1 ;; esac
  case ${1#*_} in *[!0-9A-Z]*) return 1 ;; esac
  kind=${1%%_*} unique=${1#*_}
  [ ${#kind} -le 16 ] && [ ${#unique} -eq 26 ]
}

# decode VALUE into $decoded. The full stop keeps trailing newlines.
decode() {
  decoded=$(printf '%b.' "$1")
  decoded=${decoded%.}
}

# --- the folders --------------------------------------------------------------

# Only we may be able to write in the root, or somebody else could swap what we are about
# to write or remove. An S is the set-group-id bit a folder takes from its parent.
check_owner_and_mode() {
  # shellcheck disable=SC2046
  set -- $(ls -ldn "$1" 2>/dev/null)
  me=$(id -u)
  case ${3:-} in
  "$me") ;;
  "${SUDO_UID:-nobody}") [ "$me" = 0 ] || folder=wrong_owner ;;
  *) folder=wrong_owner ;;
  esac
  if [ "$folder" = wrong_owner ]; then
    detail="owned by user ${3:-?}, not by user $me"
    return 1
  fi
  case ${1:-} in
  drwx--[-S]---*) ;;
  *)
    folder=wrong_mode detail="its mode is ${1:-unknown}, not drwx------"
    return 1
    ;;
  esac
}

# Why a folder cannot be made where test -w said that nothing can be: a file system that is read-only is another thing than one
# where this account may not write. Should it be made after all, it goes at once.
why_not() { # FOLDER
  message=$(mkdir -m 700 "$1" 2>&1) && rmdir "$1" 2>/dev/null
  one_line "${message##*: }"
}

# enter_root goes into the root and sets $folder to ok, or says what is wrong with it.
# From then on every path is relative, so that nobody can swap a folder above us.
enter_root() {
  folder=ok detail=''
  parent=${root%/*}
  parent=${parent:-/}
  if [ -L "$root" ]; then
    folder=symlink detail="$root is a symbolic link"
  elif ! [ -d "$parent" ]; then
    folder=parent_missing detail="$parent is not there"
  elif ! [ -e "$root" ]; then
    folder=absent detail="$root will be created"
    if ! [ -w "$parent" ] || ! [ -x "$parent" ]; then
      folder=not_writable detail="cannot create a folder in $parent: $(why_not "$root")"
    fi
  elif ! [ -d "$root" ]; then
    folder=not_directory detail="$root is not a directory"
  elif check_owner_and_mode "$root"; then
    if ! cd -P "$root" 2>/dev/null || ! [ -w . ]; then
      folder=not_writable detail="cannot write in $root: $(why_not "$root/.try")"
    else
      check_owner_and_mode .
    fi
  fi
  [ "$folder" = ok ]
}

create_root() {
  if ! message=$(mkdir -m 700 "$root" 2>&1) && ! [ -d "$root" ]; then
    folder=not_writable detail=$(one_line "$message")
    refuse folder
  fi
  enter_root
}

# enter_job: false when there is no such job; refuses an unsafe root.
enter_job() {
  if ! enter_root; then
    case $folder in absent | parent_missing) return 1 ;; esac
    refuse folder
  fi
  [ -d "./$id" ] && ! [ -L "./$id" ] || return 1
  cd -P "./$id" || return 1
}

field() { # FILE KEY
  sed -n "s/^$2=\([A-Za-z0-9._:-]*\)\$/\1/p" "$1" 2>/dev/null | head -n 1
}

read_job() {
  job_pid=$(field job pid)
  job_start=$(field job start)
  job_boot=$(field job boot)
  is_number "$job_pid" && is_number "$job_start" && [ -n "$job_boot" ]
}

# The process id alone may be anybody's by now.
same_process() { # PID START BOOT
  is_number "$1" && is_number "$2" && [ "$3" = "$(boot_id)" ] && [ "$(start_time "$1")" = "$2" ]
}

wanted_lives() { same_process "$want_pid" "$want_start" "$want_boot"; }

job_alive() { read_job && same_process "$job_pid" "$job_start" "$job_boot"; }

print_job() {
  read_job || return 0
  printf 'pid=%s\nstart=%s\nboot=%s\n' "$job_pid" "$job_start" "$job_boot"
}

# save FILE: standard input becomes FILE, whole or not at all.
save() {
  if cat >"$1.$$.tmp" && mv -f "$1.$$.tmp" "$1"; then return 0; fi
  rm -f "$1.$$.tmp"
  return 1
}

# --- check -------------------------------------------------------------------

do_check() {
  began=$(date +%s)
  gnu_tar # asked once, for all that follow
  missing_tools | sed 's/^/missing=/'
  if gnu_tar; then printf 'gnu_tar=1\n'; else printf 'gnu_tar=0\n'; fi
  [ "$versions$estimate" = 00 ] || print_versions
  printf 'uid=%s\nboot=%s\ntime=%s\n' "$(id -u)" "$(boot_id)" "$began"
  if enter_root; then nearest=.; else
    nearest=$root
    while [ -n "$nearest" ] && ! [ -d "$nearest" ]; do nearest=${nearest%/*}; done
  fi
  printf 'folder=%s\ndetail=%s\n' "$folder" "$detail"
  print_space "${nearest:-/}"
  for include in $includes; do
    decode "$include"
    printf 'path=%s\n' "$(path_state "$decoded")"
  done
  [ -z "$databases" ] || check_databases
  [ "$estimate" -eq 0 ] || print_estimate
  printf '.\n'
}

path_state() {
  if [ -L "$1" ]; then
    printf symlink # the archive will hold the link, not what it points to
  elif [ -d "$1" ]; then
    if [ -r "$1" ] && [ -x "$1" ]; then printf ok; else printf unreadable; fi
  elif [ -e "$1" ]; then
    if [ -r "$1" ]; then printf ok; else printf unreadable; fi
  else
    # Behind a folder we may not enter, everything looks missing.
    above=${1%/*}
    while [ -n "$above" ] && ! [ -e "$above" ]; do above=${above%/*}; done
    if [ -x "${above:-/}" ]; then printf missing; else printf unreadable; fi
  fi
}

# --- start -------------------------------------------------------------------

do_start() {
  enter_root || { [ "$folder" = absent ] && create_root; } || refuse folder
  missing=$(missing_tools)
  [ -z "$missing" ] || fail "missing on the server: $(one_line "$missing")"
  if [ -L "./$id" ] || { [ -e "./$id" ] && ! [ -d "./$id" ]; }; then
    folder=not_directory detail="$root/$id is not a directory"
    refuse folder
  fi
  mkdir "./$id" 2>/dev/null || [ -d "./$id" ] || mkdir "./$id" || exit 1
  cd -P "./$id" || exit 1
  if [ -e job ] || [ -e result ]; then
    await_job ''
    answer_started 1
  fi

  # A folder without a job was left between mkdir and launch: everything is written again.
  write_lists || fail "cannot write the job's files in $root/$id"
  # shellcheck disable=SC2154
  printf '%s' "$s" | save job.sh || fail "cannot write the job's files in $root/$id"
  [ "$(size_of job.sh)" -eq ${#s} ] || fail "job.sh was cut short in $root/$id"

  # The job's own start decides which of two launches is the one, see run_job.
  setsid sh ./job.sh run </dev/null >/dev/null 2>>log &
  launched=$!
  await_job "$launched" || fail "the job did not start: $(tail -c 2000 log 2>/dev/null)"
  if [ "$job_pid" = "$launched" ]; then answer_started 0; else answer_started 1; fi
}

answer_started() {
  printf 'already_started=%s\n' "$1"
  print_job
  printf '.\n'
  exit 0
}

await_job() { # PID of the launched job, if any
  tries=0
  until read_job; do
    tries=$((tries + 1))
    [ $tries -le 100 ] || return 1
    if [ -n "$1" ] && ! kill -s 0 "$1" 2>/dev/null; then
      read_job
      return
    fi
    nap
  done
}

# The lists for tar. -C / and names without their slash: the archive unpacks anywhere.
write_lists() {
  end='\n'
  if gnu_tar; then end='\0'; else
    case $includes in *'\0012'*) refuse newline_in_path ;; esac
  fi
  list_includes "$end" | save include || return 1
  list_excludes any | save exclude || return 1
  list_excludes anchored | save exclude.anchored || return 1
  # The backups never hold themselves. Both the path given and where it really is.
  here=$(pwd -P)
  here=${here%/*}
  { both_forms "${root#/}" && both_forms "${here#/}" && virtual_file_systems; } | save exclude.root || return 1
  [ -z "$databases" ] || printf '%s' "$databases" | save sources
}

# What the kernel makes up is in no backup of "/". Named by itself it is taken as asked.
virtual_file_systems() {
  case $newline$includes in *"$newline/$newline"*) printf './%s\n' dev proc run sys ;; esac
}

list_includes() { # END of each name
  for include in $includes; do
    while :; do case $include in /*) include=${include#/} ;; *) break ;; esac done
    case $include in
    '') include=. ;;
    -*) include=./$include ;;
    esac
    printf "%b$1" "$include" || return 1
  done
}

# A pattern with a leading slash is a path from the root, any other matches anywhere.
list_excludes() {
  for exclude in $excludes; do
    case $1$exclude in
    any/* | anchored[!/]*) continue ;;
    any*) printf '%b\n' "$exclude" || return 1 ;;
    *)
      while :; do case $exclude in /*) exclude=${exclude#/} ;; *) break ;; esac done
      both_forms "$exclude"
      ;;
    esac
  done
}

# tar knows a file as ./etc/x below the include "/", and as etc/x below "/etc".
both_forms() { printf '%b\n./%b\n' "$1" "$1"; }

# --- status, cancel, kill, clean, archive ----------------------------------------

# Alive is asked before the result is read: the other way round, a job that ends in
# between would look dead without a result.
do_status() {
  print_boot
  if ! enter_job; then
    printf 'exists=0\n'
    # It may live on after its folder was removed by hand, or with all of /tmp.
    if wanted_lives; then printf 'alive=1\n'; fi
    [ "$folder" = ok ] && print_space .
    printf '.\n'
    return
  fi
  printf 'exists=1\n'
  if job_alive || wanted_lives; then printf 'alive=1\n'; else printf 'alive=0\n'; fi
  print_job
  if [ -n "$job_boot" ] && [ "$job_boot" = "$(boot_id)" ]; then printf 'same_boot=1\n'; fi
  for file in progress result; do
    sed -n "s/^[a-z0-9_]*=[A-Za-z0-9._:-]*\$/${file}_&/p" "$file" 2>/dev/null | head -n 20
  done
  print_space .
  printf '.\n'
  tail -c 65536 log 2>/dev/null
  return 0
}

do_cancel() {
  if enter_job && ! [ -e result ]; then
    : >.cancel || fail "cannot write $root/$id/.cancel"
  fi
  printf '.\n'
}

# Asks /proc alone: the job may live on after somebody removed its folder by hand.
do_kill() {
  if ! wanted_lives || ! leads_group "$want_pid"; then
    printf 'killed=0\n.\n'
    return
  fi
  kill -s TERM -- "-$want_pid"
  await_end "$want_pid" "$want_start"
  kill -s KILL -- "-$want_pid" 2>/dev/null # stragglers too: a group keeps its number till its last member
  await_end "$want_pid" "$want_start" || fail "process $want_pid did not end"
  (enter_job && rm -rf ./staging ./archive.tar.gz.partial) >/dev/null # what it had no time for
  printf 'killed=1\n.\n'
}

leads_group() {
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  wanted=$1
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  [ "${3:-}" = "$wanted" ]
}

await_end() { # PID START
  tries=0
  while [ "$(start_time "$1")" = "$2" ]; do
    tries=$((tries + 1))
    [ $tries -le 50 ] || return 1
    nap
  done
}

do_clean() {
  if enter_job; then
    if job_alive; then refuse running; fi
    if [ "$keep_log" = 1 ]; then
      set +f
      for entry in * .*; do
        case $entry in . | .. | log) ;; *) rm -rf "./$entry" || exit 1 ;; esac
      done
    else
      cd .. && rm -rf "./$id" || exit 1
    fi
  elif [ "$folder" = ok ] && { [ -L "./$id" ] || [ -e "./$id" ]; }; then
    rm -f "./$id" || exit 1 # not a folder: not ours to follow
  fi
  printf '.\n'
}

# do_folders tells of everything that has the form of a job's folder, whoever made it: a page of them, behind those to skip.
do_folders() {
  if ! enter_root; then
    case $folder in absent | parent_missing) printf '.\n' && return ;; esac
    refuse folder
  fi
  is_number "$skip" || skip=0
  seen=0 page=''
  set +f
  for entry in *; do
    set -f
    if ! valid_id "$entry" || ! [ -d "./$entry" ] || [ -L "./$entry" ]; then continue; fi
    seen=$((seen + 1))
    [ $seen -gt "$skip" ] || continue
    [ $seen -le $((skip + 500)) ] || break
    page="$page ./$entry"
    printf 'entry=%s %s %s\n' "$entry" "$(tell_alive "$entry")" "$(tell_archive "$entry")"
  done
  if [ -n "$page" ]; then # the names are as valid_id wants them
    # shellcheck disable=SC2086
    du -sk $page 2>/dev/null | sed -n 's/^\([0-9][0-9]*\)[^0-9]*\.\//size=\1 /p'
    # shellcheck disable=SC2086
    stat -c '%Y %n' $page 2>/dev/null | sed -n 's/^\([0-9][0-9]*\) \.\//changed=\1 /p'
  fi
  printf '.\n'
}

tell_alive() { # ID; what has a result has ended
  if [ -e "./$1/job" ] && ! [ -e "./$1/result" ] && cd -P "./$1" && job_alive; then printf 1; else printf 0; fi
}

tell_archive() { if [ -f "./$1/archive.tar.gz" ]; then printf 1; else printf 0; fi; }

do_archive() {
  if ! enter_job || ! [ -f archive.tar.gz ] || [ -L archive.tar.gz ]; then refuse no_archive; fi
  printf 'size=%s\n.\n' "$(size_of archive.tar.gz)"
  exec cat archive.tar.gz
}

# --- run: the detached job -------------------------------------------------------

run_job() {
  own_start=$(start_time $$)
  # Created once or not at all: a second launch for the same id stops here.
  (
    set -C
    printf 'pid=%s\nstart=%s\nboot=%s\n' $$ "$own_start" "$(boot_id)" >job
  ) 2>/dev/null || exit 0

  stage=archive warning=0 write_message='' ticker=''
  exit_tar=-1 exit_gzip=-1 exit_write=-1 size=0 sha256='' entries=0
  number=0 state='' exit_dump=-1 server_version='' client_version='' # of the database at hand
  staged=0 dumped='' stopped=''
  trap 'stopped=1' TERM
  # The first block of the log and room for the result, while there is some.
  printf 'started %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>log
  head -c 4096 /dev/zero >reserve
  # An older sync knows no files and syncs everything.
  if sync job 2>/dev/null; then sync_files() { sync "$@"; }; else sync_files() { sync; }; fi

  stop_if_asked
  [ ! -e sources ] || dump_databases
  stage=archive
  make_archive
  rm -rf staging
  stage=verify
  verify_archive
  mv -f archive.tar.gz.partial archive.tar.gz || finish write
  sync_files archive.tar.gz . 2>>log || finish write
  finish ''
}

stop_if_asked() {
  [ -e .cancel ] && finish cancelled
  [ -n "$stopped" ] && finish terminated
  return 0
}

# Every status comes back through file descriptor 3, not through files: the disk may be full.
# The drains (cat >/dev/null) keep a reader that gave up from ending the writer.
#
# The checks give way to gzip, which everything waits for, where processors are few. Not every BusyBox has nice.
make_archive() {
  yield=''
  ! command -v nice >/dev/null 2>&1 || yield='nice -n 10'
  mkfifo sum.fifo size.fifo list.fifo || finish internal
  watch archive
  report=$(
    {
      {
        sum=$($yield sha256sum) && printf 'sha256=%s\n' "${sum%% *}" >&3
        cat >/dev/null
      } <sum.fifo &
      {
        count=$(wc -c) && printf 'size=%s\n' $((count)) >&3
        cat >/dev/null
      } <size.fifo &
      {
        {
          $yield gzip -dc 2>>log
          printf 'gunzip=%s\n' $? >&3
          cat >/dev/null
        } <list.fifo | {
          $yield tar -tf - 2>>log
          printf 'list=%s\n' $? >&3
          cat >/dev/null
        } | {
          count=$(wc -l)
          printf 'entries=%s\n' $((count)) >&3
        }
      } &
      {
        run_tar 2>>log 3>&-
        printf 'tar=%s\n' $? >&3
      } | {
        gzip -c 2>>log 3>&-
        printf 'gzip=%s\n' $? >&3
      } | {
        tee sum.fifo size.fifo list.fifo 2>>log 3>&-
        printf 'tee=%s\n' $? >&3
      } | {
        message=$(cat 2>&1 >archive.tar.gz.partial)
        written=$?
        printf 'write=%s\nwrite_message=%s\n' $written "$(one_line "$message")" >&3
        # BusyBox tee before 1.35 ignores a broken pipe and would go on for hours.
        [ $written -eq 0 ] || kill -s TERM 0
      }
      wait
    } 3>&1
  )
  unwatch
  rm -f sum.fifo size.fifo list.fifo
  judge_archive
}

run_tar() {
  if ! [ -e staging ]; then tar_files; elif [ -s include ]; then tar_everything; else tar_staging; fi
}

tar_files() {
  here=$(pwd -P)
  if gnu_tar; then
    tar -C / -cf - --sparse \
      --no-anchored --wildcards -X "$here/exclude" \
      --anchored -X "$here/exclude.anchored" \
      --no-wildcards -X "$here/exclude.root" \
      --null --no-unquote -T "$here/include"
  else
    # BusyBox anchors no pattern.
    tar -C / -cf - -X "$here/exclude" -X "$here/exclude.anchored" -X "$here/exclude.root" -T "$here/include"
  fi
}

reported() { printf '%s\n' "$report" | sed -n "s/^$1=//p"; }

# From the last process of the pipe to the first: who ends early ends the ones before it.
judge_archive() {
  exit_tar=$(reported tar) exit_gzip=$(reported gzip) exit_write=$(reported write)
  exit_tar=${exit_tar:--1} exit_gzip=${exit_gzip:--1} exit_write=${exit_write:--1}
  tee=$(reported tee) write_message=$(reported write_message)
  entries=$(reported entries) sha256=$(reported sha256) size=$(reported size)
  entries=${entries:-0} size=${size:-0}

  [ -e .cancel ] && finish cancelled
  case $exit_write in 0 | -1) ;; *) finish write ;; esac
  stop_if_asked
  if [ "$tee" != 0 ]; then
    exit_write=${tee:--1}
    finish write
  fi
  [ "$exit_gzip" = 0 ] || finish gzip
  readable=$(reported gunzip)$(reported list)
  case $exit_tar in
  0) ;;
  1) if gnu_tar; then warning=1; else finish tar; fi ;; # GNU: a file changed while it was read
  141) if [ "$readable" = 00 ]; then finish tar; fi ;; # gzip stopped reading, and said all was well
  *) finish tar ;;
  esac
  [ "$readable" = 00 ] || finish unreadable_archive
  [ "$entries" -gt 0 ] || finish empty
  [ -n "$sha256" ] || finish internal
}

verify_archive() {
  watch sync
  sync_files archive.tar.gz.partial 2>>log || finish write
  unwatch
  stop_if_asked
  [ "$(size_of archive.tar.gz.partial)" = "$size" ] || finish size
  # Through a fifo, so that the watcher knows the process and sees how far it read.
  mkfifo sum.fifo || finish internal
  sha256sum >sum.fifo <archive.tar.gz.partial 2>>log &
  watch verify $!
  read_back=''
  read -r read_back <sum.fifo
  unwatch
  stop_if_asked
  [ "${read_back%% *}" = "$sha256" ] || finish checksum
}

# finish PROBLEM, or '' for success: the last thing a job does.
finish() {
  unwatch
  ok=0 cancelled=0 bytes=$size free_kib=-1 free_inodes=-1
  case $1 in
  '') ok=1 ;;
  *)
    # How things stood when it failed, before room is made.
    case $stage in
    dump) bytes=$((staged + $(size_of "staging/${dumped:-none}") + $(size_of staging/copy.db))) ;;
    *) bytes=$(size_of archive.tar.gz.partial) ;;
    esac
    left=$(print_space .)
    free_kib=$(printf '%s\n' "$left" | sed -n 's/^free_kib=//p')
    free_inodes=$(printf '%s\n' "$left" | sed -n 's/^free_inodes=//p')
    [ "$1" != cancelled ] || cancelled=1
    ;;
  esac
  # First make room: the disk may be full.
  rm -rf staging archive.tar.gz.partial reserve sum.fifo size.fifo list.fifo hold.fifo "progress.$$.tmp"
  rm -f job.sh include exclude exclude.anchored exclude.root sources
  [ -z "$write_message" ] || printf '%s\n' "$write_message" >>log
  save_progress 'done' "$bytes" "$(date +%s)"
  printf '%s=%s\n' ok $ok cancelled $cancelled stage "$stage" problem "$1" \
    exit_tar "$exit_tar" exit_gzip "$exit_gzip" exit_write "$exit_write" \
    size "$size" sha256 "$sha256" entries "$entries" warning "$warning" \
    database "$number" state "$state" exit_dump "$exit_dump" \
    server_version "$server_version" client_version "$client_version" \
    free_kib "$free_kib" free_inodes "$free_inodes" | save result
  sync_files result . 2>/dev/null
  exit 0
}

save_progress() { # STEP BYTES TIME
  printf 'step=%s\nbytes=%s\nat=%s\ndatabase=%s\n' "$1" "$2" "$3" "$number" | save progress 2>/dev/null
}

# watch STEP [PID or staged FILE] starts the watcher of one step: bytes written, or read by PID.
watch() {
  watcher "$@" </dev/null >/dev/null 2>&1 &
  ticker=$!
}

# KILL, because BusyBox sh may lose a TERM that comes while it starts a subshell.
unwatch() {
  [ -n "$ticker" ] || return 0
  kill -s KILL "$ticker" 2>/dev/null
  wait "$ticker" 2>/dev/null
  ticker=''
}

watcher() {
  trap '' TERM # it outlives what it ends, and asks again if need be
  seen=''
  while :; do
    # The job is a process group of its own, and 0 means that group.
    if [ -e .cancel ]; then kill -s TERM 0; fi
    # Nobody is left to judge the pipe: end it.
    if [ "$(start_time $$)" != "$own_start" ]; then
      kill -s TERM 0
      sleep 1 # for a dump to tell its server
      rm -rf staging archive.tar.gz.partial
      kill -s KILL 0
    fi
    bytes=$(watched_bytes "${2:-}")
    if [ "$bytes" != "$seen" ]; then
      seen=$bytes
      save_progress "$1" "$bytes" "$(date +%s)"
    fi
    trim_log
    sleep 1
  done
}

watched_bytes() {
  case $1 in
  '') size_of archive.tar.gz.partial ;;
  */*) printf '%s' $((staged + $(size_of "staging/$1"))) ;;
  *)
    position=$(sed -n 's/^pos:[^0-9]*//p' "/proc/$1/fdinfo/0" 2>/dev/null)
    printf '%s' "${position:-0}"
    ;;
  esac
}

# The tools append, so a shorter log simply goes on.
trim_log() {
  [ "$(size_of log)" -gt 1048576 ] || return 0
  tail -c 262144 log >log.tmp && cat log.tmp >log
  rm -f log.tmp
}

# --- where it begins -------------------------------------------------------------

if [ "${1:-}" = run ]; then
  run_job
fi

# A greeting on a line of its own: login scripts may have said something before.
printf '\ncloudaipilot-job 1\n'
read_parameters || fail 'parameters not understood'
valid_root "$root" || fail 'invalid backup folder'
case $command in check | folders) ;; *) valid_id "$id" || fail 'invalid job id' ;; esac
case $command in
check) do_check ;;
start) do_start ;;
status) do_status ;;
cancel) do_cancel ;;
kill) do_kill ;;
clean) do_clean ;;
folders) do_folders ;;
archive) do_archive ;;
*) fail 'unknown subcommand' ;;
esac
exit 0
