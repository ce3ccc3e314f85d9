"""PyTorch's side of scripts/bench/checkpoint: a process that saves a state when asked.

    python -m pytorch.saving BYTES FOLDER

The state is that of nextframe bench checkpoint: layers of a transformer 512 wide; parameters, two moments and an average.
Commands (pytorch/serving.py): `save WAY`: seconds of one save, torch.save or torch.distributed.checkpoint, flushed or not.
"""
import os
import shutil
import sys
import time

import torch
import torch.distributed.checkpoint as dcp

from pytorch.serving import serve, set_threads

LAYER = {"attention": (4, 512, 512), "up": (2, 1408, 512), "down": (512, 1408), "norm": (512,)}


def make_state(state_bytes):
    left, layer, shapes = state_bytes // 16, 0, {}
    while left > 0:
        for name, shape in LAYER.items():
            shapes[f"{name}{layer}"] = shape
            left -= torch.Size(shape).numel()
        layer += 1
    return {part: {name: torch.randn(shape) for name, shape in shapes.items()}
            for part in ("parameters", "moment1", "moment2", "ema")}


def flush(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def save_in_one(state, path, flushed):
    torch.save(state, path)
    if flushed:
        flush(path)


def save_distributed(state, path, flushed):
    dcp.save(state, storage_writer=dcp.FileSystemWriter(path, sync_files=flushed), no_dist=True)


WAYS = {"torch.save": lambda state, path: save_in_one(state, path, False),
        "torch.save, flushed": lambda state, path: save_in_one(state, path, True),
        "distributed.checkpoint": lambda state, path: save_distributed(state, path, False),
        "distributed.checkpoint, flushed": lambda state, path: save_distributed(state, path, True)}


def main():
    state_bytes, folder = int(sys.argv[1]), sys.argv[2]
    set_threads()
    state = make_state(state_bytes)
    size = sum(tensor.numel() * 4 for part in state.values() for tensor in part.values())

    def save(*words):
        way = " ".join(words)
        path = f"{folder}/peer"
        start = time.perf_counter()
        WAYS[way](state, path)
        seconds = time.perf_counter() - start
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        os.sync()  # unflushed data must not slow down the next save
        return {"save_s": seconds, "bytes": size}

    serve({"save": save})


if __name__ == "__main__":
    main() if len(sys.argv) == 3 else sys.exit(__doc__)
