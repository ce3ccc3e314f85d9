"""Writes episodes as shards of format v1 (docs/file-formats.md). The recorders beside this file use it."""

import hashlib
import json
import os
import sys
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import xxhash

SHARD_FRAMES = 20_000


def attributes_of(generator, source, action_space, fps, license_name=""):
    return {"format": "nextframe", "format_version": "1.0", "dataset_uuid": hashlib.md5(generator.encode()).hexdigest(),
            "fps": fps, "frame_skip": 1, "action_space": json.dumps(action_space),
            "action_alignment": "act[t]: obs[t]->obs[t+1]", "colorspace": "RGB", "source": source,
            "license": license_name, "generator": generator}


def write_shard(path, episodes, attributes):
    """`episodes`: pairs of frames uint8 [T, H, W, C] and actions [T] or [T, A], or None for none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    lengths = np.array([len(frames) for frames, _ in episodes], np.int32)
    frame_shape = episodes[0][0].shape[1:]
    with h5py.File(temporary, "w", libver=("earliest", "v110")) as f:
        f.create_dataset("pixels", data=np.concatenate([frames for frames, _ in episodes]), chunks=(8, *frame_shape),
                         maxshape=(None, *frame_shape), fletcher32=True, **hdf5plugin.Zstd(clevel=3))
        columns = {"ep_len": lengths, "ep_offset": (np.cumsum(lengths) - lengths).astype(np.int64)}
        if episodes[0][1] is not None:
            columns["action"] = np.concatenate([actions for _, actions in episodes])
        for name, values in sorted(columns.items()):
            f.create_dataset(name, data=values, chunks=values.shape, fletcher32=True)
        for name, value in attributes.items():
            f.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value
        f.attrs["complete"] = 1
    with open(temporary, "rb") as f:
        os.fsync(f.fileno())
    os.replace(temporary, path)
    return lengths


def collect(split, episodes, out, goal_reached, attributes):
    """Takes from `episodes` until `goal_reached(episodes, frames)`; returns the entries of index.json."""
    entries, waiting, num_episodes, num_frames = [], [], 0, 0

    def flush():
        path = out / split / f"shard-{len(entries):05d}.h5"
        lengths = write_shard(path, waiting, {**attributes, "shard_index": len(entries)})
        entries.append({"path": f"{split}/{path.name}", "bytes": path.stat().st_size,
                        "xxh3_64": xxhash.xxh3_64_hexdigest(path.read_bytes()), "frames": int(lengths.sum()),
                        "episodes": len(lengths), "ep_len": lengths.tolist()})
        waiting.clear()
        print(f"{path}: {num_episodes} episodes, {num_frames} frames so far", file=sys.stderr)

    for episode in episodes:
        waiting.append(episode)
        num_episodes, num_frames = num_episodes + 1, num_frames + len(episode[0])
        is_done = goal_reached(num_episodes, num_frames)
        if is_done or sum(len(frames) for frames, _ in waiting) >= SHARD_FRAMES:
            flush()
        if is_done:
            break
    return entries


def is_finished(out, generator):
    """Whether the same command has finished here. Ends the program if the folder holds something else."""
    index = out / "index.json"
    foreign = [p for p in sorted(out.rglob("*.h5")) if not is_ours(p, generator)]
    if foreign:
        print(f"record: {foreign[0]}: not made by '{generator}'; nothing is overwritten: "
              "choose another folder, or remove this one", file=sys.stderr)
        sys.exit(3)
    if not index.exists():
        return False
    shards = json.loads(index.read_text())["shards"]
    if not all((out / s["path"]).exists() and (out / s["path"]).stat().st_size == s["bytes"] for s in shards):
        return False
    print(f"{out}: finished already")
    return True


def is_ours(path, generator):
    try:
        with h5py.File(path) as f:
            return f.attrs.get("generator") == generator.encode()
    except OSError:
        return False


def write_index(out, generator, shards):
    index = {"format": "nextframe", "format_version": "1.0", "generator": generator, "shards": shards}
    temporary = Path(out) / "index.json.tmp"
    temporary.write_text(json.dumps(index) + "\n")
    os.replace(temporary, Path(out) / "index.json")
    frames = {split: sum(s["frames"] for s in shards if s["path"].startswith(split)) for split in ("train", "validation")}
    print(f"{out}: {frames['train']} frames to train on, {frames['validation']} held out")
