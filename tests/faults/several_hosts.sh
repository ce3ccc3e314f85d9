#!/usr/bin/env bash
# Two hosts of two ranks each, out of namespaces: the same digest as one rank, over a cable that is pulled and put back.
source "$(dirname "$0")/../integration/common.sh"
source "$source_dir/tests/faults/two_hosts.sh"
make_hosts 2
make_world
STEPS=150 write_config run.yaml
train run.yaml --run alone

await() { # await SECONDS WHAT COMMAND ...: until the command succeeds
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $deadline ] || { tail -n 20 launch.log >&2; fail "waited in vain for $what"; }
    sleep 0.05
  done
}
newest_step() { tail -n 1 "$1/metrics.jsonl" 2>/dev/null | sed -n 's/^{"step":\([0-9]*\),.*}$/\1/p'; }
is_past() { local step; step=$(newest_step "$1") && [ "${step:-0}" -gt "$2" ]; }
launch_on_hosts() { "$on" 1 "$nextframe" launch -n 4 --hosts "$(host_list 2)" train run.yaml --run "$@" >launch.log 2>&1 & launcher=$!; }
is_done() { local status=0; wait $launcher || status=$?; equal $status 0 "exit code ($(tail -n 20 launch.log))"; }

launch_on_hosts pulled
await 30 "a step" is_past pulled 10
equal "$(ranks_on 1 | wc -l) $(ranks_on 2 | wc -l)" "2 2" "ranks of the two hosts"
cut_link 2
sleep 3
stood=$(newest_step pulled)
sleep 1
equal "$(newest_step pulled)" "$stood" "steps without a cable"
mend_link 2
is_done
equal "$(grep -c '"event":"start"' pulled/launch.jsonl)" 1 "starts, though the cable was away for 4 s"
equal "$(digest pulled)" "$(digest alone)" "digest of 2 hosts"
echo "two hosts of two ranks, 4 s without a cable: the digest of one rank"
