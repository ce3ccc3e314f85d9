"""Frames that another program has predicted are scored by the same code as a model's."""
import json

import h5py
import numpy as np

from trial import case

CONTEXT, HORIZON = 6, 5


def held_out():
    """The frames of both held-out episodes, [2, T, H, W, C] uint8."""
    with h5py.File("data/validation/s0.h5") as file:
        lengths, pixels = file["ep_len"][:], file["pixels"][:]
    return np.stack(np.split(pixels, np.cumsum(lengths)[:-1]))


def report_of(t, arguments=""):
    t.run(f"eval --predictions guess.npz --data 'data/validation/*.h5' --out found --json {arguments}")
    with open("found/report.json") as file:
        return json.load(file)


def two_equal_episodes(t):
    t.good()
    t.shard("data/validation/s0.h5", (20, 20), seed=2)
    return held_out()


@case
def the_true_frames_are_perfect_and_the_last_one_again_is_the_baseline(t):
    truth = two_equal_episodes(t)
    np.savez("guess.npz", frames=truth[:, CONTEXT:CONTEXT + HORIZON], context_frames=CONTEXT)
    for row in report_of(t)["suites"]["quality"]["rollout"]:
        t.is_(row["skill"]["value"], 1.0, "skill of the truth")
        t.is_(row["psnr_db"]["value"], 100.0, "PSNR of the truth")
    last = np.repeat(truth[:, CONTEXT - 1:CONTEXT], HORIZON, axis=1)
    np.savez("guess.npz", frames=last.astype(np.float32) / 255, context_frames=CONTEXT, episodes=[0, 1])
    rows = report_of(t)["suites"]["quality"]["rollout"]
    t.is_(len(rows), HORIZON, "horizons")
    for row in rows:
        t.is_(abs(row["mse"]["value"] - row["copy_last"]["mse"]["value"]) < 1e-9, True, f"mse in {row}")


@case
def rows_may_be_of_some_episodes_in_any_order(t):
    truth = two_equal_episodes(t)
    np.savez("guess.npz", frames=truth[[1], CONTEXT:CONTEXT + HORIZON], context_frames=CONTEXT, episodes=[1])
    report = report_of(t)
    t.is_(report["data"]["episodes"], 1, "episodes")
    t.is_(report["suites"]["quality"]["rollout"][0]["skill"]["value"], 1.0, "skill of the truth")
    np.savez("guess.npz", frames=truth[[1, 0], CONTEXT:CONTEXT + HORIZON], context_frames=CONTEXT, episodes=[0, 1])
    t.is_(report_of(t)["suites"]["quality"]["rollout"][-1]["skill"]["value"] < 0.9, True, "skill of the wrong episode")


@case
def what_is_wrong_with_a_file_of_predictions_is_told(t):
    truth = two_equal_episodes(t)
    good = truth[:, CONTEXT:CONTEXT + HORIZON]

    def refused(says, **arrays):
        np.savez("guess.npz", **arrays)
        t.run("eval --predictions guess.npz --data 'data/validation/*.h5' --out found", exits=3, says=("guess.npz", says))

    refused("has no array 'frames'", episodes=[0, 1])
    refused("has an array 'episode'", frames=good, episode=[0, 1])
    refused("not [N, T, H, W, C]", frames=good[0])
    refused("[8, 8, 3]", frames=good[:, :, ::2, ::2])
    refused("lie in [0, 1]", frames=good.astype(np.float32))
    refused("not finite", frames=np.full(good.shape, np.nan, np.float32))
    refused("episode 0 is there twice", frames=good, episodes=[0, 0])
    refused("there is no episode 7", frames=good, episodes=[0, 7])
    refused("[2] integers", frames=good, episodes=[0])
    refused("floating numbers", frames=good, episodes=[0.0, 1.0])
    refused("predictions go to frame 22", frames=good, context_frames=18)
    refused("1 or more", frames=good, context_frames=0)
    refused("has no frames", frames=good[:0])
    with open("guess.npz", "wb") as file:
        file.write(b"not a zip file")
    t.run("eval --predictions guess.npz --data 'data/validation/*.h5' --out found", exits=3, says="guess.npz")
    t.run("eval --predictions nowhere.npz --data 'data/validation/*.h5' --out found", exits=3, says="nowhere.npz")
    t.run("eval --predictions guess.npz --out found", exits=2, says="--data")
    t.run("eval --predictions guess.npz --data 'data/validation/*.h5'", exits=2, says="--out")
    t.run("eval runs/a --predictions guess.npz --data x --out found", exits=2, says="not both")
    t.run("eval", exits=2, says="RUN_OR_CHECKPOINT is missing")
    t.run("eval --predictions guess.npz --data x --out found --suite control", exits=2, says="quality and distribution")
