#!/usr/bin/env bash
# Nodes of several ranks: the same state however gradients meet and state is split among them, resumed on others too.
# Nodes are pretended, ranks of one machine that take themselves for some.
source "$(dirname "$0")/common.sh"
make_world
MODEL_FIELDS=", dim: 32, layers: 2, heads: 2, patch_px: 16, mlp_ratio: 90"
export MODEL_FIELDS
on_nodes() { # on_nodes RANKS-A-NODE RANKS ARGUMENTS ...
  NEXTFRAME_TEST_RANKS_PER_NODE=$1 train_on "${@:2}"
}
small=(parallel.first_bucket_bytes=1 parallel.bucket_bytes=100000)

STEPS=6 PRECISION=bf16 write_config run.yaml
train run.yaml --run alone --set checkpoint.every_steps=6
expected=$(digest alone)
[ ${#expected} = 32 ] || fail "no digest: $expected"

for shard in none optimizer gradients parameters; do
  on_nodes 2 4 run.yaml --run split --set parallel.shard=$shard parallel.shard_group=node "${small[@]}" checkpoint.every_steps=6 ||
    { cat train.log; fail "$shard on 2 nodes of 2"; }
  equal "$(digest split)" "$expected" "digest of $shard on 2 nodes of 2 ranks"
  "$nextframe" checkpoint verify split >/dev/null || fail "a broken checkpoint with $shard"
  rm -r split
done
echo "2 nodes of 2 ranks: $expected with none, optimizer, gradients, parameters"

# Each start goes on from the one before after two more steps, on other nodes with another split.
chain=(--set checkpoint.every_steps=2 checkpoint.keep=9 "${small[@]}")
done_steps=0
for start in 2:4:gradients:node 1:3:optimizer:world 2:4:parameters:node; do
  IFS=: read -r per_node ranks shard group <<<"$start"
  on_nodes "$per_node" "$ranks" run.yaml --run chain "${chain[@]}" parallel.shard="$shard" parallel.shard_group="$group" ||
    { cat train.log; fail "going on as $start"; }
  equal "$(digest chain)" "$expected" "digest after going on as $start"
  done_steps=$((done_steps + 2))
  for checkpoint in chain/checkpoints/*; do
    [ "$((10#${checkpoint##*_}))" -le $done_steps ] || rm -r "$checkpoint"
  done
done

# Nodes of unequal size: gradients meet on one level, and a split within nodes is refused.
on_nodes 2 3 run.yaml --run uneven --set checkpoint.every_steps=6 || fail "3 ranks on 2 nodes"
equal "$(digest uneven)" "$expected" "digest on nodes of 2 and 1 ranks"
export NEXTFRAME_TEST_RANKS_PER_NODE=2
expect 2 "parallel.shard_group = node: one host has ranks 0 to 1, another has rank 2; start as many" \
  "$source_dir/scripts/ranks" 3 "$nextframe" train run.yaml --run refused --set parallel.shard=optimizer parallel.shard_group=node
unset NEXTFRAME_TEST_RANKS_PER_NODE

# The library's sums depend on how the gradient is cut: a run that goes on cuts it as before, from its first step on.
fast=(--set parallel.reduce=fast checkpoint.every_steps=3 "${small[@]}")
train_on 3 run.yaml --run fast "${fast[@]}" || fail "fast on 3 ranks"
train_on 3 run.yaml --run fast-again "${fast[@]}"
rm -r fast-again/checkpoints/step_00000006
train_on 3 run.yaml --run fast-again "${fast[@]}"
grep -q '"bucket_order": \[$' fast/checkpoints/step_00000003/manifest.json || fail "no order of buckets in the checkpoint"
equal "$(digest fast-again)" "$(digest fast)" "digest of a fast run that was stopped and went on"
