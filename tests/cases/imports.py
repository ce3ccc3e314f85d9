"""Recordings as people have them: file names, tables of actions, pictures of other kinds, videos."""
import os

import h5py
import hdf5plugin  # noqa: F401  (reads zstd)
import numpy as np
from PIL import Image
from trial import Failed, case


def picture(t, size=(16, 16)):
    return Image.fromarray(np.full((*size, 3), t * 8, np.uint8))


def recording(folder, frames=20, episodes=1, name="{t}.png", actions=None, **options):
    for e in range(episodes):
        os.makedirs(f"{folder}/e{e}", exist_ok=True)
        for t in range(frames):
            picture(t).save(f"{folder}/e{e}/" + name.format(t=t), **options)
        if actions:
            with open(f"{folder}/e{e}/actions.csv", "w") as file:
                file.write(actions)


def stored(split="train", out="out"):
    with h5py.File(f"{out}/{split}/shard-00000.h5") as file:
        return file["pixels"][:], file["action"][:] if "action" in file else None


@case
def frames_are_in_the_order_of_their_numbers(t):
    recording("rec", name="frame_{t}.png")
    t.run("data import rec --out out", says="frame_9.png before frame_10.png")
    t.is_(stored()[0][:, 0, 0, 0].tolist(), [8 * i for i in range(20)], "brightness of the frames")


@case
def a_dry_run_tells_what_was_understood_and_writes_nothing(t):
    recording("rec", episodes=10, actions="".join(f"{i % 3}\n" for i in range(20)))
    t.run("data import rec --hold-out 20% --dry-run",
          says=("10, of 20 to 20 frames", "16 high, 16 wide, RGB", "a choice of 3", "leads to frame t+1",
                "2 episodes held out", "nothing was written"))
    t.run("data import rec --out out --hold-out 20% --dry-run")
    t.is_(os.path.exists("out"), False, "whether the folder was made")


@case
def held_out_episodes_are_spread(t):
    for e in range(10):
        recording(f"rec{e}", frames=10 + e)
        os.makedirs("rec", exist_ok=True)
        os.rename(f"rec{e}/e0", f"rec/e{e}")
    t.run("data import rec --out out --validation-episodes 2 --seed 3")
    with h5py.File("out/validation/shard-00000.h5") as file:
        lengths = file["ep_len"][:]
    if not (lengths[0] < 15 <= lengths[1]):
        raise Failed(f"not one from each half: {lengths}")


@case
def flags_that_contradict_or_are_none_are_usage_errors(t):
    recording("rec")
    for flags, says in (("--hold-out 5% --validation-episodes 1", "give one of them"), ("--hold-out 5", "for example 5%"),
                        ("--hold-out 100%", "for example 5%"), ("--size 64", "HEIGHTxWIDTH"), ("--fit squeeze", "stretch"),
                        ("--action-alignment never", "before and after")):
        t.run(f"data import rec --out out {flags}", exits=2, says=says)
    t.run("data import rec", exits=2, says="--out")


@case
def actions_that_led_to_their_frames_are_shifted(t):
    recording("rec", actions=",action\n" + "".join(f"{i},{i % 4}.0\n" for i in range(20)))
    t.run("data import rec --out out --action-alignment before", says=("counts the rows", "shifted by one row"))
    t.is_(stored()[1][:6].tolist(), [1, 2, 3, 0, 1, 2], "actions")


@case
def other_options_with_replace_import_again(t):
    recording("rec")
    t.run("data import rec --out out")
    t.run("data import rec --out out --size 8x8", exits=3, says="nothing is overwritten")
    t.run("data import rec --out out --size 8x8 --replace", says="8 high, 8 wide")
    t.is_(stored()[0].shape[1:3], (8, 8), "size")


@case
def a_refused_import_leaves_nothing(t):
    recording("rec", episodes=3)
    t.write("rec/e2/7.png", b"no picture")
    t.run("data import rec --out out", exits=3, says="rec/e2/7.png")
    t.is_(os.path.exists("out"), False, "whether the folder is there")
    n = 40
    np.savez("nan.npz", frames=np.zeros((n, 8, 8, 3), np.uint8), episode_ends=np.arange(n) % 20 == 19,
             actions=np.where(np.arange(n)[:, None] == 5, np.nan, 1.0))
    t.run("data import nan.npz --out out", exits=3, says=("nan.npz", "episode 0"))
    t.is_(os.path.exists("out"), False, "whether the folder is there")


