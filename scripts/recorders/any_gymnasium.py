"""Records any Gymnasium environment, by random play or a policy of one's own. Run it through scripts/record.

A policy is a Python file with `def policy(observation, env, rng)`, which returns an action.
"""

import argparse
import importlib.util
from pathlib import Path

import gymnasium
import numpy as np
import shards
from PIL import Image

SPLITS = {"train": 0, "validation": 1}


def action_space_of(space, name):
    """The action space as a shard declares it, and how an action is written there."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return {"type": "discrete", "n": int(space.n)}, lambda action: np.int64(action - space.start)
    if isinstance(space, gymnasium.spaces.MultiBinary):
        buttons = int(np.prod(space.shape))
        return {"type": "multi_binary", "n": buttons}, lambda action: np.asarray(action, np.uint8).reshape(-1)
    if isinstance(space, gymnasium.spaces.Box):
        return ({"type": "continuous", "dim": int(np.prod(space.shape))},
                lambda action: np.asarray(action, np.float32).reshape(-1))
    raise SystemExit(f"record: {name} has actions of {space}; Discrete, MultiBinary and Box can be recorded")


def policy_of(path, hold):
    if path is None:
        held = {"left": 0, "action": None}

        def policy(_, env, rng):
            if held["left"] == 0:
                held["left"], held["action"] = int(rng.integers(1, 2 * hold)), env.action_space.sample()
            held["left"] -= 1
            return held["action"]
        return policy
    spec = importlib.util.spec_from_file_location("user_policy", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.policy


def picture_of(env, name, size_px):
    frame = env.render()
    if not isinstance(frame, np.ndarray) or frame.ndim != 3:
        raise SystemExit(f"record: {name} renders no pictures (render_mode rgb_array gave {type(frame).__name__})")
    return np.asarray(Image.fromarray(frame[..., :3]).resize((size_px[1], size_px[0]), Image.Resampling.BOX))


def play(split, written, options):
    """Yields (frames [T, H, W, 3], actions [T, ...]) for ever; action t is taken at frame t."""
    env = gymnasium.make(options.env, render_mode="rgb_array")
    rng = np.random.default_rng([options.seed, SPLITS[split]])
    policy = policy_of(options.policy, options.hold)
    while True:
        seed = int(rng.integers(2**31))
        observation, _ = env.reset(seed=seed)
        env.action_space.seed(seed)
        frames, actions = [], []
        while len(frames) < options.episode_frames:
            action = policy(observation, env, rng)
            frames.append(picture_of(env, options.env, options.size))
            actions.append(written(action))
            for _ in range(options.frame_skip):
                observation, _, ended, cut_off, _ = env.step(action)
                if ended or cut_off:
                    break
            if ended or cut_off:
                break
        if len(frames) >= min(options.shortest, options.episode_frames):
            yield np.stack(frames), np.stack(actions)


def main():
    parser = argparse.ArgumentParser(prog="scripts/record", usage="scripts/record ENV FOLDER [options]")
    parser.add_argument("env", metavar="ENV")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--frames", type=int, default=20_000, help="to train on")
    parser.add_argument("--validation-episodes", type=int, default=32, help="held out, of other seeds")
    parser.add_argument("--episode-frames", type=int, default=200, help="episodes are cut off at this length")
    parser.add_argument("--shortest", type=int, default=16, help="frames that an episode needs to be kept")
    parser.add_argument("--size", default="64x64", type=lambda text: tuple(int(side) for side in text.split("x")),
                        metavar="HxW", help="of the frames")
    parser.add_argument("--frame-skip", type=int, default=1, help="steps of the environment a frame, with one action")
    parser.add_argument("--hold", type=int, default=3, help="frames that random play keeps an action for, on average")
    parser.add_argument("--policy", type=Path, help="a Python file with policy(observation, env, rng)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--with", metavar="PACKAGE", help="a Python package to install besides: ale-py==0.11.2")
    options = parser.parse_args()
    if len(options.size) != 2 or min(options.size) < 1:
        parser.error("--size needs HxW, as 64x64")
    try:
        env = gymnasium.make(options.env, render_mode="rgb_array")
    except Exception as error:  # its own words: an unknown name, a package that is missing
        raise SystemExit(f"record: {options.env}: {error}")
    action_space, written = action_space_of(env.action_space, options.env)
    fps = env.metadata.get("render_fps", 30) / options.frame_skip
    env.close()
    policy = f" --policy {options.policy.name}" if options.policy else f" --hold {options.hold}"
    generator = (f"scripts/record {options.env} --frames {options.frames} --validation-episodes "
                 f"{options.validation_episodes} --episode-frames {options.episode_frames} --shortest {options.shortest} "
                 f"--size {options.size[0]}x{options.size[1]} --frame-skip {options.frame_skip}{policy} --seed {options.seed}")
    out = options.folder
    if shards.is_finished(out, generator):
        return
    attributes = shards.attributes_of(generator, options.env, action_space, max(1, round(fps)))
    attributes["frame_skip"] = options.frame_skip
    entries = shards.collect("train", play("train", written, options), out,
                             lambda _, frames: frames >= options.frames, attributes)
    if options.validation_episodes > 0:
        entries += shards.collect("validation", play("validation", written, options), out,
                                  lambda count, _: count >= options.validation_episodes, attributes)
    shards.write_index(out, generator, entries)


if __name__ == "__main__":
    main()
