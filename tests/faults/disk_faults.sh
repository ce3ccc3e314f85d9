#!/usr/bin/env bash
# A disk that is slow, fails or hangs while the run goes on, and checkpoints that were damaged later.
faults_dir=$(cd "$(dirname "$0")" && pwd)
source "$faults_dir/../integration/common.sh"
make_world
write_config run.yaml
train_on 2 run.yaml --run undisturbed
expected=$(digest undisturbed)

# Damage is named; the run goes on from the checkpoint before it.
damaged=run/checkpoints/step_00000012
damage() { # damage TEXT COMMAND ...
  local text=$1
  shift
  rm -rf run
  cp -r undisturbed run
  "$@"
  expect 4 "$text" "$nextframe" checkpoint verify run
  expect 0 "continuing from run/checkpoints/step_00000008 (step 8)" "$nextframe" train run.yaml --run run
  equal "$(digest run)" "$expected" "digest after '$text'"
  "$nextframe" checkpoint verify run >/dev/null || fail "the broken checkpoint was not saved again"
}
flip_byte() { printf '\x55' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
damage "rank-00001.bin: has 1000 bytes, needs" truncate -s 1000 $damaged/rank-00001.bin
damage "$damaged/rank-00000.bin: '" flip_byte $damaged/rank-00000.bin 100001
damage "rank-00001.bin: is missing" rm $damaged/rank-00001.bin
damage "no manifest.json" rm $damaged/manifest.json
damage "manifest.json" truncate -s 2000 $damaged/manifest.json
rm -r run/checkpoints/step_00000008
rm run/checkpoints/step_00000012/manifest.json
expect 4 "none of the 1 checkpoints" "$nextframe" train run.yaml --run run
echo "damaged checkpoints are named and passed over"

source "$faults_dir/injection.sh"
run=$scratch/run
error_of() { grep -h 'failed on rank\|no progress' faulty.log | head -n 1; }

# fails RANK CALL NUMBER FILE: an error of the disk is everybody's, with exit code 4; nothing is lost.
fails() {
  local status=0
  rm -rf "$run"
  timeout 60 "$source_dir/scripts/ranks" 2 "$injected" "$1" "$2:error=EIO:when=$3" "$run" "$nextframe" train run.yaml --run "$run" >faulty.log 2>&1 || status=$?
  grep -q INJECTED "$run.trace-$1" || fail "no $2 number $3 on rank $1"
  equal $status 4 "exit code after EIO in $2 number $3 of rank $1 ($(cat faulty.log))"
  grep -q "step_.* failed on rank $1: .*$4.*Input/output error" faulty.log || fail "EIO in $2 was told as: $(cat faulty.log)"
  [ -z "$(find "$run/checkpoints" -name '*.tmp')" ] || fail "leftovers: $(find "$run/checkpoints")"
  if [ -n "$(ls "$run/checkpoints")" ]; then "$nextframe" checkpoint verify "$run" >/dev/null || fail "broken after $2"; fi
  train run.yaml --run "$run" || fail "the run did not come back after EIO in $2"
  equal "$(digest "$run")" "$expected" "digest after EIO in $2"
}
fails 0 fsync 1 rank-00000.bin
fails 1 fsync 2 rank-00001.bin
fails 1 write 1 rank-00001.bin
fails 0 rename 4 step_00000008
fails 0 fsync 8 checkpoints
echo "an error of the disk ends all ranks with exit code 4, and nothing is lost"

# A slow disk on rank 1: steps go on; what is next waits and says so; asked to stop, it is waited for.
STEPS=100000 write_config long.yaml
slow=(train long.yaml --set checkpoint.every_steps=12 trainer.log_every_steps=1 --run "$run")
await() { # await WHAT COMMAND ...
  local deadline=$((SECONDS + 30)) what=$1
  shift
  until "$@"; do [ $SECONDS -lt $deadline ] || { tail faulty.log >&2; fail "waited in vain for $what"; }; sleep 0.02; done
}
last_step() { tail -n 1 "$run/metrics.jsonl" 2>/dev/null | sed -n 's/^{"step":\([0-9]*\),.*}$/\1/p'; }
is_saving() { [ -f "$run/checkpoints/step_00000012.nextframe.tmp/rank-00001.bin" ]; }
has_reached() { [ "$(last_step)" -ge "$1" ] 2>/dev/null; }
rm -rf "$run"
mkdir -p "$run"
cat >injected_slow <<SCRIPT
#!/usr/bin/env bash
[ "\${OMPI_COMM_WORLD_RANK:-0}" = 1 ] || exec "\$@"
# -DD: what mpirun signals is the program, not strace.
exec strace -DD -f --seccomp-bpf -qq -o /dev/null -P $run/checkpoints/step_00000012.nextframe.tmp/rank-00001.bin -e trace=fsync -e inject=fsync:delay_enter=6000000 "\$@"
SCRIPT
chmod +x injected_slow
"$source_dir/scripts/ranks" 2 ./injected_slow "$nextframe" "${slow[@]}" >faulty.log 2>&1 & launcher=$!
await "the save" is_saving
await "steps during the save" has_reached 17
is_saving || fail "the save was over before 5 steps were done: it was not slow"
[ ! -d "$run/checkpoints/step_00000012" ] || fail "committed before all had written"
await "the next save" grep -q "step 24 is to be saved while step_00000012 is still being written" faulty.log
kill -USR1 $launcher
status=0; wait $launcher || status=$?
equal $status 75 "exit code when asked to stop while saving ($(tail -n 5 faulty.log))"
"$nextframe" checkpoint verify "$run" >verify.log || fail "$(cat verify.log)"
equal "$(grep -c valid verify.log)" 2 "checkpoints at the end"
[ -z "$(find "$run/checkpoints" -name '*.tmp')" ] || fail "a save was left behind"
grep -q 'checkpoint_stall_s":[1-9]' "$run/metrics.jsonl" || fail "waiting for the disk is in no record"
echo "a slow disk: steps go on, the next save waits, and so does the end"

# A disk that hangs: exit 4 in time, though the call never returns.
rm -rf "$run"
begin=$SECONDS status=0
timeout 60 "$source_dir/scripts/ranks" 2 "$injected" 1 "fsync:delay_enter=100000000:when=2" "$run" "$nextframe" train run.yaml --run "$run" --set checkpoint.timeout_s=1 >faulty.log 2>&1 || status=$?
equal $status 4 "exit code on a disk that hangs ($(cat faulty.log))"
[ $((SECONDS - begin)) -lt 30 ] || fail "$((SECONDS - begin)) s"
grep -q "writing .*step_00000008.nextframe.tmp/rank-00001.bin made no progress for 1 s" faulty.log || fail "$(cat faulty.log)"
train run.yaml --run "$run"
equal "$(digest "$run")" "$expected" "digest after a disk that hung"
echo "a disk that hangs: exit code 4 after $((SECONDS - begin)) s"
