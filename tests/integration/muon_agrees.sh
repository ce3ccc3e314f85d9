#!/usr/bin/env bash
# Muon: the same state on any number of ranks however it is split over them, and after a kill -9.
source "$(dirname "$0")/common.sh"
make_world

# A matrix of several chunks, which stays with one owner.
MODEL_FIELDS=", dim: 32, layers: 2, heads: 2, patch_px: 16, mlp_ratio: 90"
export MODEL_FIELDS

STEPS=8 PRECISION=bf16 MATRICES=muon write_config muon.yaml
often=(--set checkpoint.every_steps=2 checkpoint.keep=9)
train muon.yaml --run muon "${often[@]}" || { cat train.log; fail "muon alone"; }
for start in 2:none 4:none 2:optimizer 4:optimizer 2:gradients 4:gradients 2:parameters 4:parameters; do
  train_on "${start%:*}" muon.yaml --run muon-split "${often[@]}" parallel.shard="${start#*:}" parallel.bucket_bytes=100000 ||
    { cat train.log; fail "muon, $start"; }
  equal "$(digest muon-split)" "$(digest muon)" "digest of muon, $start"
  rm -r muon-split
done
echo "muon: $(digest muon) on 1, 2, 4 ranks, however it is split"
grep -q '"moment2/blocks.0.mlp_in"' muon/checkpoints/step_00000008/manifest.json && fail "muon keeps a second moment"

# And through a kill -9 on four ranks, going on with other ranks and another split each time.
long=(--set trainer.steps=120 checkpoint.every_steps=2 checkpoint.keep=99)
train muon.yaml --run muon-long "${long[@]}"
has_died=false
until $has_died; do
  rm -rf muon-killed
  "$source_dir/scripts/ranks" 4 "$nextframe" train muon.yaml --run muon-killed "${long[@]}" parallel.shard=gradients >>train.log 2>&1 & launcher=$!
  until [ -e muon-killed/checkpoints/step_00000004 ] || ! kill -0 $launcher 2>/dev/null; do sleep 0.05; done
  victim=$(ps -o pid= --ppid "$launcher" | tail -n 1 | tr -d ' ' || true)
  if [ -n "$victim" ]; then kill -9 "$victim" 2>/dev/null || true; fi
  if ! wait $launcher; then has_died=true; fi
done
for start in 2:parameters 1:none; do
  train_on "${start%:*}" muon.yaml --run muon-killed "${long[@]}" parallel.shard="${start#*:}" trainer.recompute=block ||
    { cat train.log; fail "muon going on as $start"; }
  equal "$(digest muon-killed)" "$(digest muon-long)" "digest of muon after a kill, as $start"
  rm -r muon-killed/checkpoints/step_000001* muon-killed/checkpoints/step_0000009*
done

MODEL=frame_mlp MODEL_FIELDS='' MATRICES=muon write_config mlp.yaml
expect 2 "model frame_mlp has no matrices in blocks" "$nextframe" train mlp.yaml --run refused
[ ! -e refused ] || fail "a refused run has left a folder"
