#!/usr/bin/env bash
# nextframe verify proves the promise on a user's config, and fails by name where it does not hold; plan needs no run.
source "$(dirname "$0")/common.sh"
make_world
write_config run.yaml

verify() { "$nextframe" verify run.yaml --scratch "$scratch" "$@"; }
verify --ranks 1,2,3 >verdict.log 2>&1 || { cat verdict.log; fail "verify of a sound config"; }
for check in "runs on 1 rank" "ranks agree: 2 ranks" "ranks agree: 3 ranks" "resume after step 2: 1 rank" \
  "resume after step 2: 3 ranks" "dream from memory" "gradients are synchronised: 3 ranks" "trainer.recompute = block"; do
  grep -q "^ok .*$check" verdict.log || { cat verdict.log; fail "no verdict on '$check'"; }
done
! ls -d nextframe-verify-* 2>/dev/null || fail "the scratch folder was left behind"

# Sums in another order are another run: the check, the tensor and the reason are named.
status=0
verify --ranks 1,2 --json --set parallel.reduce=fast >verdict.json 2>/dev/null || status=$?
equal "$status" 6 "exit code where ranks differ"
grep -q '"passed": false' verdict.json || fail "$(cat verdict.json)"
grep -A2 '"check": "ranks agree: 2 ranks"' verdict.json | grep -q "first in '.*', chunk .*parallel.reduce = fast" || fail "$(cat verdict.json)"

expect 6 "exit code 5" "$nextframe" verify run.yaml --ranks 1 --scratch "$scratch" --set parallel.device=cuda
expect 2 "starts its own ranks" "$source_dir/scripts/ranks" 1 "$nextframe" verify run.yaml
expect 2 "cannot feed" verify --ranks 9

"$nextframe" plan run.yaml --ranks 1,2,8 --mtbf-hours 1 >plan.log || fail "plan"
grep -q "advice .*4 grains a rank" plan.log || fail "$(cat plan.log)"
expect 2 "--grains-per-rank" "$nextframe" plan run.yaml --ranks 8..64
expect 2 "--frame 64x64x3" "$nextframe" plan run.yaml --set data.train=nowhere/*.h5
"$nextframe" plan run.yaml --set data.train=nowhere/*.h5 --frame 64x64x3 --actions 3 --flops 1e12 --bandwidth-gbs 25 --disk-gbs 2 \
  --ranks 8..64 --grains-per-rank 4 --ranks-per-node 8 --json >plan.json || fail "plan without data"
grep -q '"ranks": 64' plan.json || fail "$(cat plan.json)"
echo "verify: sound and unsound; plan: with data and without"
