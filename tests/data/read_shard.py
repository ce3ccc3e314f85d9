"""Reads a shard with plain h5py and compares its frames: read_shard.py SHARD RAW_PIXELS [hdf5plugin]."""
import sys

import h5py
import numpy as np

if sys.argv[3:] == ["hdf5plugin"]:
    import hdf5plugin  # noqa: F401

with h5py.File(sys.argv[1]) as f:
    columns = {name: f[name][:] for name in f}
    attributes = dict(f.attrs)
expected = np.fromfile(sys.argv[2], np.uint8).reshape(columns["pixels"].shape)
assert np.array_equal(columns["pixels"], expected)
assert columns["ep_len"].sum() == len(expected) and columns["ep_offset"][0] == 0
assert np.array_equal(columns["action"], np.concatenate([np.arange(n) % 3 for n in columns["ep_len"]]))
assert attributes["format"] == "nextframe" and attributes["complete"] == 1, attributes
