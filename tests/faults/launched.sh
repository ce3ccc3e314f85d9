# shellcheck shell=bash disable=SC2154
# Sourced after common.sh: what a test asks a run under `nextframe launch`, whose messages are in launch.log.

# await SECONDS WHAT COMMAND ...: until the command succeeds.
await() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $deadline ] || { tail -n 20 launch.log >&2; fail "waited in vain for $what"; }
    sleep 0.02
  done
}
children() { ps -o pid= --ppid "$1" | tr -d ' '; }
num_starts() { cat "$1/launch.jsonl" 2>/dev/null | grep -c '"event":"start"' || true; }
has_started() { [ "$(num_starts "$1")" -ge "$2" ]; }
last_start() { grep '"event":"start"' "$1/launch.jsonl" | tail -n 1 | sed -n "s/.*\"$2\":\"\\{0,1\\}\\([^,\"}]*\\).*/\\1/p"; }
newest_step() { tail -n 1 "$1/metrics.jsonl" 2>/dev/null | sed -n 's/^{"step":\([0-9]*\),.*}$/\1/p'; }
is_past() { # is_past RUN STEP
  local step
  step=$(newest_step "$1")
  [ "${step:-0}" -gt "$2" ]
}
# A step after the checkpoint from which the last start went on, in a line written since that start.
has_stepped() {
  local step
  [ -s "$1/launch.jsonl" ] || return 1
  step=$(newest_step "$1")
  [ -n "$step" ] && [ "$step" -gt "$(last_start "$1" step)" ] &&
    [ "$(date +%s%N -r "$1/metrics.jsonl")" -gt "$(date +%s%N -d "$(last_start "$1" time)")" ]
}
# A checkpoint newer than the one from which the last start went on.
has_committed() {
  local newest
  newest=$("$nextframe" checkpoint list "$1" 2>/dev/null | sed -n 's/.*step_0*\([0-9][0-9]*\).*/\1/p' | tail -n 1)
  [ "${newest:-0}" -gt "$(last_start "$1" step)" ]
}
has_told() { grep -qF -- "$1" launch.log || fail "it did not say '$1' but: $(grep '^launch: ' launch.log)"; }
seconds() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.1f", (b - a) / 1e9}'; }
