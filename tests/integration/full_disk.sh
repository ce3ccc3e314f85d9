#!/usr/bin/env bash
# A disk that fills up while a checkpoint is saved: exit 4, the reason named, the checkpoints before it valid.
source "$(dirname "$0")/common.sh"
make_world
write_config run.yaml
train run.yaml --run run

for user in "" --map-root-user; do
  if unshare --mount $user true 2>/dev/null; then unshare_user=$user; break; fi
done
if [ -z "${unshare_user+set}" ]; then
  echo "skipped: no privilege to mount a small disk here"
  exit 77
fi
mkdir small
# A disk with room for the run's folder and two checkpoints, then for no more.
bytes=$(stat -c %s run/checkpoints/step_00000012/rank-00000.bin)
room=$((bytes * 5 / 2 / 1024 + 120))k
unshare --mount $unshare_user bash -c '
  mount -t tmpfs -o size="$1" none small && shift
  "$@" >full.log 2>&1; echo $? >full.code
  "$0" checkpoint verify small/run >full.verify 2>&1; echo $? >>full.code' \
  "$nextframe" $room "$nextframe" train run.yaml --run small/run --set checkpoint.every_steps=2
equal "$(tr '\n' ' ' <full.code)" "4 0 " "exit codes on a full disk: train, then verify ($(cat full.log full.verify))"
grep -q "No space left on device" full.log || fail "a full disk was not named: $(cat full.log)"
echo "a full disk: named, and nothing lost"
