#!/usr/bin/env bash
# Models of whole clips, and of representations that are learned with them: the same state on any number of ranks however
# it is split, and after a kill; they dream, are evaluated, and fill in frames where they can.
source "$(dirname "$0")/common.sh"
make_world
MODEL_FIELDS=", attention: full, differences: false, dim: 32, layers: 2, heads: 2, patch_px: 16" OBJECTIVE=clip_flow STEPS=6 write_config clip.yaml
STEPS=6 OBJECTIVE=jepa write_config jepa.yaml
sed -i 's/grains: 8/grains: 4/' jepa.yaml
echo "tokenizer: {name: patch_encoder, dim: 16, layers: 2, heads: 2, patch_px: 16, merge: 2, width: 4}" >>jepa.yaml
often=(--set checkpoint.every_steps=2 checkpoint.keep=9)

for name in clip jepa; do
  train $name.yaml --run $name-1 "${often[@]}" || { cat train.log; fail "$name alone"; }
  one=$(digest $name-1)
  for start in 2:none 4:optimizer 2:parameters; do
    train_on "${start%:*}" $name.yaml --run "$name-$start" "${often[@]}" parallel.shard="${start#*:}" || { cat train.log; fail "$name, $start"; }
    equal "$(digest "$name-$start")" "$one" "digest of $name, $start"
  done
  "$source_dir/scripts/ranks" 2 "$nextframe" train $name.yaml --run $name-killed "${often[@]}" >>train.log 2>&1 & launcher=$!
  until [ -e $name-killed/checkpoints/step_00000002 ] || ! kill -0 $launcher 2>/dev/null; do sleep 0.02; done
  for victim in $(ps -o pid= --ppid "$launcher"); do kill -9 "$victim" 2>/dev/null || true; done
  wait $launcher || true
  train $name.yaml --run $name-killed "${often[@]}" || { cat train.log; fail "going on after a kill"; }
  equal "$(digest $name-killed)" "$one" "digest of $name after a kill"
  expect 0 "truth above" "$nextframe" rollout $name-1 --frames 8 --out $name.png
  echo "$name: $one"
done

expect 0 "fill middle.both_ends.psnr_db" "$nextframe" eval clip-1 --suite fill --suite quality
expect 0 "filled in between" "$nextframe" rollout clip-1 --between --out between.png
expect 0 "fill: left out: the model goes forward frame by frame" "$nextframe" eval jepa-1 --suite fill --suite quality
expect 2 "--between needs one that fills in clips" "$nextframe" rollout jepa-1 --between --out between.png
expect 2 "excludes --between" "$nextframe" rollout clip-1 --between --context 3 --out between.png
grep -q '"latent_rank"' jepa-1/metrics.jsonl || fail "nobody watches the representations of jepa"

expect 2 "leaves no frame to fill in beside objective.known_frames = 6; needed: 7 or more" \
  "$nextframe" check clip.yaml --without-data --set objective.known_frames=6
expect 2 "needed: full" "$nextframe" check clip.yaml --without-data --set model.attention=factorised
expect 2 "is for objectives that fill in clips" "$nextframe" check jepa.yaml --without-data --set model.attention=full
expect 2 "learns its latents; tokenizer pixels does not learn with the model; tokenizers that do: patch_encoder" \
  "$nextframe" check clip.yaml --without-data --set objective.name=jepa model.attention=factorised
expect 2 "learns together with a model, which this objective does not ask for; objectives that do: jepa" \
  "$nextframe" check jepa.yaml --without-data --set objective.name=flow
expect 2 "is for objectives that go on frame by frame" "$nextframe" check clip.yaml --without-data --set evaluate.guidance=2
echo "systems: agree on any number of ranks and through kills"
