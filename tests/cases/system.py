"""The machine and the job around a run: Slurm's variables, /dev/shm, TMPDIR, limits, and a second start."""
import os
import resource
import signal
import subprocess
import time

from trial import NEXTFRAME, SOURCE, Failed, Skipped, case

ENDLESS = "--set trainer.steps=1000000 --set checkpoint.every_steps=20 --set schedule.kind=constant --set trainer.log_every_steps=1"


def with_mounts(t, script, codes):
    """Runs a script in a mount namespace of its own; its lines are "CODE what"."""
    t.write("mounts.sh", script)
    done = subprocess.run(["unshare", "-m", "bash", "mounts.sh"], timeout=300, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env={**os.environ, "NEXTFRAME": NEXTFRAME, "SOURCE": SOURCE})
    if "unshare" in done.stdout or done.returncode == 77:
        raise Skipped("no mount without privileges")
    t.is_([line.split()[0] for line in done.stdout.splitlines()], codes, f"exit codes of {done.stdout}")
    return done.stdout


def begin(t, command, run):
    process = t.start(f"{command} run.yaml {ENDLESS} --run {run}", log="a.log")
    t.wait_for(lambda: os.path.exists(f"{run}/metrics.jsonl") or process.poll() is not None, what="a step")
    if process.poll() is not None:
        raise Failed(t.read("a.log")[-600:])
    return process


@case
def an_end_of_a_job_that_is_over_or_not_ours_is_not_heeded(t):
    t.good()
    now = int(time.time())
    t.run("train run.yaml --run a", env={**os.environ, "SLURM_JOB_END_TIME": str(now - 3600)},
          says=("SLURM_JOB_END_TIME is not heeded", "finished at step 20"))
    t.run("train run.yaml --run b", env={**os.environ, "SLURM_JOB_ID": "1", "SLURM_JOB_END_TIME": str(now - 3600)},
          says=("that time is over", "finished at step 20"))
    t.run("train run.yaml --run c", env={**os.environ, "SLURM_JOB_END_TIME": str(int(time.time()) + 2)},
          says=("there is no SLURM_JOB_ID", "finished at step 20"))
    for text in ("", "soon", "-5", "99999999999999999999"):
        t.run("train run.yaml --run d", env={**os.environ, "SLURM_JOB_ID": "1", "SLURM_JOB_END_TIME": text})
    t.run(f"train run.yaml {ENDLESS} --run e", env={**os.environ, "SLURM_JOB_ID": "1", "SLURM_JOB_END_TIME": str(int(time.time()) + 30)},
          exits=75, says="the near end of the Slurm job")


@case
def variables_of_an_interactive_slurm_shell_are_told_or_harmless(t):
    t.good()
    slurm = {**os.environ, "SLURM_JOB_ID": "1"}
    t.run("train run.yaml --run a", env={**slurm, "SLURM_NTASKS": "8"}, exits=5, says="unset SLURM_NTASKS")
    t.run("check run.yaml", env={**slurm, "SLURM_NTASKS": "8"})
    for left in ({"PMI_RANK": "0", "PMI_SIZE": "1"}, {"PMIX_RANK": "0", "PMIX_NAMESPACE": "x"}):
        run = "-".join(left)
        t.run(f"train run.yaml --run {run}", env={**slurm, "SLURM_NTASKS": "1", "SLURM_LOCALID": "0", **left}, says="finished at step 20")


def begun_and_kept_to_itself(t, command, says):
    """Starts run `a`, and sees that each second start in it is refused at once. Returns its process and its name there."""
    t.good()
    process = begin(t, command, "a")
    holder = f"process {process.pid} on {os.uname().nodename}, since 20"
    for second in ("train", "launch -n 2 train"):
        done = t.run(f"{second} run.yaml {ENDLESS} --run a", exits=5, says=(says, holder))
        t.is_(done.seconds < 10, True, "refused at once")
    return process, holder


@case
def a_second_start_in_one_run_is_refused_and_told_who_holds_it(t):
    process, holder = begun_and_kept_to_itself(t, "train", "another process is using this run")
    t.run("checkpoint prune a", exits=5, says=holder)
    process.kill()  # the lock dies with it
    process.wait()
    t.run("train run.yaml --set trainer.steps=1000000 --set schedule.kind=constant --set trainer.max_minutes=0.01 --run a", exits=75)


@case
def a_second_supervisor_is_refused_too(t):
    process, _ = begun_and_kept_to_itself(t, "launch -n 2 train", "another process supervises this run")
    t.is_("restart" in t.read("a.log"), False, "the first was disturbed")
    process.send_signal(signal.SIGTERM)
    t.ends(process, 75, log="a.log")
    t.run("launch -n 2 train run.yaml --run b --set data.train=nothing/*.h5", exits=3)
    t.is_(os.path.exists("b"), False, "a folder of a run that never began")


@case
def evaluations_read_on_while_checkpoints_come_and_go(t):
    t.good()
    process = begin(t, "train", "a")
    t.wait_for(lambda: os.path.exists("a/checkpoints/step_00000020"), what="a checkpoint")
    for command in ("eval a --out e", "checkpoint hash a", "checkpoint verify a", "checkpoint list a", "checkpoint inspect a") * 3:
        t.run(command)
    process.send_signal(signal.SIGUSR1)
    t.ends(process, 75, log="a.log")


