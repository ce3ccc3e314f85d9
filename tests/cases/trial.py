"""What a case is made of: a scratch folder with small data, and the program run on it.

A file beside this one holds the cases of one kind. A case is a function whose name says the right behaviour:

    from trial import case

    @case
    def an_enum_of_actions_is_choices_with_names(t):
        t.good()
        t.run("data inspect data/train/s0.h5", says="LEFT")

`run.py` runs them and prints the table. Every run of the program must end with the exit code that the case names, never
by a signal, and never with 1, which is the program's word for a fault of its own.
"""
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

import h5py
import numpy as np

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NEXTFRAME = os.path.abspath(os.environ.get("NEXTFRAME", os.path.join(SOURCE, "bin", "nextframe")))
CONFIG = """\
data: {train: data/train/*.h5, validation: data/validation/*.h5, clip_frames: 8}
model: {name: space_time_transformer, dim: 32, layers: 2, heads: 2, patch_px: 8}
objective: {name: regress}
optimizer: {lr: 0.003}
trainer: {steps: 20, global_batch: 4, grains: 4, precision: fp32, log_every_steps: 5}
checkpoint: {every_steps: 10}
evaluate: {every_steps: 0, episodes: 4}
"""

CASES = []


def case(function):
    """Enters the function into the table."""
    CASES.append(function)
    return function


def frames(count, height=16, width=16, channels=3, seed=0):
    """uint8 frames [T,H,W,C] of a square that moves right by its action of 0 to 2 pixels, and the actions [T]."""
    actions = np.random.default_rng(seed).integers(0, 3, count)
    pixels = np.zeros((count, height, width, channels), np.uint8)
    x = 0
    for t in range(count):
        pixels[t, height // 4: height // 2 + 2, x % width: x % width + max(2, width // 4)] = 200
        x += int(actions[t])
    return pixels, actions


class Failed(AssertionError):
    pass


class Skipped(Exception):
    """Raised by a case that this machine does not allow, with the reason."""


class Result:
    """How a run of the program ended: its exit code (negative: the signal), and all that it said."""

    def __init__(self, command, code, text, seconds):
        self.command, self.code, self.text, self.seconds = command, code, text, seconds


class Trial:
    """A scratch folder, which is the working directory while the case runs."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="nextframe-case-")
        self.background = []
        os.chdir(self.folder)
        os.makedirs("data/train")
        os.makedirs("data/validation")
        self.write("run.yaml", CONFIG)

    def close(self):
        for process in self.background:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        os.chdir("/")
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, path, content):
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb" if isinstance(content, bytes) else "w") as file:
            file.write(content)

    def shard(self, path, lengths=(40, 40, 40, 40), height=16, width=16, channels=3, seed=0, actions=True, chunks=None,
              **storage):
        """A foreign shard as h5py writes it. `storage` goes to create_dataset of the pixels. Returns frames and actions."""
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        pixels, taken = frames(sum(lengths), height, width, channels, seed)
        storage.setdefault("compression", "gzip")
        with h5py.File(path, "w", libver=("earliest", "v110")) as file:
            file.create_dataset("pixels", data=pixels, chunks=chunks or (8, height, width, channels), **storage)
            if actions:
                file["action"] = taken.astype(np.int64)
            self.episodes(file, lengths)
        return pixels, taken

    @staticmethod
    def episodes(file, lengths):
        file["ep_len"] = np.array(lengths, np.int32)
        file["ep_offset"] = np.cumsum([0] + list(lengths)[:-1]).astype(np.int64)

    def good(self):
        """Data that train: four episodes to learn from, two held out."""
        self.shard("data/train/s0.h5", seed=1)
        self.shard("data/validation/s0.h5", (20, 20), seed=2)

    def edit(self, path, function):
        """Opens an HDF5 file to change it."""
        with h5py.File(path, "a") as file:
            function(file)

    def run(self, arguments, exits=0, says=(), lacks=(), timeout=120, program=None, before=(), **options):
        """Runs `nextframe ARGUMENTS` (a list, or a string as a shell would split it). `before`: a command that starts it.

        `exits`: the exit code, or several that are right. `says`, `lacks`: what its output must and must not have.
        """
        words = shlex.split(arguments) if isinstance(arguments, str) else list(map(str, arguments))
        command = [*before, program or NEXTFRAME, *words]
        begin = time.time()
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                                  stdin=subprocess.DEVNULL, **options)
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"").decode(errors="replace")
            raise Failed(f"{shlex.join(words)}: no end after {timeout} s; it said: {said[-600:]}") from None
        result = Result(shlex.join(words), done.returncode, done.stdout.decode(errors="replace"), time.time() - begin)
        self.check(result, exits, says, lacks)
        return result

    def check(self, result, exits=0, says=(), lacks=()):
        right = (exits,) if isinstance(exits, int) else tuple(exits)
        tail = result.text[-1200:]
        if result.code not in right:
            raise Failed(f"{result.command}: exit code {result.code}, not {right}; it said: {tail}")
        for text in (says,) if isinstance(says, str) else says:
            if text not in result.text:
                raise Failed(f"{result.command}: did not say '{text}' but: {tail}")
        for text in (lacks,) if isinstance(lacks, str) else lacks:
            if text in result.text:
                raise Failed(f"{result.command}: said '{text}': {tail}")

    def start(self, arguments, log="background.log", before=(), **options):
        """Starts `nextframe ARGUMENTS` in a session of its own; ended with the case at the latest."""
        words = shlex.split(arguments) if isinstance(arguments, str) else list(map(str, arguments))
        with open(log, "wb") as out:
            process = subprocess.Popen([*before, NEXTFRAME, *words], stdout=options.pop("stdout", out),
                                       stderr=options.pop("stderr", out), stdin=subprocess.DEVNULL,
                                       start_new_session=True, **options)
        self.background.append(process)
        return process

    def ends(self, process, exits=0, says=(), lacks=(), log="background.log", timeout=60):
        """Waits for what start() has started. `log` is the file that took its output."""
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"no end after {timeout} s; it said: {self.read(log)[-600:]}") from None
        result = Result(shlex.join(process.args), code, self.read(log), 0)
        self.check(result, exits, says, lacks)
        return result

    @staticmethod
    def read(path):
        """What a file holds so far; nothing while it is not there."""
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as file:
            return file.read()

    def wait_for(self, condition, seconds=60, what="it"):
        """Until condition() is true."""
        end = time.time() + seconds
        while not condition():
            if time.time() > end:
                raise Failed(f"{what} did not come within {seconds} s")
            time.sleep(0.05)

    def digest(self, run):
        return self.run(["checkpoint", "hash", run]).text.strip()

    def is_(self, got, expected, what):
        if got != expected:
            raise Failed(f"{what}: {got!r} is not {expected!r}")
