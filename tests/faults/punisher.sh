#!/usr/bin/env bash
# The punisher: a supervised run on two hosts of two ranks meets faults of every kind in every phase, at random times, and
# ends with the digest of a run that met none.
#
#   NEXTFRAME=… tests/faults/punisher.sh [FAULTS]    5 unless given; NEXTFRAME_FAULT_SEED repeats the choices of a run
#
# Prints a report in markdown on standard output. At least one checkpoint is committed between two faults. Processes are
# ended by their numbers. A setup is met by preempting the run and starting it again.
source "$(dirname "$0")/../integration/common.sh"
source "$source_dir/tests/faults/launched.sh"
source "$source_dir/tests/faults/two_hosts.sh"
source "$source_dir/tests/faults/thrown.sh"
faults=${1:-5}
save_every=20 evaluate_every=50 hang_limit_s=10 pause_limit_s=20
make_hosts 2
make_world
cat >run.yaml <<YAML
data: {train: data/train/*.h5, validation: data/validation/*.h5, clip_frames: 6}
model: {name: space_time_transformer, dim: 32, layers: 2, heads: 2, patch_px: 16}
objective: {name: regress}
optimizer: {lr: 0.001, ema_decay: 0.9}
schedule: {kind: constant, warmup_steps: 4}
trainer: {steps: 1000000, global_batch: 8, grains: 8, log_every_steps: 1}
checkpoint: {every_steps: $save_every, keep: 2}
evaluate: {every_steps: $evaluate_every, context_frames: 2, horizon_frames: 4}
YAML
# Without a watchdog in the program a rank that stands still is noticed on the launcher's host only.
has_watchdog=false
if "$nextframe" explain parallel.hang_limit_s >/dev/null 2>&1; then
  has_watchdog=true
  echo "parallel: {hang_limit_s: $hang_limit_s, pause_limit_s: $pause_limit_s}" >>run.yaml
fi
run=$scratch/run
RANDOM=${NEXTFRAME_FAULT_SEED:=$$}
echo "seed $NEXTFRAME_FAULT_SEED" >&2

kinds=(KILL SEGV ABRT STOP exception daemon host cable-3s cable)
phases=(step save setup evaluate step)
shuffle() { local i j word; for ((i = ${#deck[@]} - 1; i > 0; --i)); do j=$((RANDOM % (i + 1))); word=${deck[i]} deck[i]=${deck[j]} deck[j]=$word; done; }
kind_deck=() phase_deck=() deck=()
# Sets `card`: every kind and phase comes before any comes again.
draw_kind() { if [ ${#kind_deck[@]} = 0 ]; then deck=("${kinds[@]}"); shuffle; kind_deck=("${deck[@]}"); fi; card=${kind_deck[-1]}; unset "kind_deck[-1]"; }
draw_phase() { if [ ${#phase_deck[@]} = 0 ]; then deck=("${phases[@]}"); shuffle; phase_deck=("${deck[@]}"); fi; card=${phase_deck[-1]}; unset "phase_deck[-1]"; }
sleep_about() { sleep "$(awk -v r=$RANDOM -v mean="$1" 'BEGIN {x = -mean * log((r + 1) / 32769); print x < 5 * mean ? x : 5 * mean}')"; }

start_run() {
  starts=$((starts + 1))
  LD_PRELOAD=$thrown OMPI_MCA_mca_base_env_list=LD_PRELOAD=$thrown \
    "$on" 1 "$nextframe" launch -n 4 --hosts "$(host_list 2)" --lost-rank-s $hang_limit_s --max-restarts 10000 train run.yaml --run "$run" >>launch.log 2>&1 & launcher=$!
}
stop_run() { # saves, ends with 75
  kill -USR1 $launcher
  local status=0
  wait $launcher || status=$?
  equal $status 75 "exit code when asked to save ($(tail -n 20 launch.log))"
}
newest_commit() { find "$run/checkpoints" -maxdepth 1 -name 'step_*[0-9]' -printf '%f\n' 2>/dev/null | sed 's/step_0*//' | sort -n | tail -n 1; }
has_committed_since() { local step; step=$(newest_commit); [ "${step:-0}" -gt "$1" ]; }
is_saving() { compgen -G "$run/checkpoints/*.tmp" >/dev/null; }
is_evaluating() { local step; step=$(newest_step "$run"); [ -n "$step" ] && [ $((step % evaluate_every)) = 0 ]; }
watch_for() { local deadline=$((SECONDS + 20)); until "$@"; do [ $SECONDS -lt $deadline ] || fail "waited in vain: $*"; done; }
has_all_ranks() { [ "$(ranks_on 1 | wc -l) $(ranks_on 2 | wc -l)" = "2 2" ]; }
# A step that was logged after the moment `since` (nanoseconds).
has_stepped_since() { has_stepped "$run" && [ "$(date +%s%N -r "$run/metrics.jsonl")" -gt "$1" ]; }
has_ended() { [ "$(grep -c '"event":"end"' "$run/launch.jsonl")" -gt "$1" ]; }

wait_for_phase() {
  case $1 in
    step) ;;
    save) watch_for is_saving ;;
    evaluate) watch_for is_evaluating ;;
    setup)
      stop_run
      start_run
      await 30 "a start" has_started "$run" $starts
      await 30 "ranks" has_all_ranks
      sleep "$(awk -v r=$RANDOM 'BEGIN {print r / 32768}')"
      ;;
  esac
}
# Sets `began`, the moment of the fault, or for a cable that is put back when it was; and `since`, after which steps count.
inflict() {
  local ends host=$((1 + RANDOM % 2)) victim
  if [ "$1" = STOP ] && ! $has_watchdog; then host=1; fi
  victim=$(ranks_on $host | sed -n "$((1 + RANDOM % 2))p" | cut -d ' ' -f 1)
  where="a rank of node0$host"
  ends=$(grep -c '"event":"end"' "$run/launch.jsonl" || true)
  began=$(date +%s%N)
  case $1 in
    KILL | SEGV | ABRT | STOP) kill "-$1" "$victim" ;;
    exception) kill -s $(($(kill -l RTMIN) + other_thrown)) "$victim" ;;
    daemon) where=node02; kill -KILL "$(daemons_on 2)" ;;
    host) where=node02; crash_host 2 ;;
    cable-3s) where=node02; cut_link 2; sleep 3; mend_link 2; since=$(date +%s%N); return ;;
    cable) where=node02; cut_link 2; await 40 "the end of a start without a cable" has_ended "$ends"; mend_link 2 ;;
  esac
  since=$began
}

