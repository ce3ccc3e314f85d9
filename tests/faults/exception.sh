#!/usr/bin/env bash
# An exception on one rank, in the middle of a step: the job ends with the code of that exception, the rank is named, and
# `nextframe launch` starts it again, with the digest of a run without faults. Thrown out of operator new: no hook.
source "$(dirname "$0")/../integration/common.sh"
source "$source_dir/tests/faults/launched.sh"
source "$source_dir/tests/faults/thrown.sh"
make_world
STEPS=400 write_config run.yaml
command=(train run.yaml --set trainer.log_every_steps=1 checkpoint.every_steps=20)
export LD_PRELOAD=$thrown
rank_of() { tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^PMIX_RANK=//p'; }
# All below a process that run the program as ranks.
ranks_below() {
  local child
  for child in $(children "$1"); do
    if [ "$(readlink "/proc/$child/exe")" = "$(readlink -f "$nextframe")" ] && [ -n "$(rank_of "$child")" ]; then echo "$child"; else ranks_below "$child"; fi
  done
}
# throw_one JOB RUN STEP SIGNAL: after that step; sets $rank.
throw_one() {
  await 60 "a step" is_past "$2" 0
  local victim
  victim=$(ranks_below "$1" | shuf -n 1)
  rank=$(rank_of "$victim")
  await 60 "step $3" is_past "$2" "$3"
  kill -s $(($(kill -l RTMIN) + $4)) "$victim"
}
says() { grep -qF -- "$1" launch.log || fail "it did not say '$1' but: $(tail -n 20 launch.log)"; }
"$nextframe" "${command[@]}" --run undisturbed >>train.log 2>&1

for case in "$memory_thrown:7:out of memory; take smaller clips or more grains" "$other_thrown:1:thrown by a test"; do
  IFS=: read -r signal code text <<<"$case"
  timeout -k 5 90 "$source_dir/scripts/ranks" 3 "$nextframe" "${command[@]}" --run "alone$code" >launch.log 2>&1 & job=$!
  throw_one $job "alone$code" 30 "$signal"
  begin=$(date +%s%N) status=0
  wait $job || status=$?
  took=$(seconds "$begin" "$(date +%s%N)")
  equal $status "$code" "exit code after an exception on rank $rank ($(tail -n 5 launch.log))"
  says "nextframe: rank $rank on $(hostname): $text"
  awk -v t="$took" 'BEGIN {exit t >= 10}' || fail "the job took $took s to end"
  echo "rank $rank throws: the job ends with $code after $took s"

  "$nextframe" launch -n 3 "${command[@]}" --run "launched$code" >launch.log 2>&1 & job=$!
  throw_one $job "launched$code" 100 "$signal"
  status=0
  wait $job || status=$?
  equal $status 0 "exit code under nextframe launch ($(tail -n 5 launch.log))"
  equal "$(num_starts "launched$code")" 2 "starts ($(tail -n 5 launch.log))"
  equal "$(digest "launched$code")" "$(digest undisturbed)" "digest after an exception on rank $rank"
  echo "rank $rank throws under nextframe launch: started again, same digest"
done
