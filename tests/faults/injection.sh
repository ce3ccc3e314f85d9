# Sourced by the tests that need strace: skips where it may not trace, and makes a command that injects on one rank.
if ! command -v strace >/dev/null || ! strace -f -qq -o /dev/null -e inject=fsync:error=EIO true 2>/dev/null; then
  echo "skipped: needs a strace that may trace here"
  exit 77
fi

# injected RANK INJECTION RUN COMMAND ...: runs the command, rank RANK of it ("all": each) under strace, which injects into
# calls about the files of the run's saves of the steps 4, 8 and 12. RUN.trace-RANK tells of these calls, and how it ended.
injected=$scratch/injected
cat >"$injected" <<'SCRIPT'
#!/usr/bin/env bash
rank=${OMPI_COMM_WORLD_RANK:-0} victim=$1 injection=$2 run=$3
shift 3
[ "$victim" = all ] || [ "$victim" = "$rank" ] || exec "$@"
calls=${injection%%:*}
paths=()
for step in 04 08 12; do
  folder=$run/checkpoints/step_000000$step
  paths+=(-P "$folder" -P "$folder.nextframe.tmp" -P "$folder.nextframe.trash" -P "$folder.nextframe.replaced")
  for file in manifest.json manifest.json.nextframe.tmp rank-00000.bin rank-00001.bin; do paths+=(-P "$folder.nextframe.tmp/$file"); done
done
# Others open the folder above before the first save, and would be the ones that are hit.
[ "$calls" != fsync ] || paths+=(-P "$run/checkpoints")
inject=(-e inject="$injection")
[ "$calls" != "$injection" ] || inject=()
# No --seccomp-bpf: signals are not injected with it.
exec strace -f -q -e signal=SIGKILL -o "$run.trace-$rank" "${paths[@]}" -e trace="$calls" "${inject[@]}" "$@"
SCRIPT
chmod +x "$injected"

on_two_ranks() { timeout 60 "$source_dir/scripts/ranks" 2 "$@" >>train.log 2>&1; }
