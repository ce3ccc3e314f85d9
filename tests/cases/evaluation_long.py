"""Evaluations that take minutes: long recordings, and limits of memory."""
import json
import resource
import sys

import h5py
import numpy as np

from trial import Failed, case, frames

EVERY_10 = "--set evaluate.every_steps=10"


@case
def an_evaluation_without_memory_is_a_line(t):
    t.good()
    t.shard("data/validation/s0.h5", (600,) * 4, height=128, width=128, seed=2)
    t.shard("data/train/s0.h5", (20, 20), height=128, width=128, seed=1)
    data = "--set trainer.global_batch=1 trainer.grains=1 data.clip_frames=4 model.patch_px=32"
    t.run(f"train run.yaml {data} --run runs/alone")
    limit = 1 << 30

    def little_memory():
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    t.run(f"train run.yaml {data} {EVERY_10} --set evaluate.horizon_frames=500 --run runs/a",
          preexec_fn=little_memory, says=("step 10 failed", "finished"))
    t.is_(t.digest("runs/a"), t.digest("runs/alone"), "digest")


@case
def a_long_evaluation_is_no_hang_to_any_rank(t):
    t.good()
    t.shard("data/validation/s0.h5", (4000, 4000), seed=2)
    result = t.run(f"launch -n 2 --max-restarts 1 train run.yaml {EVERY_10} "
                   "--set parallel.pause_limit_s=4 trainer.steps=10 --run runs/a",
                   says="held-out episodes", lacks=("hang", "failed"))
    with open("runs/a/launch.jsonl") as file:
        ran_s = max(json.loads(line).get("ran_s", 0) for line in file)
    if ran_s < 5:
        raise Failed(f"the evaluation was too quick to try anything: {ran_s} s; {result.text[-300:]}")


@case
def a_long_recording_is_evaluated_in_little_memory(t):
    t.shard("data/train/s0.h5", (40, 40), height=64, width=64, seed=1)
    num_frames = 20000
    block, _ = frames(1000, 64, 64, 3, 5)
    with h5py.File("data/validation/s0.h5", "w", libver=("earliest", "v110")) as file:
        pixels = file.create_dataset("pixels", (num_frames, 64, 64, 3), "u1", chunks=(8, 64, 64, 3),
                                     compression="gzip", compression_opts=1)
        for begin in range(0, num_frames, 1000):
            pixels[begin:begin + 1000] = np.roll(block, begin // 1000, 0)
        file["action"] = np.random.default_rng(0).integers(0, 3, num_frames)
        t.episodes(file, (num_frames,))
    t.write("run.yaml", open("run.yaml").read().replace(
        "{name: space_time_transformer, dim: 32, layers: 2, heads: 2, patch_px: 8}", "{name: frame_mlp}"))
    t.run("train run.yaml --set trainer.steps=2 --run runs/a")
    peak = measured_peak_kib(t, "eval runs/a --suite quality")
    if peak > 1200 * 1024:
        raise Failed(f"peak memory {peak // 1024} MiB")


def measured_peak_kib(t, arguments):
    """Of one run, from a process of its own whose only child it is."""
    script = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
              "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)")
    result = t.run(arguments, before=[sys.executable, "-c", script], timeout=300)
    return int(result.text.rsplit("peak ", 1)[1])
