#!/usr/bin/env bash
# The same state on any number of ranks however it is split over them, and from each split into any other.
# With --long: 200 steps on 1 to 5 ranks.
source "$(dirname "$0")/common.sh"
make_world
steps=8 rank_counts="2 3" precisions="fp32 bf16" recomputes=none shards="optimizer gradients parameters"
[ "${1:-}" != --long ] || steps=200 rank_counts="1 2 3 4 5" recomputes="none block" shards="none $shards"

# A layer of several chunks, so that one parameter has several owners.
MODEL_FIELDS=", dim: 32, layers: 2, heads: 2, patch_px: 16, mlp_ratio: 90"
export MODEL_FIELDS

for precision in $precisions; do
  STEPS=$steps PRECISION=$precision write_config run.yaml
  rm -rf run-*
  train run.yaml --run run-alone --set checkpoint.every_steps=$steps
  expected=$(digest run-alone)
  [ ${#expected} = 32 ] || fail "no digest: $expected"
  for shard in $shards; do
    for recompute in $recomputes; do
      for ranks in $rank_counts; do
        train_on "$ranks" run.yaml --run run-split --set parallel.shard="$shard" trainer.recompute=$recompute parallel.bucket_bytes=100000 checkpoint.every_steps=$steps ||
          { cat train.log; fail "$precision, $shard on $ranks ranks"; }
        equal "$(digest run-split)" "$expected" "$precision: digest of $shard on $ranks ranks, recompute $recompute"
        rm -r run-split
      done
      echo "$precision, shard $shard, recompute $recompute: $expected on $rank_counts ranks, $steps steps"
    done
  done
done

# Stopped after 2, 4, 6 steps by taking later checkpoints away; each start goes on with other ranks and another split.
STEPS=10 PRECISION=bf16 write_config run.yaml
chain=(--set checkpoint.every_steps=2 checkpoint.keep=9 checkpoint.digest_every_steps=10)
train run.yaml --run whole "${chain[@]}"
done_steps=0 recompute=none
for start in 4:parameters 2:optimizer 3:gradients 1:parameters 4:optimizer; do
  train_on "${start%:*}" run.yaml --run chain "${chain[@]}" parallel.shard="${start#*:}" trainer.recompute="$recompute" ||
    { cat train.log; fail "going on as $start"; }
  equal "$(digest chain)" "$(digest whole)" "digest after going on as $start"
  equal "$(grep -o '"digest":"[^"]*"' chain/metrics.jsonl | tail -1)" "\"digest\":\"$(digest whole)\"" "digest in metrics.jsonl, $start"
  done_steps=$((done_steps + 2)) recompute=block  # from the second start on
  for checkpoint in chain/checkpoints/*; do
    [ "$((10#${checkpoint##*_}))" -le $done_steps ] || rm -r "$checkpoint"
  done
done
grep -q "memory a rank: parameters" chain/log/rank0.log || fail "no line about memory"

# The weight average is looked at whole while the run is split.
evaluation=(evaluate.every_steps=5 evaluate.episodes=2)
train run.yaml --run look --set "${evaluation[@]}"
for shard in optimizer parameters; do
  train_on 2 run.yaml --run look-$shard --set "${evaluation[@]}" parallel.shard=$shard || { cat train.log; fail "evaluating with $shard"; }
  equal "$(digest look-$shard)" "$(digest whole)" "digest after evaluating with $shard"
  for step in 05 10; do
    cmp <(sed 's/"look[a-z-]*"/"look"/' look/eval/step_000000$step/report.json) <(sed 's/"look[a-z-]*"/"look"/' look-$shard/eval/step_000000$step/report.json) ||
      fail "another evaluation of step $step with $shard"
  done
done

MODEL=frame_mlp MODEL_FIELDS='' write_config mlp.yaml
expect 2 "model frame_mlp has no trunk" "$nextframe" train mlp.yaml --run refused --set parallel.shard=parameters
