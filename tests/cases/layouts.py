"""HDF5 files as other projects write them: read as they are, each action at its frame; what does not fit is named.

Frames carry their episode, their time and the action that led to them in black and white blocks, so what is read can be
compared with what was meant.
"""
import glob
import io
import os

import h5py
import hdf5plugin  # noqa: F401  reads our own shards
import numpy as np
from PIL import Image

from foreign_shards import refused_together
from trial import Failed, case

HEIGHT, WIDTH, BLOCK = 32, 64, 4
BOTTOM = (200, 100, 50)  # red, green, blue of the lowest rows


def bits(value, count):
    return [(value >> (count - 1 - i)) & 1 for i in range(count)]


def stamped(episode, time, before):
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    frame[-8:] = BOTTOM
    for row, word in enumerate((bits(episode, 6) + bits(time, 10), bits(before, 6) + bits(42, 10))):
        for column, bit in enumerate(word):
            frame[row * BLOCK:(row + 1) * BLOCK, column * BLOCK:(column + 1) * BLOCK] = 255 * bit
    return frame


def read_stamp(frame):
    grey = frame.astype(float).mean(-1)
    words = [[int(grey[r * BLOCK:(r + 1) * BLOCK, c * BLOCK:(c + 1) * BLOCK].mean() > 127) for c in range(16)]
             for r in range(2)]
    number = lambda word: int("".join(map(str, word)), 2)
    return number(words[0][:6]), number(words[0][6:]), number(words[1][:6]), number(words[1][6:])


def episodes(count=12, length=9):
    """[(frames [T+1,H,W,3], actions [T])]: action t leads from frame t to frame t+1. Episodes differ in length."""
    found = []
    for e in range(count):
        actions = (np.arange(length + e % 3) * 7 + e) % 5
        before = [63] + list(actions)
        found.append((np.stack([stamped(e, t, before[t]) for t in range(len(before))]), actions))
    return found


def as_numbers(actions, width=7):
    rows = np.zeros((len(actions), width))
    rows[:, 0] = actions / 10
    return rows


def jpeg(frame):
    file = io.BytesIO()
    Image.fromarray(frame).save(file, format="JPEG", quality=95)
    return np.frombuffer(file.getvalue(), np.uint8)


# ---- one writer a layout


def robomimic(file, camera="agentview_image", upside_down=False, shift=0):
    demos = file.create_group("data")
    for e, (frames, actions) in enumerate(episodes()):
        demo = demos.create_group(f"demo_{e}")
        pictures = frames[shift:len(actions) + shift]
        demo.create_dataset(f"obs/{camera}", data=pictures[:, ::-1] if upside_down else pictures, compression="gzip")
        demo["obs/robot0_eef_pos"] = np.zeros((len(actions), 3))
        demo[f"next_obs/{camera}"] = frames[1:]
        demo["actions"] = as_numbers(actions)
        demo.attrs["num_samples"] = len(actions)
    if not upside_down:
        file["mask/train"] = np.array([f"demo_{e}" for e in range(10)], "S8")
        file["mask/valid"] = np.array(["demo_10", "demo_11"], "S8")


def libero_of_libero(file):
    robomimic(file, "agentview_rgb", upside_down=True, shift=1)
    file["data"].attrs["macros_image_convention"] = "opengl"


def libero_rendered_again(file):
    robomimic(file, "agentview_rgb", upside_down=True)


def minari(file):
    for e, (frames, actions) in enumerate(episodes()):
        group = file.create_group(f"episode_{e}")
        group.create_dataset("observations", data=frames, chunks=True, maxshape=(None, *frames.shape[1:]))
        group["actions"] = actions
        group["rewards"] = np.zeros(len(actions))
        group.attrs["total_steps"] = len(actions)


def minari_of_dictionaries(file):
    """JPEG pictures, as lists of varying length."""
    for e, (frames, actions) in enumerate(episodes()):
        group = file.create_group(f"episode_{e}")
        pictures = group.create_dataset("observations/image", (len(frames),), h5py.vlen_dtype(np.uint8), chunks=(4,))
        for t, frame in enumerate(frames):
            pictures[t] = jpeg(frame)
        group["observations/direction"] = np.zeros(len(frames), np.int64)
        group["actions"] = actions


