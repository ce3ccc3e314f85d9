#!/usr/bin/env bash
# Hosts of two ranks each, out of namespaces: a cable that is pulled and put back, a host that stays away and whose spare
# takes over, a host that fails and has no spare. Always the digest of one rank.
source "$(dirname "$0")/../integration/common.sh"
source "$source_dir/tests/faults/launched.sh"
source "$source_dir/tests/faults/two_hosts.sh"
make_hosts 3
make_world
STEPS=100 write_config run.yaml
train run.yaml --run alone

# launch_on HOSTS RUN [options of launch ...]
launch_on() {
  local hosts=$1 run=$2
  shift 2
  "$on" 1 "$nextframe" launch -n 4 --hosts "$hosts" "$@" train run.yaml --run "$run" >launch.log 2>&1 & launcher=$!
}
ends_like_one_rank() { # ends_like_one_rank RUN STARTS [THE RUN OF ONE RANK]
  local status=0
  wait $launcher || status=$?
  equal $status 0 "exit code ($(tail -n 20 launch.log))"
  equal "$(grep -c '"event":"start"' "$1/launch.jsonl")" "$2" "starts of $1"
  equal "$(digest "$1")" "$(digest "${3:-alone}")" "digest of $1"
}
a_rank_on() { ranks_on "$1" | head -n 1 | cut -d ' ' -f 1; }
# mpirun names the host of a rank that has called MPI_Init, not of one that dies before.
trains() { [ "$(grep -c " ranks on cpu " launch.log)" -ge "$1" ]; }

launch_on node01:2,node02:2,node03:2 pulled
await 30 "a step" is_past pulled 10
equal "$(ranks_on 1 | wc -l) $(ranks_on 2 | wc -l) $(ranks_on 3 | wc -l)" "2 2 0" "ranks of the hosts"
cut_link 2
sleep 2
stood=$(newest_step pulled)
sleep 1
equal "$(newest_step pulled)" "$stood" "steps without a cable"
mend_link 2
ends_like_one_rank pulled 1
echo "3 s without a cable: waited out"

launch_on node01:2,node02:2,node03:2 spare --lost-rank-s 5
await 30 "a step" is_past spare 10
begin=$SECONDS
cut_link 2
await 40 "the third start" has_started spare 3
echo "a host that stays away: its spare starts $((SECONDS - begin)) s after the cable was pulled"
ends_like_one_rank spare 3
mend_link 2
has_told "node02 is left out for 600.0 s: 2 failures are laid to it"
equal "$(grep '"start":3,' spare/launch.jsonl | head -n 1 | grep -o '"hosts":\[[^]]*\]')" '"hosts":["node01:2","node03:2"]' "hosts of the third start"

STEPS=600 write_config rare.yaml  # long enough to be hit before its end, which is its only checkpoint
sed -i 's/every_steps: 4/every_steps: 1000/' rare.yaml
train rare.yaml --run rare-alone
"$on" 1 "$nextframe" launch -n 4 --hosts node01:2,node03:2 --min-ranks 2 train rare.yaml --run fewer >launch.log 2>&1 & launcher=$!
for start in 1 2; do
  await 30 "start $start" has_started fewer $start
  await 30 "training" trains $start
  kill -KILL "$(a_rank_on 3)"
done
await 30 "the third start" has_started fewer 3
ends_like_one_rank fewer 3 rare-alone
has_told "node03 is left out for 600.0 s"
has_told "2 of 4 ranks, on node01:2: slower, the same result"
echo "a host that fails twice, without a spare: fewer ranks, the same digest"
