"""HDF5 files as other programs write them, and as faults and ill will leave them."""
import json
import os
import shutil
import struct
import subprocess
import sys
import time
import zlib

import h5py
import hdf5plugin
import numpy as np

from trial import CONFIG, case, frames

OLD = ("earliest", "v110")


def foreign(path, pixels, actions=None, lengths=(40, 40, 40, 40), libver=OLD, **storage):
    """A shard of foreign make whose pixels are stored as `storage` says."""
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("pixels", data=pixels, **storage)
        if actions is not None:
            file["action"] = actions
        file["ep_len"] = np.array(lengths, np.int32)
        file["ep_offset"] = np.cumsum([0] + list(lengths)[:-1]).astype(np.int64)


def set_column(path, name, values, **kind):
    with h5py.File(path, "a") as file:
        if name in file:
            del file[name]
        file.create_dataset(name, data=values, **kind)


def refused(t, path, says, lacks=()):
    """Each way to read a shard ends with 3 and the same reason."""
    t.run(["data", "verify", path], exits=3, says=says, lacks=lacks, timeout=20)
    t.run(["data", "inspect", path], exits=3, says=says, lacks=lacks, timeout=20)


def refused_together(t, says):
    """One `data verify` over all of them: {path: what must be said}."""
    os.makedirs("together", exist_ok=True)
    for path in says:
        os.replace(path, os.path.join("together", path))
    found = json.loads(t.run(["data", "verify", "--json", "together/*"], exits=3, timeout=60).text)
    for path, needed in says.items():
        problem = " ".join(line for line in found["problems"] if line.startswith("together/" + path + ":"))
        for text in (needed,) if isinstance(needed, str) else needed:
            t.is_(text in problem, True, f"{path} says '{text}', in '{problem[:300]}'")
        os.remove(os.path.join("together", path))


# ---- enums and booleans

@case
def an_enum_of_any_width_is_choices_with_names(t):
    t.good()
    for base in ("i1", "u2", "i4", ">i4", "i8"):
        kind = h5py.enum_dtype({"STAY": 0, "LEFT": 1, "RIGHT": 2}, basetype=base)
        for path, count in (("data/train/s0.h5", 160), ("data/validation/s0.h5", 40)):
            set_column(path, "action", np.full(count, 2, base), dtype=kind)
        shown = json.loads(t.run("data inspect data/train/s0.h5 --json").text)
        t.is_(shown["action_counts"], [0, 0, 160], "counts of an enum of " + base)
        t.is_(shown["action_names"], ["STAY", "LEFT", "RIGHT"], "names")
    t.run("data inspect data/train/s0.h5", says=["discrete 3", "RIGHT"])
    t.run("train run.yaml --run runs/a", says="finished")


@case
def an_enum_is_numbered_in_the_order_of_its_values(t):
    t.good()
    kind = h5py.enum_dtype({"FIRE": 7, "NOTHING": -1, "JUMP": 3}, basetype="i4")
    set_column("data/train/s0.h5", "action", np.array([7, -1, 3, 3] * 40, "i4"), dtype=kind)
    shown = json.loads(t.run("data inspect data/train/s0.h5 --json").text)
    t.is_(shown["action_names"], ["NOTHING", "JUMP", "FIRE"], "names")
    t.is_(shown["action_counts"], [40, 80, 40], "counts")


@case
def a_value_outside_its_enum_is_refused(t):
    t.good()
    kind = h5py.enum_dtype({"STAY": 0, "LEFT": 1}, basetype="i2")
    set_column("data/train/s0.h5", "action", np.full(160, 5, "i2"), dtype=kind)
    refused(t, "data/train/s0.h5", "holds 5 at element 0, which is no member of its enum")


@case
def boolean_actions_are_two_choices_and_rows_of_them_are_numbers(t):
    t.good()
    set_column("data/train/s0.h5", "action", np.arange(160) % 2 == 1)
    t.run("data inspect data/train/s0.h5", says=["discrete 2", "TRUE"])
    set_column("data/train/s0.h5", "action", np.ones((160, 3), bool))
    t.run("data inspect data/train/s0.h5", says="continuous 3")


@case
def an_enum_of_eight_bytes_fits_its_memory(t):
    count = 2_000_000
    kind = h5py.enum_dtype({"STAY": 0, "LEFT": 1, "RIGHT": 2}, basetype="i8")
    with h5py.File("big.h5", "w") as file:
        file.create_dataset("pixels", data=np.ones((count, 1, 1, 1), np.uint8), chunks=(100000, 1, 1, 1), compression="gzip")
        file.create_dataset("action", data=np.full(count, 2), dtype=kind, chunks=(100000,), compression="gzip")
        file["ep_len"], file["ep_offset"] = np.array([count]), np.array([0])
    t.run("data inspect big.h5", says="2  100.0 %  RIGHT")


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


