#!/usr/bin/env bash
# Losses that are not finite: the same steps are skipped and the same clips set aside on any ranks, from any checkpoint.
source "$(dirname "$0")/common.sh"
python=$source_dir/.deps/tests/bin/python
[ -x "$python" ] || fail "$python is missing: run scripts/setup --tests"
episodes() { "$python" "$source_dir/tests/integration/bad_episodes.py" "$@"; }
episodes some.h5 3 7
episodes all.h5 {0..11}
episodes none.h5
STEPS=40 write_config run.yaml
for key in bad_steps:2 rollbacks:5; do sed -i "s/log_every_steps: 4/&, max_${key%:*}: ${key#*:}/" run.yaml; done
sed -i 's/log_every_steps: 4/log_every_steps: 1/' run.yaml
sed -i 's/clip_frames: 6/&, normalize_actions: false/' run.yaml  # standardised, no action is so large
some=(--set data.train=some.h5 data.validation=)
# A field of a run's newest line, and how often its log says something.
newest() { tail -n 1 "$1/metrics.jsonl" | sed -n "s/.*\"$2\":\([^,}]*\).*/\1/p"; }
said() { grep -c "$2" "$1/log/rank${3:-0}.log" || true; }

train run.yaml --run alone "${some[@]}" || { tail train.log; fail "bad episodes ended the run"; }
expected=$(digest alone)
[ "$(newest alone skipped_steps)" -gt 0 ] || fail "no step was skipped"
[ "$(newest alone set_aside)" -gt 0 ] || fail "no clip was set aside"
[ "$(said alone 'back from step')" -gt 1 ] || fail "the run went back less than twice"
equal "$(grep -c . alone/metrics.jsonl)" 40 "lines of metrics.jsonl"
for ranks in 2 3; do
  train_on $ranks run.yaml --run ranks-$ranks "${some[@]}" || { tail train.log; fail "bad episodes on $ranks ranks"; }
  equal "$(digest ranks-$ranks)" "$expected" "digest on $ranks ranks"
  for rank in $(seq $((ranks - 1))); do
    equal "$(said ranks-$ranks 'was skipped' "$rank")" "$(said alone 'was skipped')" "steps that rank $rank of $ranks skipped"
  done
done
grep -q 'skipped.*; grain [4567], clip [0-9]*$' ranks-2/log/rank0.log || fail "no step was bad on rank 1 alone"
echo "$(newest alone skipped_steps) steps skipped, $(newest alone set_aside) clips set aside, alike on 1, 2 and 3 ranks"

# Rollbacks find no checkpoint at all, or one of each step; and the run comes out the same when it goes on from any.
train run.yaml --run never "${some[@]}" checkpoint.every_steps=1000
equal "$(digest never)" "$expected" "digest without a checkpoint to go back to"
train run.yaml --run always "${some[@]}" checkpoint.every_steps=1 checkpoint.keep=1000
equal "$(digest always)" "$expected" "digest with a checkpoint of every step"
bad_step=$(sed -n 's/.*step \([0-9]*\) was skipped (1 in a row).*/\1/p' always/log/rank0.log | tail -n 1)
for step in 1 $((bad_step - 1)) "$bad_step"; do
  cp -r always again
  for checkpoint in again/checkpoints/step_*; do [ $((10#${checkpoint##*_})) -le "$step" ] || rm -r "$checkpoint"; done
  train run.yaml --run again "${some[@]}" checkpoint.every_steps=1000
  equal "$(digest again)" "$expected" "digest after going on from step $step"
  rm -r again
done

# Nothing helps: exit 6, with advice, on any ranks.
expect 6 "Going back 1 time has not helped" "$nextframe" train run.yaml --run lost --set data.train=all.h5 data.validation= trainer.max_rollbacks=1
expect 6 "A lower optimizer.lr" "$nextframe" train run.yaml --run burst --set data.train=none.h5 data.validation= trainer.max_rollbacks=1 optimizer.lr=1e30 schedule.warmup_steps=0
grep -q '"state": "failed"' lost/status.json || fail "$(cat lost/status.json)"
train_on 2 run.yaml --run lost-2 --set data.train=all.h5 data.validation= && fail "nothing but bad episodes, and yet it trained"
grep -q "Going back 5 times" train.log || { tail train.log; fail "no advice on 2 ranks"; }

# Sums in any order: rank 0's norm is everybody's.
train_on 2 run.yaml --run fast "${some[@]}" parallel.reduce=fast || { tail train.log; fail "parallel.reduce: fast"; }
equal "$(said fast 'was skipped' 1)" "$(said fast 'was skipped' 0)" "steps skipped by both ranks"

# Spikes: the window that they are measured against is part of the state.
spikes=(--set data.train=none.h5 data.validation= trainer.skip_spikes_above_z=1.5 trainer.max_bad_steps=10)
train run.yaml --run spikes "${spikes[@]}" checkpoint.keep=1000
[ "$(newest spikes skipped_steps)" -gt 0 ] || fail "no spike was skipped"
expected=$(digest spikes)
for ranks in 2 3; do
  train_on $ranks run.yaml --run spikes-$ranks "${spikes[@]}"
  equal "$(digest spikes-$ranks)" "$expected" "digest with spikes on $ranks ranks"
done
rm -r spikes/checkpoints/step_000000{24,28,32,36,40}
train run.yaml --run spikes "${spikes[@]}"
equal "$(digest spikes)" "$expected" "digest with spikes after a resume"
echo "any checkpoint, giving up, fast sums, $(newest spikes skipped_steps) spikes"
