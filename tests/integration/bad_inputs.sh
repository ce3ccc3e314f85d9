#!/usr/bin/env bash
# What goes wrong is named, on one screen, with its exit code, and nothing is lost.
source "$(dirname "$0")/common.sh"
make_world
write_config run.yaml

# Config
sed 's/lr:/lerning_rate:/' run.yaml >typo.yaml
expect 2 "did you mean 'optimizer.lr'?" "$nextframe" train typo.yaml --run typo
expect 2 "typo.yaml:4:" "$nextframe" check typo.yaml
sed 's/steps: 12/steps: many/' run.yaml >type.yaml
expect 2 "trainer.steps" "$nextframe" train type.yaml --run type
expect 2 "nowhere.yaml" "$nextframe" train nowhere.yaml
expect 2 "" "$nextframe" no-such-command
[ ! -e typo ] && [ ! -e type ] || fail "a run folder was made for a config that is wrong"

expect 2 "patch_px" "$nextframe" train run.yaml --run patch --set model.patch_px=7
[ ! -e patch ] || fail "a run folder was made for a model that does not fit"
expect 2 "cannot feed 3 ranks" env NEXTFRAME= "$source_dir/scripts/ranks" 3 "$nextframe" train run.yaml --run few --set trainer.grains=2

# Data
expect 3 "nothing/*.h5" "$nextframe" train run.yaml --run nodata --set 'data.train=nothing/*.h5'
cp -r data truncated
shard=$(ls truncated/train/*.h5 | head -n 1)
truncate -s -5000 "$shard"
expect 3 "$(basename "$shard")" "$nextframe" train run.yaml --run cut --set 'data.train=truncated/train/*.h5'
cp -r data flipped
shard=$(ls flipped/train/*.h5 | head -n 1)
# One bit inside the first compressed chunk of pixels: zstd's magic number tells where that is.
chunk=$(LC_ALL=C grep -obUaP '\x28\xb5\x2f\xfd' "$shard" | head -n 1 | cut -d: -f1 || true)
byte=$(od -An -tu1 -j $((chunk + 40)) -N 1 "$shard")
printf "\\$(printf %o $((byte ^ 4)))" | dd of="$shard" bs=1 seek=$((chunk + 40)) conv=notrunc status=none
cmp -s "$shard" "data/train/$(basename "$shard")" && fail "no bit was flipped"
expect 3 "$(basename "$shard")" "$nextframe" data verify 'flipped/train/*.h5'
expect 3 "$(basename "$shard")" "$nextframe" train run.yaml --run flip --set 'data.train=flipped/train/*.h5' --set trainer.steps=60

# Checkpoints
train run.yaml --run run
expected=$(digest run)
newest=run/checkpoints/step_00000012
printf 'x' | dd of=$newest/rank-00000.bin bs=1 seek=1000 conv=notrunc status=none
expect 4 "rank-00000.bin" "$nextframe" checkpoint verify run
expect 0 "passing over a broken checkpoint" "$nextframe" train run.yaml --run run
equal "$(digest run)" "$expected" "digest after a broken checkpoint was passed over"
rm run/checkpoints/step_00000008/manifest.json run/checkpoints/step_00000012/manifest.json
expect 4 "none of the" "$nextframe" train run.yaml --run run

# Disk
# Root may write anywhere, unless it gives that up.
bound=()
[ "$(id -u)" != 0 ] || bound=(setpriv --bounding-set=-dac_override --inh-caps=-dac_override)
mkdir sealed && chmod a-w sealed
expect 5 "sealed" "${bound[@]}" "$nextframe" train run.yaml --run sealed/run
: >file
expect 5 "file" "$nextframe" train run.yaml --run file/run
echo "config, data, checkpoints: each named"
