"""What columns and attributes of HDF5 files hold: enums, booleans, odd types and shapes."""
import json
import shutil

import h5py
import numpy as np

from foreign_shards import foreign, refused, refused_together, set_column
from trial import case, frames


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
def boolean_actions_are_two_choices_and_rows_of_them_are_buttons(t):
    t.good()
    set_column("data/train/s0.h5", "action", np.arange(160) % 2 == 1)
    t.run("data inspect data/train/s0.h5", says=["discrete 2", "TRUE"])
    set_column("data/train/s0.h5", "action", np.ones((160, 3), bool))
    t.run("data inspect data/train/s0.h5", says=("multi_binary 3", "100.0 %"))


@case
def an_enum_of_eight_bytes_fits_its_memory(t):
    count = 2_000_000
    kind = h5py.enum_dtype({"STAY": 0, "LEFT": 1, "RIGHT": 2}, basetype="i8")
    with h5py.File("big.h5", "w") as file:
        file.create_dataset("pixels", data=np.ones((count, 1, 1, 1), np.uint8), chunks=(100000, 1, 1, 1), compression="gzip")
        file.create_dataset("action", data=np.full(count, 2), dtype=kind, chunks=(100000,), compression="gzip")
        file["ep_len"], file["ep_offset"] = np.array([count]), np.array([0])
    t.run("data inspect big.h5", says="2  100.0 %  RIGHT")


# ---- types and shapes

@case
def pixels_that_are_not_bytes_are_refused_with_advice_in_every_layout(t):
    pixels, _ = frames(160, seed=1)
    bad = {}
    for values, says in ((np.full((160, 16, 16, 3), -56, np.int8), ["int8", "pixels.view(np.uint8)"]),
                         ((pixels / 255).astype("f4"), ["float32", "np.uint8"]),
                         (pixels.astype("u2"), ["uint16", "np.uint8"]), (pixels.astype(bool), ["bool", "* 255"]),
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
