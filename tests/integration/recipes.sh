#!/usr/bin/env bash
# Every recipe in configs/ passes check; the large ones can be planned on 1, 8 and 512 ranks, and train a few steps at cut
# size.
source "$(dirname "$0")/common.sh"
configs=$source_dir/configs
for recipe in "$configs"/*.yaml "$configs"/*/*.yaml; do
  "$nextframe" check "$recipe" --without-data >check.log 2>&1 || { cat check.log; fail "$recipe"; }
done

plan() { # plan RECIPE FRAME RANKS [more]
  local recipe=$1 frame=$2 ranks=$3
  shift 3
  "$nextframe" plan "$configs/large/$recipe.yaml" --frame "$frame" --actions 15 --ranks "$ranks" --ranks-per-node 8 --flops 2.5e14 \
    --memory-gbs 3000 --bandwidth-gbs 40 --disk-gbs 5 "$@" >plan.log 2>&1 || { cat plan.log; fail "plan of $recipe"; }
}
plan 40m_64px 64x64x3 1,8
plan 160m_128px 128x128x3 1,8
plan 40m_64px 64x64x3 512 --grains-per-rank 2
grep -q "Muon\|muon" plan.log || fail "the plan does not count Muon"

make_world
cut="data.train=data/train/*.h5 data.validation=data/validation/*.h5 data.clip_frames=6 model.dim=32 model.layers=2 model.heads=2
  model.patch_px=16 model.halo_px=0 trainer.global_batch=16 trainer.grains=4 trainer.steps=3 objective.bootstrap_start=1
  schedule.warmup_steps=1 schedule.decay_steps=1 evaluate.every_steps=0 checkpoint.every_steps=2"
for recipe in 40m_64px 160m_128px 700m_256px; do
  # shellcheck disable=SC2086  # a list of words
  train "$configs/large/$recipe.yaml" --run $recipe --set $cut || { cat train.log; fail "$recipe at cut size"; }
  # shellcheck disable=SC2086
  train_on 2 "$configs/large/$recipe.yaml" --run $recipe-2 --set $cut || { cat train.log; fail "$recipe on 2 ranks"; }
  equal "$(digest $recipe-2)" "$(digest $recipe)" "digest of $recipe"
done

"$nextframe" data make bouncing_square --out square --episodes 12 --validation-episodes 4 --frames 40 --seed 1 >/dev/null 2>&1
# shellcheck disable=SC2086
train "$configs/bouncing_square.yaml" --run square-run --set data.train=square/train/*.h5 data.validation=square/validation/*.h5 \
  model.dim=32 model.layers=3 trainer.steps=4 objective.bootstrap_start=2 || { cat train.log; fail "bouncing_square"; }
expect 0 "reports in" "$nextframe" eval square-run --suite steps --suite quality --guidance 1.5
grep -q '"steps": *32' square-run/eval/*/report.json || fail "no row of 32 steps in the report"
expect 2 "--steps 3 is not 1, 2, 4" "$nextframe" rollout square-run --steps 3 --out dream.png
expect 0 "truth above" "$nextframe" rollout square-run --steps 1 --frames 20 --out dream.png

# A config for data of any name.
mkdir -p "our data: 1" && mv square "our data: 1/square"
"$nextframe" init "our data: 1/square" --minutes 0.1 >mine.yaml 2>init.log || { cat init.log; fail "init"; }
expect 0 "no errors" bash -c "$nextframe check mine.yaml | tail -3"
train mine.yaml --set trainer.steps=2 || { cat train.log; fail "a config made by init"; }
mv "our data: 1/square" square

# Two runs on the same episodes: what differs, and which is better.
# shellcheck disable=SC2086
train "$configs/bouncing_square.yaml" --run square-plain --set data.train=square/train/*.h5 data.validation=square/validation/*.h5 \
  model.dim=32 model.layers=3 trainer.steps=4 objective.bootstrap_start=2 objective.change_scale=0 || { cat train.log; fail "square-plain"; }
expect 0 "objective.change_scale    0.2 | 0" "$nextframe" compare square-run square-plain --episodes 3 --out compare.html
"$nextframe" compare square-run square-run --episodes 3 --json | grep -q '"verdict": "no difference"' || fail "a run differs from itself"
grep -q "B beside A" compare.html || fail "the page compares nothing"
echo "recipes: checked, planned and trained at cut size"