def d4rl(file):
    all_of = lambda part: np.concatenate([part(*episode) for episode in episodes()])
    file["observations"] = all_of(lambda frames, actions: frames[:-1])
    file["next_observations"] = all_of(lambda frames, actions: frames[1:])
    file["actions"] = all_of(lambda frames, actions: as_numbers(actions))
    last = all_of(lambda frames, actions: np.arange(len(actions)) == len(actions) - 1)
    places = np.flatnonzero(last)
    file["terminals"], file["timeouts"] = np.isin(np.arange(len(last)), places[::2]), np.isin(
        np.arange(len(last)), places[1::2])


def csgo(file):
    frames, actions = episodes(1, 30)[0]
    for t, action in enumerate(actions):
        pressed = np.zeros(51)
        pressed[action] = 1
        file[f"frame_{t}_x"], file[f"frame_{t}_y"] = frames[t][..., ::-1], pressed
        file[f"frame_{t}_xaux"] = np.zeros(54)


def videogpt(file):
    for split, some in (("train", episodes()[:10]), ("test", episodes()[10:])):
        file[f"{split}_data"] = np.concatenate([frames for frames, _ in some])
        file[f"{split}_idx"] = np.cumsum([0] + [len(frames) for frames, _ in some[:-1]])


def tinyworlds(file):
    file.create_dataset("frames", data=episodes(1, 60)[0][0], compression="lzf")


def channels_first(file):
    file["pixels"] = np.concatenate([frames[:-1] for frames, _ in episodes()]).transpose(0, 3, 1, 2)
    file["action"] = np.concatenate([actions for _, actions in episodes()])
    file["ep_len"] = np.array([len(actions) for _, actions in episodes()])
    file["ep_offset"] = np.cumsum([0] + [len(actions) for _, actions in episodes()][:-1])


LAYOUTS = {"robomimic": robomimic, "libero": libero_of_libero, "libero_again": libero_rendered_again, "minari": minari,
           "minari_jpeg": minari_of_dictionaries, "d4rl": d4rl, "csgo": csgo, "videogpt": videogpt,
           "tinyworlds": tinyworlds, "channels_first": channels_first}


def write(name, function):
    with h5py.File(name, "w", libver=("earliest", "v110")) as file:
        function(file)


def choice_of(row):
    """The action that a stored row means: a choice, the one button that is pressed, or a tenth of a choice."""
    row = np.atleast_1d(row)
    if row.dtype == np.uint8:
        return int(row.argmax())
    return int(row[0]) if len(row) == 1 else int(round(float(row[0]) * 10))


def check_stamps(folder, has_actions=True):
    """Episodes are in their order, frames in theirs and upright, and each action leads to the frame after it."""
    found = 0
    for path in sorted(glob.glob(f"{folder}/train/*.h5")):
        with h5py.File(path) as file:
            pixels, action = file["pixels"], file["action"][:] if "action" in file else None
            for first, length in zip(file["ep_offset"][:], file["ep_len"][:]):
                stamps = [read_stamp(pixels[first + t]) for t in range(length)]
                start = stamps[0][1]
                for t, (episode, time, before, mark) in enumerate(stamps):
                    if (episode, time - start, mark) != (found, t, 42):
                        raise Failed(f"{folder}: frame {t} of episode {found} carries {episode}, {time}, {mark}")
                    if t > 0 and action is not None and choice_of(action[first + t - 1]) != before:
                        raise Failed(f"{folder}: {action[first + t - 1]} stands before a frame that {before} led to")
                bottom = pixels[first][-4:].reshape(-1, 3).mean(0)
                if np.abs(bottom - BOTTOM).max() > 12:
                    raise Failed(f"{folder}: the lowest rows are {bottom}, not {BOTTOM}")
                found += 1
            if has_actions == (action is None):
                raise Failed(f"{folder}: actions are {action}")
    return found


@case
def each_action_leads_to_the_frame_after_it_in_every_layout(t):
    for name, function in LAYOUTS.items():
        write(f"{name}.hdf5", function)
        t.run(f"data import {name}.hdf5 --out d/{name}", says=("alignment", "read as")[name in ("videogpt", "tinyworlds")])
        found = check_stamps(f"d/{name}", name not in ("videogpt", "tinyworlds"))
        t.is_(found, 1 if name in ("csgo", "tinyworlds") else 12, f"episodes of {name}")


