"""Data sets as a whole: very many shards, very many or very long episodes, files that change under a reader."""
import os
import resource
import shutil
import time

import h5py
import numpy as np

from trial import Failed, case


def many(t, count):
    t.shard("data/validation/s0.h5", (20, 20), seed=2)
    t.shard("data/train/s0000.h5", (12,), seed=1)
    for i in range(1, count):
        shutil.copy("data/train/s0000.h5", f"data/train/s{i:04}.h5")


def limited(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@case
def more_shards_than_the_usual_limit_of_files_train_and_evaluate(t):
    many(t, 1100)
    t.run("train run.yaml --set evaluate.every_steps=10 --run runs/a", says=("1100 episodes", "finished"),
          preexec_fn=limited(1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    t.run("data verify data/train/*.h5", says="1100 shards", preexec_fn=limited(1024, 1024))


@case
def a_hard_limit_of_256_files_is_enough(t):
    many(t, 1100)
    t.run("train run.yaml --set evaluate.every_steps=10 --run runs/a", says="finished", preexec_fn=limited(256, 256))
    t.run("eval runs/a --data data/train/*.h5", preexec_fn=limited(256, 256))
    t.is_(sorted(os.listdir("runs/a/checkpoints")), ["step_00000010", "step_00000020"], "checkpoints")


@case
def no_number_of_shards_near_the_limit_loses_a_save(t):
    for limit in (40, 64):
        many(t, limit + 3)
        t.run(f"train run.yaml --set evaluate.every_steps=10 --run runs/{limit}", says="finished",
              preexec_fn=limited(limit, limit))
        t.is_(sorted(os.listdir(f"runs/{limit}/checkpoints")), ["step_00000010", "step_00000020"], "checkpoints")


@case
def the_order_of_samples_does_not_depend_on_how_many_files_stay_open(t):
    t.shard("data/validation/s0.h5", (20, 20), seed=2)
    for i in range(90):
        t.shard(f"data/train/s{i}.h5", (12, 9), seed=i)
    t.run("train run.yaml --run runs/a")
    t.run("train run.yaml --run runs/b", preexec_fn=limited(64, 64))
    t.is_(t.digest("runs/b"), t.digest("runs/a"), "digest")


@case
def a_hundred_thousand_tiny_episodes_open_quickly(t):
    count = 100000
    lengths = np.full(count, 3, np.int32)
    lengths[:1000] = 9
    total = int(lengths.sum())
    with h5py.File("data/train/s0.h5", "w", libver=("earliest", "v110")) as file:
        file.create_dataset("pixels", shape=(total, 8, 8, 1), dtype="u1", chunks=(4096, 8, 8, 1), compression="gzip")
        file["pixels"][:] = np.arange(total, dtype=np.uint32).astype(np.uint8)[:, None, None, None]
        file["action"] = np.random.default_rng(0).random((total, 6)).astype("f4")
        t.episodes(file, lengths.tolist())
    with h5py.File("data/validation/s0.h5", "w", libver=("earliest", "v110")) as file:
        file["pixels"] = np.zeros((40, 8, 8, 1), np.uint8)
        file["action"] = np.zeros((40, 6), "f4")
        t.episodes(file, (20, 20))
    begin = time.time()
    t.run("data inspect data/train/s0.h5", says="100000")
    if time.time() - begin > 5:
        raise Failed(f"{time.time() - begin:.1f} s to open 100,000 episodes")
    t.run("train run.yaml --run runs/a", says="99000 episodes are shorter than a clip")


@case
def one_very_long_episode_is_read_a_clip_at_a_time(t):
    count = 24000  # 295 MB of frames
    with h5py.File("data/train/s0.h5", "w", libver=("earliest", "v110")) as file:
        pixels = file.create_dataset("pixels", (count, 64, 64, 3), "u1", chunks=(8, 64, 64, 3), compression="gzip",
                                     compression_opts=1)
        for i in range(0, count, 2000):
            pixels[i:i + 2000] = np.full((2000, 64, 64, 3), i // 2000, np.uint8)
        file["action"] = np.arange(count) % 3
        t.episodes(file, (count,))
    t.shard("data/validation/s0.h5", (20, 20), height=64, width=64, seed=2)
    os.rename("data/train/s0.h5", "long.h5")
    t.shard("data/train/s0.h5", height=64, width=64, seed=1)
    t.run("train run.yaml --set trainer.steps=4 --run runs/a", says="4 episodes, 160 frames")
    before_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    t.run("train run.yaml --set trainer.steps=4 --set data.train=long.h5 --run runs/b", says="1 episodes, 24000 frames")
    more_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - before_kb
    if more_kb > 120000:
        raise Failed(f"{more_kb} KB more than for a short episode")


@case
def very_much_data_outside_of_a_small_file_open_quickly(t):
    rows = 1 << 26  # 48 GiB of frames, in a file beside the shard or in one that a virtual dataset names
    with open("frames.bin", "wb") as file:
        file.truncate(rows * 768)
    with h5py.File("external.h5", "w", libver=("earliest", "v110")) as file:
        file.create_dataset("pixels", (rows, 16, 16, 3), "u1", external=[("frames.bin", 0, rows * 768)])
        t.episodes(file, np.full(64, rows // 64, np.int64).tolist())
    with h5py.File("virtual.h5", "w", libver=("earliest", "v110")) as file:
        layout = h5py.VirtualLayout((rows, 16, 16, 3), np.uint8)
        layout[:] = h5py.VirtualSource("external.h5", "pixels", (rows, 16, 16, 3))
        file.create_virtual_dataset("pixels", layout)
        t.episodes(file, np.full(64, rows // 64, np.int64).tolist())
    for name in ("external", "virtual"):
        t.run(f"check run.yaml --set data.train={name}.h5 --set data.validation=", says="data: 64 episodes", timeout=30)


def rewritten(t, skip, change):
    t.shard("data/train/s0.h5", (400,) * 5, height=32, width=32, seed=1)
    t.shard("data/validation/s0.h5", (20, 20), height=32, width=32, seed=2)
    process = t.start(f"train run.yaml --set trainer.steps=100000 --set data.on_corrupt={skip} --run runs/{skip}",
                      log=f"{skip}.log")
    t.wait_for(lambda: os.path.exists(f"runs/{skip}/checkpoints/step_00000010"), what="the first checkpoint")
    change()
    t.wait_for(lambda: process.poll() is not None, seconds=60, what="the end of the run")
    said = open(f"{skip}.log").read()
    if process.returncode != 3 or "s0.h5: was written to while it was being read" not in said:
        raise Failed(f"{skip}: exit code {process.returncode}: {said[-800:]}")
    if "on_corrupt: skip" in said or "was replaced" in said:
        raise Failed(f"{skip}: {said[-800:]}")


@case
def a_shard_that_is_written_anew_while_a_run_reads_it_is_named(t):
    for skip in ("fail", "skip"):
        rewritten(t, skip, lambda: t.shard("data/train/s0.h5", (400,) * 3, height=32, width=32, seed=9))


@case
def frames_that_change_in_place_while_a_run_reads_them_are_noticed(t):
    def change():
        with open("data/train/s0.h5", "r+b") as file:  # the size stays
            file.seek(os.path.getsize("data/train/s0.h5") // 2)
            file.write(b"\xff" * 4096)
    rewritten(t, "fail", change)


@case
def a_shard_that_is_cut_while_a_run_reads_it_is_an_error_and_no_signal(t):
    def cut():
        os.truncate("data/train/s0.h5", os.path.getsize("data/train/s0.h5") // 3)
    rewritten(t, "fail", cut)


@case
def frames_without_a_checksum_are_never_zeros_behind_a_cut(t):
    def cut():
        os.truncate("data/train/s0.h5", 4096)

    original = t.shard
    t.shard = lambda *a, **k: original(*a, **{**k, "compression": None})
    rewritten(t, "skip", cut)


@case
def a_shard_that_is_touched_or_replaced_by_an_equal_one_changes_nothing(t):
    t.good()
    process = t.start("train run.yaml --set trainer.steps=400 --run runs/a")
    t.wait_for(lambda: os.path.exists("runs/a/checkpoints/step_00000010"), what="the first checkpoint")
    os.utime("data/train/s0.h5")
    shutil.copy("data/train/s0.h5", "copy.h5")
    os.replace("copy.h5", "data/train/s0.h5")
    t.wait_for(lambda: process.poll() is not None, seconds=100, what="the end of the run")
    t.is_(process.returncode, 0, open("background.log").read()[-800:])


@case
def a_row_of_two_episodes_is_told(t):
    t.shard("data/train/s0.h5", (20, 20))
    t.edit("data/train/s0.h5", lambda file: file["ep_offset"].write_direct(np.array([0, 10], np.int64)))
    for command in ("data verify", "data inspect"):
        t.run(f"{command} data/train/s0.h5", exits=3, says="episode 1 begins at row 10, within episode 0; check ep_len")
    t.edit("data/train/s0.h5", lambda file: file["ep_offset"].write_direct(np.array([20, 0], np.int64)))
    t.run("data verify data/train/s0.h5", says="sound")  # any order will do
