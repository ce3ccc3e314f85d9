"""NumPy's arrays in the shapes that people have: Dreamer, OGBench, BAIR, Moving MNIST, channels first, floats.

Every frame carries its episode, its time and the action that led to it in its pixels, so order and alignment are proved
by what is stored.
"""
import json
import os

import h5py
import hdf5plugin  # noqa: F401  (reads zstd)
import numpy as np
from trial import Failed, case

BLOCK = 8  # pixels a side of a mark; four marks in a row


def marked(episode, time, led):
    """A frame [16, 32, 3] with three numbers of 0 to 25 in it; 255 in the fourth mark. The colour of the marks differs."""
    frame = np.zeros((16, 32, 3), np.uint8)
    for place, number in enumerate((episode, time, led)):
        frame[:, place * BLOCK:(place + 1) * BLOCK] = (10 * number, 10 * number, 0)
    frame[:, 3 * BLOCK:] = 255
    return frame


def recorded(lengths=(12, 9, 15), choices=5, seed=0):
    """Episodes: frames [T,16,32,3] and the choices [T] that are taken at each frame; the last leads nowhere."""
    rng, episodes = np.random.default_rng(seed), []
    for e, length in enumerate(lengths):
        actions = rng.integers(0, choices, length)
        episodes.append((np.stack([marked(e, t, actions[t - 1] if t else 0) for t in range(length)]), actions))
    return episodes


def split(episodes):
    return np.concatenate([f for f, _ in episodes]), np.concatenate([a for _, a in episodes])


def ends_of(episodes):
    return np.concatenate([np.arange(len(f)) == len(f) - 1 for f, _ in episodes])


def one_hot(actions, choices=5):
    return np.eye(choices, dtype=np.float32)[actions]


def one_number(actions):
    """A number an action, of which half are fractions."""
    return (actions / 2 - 1).astype(np.float32)[:, None]


def stored(out="out", split="train"):
    """All that was stored: a list of episodes, and the action space."""
    episodes = []
    with h5py.File(f"{out}/{split}/shard-00000.h5") as file:
        actions = file["action"][:] if "action" in file else None
        for offset, length in zip(file["ep_offset"][:], file["ep_len"][:]):
            rows = slice(offset, offset + length)
            episodes.append((file["pixels"][rows], None if actions is None else actions[rows]))
        return episodes, json.loads(file.attrs["action_space"])


def check(t, lengths=(12, 9, 15), value=lambda action: action, tolerance=1, grey=False):
    """That order and alignment of what is stored are those that the frames show."""
    episodes, space = stored()
    t.is_([len(frames) for frames, _ in episodes], list(lengths), "lengths")
    for e, (frames, actions) in enumerate(episodes):
        for time, frame in enumerate(frames):
            marks = [int(frame[4, place * BLOCK + 4, 0]) for place in range(3)]
            blue = frame[4, 4, -1]
            if not grey and (frame.shape != (16, 32, 3) or blue > tolerance):
                raise Failed(f"frame {time} of episode {e} is {frame.shape}, blue {blue}")
            numbers = [round(mark / 10) for mark in marks] if not grey else [round(mark * 1.5 / 10) for mark in marks]
            if numbers[:2] != [e, time]:
                raise Failed(f"frame {time} of episode {e} shows {numbers}")
            if actions is not None and time > 0 and not np.allclose(value(numbers[2]), actions[time - 1]):
                raise Failed(f"action {actions[time - 1]} of episode {e} led to frame {time}, which shows {numbers[2]}")
    return space


def dreamer(folder, action=one_hot, **more):
    """A file an episode; the action in a row is the one that led to its frame."""
    os.makedirs(folder)
    for e, (frames, actions) in enumerate(recorded()):
        led = action(np.concatenate([[0], actions[:-1]]))
        led[0] = 0
        length = len(frames)
        np.savez_compressed(f"{folder}/2026T{e}-{length}.npz", image=frames, action=led, reward=np.zeros(length, np.float32),
                            discount=np.ones(length, np.float32), is_first=np.arange(length) == 0,
                            is_last=np.arange(length) == length - 1, is_terminal=np.zeros(length, bool), **more)


@case
def dreamers_episodes_are_read_with_the_actions_that_led_to_their_frames(t):
    dreamer("rec")
    t.run("data import rec --out out",
          says=("3, of 9 to 15 frames", "'image'", "a choice of 5", "one-hot", "is_first", "before: the action in row t led",
                "--action-alignment after if", "ignored arrays: discount, is_last, is_terminal, reward", "every .npz of the folder"))
    t.is_(check(t)["type"], "discrete", "kind of actions")


