# What the sources hold, for the check of backup.sh, in front of which this stands where no earlier archive tells how
# large the next one will be. du counts, and is ended when its time is over: what it told until then still counts.
# Nothing is written, on no disk: the patterns reach du over a pipe. Paths become arguments here, each of them
# behind "--" and with a slash in front.
# shellcheck shell=sh
# shellcheck disable=SC2154 # what backup.sh sets
# shellcheck disable=SC2216,SC2217 # du reads the patterns there

# The databases come first, and the whole check with its connection is to be over within a minute.
print_estimate() {
  printf 'meanwhile=1\n' # the rest takes its time, and who waits may be told what is known
  for tool in du awk; do command -v $tool >/dev/null 2>&1 || return 0; done
  deadline=$(($(date +%s) + estimate))
  [ $deadline -le $((began + 30)) ] || deadline=$((began + 30))
  patterns=0
  [ "$df_maker" != GNU ] || patterns=1 # they come together, and it was asked already
  count_sources | add_up
  printf 'estimate_patterns=%s\n' "$patterns"
}

# The lines of du, an empty one after each source, and "whole" where all of it was counted.
count_sources() {
  whole=whole counter=''
  for include in $includes; do
    [ -z "$counter" ] || [ "$(date +%s)" -lt "$deadline" ] || return 0
    decode "$include"
    case $decoded in /*[!/]*) decoded=${decoded%/} ;; esac
    if [ "$patterns" = 1 ]; then
      list_patterns | du -ka -X - -- "$decoded" 2>/dev/null &
    else
      du -ka -- "$decoded" 2>/dev/null </dev/null &
    fi
    counter=$!
    end_in_time $counter "$(start_time $counter)" </dev/null >/dev/null 2>&1 &
    guard=$!
    wait $counter
    counted=$?
    kill -s KILL $guard 2>/dev/null
    wait $guard 2>/dev/null
    case $counted in
    0) ;;
    1) whole='' ;; # something in it cannot be read
    *) return 0 ;;
    esac
    printf '\n'
  done
  printf '%s\n' "$whole"
}

end_in_time() { # PID START
  while sleep 1 && [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ]; do
    [ "$(date +%s)" -lt "$deadline" ] || kill -s TERM "$1"
  done
}

# What tar leaves out too. A pattern without a slash in front matches anywhere for du as it does for tar.
list_patterns() {
  for exclude in $excludes; do
    while :; do case $exclude in //*) exclude=${exclude#/} ;; *) break ;; esac done
    printf '%b\n' "$exclude"
  done
  printf '%s\n' "$root"
  [ "$folder" != ok ] || pwd -P
  case $newline$includes in *"$newline/$newline"*) printf '/%s\n' dev proc run sys ;; esac
}

# A folder comes after all that is in it, and with it: below[] is what of that is counted already, by depth. Packed is
# what gzip makes no smaller, judged by the names.
add_up() {
  awk '
    $0 == "whole" { whole = 1; next }
    $0 == "" { split("", below); next }
    !/^[0-9]+\t\// { next } # of a name with a line break in it
    {
      size = $1
      sub(/^[0-9]+\t/, "")
      depth = $0 == "/" ? 0 : gsub("/", "/")
      own = size - below[depth + 1]
      below[depth + 1] = 0
      below[depth] += size
      total += own
      if (tolower($0) ~ /\.(7z|aac|age|avi|bz2|flac|gif|gpg|gz|heic|jpe?g|m4[av]|mkv|mov|mp[34]|ogg|opus|png|rar|tbz|tgz|txz|webm|webp|xz|zip|zst)$/) packed += own
    }
    END { printf "estimate_kib=%.0f\nestimate_packed_kib=%.0f\nestimate_whole=%d\n", total, packed, whole }
  '
}