@case
def a_small_dev_shm_makes_ranks_slower_and_nothing_else(t):
    t.good()
    said = with_mounts(t, """
mount -t tmpfs -o size=1m none /dev/shm || exit 77
go() { name=$1; shift; "$@" >"$name.log" 2>&1; echo "$? $name: $(grep -c 'not enough space\\|unable to' "$name.log") $(tail -n 1 "$name.log")"; }
go launch "$NEXTFRAME" launch -n 2 train run.yaml --run a
go mpirun mpirun --oversubscribe --bind-to none -np 2 "$NEXTFRAME" train run.yaml --run b
go ranks "$SOURCE/scripts/ranks" 2 "$NEXTFRAME" train run.yaml --run c
OMPI_MCA_btl=tcp,self go own "$NEXTFRAME" launch -n 2 train run.yaml --run d
go verify "$NEXTFRAME" verify run.yaml --ranks 1,2 --steps 2
""", list("00000"))
    for line in said.splitlines():
        t.is_(line.split(": ")[1][0], "0", f"raw messages in {line}")
    t.is_("exchange over TCP instead" in t.read("launch.log"), True, "the slower way is told")
    t.is_(len({t.digest(run) for run in "abcd"}), 1, "digests")


@case
def eighteen_ranks_fit_into_64_mib_of_dev_shm(t):
    t.good()
    t.write("run.yaml", t.read("run.yaml").replace("global_batch: 4, grains: 4", "global_batch: 18, grains: 18").replace("steps: 20", "steps: 2"))
    with_mounts(t, """
mount -t tmpfs -o size=64m none /dev/shm || exit 77
timeout 200 "$NEXTFRAME" launch -n 18 --max-restarts 0 train run.yaml --run a >a.log 2>&1; echo "$? launch"
""", ["0"])


@case
def what_the_user_tells_openmpi_wins(t):
    t.good()
    t.write("mpirun", '#!/bin/sh\nprintf "%s\\n" "$@" >words\nenv >variables\nexit 2\n')
    os.chmod("mpirun", 0o755)
    own = {"OMPI_MCA_btl": "tcp,self", "OMPI_MCA_oob_tcp_keepalive_time": "60", "OMPI_MCA_mpi_yield_when_idle": "0",
           "OMPI_MCA_hwloc_base_binding_policy": "core", "OMPI_MCA_btl_vader_single_copy_mechanism": "cma"}
    for command in ([NEXTFRAME, *"launch -n 3 train run.yaml --run a".split()], [f"{SOURCE}/scripts/ranks", "3", "true"]):
        subprocess.run(command, env={**os.environ, **own, "PATH": f"{t.folder}:{os.environ['PATH']}"}, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        words, variables = t.read("words").splitlines(), t.read("variables").splitlines()
        for name, value in own.items():
            t.is_(f"{name}={value}" in variables, True, f"{name} of {command[0]}")
        t.is_([word for word in words if word in ("oob_tcp_keepalive_time", "hwloc_base_binding_policy", "--bind-to")], [], f"words of {command[0]}")
    os.makedirs("home/.openmpi")
    t.write("home/.openmpi/mca-params.conf", "# mine\nbtl = tcp,self\noob_tcp_keepalive_intvl=9\n")
    t.run("launch -n 2 train run.yaml --run a", exits=2,
          env={**os.environ, "HOME": f"{t.folder}/home", "PATH": f"{t.folder}:{os.environ['PATH']}"})
    t.is_("OMPI_MCA_btl=" in t.read("variables"), False, "our btl beside that of the file")
    t.is_("oob_tcp_keepalive_intvl" in t.read("words"), False, "our interval beside that of the file")


@case
def a_folder_for_temporary_files_that_is_not_there_is_named(t):
    t.good()
    for folder, problem in (("/nowhere/at/all", "is no folder"), (f"{t.folder}/run.yaml", "is no folder")):
        gone = {**os.environ, "TMPDIR": folder}
        t.run("launch -n 2 train run.yaml --run a", exits=5, env=gone, says=("$TMPDIR", problem, "unset TMPDIR"))
        t.run("verify run.yaml --ranks 1,2 --steps 2", exits=5, env=gone, says=(folder, "--scratch"))
        t.run("train run.yaml --run a", env=gone)  # alone it needs none
    t.is_(os.path.exists("a/resolved.yaml"), True, "the lone run")
    long = f"{t.folder}/{'d' * 90}/{'e' * 60}"
    os.makedirs(long)
    t.run("launch -n 2 train run.yaml --run long", env={**os.environ, "TMPDIR": long}, says="finished")


@case
def a_working_folder_that_was_removed_is_told(t):
    t.good()
    for command in (["--version"], ["check", f"{t.folder}/run.yaml"], ["launch", "-n", "2", "train", f"{t.folder}/run.yaml", "--run", f"{t.folder}/a"]):
        os.makedirs("gone")

        def away():
            os.chdir("gone")
            os.rmdir(f"{t.folder}/gone")
        t.run(command, exits=5, says="the folder in which this was started is not there any more", lacks="MKL", preexec_fn=away)


@case
def a_limit_of_processes_or_memory_is_told_in_words(t):
    t.good()
    for megabytes in (1500, 2500, 3500):
        room = lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
        # 127: the system's loader itself found no room for the libraries.
        t.run("train run.yaml --set trainer.steps=1 --set parallel.threads=2 --run as", exits=(0, 5, 7, 127), preexec_fn=room,
              lacks=("terminate called", "enforce fail", "libgomp", "std::"))
    if os.geteuid() != 0:
        raise Skipped("the limit of processes is tried as root, for a user without others")
    user = 54321
    for path, _, _ in os.walk(t.folder):
        os.chmod(path, 0o777)
    for count in (1, 4, 16):
        def few():
            resource.setrlimit(resource.RLIMIT_NPROC, (count, count))
            os.setgid(user)
            os.setuid(user)
        for threads in (1, 4):
            t.run(f"train run.yaml --set trainer.steps=1 --set parallel.threads={threads} --run nproc{threads}-{count}", exits=(0, 5), preexec_fn=few,
                  lacks=("terminate called", "libgomp", "std::", "Resource temporarily"))
