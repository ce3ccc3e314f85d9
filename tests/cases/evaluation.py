"""An evaluation can not ruin a run: what it needs is looked at before the first step, and what goes wrong in it is a line.

Its numbers are what they say: the trivial predictors are computed again here, by the definitions of docs/evaluation.md.
"""
import glob
import json
import os
import signal

import h5py
import numpy as np

from trial import Failed, case

EVERY_10 = "--set evaluate.every_steps=10"


def log_of(run):
    with open(f"{run}/log/rank0.log") as file:
        return file.read()


def report_of(t, run, arguments=""):
    t.run(f"eval {run} --json {arguments}")
    with open(sorted(glob.glob(f"{run}/eval/*/report.json"))[-1]) as file:
        return json.load(file)


# What is held out, looked at before the first step.


@case
def held_out_frames_of_another_size_are_told_with_both_sizes_before_the_first_step(t):
    t.good()
    t.shard("data/validation/s0.h5", (20, 20), height=32, width=32, seed=2)
    both = ("32x32x3", "16x16x3", "data.validation", "data.train")
    t.run(f"check run.yaml {EVERY_10}", exits=3, says=both)
    t.run(f"train run.yaml {EVERY_10} --run runs/a", exits=3, says=both, lacks="step 5/")
    t.run(f"launch -n 2 train run.yaml {EVERY_10} --run runs/b", exits=3, says=both, lacks="restart")
    t.is_(os.path.exists("runs/a"), False, "a run's folder")


@case
def held_out_grey_frames_are_told_beside_colour(t):
    t.good()
    t.shard("data/validation/s0.h5", (20, 20), channels=1, seed=2)
    t.run(f"check run.yaml {EVERY_10}", exits=3, says=("16x16x1", "16x16x3"))
    t.run(f"train run.yaml {EVERY_10} --run runs/a", exits=3, says=("16x16x1", "16x16x3"))


@case
def held_out_actions_of_another_kind_or_width_are_told_before_the_first_step(t):
    t.good()
    t.shard("data/validation/s0.h5", (20, 20), seed=2, actions=False)
    t.edit("data/validation/s0.h5", lambda f: f.create_dataset("action", data=np.zeros((40, 3), np.float32)))
    t.run(f"train run.yaml {EVERY_10} --run runs/a", exits=3, says=("discrete actions", "actions of numbers"))
    t.edit("data/validation/s0.h5", lambda f: f.pop("action"))
    t.run(f"train run.yaml {EVERY_10} --run runs/b", exits=3, says="actions")
    t.edit("data/validation/s0.h5", lambda f: f.create_dataset("action", data=np.full(40, 7)))
    t.run(f"check run.yaml {EVERY_10}", exits=3, says=("8 numbers or choices", "3"))


@case
def held_out_data_that_are_not_there_are_told_before_the_first_step(t):
    t.good()
    wrong = "--set data.validation=data/valid/*.h5"
    t.run(f"train run.yaml {EVERY_10} {wrong} --run runs/a", exits=3, says="data/valid/*.h5")
    t.run(f"check run.yaml {EVERY_10} {wrong}", exits=3, says="data/valid/*.h5")
    t.run(f"check run.yaml {EVERY_10} {wrong} --without-data", says="no errors")
    t.run(f"train run.yaml {wrong} --run runs/b", says=("cannot be evaluated", "finished"))  # nobody evaluates it


@case
def check_opens_the_training_data_too(t):
    t.good()
    t.run("check run.yaml", says=("4 episodes", "16x16x3 frames with 3 action values", "2 of 2 held-out episodes"))
    answer = json.loads(t.run("check run.yaml --json").text)
    t.is_(answer["valid"], True, "valid")
    os.remove("data/train/s0.h5")
    answer = json.loads(t.run("check run.yaml --json", exits=3).text)
    t.is_((answer["valid"], "data/train" in answer["data_problem"]), (False, True), "valid, data_problem")


