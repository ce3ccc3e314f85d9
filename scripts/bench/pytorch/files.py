"""What nextframe wrote, as tensors: checkpoints, and shards cut to one batch.

    python -m pytorch.files cut SHARD CLIPS FRAMES OUT.h5          writes the first frames of CLIPS episodes as a shard
    python -m pytorch.files cut-of CHECKPOINT CLIPS FRAMES OUT.h5  likewise, of the first shard that it was trained on
"""
import glob
import json
import sys

import h5py
import numpy as np
import torch
import torch.nn.functional as F
import yaml


def read_checkpoint(folder, kinds=("parameters",)):
    """Returns the manifest, its config and the parameters by name: of the first of `kinds` that it holds."""
    with open(f"{folder}/manifest.json", encoding="utf-8") as file:
        manifest = json.load(file)
    held = {tensor["name"].split("/", 1)[0] for tensor in manifest["tensors"]}
    kind = next(kind for kind in kinds if kind in held)
    parameters = {}
    for tensor in manifest["tensors"]:
        if not tensor["name"].startswith(f"{kind}/"):
            continue
        pieces = [np.fromfile(f"{folder}/{piece['file']}", "<f4", piece["num_elements"], offset=piece["file_offset"])
                  for piece in tensor["pieces"]]
        name = tensor["name"].split("/", 1)[1]
        parameters[name] = torch.from_numpy(np.concatenate(pieces)).view(tensor["sizes"])
    return manifest, yaml.safe_load(manifest["config"]), parameters


def copy_parameters(model, parameters):
    """Loads all parameters; raises if either side has one that the other lacks."""
    wanted = {name.removesuffix(".weight"): parameter for name, parameter in model.named_parameters()}
    if wanted.keys() != parameters.keys():
        sys.exit(f"not on both sides: {sorted(wanted.keys() ^ parameters.keys())}")
    with torch.no_grad():
        for name, parameter in wanted.items():
            if parameter.shape != parameters[name].shape:
                sys.exit(f"{name} is {list(parameters[name].shape)}, not {list(parameter.shape)}")
            parameter.copy_(parameters[name])


def read_clips(path, action_width):
    """A shard of episodes of equal length, as one batch."""
    with h5py.File(path, "r") as file:
        clips = len(file["ep_len"])
        frames = torch.from_numpy(file["pixels"][:]).unflatten(0, (clips, -1))
        actions = torch.from_numpy(file["action"][:].astype(np.int64)).unflatten(0, (clips, -1))
    return frames, F.one_hot(actions, action_width).float()


def first_shard_of(checkpoint):
    with open(f"{checkpoint}/manifest.json", encoding="utf-8") as file:
        pattern = yaml.safe_load(json.load(file)["config"])["data"]["train"]
    shards = sorted(glob.glob(pattern))
    if not shards:
        sys.exit(f"no data at {pattern}; scripts/demo makes those of its run")
    return shards[0]


def cut_clips(shard, clips, frames, out):
    import hdf5plugin  # so that h5py reads zstd

    with h5py.File(shard, "r") as source, h5py.File(out, "w") as target:
        lengths, offsets = source["ep_len"][:], source["ep_offset"][:]
        first_rows = [offset for offset, length in zip(offsets, lengths) if length >= frames][:clips]
        if len(first_rows) < clips:
            sys.exit(f"{shard} has only {len(first_rows)} episodes of {frames} frames or more")
        for column in ("pixels", "action"):
            target[column] = np.concatenate([source[column][row:row + frames] for row in first_rows])
        target["ep_len"] = np.full(clips, frames, np.int32)
        target["ep_offset"] = np.arange(clips, dtype=np.int64) * frames
        if "action_space" in source.attrs:
            target.attrs["action_space"] = source.attrs["action_space"]


if __name__ == "__main__":
    if sys.argv[1:2] not in (["cut"], ["cut-of"]) or len(sys.argv) != 6:
        sys.exit(__doc__)
    shard = sys.argv[2] if sys.argv[1] == "cut" else first_shard_of(sys.argv[2])
    cut_clips(shard, int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
