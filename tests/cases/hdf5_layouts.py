"""How HDF5 files store their frames: filters, chunks, virtual datasets, links, and chunks that were never written."""
import os
import subprocess

import h5py
import hdf5plugin
import numpy as np

from foreign_shards import OLD, foreign, refused
from trial import CONFIG, case, frames


# ---- filters and layouts

@case
def filters_and_layouts_that_people_use_give_the_same_weights(t):
    pixels, actions = frames(160, seed=1)
    t.shard("data/validation/s0.h5", (20, 20), seed=2)
    chunk = dict(chunks=(8, 16, 16, 3))
    tiles = dict(chunks=(20, 7, 5, 2))
    layouts = dict(contiguous={}, gzip=dict(compression="gzip", **chunk), tiles=dict(compression="gzip", shuffle=True, **tiles),
                   lzf=dict(compression="lzf", **chunk), lzf_tiles=dict(compression="lzf", **tiles), szip=dict(compression="szip", **chunk),
                   blosc=dict(**chunk, **hdf5plugin.Blosc()), bitshuffle=dict(**chunk, **hdf5plugin.Bitshuffle()),
                   bitshuffle_tiles=dict(**tiles, **hdf5plugin.Bitshuffle(cname="zstd")), lz4=dict(**chunk, **hdf5plugin.LZ4()),
                   zstd_shuffle=dict(shuffle=True, **chunk, **hdf5plugin.Zstd()), zstd_tiles=dict(**tiles, **hdf5plugin.Zstd()),
                   scaleoffset=dict(scaleoffset=0, **chunk), fletcher=dict(fletcher32=True, **chunk), large=dict(chunks=(160, 16, 16, 3)))
    digests = {}
    for name, storage in layouts.items():
        foreign("a.h5", pixels, actions, **storage)
        t.run("data verify a.h5", says="sound")
        t.run(f"train run.yaml --set data.train=a.h5 --set trainer.steps=2 --run runs/{name}", says="finished")
        digests[name] = t.digest(f"runs/{name}")
    t.is_(len(set(digests.values())), 1, f"weights of {digests}")


@case
def an_absent_filter_is_named_with_what_helps(t):
    pixels, actions = frames(160, seed=1)
    for name, options in (("bzip2", hdf5plugin.BZip2()), ("blosc2", hdf5plugin.Blosc2()), ("zfp", hdf5plugin.Zfp(reversible=True))):
        foreign("a.h5", pixels.astype("i4") if name == "zfp" else pixels, actions, chunks=(8, 16, 16, 3), **options)
        t.run("data verify a.h5", exits=3, says=[name, "HDF5_PLUGIN_PATH", "h5repack -f GZIP=4"])
    foreign("a.h5", pixels, actions, chunks=(8, 16, 16, 3), **hdf5plugin.BZip2())
    plugins = os.path.join(os.path.dirname(hdf5plugin.__file__), "plugins")
    t.run("data verify a.h5", says="sound", env={**os.environ, "HDF5_PLUGIN_PATH": plugins})
    subprocess.run(["h5repack", "-f", "GZIP=4", "a.h5", "b.h5"], check=True, env={**os.environ, "HDF5_PLUGIN_PATH": plugins})
    t.run("data verify b.h5", says="sound")


@case
def odd_frames_train(t):
    for height, width, channels in ((63, 63, 1), (1, 1, 3), (8, 24, 3), (7, 300, 1)):
        t.shard("data/train/s0.h5", (20, 20), height, width, channels, seed=1)
        t.shard("data/validation/s0.h5", (20, 20), height, width, channels, seed=2)
        t.write("mlp.yaml", CONFIG.replace("{name: space_time_transformer, dim: 32, layers: 2, heads: 2, patch_px: 8}", "{name: frame_mlp}"))
        t.run(f"train mlp.yaml --set trainer.steps=2 --run runs/{height}-{width}", says="finished")


# ---- what was never written, and what lies elsewhere

@case
def never_written_chunks_are_refused_in_every_layout(t):
    pixels, _ = frames(160, seed=1)
    for name, chunk in (("whole", (8, 16, 16, 3)), ("tiles", (8, 8, 8, 3))):
        with h5py.File(f"{name}.h5", "w", libver=OLD) as file:
            data = file.create_dataset("pixels", (160, 16, 16, 3), "u1", chunks=chunk, compression="gzip")
            data[:80] = pixels[:80]
            t.episodes(file, (40, 40, 40, 40))
        refused(t, f"{name}.h5", ["never written", "row 80"])
        t.run(f"train run.yaml --set data.train={name}.h5 --set data.validation={name}.h5 --run runs/{name}", exits=3, says="never written")
    with h5py.File("contiguous.h5", "w", libver=OLD) as file:
        file.create_dataset("pixels", (160, 16, 16, 3), "u1")
        t.episodes(file, (40, 40, 40, 40))
    refused(t, "contiguous.h5", "never written")


@case
def never_written_actions_are_refused(t):
    t.good()
    with h5py.File("data/train/s0.h5", "a") as file:
        del file["action"]
        file.create_dataset("action", (160,), "i8", chunks=(16,))[:32] = 1
    refused(t, "data/train/s0.h5", ["column 'action'", "never written", "row 32"])


