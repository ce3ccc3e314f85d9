#!/usr/bin/env bash
# Files that other programs made train as they are: any chunking and filter, no attributes, grey, not square.
source "$(dirname "$0")/common.sh"
python=$source_dir/.deps/tests/bin/python
[ -x "$python" ] || fail "$python is missing: run scripts/setup --tests"
mkdir foreign && "$python" "$source_dir/tests/data/foreign_files.py" foreign
"$nextframe" data import foreign/grey.npz --out imported --validation-episodes 1 >/dev/null 2>&1

# trains NAME MODEL TRAIN VALIDATION: twelve steps on two ranks, an evaluation, a picture.
trains() {
  local name=$1 model=$2 data=$3 validation=$4
  train_on 2 run.yaml --run "$name" --set "data.train=$data" --set "data.validation=$validation" --set "model.name=$model" ||
    fail "$name did not train: $(tail -n 5 train.log)"
  "$nextframe" eval "$name" --out "$name/report" >>train.log 2>&1 || fail "$name was not evaluated: $(tail -n 5 train.log)"
  "$nextframe" rollout "$name" --context 4 --frames 2 --out "$name/dream.png" >>train.log 2>&1 || fail "$name did not dream: $(tail -n 5 train.log)"
  [ -s "$name/dream.png" ] || fail "$name left no picture"
}
MODEL_FIELDS=', patch_px: 8' MODEL=space_time_transformer write_config run.yaml
for layout in contiguous odd_chunks zstd_tiles grey_continuous; do
  trains "$layout" space_time_transformer "foreign/$layout.h5" "foreign/$layout.h5"
done
trains imported space_time_transformer 'imported/train/*.h5' 'imported/validation/*.h5'
MODEL_FIELDS='' write_config run.yaml
trains mlp frame_mlp foreign/grey_continuous.h5 foreign/grey_continuous.h5
trains recurrent conv_recurrent foreign/grey_continuous.h5 foreign/grey_continuous.h5
echo "foreign layouts, grey and non-square frames train, are evaluated and dream, with each model"
