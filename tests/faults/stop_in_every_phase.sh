#!/usr/bin/env bash
# Asked to stop before the first step, in a step, while data, an evaluation or a save is waited for: saved, 75, nothing lost.
source "$(dirname "$0")/../integration/common.sh"
make_world
"$nextframe" data make ball_and_paddle --out many --episodes 1 --validation-episodes 400 --frames 48 --seed 2 >/dev/null 2>&1
STEPS=1000000 write_config run.yaml
sed -i "s/warmup_steps: 4/&, kind: constant/" run.yaml  # so that the same steps are the same in a shorter run
cc -shared -fPIC -o slow_disk.so "$source_dir/tests/faults/slow_disk.c" -ldl
export SLOW_READ=$scratch/slow-read SLOW_SYNC=$scratch/slow-sync
run=(train run.yaml --run run --set trainer.log_every_steps=1 checkpoint.every_steps=50)

# await SECONDS WHAT COMMAND ...: until the command succeeds.
await() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $deadline ] || { tail -n 20 stop.log >&2; fail "waited in vain for $what"; }
    sleep 0.02
  done
}
begin() { LD_PRELOAD=$scratch/slow_disk.so "$source_dir/scripts/ranks" "$1" "$nextframe" "${run[@]}" "${@:2}" >stop.log 2>&1 & job=$!; }
step() { tail -n 1 run/metrics.jsonl 2>/dev/null | sed -n 's/^{"step":\([0-9]*\),.*}$/\1/p'; }
has_passed() { local now; now=$(step); [ -n "$now" ] && [ "$now" -gt "$1" ]; }
saved() { "$nextframe" checkpoint list run | sed -n 's/.*step_0*\([0-9][0-9]*\).*/\1/p' | tail -n 1; }
# ends SECONDS REASON [STEP]: with 75 within so many seconds, the last step (or STEP) saved, the file gone.
# A start and an end alone take `base` seconds on this machine.
base=120
ends() {
  local began=$SECONDS code=0
  wait $job || code=$?
  equal $code 75 "exit code ($2): $(tail -n 5 stop.log)"
  [ $((SECONDS - began)) -le $(($1 + base)) ] || fail "$2: it took $((SECONDS - began)) s to end"
  grep -q "asked to stop by \($2\|another rank\)" stop.log || fail "it did not say that it was asked by $2: $(tail -n 5 stop.log)"
  "$nextframe" checkpoint verify run >/dev/null || fail "no valid checkpoint ($2)"
  equal "$(saved)" "${3:-$(step)}" "saved step and last step ($2)"
  [ ! -e run/STOP ] || fail "the file STOP is still there"
}

# Before the first step: nothing to lose, and the next start goes on.
mkdir run && touch run/STOP
began=$SECONDS
begin 2
ends 0 "the file run/STOP" 0
base=$((SECONDS - began + 1))

begin 2
await 60 "a step" has_passed 0
touch run/STOP
ends 5 "the file run/STOP"
last=$(step)

# Time enough for a start and a step on this machine, then for a job of twice that, whose second half is margin.
begin 2 trainer.max_minutes="$(awk -v s=$base 'BEGIN {print (s + 2) / 60}')"
ends $((base + 5)) "trainer.max_minutes = [0-9.]*"
[ "$(step)" -gt "$last" ] || fail "$((base + 2)) s were too few for a step"
last=$(step)

SLURM_JOB_ID=1 SLURM_JOB_END_TIME=$(($(date +%s) + 2 * base + 4)) begin 2
ends $((base + 5)) "the near end of the Slurm job"
[ "$(step)" -gt "$last" ] || fail "$((base + 2)) s were too few for a step"
last=$(step)

# A loader that waits for a slow disk.
begin 2
await 60 "a step" has_passed "$last"
touch slow-read
sleep 1
touch run/STOP
ends 15 "the file run/STOP"
rm slow-read
last=$(step)

# An evaluation of minutes; a signal, as mpirun passes it on.
begin 2 evaluate.every_steps=5 evaluate.episodes=400 'data.validation=many/validation/*.h5' evaluate.horizon_frames=40
await 60 "an evaluation" has_passed $(((last / 5 + 1) * 5 - 1))
sleep 0.5
kill -USR1 $job
ends 8 SIGUSR1
grep -q "evaluation of step .* was not finished" stop.log || fail "no evaluation was interrupted"
last=$(step)

# A save, and asked twice.
begin 2
await 60 "a step" has_passed "$last"
touch slow-sync
await 60 "a save" compgen -G 'run/checkpoints/*.tmp'
kill -USR1 $job
sleep 0.2
kill -USR1 $job
ends 15 SIGUSR1
rm slow-sync

train run.yaml --run undisturbed --set trainer.steps="$(step)" trainer.log_every_steps=1000 checkpoint.every_steps=100000
equal "$(digest run)" "$(digest undisturbed)" "digest after all these stops, at step $(step)"
echo "stopped in every phase, the same digest at step $(step)"