def virtual(path, parts, shape=(160, 16, 16, 3), part_rows=40, name="pixels"):
    layout = h5py.VirtualLayout(shape, np.uint8)
    for i, part in enumerate(parts):
        layout[i * part_rows:(i + 1) * part_rows] = h5py.VirtualSource(part, name, (part_rows, *shape[1:]))
    with h5py.File(path, "w", libver=OLD) as file:
        file.create_virtual_dataset("pixels", layout)
        file["ep_len"], file["ep_offset"] = np.full(4, 40), np.arange(0, 160, 40)


@case
def a_virtual_dataset_is_read_through_its_sources_and_names_one_that_is_gone(t):
    pixels, _ = frames(160, seed=1)
    parts = [f"part{i}.h5" for i in range(4)]
    for i, part in enumerate(parts):
        with h5py.File("data/" + part, "w", libver=OLD) as file:
            file.create_dataset("pixels", data=pixels[40 * i:40 * i + 40], chunks=(8, 16, 16, 3), compression="gzip", fletcher32=True)
    virtual("data/train/all.h5", ["../" + part for part in parts])
    t.shard("plain.h5", seed=1, actions=False)
    t.shard("data/validation/s0.h5", (20, 20), seed=2, actions=False)
    t.run("data verify data/train/all.h5", says="sound")
    t.run("data inspect data/train/all.h5", says="virtual, 4 sources")
    for name, train in (("virtual", "data/train/all.h5"), ("plain", "plain.h5")):
        t.run(f"train run.yaml --set data.train={train} --set data.stride_frames=2 --run runs/{name}", says="finished")
    t.is_(t.digest("runs/virtual"), t.digest("runs/plain"), "the weights from virtual frames")
    os.rename("data/part2.h5", "data/moved.h5")
    refused(t, "data/train/all.h5", ["part2.h5", "no such file"])
    t.run("train run.yaml --run runs/gone", exits=3, says="part2.h5")
    with h5py.File("data/part2.h5", "w") as file:
        file["other"] = 1
    refused(t, "data/train/all.h5", "part2.h5")
    with h5py.File("data/part2.h5", "w") as file:
        file["pixels"] = pixels[:20]
    refused(t, "data/train/all.h5", ["part2.h5", "[20, 16, 16, 3]"])
    with h5py.File("data/part2.h5", "w") as file:
        file["pixels"] = pixels[:40].astype("i2")
    refused(t, "data/train/all.h5", ["part2.h5", "int16"])


@case
def a_virtual_dataset_with_a_hole_or_of_itself_is_refused(t):
    pixels, _ = frames(160, seed=1)
    with h5py.File("part.h5", "w") as file:
        file["pixels"] = pixels[:40]
    virtual("hole.h5", ["part.h5"] * 3)
    refused(t, "hole.h5", "leave out or repeat row 120")
    virtual("itself.h5", ["itself.h5"], shape=(160, 16, 16, 3), part_rows=160)
    refused(t, "itself.h5", "itself.h5")
    os.mkfifo("pipe.h5")
    virtual("pipes.h5", ["pipe.h5"] * 4)
    refused(t, "pipes.h5", "a pipe")


@case
def external_files_are_read_and_named_when_they_are_gone_or_short(t):
    pixels, actions = frames(160, seed=1)
    os.mkdir("d")
    pixels.tofile("d/raw.bin")
    os.chdir("d")
    with h5py.File("external.h5", "w", libver=OLD) as file:
        file.create_dataset("pixels", pixels.shape, "u1", external=[("raw.bin", 0, pixels.nbytes)])
        file["action"] = actions
        t.episodes(file, (40, 40, 40, 40))
    os.chdir("..")
    t.shard("plain.h5", seed=1)
    t.shard("data/validation/s0.h5", (20, 20), seed=2)
    for name, train in (("external", "d/external.h5"), ("plain", "plain.h5")):
        t.run(f"train run.yaml --set data.train={train} --run runs/{name}", says="finished")
    t.is_(t.digest("runs/external"), t.digest("runs/plain"), "the weights from external frames")
    os.truncate("d/raw.bin", 1000)
    refused(t, "d/external.h5", ["raw.bin", "has 1000 bytes"])
    os.remove("d/raw.bin")
    refused(t, "d/external.h5", ["raw.bin", "not there"])
    os.mkfifo("d/raw.bin")
    refused(t, "d/external.h5", "not a regular file")


@case
def links_are_followed_and_a_broken_one_is_named(t):
    foreign("plain.h5", frames(160, seed=1)[0])
    with h5py.File("links.h5", "w") as file:
        file["pixels"] = h5py.ExternalLink("plain.h5", "/pixels")
        file["acts"] = np.zeros(160, np.int64)
        file["action"] = h5py.SoftLink("/acts")
        t.episodes(file, (40, 40, 40, 40))
    t.run("data verify links.h5", says="sound")
    for target, says in (("nowhere.h5", "nowhere.h5"), ("pipe.h5", "pipe.h5")):
        with h5py.File("links.h5", "a") as file:
            del file["pixels"]
            file["pixels"] = h5py.ExternalLink(target, "/pixels")
        if target == "pipe.h5":
            os.mkfifo(target)
        refused(t, "links.h5", ["column 'pixels'", says])
    with h5py.File("links.h5", "a") as file:
        del file["pixels"]
        file.create_group("pixels")
    refused(t, "links.h5", "column 'pixels'")