rows=()
starts=0
start_run
for ((fault = 1; fault <= faults; ++fault)); do
  await 60 "a step" has_stepped "$run"
  await 60 "a commit" has_committed_since "$(last_start "$run" step)"
  draw_kind; kind=$card
  draw_phase; phase=$card
  sleep_about 0.7
  wait_for_phase "$phase"
  before=$(num_starts "$run")
  inflict "$kind"
  case $kind in cable-3s) ;; *) await 90 "a start after '$kind' in $phase" has_started "$run" $((before + 1)) ;; esac
  at=$(newest_step "$run")  # the ranks are about to start: this is still what the last ones wrote
  await 90 "a step after '$kind' in $phase" has_stepped_since "$since"
  took=$(seconds "$began" "$(date +%s%N)")
  starts=$(num_starts "$run")
  lost=$([ "$starts" = "$before" ] && echo 0 || echo $((at - $(last_start "$run" step))))
  rows+=("$kind $phase ${where// /_} $((starts - before)) $took $lost")
  echo "$fault: $kind in $phase, $where: $((starts - before)) restarts, next step after $took s, $lost steps lost" >&2
done
await 60 "a commit" has_committed_since "$(last_start "$run" step)"
stop_run
steps=$("$nextframe" checkpoint hash "$run" --json | sed -n 's/.*"step": *\([0-9]*\).*/\1/p')
train run.yaml --set trainer.steps="$steps" evaluate.every_steps=0 --run undisturbed
equal "$(digest "$run")" "$(digest undisturbed)" "digest after $faults faults and $steps steps, seed $NEXTFRAME_FAULT_SEED"

summary() { # summary NAME COLUMN-NUMBER VALUE: rows of that value
  printf '%s\n' "${rows[@]}" | awk -v c="$2" -v v="$3" 'v == "" || $c == v {print $5, $4, $6}' | sort -n |
    awk -v name="$1" '{t[NR] = $1; restarts += $2; lost += $3}
      END {if (NR) printf "| %s | %d | %d | %d | %.1f | %.1f |\n", name, NR, restarts, lost, (t[int((NR + 1) / 2)] + t[int((NR + 2) / 2)]) / 2, t[NR]}'
}
echo "| fault | times | restarts | steps lost | time to the next step, median, s | worst, s |"
echo "|---|---|---|---|---|---|"
summary "a rank killed (SIGKILL)" 1 KILL
summary "a rank crashed (SIGSEGV)" 1 SEGV
summary "a rank aborted (SIGABRT, as after an exception that nobody catches)" 1 ABRT
summary "an exception on a rank" 1 exception
summary "a rank stopped (SIGSTOP)" 1 STOP
summary "mpirun's daemon killed" 1 daemon
summary "a host crashed" 1 host
summary "a cable away for 3 s" 1 cable-3s
summary "a cable away until the restart" 1 cable
for phase in setup step save evaluate; do summary "any, in $phase" 2 $phase; done
summary all 1 ""
echo
echo "$faults faults, $((starts - 1)) starts after the first, $steps steps, seed $NEXTFRAME_FAULT_SEED: the digest of a run of one rank without faults."
