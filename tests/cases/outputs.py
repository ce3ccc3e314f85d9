"""What a run writes: logs never end it, records lose nothing, a moved run resumes where it is."""
import collections
import glob
import json
import os
import resource
import shutil
import struct
import subprocess

import numpy as np

from trial import NEXTFRAME, Failed, Skipped, case

CONSTANT = "--set schedule.kind=constant"


def metrics(run):
    with open(f"{run}/metrics.jsonl") as file:
        return [json.loads(line)["step"] for line in file]


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """Number and value of each field of a protocol buffer's message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            length = {1: 8, 5: 4}.get(key & 7)
            if length is None:
                length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        yield key >> 3, value


def tensorboard_steps(run):
    """The steps of the losses that TensorBoard shows: a file's start hides that step and later ones of files before it."""
    shown = []
    for path in sorted(glob.glob(f"{run}/events.out.tfevents.*")):
        data, at = open(path, "rb").read(), 0
        while at < len(data):
            length, = struct.unpack_from("<Q", data, at)
            event = dict(fields(data[at + 12:at + 12 + length]))
            at += length + 16
            step = event.get(2, 0)
            if 7 in event:
                shown = [other for other in shown if other < step]
            elif 5 in event:
                shown.append(step)
    return shown


@case
def every_step_is_recorded_once_after_a_kill(t):
    t.good()
    command = f"train run.yaml {CONSTANT} --set trainer.steps=300 --set trainer.log_every_steps=1 --set checkpoint.every_steps=50 --run a"
    process = t.start(command)
    t.wait_for(lambda: os.path.exists("a/metrics.jsonl") and len(t.read("a/metrics.jsonl").splitlines()) > 70, what="step 70")
    process.kill()
    process.wait()
    t.run(command, says="continuing from")
    t.run(command.replace("steps=300", "steps=310"), says="(step 300)")
    for name, found in (("metrics.jsonl", metrics("a")), ("TensorBoard", tensorboard_steps("a"))):
        t.is_([step for step, count in collections.Counter(found).items() if count > 1], [], f"repeated in {name}")
        t.is_(found, list(range(1, 311)), f"steps in {name}")


@case
def a_damaged_line_of_the_metrics_takes_no_other_with_it(t):
    t.good()
    command = f"train run.yaml {CONSTANT} --set trainer.log_every_steps=1 --run a"
    t.run(command)
    lines = t.read("a/metrics.jsonl").split("\n")
    lines[2], lines[4] = "\0" * 40, '{"step": null}'
    t.write("a/metrics.jsonl", "\n".join(lines) + '{"step": 21, "lo')
    t.run(command + " --set trainer.steps=25", says="1 line was damaged")
    t.is_(metrics("a"), [1, 2, 4, None, *range(6, 26)], "steps")


@case
def logs_that_cannot_be_written_end_no_run(t):
    t.good()
    t.run(f"train run.yaml {CONSTANT} --run a")
    for path in ("a/metrics.jsonl", "a/log/rank0.log"):
        os.remove(path)
        os.symlink("/dev/full", path)
    os.remove("a/status.json")
    os.mkdir("a/status.json")
    command = f"train run.yaml {CONSTANT} --set trainer.steps=30 --set trainer.log_every_steps=1 --run a"
    done = t.run(command, says=("cannot write a/metrics.jsonl: No space left on device; the run goes on",
                                "cannot write a/log/rank0.log: No space", "a/status.json", "finished at step 30"))
    t.is_(done.text.count("No space left"), 2, "times that it is told")
    t.run("checkpoint verify a", says="step_00000030  valid")
    with open("/dev/full", "w") as full:  # standard error itself
        code = subprocess.run([NEXTFRAME, *command.replace("=30", "=35").split()], stdout=full, stderr=full, timeout=60).returncode
    t.is_(code, 0, "exit code with nowhere to write to")
    shutil.rmtree("a/log")
    t.write("a/log", "a file in the place of the folder")
    t.run(command.replace("=30", "=40"), says=("a/log/rank0.log", "finished at step 40"))


