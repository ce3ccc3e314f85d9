#!/usr/bin/env bash
# The rollout's benchmark takes a config, a run or a checkpoint, and says what it measured.
source "$(dirname "$0")/common.sh"
make_world
write_config run.yaml
train run.yaml --run run

small=(--clips 3 --context 2 --frames 4 --rounds 1)
for subject in run.yaml run run/checkpoints/step_00000012; do
  "$nextframe" bench rollout "$subject" "${small[@]}" --json >figures.json
  for key in from_memory/ first_frame further_frame machine/product/bf16/1024 /operation/; do
    grep -q "\"case\": \"[^\"]*$key" figures.json || fail "no $key for $subject: $(cat figures.json)"
  done
  grep -A 6 '"unit": "frames/s"' figures.json | grep -q '"name": "from the window again"' || fail "no peer for $subject: $(cat figures.json)"
  grep -A 2 largest_difference figures.json | grep -q '"value": [0-9.]*e-0[6-9]\|"value": 0.0' ||
    fail "the two ways differ for $subject: $(grep -A 2 largest_difference figures.json)"
done
"$nextframe" bench rollout run "${small[@]}" >figures.txt
grep -q "^from the window again  *[1-9]" figures.txt || fail "the table lacks a row: $(cat figures.txt)"
# Three clips of four frames, 64 x 64 RGB in float32, and the same whatever else is timed.
"$nextframe" bench rollout run "${small[@]}" --out both.raw >/dev/null
"$nextframe" bench rollout run "${small[@]}" --only-memory --json --out memory.raw >figures.json
grep -q "window again" figures.json && fail "--only-memory timed the other way"
equal "$(stat -c %s both.raw)" $((3 * 4 * 64 * 64 * 3 * 4)) "bytes of --out"
cmp both.raw memory.raw || fail "two dreams of the same clips differ"
"$nextframe" bench rollout run.yaml "${small[@]}" --out untrained.raw >/dev/null
cmp -s both.raw untrained.raw && fail "a run dreams like its untrained config"
# Values of the config may be overridden for a run, too.
"$nextframe" bench rollout run "${small[@]}" --set trainer.precision=bf16 --json --out half.raw >figures.json
grep -q from_memory/bf16/ figures.json || fail "--set was not heard"
cmp -s both.raw half.raw && fail "bf16 dreams to the bit as fp32"

expect 2 "no episode" "$nextframe" bench rollout run --frames 100
expect 2 "--clips" "$nextframe" bench rollout run --clips 0
expect 2 "CONFIG_OR_RUN is required" "$nextframe" bench rollout
expect 4 "" "$nextframe" bench rollout run/checkpoints --rounds 1
echo "configs, runs and checkpoints are timed; what they dream is theirs"
