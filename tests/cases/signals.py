"""Signals, terminals and pipes around a run: none of them loses what was trained."""
import json
import os
import pty
import resource
import signal
import subprocess
import time

from trial import NEXTFRAME, Failed, case

ENDLESS = ("--set trainer.steps=1000000 --set checkpoint.every_steps=1000000 --set trainer.log_every_steps=1 "
           "--set schedule.kind=constant")


def steps(run):
    """The steps that the run has logged."""
    path = f"{run}/metrics.jsonl"
    return open(path).read().count("\n") if os.path.exists(path) else 0


def begin(t, run, command="train", **options):
    """Starts a run that does not end by itself, and waits until it trains."""
    process = t.start(f"{command} run.yaml {ENDLESS} --run {run}", log=f"{run}.log", **options)
    t.wait_for(lambda: steps(run) > 2 or process.poll() is not None, what="a step")
    if process.poll() is not None:
        raise Failed(f"it ended with {process.returncode}: {t.read(run + '.log')[-600:]}")
    return process


def is_saved(t, run, state):
    """The last logged step is the one that was saved."""
    status = json.loads(t.read(f"{run}/status.json"))
    t.is_(status["state"], state, "state")
    t.is_(os.listdir(f"{run}/checkpoints"), [f"step_{status['step']:08d}"], "checkpoints")
    t.run(f"checkpoint verify {run}", says="valid")


def ends_saved(t, process, run, signal_number, says=()):
    """It is sent that signal, saves and asks to be queued again."""
    process.send_signal(signal_number)
    t.ends(process, 75, says=says, log=f"{run}.log")
    is_saved(t, run, "preempted")


def goes_on(t, process, run):
    """It still trains a second later."""
    seen = steps(run)
    t.wait_for(lambda: steps(run) > seen + 2 or process.poll() is not None, what="another step")
    if process.poll() is not None:
        raise Failed(f"it ended with {process.returncode}: {t.read(run + '.log')[-600:]}")


@case
def each_signal_that_asks_for_the_end_saves_the_run(t):
    t.good()
    for name in ("SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGINT"):
        process = begin(t, name)
        process.send_signal(getattr(signal, name))
        t.ends(process, 130 if name == "SIGINT" else 75, says=f"asked to stop by {name}", log=f"{name}.log")
        is_saved(t, name, "interrupted" if name == "SIGINT" else "preempted")


@case
def signals_that_are_ignored_at_the_start_stay_ignored(t):
    t.good()
    process = begin(t, "a", before=("sh", "-c", 'trap "" HUP INT TERM; exec "$@"', "sh"))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
        goes_on(t, process, "a")
    ends_saved(t, process, "a", signal.SIGUSR1)


@case
def nohup_and_a_background_job_of_a_script_outlive_the_terminal(t):
    t.good()
    for command in ("train", "launch -n 2 train"):
        run = command.split()[0]
        # A shell without job control has SIGINT ignored in what it starts with '&'.
        script = subprocess.Popen(
            ["sh", "-c", f'nohup "{NEXTFRAME}" {command} run.yaml {ENDLESS} --run {run} >{run}.log 2>&1 & echo $! >pid; wait'],
            start_new_session=True, stdin=subprocess.DEVNULL)
        t.background.append(script)
        t.wait_for(lambda: steps(run) > 2, what="a step")
        os.killpg(script.pid, signal.SIGINT)
        os.killpg(script.pid, signal.SIGHUP)
        pid = int(t.read("pid"))
        seen = steps(run)
        t.wait_for(lambda: steps(run) > seen + 5, what=f"a step of {command} after the terminal's signals")
        os.kill(pid, signal.SIGUSR1)
        t.wait_for(lambda: not os.path.exists(f"/proc/{pid}") or "preempted" in t.read(f"{run}/status.json"), what="the end")
        is_saved(t, run, "preempted")


@case
def a_supervised_run_saves_when_its_terminal_is_closed(t):
    t.good()
    process = begin(t, "a", "launch -n 2 train")
    ends_saved(t, process, "a", signal.SIGHUP, says="SIGHUP: asked 2 ranks to save")


