"""Records random play of CoinRun as shards of format v1 (docs/file-formats.md). Run it through scripts/collect_coinrun."""

import argparse
import contextlib
import hashlib
import io
import json
import os
import sys
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import xxhash

with contextlib.redirect_stderr(io.StringIO()):  # hides gym's notice of its successor
    from procgen import ProcgenGym3Env

# CoinRun's moves; procgen's other six buttons do nothing in it. The random player mostly runs and jumps to the right,
# so that it sees more of a level. It keeps a button pressed for a while, so that actions have visible effects.
ACTIONS = ["left-down", "left", "left-up", "down", "stay", "up", "right-down", "right", "right-up"]
WEIGHTS = np.array([0.02, 0.10, 0.10, 0.02, 0.06, 0.10, 0.02, 0.30, 0.28])
REDRAW_PROBABILITY = 0.2
LEVELS = {"train": (0, 1_000_000), "validation": (2_000_000, 1_000_000)}  # first level, number of levels
SHARD_FRAMES = 20_000
PARALLEL_GAMES = 16


def play(split, seed, episode_frames, shortest, mode):
    """Yields (frames uint8 [T, 64, 64, 3], actions [T]) for ever; action t is pressed at frame t."""
    first_level, num_levels = LEVELS[split]
    rng = np.random.default_rng([seed, first_level])
    game = ProcgenGym3Env(num=PARALLEL_GAMES, env_name="coinrun", start_level=first_level, num_levels=num_levels,
                          distribution_mode=mode, rand_seed=int(rng.integers(2**31)))
    frames = [[] for _ in range(PARALLEL_GAMES)]
    actions = [[] for _ in range(PARALLEL_GAMES)]
    pressed = rng.choice(len(ACTIONS), PARALLEL_GAMES, p=WEIGHTS)
    while True:
        _, observation, is_first = game.observe()
        for g in range(PARALLEL_GAMES):
            if is_first[g] or len(frames[g]) == episode_frames:
                if len(frames[g]) >= shortest:
                    yield np.stack(frames[g]), np.array(actions[g])
                frames[g], actions[g] = [], []
        redraw = rng.random(PARALLEL_GAMES) < REDRAW_PROBABILITY
        pressed = np.where(redraw, rng.choice(len(ACTIONS), PARALLEL_GAMES, p=WEIGHTS), pressed)
        for g in range(PARALLEL_GAMES):
            frames[g].append(observation["rgb"][g].copy())
            actions[g].append(pressed[g])
        game.act(pressed.astype(np.int32))


def write_shard(path, episodes, attributes):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    lengths = np.array([len(actions) for _, actions in episodes], np.int32)
    with h5py.File(temporary, "w", libver=("earliest", "v110")) as f:
        f.create_dataset("pixels", data=np.concatenate([frames for frames, _ in episodes]), chunks=(8, 64, 64, 3),
                         maxshape=(None, 64, 64, 3), fletcher32=True, **hdf5plugin.Zstd(clevel=3))
        columns = {"action": np.concatenate([actions for _, actions in episodes]).astype(np.int64), "ep_len": lengths,
                   "ep_offset": (np.cumsum(lengths) - lengths).astype(np.int64)}
        for name, values in columns.items():
            f.create_dataset(name, data=values, chunks=values.shape, fletcher32=True)
        for name, value in attributes.items():
            f.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value
        f.attrs["complete"] = 1
    with open(temporary, "rb") as f:
        os.fsync(f.fileno())
    os.replace(temporary, path)
    return lengths


def collect(split, out, goal_reached, shortest, options, attributes):
    """Plays until `goal_reached(episodes, frames)`; returns the entries of index.json."""
    entries, waiting, num_episodes, num_frames = [], [], 0, 0

    def flush():
        path = out / split / f"shard-{len(entries):05d}.h5"
        lengths = write_shard(path, waiting, {**attributes, "shard_index": len(entries)})
        entries.append({"path": f"{split}/{path.name}", "bytes": path.stat().st_size,
                        "xxh3_64": xxhash.xxh3_64_hexdigest(path.read_bytes()), "frames": int(lengths.sum()),
                        "episodes": len(lengths), "ep_len": lengths.tolist()})
        waiting.clear()
        print(f"{path}: {num_episodes} episodes, {num_frames} frames so far", file=sys.stderr)

    for episode in play(split, options.seed, options.episode_frames, shortest, options.mode):
        waiting.append(episode)
        num_episodes, num_frames = num_episodes + 1, num_frames + len(episode[1])
        is_done = goal_reached(num_episodes, num_frames)
        if is_done or sum(len(actions) for _, actions in waiting) >= SHARD_FRAMES:
            flush()
        if is_done:
            return entries


def is_finished(out, generator):
    """Whether the same command has finished here. Ends the program if the folder holds something else."""
    index = out / "index.json"
    foreign = [p for p in sorted(out.rglob("*.h5")) if not is_ours(p, generator)]
    if foreign:
        print(f"collect_coinrun: {foreign[0]}: not made by '{generator}'; nothing is overwritten: "
              "choose another folder, or remove this one", file=sys.stderr)
        sys.exit(3)
    if not index.exists():
        return False
    shards = json.loads(index.read_text())["shards"]
    return all((out / s["path"]).exists() and (out / s["path"]).stat().st_size == s["bytes"] for s in shards)


def is_ours(path, generator):
    try:
        with h5py.File(path) as f:
            return f.attrs.get("generator") == generator.encode()
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser(prog="scripts/collect_coinrun")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=60_000, help="to train on")
    parser.add_argument("--validation-episodes", type=int, default=96, help="held out, each of --episode-frames frames")
    parser.add_argument("--episode-frames", type=int, default=64, help="games are cut into episodes of this length")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mode", choices=["easy", "hard"], default="hard", help="procgen's difficulty")
    options = parser.parse_args()

    generator = (f"scripts/collect_coinrun --frames {options.frames} --validation-episodes {options.validation_episodes} "
                 f"--episode-frames {options.episode_frames} --seed {options.seed} --mode {options.mode}")
    out = options.folder
    if is_finished(out, generator):
        print(f"{out}: finished already")
        return
    attributes = {
        "format": "nextframe", "format_version": "1.0", "dataset_uuid": hashlib.md5(generator.encode()).hexdigest(),
        "fps": 15, "frame_skip": 1, "action_space": json.dumps({"type": "discrete", "n": len(ACTIONS), "names": ACTIONS}),
        "action_alignment": "act[t]: obs[t]->obs[t+1]", "colorspace": "RGB", "source": "CoinRun, procgen-mirror 0.10.7",
        "license": "MIT", "generator": generator}
    shortest = min(16, options.episode_frames)
    shards = collect("train", out, lambda _, frames: frames >= options.frames, shortest, options, attributes)
    if options.validation_episodes > 0:
        shards += collect("validation", out, lambda episodes, _: episodes >= options.validation_episodes,
                          options.episode_frames, options, attributes)
    index = {"format": "nextframe", "format_version": "1.0", "generator": generator, "shards": shards}
    temporary = out / "index.json.tmp"
    temporary.write_text(json.dumps(index) + "\n")
    os.replace(temporary, out / "index.json")
    frames = {split: sum(s["frames"] for s in shards if s["path"].startswith(split)) for split in LEVELS}
    print(f"{out}: {frames['train']} frames to train on, {frames['validation']} held out")


if __name__ == "__main__":
    main()
