#!/usr/bin/env bash
# A real Slurm on two hosts of namespaces: job scripts that nextframe writes, preempted, queued again, with the digest of a
# run without Slurm; ranks that do not find each other; doctor.
source "$(dirname "$0")/../integration/common.sh"
source "$source_dir/tests/faults/launched.sh"
source "$source_dir/tests/faults/two_hosts.sh"
source "$source_dir/tests/faults/slurm_hosts.sh"
make_hosts 2
make_world
STEPS=120 write_config run.yaml
train run.yaml --run alone
start_slurm

# What await shows when it waits in vain.
: >launch.log
follow() { ln -sf "slurm-$job.out" launch.log; }
has_finished() { grep -q '"finished"' "$1/status.json" 2>/dev/null; }
has_restarted() { [ "$(job_field Restarts)" -ge "$1" ] && [ "$(job_field JobState)" = RUNNING ]; }
goes_on_from() { grep -c "continuing from" "slurm-$job.out" || true; }
has_gone_on() { [ "$(goes_on_from)" -ge "$1" ]; }
told_in_job() { grep -qF -- "$1" "slurm-$job.out" || fail "the job did not say '$1' but: $(tail -n 20 "slurm-$job.out")"; }

# Supervised: a notice saves and queues again, an operator's requeue goes on from the last checkpoint.
expect 0 "wrote job.sbatch; next: sbatch job.sbatch" "$nextframe" launch --write-sbatch job.sbatch --nodes 2 -n 4 train run.yaml --run supervised
submit job.sbatch
follow
await 80 "a step" is_past supervised 10
equal "$(ranks_on 1 | wc -l) $(ranks_on 2 | wc -l)" "2 2" "ranks of the two nodes"
in_slurm scancel --batch --signal=USR1 "$job"
await 80 "the first requeue" has_restarted 1
await 80 "the job to go on" has_gone_on 1
told_in_job "preempted and saved at step"
in_slurm scontrol requeue "$job"
await 80 "the second requeue" has_restarted 2
await 180 "the end" has_finished supervised
equal "$(digest supervised)" "$(digest alone)" "digest after two requeues"
grep -q '"hosts":\["node01:2","node02:2"\]' supervised/launch.jsonl || fail "hosts were not Slurm's: $(head -n 1 supervised/launch.jsonl)"
echo "supervised: preempted, queued again twice, the digest of one rank"

# Unsupervised: srun starts the ranks; a rank that dies ends the job, which is queued again.
"$nextframe" launch --write-sbatch srun.sbatch --srun --nodes 2 -n 4 train run.yaml --run unsupervised
submit srun.sbatch
follow
await 80 "a step" is_past unsupervised 10
in_slurm scancel --batch --signal=USR1 "$job"
await 80 "the first requeue" has_restarted 1
told_in_job "preempted and saved at step"
await 80 "the job to go on" has_gone_on 1
kill -KILL "$(ranks_on 2 | head -n 1 | cut -d " " -f 1)"
await 80 "the second requeue" has_restarted 2
await 180 "the end" has_finished unsupervised
equal "$(digest unsupervised)" "$(digest alone)" "digest after a preemption and a crash"
echo "srun: preempted, crashed, queued again twice, the digest of one rank"

expect 5 "this process is alone in its world" in_slurm srun -n 1 --mpi=none env SLURM_NTASKS=4 "$nextframe" train run.yaml --run copies
report=$(in_slurm srun -N 2 -n 4 --mpi=pmix "$nextframe" doctor) || fail "doctor: $report"
for rank in "rank 0 on node01" "rank 3 on node02"; do grep -q "^- $rank: \`cpu, CPUs " <<<"$report" || fail "doctor does not tell of $rank: $report"; done
equal "$(grep -c '^# nextframe doctor' <<<"$report")" 1 "reports of doctor on four ranks"
echo "lonely tasks are refused, doctor tells of every rank"
