#!/usr/bin/env bash
# A kill at system calls of a save, on either of two ranks; after each, what is left is whole and the run ends with its
# digest. Takes every NEXTFRAME_KILL_EVERY-th call; all of them: tests/faults/kill_at_every_call.sh.
faults_dir=$(cd "$(dirname "$0")" && pwd)
source "$faults_dir/../integration/common.sh"
source "$faults_dir/injection.sh"
every=${NEXTFRAME_KILL_EVERY:-8}
make_world
write_config run.yaml  # saves after 4, 8 and 12 steps, and removes the first of them after the last
train run.yaml --run undisturbed
expected=$(digest undisturbed)
run=$scratch/run

# check_and_continue WHAT: only whole checkpoints are there; alone, the run ends as if nothing had been.
check_and_continue() {
  local left
  left=$(find "$run/checkpoints" -maxdepth 1 -name 'step_????????' 2>/dev/null | wc -l)
  if [ "$left" != 0 ]; then
    "$nextframe" checkpoint verify "$run" >verify.log 2>&1 || fail "$1 left: $(cat verify.log)"
  fi
  train run.yaml --run "$run" || { tail train.log >&2; fail "$1: the run did not come back"; }
  equal "$(digest "$run")" "$expected" "digest after $1"
  [ -z "$(find "$run/checkpoints" -name '*.t*' -o -name '*.replaced')" ] || fail "$1: leftovers: $(ls "$run/checkpoints")"
}

# Every call, as "RANK CALL NUMBER"; the commit is rank 0's alone.
: >points
for calls in mkdir,openat,write,ftruncate,rename,unlinkat fsync; do
  rm -rf "$run"
  on_two_ranks "$injected" all $calls "$run" "$nextframe" train run.yaml --run "$run" || { tail train.log; fail "traced"; }
  for rank in 0 1; do
    for call in ${calls//,/ }; do
      number=$(grep -c " $call(" "$run.trace-$rank" || true)
      for ((i = 1; i <= number; ++i)); do echo "$rank $call $i" >>points; done
    done
  done
done
[ "$(wc -l <points)" -ge 50 ] || fail "only $(wc -l <points) calls found: $(cat points)"

kills=0 skipped=$((RANDOM % every))
while read -r rank call number; do
  skipped=$((skipped + 1))
  [ $((skipped % every)) = 0 ] || continue
  rm -rf "$run"
  on_two_ranks "$injected" "$rank" "$call:signal=KILL:when=$number" "$run" "$nextframe" train run.yaml --run "$run" </dev/null || true
  grep -q 'killed by SIGKILL' "$run.trace-$rank" || continue  # the other rank made the folder this time
  kills=$((kills + 1))
  check_and_continue "a kill of rank $rank at $call number $number"
done <points
[ $kills -ge $(($(wc -l <points) * 4 / 5 / every)) ] || fail "only $kills kills at $(wc -l <points) calls"
echo "whole checkpoints and the same digest after each of $kills kills, of $(wc -l <points) calls"
