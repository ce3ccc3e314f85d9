# Sourced by the integration tests: a scratch folder, a small world, a small run.
set -euo pipefail
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
nextframe=${NEXTFRAME:?the program under test}
scratch=$(mktemp -d)
clean_up=()
at_exit() { clean_up=("$1" "${clean_up[@]}"); } # the name of a function, called before the scratch folder goes
trap 'for step in "${clean_up[@]}"; do $step; done; chmod -R u+w "$scratch" 2>/dev/null; rm -rf "$scratch"' EXIT
cd "$scratch"
export OMP_NUM_THREADS=1

fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "$*"; exit 77; }
equal() { [ "$1" = "$2" ] || fail "$3: '$1' is not '$2'"; }

# expect CODE TEXT COMMAND ...: the command ends with CODE and prints TEXT, on one screen.
expect() {
  local code=$1 text=$2 got=0 output
  shift 2
  output=$("$@" 2>&1) || got=$?
  equal "$got" "$code" "exit code of '$*' (it said: $output)"
  grep -qF -- "$text" <<<"$output" || fail "'$*' did not say '$text' but: $output"
  [ "$(wc -l <<<"$output")" -le 24 ] || fail "'$*' said more than one screen: $output"
}

make_world() { "$nextframe" data make ball_and_paddle --out "${1:-data}" --episodes 12 --validation-episodes 2 --frames 24 --seed 1 >/dev/null 2>&1; }

# write_config FILE [extra lines of trainer: ...]
write_config() {
  cat >"$1" <<YAML
data: {train: data/train/*.h5, validation: data/validation/*.h5, clip_frames: 6}
model: {name: ${MODEL:-space_time_transformer}${MODEL_FIELDS-, dim: 32, layers: 2, heads: 2, patch_px: 16}}
objective: {name: ${OBJECTIVE:-regress}${OBJECTIVE_FIELDS-}}
optimizer: {lr: 0.001, ema_decay: 0.9, matrices: ${MATRICES:-adamw}}
schedule: {warmup_steps: 4}
trainer: {steps: ${STEPS:-12}, global_batch: ${BATCH:-8}, grains: 8, precision: ${PRECISION:-fp32}, log_every_steps: 4}
checkpoint: {every_steps: 4, keep: 2}
actions: {dropout: ${ACTION_DROPOUT:-0}}
YAML
}

train() { "$nextframe" train "$@" >>train.log 2>&1; }
train_on() { local ranks=$1; shift; "$source_dir/scripts/ranks" "$ranks" "$nextframe" train "$@" >>train.log 2>&1; }
digest() { "$nextframe" checkpoint hash "$1"; }
