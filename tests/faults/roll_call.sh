#!/usr/bin/env bash
# Hosts that are not as they should be are named before the first step: another config, another program, other data, another
# folder, on one of two hosts of namespaces.
source "$(dirname "$0")/../integration/common.sh"
source "$source_dir/tests/faults/two_hosts.sh"
make_hosts 2
make_world
make_world other
write_config run.yaml
cp "$nextframe" here
cp here elsewhere
commit=$("$nextframe" --version | grep -oE '[0-9a-f]{12}' | head -n 1)
[ -n "$commit" ] || fail "the program does not tell its commit"
LC_ALL=C sed -i "s/${commit:0:8}/01234567/g" elsewhere # it may stand there in two pieces
! cmp -s here elsewhere || fail "the commit is not found in the program"
sed 's/seed: 1/&/; s/lr: 0.001/lr: 0.002/' run.yaml >other.yaml

# on_two ERROR: trains on two ranks, one a host, and expects exit 5 with that error.
on_two() {
  local output code=0
  output=$("$on" 1 timeout 120 mpirun --bind-to none --host "$(host_list 1)" -np 2 "$scratch/here" train run.yaml --run runs/mine 2>&1) || code=$?
  equal $code 5 "exit code with '$1' (it said: $output)"
  grep -qF -- "$1" <<<"$output" || fail "it did not say '$1' but: $output"
  grep -qF "rank 1 on node02" <<<"$output" || fail "it did not name node02: $output"
}
differ() { # differ THERE HERE ERROR: node02 has THERE in the place of HERE
  on_host 2 mount --bind "$scratch/$1" "$scratch/$2"
  on_two "$3"
  on_host 2 umount "$scratch/$2"
}
differ other.yaml run.yaml "ranks do not agree on the config"
differ elsewhere here "ranks do not agree on the build"
rm -r other/train/*0.h5
differ other data "ranks do not agree on the dataset"
mkdir -p runs elsewhere.runs
differ elsewhere.runs runs "every rank needs the same folder"

# A rank that never comes: instead of the program it is a sleep.
cat >late <<LATE
#!/bin/sh
[ "\$PMIX_RANK" = 1 ] && exec sleep 100
exec "$scratch/here" "\$@"
LATE
chmod +x late
begin=$SECONDS
expect 86 "rank 0 on node01: 1 of 2 ranks have not come within 3 s: rank 1; here are rank 0 on node01" \
  "$on" 1 timeout 120 mpirun --bind-to none --host "$(host_list 1)" -np 2 "$scratch/late" train run.yaml --set parallel.pause_limit_s=3 --run runs/late
[ $((SECONDS - begin)) -le 60 ] || fail "the missing rank was told after $((SECONDS - begin)) s"
[ -z "$(find . -name '.*.start.*')" ] || fail "left behind: $(find . -name '.*.start.*')"
echo "another config, program, data and folder on one host: named; a rank that does not come too"
