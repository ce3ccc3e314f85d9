#!/usr/bin/env bash
# Signals save and leave with their own exit code; a finished run says so; another config asks for --fork.
source "$(dirname "$0")/common.sh"
make_world
STEPS=100000 write_config long.yaml

# Two at once: the second is refused, the first goes on.
"$nextframe" train long.yaml --run twice >first.log 2>&1 & first=$!
for _ in $(seq 200); do [ -s twice/metrics.jsonl ] && break; sleep 0.1; done
expect 5 "another process is using this run" "$nextframe" train long.yaml --run twice
kill -USR1 $first
status=0; wait $first || status=$?
equal $status 75 "exit code of the first of two"

for case in USR1:75 TERM:75 INT:130; do
  # The shell lets what it starts in the background ignore SIGINT.
  env --default-signal=INT "$nextframe" train long.yaml --run "stop-$case" >log 2>&1 & trainer=$!
  for _ in $(seq 200); do [ -s "stop-$case/metrics.jsonl" ] && break; sleep 0.1; done
  kill -"${case%:*}" $trainer
  status=0; wait $trainer || status=$?
  equal $status "${case#*:}" "exit code after SIG${case%:*} ($(tail -n 3 log))"
  "$nextframe" checkpoint verify "stop-$case" >/dev/null || fail "no valid checkpoint after SIG${case%:*}"
  grep -q '"state": "\(preempted\|interrupted\)"' "stop-$case/status.json" || fail "$(cat "stop-$case/status.json")"
done

write_config run.yaml
train run.yaml --run run
expect 0 "this run is finished" "$nextframe" train run.yaml --run run
expect 2 "optimizer.lr" "$nextframe" train run.yaml --run run --set optimizer.lr=0.5
expect 2 "--fork" "$nextframe" train run.yaml --run run --set optimizer.lr=0.5
expect 0 "step 12/12" "$nextframe" train run.yaml --run run --set optimizer.lr=0.5 --fork forked
[ "$(digest forked)" != "$(digest run)" ] || fail "the fork did not take its config"
expect 0 "this run is finished" sh run/resume.sh
echo "signals, finish, fork"
