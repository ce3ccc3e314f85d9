#!/usr/bin/env bash
# A tokenizer and a model on its latents, from one command: the same state of both on any number of ranks however it is
# split, and after a kill -9 in either. Another tokenizer is refused with both digests.
source "$(dirname "$0")/common.sh"
make_world

write_tokenizer() { # NAME FIELDS
  cat >tok.yaml <<YAML
data: {train: data/train/*.h5, validation: data/validation/*.h5, clip_frames: 2}
tokenizer: {name: $1, dim: 16, layers: 2, heads: 2, patch_px: 16$2}
optimizer: {lr: 0.001, ema_decay: 0.9}
schedule: {warmup_steps: 4}
trainer: {steps: 8, global_batch: 8, grains: 8}
checkpoint: {every_steps: 2, keep: 9}
YAML
}
write_model() { # OBJECTIVE
  STEPS=8 OBJECTIVE=${1%-on-actions} write_config dyn.yaml
  if [ "$1" = regress-on-actions ]; then
    sed -i 's/^actions:.*/actions: {from: tok.yaml, dropout: 0.2}/' dyn.yaml
    return
  fi
  if [ "$1" = autoregressive ]; then sed -i 's/^model: {/&attention: token_causal, /' dyn.yaml; fi
  echo "tokenizer: {name: trained, from: tok.yaml}" >>dyn.yaml
}
# A folder of its own, since the tokenizer's run is runs/tok in the present one.
at() { mkdir -p "$1" && cp tok.yaml dyn.yaml "$1" && ln -sfn "$scratch/data" "$1/data" && cd "$1" && touch train.log; }
often=(--set checkpoint.every_steps=2 checkpoint.keep=9)

for case in "masked_autoencoder:regress:, width: 4" "latent_actions:regress-on-actions:" "fsq:autoregressive:, digits: [3, 3]" "fsq:maskgit:, digits: [3, 3], continuous_steps: 4" "vq:maskgit:, codes: 12, width: 4"; do
  IFS=: read -r tokenizer objective fields <<<"$case"
  rest=${case#*:*:}
  fields=$rest name=$tokenizer-$objective
  write_tokenizer "$tokenizer" "$fields"
  write_model "$objective"
  (at "$name-1" && train dyn.yaml "${often[@]}" || { cat train.log; fail "$tokenizer alone"; })
  tok=$(digest "$name-1/runs/tok") dyn=$(digest "$name-1/runs/dyn")
  for start in 2:none 4:optimizer 2:parameters; do
    (at "$name-$start" && train_on "${start%:*}" dyn.yaml "${often[@]}" parallel.shard="${start#*:}" || { cat train.log; fail "$tokenizer, $start"; })
    equal "$(digest "$name-$start/runs/tok")" "$tok" "digest of $tokenizer, $start"
    equal "$(digest "$name-$start/runs/dyn")" "$dyn" "digest of $objective on $tokenizer, $start"
  done
  # The tokenizer itself, sharded, since the stage takes the sharding of its own config.
  train_on 4 tok.yaml --run "$name-split" --set parallel.shard=gradients parallel.bucket_bytes=2000 || { cat train.log; fail "$tokenizer split"; }
  equal "$(digest "$name-split")" "$tok" "digest of $tokenizer split over 4 ranks"
  echo "$tokenizer: $tok, $objective on it: $dyn"
done

# Planned together before there is one.
(at planned; "$nextframe" plan dyn.yaml --ranks 1 --flops 1e11 >plan.log 2>&1 || { cat plan.log; fail "plan of both"; })
grep -q "^all together  .* on 1 rank" planned/plan.log || { cat planned/plan.log; fail "plan does not add the stages up"; }

# A kill in each stage, and the same command again.
for stage in tok dyn; do
  (
    at "killed-in-$stage"
    "$source_dir/scripts/ranks" 2 "$nextframe" train dyn.yaml "${often[@]}" >>train.log 2>&1 & launcher=$!
    until [ -e runs/$stage/checkpoints/step_00000004 ] || ! kill -0 $launcher 2>/dev/null; do sleep 0.02; done
    for victim in $(ps -o pid= --ppid "$launcher"); do kill -9 "$victim" 2>/dev/null || true; done
    wait $launcher || true
    train_on 2 dyn.yaml "${often[@]}" || { cat train.log; fail "going on after a kill in $stage"; }
  )
  equal "$(digest "killed-in-$stage/runs/tok")" "$tok" "digest of the tokenizer after a kill in $stage"
  equal "$(digest "killed-in-$stage/runs/dyn")" "$dyn" "digest of the model after a kill in $stage"
done

# The run has a copy: it can be used and continued without the tokenizer's run, but not with another one.
cd killed-in-dyn
mv runs/tok away
expect 0 "reports in" "$nextframe" eval runs/dyn
expect 0 "reports in" "$nextframe" eval away
expect 0 "truth above, what the tokenizer leaves" "$nextframe" rollout away --out tokenizer.png --frames 4
expect 2 "trains model space_time_transformer, not a tokenizer" "$nextframe" train dyn.yaml --run wrong --set tokenizer.from=runs/dyn
train dyn.yaml --set tokenizer.from=away trainer.log_every_steps=2 || { cat train.log; fail "continuing with the copy"; }
train tok.yaml --run other --set trainer.seed=5
expect 4 "is another tokenizer than this run's" "$nextframe" train dyn.yaml --set tokenizer.from=other
expect 2 "objective.name = regress works on pixels or values; tokenizer vq gives codes; tokenizers that do: masked_autoencoder, pixels" \
  "$nextframe" check dyn.yaml --set tokenizer.from=away objective.name=regress
expect 2 "model.dim is not used where tokenizer.name = vq is trained" "$nextframe" check tok.yaml --set model.dim=3
sed s/tok.yaml/itself.yaml/ dyn.yaml >itself.yaml
expect 2 "trains model space_time_transformer, not a tokenizer" "$nextframe" check itself.yaml --without-data
expect 2 "tokenizer.from = nowhere: no such run, checkpoint or config" "$nextframe" check dyn.yaml --set tokenizer.from=nowhere
expect 2 "tokenizer.from = nowhere: no such run, checkpoint or config" "$nextframe" train dyn.yaml --run nowhere-run --set tokenizer.from=nowhere
cp -r runs/dyn alone && rm -r alone/stages away
expect 4 "alone/stages/tokenizer is not there either" "$nextframe" eval alone
echo "tokenizers: agree on any number of ranks and through kills"