@case
def metrics_wait_for_room_on_a_disk_that_is_full_for_a_while(t):
    t.good()
    t.write("s.sh", """
mkdir disk && mount -t tmpfs -o size=24m none disk || exit 77
"$NEXTFRAME" train run.yaml --set trainer.steps=1000000 --set checkpoint.every_steps=1000000 --set schedule.kind=constant \\
  --set trainer.log_every_steps=1 --run disk/a >a.log 2>&1 & job=$!
until [ "$(wc -l 2>/dev/null <disk/a/metrics.jsonl)" -gt 5 ] 2>/dev/null; do kill -0 $job || exit 9; sleep 0.05; done
dd if=/dev/zero of=disk/fill bs=4k 2>/dev/null
until grep -q 'cannot write disk/a/metrics.jsonl' a.log; do kill -0 $job || exit 8; sleep 0.05; done
rm disk/fill
until grep -q 'metrics.jsonl is written again, and nothing is missing' a.log; do kill -0 $job || exit 7; sleep 0.05; done
dd if=/dev/zero of=disk/fill bs=4k 2>/dev/null
kill -USR1 $job; wait $job; echo "full: $?"
rm disk/fill
"$NEXTFRAME" train run.yaml --set trainer.steps=1000000 --set schedule.kind=constant --set trainer.log_every_steps=1 --set trainer.max_minutes=0.02 --run disk/a >b.log 2>&1
echo "room: $?"
cp -r disk/a a
""")
    done = subprocess.run(["unshare", "-m", "bash", "s.sh"], env={**os.environ, "NEXTFRAME": NEXTFRAME}, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if "unshare" in done.stdout or done.returncode == 77:
        raise Skipped("no mount without privileges")
    t.is_(done.stdout, "full: 4\nroom: 75\n", f"exit codes; {t.read('a.log')[-800:]}")
    t.is_("Earlier checkpoints are untouched" in t.read("a.log"), True, "what is said of the full disk")
    found = metrics("a")
    t.is_(found, list(range(1, len(found) + 1)), "steps in metrics.jsonl")


@case
def a_limit_on_the_size_of_files_is_an_error_with_words(t):
    t.good()
    t.run(f"train run.yaml {CONSTANT} --run a")
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100 * 1024, resource.RLIM_INFINITY))
    t.run(f"train run.yaml {CONSTANT} --set trainer.steps=40 --run a", exits=4, preexec_fn=limit,
          says=("File too large", "Earlier checkpoints are untouched"))
    t.run("checkpoint hash a")
    t.is_(sorted(os.listdir("a/checkpoints")), ["step_00000010", "step_00000020"], "checkpoints")
    tiny = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    for command in ("eval a --out e", "rollout a --out r.png", "train run.yaml --run fresh"):
        t.run(command, exits=(3, 4, 5), says="File too large", preexec_fn=tiny)


def pixels_of_noise(path, count=120):
    """An .npz that no filter makes smaller."""
    rng = np.random.default_rng(0)
    np.savez(path, frames=rng.integers(0, 255, (count, 32, 32, 3), np.uint8), actions=np.arange(count) % 3,
             episode_ends=np.arange(count) % 20 == 19)


MAKERS = ("data make ball_and_paddle --out {} --episodes 40 --validation-episodes 2 --frames 64 --shards 2 --filter {}",
          "data import rec.npz --out {} --validation-episodes 1 --filter {}")


