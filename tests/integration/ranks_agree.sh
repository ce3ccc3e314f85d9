#!/usr/bin/env bash
# The same parameter bits on 1, 2, 3, 4 and 5 ranks: fp32 and bf16, every objective and update rule, resumed on other
# numbers of ranks too.
source "$(dirname "$0")/common.sh"
make_world

for case in fp32:regress:adamw bf16:regress:adamw fp32:flow:adamw bf16:regress:muon; do
  IFS=: read -r PRECISION OBJECTIVE MATRICES <<<"$case"
  write_config run.yaml
  rm -rf run-*
  train run.yaml --run run-1 || { cat train.log; fail "$case alone"; }
  expected=$(digest run-1)
  [ ${#expected} = 32 ] || fail "no digest: $expected"
  for ranks in 2 3 4 5; do
    train_on $ranks run.yaml --run run-$ranks || { cat train.log; fail "$case on $ranks ranks"; }
    equal "$(digest run-$ranks)" "$expected" "$case: digest on $ranks ranks"
  done

  # 2 → 1 → 3 ranks: stopped after 4 and after 8 steps by taking later checkpoints away.
  train_on 2 run.yaml --run run-chain
  rm -r run-chain/checkpoints/step_00000012
  train run.yaml --run run-chain
  rm -r run-chain/checkpoints/step_00000012
  train_on 3 run.yaml --run run-chain
  equal "$(digest run-chain)" "$expected" "$case: digest after resuming on other numbers of ranks"
  equal "$(grep -c . run-chain/metrics.jsonl)" 3 "lines of metrics.jsonl"
  echo "$case: $expected on 1, 2, 3, 4, 5 ranks and through 2 → 1 → 3"
done

unset PRECISION OBJECTIVE MATRICES

# An objective that looks at some clips without a gradient first, actions that are hidden, attention over space and time.
PRECISION=bf16 OBJECTIVE=shortcut OBJECTIVE_FIELDS=", bootstrap_start: 4" ACTION_DROPOUT=0.2 BATCH=32 \
  MODEL_FIELDS=", dim: 32, layers: 2, heads: 2, patch_px: 16, attention: frame_causal" write_config shortcut.yaml
train shortcut.yaml --run shortcut
train_on 2 shortcut.yaml --run shortcut-shards --set parallel.shard=parameters
train_on 3 shortcut.yaml --run shortcut-again --set parallel.shard=gradients trainer.recompute=block trainer.steps=12
for run in shortcut-shards shortcut-again; do equal "$(digest $run)" "$(digest shortcut)" "digest of $run"; done
rm -r shortcut/checkpoints/step_00000012
train_on 4 shortcut.yaml --run shortcut
equal "$(digest shortcut)" "$(digest shortcut-again)" "digest of shortcut after a resume on 4 ranks"
echo "shortcut: $(digest shortcut)"

# Buckets smaller than a layer travel while backward runs, and change nothing.
write_config run.yaml
train run.yaml --run whole
train_on 2 run.yaml --run buckets --set parallel.first_bucket_bytes=1 parallel.bucket_bytes=2000
train_on 3 run.yaml --run few-buckets --set parallel.first_bucket_bytes=3000 parallel.bucket_bytes=60000
equal "$(digest buckets)" "$(digest whole)" "digest with a bucket a parameter"
equal "$(digest few-buckets)" "$(digest whole)" "digest with few buckets"

# Activations that are made again change nothing either, and buckets travel all the same.
train run.yaml --run attention-again --set trainer.recompute=attention
train_on 2 run.yaml --run blocks-again --set trainer.recompute=block parallel.first_bucket_bytes=1 parallel.bucket_bytes=2000
equal "$(digest attention-again)" "$(digest whole)" "digest with trainer.recompute=attention"
equal "$(digest blocks-again)" "$(digest whole)" "digest with trainer.recompute=block on 2 ranks"

train run.yaml --run other-seed --set trainer.seed=1
[ "$(digest other-seed)" != "$(digest whole)" ] || fail "the seed does not show in the digest"
