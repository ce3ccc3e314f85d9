#!/usr/bin/env bash
# A rank that stops, for good or for a while, that stays away or calls other collectives than the others: the job
# ends within its limit, or goes on, and the right rank is named.
source "$(dirname "$0")/../integration/common.sh"
make_world
STEPS=200 write_config run.yaml
ranks=(timeout -k 5 90 "$source_dir/scripts/ranks" 3)
train=(train run.yaml --set trainer.log_every_steps=1 checkpoint.every_steps=50)
program=$(dirname "$nextframe")/../tests/launch/hanging_rank

children() { ps -o pid= --ppid "$1" | tr -d ' '; }
newest_step() { tail -n 1 "$1/metrics.jsonl" 2>/dev/null | sed -n 's/^{"step":\([0-9]*\),.*}$/\1/p'; }
has_step() { [ "$(newest_step "$1" || true)" -ge "$2" ] 2>/dev/null; }
# await SECONDS WHAT COMMAND ...: until the command succeeds.
await() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $deadline ] || { tail -n 20 job.log >&2; fail "waited in vain for $what"; }
    sleep 0.05
  done
}
# stop_one JOB RUN STEP: after that step stops a rank; sets $victim, $rank and $begin.
stop_one() {
  await 40 "step $3" has_step "$2" "$3"
  victim=$(children "$(children "$1")" | shuf -n 1)
  rank=$(tr '\0' '\n' <"/proc/$victim/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p')
  begin=$(now_ms)
  kill -STOP "$victim"
}
says() { grep -qF -- "$1" job.log || { cat job.log >&2; fail "$2 was not told: $1"; }; }
now_ms() { date +%s%3N; }

# Stopped for good: within the limit and three seconds the job is dead and the rank named.
"${ranks[@]}" "$nextframe" "${train[@]}" parallel.hang_limit_s=3 --run stopped >job.log 2>&1 & job=$!
stop_one $job stopped 8
status=0; wait $job || status=$?
took_ms=$(($(now_ms) - begin))
equal $status 86 "exit code when rank $rank is stopped ($(tail -n 5 job.log))"
[ $took_ms -lt 6000 ] || fail "the job took $took_ms ms to end"
says "hang: rank $rank on $(hostname) fell silent: last seen in" "the stopped rank"
expect 0 "rank $rank on $(hostname) fell silent" "$nextframe" hang-report stopped
"$nextframe" hang-report stopped --json | grep -F '"cause": "silent_rank"' >/dev/null || fail "not so in JSON"
echo "rank $rank stopped: dead after $took_ms ms, and named"

# Under `nextframe launch` that ends in a new start and the same digest.
"$nextframe" "${train[@]}" --run undisturbed >>train.log 2>&1
expect 0 "no hang was recorded" "$nextframe" hang-report undisturbed
"$nextframe" launch -n 3 "${train[@]}" parallel.hang_limit_s=3 --run supervised >job.log 2>&1 & job=$!
stop_one $job supervised 60
status=0; wait $job || status=$?
equal $status 0 "exit code under nextframe launch ($(tail -n 5 job.log))"
says "launch: hang: rank $rank on $(hostname) fell silent" "the verdict"
equal "$(digest supervised)" "$(digest undisturbed)" "digest after a hang"
echo "rank $rank stopped under nextframe launch: started again, same digest"

# Stopped for less than the limit: it goes on.
"${ranks[@]}" "$nextframe" "${train[@]}" --run short >job.log 2>&1 & job=$!
stop_one $job short 30
sleep 3
kill -CONT "$victim"
status=0; wait $job || status=$?
equal $status 0 "exit code after a short stop ($(tail -n 5 job.log))"
says "rank $rank on $(hostname) stood still" "the short stop"
equal "$(digest short)" "$(digest undisturbed)" "digest after a short stop"
echo "rank $rank stopped for 3 s: told, same digest"

# A rank that stays away or skips a bucket: named when the limit is over.
for case in "data:never entered" "skip:called all_to_all of 12288 bytes (bucket 2), the others"; do
  fault=${case%%:*} text=${case#*:}
  mkdir -p "$fault/log"; touch "$fault/resolved.yaml"
  expect 86 "rank 2 on $(hostname) $text" "${ranks[@]}" "$program" "$fault" "$fault"
  expect 0 "rank 2 on $(hostname) $text" "$nextframe" hang-report "$fault"
done
# Where ranks compare what they have called, at once and before anything waits.
for case in "skip:other order: rank 2 on" "order:other order: rank 2 on" "size:sizes do not fit: rank 2 on"; do
  expect 5 "${case#*:}" "${ranks[@]}" "$program" compared "${case%%:*}" compare
done
echo "staying away, skipping, another order, another size: rank 2 was named"
