# The leash: runs one server and ends it when its starter is gone, however the starter went.
#
#   sh -s -- SIGNAL GRACE COMMAND [ARGUMENT...]   < leash.sh   3<> the starter's socket
#
# The starter holds the other end of descriptor 3 and never writes to it. The kernel closes that end
# whenever the starter dies, also by SIGKILL, and the read below then meets end of file: the server gets
# SIGNAL, and after GRACE seconds SIGKILL. Once the server runs its pid is written to descriptor 3, as one line.
# TERM and INT sent to the leash go on to the server. When the server ends, the leash ends with its status.
#
# The leash must lead a process group of its own: after the starter's death the whole group is killed,
# so that helpers of the server (a package manager's children) go as well.
# It is read from standard input so that it runs for users who cannot reach this file.

# Waits for the starter's end of descriptor 3 to close, then ends the server.
watch() {
  read -r line <&3
  kill -s USR1 "$$"
  while [ "$grace" -gt 0 ]; do
    # Repeated each second: the first may arrive before the server has its handler in place.
    kill -s "$signal" "$server" || break
    sleep 1
    grace=$((grace - 1))
  done
  kill -s KILL "$server"
  kill -s KILL 0
}

forward() {
  [ -n "$server" ] || exit 143
  kill -s "$1" "$server"
}

leash() {
  signal=$1
  grace=$2
  server=
  orphaned=
  shift 2
  trap 'orphaned=yes' USR1
  trap 'forward TERM' TERM
  trap 'forward INT' INT
  # Where the kernel can, a leash that is itself killed takes the server with it.
  if setpriv --pdeathsig "$signal" true 2>/dev/null; then
    set -- setpriv --pdeathsig "$signal" -- "$@"
  fi
  "$@" </dev/null 3<&- &
  server=$!
  printf '%s\n' "$server" >&3
  exec >/dev/null 2>&1
  watch &
  watcher=$!
  # A signal that is forwarded interrupts wait: it is over when the server is.
  while :; do
    wait "$server"
    status=$?
    kill -s 0 "$server" || break
  done
  kill -s KILL "$watcher"
  [ -z "$orphaned" ] || kill -s KILL 0
  exit "$status"
}

leash "$@"
