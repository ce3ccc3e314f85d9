#!/usr/bin/env bash
# docs/add-a-world.md: its commands run as they stand, and the world it shows is the one that is built.
source "$(dirname "$0")/common.sh"
page=$source_dir/docs/add-a-world.md

# The lines of the page's first block in ``` without a language; "nextframe" is the program under test.
commands=$(awk '/^```$/ { ++fence; next } fence == 1' "$page" | sed 's/ *#.*//')
[ "$(grep -c '^nextframe ' <<<"$commands")" -ge 6 ] || fail "the page has lost its commands: $commands"
while IFS= read -r line; do
  eval "\"$nextframe\" ${line#nextframe }" >>output.txt 2>&1 || fail "'$line': $(tail -n 5 output.txt)"
done <<<"$commands"
[ -s collisions.png ] || fail "data show left no picture"
grep -qF 'object_mask' <("$nextframe" data inspect datasets/collisions_outside/train/shard-00000.h5) ||
  fail "--masks stored no masks"
"$nextframe" data verify 'datasets/*/*/*.h5' >>output.txt 2>&1 || fail "the shards are not sound"

shown=$(awk '/^```cpp$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$page")
built=$(sed -n '/^#include/,$p' "$source_dir/data/worlds/uniform_motion.cpp")
equal "$shown" "$built" "the world in the page"

# All worlds are listed, each has its own page of facts, and a misspelt one is told which is meant.
for world in $("$nextframe" data worlds --json | python3 -c 'import json, sys; print(*json.load(sys.stdin))'); do
  "$nextframe" data worlds "$world" | grep -q 'column' || fail "data worlds $world tells no columns"
done
expect 2 "did you mean 'parabola'" "$nextframe" data worlds parabolla
expect 2 "known are inside, outside and combination" "$nextframe" data make parabola --out x --range outsid
expect 2 "has no parameters" "$nextframe" data make bouncing_square --out x --range outside
echo "worlds are listed and made as docs/add-a-world.md says"
