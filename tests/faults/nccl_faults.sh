#!/usr/bin/env bash
# NCCL that fails in the middle of a job, that hangs, that does not come back from an abort, that never starts: the job ends
# within its limits, and rank, collective and NCCL's own words are told. NCCL is a stand-in (tests/launch/fake_nccl/).
source "$(dirname "$0")/../integration/common.sh"
program=$(dirname "$nextframe")/../tests/launch/fake_nccl/failing_link
[ -x "$program" ] || fail "$program was not built"
host=$(hostname)

# meet FAULT CODE LIMIT-S: the job ends so, within that time; what it says is in job.log.
meet() {
  mkdir -p "$1/log"
  touch "$1/resolved.yaml"
  local status=0 begin took_ms
  begin=$(date +%s%3N)
  timeout -k 5 60 "$source_dir/scripts/ranks" 2 "$program" "$1" "$1" >job.log 2>&1 || status=$?
  took_ms=$(($(date +%s%3N) - begin))
  equal $status "$2" "exit code of '$1' ($(cat job.log))"
  [ $took_ms -lt $(($3 * 1000)) ] || fail "'$1' took $took_ms ms: $(cat job.log)"
  echo "$1: dead after $took_ms ms"
}
says() { grep -qF -- "$1" job.log || fail "it did not say '$1' but: $(cat job.log)"; }
reports() { expect 0 "$2" "$nextframe" hang-report "$1"; }

where="rank 1 on $host: communicator gradients failed in step 8,"
what="in #22 all_reduce of bucket 1 of 4096 bytes: another error (the fake's last words)"
for fault in device host; do
  meet $fault 86 25
  [ $fault = host ] || says "nextframe: $where section wait, $what"
  says "nextframe: $where"
  says "hang: $where $what"
  reports $fault "$where $what"
done
"$nextframe" hang-report host --json | grep -F '"cause": "link_failed"' >/dev/null || fail "not so in JSON"

meet peers 86 25
says "in #22 all_reduce of bucket 1 of 4096 bytes: remote process exited (the fake's last words)"
says "; failed too on rank"

meet hang 86 25
says "hang: rank 1 on $host never entered"
reports hang "waits in #22 all_reduce of bucket 1 (gradients)"

meet stuck 86 30
says "hang: $where $what"
says "rank 1 on $host: its communicators were not given up within 5 s and are left behind"

meet start 5 25
says "GPU 0: ncclCommInitRankConfig failed: no answer from the other ranks"
