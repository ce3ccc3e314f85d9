#!/usr/bin/env bash
# The benchmark of communication times both sums on the ranks that there are, and says so when there is only one.
source "$(dirname "$0")/common.sh"
small=(--kib 64 --rounds 3)

expect 0 "a rank alone exchanges nothing" "$nextframe" bench communication "${small[@]}"
for ranks in 2 3; do
  "$source_dir/scripts/ranks" $ranks "$nextframe" bench communication "${small[@]}" --grains 5 --json >figures.json
  for case in strict fast reduce_scatter all_gather strict/fp32/R$ranks-G5-64KiB/algorithm_bandwidth; do
    grep -q "\"case\": \"communication/$case" figures.json || fail "no $case on $ranks ranks: $(cat figures.json)"
  done
  equal "$(grep -c '"case"' figures.json)" 5 "cases on $ranks ranks, printed by one of them"
  grep -A 6 '"case": "communication/strict' figures.json | grep -q '"name": "fast"' || fail "the strict sum has no peer: $(cat figures.json)"
done
NEXTFRAME_TEST_RANKS_PER_NODE=2 "$source_dir/scripts/ranks" 4 "$nextframe" bench communication "${small[@]}" --json >figures.json
grep -A 6 '"case": "communication/strict_two_levels/fp32/R4-G8-64KiB' figures.json | grep -q '"name": "one level"' ||
  fail "two levels are not timed beside one: $(cat figures.json)"
expect 2 "--grains 1 cannot feed 2 ranks" "$source_dir/scripts/ranks" 2 "$nextframe" bench communication "${small[@]}" --grains 1
expect 2 "--kib" "$nextframe" bench communication --kib 0
echo "strict and fast are timed on 2 and 3 ranks"