@case
def ranks_are_asked_to_save_though_the_supervisor_ignores_that_signal(t):
    t.good()
    process = begin(t, "a", "launch -n 2 train", before=("sh", "-c", 'trap "" USR1 USR2; exec "$@"', "sh"))
    ends_saved(t, process, "a", signal.SIGTERM)


@case
def a_signal_that_the_parent_has_blocked_is_heard(t):
    t.good()
    process = begin(t, "a", preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1}))
    ends_saved(t, process, "a", signal.SIGTERM)


@case
def a_supervisor_whose_parent_ignores_its_children_learns_of_their_end(t):
    t.good()
    t.run("launch -n 2 train run.yaml --run a", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
          says="finished")


@case
def the_limit_of_cpu_time_saves_the_run(t):
    t.good()
    limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (8, 8))
    process = begin(t, "a", preexec_fn=limit)
    t.ends(process, 75, says="SIGXCPU", log="a.log", timeout=200)
    is_saved(t, "a", "preempted")


@case
def ctrl_c_with_tee_saves_whoever_dies_first(t):
    t.good()
    for command in ("train", "launch -n 2 train"):
        run = command.split()[0]
        # The foreground job of a terminal: Ctrl-C goes to both, and tee dies of it at once.
        line = f'trap : INT; "{NEXTFRAME}" {command} run.yaml {ENDLESS} --run {run} 2>&1 | tee {run}.log >/dev/null; echo "${{PIPESTATUS[0]}}" >{run}.code'
        shell = subprocess.Popen(["bash", "-c", line], start_new_session=True, stdin=subprocess.DEVNULL)
        t.background.append(shell)
        t.wait_for(lambda: steps(run) > 2, what="a step")
        os.killpg(shell.pid, signal.SIGINT)
        shell.wait(60)
        t.is_(t.read(f"{run}.code").strip(), "130", f"exit code of {command}")
        is_saved(t, run, "interrupted" if run == "train" else "preempted")  # ranks are asked by SIGUSR1


@case
def a_reader_that_leaves_or_does_not_read_keeps_no_run_from_its_end(t):
    t.good()
    for command in ("train", "launch -n 2 train"):
        run = command.split()[0]
        line = f'"{NEXTFRAME}" {command} run.yaml --set trainer.log_every_steps=1 --run {run} 2>&1 | head -1; exit "${{PIPESTATUS[0]}}"'
        t.is_(subprocess.run(["bash", "-c", line], stdout=subprocess.DEVNULL, timeout=120).returncode, 0, f"exit code of {command}")
        is_finished(t, run)
    # A pipe that is full and that nobody reads, as of a pager or a terminal after Ctrl-S.
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writing, True)
    process = t.start("train run.yaml --set trainer.log_every_steps=1 --run full", stderr=writing)
    t.ends(process, 0)
    is_finished(t, "full")
    os.close(reading)


def is_finished(t, run):
    status = json.loads(t.read(f"{run}/status.json"))
    t.is_((status["state"], status["step"]), ("finished", 20), "status")


@case
def a_terminal_that_goes_away_leaves_a_saved_run(t):
    t.good()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(NEXTFRAME, [NEXTFRAME, "train", "run.yaml", *ENDLESS.split(), "--run", "a"])
    try:
        os.set_blocking(terminal, False)
        t.wait_for(lambda: drain(terminal) and steps("a") > 2, what="a step")
    finally:
        os.close(terminal)  # the kernel sends SIGHUP to the session, and writes fail from now on
        end = time.time() + 60
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if time.time() > end:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
    is_saved(t, "a", "preempted")


def drain(terminal):
    try:
        while os.read(terminal, 65536):
            pass
    except BlockingIOError:
        pass
    return True


@case
def closed_standard_streams_take_no_file_of_the_run(t):
    t.good()
    line = f'"{NEXTFRAME}" train run.yaml --run a <&- >&- 2>&-'
    t.is_(subprocess.run(["sh", "-c", line], timeout=120).returncode, 0, "exit code")
    is_finished(t, "a")
    t.run("checkpoint verify a", lacks="BROKEN")
