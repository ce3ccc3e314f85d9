"""HDF5 files as faults and ill will leave them: cut, half written, hostile, or of another kind altogether."""
import json
import os
import struct
import subprocess
import sys
import time
import zlib

import h5py
import hdf5plugin
import numpy as np

from foreign_shards import OLD, foreign, refused, refused_together
from trial import Skipped, case, frames


# ---- the file itself

@case
def what_is_no_hdf5_file_says_what_it_is(t):
    t.good()
    with open("data/train/s0.h5", "rb") as file:
        sound = file.read()
    bad = {}
    for content, says in ((b"", "empty (0 bytes)"), (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 1\n", "git lfs pull"),
                          (bytes(5000), "zeros"), (b"a text", "not an HDF5 file"), (sound[:-2000], "truncated"), (sound[:8], "HDF5"),
                          (sound[:100], "HDF5"), (sound[:8] + b"\x09" + sound[9:], "superblock has version 9")):
        path = f"bad-{len(bad)}.h5"
        t.write(path, content)
        bad[path] = says
    refused_together(t, bad)
    os.mkdir("folder.h5")
    refused(t, "folder.h5", "is a folder")
    os.mkfifo("pipe.h5")
    refused(t, "pipe.h5", "needed: a regular file")
    os.symlink("nowhere.h5", "link.h5")
    t.run("data inspect link.h5", exits=3, says="link to nowhere.h5")
    t.run("data inspect /dev/zero", exits=3, says="device")


@case
def sets_without_frames_are_told(t):
    with h5py.File("data/train/s0.h5", "w") as file:
        file.create_dataset("pixels", (0, 16, 16, 3), "u1", chunks=(8, 16, 16, 3), maxshape=(None, 16, 16, 3))
        file["action"], file["ep_len"], file["ep_offset"] = np.zeros(0, "i8"), np.zeros(0, "i4"), np.zeros(0, "i8")
    t.shard("data/validation/s0.h5", (20, 20), seed=2)
    t.run("train run.yaml --run runs/a", exits=3, says="none of 0 episodes")
    t.shard("data/train/s1.h5", seed=1)
    t.run("train run.yaml --run runs/b", says="finished")


@case
def a_file_that_ends_before_its_contiguous_pixels_is_truncated(t):
    pixels, actions = frames(160)
    with h5py.File("cut.h5", "w") as file:
        file["action"], file["ep_len"], file["ep_offset"] = actions, np.full(4, 40), np.arange(0, 160, 40)
        file["pixels"] = pixels
    os.truncate("cut.h5", os.path.getsize("cut.h5") - 2000)
    refused(t, "cut.h5", "truncated")


@case
def a_writer_that_died_leaves_a_mark_that_h5clear_takes_away(t):
    script = """
import h5py, numpy as np, os, sys
sys.path.insert(0, sys.argv[1])
from trial import frames
pixels, actions = frames(160, seed=1)
f = h5py.File("died.h5", "w", libver="v110")
f.create_dataset("pixels", data=pixels, chunks=(8, 16, 16, 3))
f["action"], f["ep_len"], f["ep_offset"] = actions, np.full(4, 40, "i4"), np.arange(0, 160, 40)
f.flush(); os._exit(1)"""
    subprocess.run([sys.executable, "-c", script, os.path.dirname(__file__)], check=False)
    refused(t, "died.h5", ["open for writing", "h5clear -s died.h5"])
    subprocess.run(["h5clear", "-s", "died.h5"], check=True)
    t.run("data verify died.h5", says="sound")


@case
def every_version_of_the_file_format_up_to_1_10_is_read(t):
    pixels, actions = frames(160, seed=1)
    for libver in ("earliest", "v108", "v110", "v112", "latest", OLD):
        foreign("a.h5", pixels, actions, libver=libver, chunks=(8, 16, 16, 3), compression="gzip")
        result = t.run("data verify a.h5", exits=(0, 3))
        t.is_(result.code == 0 or "v110" in result.text, True, f"{libver}: {result.text}")
    with h5py.File("a.h5", "w", userblock_size=2048, libver=OLD) as file:
        file.create_dataset("pixels", data=pixels, chunks=(8, 16, 16, 3))
        t.episodes(file, (40, 40, 40, 40))
    t.run("data verify a.h5", says="sound")


# ---- sizes that a file only claims

def claim(path, name, rows, chunk=None, kind="i8"):
    with h5py.File(path, "a") as file:
        del file[name]
        shape = (rows,) if name != "pixels" else (rows, 16, 16, 3)
        file.create_dataset(name, shape, kind, chunks=chunk, compression="gzip" if chunk else None)
        if chunk:
            file[name][:chunk[0]] = np.ones(1, kind)


@case
def sizes_that_are_only_claimed_are_refused_at_once(t):
    bad = {}
    for rows in (2**28, 2**33, 2**40):
        for name, chunk, kind in (("action", (1024,), "i8"), ("ep_len", (1024,), "i4"), ("ep_offset", (1024,), "i8"),
                                  ("pixels", (8, 16, 16, 3), "u1"), ("pixels", (8, 8, 8, 3), "u1"), ("action", None, "i8")):
            path = f"claim-{len(bad)}.h5"
            t.shard(path, seed=1)
            claim(path, name, rows, chunk, kind)
            bad[path] = [f"column '{name}'", "written"]
    begin = time.time()
    refused_together(t, bad)
    t.is_(time.time() - begin < 30, True, "quickly")


@case
def one_chunk_that_claims_gigabytes_takes_no_memory(t):
    t.good()
    with h5py.File("data/train/s0.h5", "a") as file:
        del file["pixels"]
        data = file.create_dataset("pixels", (2**22, 16, 16, 3), "u1", chunks=(2**22, 16, 16, 3), compression="gzip")
        data.id.write_direct_chunk((0, 0, 0, 0), zlib.compress(bytes(6000)))
    refused(t, "data/train/s0.h5", "stored bytes")


# ---- bytes written by hand

def chunked(path, chunk, stored, filters=None, mask=0, rows=160):
    """A shard whose every chunk has these stored bytes."""
    with h5py.File(path, "w", libver=OLD) as file:
        data = file.create_dataset("pixels", (rows, 16, 16, 3), "u1", chunks=chunk, **(filters or {}))
        for t in range(0, rows, chunk[0]):
            for y in range(0, 16, chunk[1]):
                for x in range(0, 16, chunk[2]):
                    data.id.write_direct_chunk((t, y, x, 0), stored, mask)
        file["ep_len"], file["ep_offset"] = np.full(4, rows // 4), np.arange(0, rows, rows // 4)


def zstd_run(size):
    """A zstd frame of `size` zeros in blocks of run-length: 4 bytes for each 128 KiB."""
    blocks, left = b"", size
    while left > 0:
        length = min(left, 1 << 17)
        left -= length
        blocks += struct.pack("<I", (left == 0) | 1 << 1 | length << 3)[:3] + b"\0"
    return struct.pack("<IBBQ", 0xFD2FB528, 0xC0, 0x50, size) + blocks


def lz4_chunk(size, block):
    return struct.pack(">QI", size, block)


@case
def a_chunk_that_unpacks_to_another_size_is_damaged(t):
    gzip, zstd = dict(compression="gzip"), hdf5plugin.Zstd()
    bad, good = {}, 0
    os.mkdir("right")

    def wrong(chunk, stored, filters=None, mask=0):
        path = f"wrong-{len(bad)}.h5"
        chunked(path, chunk, stored, filters, mask)
        bad[path] = "chunk"
    for chunk in ((8, 16, 16, 3), (8, 8, 8, 3)):
        size = chunk[0] * chunk[1] * chunk[2] * 3
        for filters, pack in ((gzip, lambda n: zlib.compress(bytes(n))), (zstd, zstd_run)):
            chunked(f"right/{good}.h5", chunk, pack(size), filters)
            good += 1
            for other in (1, size - 1, size + 1, 100 * size, 1 << (24 if filters is gzip else 33)):
                wrong(chunk, pack(other), filters)
        chunked(f"right/masked-{good}.h5", chunk, bytes(size), gzip, mask=1)
        wrong(chunk, bytes(size - 1), gzip, mask=1)
    t.run("data verify right/*.h5", says="sound")
    t.run("train run.yaml --set data.train=wrong-6.h5 --set data.validation=wrong-6.h5 --run runs/a", exits=3, says="wrong-6.h5")
    refused_together(t, bad)


@case
def hostile_chunks_of_every_filter_are_damaged(t):
    rng = np.random.default_rng(0)
    size = 8 * 16 * 16 * 3
    filters = dict(lzf=dict(compression="lzf"), lz4=hdf5plugin.LZ4(), blosc=hdf5plugin.Blosc(), szip=dict(compression="szip"),
                   bitshuffle=hdf5plugin.Bitshuffle(), shuffle=dict(shuffle=True, compression="gzip"))
    bad = {}
    for name, options in filters.items():
        for stored in (b"\0", bytes(40), b"\xff" * 40, rng.bytes(200), lz4_chunk(size, 0) + bytes(20), lz4_chunk(1 << 60, 1 << 30) + bytes(20),
                       lz4_chunk(size, size) + struct.pack(">I", 1 << 31) + bytes(20), struct.pack("<I", 1 << 31) + bytes(30)):
            path = f"{name}-{len(bad)}.h5"
            chunked(path, (8, 16, 16, 3), stored, options, rows=32)
            bad[path] = "chunk"
    refused_together(t, bad)


@case
def our_own_shards_notice_a_change_of_anything(t):
    t.run("data make ball_and_paddle --out d --episodes 2 --validation-episodes 1 --frames 16 --shards 1")
    os.remove("d/index.json")
    path = "d/train/shard-00000.h5"
    t.run(["data", "verify", path], says="sound")

    def changed(function, says="checksum"):
        with open(path, "rb") as file:
            before = file.read()
        t.edit(path, function)
        t.run(["data", "verify", path], exits=3, says=says)
        t.write(path, before)
    changed(lambda file: file["action"].write_direct(1 - np.minimum(file["action"][:], 1)))
    changed(lambda file: file["pixels"].write_direct(255 - file["pixels"][:]), "XXH3-64")
    changed(lambda file: file.attrs.__setitem__("action_alignment", np.bytes_("act[t]: obs[t-1]->obs[t]")))
    changed(lambda file: file["pixels_xxh3"].write_direct(file["pixels_xxh3"][:] + 1))
    changed(lambda file: (file["ep_len"].write_direct(np.array([15, 17], "i4")), file["ep_offset"].write_direct(np.array([0, 15]))))
    t.edit(path, lambda file: file.attrs.__delitem__("content_xxh3"))
    t.run(["data", "verify", path], says="sound")


CRASHES = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
int64_t H5Fopen(const char *path, unsigned flags, int64_t access) {
  if (strstr(path, "crash")) raise(SIGSEGV);
  if (strstr(path, "round")) for (volatile int turns = 0;; ++turns) {}
  return ((int64_t (*)(const char *, unsigned, int64_t))dlsym(RTLD_NEXT, "H5Fopen"))(path, flags, access);
}
"""


@case
def verifying_goes_on_behind_a_file_on_which_hdf5_crashes(t):
    t.write("crashes.c", CRASHES)
    if subprocess.run(["cc", "-shared", "-fPIC", "-o", "crashes.so", "crashes.c", "-ldl"], check=False).returncode != 0:
        raise Skipped("no C compiler")
    for name in ("a", "b-crash", "c", "d-round", "e-crash", "f", "g-crash"):
        t.shard(f"data/train/{name}.h5", seed=1)
    with open("data/train/f.h5", "r+b") as file:
        file.seek(os.path.getsize("data/train/f.h5") - 400)
        file.write(b"\xff" * 300)
    env = {**os.environ, "LD_PRELOAD": f"{t.folder}/crashes.so"}
    said = t.run("data verify data/train/*.h5 --json", exits=3, env=env).text
    found = json.loads(said[said.index("{"):])  # behind the progress
    t.is_([problem.split(":")[0] for problem in found["problems"]],
          [f"data/train/{name}.h5" for name in ("b-crash", "d-round", "e-crash", "f", "g-crash")], f"files with problems in {found}")
    t.is_((found["shards"], found["frames"]), (7, 320), "what was looked at, and read")
    t.run("data verify data/train/*.h5", exits=3, env=env, lacks="Files after",
          says=("b-crash.h5: HDF5 itself crashed", "d-round.h5: HDF5 itself came to no end", "DAMAGED: 7 shards"))
    t.run("data inspect data/train/b-crash.h5", exits=3, env=env, says="nextframe: data/train/b-crash.h5: HDF5 itself crashed")
