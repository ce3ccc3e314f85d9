"""Part `train`: short real runs by the bundle's program. They must have one digest: twice, stopped and continued, and
with CUDA graphs. Also measures the MFU of a larger model."""
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time

from gpu import build

SMALL = ["trainer.steps=40", "trainer.log_every_steps=5", "checkpoint.every_steps=20", "schedule.warmup_steps=4"]
LARGE = ["model.dim=1024", "model.layers=12", "model.heads=16", "optimizer.lr=0.0003", "trainer.global_batch=64",
         "trainer.grains=4", "trainer.steps=30", "trainer.log_every_steps=5", "checkpoint.every_steps=1000"]
DEVICE = "cuda"  # not `auto`: a run that finds no GPU has to fail here
PREEMPTED = 75


class Failure(RuntimeError):
    """A run that did not do what it should."""


class Program:
    def __init__(self, bundle, folder, clock):
        self.path, self.folder, self.clock = os.path.abspath(f"{bundle}/nextframe"), folder, clock
        self.said = ""  # output of the newest training

    def __call__(self, *words):
        try:
            done = subprocess.run([self.path, *words], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, cwd=self.folder, timeout=max(1.0, self.clock.left_s()))
        except subprocess.TimeoutExpired as late:
            raise Failure(f"{' '.join(words[:2])}: not done in time") from late
        if done.returncode != 0:
            raise Failure(f"{' '.join(words[:2])}: exit code {done.returncode}: {done.stdout[-1500:]}")
        return done.stdout

    def training(self, run, settings):
        sets = ["data.train=data/train/*.h5", "data.validation=data/validation/*.h5",
                f"parallel.device={DEVICE}", *settings]
        return ["train", f"{build.ROOT}/configs/ball_and_paddle.yaml", "--run", run,
                *(word for setting in sets for word in ("--set", setting))]

    def train(self, run, settings):
        self.said = self(*self.training(run, settings))
        with open(f"{self.folder}/{run}/metrics.jsonl", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def digest(self, run):
        return self("checkpoint", "hash", run).strip()

    def stop_and_continue(self, run, settings):
        """Stops a run after its first logged step and continues it."""
        log, metrics = open(f"{self.folder}/{run}.log", "w", encoding="utf-8"), f"{self.folder}/{run}/metrics.jsonl"
        with log, subprocess.Popen([self.path, *self.training(run, settings)], stdout=log, stderr=log,
                                   cwd=self.folder) as process:
            while process.poll() is None and not (os.path.exists(metrics) and os.path.getsize(metrics)):
                if self.clock.is_over():
                    process.kill()
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            code = process.wait()
        if code != PREEMPTED:
            raise Failure(f"a run that was asked to stop ended with {code} instead of {PREEMPTED}")
        self.train(run, settings)


def doctor(program):
    return {"words": program("doctor")[-4000:]}


def twice(program):
    program("data", "make", "ball_and_paddle", "--out", "data", "--episodes", "200", "--validation-episodes", "8")
    records = program.train("first", SMALL)
    program.train("second", SMALL)
    digests = [program.digest(run) for run in ("first", "second")]
    if digests[0] != digests[1]:
        raise Failure(f"two runs of the same config differ: {digests[0]} and {digests[1]}")
    if not records[-1]["loss"] < records[0]["loss"]:
        raise Failure(f"the loss went from {records[0]['loss']} to {records[-1]['loss']}")
    return {"digest": digests[0], "loss": [records[0]["loss"], records[-1]["loss"]], "step_s": step_s(records)}


def stopped(program):
    program.stop_and_continue("stopped", SMALL)
    digests = [program.digest(run) for run in ("first", "stopped")]
    if digests[0] != digests[1]:
        raise Failure(f"a run that was stopped differs: {digests[1]} instead of {digests[0]}")
    return {"digest": digests[1]}


def graphs(program):
    """Checks that CUDA graphs give the first run's bits, and times a step without and with them."""
    without = program.train("without graphs", SMALL)
    records = program.train("graphs", [*SMALL, "trainer.cuda_graphs=true"])
    off = [line for line in program.said.splitlines() if "CUDA graphs: off" in line]
    if off:
        raise Failure(off[0])
    digests = [program.digest(run) for run in ("without graphs", "graphs")]
    if digests[0] != digests[1]:
        raise Failure(f"a run with CUDA graphs differs: {digests[1]} instead of {digests[0]}")
    return {"digest": digests[1], "step_s": step_s(records), "step_s_without": step_s(without)}


def large(program):
    records = program.train("large", LARGE)
    return {"step_s": step_s(records), "mfu": statistics.median(record["mfu"] for record in records[1:]),
            "tokens_per_s": statistics.median(record["tokens_per_s"] for record in records[1:])}


def step_s(records):
    return statistics.median(record["step_s"] for record in records[1:])


def run(bundle, records, clock):
    """Each step uses files of the steps before it. A failed step is reported, and the others are tried."""
    is_met = True
    with tempfile.TemporaryDirectory() as folder:
        program = Program(bundle, folder, clock)
        for name, step in (("doctor", doctor), ("twice", twice), ("stopped", stopped), ("graphs", graphs),
                           ("large", large)):
            try:
                found = {"is_met": True, **step(program)}
            except (Failure, OSError, KeyError, IndexError, ValueError) as reason:
                found = {"is_met": False, "words": str(reason) or repr(reason)}
            records.add("train", case=name, **found)
            is_met = is_met and found["is_met"]
            shown = {key: value for key, value in found.items() if key != "words" or not found["is_met"]}
            print(f"train {name}: {shown}", flush=True)
    return "met" if is_met else "failed"