@case
def inspect_says_whose_layout_it_is_and_what_is_slow(t):
    expected = {"robomimic": ("robomimic: 12 episodes", "obs/agentview_image", "train, valid"),
                "libero": ("libero", "turned upright", "moved by a row"),
                "csgo": ("csgo", "each frame is a dataset", "data import csgo.hdf5 --out DIR", "multi_binary 51"),
                "videogpt": ("no actions", "splits (train, test)")}
    for name, words in expected.items():
        write(f"{name}.hdf5", LAYOUTS[name])
        t.run(f"data inspect {name}.hdf5", says=words)
    t.run("data inspect videogpt.hdf5 --actions-key act", exits=3, says="no actions")
    t.run("data import csgo.hdf5 --dry-run", says=("read as csgo", "51 buttons", "32 high, 64 wide", "taken at frame t"))


def two_cameras(file):
    robomimic(file)
    for demo in file["data"].values():
        demo["obs/wrist_image"] = demo["obs/agentview_image"][:][:, ::-1]


@case
def one_of_several_cameras_has_to_be_named(t):
    write("two.hdf5", two_cameras)
    for command in ("data inspect two.hdf5", "data import two.hdf5 --out d", "data show two.hdf5", "init two.hdf5"):
        t.run(command, exits=3, says=("two.hdf5", "obs/agentview_image uint8", "obs/wrist_image uint8", "data.columns.frames"))
    t.run("data show two.hdf5 --frames-key wrist_image --clips 1 --frames 2")
    t.run("data import two.hdf5 --frames-key obs/agentview_image --out d")
    t.is_(check_stamps("d"), 12, "episodes")
    t.run("data inspect two.hdf5 --frames-key agentview_image --actions-key none", says=("no actions",))
    t.run("data inspect two.hdf5 --frames-key front", exits=3, says=("'front'", "agentview_image uint8"))


@case
def a_run_trains_and_evaluates_on_a_file_and_its_splits(t):
    write("two.hdf5", two_cameras)
    t.write("run.yaml", """\
data:
  train: two.hdf5
  train_split: train
  validation: two.hdf5
  validation_split: valid
  layout: robomimic
  columns: {frames: obs/agentview_image}
  clip_frames: 4
model: {name: frame_mlp}
objective: {name: regress}
trainer: {steps: 4, global_batch: 4, grains: 4, precision: fp32, log_every_steps: 1}
evaluate: {every_steps: 0, context_frames: 2, horizon_frames: 4}
""")
    t.run("check run.yaml", says=("10 episodes", "is read as robomimic", "the split 'valid'", "2 of 2 held-out"))
    t.run("train run.yaml --run runs/a", says=("is read as robomimic", "finished"), lacks="not held out")
    t.run("eval runs/a --suite quality")
    t.run("check run.yaml --set data.train_split=", exits=2, says="train_split")
    t.run("check run.yaml --set data.train_split=no", exits=3, says=("no split 'no'", "train, valid"))
    t.run("check run.yaml --set data.layout=minari", exits=3, says=("not of the layout minari", "data mask"))
    t.run("check run.yaml --set data.layout=robomimik", exits=2, says="robomimic")
    t.run("explain data.layout", says=("libero", "default  auto"))
    t.run("explain data.columns", says=("data.columns.frames", "data.columns.alignment"))
    made = t.run("init two.hdf5 --frames-key obs/agentview_image --split train --minutes 0.1")
    t.is_("columns:\n    frames: obs/agentview_image" in made.text, True, "init names the camera")
    for key, other in (("validation_split", "train"), ("train_split", "valid")):
        t.run(f"check run.yaml --without-data --set data.{key}=''", exits=2, says=f"data.{key} is needed")


def lost(path):
    def change(file):
        robomimic(file)
        del file[path]
    return change


def replaced(path, values):
    def change(file):
        robomimic(file)
        del file[path]
        file[path] = values
    return change