@case
def episodes_that_are_too_short_are_passed_over_and_counted(t):
    t.shard("data/train/s0.h5", (1, 40, 0, 1, 40), seed=1)
    t.shard("data/validation/s0.h5", (1, 20, 0, 7, 20), seed=2)
    t.run(f"train run.yaml {EVERY_10} --run runs/a", lacks="failed",
          says=("3 of 5 held-out episodes", "2 of fewer than 5 frames", "1 are not longer", "finished"))
    report = report_of(t, "runs/a")
    t.is_((report["data"]["episodes"], report["data"]["episodes_passed_over"]), (3, 2), "episodes, passed over")
    t.is_(report["suites"]["quality"]["one_step"]["mse"]["n"], 3, "n")
    t.is_(report["suites"]["quality"]["rollout"][0]["mse"]["n"], 2, "n of rollouts")
    t.run("rollout runs/a --out a.png", says="a.png")
    t.run("rollout runs/a --episode 2 --out b.png", exits=2, says="episode 2")


@case
def only_the_episodes_that_are_long_enough_count_as_the_first_ones(t):
    t.shard("data/train/s0.h5", seed=1)
    t.shard("data/validation/s0.h5", (0, 2, 20, 20), seed=2)
    t.run(f"train run.yaml {EVERY_10} --set evaluate.episodes=1 --run runs/a", says="finished", lacks="failed")
    t.is_(report_of(t, "runs/a")["suites"]["quality"]["one_step"]["mse"]["n"], 1, "n")


@case
def no_held_out_episode_that_is_long_enough_is_told_at_the_start(t):
    t.good()
    t.shard("data/validation/s0.h5", (4, 4, 0), seed=2)
    clips = "--set data.clip_frames=4"
    t.run(f"train run.yaml {EVERY_10} {clips} --run runs/a", exits=3, says=("data.validation", "5 frames"))
    t.run(f"check run.yaml {EVERY_10} {clips}", exits=3, says="5 frames")
    t.run(f"train run.yaml {EVERY_10} --run runs/b", exits=3, says=("data.validation", "8 frames of a clip"))
    t.run(f"train run.yaml {clips} --run runs/c", says="finished")
    t.run("eval runs/c", exits=3, says="5 frames")


@case
def episodes_no_longer_than_the_context_have_no_rollout_and_it_is_said(t):
    t.good()
    t.shard("data/validation/s0.h5", (8, 8, 8), seed=2)
    t.run(f"train run.yaml {EVERY_10} --run runs/a", says=("3 are not longer than evaluate.context_frames = 8", "finished"))
    t.run("eval runs/a", says="no episode is longer than the context of 8 frames")
    t.run("rollout runs/a --out a.png", exits=2, says="--context 8")


# What goes wrong in an evaluation.


@case
def an_evaluation_that_fails_is_a_line_and_the_run_goes_on_with_the_same_digest(t):
    t.good()
    t.run("train run.yaml --run runs/alone")
    blocked = "runs/blocked"
    os.makedirs(blocked)
    t.write(f"{blocked}/eval", "no folder")  # reports cannot be written
    t.run(f"train run.yaml {EVERY_10} --run {blocked}",
          says=("the evaluation of step 10 failed, and training goes on", "finished"))
    t.is_("the evaluation of step 10 failed" in log_of(blocked), True, "the line in the log")
    t.is_(t.digest(blocked), t.digest("runs/alone"), "digest")


