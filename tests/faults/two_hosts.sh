# shellcheck shell=bash disable=SC2154
# Sourced after common.sh: hosts out of namespaces, so that one machine has a network that can break.
#
#   make_hosts 2                 node01 and node02, each with a network and a name; they share files, disk, clock, kernel
#   on_host 1 COMMAND ...        runs it on node01, from where mpirun reaches the others (OMPI_MCA_plm_rsh_agent is set)
#   "$on" 1 COMMAND ... & p=$!   the same beside the test, with the command's own process number
#   host_list 2                  "node01:2,node02:2"
#   cut_link 2, mend_link 2      the cable between a host and the switch
#   slow_link 2 1gbit            the same cable, slower in both directions
#   ranks_on 2, daemons_on 2     a line a rank, "PROCESS RANK"; a line an orted
#   crash_host 2                 ends all that runs there, at once, and starts it again; not for node01, where the test is
#
# Nothing has a name outside of the namespaces, so tests beside each other do not meet, and all of it ends with the test.
# Process numbers are those outside: kill by them.
hosts_folder=$scratch/hosts
on=$hosts_folder/on
host_folder() { printf '%s/node%02d' "$hosts_folder" "$1"; }
host_address() { echo "10.213.7.$1"; }

# Starts namespaces and a process that keeps them. It ends when this shell ends, however that ends.
start_namespaces() { # start_namespaces FOLDER UNSHARE-OPTIONS ...
  local folder=$1 unshare first="" keeper=(sleep infinity)
  shift
  # The first process of a space of processes has to reap the others, as a shell does.
  [[ " $* " != *" --pid "* ]] || keeper=(bash -c 'while true; do sleep 3600; done')
  mkdir -p "$folder"
  setpriv --pdeathsig KILL unshare "$@" --fork --kill-child "${keeper[@]}" </dev/null >/dev/null 2>"$folder/problem" &
  unshare=$!
  disown $unshare  # or the shell would tell its end
  until [ -n "$first" ]; do
    kill -0 $unshare 2>/dev/null || return 1
    sleep 0.02
    first=$(ps -o pid= --ppid $unshare | tr -d ' ')
  done
  echo "$unshare" >"$folder/unshare"
  echo "$first" >"$folder/first"
}
in_network_of() { nsenter --target "$(cat "$1/first")" --net -- "${@:2}"; }

# A host and its cable to the switch. node01 shares the test's process numbers: mpirun has to find the other hosts.
start_host() {
  local folder name
  folder=$(host_folder "$1") name=$(basename "$(host_folder "$1")")
  local options=(--net --uts --ipc --mount)
  [ "$1" = 1 ] || options+=(--pid --mount-proc)
  start_namespaces "$folder" "${options[@]}" || return 1
  ip link add "link$1" netns "$(cat "$hosts_folder/switch/first")" type veth peer name eth0 netns "$(cat "$folder/first")" || return 1
  in_network_of "$hosts_folder/switch" ip link set "link$1" master bridge up
  in_network_of "$folder" ip link set lo up
  in_network_of "$folder" ip link set eth0 up
  in_network_of "$folder" ip address add "$(host_address "$1")/24" dev eth0
  on_host "$1" hostname "$name"
  on_host "$1" mount --bind "$hosts_folder/names" /etc/hosts
}