# ---- types and shapes

@case
def pixels_that_are_not_bytes_are_refused_with_advice_in_every_layout(t):
    pixels, _ = frames(160, seed=1)
    bad = {}
    for values, says in ((np.full((160, 16, 16, 3), -56, np.int8), ["int8", "pixels.view(np.uint8)"]),
                         ((pixels / 255).astype("f4"), ["float32", "np.uint8"]),
                         (pixels.astype("u2"), ["uint16", "np.uint8"]), (pixels.astype(bool), ["bool", "* 255"]),
                         (pixels.transpose(0, 3, 1, 2), ["channels come last", "transpose(0, 2, 3, 1)"]),
                         (np.zeros((160, 16, 16, 4), "u1"), ["[..., :3]"]), (pixels[:, None], ["[160, 1, 16, 16, 3]"]),
                         (pixels.astype("c8"), ["compound"]), (np.zeros(160, "V7"), ["7 bytes"])):
        for chunk in (None, (8,) + values.shape[1:], (8,) + tuple(min(4, n) for n in values.shape[1:])):
            path = f"odd-{len(bad)}.h5"
            foreign(path, values, chunks=chunk)
            bad[path] = says
    refused_together(t, bad)


@case
def lengths_of_episodes_may_be_any_whole_numbers(t):
    t.good()
    lengths = np.full(4, 40)
    for values in (lengths[:, None].astype("i4"), lengths.astype("f4"), lengths.astype("f8"), lengths.astype("u8"),
                   lengths.astype(">i2"), lengths.astype("u1"), lengths.astype("f2")):
        set_column("data/train/s0.h5", "ep_len", values)
        t.run("data verify data/train/s0.h5", says="sound")
    bad = {}
    for values, says in ((lengths + 0.5, "not whole"), (lengths * np.nan, "not whole"), ((lengths + 1).astype("i4"), "164 frames in all"),
                         (np.array([200, -40, 0, 0]), "-40 frames"), (np.array([2**62, 2**62, 2**62, 2**62]), "frames"),
                         (np.full(4, 2**64 - 40, "u8"), "above 2^63"), (np.array([[40, 40], [40, 40]]), "[2, 2]"),
                         (np.array(160), "single value"), (np.array([b"40"] * 4), "text")):
        set_column("data/train/s0.h5", "ep_len", values)
        path = f"bad-{len(bad)}.h5"
        shutil.copy("data/train/s0.h5", path)
        bad[path] = says
    refused_together(t, bad)


@case
def minus_one_is_no_action_at_an_episodes_end_only(t):
    t.good()
    actions = h5py.File("data/train/s0.h5")["action"][:]
    actions[39::40] = -1
    set_column("data/train/s0.h5", "action", actions)
    t.run("data verify data/train/s0.h5", says="sound")
    t.run("train run.yaml --run runs/a", says="finished")
    actions[7] = -1
    set_column("data/train/s0.h5", "action", actions)
    refused(t, "data/train/s0.h5", ["negative integer -1 at frame 7"])
    t.run("train run.yaml --run runs/b", exits=3, says="at frame 7")


@case
def actions_by_another_name_are_read_or_told(t):
    t.good()
    for path in ("data/train/s0.h5", "data/validation/s0.h5"):
        t.edit(path, lambda file: file.move("action", "actions"))
    t.run("data inspect data/train/s0.h5", says="discrete 3")
    t.run("train run.yaml --run runs/a", says="finished")
    for name in ("Action", "act", "acton"):
        t.good()
        t.edit("data/train/s0.h5", lambda file: file.move("action", name))
        refused(t, "data/train/s0.h5", [f"named '{name}'", "rename it"])
    t.edit("data/train/s0.h5", lambda file: file.attrs.__setitem__("action_space", '{"type":"none"}'))
    t.run("data verify data/train/s0.h5", says="sound")
    t.good()
    t.edit("data/train/s0.h5", lambda file: file.copy("action", "actions"))
    refused(t, "data/train/s0.h5", "'action' and a column 'actions'")


