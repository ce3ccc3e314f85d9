# shellcheck shell=bash disable=SC2154
# Sourced after two_hosts.sh: a Slurm of its own on those hosts, with its own keys, ports and folders.
#
#   start_slurm              after make_hosts: munged and slurmctld on node01, a slurmd of 2 CPUs on every host
#   in_slurm COMMAND ...     on node01: sbatch, srun, scontrol, squeue
#   submit FILE              sbatch; sets `job`, its number
#   job_field NAME           of that job, as scontrol writes it: JobState, Restarts, ExitCode
#
# The daemons live on the hosts and end with them.
slurm_folder=$scratch/slurm
in_slurm() { "$on" 1 "$@"; }

start_slurm() {
  PATH=$PATH:/usr/sbin
  local program host
  for program in munged slurmctld slurmd sbatch srun; do
    command -v $program >/dev/null || skip "needs a Slurm: there is no $program (scripts/setup --tests installs it)"
  done
  [ -n "$(find /usr/lib /usr/lib64 -name mpi_pmix.so -print -quit 2>/dev/null)" ] || skip "needs a Slurm with PMIx"
  mkdir -p "$slurm_folder"/{state,munge}
  for host in $(seq "$num_hosts"); do mkdir -p "$slurm_folder/temporary.$(basename "$(host_folder "$host")")"; done
  head -c 128 /dev/urandom >"$slurm_folder/key"
  chmod 600 "$slurm_folder/key"
  chmod 711 "$scratch" "$slurm_folder"
  write_slurm_conf
  export SLURM_CONF=$slurm_folder/slurm.conf
  in_slurm munged --force --foreground --key-file="$slurm_folder/key" --socket="$slurm_folder/munge/socket" \
    --pid-file="$slurm_folder/munge/pid" --log-file="$slurm_folder/munge/log" --seed-file="$slurm_folder/munge/seed" >/dev/null 2>&1 & disown
  in_slurm slurmctld -D -i >/dev/null 2>&1 & disown
  for host in $(seq "$num_hosts"); do
    "$on" "$host" slurmd -D -N "$(basename "$(host_folder "$host")")" >/dev/null 2>&1 & disown
  done
  await 30 "idle nodes ($(tail -n 3 "$slurm_folder"/slurmctld.log 2>/dev/null))" has_idle_nodes
}
has_idle_nodes() { in_slurm sinfo -h -o '%D %T' 2>/dev/null | grep -qx "$num_hosts idle"; }

# Credentials expire soon, so that a job that is queued again may start soon. Hosts share a disk: PMIx needs a folder a host.
write_slurm_conf() {
  local host
  cat >"$slurm_folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=node01($(host_address 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$slurm_folder/munge/socket,cred_expire=5
StateSaveLocation=$slurm_folder/state
SlurmdSpoolDir=$slurm_folder/spool.%n
TmpFS=$slurm_folder/temporary.%n
SlurmctldPidFile=$slurm_folder/slurmctld.pid
SlurmdPidFile=$slurm_folder/slurmd.%n.pid
SlurmctldLogFile=$slurm_folder/slurmctld.log
SlurmdLogFile=$slurm_folder/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MailProg=/bin/true
KillWait=5
SchedulerParameters=sched_interval=1,batch_sched_delay=0
CONF
  for host in $(seq "$num_hosts"); do
    echo "NodeName=$(basename "$(host_folder "$host")") NodeAddr=$(host_address "$host") CPUs=2" >>"$slurm_folder/slurm.conf"
  done
  echo "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP" >>"$slurm_folder/slurm.conf"
}

submit() { job=$(in_slurm sbatch --parsable "$1") || fail "sbatch refused $1"; }
job_field() { in_slurm scontrol show job "$job" | tr ' ' '\n' | sed -n "s/^$1=//p"; }
