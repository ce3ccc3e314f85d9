#!/usr/bin/env bash
# Ten kills -9 at moments drawn uniformly over a run's wall time; after each the same command again. Same digest.
source "$(dirname "$0")/common.sh"
make_world
STEPS=60 write_config run.yaml
begin=$(date +%s%N)
train run.yaml --run undisturbed
wall_ms=$((($(date +%s%N) - begin) / 1000000))

RANDOM=${NEXTFRAME_KILL_SEED:=$$}
wall_ms=$((wall_ms + 1000))  # mpirun takes about a second to start
echo "seed $NEXTFRAME_KILL_SEED, undisturbed in $wall_ms ms"
kills=0
while [ $kills -lt 10 ]; do
  ranks=$((kills % 2 + 1))
  "$source_dir/scripts/ranks" $ranks "$nextframe" train run.yaml --run killed >>train.log 2>&1 & launcher=$!
  sleep "$(awk -v m="$wall_ms" -v r=$RANDOM 'BEGIN {print m / 1000 * r / 32768}')"
  victim=$(ps -o pid= --ppid "$launcher" | tail -n 1 | tr -d ' ' || true)  # a rank: they are mpirun's children
  if [ -n "$victim" ] && kill -9 "$victim" 2>/dev/null; then kills=$((kills + 1)); fi
  status=0; wait "$launcher" || status=$?
  if [ -z "$victim" ] && [ $status = 0 ]; then rm -rf killed; fi  # it finished first: begin again
done
train run.yaml --run killed || { cat train.log; fail "the run did not come back"; }
equal "$(digest killed)" "$(digest undisturbed)" "digest after $kills kills"
"$nextframe" checkpoint verify killed >/dev/null || fail "a broken checkpoint was left"
[ -z "$(find killed/checkpoints -maxdepth 1 -name '*.tmp')" ] || fail "a half-written checkpoint was left"
echo "same digest after $kills kills"