@case
def inspecting_takes_a_screen(t):
    t.good()
    with h5py.File("data/train/s0.h5", "a") as file:
        file["action"][3] = 65535
        for i in range(100):
            file.attrs[f"note{i}"] = "x" * 2000
            file[f"column{i}"] = i
    shown = t.run("data inspect data/train/s0.h5", says=["discrete 65536", "most frequent"]).text
    t.is_(len(shown.splitlines()) <= 64 and max(map(len, shown.splitlines())) < 200, True, "on a screen")
    set_column("data/train/s0.h5", "action", np.zeros((160, 500), "f4"))
    t.is_(len(t.run("data inspect data/train/s0.h5", says="continuous 500").text.splitlines()) <= 64, True, "on a screen")


@case
def actions_of_other_types_and_shapes_are_named(t):
    bad = {}
    for values, says in ((np.zeros((160, 2, 2)), "float64 [160, 2, 2]"), (np.zeros((160, 0)), "[160, 0]"), (np.zeros(80, int), "[80] for 160 frames"),
                         (np.full(160, 2**64 - 1, "u8"), "above 2^63"), (np.zeros(160, "c8"), "compound"), (np.array([b"left"] * 160), "text"),
                         (np.array(["left"] * 160, h5py.string_dtype()), "text"), (h5py.Empty("i4"), "empty"), (np.full((160, 2), np.inf), "not finite"),
                         (np.full(160, 1 << 40), "at most 1048576")):
        path = f"odd-{len(bad)}.h5"
        t.shard(path, seed=1)
        set_column(path, "action", values)
        bad[path] = ["column 'action'", says]
    for name, make in (("lists", lambda file: file.create_dataset("action", (160,), h5py.vlen_dtype("i4"))),
                       ("a link to '/action'", lambda file: file.__setitem__("action", h5py.SoftLink("/action"))),
                       ("not a dataset", lambda file: file.create_group("action")), ("references", lambda file: file.create_dataset("action", (160,), h5py.ref_dtype))):
        path = f"odd-{len(bad)}.h5"
        t.shard(path, actions=False, seed=1)
        t.edit(path, make)
        bad[path] = ["column 'action'", name]
    refused_together(t, bad)


# ---- attributes

@case
def an_attribute_says_complete_as_python_would(t):
    pixels, actions = frames(160, seed=1)
    foreign("a.h5", pixels, actions, chunks=(8, 16, 16, 3), fletcher32=True, compression="gzip")

    def declare(complete, version="1.0"):
        with h5py.File("a.h5", "a") as file:
            file.attrs["format"], file.attrs["format_version"] = "nextframe", version
            file.attrs["action_space"] = json.dumps({"type": "discrete", "n": 3})
            file.attrs["complete"] = complete
    for complete in (True, 1, 1.0, np.uint8(1), np.array([1])):
        for version in ("1.0", 1.0, 1, np.bytes_("1.1")):
            declare(complete, version)
            t.run("data verify a.h5", says="sound")
    for complete, says in ((False, ["complete: false", "did not finish"]), (0, ["complete: 0", "did not finish"]),
                           ("yes", ["complete is 'yes'", "the number 1"]), (np.array([1, 1]), ["several", "the number 1"])):
        declare(complete)
        refused(t, "a.h5", says)
    for version in ("2.0", 2.0, "one"):
        declare(True, version)
        refused(t, "a.h5", ["format_version", "needed '1.0'"])


@case
def attributes_of_any_shape_do_no_harm(t):
    t.good()
    with h5py.File("data/train/s0.h5", "a") as file:
        file.attrs["format"] = np.arange(5)
        file.attrs["action_space"] = h5py.Empty("S10")
        file.attrs["fps"] = np.zeros((100, 10))
        file.attrs["pairs"] = np.zeros(2, [("a", "i4"), ("b", "f8")])
        file.attrs["names"] = ["a", "b"]
        file.attrs.create("lists", [np.arange(2), np.arange(3)], dtype=h5py.vlen_dtype(np.int64))
        file.attrs["reference"] = file["action"].ref
    t.run("data verify data/train/s0.h5", says="sound")
    t.run("data inspect data/train/s0.h5", says="several of")
    for space, says in (("{", "action_space"), ('{"type":"discrete","n":-1}', "-1 is not 1 to"), ("[1]", "action_space"),
                        ('{"type":"discrete","n":1000000000000}', "1000000000000"), ('{"type":"discrete","n":3,"names":["a"]}', "1 names for 3")):
        t.edit("data/train/s0.h5", lambda file: file.attrs.__setitem__("action_space", space))
        refused(t, "data/train/s0.h5", says)


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
    refused(t, "pipe.h5", "a pipe")
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
