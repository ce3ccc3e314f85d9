"""Writes one recording in the HDF5 layouts that other programs use, without attributes: foreign_files.py FOLDER."""
import sys

import h5py
import hdf5plugin
import numpy as np

folder = sys.argv[1]
rng = np.random.default_rng(0)
lengths = np.array([30, 7, 50], np.int32)
num_frames = int(lengths.sum())
pixels = rng.integers(0, 4, (num_frames, 24, 40, 3), dtype=np.uint8)
pixels.tofile(f"{folder}/pixels.raw")

layouts = {
    "contiguous": {},
    "frame_chunks": {"chunks": (1, 24, 40, 3)},
    "auto_chunks": {"chunks": True},
    "odd_chunks": {"chunks": (13, 24, 40, 3), "compression": "gzip"},
    "gzip_shuffle": {"chunks": (4, 24, 40, 3), "compression": "gzip", "shuffle": True},
    "gzip_fletcher": {"chunks": (4, 24, 40, 3), "compression": "gzip", "fletcher32": True},
    "zstd": {"chunks": (4, 24, 40, 3), **hdf5plugin.Zstd(clevel=3)},
    "zstd_fletcher": {"chunks": (4, 24, 40, 3), "fletcher32": True, **hdf5plugin.Zstd(clevel=3)},
    "zstd_tiles": {"chunks": (20, 8, 8, 3), **hdf5plugin.Zstd(clevel=3)},
    "lzf": {"chunks": (4, 24, 40, 3), "compression": "lzf"},
    "lzf_shuffle": {"chunks": (4, 24, 40, 3), "compression": "lzf", "shuffle": True},
    "lz4": {"chunks": (4, 24, 40, 3), **hdf5plugin.LZ4(nbytes=1000)},
    "lz4_tiles": {"chunks": (20, 7, 9, 2), **hdf5plugin.LZ4()},
    "blosc": {"chunks": (4, 24, 40, 3), **hdf5plugin.Blosc()},
    "bitshuffle": {"chunks": (4, 24, 40, 3), **hdf5plugin.Bitshuffle()},
    "bitshuffle_zstd": {"chunks": (5, 24, 40, 3), **hdf5plugin.Bitshuffle(nelems=200, cname="zstd")},
    "bitshuffle_raw": {"chunks": (5, 24, 40, 3), **hdf5plugin.Bitshuffle(cname="none")},
    "bzip2": {"chunks": (4, 24, 40, 3), **hdf5plugin.BZip2()},
    "szip": {"chunks": (4, 24, 40, 3), "compression": "szip"},
    "scaleoffset": {"chunks": (4, 24, 40, 3), "scaleoffset": 0},
}
for name, options in layouts.items():
    with h5py.File(f"{folder}/{name}.h5", "w") as f:
        f.create_dataset("pixels", data=pixels, **options)
        f["action"] = np.arange(num_frames) % 5
        f["ep_len"] = lengths
        f["ep_offset"] = np.cumsum(lengths) - lengths
        f["step_idx"] = np.concatenate([np.arange(n) for n in lengths])

with h5py.File(f"{folder}/grey_continuous.h5", "w") as f:
    f["pixels"] = pixels[..., 0]
    f["action"] = np.arange(num_frames, dtype=np.float32) / 2
    f["ep_len"] = lengths
    f["ep_offset"] = np.cumsum(lengths) - lengths

ends = np.zeros(num_frames, bool)
ends[np.cumsum(lengths) - 1] = True
np.savez(f"{folder}/stored.npz", frames=pixels, actions=np.arange(num_frames) % 5, episode_ends=ends)
np.savez_compressed(f"{folder}/deflated.npz", frames=pixels, episode_ends=ends,
                    actions=np.stack([np.arange(num_frames) / 2, -np.arange(num_frames)], 1))
np.savez(f"{folder}/grey.npz", frames=pixels[..., 0], episode_ends=ends)
np.savez(f"{folder}/no_ends.npz", frames=pixels)
np.savez(f"{folder}/float_frames.npz", frames=pixels / 100.0 - 1, episode_ends=ends)