@case
def dreamers_numbers_are_numbers(t):
    dreamer("rec", one_number)
    t.run("data import rec --out out", says=("1 number, from array 'action'", "before: the action in row t led"))
    t.is_(check(t, value=one_number_of)["type"], "continuous", "kind of actions")


def one_number_of(action):
    return [action / 2 - 1]


@case
def the_user_knows_the_alignment_better(t):
    dreamer("rec")
    t.run("data import rec --out out --action-alignment after", says="after: the action in row t is taken", lacks="is_first'")
    try:
        check(t)
    except Failed as shifted:
        t.is_("led to frame" in str(shifted), True, "a shift is seen")
    else:
        raise Failed("a wrong alignment is not seen")


@case
def ogbenchs_one_file_is_split_at_its_terminals(t):
    episodes = recorded()
    frames, actions = split(episodes)
    np.savez_compressed("play.npz", observations=frames, actions=one_number(actions),
                        terminals=ends_of(episodes).astype(np.float32), qpos=np.zeros((len(frames), 3)))
    t.run("data import play.npz --out out", says=("3, of 9 to 15 frames", "'observations'", "after: the action", "qpos"))
    t.is_(check(t, value=one_number_of)["type"], "continuous", "kind of actions")


@case
def ends_may_be_flags_of_several_kinds_or_places(t):
    episodes = recorded()
    frames, actions = split(episodes)
    ends = ends_of(episodes)
    first_half = ends & (np.arange(len(ends)) < 15)
    for ways in ({"terminals": first_half, "timeouts": ends & ~first_half}, {"dones": ends.astype(np.int32)},
                 {"episode_ends": ends}, {"episode_ends": np.cumsum([12, 9, 15])}, {"is_last": ends}):
        np.savez("rec.npz", frames=frames, actions=actions, **ways)
        t.run("data import rec.npz --out out --replace", says="3, of 9 to 15 frames")
        check(t)
    np.savez("rec.npz", frames=frames, actions=actions, is_first=np.roll(ends, 1))
    t.run("data import rec.npz --out out --replace --action-alignment after", says="3, of 9 to 15 frames")
    check(t)
    np.savez("rec.npz", frames=frames, actions=actions, dones=np.arange(len(ends)))
    t.run("data import rec.npz --out other", exits=3, says=("dones is not one boolean", "rec.npz"))
    np.savez("rec.npz", frames=frames, actions=actions)
    t.run("data import rec.npz --out other", exits=3, says=("'episode_ends'", "a folder of its own", "frames uint8"))


@case
def channels_first_floats_and_grey_frames_are_read(t):
    episodes = recorded()
    frames, actions = split(episodes)
    grey = np.round(frames.mean(3)).astype(np.uint8)
    more = dict(actions=actions, episode_ends=ends_of(episodes))
    for pixels, says in ((frames.transpose(0, 3, 1, 2), "TCHW"), ((frames / 255).astype(np.float32), "0 is stored as 0"),
                         ((frames / 127.5 - 1).astype(np.float32).transpose(0, 3, 1, 2), "-1 is stored as 0"),
                         (frames.astype(np.float64), "and 255 as 255"), (frames.astype(np.int32), "int32"),
                         ((frames / 255).astype(np.float16), "float16")):
        np.savez("rec.npz", frames=pixels, **more)
        t.run("data import rec.npz --out out --replace", says=says)
        check(t)
    for pixels in (grey, grey[..., None], grey[:, None], (grey / 255).astype(np.float32)):
        np.savez("rec.npz", frames=pixels, **more)
        t.run("data import rec.npz --out out --replace", says="grey")
        check(t, grey=True)


@case
def episodes_in_an_axis_of_their_own_are_read(t):
    episodes = recorded((10, 10, 10, 10))
    frames, actions = np.stack([f for f, _ in episodes]), np.stack([a for _, a in episodes])
    for pixels, letters in ((frames, "NTHWC"), (frames.transpose(0, 1, 4, 2, 3), "NTCHW")):
        for taken in (actions, actions[:, :-1]):  # the last one may be missing
            np.savez("rec.npz", images=pixels, actions=taken)
            t.run("data import rec.npz --out out --replace", says=("4, of 10 to 10 frames", letters))
            check(t, (10, 10, 10, 10))
    np.save("rec.npy", frames)
    t.run("data import rec.npy --out out --replace", says=("4, of 10 to 10", "actions     none"))
    check(t, (10, 10, 10, 10))