@case
def damaged_held_out_frames_are_a_line_on_two_ranks_and_under_the_supervisor(t):
    t.good()
    with h5py.File("data/validation/s0.h5") as file:
        chunk = file["pixels"].id.get_chunk_info(2)
    with open("data/validation/s0.h5", "r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(b"\xff" * chunk.size)
    t.run("train run.yaml --run runs/alone")
    t.run(f"launch -n 2 train run.yaml {EVERY_10} --run runs/a", says=("step 10 failed", "finished"), lacks="restart")
    t.is_(t.digest("runs/a"), t.digest("runs/alone"), "digest")
    t.run("eval runs/a", exits=3, says="s0.h5")


@case
def a_save_is_committed_before_an_evaluation_of_the_same_step_or_the_last(t):
    t.good()
    t.shard("data/validation/s0.h5", (4000, 4000), seed=2)
    for run, steps, done in (("same", 10, 10), ("last", 15, 15)):
        process = t.start(f"train run.yaml --set evaluate.every_steps={steps} trainer.steps={steps} --run runs/{run}",
                          log=f"{run}.log")
        t.wait_for(lambda: os.path.exists(f"runs/{run}/log/evaluation"), what="the evaluation")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        text = t.run(f"checkpoint list runs/{run}").text
        t.is_(f"step_{done:08}" in text, True, f"step {done} in {text}")


@case
def an_evaluation_that_has_ended_the_run_twice_is_left_out(t):
    t.good()
    t.shard("data/validation/s0.h5", (4000, 4000), seed=2)
    command = "train run.yaml --set evaluate.every_steps=15 trainer.steps=18 --run runs/a"
    for _ in range(2):
        if os.path.exists("runs/a/log/evaluation"):
            os.utime("runs/a/log/evaluation", (0, 0))
        process = t.start(command)
        t.wait_for(lambda: os.path.exists("runs/a/log/evaluation")
                   and os.path.getmtime("runs/a/log/evaluation") > 1, what="the evaluation")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    t.run(command, says=("the evaluation of step 15 has ended this run twice and is left out", "finished"))
    t.is_(os.path.exists("runs/a/log/evaluation"), False, "the mark")


@case
def an_evaluation_that_hangs_is_named(t):
    t.good()
    os.makedirs("runs/a/eval/step_00000010")
    os.mkfifo("runs/a/eval/step_00000010/report.json.nextframe.tmp")  # opening it waits for a reader
    t.run(f"train run.yaml {EVERY_10} --set parallel.pause_limit_s=3 --run runs/a", exits=86,
          says=("hang", "evaluate"))


# What it says.


def ssim(a, b):
    """Wang et al. 2004 as docs/evaluation.md defines it, of two frames [H, W, C] in [0, 1]."""
    window_px = min(11, (min(a.shape[:2]) - 1) // 2 * 2 + 1)
    weights = np.exp(-0.5 * ((np.arange(window_px) - window_px // 2) / 1.5) ** 2)
    weights = np.outer(weights, weights) / weights.sum() ** 2

    def blur(image):
        windows = np.lib.stride_tricks.sliding_window_view(image, (window_px, window_px), (0, 1))
        return np.einsum("hwcij,ij->hwc", windows, weights)
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a ** 2, blur(b * b) - mean_b ** 2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    return ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)
            / ((mean_a ** 2 + mean_b ** 2 + c1) * (var_a + var_b + c2))).mean()


def scores(predicted, true):
    mse = ((predicted - true) ** 2).mean()
    return mse, min(100.0, 10 * np.log10(1 / max(mse, 1e-30))), ssim(predicted, true)


def close(t, got, expected, what, tolerance=1e-6):
    if not abs(got - expected) <= tolerance * max(1.0, abs(expected)):
        raise Failed(f"{what}: {got} is not {expected}")


def noisy_data(t, height, width, lengths):
    t.shard("data/train/s0.h5", (40, 40), height=height, width=width, seed=1)
    t.shard("data/validation/s0.h5", lengths, height=height, width=width, seed=2)

    def add_noise(file):
        noise = np.random.default_rng(0).integers(0, 40, file["pixels"].shape)
        file["pixels"][:] = np.clip(file["pixels"][:].astype(int) + noise, 0, 255).astype("u1")
    t.edit("data/validation/s0.h5", add_noise)
    with h5py.File("data/validation/s0.h5") as file:
        pixels, offsets = file["pixels"][:] / 255.0, file["ep_offset"][:]
    with h5py.File("data/train/s0.h5") as file:
        mean = (file["pixels"][:] / 255.0).mean(0)
    return [pixels[begin:begin + length] for begin, length in zip(offsets, lengths)], mean


def check_baselines(t, height, width, lengths):
    episodes, mean = noisy_data(t, height, width, lengths)
    t.run("train run.yaml --run runs/a")
    quality = report_of(t, "runs/a")["suites"]["quality"]
    expected = {"copy_last": [], "mean_frame": [], "linear": []}
    for x in episodes:
        for i in range(4, len(x)):
            expected["copy_last"].append(scores(x[i - 1], x[i]))
            expected["mean_frame"].append(scores(mean, x[i]))
            expected["linear"].append(scores(np.clip(2 * x[i - 1] - x[i - 2], 0, 1), x[i]))
    for baseline, values in expected.items():
        for name, value in zip(("mse", "psnr_db", "ssim"), np.mean(values, axis=0)):
            close(t, quality["one_step"][baseline][name]["value"], value, f"one-step {baseline} {name}", 1e-5)
    one_step = quality["one_step"]
    close(t, one_step["mse_over_copy_last"]["value"],
          one_step["mse"]["value"] / one_step["copy_last"]["mse"]["value"], "mse over copy_last")
    close(t, one_step["psnr_pooled_db"]["value"], -10 * np.log10(one_step["mse"]["value"]), "pooled psnr")
    for row in quality["rollout"]:
        at = 7 + row["horizon"]
        long = [x for x in episodes if len(x) > at]
        t.is_(row["mse"]["n"], len(long), f"episodes at horizon {row['horizon']}")
        for baseline, frame_of in (("copy_last", lambda x: x[7]), ("mean_frame", lambda x: mean),
                                   ("linear", lambda x: np.clip(x[7] + row["horizon"] * (x[7] - x[6]), 0, 1))):
            values = np.mean([scores(frame_of(x), x[at]) for x in long], axis=0)
            for name, value in zip(("mse", "psnr_db", "ssim"), values):
                close(t, row[baseline][name]["value"], value, f"{baseline} {name} at {row['horizon']}", 1e-5)
        skill = 1 - row["mse"]["value"] / min(row["copy_last"]["mse"]["value"], row["mean_frame"]["mse"]["value"])
        close(t, row["skill"]["value"], skill, f"skill at {row['horizon']}")


@case
def figures_of_trivial_predictors_are_those_computed_by_hand(t):
    check_baselines(t, 24, 32, (30, 17, 5, 23))


@case
def figures_of_frames_smaller_than_the_window_of_ssim_are_those_computed_by_hand(t):
    check_baselines(t, 8, 16, (20, 12))


@case
def an_average_of_weights_is_not_mostly_the_first_ones_and_is_named(t):
    t.good()
    errors = {}
    for decay in (0, 0.9999):
        t.run(f"train run.yaml --set trainer.steps=100 optimizer.ema_decay={decay} --run runs/{decay}")
        report = report_of(t, f"runs/{decay}", "--suite quality")
        t.is_(report["model"]["weights"], "ema" if decay else "trained", "weights")
        errors[decay] = report["suites"]["quality"]["one_step"]["mse_over_copy_last"]["value"]
    if not errors[0.9999] < 1.3 * errors[0] + 0.05:
        raise Failed(f"errors over copy_last's: {errors}")


@case
def numbers_of_flags_that_are_not_whole_or_too_large_are_told_what_is_needed(t):
    t.good()
    t.run("train run.yaml --run runs/a")
    t.run("rollout runs/a --out a.png --frames 9223372036854775807", exits=2, says="1 to 65536")
    t.run("rollout runs/a --out a.png --context 0", exits=2, says="1 to 65536")
    t.run("rollout runs/a --out a.png --frames 2.5", exits=2, says="whole number")
    t.run("data import rec.npz --out x --fps 29.97", exits=2, says=("--fps", "29.97"), lacks="Could not convert")
    t.run("check run.yaml --set evaluate.horizon_frames=1000000000000", exits=2, says="horizon_frames")
    t.run("launch -n 0 train run.yaml", exits=2, says="0 is too small", lacks="00000")
    t.run("launch -n 99999999999 train run.yaml", exits=2, says="is more than 1048576 ranks", timeout=20)


@case
def attributes_of_a_shard_are_shown_as_they_are(t):
    t.good()

    def describe(file):
        file.attrs["fps"] = 29.97
        file.attrs["is_expert"] = True
        file.attrs["note"] = "hi"
        file.attrs["scale"] = np.float32(0.5)
        file.attrs["size"] = np.array([64, 48])
        file.attrs["empty"] = h5py.Empty("f8")
        file.attrs["raw"] = np.void(b"\x00\x01")
    t.edit("data/train/s0.h5", describe)
    text = t.run("data inspect data/train/s0.h5", says=("29.97", "hi", "0.5")).text
    shown = {line.split()[0]: line.split(None, 1)[1:] for line in text[text.index("attributes"):].splitlines()[1:]}
    t.is_(shown["is_expert"], ["true"], "is_expert")
    for name in ("size", "empty", "raw"):
        t.is_(name in shown, True, f"{name} in {shown}")
