"""The folder of checkpoints is a person's, too: what is not ours is neither listed, resumed from nor removed."""
import json
import os
import shutil

import xxhash

from trial import case

ON = "--set schedule.kind=constant --set checkpoint.every_steps=5"


def train(t, last, more="", **wanted):
    return t.run(f"train run.yaml {ON} --set trainer.steps={last} --run k {more}", **wanted)


def names():
    return sorted(os.listdir("k/checkpoints"))


@case
def copies_and_notes_are_left_alone(t):
    t.good()
    train(t, 10)
    theirs = ["step_00000005_best", "step_00000010 (copy)", "step_00000005.tmp", "step_5", "best.trash"]
    for name in theirs:
        shutil.copytree("k/checkpoints/step_00000005", f"k/checkpoints/{name}")
    t.write("k/checkpoints/notes.tmp/a.txt", "mine")
    t.write("k/checkpoints/.DS_Store", "x")
    theirs += ["notes.tmp", ".DS_Store"]
    train(t, 40, says="continuing from k/checkpoints/step_00000010 ")
    t.is_(names(), sorted(theirs + [f"step_{step:08d}" for step in (30, 35, 40)]), "what is there")
    listed = json.loads(t.run("checkpoint list k --json").text)
    t.is_([row["step"] for row in listed], [30, 35, 40], "steps listed")
    t.run("checkpoint prune k --keep 2", says="removed step_00000030")
    t.is_(names(), sorted(theirs + ["step_00000035", "step_00000040"]), "what is there")
    t.run("checkpoint hash k/checkpoints/step_00000005_best")  # a copy is a checkpoint where it is named


@case
def a_renamed_checkpoint_is_not_the_step_of_its_name(t):
    t.good()
    train(t, 10)
    shutil.copytree("k/checkpoints/step_00000005", "k/checkpoints/step_00000099")
    train(t, 15, says=("holds step 5, so it was copied or renamed", "continuing from k/checkpoints/step_00000010 "))
    train(t, 30)
    t.is_([name for name in names() if name[-1] == "9"], ["step_00000099"], "the copy")


@case
def steps_are_compared_as_numbers(t):
    t.good()
    train(t, 10)
    # What a run of that length would have left: names of more than eight digits, one of them broken.
    for name in ("step_100000000", "step_99999999"):
        os.makedirs(f"k/checkpoints/{name}")
    said = train(t, 12).text.split("passing over")
    t.is_(["step_100000000" in said[1], "step_99999999" in said[2]], [True, True], "the order in which they are tried")


@case
def a_pinned_checkpoint_is_never_pruned(t):
    t.good()
    train(t, 10)
    t.run("checkpoint pin k 5", says="pinned")
    t.run("checkpoint pin k 5", says="pinned")
    t.run("checkpoint pin k 7", exits=4, says="no checkpoint of step 7; there are 5, 10")
    t.run("checkpoint pin nowhere 5", exits=4, says="no such run")
    train(t, 40)
    t.is_(names(), [f"step_{step:08d}" for step in (5, 30, 35, 40)], "checkpoints")
    t.run("checkpoint list k", says="  pinned")
    t.run("checkpoint verify k", lacks="BROKEN")
    t.run("checkpoint prune k", says="removed step_00000030", lacks="removed step_00000005")
    t.run("checkpoint unpin k 5")
    t.run("checkpoint prune k", says="removed step_00000005")


@case
def the_best_by_validation_error_are_kept(t):
    t.good()
    train(t, 40, "--set checkpoint.keep=2 --set checkpoint.keep_best=2 --set evaluate.every_steps=5")
    error = {}
    for name in os.listdir("k/eval"):
        with open(f"k/eval/{name}/report.json") as file:
            error[name] = json.load(file)["suites"]["quality"]["one_step"]["mse"]["value"]
    t.is_(len(error), 8, "evaluations")
    older = sorted(error, key=error.get)
    t.is_(older[0] in names(), True, f"the best one, {older[0]}, is among {names()}")
    t.is_(set(names()) >= {"step_00000035", "step_00000040"}, True, "the newest are there")
    t.is_(len(names()) <= 4, True, f"no more than are wanted: {names()}")
    t.run(f"check run.yaml --set checkpoint.keep_best=1", exits=2, says="needs evaluate.every_steps")


