# shellcheck shell=bash
# Processes that outlive the command: started in the background, known by a file in $R with process id and start time. The start
# time keeps a stale file from naming somebody else's process after a restart of the machine.

started_at() { cut -d' ' -f22 "/proc/$1/stat" 2>/dev/null; }

# background NAME COMMAND...
background() {
  local name=$1; shift
  # 8 is the lock: it must not stay taken for as long as this runs.
  setsid nohup "$@" >"$L/log/$name.log" 2>&1 </dev/null 8>&- &
  echo "$! $(started_at $!)" >"$R/$name.pid"
}

# process_of NAME: its process id, where it runs.
process_of() {
  local id at
  [ -f "$R/$1.pid" ] || return 1
  read -r id at <"$R/$1.pid" || true
  [ -n "$id" ] && grep -qs '^State:.*[^Z] (' "/proc/$id/status" || return 1
  [ -z "$at" ] || [ "$at" = "$(started_at "$id")" ] || return 1
  echo "$id"
}

is_running() { process_of "$1" >/dev/null; }

# stop NAME [SIGNAL]: waits up to 5 s, then kills.
stop() {
  local id
  if id=$(process_of "$1"); then
    kill "${2:--TERM}" "$id" 2>/dev/null || true
    for _ in $(seq 50); do is_running "$1" || break; sleep .1; done
    if is_running "$1"; then kill -KILL "$id" 2>/dev/null || true; fi
  fi
  rm -f "$R/$1.pid"
}
