#!/usr/bin/env bash
# `nextframe launch`: five faults at random times and the run ends as if there had been none; stopping; giving up.
source "$(dirname "$0")/../integration/common.sh"
source "$source_dir/tests/faults/launched.sh"
make_world
STEPS=1100 write_config run.yaml
train=(train run.yaml --set trainer.log_every_steps=1 checkpoint.every_steps=10 --run)

# Every process of the runs names the scratch folder in its arguments, or is below the launcher.
no_process_left() {
  local process
  for process in /proc/[0-9]*; do
    [ "${process#/proc/}" = $$ ] && continue
    if tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -qF -- "--run $scratch/"; then
      fail "left behind: $process $(tr '\0' ' ' <"$process/cmdline")"
    fi
  done
}

"$nextframe" launch -n 2 "${train[@]}" "$scratch/undisturbed" >launch.log 2>&1 || { cat launch.log; fail "no faults, and yet"; }

RANDOM=${NEXTFRAME_KILL_SEED:=$$}
echo "seed $NEXTFRAME_KILL_SEED"
run=$scratch/faulty
"$nextframe" launch -n 2 --lost-rank-s 2 "${train[@]}" "$run" >launch.log 2>&1 & launcher=$!
starts=1
for fault in "KILL rank" "SEGV rank" "KILL mpirun" "STOP rank" "STOP,KILL rank"; do
  await 30 "step after start $starts" has_stepped "$run"
  await 30 "checkpoint after start $starts" has_committed "$run"
  sleep "$(awk -v r=$RANDOM 'BEGIN {print r / 65536}')"
  mpirun=$(children $launcher)
  mapfile -t ranks < <(children "$mpirun")
  victim=${ranks[$((RANDOM % ${#ranks[@]}))]}
  [ "${fault#* }" = rank ] || victim=$mpirun
  begin=$(date +%s%N)
  signals=${fault% *}
  for signal in ${signals//,/ }; do kill "-$signal" "$victim" || fail "the run ended before '$fault'"; done
  starts=$((starts + 1))
  await 30 "start $starts" has_started "$run" $starts
  again=$(date +%s%N)
  await 30 "step after '$fault'" has_stepped "$run"
  echo "$fault: started again after $(seconds "$begin" "$again") s, next step after $(seconds "$begin" "$(date +%s%N)") s"
done
status=0; wait $launcher || status=$?
equal $status 0 "exit code after $((starts - 1)) faults ($(tail -n 20 launch.log))"
equal "$(digest "$run")" "$(digest undisturbed)" "digest after $((starts - 1)) faults"
equal "$(grep -c 'restart [0-9]* of 100' launch.log)" $((starts - 1)) "restarts told"
no_process_left
echo "same digest after $((starts - 1)) faults, nothing left behind"

# A request saves and ends with its own code; the same command continues.
for case in TERM:75 INT:130; do
  run=$scratch/stop-${case%:*}
  # The shell lets what it starts in the background ignore SIGINT.
  env --default-signal=INT "$nextframe" launch -n 2 "${train[@]}" "$run" >launch.log 2>&1 & launcher=$!
  await 30 "a step" has_stepped "$run"
  kill "-${case%:*}" $launcher
  status=0; wait $launcher || status=$?
  equal $status "${case#*:}" "exit code after SIG${case%:*} ($(tail -n 20 launch.log))"
  saved=$("$nextframe" checkpoint list "$run" | tail -n 1)
  "$nextframe" checkpoint verify "$run" >/dev/null || fail "no valid checkpoint after SIG${case%:*}"
  no_process_left
done
# It is asked again to go on, and killed without a chance to say anything: its ranks go too.
"$nextframe" launch -n 2 "${train[@]}" "$run" >launch.log 2>&1 & launcher=$!
await 30 "the second start" has_started "$run" 2
await 30 "a step" has_stepped "$run"
grep -q "continuing from" launch.log || fail "it did not go on from $saved"
kill -KILL $launcher
wait $launcher || true
is_gone() { ( no_process_left ) 2>/dev/null; }
await 10 "the ranks of a killed launcher to end" is_gone

# Fewer slots than ranks. mpirun itself says a screen about it.
quietly() { local code=0; "$@" >long.log 2>&1 || code=$?; grep '^launch: ' long.log; return $code; }
expect 5 "mpirun has no slots for 3 ranks" quietly "$nextframe" launch -n 3 --hosts localhost:2 train run.yaml --run slots
STEPS=8 write_config short.yaml
expect 0 "2 of 3 ranks, on localhost:2" quietly "$nextframe" launch -n 3 --min-ranks 1 --hosts localhost:2 train short.yaml --run slots

# A crash loop: an mpirun that always crashes.
mkdir bin
printf '#!/bin/sh\nkill -SEGV $$\n' >bin/mpirun
chmod +x bin/mpirun
expect 93 "3 restarts in a row without a new checkpoint" env PATH="$scratch/bin:$PATH" "$nextframe" launch -n 2 train run.yaml --run loop
expect 5 "mpirun cannot be started" env PATH=/nowhere "$nextframe" launch -n 2 train run.yaml --run loop
expect 2 "did you mean 'optimizer.lr'" "$nextframe" launch -n 2 train run.yaml --set optimizer.lrr=1
echo "stopping, missing slots and giving up"
