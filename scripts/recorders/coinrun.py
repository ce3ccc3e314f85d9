"""Records random play of CoinRun. Run it through scripts/record."""

import argparse
import contextlib
import io
from pathlib import Path

import numpy as np
import shards

with contextlib.redirect_stderr(io.StringIO()):  # hides gym's notice of its successor
    from procgen import ProcgenGym3Env

# CoinRun's moves; procgen's other six buttons do nothing in it. The random player mostly runs and jumps to the right,
# so that it sees more of a level. It keeps a button pressed for a while, so that actions have visible effects.
ACTIONS = ["left-down", "left", "left-up", "down", "stay", "up", "right-down", "right", "right-up"]
WEIGHTS = np.array([0.02, 0.10, 0.10, 0.02, 0.06, 0.10, 0.02, 0.30, 0.28])
REDRAW_PROBABILITY = 0.2
LEVELS = {"train": (0, 1_000_000), "validation": (2_000_000, 1_000_000)}  # first level, number of levels
PARALLEL_GAMES = 16


def play(split, seed, episode_frames, shortest, mode):
    """Yields (frames uint8 [T, 64, 64, 3], actions int64 [T]) for ever; action t is pressed at frame t."""
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
                    yield np.stack(frames[g]), np.array(actions[g], np.int64)
                frames[g], actions[g] = [], []
        redraw = rng.random(PARALLEL_GAMES) < REDRAW_PROBABILITY
        pressed = np.where(redraw, rng.choice(len(ACTIONS), PARALLEL_GAMES, p=WEIGHTS), pressed)
        for g in range(PARALLEL_GAMES):
            frames[g].append(observation["rgb"][g].copy())
            actions[g].append(pressed[g])
        game.act(pressed.astype(np.int32))


def main():
    parser = argparse.ArgumentParser(prog="scripts/record coinrun")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=60_000, help="to train on")
    parser.add_argument("--validation-episodes", type=int, default=96, help="held out, each of --episode-frames frames")
    parser.add_argument("--episode-frames", type=int, default=64, help="games are cut into episodes of this length")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mode", choices=["easy", "hard"], default="hard", help="procgen's difficulty")
    options = parser.parse_args()

    generator = (f"scripts/record coinrun --frames {options.frames} --validation-episodes {options.validation_episodes} "
                 f"--episode-frames {options.episode_frames} --seed {options.seed} --mode {options.mode}")
    out = options.folder
    if shards.is_finished(out, generator):
        return
    attributes = shards.attributes_of(generator, "CoinRun, procgen-mirror 0.10.7",
                                      {"type": "discrete", "n": len(ACTIONS), "names": ACTIONS}, 15, "MIT")
    def episodes(split, shortest):
        return play(split, options.seed, options.episode_frames, shortest, options.mode)

    entries = shards.collect("train", episodes("train", min(16, options.episode_frames)), out,
                             lambda _, frames: frames >= options.frames, attributes)
    if options.validation_episodes > 0:
        entries += shards.collect("validation", episodes("validation", options.episode_frames), out,
                                  lambda count, _: count >= options.validation_episodes, attributes)
    shards.write_index(out, generator, entries)


if __name__ == "__main__":
    main()