@case
def moving_mnist_is_read_with_time_first(t):
    frames = np.zeros((20, 7, 64, 64), np.uint8)
    for time in range(20):
        for n in range(7):
            frames[time, n] = 10 * n + time
    np.save("mnist_test_seq.npy", frames)
    t.run("data import mnist_test_seq.npy --out out", says=("7, of 20 to 20 frames", "TNHW", "grey"))
    episodes, _ = stored()
    t.is_([[int(frame[5, 5, 0]) for frame in pixels] for pixels, _ in episodes],
          [[10 * n + time for time in range(20)] for n in range(7)], "numbers in the frames")
    np.save("other.npy", frames[:, :, :32])
    t.run("data import other.npy --out other", exits=3, says=("other.npy", "[20, 7, 32, 64]", "--frames-layout", "NTHW"))
    t.run("data import other.npy --out other --frames-layout TNHW", says="7, of 20 to 20 frames")
    t.run("data import other.npy --out again --frames-layout NTHW", says="20, of 7 to 7 frames")
    t.run("data import other.npy --out no --frames-layout NTHWC", exits=3, says=("5 letters", "4 axes"))
    t.run("data import other.npy --out no --frames-layout HWTN", exits=3, says="needed: T, NT or TN")


@case
def what_could_be_meant_twice_is_refused_with_the_flag_that_settles_it(t):
    episodes = recorded()
    frames, actions = split(episodes)
    more = dict(episode_ends=ends_of(episodes))
    np.savez("two.npz", image=frames, observations=frames[:, ::-1], action=actions, actions=actions[::-1], **more)
    t.run("data import two.npz --out out", exits=3,
          says=("two.npz", "--frames-key", "'image' and 'observations'", "image uint8 [36, 16, 32, 3]"))
    t.run("data import two.npz --out out --frames-key image", exits=3, says=("--actions-key", "'actions' and 'action'"))
    t.run("data import two.npz --out out --frames-key image --actions-key action", says="'image'")
    check(t)
    np.savez("odd.npz", rgb_front=frames, button=actions, **more)
    t.run("data import odd.npz --out out2", says=("'rgb_front'", "actions     none", "ignored arrays: button"))
    t.run("data import odd.npz --out out --replace --actions-key button", says="a choice of 5")
    check(t)
    t.run("data import odd.npz --out no --actions-key none", exits=3, says=("there is no such array", "rgb_front"))
    np.savez("state.npz", observations=np.zeros((36, 17), np.float32), **more)
    t.run("data import state.npz --out no", exits=3, says=("3 to 5 axes", "--frames-key", "observations float32 [36, 17]"))
    dim = (frames / 255).astype(np.float32) * 4 - 3
    np.savez("dim.npz", frames=dim, actions=actions, **more)
    t.run("data import dim.npz --out no", exits=3, says=("of -3 to 1", "--frames-range"))
    t.run("data import dim.npz --out out --replace --frames-range=-3,1")
    check(t)
    t.run("data import dim.npz --out no --frames-range black", exits=3, says="for example 0,1")
    np.savez("alpha.npz", frames=np.zeros((36, 16, 32, 4), np.uint8), **more)
    t.run("data import alpha.npz --out no", exits=3, says="frames[..., :3]")
    np.savez("nan.npz", frames=np.full((36, 16, 32, 3), np.nan, np.float32), **more)
    t.run("data import nan.npz --out no", exits=3, says=("nan.npz", "not finite"))


@case
def files_of_a_folder_that_do_not_go_together_are_named(t):
    os.makedirs("rec")
    frames, actions = recorded((12,))[0]
    for e in (2, 10):
        np.savez(f"rec/ep{e}.npz", frames=frames, actions=actions)
    t.run("data import rec --out out", says=("2, of 12 to 12", "ep2.npz before ep10.npz"))
    np.savez("rec/ep11.npz", frames=frames[:, :8], actions=actions)
    t.run("data import rec --out no", exits=3, says=("ep11.npz", "does not go with", "ep2.npz"))
    np.savez("rec/ep11.npz", frames=frames, actions=one_number(actions))
    t.run("data import rec --out no", exits=3, says=("ep11.npz", "another kind or width"))
    np.savez("rec/ep11.npz", frames=frames, actions=actions[:5])
    t.run("data import rec --out no", exits=3, says=("ep11.npz", "holds no actions of", "actions int64 [5]"))


@case
def the_flags_of_arrays_are_refused_elsewhere(t):
    os.makedirs("rec/e0")
    t.write("rec/e0/a.txt", "")
    from PIL import Image
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save("rec/e0/0.png")
    t.run("data import rec --out out --frames-key image", exits=2, says=("--frames-key", "image_folder"))