@case
def what_does_not_fit_is_named_with_its_episode(t):
    def no_observations(file):
        robomimic(file)
        for demo in file["data"].values():
            del demo["obs/agentview_image"]

    def lost_frame(file):
        csgo(file)
        del file["frame_7_x"]

    def short_csgo(file):
        csgo(file)
        del file["frame_7_y"]

    def wrong_starts(file):
        videogpt(file)
        del file["train_idx"]
        file["train_idx"] = np.array([0, 5, 5])

    def minari_of_equal_lengths(file):
        minari(file)
        actions = file["episode_3/actions"][:]
        del file["episode_3/actions"]
        file["episode_3/actions"] = np.append(actions, 0)

    def short_timeouts(file):
        d4rl(file)
        del file["timeouts"]
        file["timeouts"] = np.zeros(3, bool)

    def unknown_demo(file):
        robomimic(file)
        del file["data/demo_11"].attrs["num_samples"]
        file["data/demo_11"].attrs["num_samples"] = 1000

    def broken_picture(file):
        minari_of_dictionaries(file)
        file["episode_2/observations/image"][3] = jpeg(stamped(0, 0, 0))[:20]

    bad = {"no_actions": (lost("data/demo_3/actions"), "data/demo_3/actions"),
           "no_camera": (lost("data/demo_10/obs/agentview_image"), "data/demo_10/obs/agentview_image"),
           "short_actions": (replaced("data/demo_2/actions", np.zeros((3, 7))), ["data/demo_2/actions", "11 frames"]),
           "other_actions": (replaced("data/demo_2/actions", np.zeros((11, 2))), ["data/demo_2/actions", "[11, 2]"]),
           "empty_demo": (replaced("data/demo_0/obs/agentview_image", np.zeros((0, 32, 64, 3), np.uint8)),
                          ["data/demo_0/obs/agentview_image", "demo"]),
           "other_size": (replaced("data/demo_4/obs/agentview_image", np.zeros((10, 8, 8, 3), np.uint8)),
                          ["data/demo_4/obs/agentview_image", "8x8x3"]),
           "num_samples": (unknown_demo, ["data/demo_11", "1000"]),
           "states_only": (no_observations, ["holds no frames in 'data/demo_0/obs'", "robot0_eef_pos"]),
           "nan": (replaced("data/demo_1/actions", np.full((10, 7), np.nan)), ["data/demo_1/actions", "at frame 0"]),
           "lost_frame": (lost_frame, "frame_7_x"), "short_csgo": (short_csgo, "frame_7_y"),
           "wrong_starts": (wrong_starts, ["train_idx", "video 2"]),
           "minari": (minari_of_equal_lengths, ["episode_3/actions", "no action"]),
           "timeouts": (short_timeouts, ["timeouts", "[3]"]),
           "picture": (broken_picture, ["episode_2/observations/image", "JPEG"]),
           "nothing": (lambda file: file.create_group("x"), ["no column 'pixels'", "robomimic"]),
           "no_demos": (lambda file: file.create_group("data"), ["no column 'pixels'", "columns: data"])}
    for name, (function, _) in bad.items():
        write(f"{name}.hdf5", function)
    refused_together(t, {f"{name}.hdf5": says for name, (_, says) in bad.items()})
    os.makedirs("d", exist_ok=True)


@case
def an_alignment_that_a_person_knows_wins(t):
    def led_there(file):
        channels_first(file)
        actions = np.concatenate([np.append(0, taken[:-1]) for _, taken in episodes()])
        del file["action"]
        file["action"] = actions

    write("led.h5", led_there)
    t.run("data import led.h5 --action-alignment before --out d", says="before: the action in row t led to frame t")
    t.is_(check_stamps("d"), 12, "episodes")
    t.edit("led.h5", lambda file: file.attrs.__setitem__("action_alignment", "after"))
    t.run("data inspect led.h5 --action-alignment before", exits=3, says="says 'after'")


@case
def what_is_observed_after_a_step_led_from_its_action(t):
    write("next.hdf5", robomimic)
    t.run("data import next.hdf5 --frames-key next_obs/agentview_image --out d", says="moved by a row")
    for path in glob.glob("d/train/*.h5"):
        with h5py.File(path) as file:
            for first, length in zip(file["ep_offset"][:], file["ep_len"][:]):
                for i in range(first, first + length - 1):
                    t.is_(choice_of(file["action"][i]), read_stamp(file["pixels"][i + 1])[2], f"action of row {i}")