@case
def what_an_interrupted_save_left_is_removed_by_the_next_start(t):
    t.good()
    train(t, 10)
    os.makedirs("k/checkpoints/step_00000015.nextframe.tmp")
    os.rename("k/checkpoints/step_00000005", "k/checkpoints/step_00000005.nextframe.replaced")
    train(t, 11)
    t.is_(names(), [f"step_{step:08d}" for step in (5, 10, 11)], "checkpoints")


def altered(path, change):
    """Changes a manifest and gives it the checksum of what it says now."""
    with open(path) as file:
        manifest = json.load(file)
    change(manifest)
    del manifest["checksum"]
    text = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False)
    manifest["checksum"] = xxhash.xxh3_128_hexdigest(text)
    with open(path, "w") as file:
        json.dump(manifest, file, ensure_ascii=False)


@case
def a_manifest_whose_parts_contradict_each_other_is_named(t):
    t.good()
    train(t, 10)
    path = "k/checkpoints/step_00000010/manifest.json"
    sound = t.read(path)
    altered(path, lambda manifest: None)
    t.run("checkpoint hash k/checkpoints/step_00000010")  # the checksum is computed as it should be

    def share_bytes(manifest):
        first, second = (tensor["pieces"][0] for tensor in manifest["tensors"][:2])
        shorter, longer = sorted((first, second), key=lambda piece: piece["num_elements"])
        shorter["file_offset"] = longer["file_offset"] + 4 * (longer["num_elements"] - 1)
        if longer["num_elements"] == shorter["num_elements"] == 1:
            shorter["file_offset"] = longer["file_offset"]
        manifest["file_bytes"] = {name: 1 << 40 for name in manifest["file_bytes"]}

    def repeat(manifest):
        manifest["tensors"][1]["name"] = manifest["tensors"][0]["name"]

    def leave_out(manifest):
        manifest["tensors"][0]["pieces"] = []

    def point_outside(manifest):
        manifest["tensors"][0]["pieces"][0]["file_offset"] = 1 << 50

    for change, says in ((share_bytes, "two pieces have the same bytes of rank-00000.bin"), (repeat, "does not come after"),
                         (leave_out, "is incomplete"), (point_outside, "do not fit together"),
                         (lambda manifest: manifest["tensors"][0]["pieces"][0]["chunk_hashes"].append("0" * 32), "do not fit together"),
                         (lambda manifest: manifest.__setitem__("digest", "0" * 32), "the digest does not match")):
        t.write(path, sound)
        altered(path, change)
        for command in ("checkpoint hash k/checkpoints/step_00000010", "eval k/checkpoints/step_00000010 --out e"):
            t.run(command, exits=4, says=("step_00000010/manifest.json: ", says))
        t.run("checkpoint verify k", exits=4, says=says)
    train(t, 12, says=("passing over a broken checkpoint", "continuing from k/checkpoints/step_00000005 "))


@case
def a_link_to_nowhere_in_the_place_of_a_step_stops_no_save(t):
    t.good()
    train(t, 10)
    os.symlink("nowhere", "k/checkpoints/step_00000015")
    train(t, 15, says="finished at step 15")
    t.is_(names(), [f"step_{step:08d}" for step in (5, 10, 15)], "checkpoints")
    t.run("checkpoint verify k", lacks="BROKEN")


@case
def a_run_whose_checkpoints_are_all_broken_says_so(t):
    t.good()
    train(t, 10)
    for name in names():
        with open(f"k/checkpoints/{name}/rank-00000.bin", "r+b") as file:
            file.truncate(100)
    train(t, 12, exits=4, says=("none of the 2 checkpoints", "has 100 bytes"))
    t.is_(names(), ["step_00000005", "step_00000010"], "checkpoints")