make_hosts() {
  num_hosts=$1
  at_exit end_hosts
  mkdir -p "$hosts_folder"
  local host
  echo "127.0.0.1 localhost" >"$hosts_folder/names"
  for host in $(seq "$num_hosts"); do echo "$(host_address "$host") $(basename "$(host_folder "$host")")" >>"$hosts_folder/names"; done
  write_on
  write_agent
  if ! start_namespaces "$hosts_folder/switch" --net || ! in_network_of "$hosts_folder/switch" ip link add bridge type bridge; then
    skip "no privilege to make network namespaces $(tail -n 1 "$hosts_folder/switch/problem")"
  fi
  in_network_of "$hosts_folder/switch" ip link set bridge up
  for host in $(seq "$num_hosts"); do start_host "$host" || skip "no privilege to make a host of namespaces"; done
  export OMPI_MCA_plm_rsh_agent=$hosts_folder/agent OMPI_MCA_mpi_yield_when_idle=1
  if [ "$(id -u)" = 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
}

write_on() {
  cat >"$on" <<ON
#!/usr/bin/env bash
folder=\$(printf '%s/node%02d' $hosts_folder "\$1")
spaces=(--net --uts --ipc --mount)
[ "\$1" = 1 ] || spaces+=(--pid)
exec nsenter --target "\$(cat "\$folder/first")" "\${spaces[@]}" --wdns="\$PWD" -- "\${@:2}"
ON
  chmod +x "$on"
}
# What stands for ssh: a clean environment on the other host, and ssh's error where it cannot be reached.
write_agent() {
  cat >"$hosts_folder/agent" <<AGENT
#!/usr/bin/env bash
name=\$1
shift
if [ -e $hosts_folder/\$name/is_cut ] || [ -e $hosts_folder/\$(hostname)/is_cut ]; then
  sleep 2
  echo "ssh: connect to host \$name port 22: Connection timed out" >&2
  exit 255
fi
cd /
exec $on "\${name#node}" env -i HOME=/ PATH="$PATH" bash -c "\$*"
AGENT
  chmod +x "$hosts_folder/agent"
}

on_host() { "$on" "$@"; }
host_list() {
  local list="" host
  for host in $(seq "$num_hosts"); do list+=,$(basename "$(host_folder "$host")"):$1; done
  echo "${list#,}"
}
cut_link() { touch "$(host_folder "$1")/is_cut"; in_network_of "$hosts_folder/switch" ip link set "link$1" down; }
mend_link() { in_network_of "$hosts_folder/switch" ip link set "link$1" up; rm -f "$(host_folder "$1")/is_cut"; }
slow_link() {
  in_network_of "$hosts_folder/switch" tc qdisc replace dev "link$1" root tbf rate "$2" burst 256kb latency 50ms
  in_network_of "$(host_folder "$1")" tc qdisc replace dev eth0 root tbf rate "$2" burst 256kb latency 50ms
}

# What lives in the network of a host.
processes_on() {
  local network process
  network=$(readlink "/proc/$(cat "$(host_folder "$1")/first")/ns/net") || return 0
  for process in /proc/[0-9]*; do
    [ "$(readlink "$process/ns/net" 2>/dev/null)" != "$network" ] || echo "${process#/proc/}"
  done
}
ranks_on() {
  local process rank
  for process in $(processes_on "$1"); do
    [ "$(readlink "/proc/$process/exe" 2>/dev/null)" = "$(readlink -f "$nextframe")" ] || continue
    rank=$(tr '\0' '\n' 2>/dev/null <"/proc/$process/environ" | sed -n 's/^PMIX_RANK=//p')
    [ -z "$rank" ] || echo "$process $rank"
  done
}
daemons_on() {
  local process
  for process in $(processes_on "$1"); do
    [ "$(cat "/proc/$process/comm" 2>/dev/null)" != orted ] || echo "$process"
  done
}

end_host() {
  local process
  for process in $(processes_on "$1"); do kill -KILL "$process" 2>/dev/null || true; done
  while kill -0 "$(cat "$(host_folder "$1")/unshare")" 2>/dev/null; do sleep 0.02; done
}
end_hosts() {
  local host
  for host in $(seq "$num_hosts"); do end_host "$host"; done
  kill -KILL "$(cat "$hosts_folder/switch/unshare" 2>/dev/null)" 2>/dev/null || true
}
crash_host() {
  end_host "$1"
  in_network_of "$hosts_folder/switch" ip link delete "link$1" 2>/dev/null || true
  start_host "$1"
}
