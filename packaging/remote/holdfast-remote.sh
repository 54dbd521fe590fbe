#!/bin/sh
# Runs a program so that it ends when this script's standard input does: for servers on other machines that have
# no holdfast (docs/remote-servers.md).
#
#   ssh -T host sh holdfast-remote.sh PROGRAM [ARGUMENT …]
#
# At end-of-file the program's input ends too; HOLDFAST_REMOTE_GRACE seconds later (2) the whole process group gets
# SIGTERM, after as many again SIGKILL. When the program ends by itself, so does what it left in the group. The
# group must be this script's own, as it is under sshd; who leaves the group is not ended. The exit status is the
# program's.
grace=${HOLDFAST_REMOTE_GRACE:-2}
exec 3<&0
trap : TERM # the status is still to be told
{
  cat <&3 3<&-
  trap '' TERM
  exec 3<&- >&- # the program's input ends
  sleep "$grace"
  kill -TERM 0
  sleep "$grace"
  kill -KILL 0
} 2>/dev/null </dev/null | {
  trap : TERM
  "$@" 3<&-
  status=$?
  (
    trap '' TERM
    kill -TERM 0
    sleep "$grace"
    kill -KILL 0
  ) </dev/null >/dev/null 2>&1 3<&- & # nobody waits for it, and the connection is not held open
  exit "$status"
}
exit $?