@case
def pictures_of_other_kinds_are_read(t):
    for extension, options in (("jpg", {"quality": 95}), ("webp", {"lossless": True}), ("bmp", {})):
        recording(extension, name="{t}." + extension, **options)
        t.run(f"data import {extension} --out out-{extension}")
        difference = stored(out=f"out-{extension}")[0][:, 0, 0, 0].astype(int) - 8 * np.arange(20)
        if abs(difference).max() > 2:
            raise Failed(f"{extension}: off by {difference.tolist()}")


@case
def photographs_that_were_turned_are_upright(t):
    os.makedirs("rec/e0")
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, :32] = 255
    for i in range(3):
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned clockwise
        Image.fromarray(np.rot90(upright).copy()).save(f"rec/e0/{i}.jpg", quality=95, exif=exif)
    t.run("data import rec --out out", says="32 high, 64 wide")
    corner = stored()[0][0]
    t.is_([int(corner[y, x, 0]) > 127 for y, x in ((4, 4), (4, 60), (28, 4), (28, 60))], [True, False, False, False],
          "corners that are white")


@case
def a_gif_with_transparency_is_on_black(t):
    frames = []
    for i in range(10):
        pixels = np.zeros((16, 16, 4), np.uint8)
        pixels[:, :8] = (20 * i, 20 * i, 20 * i, 255)
        frames.append(Image.fromarray(pixels))
    frames[0].save("play.gif", save_all=True, append_images=frames[1:], duration=100, loop=0, disposal=2)
    t.run("data import play.gif --out out", says=("10 to 10 frames", "10 frames a second"))
    pixels = stored()[0].astype(int)
    if abs(pixels[:, 4, 2, 0] - 20 * np.arange(10)).max() > 3 or pixels[:, :, 12:].max() > 0:
        raise Failed(f"left {pixels[:, 4, 2, 0].tolist()}, right {pixels[:, 4, 12, 0].tolist()}")


@case
def what_is_no_video_is_named(t):
    t.write("v/a.mp4", "shopping list\n")
    t.write("v/b.mp4", b"\0\0\0\x18ftypmp42" + bytes(200))
    t.write("v/c.mp4", b"")
    t.run("data import v --out out", exits=3, says=("v/a.mp4: holds text", "v/b.mp4", "v/c.mp4: is empty"))
    t.run("data import v/a.mp4 --out out", exits=3, says="holds text, it is no video")
    os.mkfifo("v/d.mp4")
    t.run("data import v --out out", exits=3, says="v/d.mp4", timeout=20)


@case
def the_alignment_of_actions_is_held_against_the_motion(t):
    rng, size = np.random.default_rng(0), 24
    pixels = rng.integers(0, 30, (900, size, size, 3), dtype=np.uint8)
    actions = rng.integers(0, 3, 900)
    x = 0
    for i in range(900):
        pixels[i, 8:16, x:x + 6] = 220
        x = (x + int(actions[i])) % (size - 6)

    def inspected(column, **attributes):
        with h5py.File("a.h5", "w", libver=("earliest", "v110")) as file:
            file.create_dataset("pixels", data=pixels, chunks=(8, size, size, 3))
            file["action"] = column
            t.episodes(file, (300, 300, 300))
            file.attrs.update(attributes)
        return t.run("data inspect a.h5", says=("alignment", "brightness", "motion")).text
    led = np.roll(actions, 1)
    for text, expected in ((inspected(actions), ""), (inspected(led), "--action-alignment before"),
                           (inspected(led, action_alignment="before"), ""),
                           (inspected(actions, action_alignment="before"), "a row too early")):
        if ("warning" in text) != bool(expected) or expected not in text:
            raise Failed(f"expected '{expected}': {text}")


@case
def clips_are_shown_in_the_terminal_and_as_a_picture(t):
    t.good()
    t.run("data show data/train/*.h5 --clips 2", says=("episode", "\u2580", "\x1b[38;2;"))
    t.run("data show data/train/*.h5 --out a.png", says="a.png: 4 clips")
    if Image.open("a.png").width < 8 * 128:
        raise Failed(f"the picture is {Image.open('a.png').size}")