@case
def a_limit_on_the_size_of_shards_is_an_error_with_words_and_leaves_nothing(t):
    pixels_of_noise("rec.npz")
    for number, maker in enumerate(MAKERS):
        for kib in (0, 1, 3, 20, 60, 200):
            limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (kib << 10, kib << 10))
            t.run(maker.format("out", "none"), exits=5, says=("cannot write out/", "File too large"), preexec_fn=limit,
                  lacks=("crashed", "errno", "HDF5", "disk full?"))
            t.is_(os.path.exists("out"), False, f"anything left of {maker} with {kib} KiB")
        os.mkdir(f"mine{number}")
        t.run(maker.format(f"mine{number}", "none"), exits=5, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
        t.is_(os.listdir(f"mine{number}"), [], "what is in a folder that was there")
        t.run(maker.format(f"mine{number}", "zstd"))
        t.run(["data", "verify", f"mine{number}/*/*.h5"], says="sound")


@case
def shards_for_a_disk_that_is_full_are_an_error_with_words_and_leave_nothing(t):
    pixels_of_noise("rec.npz")
    t.write("s.sh", """
mkdir disk && mount -t tmpfs -o size=400k none disk || exit 77
for room in 0 8 40 100 396; do
  head -c $(((396 - room) * 1024)) /dev/zero >disk/fill
  "$NEXTFRAME" %s >>said 2>&1; echo "$? make: $(ls disk)"
  "$NEXTFRAME" %s >>said 2>&1; echo "$? import: $(ls disk)"
done
""" % tuple(maker.format("disk/out", "none") for maker in MAKERS))
    done = subprocess.run(["unshare", "-m", "bash", "s.sh"], env={**os.environ, "NEXTFRAME": NEXTFRAME}, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if "unshare" in done.stdout or done.returncode == 77:
        raise Skipped("no mount without privileges")
    t.is_(done.stdout.splitlines(), ["5 make: fill", "5 import: fill"] * 5, f"exit codes and what is left; {t.read('said')[-600:]}")
    t.is_(t.read("said").count("No space left on device"), 10, f"times that it is told in {t.read('said')[-600:]}")
    t.is_("HDF5" in t.read("said"), False, f"a raw message in {t.read('said')[-600:]}")


@case
def a_file_of_mine_that_ends_in_tmp_is_left_alone(t):
    t.good()
    pixels_of_noise("rec.npz")
    names = ["a/" + name for name in ("status.json.tmp", "resolved.yaml.tmp", "config.yaml.tmp", "resume.sh.tmp", "metrics.jsonl.tmp")]
    names += ["e/report.json.tmp", "d.png.tmp", "imp/index.json.tmp", "imp/train/shard-00000.h5.tmp"]
    for name in names:
        t.write(name, "mine")
    t.write("a/status.json.nextframe.tmp", "what a killed run left")
    t.write("imp/train/shard-00007.h5.nextframe.tmp", "what a killed import left")
    t.run("train run.yaml --run a")
    t.run("eval a --out e")
    t.run("rollout a --out d.png")
    t.run("data import rec.npz --out imp --validation-episodes 1")
    t.is_([t.read(name) for name in names], ["mine"] * len(names), "what they hold")
    left = glob.glob("**/*.nextframe.tmp", recursive=True)
    t.is_(left, [], "leftovers")


@case
def names_that_are_not_utf8_are_written_down_or_refused(t):
    t.good()
    run = "runs/\udcff\udcfe"  # Python's way to write the bytes ff fe
    t.run(["train", "run.yaml", "--run", run], says="finished at step 20")
    for command in ("list", "verify", "hash", "inspect"):
        json.loads(t.run(["checkpoint", command, run, "--json"]).text)
    t.run(["eval", run, "--out", "e"])
    t.is_("\ufffd" in t.read("e/report.json"), True, "what stands for such a byte in a report")
    t.run(["train", "run.yaml", "--run", run], says="this run is finished")
    os.rename("data", "d\udcffta")
    t.run(["train", "run.yaml", "--set", "data.train=d\udcffta/train/*.h5", "--run", "b"], exits=2,
          says="data.train has bytes that are not UTF-8")


@case
def a_reader_of_the_output_may_leave(t):
    t.good()
    t.run("train run.yaml --run a")
    for command in ("schema", "--help", "check run.yaml", "data inspect data/train/s0.h5", "checkpoint list a --json",
                    "checkpoint inspect a", "completion bash", "explain trainer", "eval a --json", "plan run.yaml"):
        words = [NEXTFRAME, *command.split()]
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, timeout=60)
        os.close(writing)
        t.is_((done.returncode, b"nextframe:" in done.stderr), (0, False), f"{command} | true")
    for command in ("schema", "--help", "checkpoint list a --json", "check run.yaml"):
        with open("/dev/full", "w") as full:
            done = subprocess.run([NEXTFRAME, *command.split()], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        t.is_((done.returncode, "standard output" in done.stderr), (5, True), f"{command} >/dev/full: {done.stderr}")


@case
def a_moved_or_copied_run_resumes_where_it_is(t):
    t.good()
    place = "my runs/it's $HOME"
    t.run(["train", "run.yaml", "--set", "schedule.kind=constant", "--run", place])
    os.rename("run.yaml", "renamed.yaml")

    def resume(script, *more, **wanted):
        return t.run([os.path.abspath(script), *more], program="/bin/sh", **{"cwd": "/", **wanted})

    further = ("--set", "trainer.steps=25")
    copy = "copy of it"
    shutil.copytree(place, copy)
    before = t.read(f"{place}/status.json")
    resume(f"{copy}/resume.sh", *further, says="finished at step 25")
    t.is_(t.read(f"{place}/status.json"), before, "status of the run that was copied")
    os.makedirs("elsewhere/deep")
    os.rename(place, "elsewhere/deep/moved")
    resume("elsewhere/deep/moved/resume.sh", *further, says="finished at step 25")
    t.is_(os.path.exists(place), False, "a run in the old place")
    os.symlink("elsewhere/deep/moved/resume.sh", "go on.sh")
    resume("go on.sh", says="this run is finished", cwd=t.folder)

    # The whole project moves: run and data together.
    os.makedirs("project")
    for name in ("data", "copy of it"):
        os.rename(name, f"project/{name}")
    resume("project/copy of it/resume.sh", says="this run is finished")
    # The data are gone: what does not exist is named, and what to do.
    os.rename("project/data", "gone")
    resume("project/copy of it/resume.sh", exits=3, says=("data/train, are neither", "--set data.train="))
    resume("project/copy of it/resume.sh", "--set", f"data.train={t.folder}/gone/train/*.h5", "--set",
           f"data.validation={t.folder}/gone/validation/*.h5", says="this run is finished")
    resume("project/copy of it/resume.sh", exits=5, says="NEXTFRAME=", env={**os.environ, "NEXTFRAME": "/no/such/program"})


@case
def a_job_script_has_its_words_quoted(t):
    t.good()
    os.rename("run.yaml", "my run's.yaml")
    run = 'runs/a "$HOME" `id` b'
    t.run(["launch", "--write-sbatch", "job 1.sbatch", "-n", "1", "train", "my run's.yaml", "--set",
           "data.train=data/train/*.h5", "--run", run], says="sbatch 'job 1.sbatch'")
    done = subprocess.run(["bash", "job 1.sbatch"], timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    t.is_((done.returncode, "finished at step 20" in done.stdout), (0, True), done.stdout[-600:])
    t.is_(os.listdir("runs"), ['a "$HOME" `id` b'], "the run's folder")
    odd = "a folder's $name"
    os.mkdir(odd)
    t.run(["launch", "--write-sbatch", "job.sbatch", "-n", "1", "train", "../my run's.yaml", "--set",
           "data.train=../data/train/*.h5", "--set", "data.validation=", "--run", "r"], cwd=odd)
    done = subprocess.run(["bash", f"{odd}/job.sbatch"], timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    t.is_((done.returncode, os.path.exists(f"{odd}/r/resolved.yaml")), (0, True), done.stdout[-600:])


@case
def read_only_places_are_told_with_the_way_out(t):
    t.good()
    t.run("train run.yaml --run runs/a")
    t.write("s.sh", """
mount --bind runs runs && mount -o remount,ro,bind runs && mount --bind data data && mount -o remount,ro,bind data || exit 77
for command in "train run.yaml --run out/a" "eval runs/a" "eval runs/a --out e" "train run.yaml --run runs/a" "train run.yaml --run runs/b" \\
  "launch -n 2 train run.yaml --run runs/b" "launch -n 2 train run.yaml --run runs/a" "checkpoint verify runs/a" "checkpoint pin runs/a 10" "checkpoint prune runs/a"; do
  "$NEXTFRAME" $command >said 2>&1; echo "$? $command: $(tail -n 1 said)"
done
""")
    done = subprocess.run(["unshare", "-m", "bash", "s.sh"], env={**os.environ, "NEXTFRAME": NEXTFRAME}, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if "unshare" in done.stdout or done.returncode == 77:
        raise Skipped("no mount without privileges")
    lines = done.stdout.splitlines()
    t.is_([line.split()[0] for line in lines], list("0505555055"), f"exit codes of {done.stdout}")
    for line in lines:
        if line[0] == "5" and "Read-only file system" not in line and "cannot be written" not in line:
            raise Failed(f"not told why: {line}")
    t.is_("--out" in lines[1], True, f"where the reports can go: {lines[1]}")


@case
def each_change_on_resume_is_accepted_or_refused_with_its_reason(t):
    t.good()
    t.run("train run.yaml --set trainer.steps=10 --run a")
    for setting, key in (("trainer.seed=1", "trainer.seed: 0 → 1"), ("trainer.global_batch=8", "trainer.global_batch: 4 → 8"),
                         ("trainer.steps=40", "schedule.kind"), ("parallel.threads=2", "parallel.threads: 1 → 2")):
        t.run(f"train run.yaml --set trainer.steps=10 --set {setting} --run a", exits=2, says=(key, "--fork"))
    for setting in ("trainer.recompute=block", "checkpoint.keep=5", "data.loader_threads=1"):
        t.run(f"train run.yaml --set trainer.steps=10 --set {setting} --run a", says=(setting.split("=")[0], "this run is finished"))
