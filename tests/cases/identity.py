"""What counts as the same data: content, never a name, a place or a time."""
import json
import os
import shutil

import h5py
import numpy as np
import xxhash

from trial import Failed, case

RUN = "--set schedule.kind=constant --run runs/a"


def record(path, count=120, value=10, episode=20):
    """An .npz whose frames all have one value."""
    np.savez(path, frames=np.full((count, 16, 16, 3), value, np.uint8), actions=np.arange(count) % 3,
             episode_ends=np.arange(count) % episode == episode - 1)


def imported(t, source="rec.npz", out="imp", more="", **expected):
    return t.run(f"data import {source} --out {out} --validation-episodes 1 --filter gzip {more}", **expected)


def first_pixel(path="imp/train/shard-00000.h5"):
    with h5py.File(path) as file:
        return int(file["pixels"][0, 0, 0, 0])


def uuid(path="imp/train/shard-00000.h5"):
    with h5py.File(path) as file:
        return file.attrs["dataset_uuid"]


def invert_frame(path, frame):
    with h5py.File(path, "a") as file:
        file["pixels"][frame] = 255 - file["pixels"][frame]


def first_steps(t):
    t.good()
    t.run(f"train run.yaml {RUN}")


@case
def a_source_that_changed_is_never_finished_already(t):
    record("rec.npz")
    imported(t)
    imported(t, says="finished already")
    record("rec.npz", 240, 99)
    imported(t, exits=3, says=("rec.npz: has changed since imp", "--replace", "--out"), lacks="finished")
    t.is_(first_pixel(), 10, "the shards that were there")
    imported(t, more="--replace", says="holds")
    t.is_(first_pixel(), 99, "the shards that replaced them")
    imported(t, says="finished already")


@case
def a_source_of_the_same_size_and_time_with_other_bytes_has_changed(t):
    record("rec.npz")
    imported(t)
    times = os.stat("rec.npz")
    record("rec.npz", value=11)
    t.is_(os.stat("rec.npz").st_size, times.st_size, "size")
    os.utime("rec.npz", ns=(times.st_atime_ns, times.st_mtime_ns))
    imported(t, exits=3, says="has changed since")


@case
def a_source_that_was_only_copied_or_touched_has_not_changed(t):
    record("rec.npz")
    imported(t)
    os.utime("rec.npz")
    imported(t, says="finished already")
    shutil.copy("rec.npz", "copy")
    os.replace("copy", "rec.npz")
    imported(t, says="finished already")


@case
def a_frame_that_changed_in_a_folder_of_pictures_is_noticed(t):
    from PIL import Image
    for episode in ("a", "b"):
        os.makedirs(f"frames/{episode}")
        for i in range(10):
            Image.fromarray(np.full((16, 16, 3), i, np.uint8)).save(f"frames/{episode}/{i:03}.png")
    imported(t, "frames")
    t.write("frames/.DS_Store", "left behind by a file manager")
    imported(t, "frames", says="finished already")
    imported(t, "frames", out="frames/imp", says="holds")
    imported(t, "frames", out="frames/imp", says="finished already")
    shutil.rmtree("frames/imp")
    Image.fromarray(np.full((16, 16, 3), 200, np.uint8)).save("frames/b/003.png")
    imported(t, "frames", exits=3, says="has changed since")
    imported(t, "frames", more="--replace", says="holds")
    shutil.rmtree("frames/b")
    os.makedirs("frames/c")
    imported(t, "frames", exits=3, says="has changed since")


@case
def an_import_from_before_sources_were_recorded_goes_by_time(t):
    record("rec.npz")
    imported(t)
    index = json.load(open("imp/index.json"))
    del index["source"]
    t.write("imp/index.json", json.dumps(index))
    imported(t, says="finished already")
    record("rec.npz", value=99)
    imported(t, exits=3, says="has changed since")


@case
def other_content_has_another_uuid_and_equal_content_the_same(t):
    record("rec.npz")
    imported(t)
    record("other/rec.npz" if os.makedirs("other") is None else "", value=99)
    shutil.copy("rec.npz", "again.npz")
    imported(t, "other/rec.npz", "imp2")
    imported(t, "again.npz", "imp3")
    if uuid() == uuid("imp2/train/shard-00000.h5"):
        raise Failed("two data sets have one uuid")
    t.is_(uuid("imp3/train/shard-00000.h5"), uuid(), "uuid of the same frames")


@case
def replace_takes_away_only_imports(t):
    record("rec.npz")
    os.makedirs("imp")
    t.shard("imp/mine.h5")
    imported(t, more="--replace", exits=3, says="mine.h5")
    os.remove("imp/mine.h5")
    t.write("imp/index.json", '{"version": 2, "shards": []}')
    imported(t, more="--replace", exits=3, says=("index.json", "another program", "nothing is overwritten"))
    t.is_(open("imp/index.json").read(), '{"version": 2, "shards": []}', "somebody's index.json")


@case
def a_run_does_not_go_on_over_other_frames(t):
    first_steps(t)
    invert_frame("data/train/s0.h5", 77)
    t.run(f"train run.yaml --set trainer.steps=40 {RUN}", exits=4,
          says=("s0.h5 has other frames (its episodes and actions are the same)", "--accept-new-data", "--fork"))
    invert_frame("data/train/s0.h5", 77)
    t.run(f"train run.yaml --set trainer.steps=40 {RUN}", says="finished at step 40")


@case
def other_frames_are_noticed_in_every_layout(t):
    for name, storage in (("contiguous", {"compression": None, "chunks": False}), ("plain", {"compression": None}),
                          ("tiles", {"chunks": (16, 4, 4, 3)}), ("shuffled", {"shuffle": True, "fletcher32": True})):
        t.good()
        if name == "contiguous":
            with h5py.File("data/train/s0.h5", "a") as file:
                pixels = file["pixels"][:]
                del file["pixels"]
                file["pixels"] = pixels
        else:
            t.shard("data/train/s0.h5", seed=1, **storage)
        t.run(f"train run.yaml --set schedule.kind=constant --run runs/{name}")
        invert_frame("data/train/s0.h5", 101)
        t.run(f"train run.yaml --set trainer.steps=30 --set schedule.kind=constant --run runs/{name}", exits=4,
              says="s0.h5 has other frames")


@case
def other_actions_and_other_episodes_are_named(t):
    first_steps(t)
    pixels, actions = t.shard("data/train/s0.h5", seed=1)
    with h5py.File("data/train/s0.h5", "a") as file:
        file["action"][5] = (actions[5] + 1) % 3
    t.run(f"train run.yaml --set trainer.steps=40 {RUN}", exits=4, says="s0.h5 has other actions, and the same frames")
    t.shard("data/train/s0.h5", (40, 40, 40, 20), seed=1)
    t.run(f"train run.yaml --set trainer.steps=40 {RUN}", exits=4,
          says="s0.h5 has 4 episodes, 140 frames, and had 4 episodes, 160 frames")
    os.rename("data/train/s0.h5", "s0.h5")
    t.shard("data/train/other.h5", seed=5)
    t.run(f"train run.yaml --set trainer.steps=40 {RUN}", exits=4,
          says=("s0.h5 (4 episodes, 160 frames) is not there any more", "new: other.h5"))


@case
def files_may_move_and_take_other_names(t):
    t.good()
    t.shard("data/train/s1.h5", (40, 40), seed=3)
    t.run("train run.yaml --set trainer.steps=40 --set schedule.kind=constant --run runs/whole")
    t.run(f"train run.yaml {RUN}")
    os.makedirs("elsewhere/blobs")
    shutil.copy("data/train/s0.h5", "elsewhere/blobs/x")  # in the other order of names, behind links
    shutil.copy("data/train/s1.h5", "elsewhere/blobs/y")
    os.symlink("blobs/x", "elsewhere/z.h5")
    os.symlink("blobs/y", "elsewhere/a.h5")
    os.utime("elsewhere/blobs/x", (1, 1))
    t.run(f"train run.yaml --set trainer.steps=40 {RUN} --set data.train=elsewhere/*.h5", says="finished at step 40")
    t.is_(t.digest("runs/a"), t.digest("runs/whole"), "digest")


@case
def data_that_grew_are_refused_without_a_word_of_the_user(t):
    first_steps(t)
    t.shard("data/train/s1.h5", (40, 40), seed=7)
    t.run(f"train run.yaml --set trainer.steps=40 {RUN}", exits=4,
          says=("new: s1.h5 (2 episodes, 80 frames)", "--accept-new-data"))
    os.remove("data/train/s1.h5")
    t.run(f"train run.yaml --set trainer.steps=40 {RUN}", says="finished at step 40")


@case
def data_that_grew_are_taken_with_a_flag_and_recorded(t):
    first_steps(t)
    t.shard("data/train/r.h5", (40, 40), seed=7)  # sorts before the shard that is known
    t.run(f"train run.yaml --set trainer.steps=40 {RUN} --accept-new-data",
          says=("from step 21 on the run draws from 2 shards", "new: r.h5 (2 episodes, 80 frames)", "finished at step 40"))
    manifest = json.load(open("runs/a/checkpoints/step_00000040/manifest.json"))
    t.is_([(s["from_slot"], s["num_shards"]) for s in manifest["data_segments"]], [(0, 1), (80, 2)], "segments")
    t.is_([line.split()[-1] for line in manifest["shards"]], ["s0.h5", "r.h5"], "shards in the order of joining")
    lines = [json.loads(line) for line in open("runs/a/metrics.jsonl")]
    t.is_([line.get("data_shards") for line in lines], [None] * 4 + [2] * 4, "data_shards in metrics.jsonl")
    # From here on it is a run like others: no flag, and the same bits however often it stops.
    t.run(f"train run.yaml --set trainer.steps=60 {RUN}", says="finished at step 60", lacks="draws from")
    whole = t.digest("runs/a")
    t.run("train run.yaml --set schedule.kind=constant --set data.train=data/train/s0.h5 --run runs/b")
    t.run("train run.yaml --set schedule.kind=constant --set trainer.steps=60 --run runs/b --accept-new-data")
    t.is_(t.digest("runs/b"), whole, "digest of the same growth in one go")


@case
def an_accepted_shard_is_remembered_when_the_run_is_killed_at_once(t):
    first_steps(t)
    t.shard("data/train/s1.h5", (40, 40), seed=7)
    t.write("runs/a/STOP", "")
    t.run(f"train run.yaml --set trainer.steps=40 {RUN} --accept-new-data", exits=75, says="from step 21 on")
    t.run(f"train run.yaml --set trainer.steps=40 {RUN}", says="finished at step 40")
    manifest = json.load(open("runs/a/checkpoints/step_00000040/manifest.json"))
    t.is_(manifest["data_segments"][-1]["from_slot"], 80, "where the new shard joined")


@case
def changed_shards_are_taken_with_the_flag_too(t):
    first_steps(t)
    t.shard("data/train/s0.h5", (40, 40, 40, 40, 40), seed=9)  # the same file, an episode longer
    t.run(f"train run.yaml --set trainer.steps=40 {RUN}", exits=4, says="s0.h5 has 5 episodes")
    t.run(f"train run.yaml --set trainer.steps=40 {RUN} --accept-new-data",
          says=("from step 21 on", "s0.h5 has 5 episodes, 200 frames, and had 4 episodes, 160 frames", "finished"))
    t.run(f"train run.yaml --set trainer.steps=50 {RUN}", says="finished at step 50")


def as_an_older_program_saved(path):
    """Turns a manifest into one from before shards were known by content: one hash of names, sizes and actions."""
    manifest = json.load(open(path))
    del manifest["shards"], manifest["data_segments"], manifest["checksum"]
    known = xxhash.xxh3_128()
    with h5py.File("data/train/s0.h5") as file:
        for text in ("s0.h5", "", "16x16x3", f"{file['ep_len'].size} episodes"):
            known.update(len(text).to_bytes(8, "little") + text.encode())
        known.update(file["ep_len"][:].astype(np.int64).tobytes() + file["action"][:].astype(np.int64).tobytes())
    manifest["dataset_fingerprint"] = known.hexdigest()
    text = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False)
    manifest["checksum"] = xxhash.xxh3_128_hexdigest(text)
    json.dump(manifest, open(path, "w"), ensure_ascii=False)


@case
def a_run_of_an_older_program_goes_on(t):
    first_steps(t)
    t.run("train run.yaml --set schedule.kind=constant --set trainer.steps=40 --run runs/b")
    for step in (10, 20):
        as_an_older_program_saved(f"runs/a/checkpoints/step_{step:08}/manifest.json")
    t.run(f"train run.yaml --set trainer.steps=40 {RUN}", says=("step_00000020 (step 20)", "finished at step 40"))
    t.is_(t.digest("runs/a"), t.digest("runs/b"), "digest")
    for step in (30, 40):
        as_an_older_program_saved(f"runs/a/checkpoints/step_{step:08}/manifest.json")
    os.rename("data/train/s0.h5", "data/train/other.h5")
    t.run(f"train run.yaml --set trainer.steps=60 {RUN}", exits=4, says=("names, sizes, episodes or actions", "--accept-new-data"))


@case
def a_fork_takes_any_data(t):
    first_steps(t)
    invert_frame("data/train/s0.h5", 1)
    t.run("train run.yaml --set schedule.kind=constant --fork runs/b", says="finished at step 20")


@case
def a_shard_with_other_frames_than_its_name_says_is_found_behind_links(t):
    record("rec.npz", value=7)
    imported(t)
    os.makedirs("hub/blobs")
    for split in ("train", "validation"):
        os.makedirs(f"hub/snap/{split}")
        shutil.copy(f"imp/{split}/shard-00000.h5", f"hub/blobs/{split}")
        os.symlink(f"../../blobs/{split}", f"hub/snap/{split}/shard-00000.h5")
    shutil.copy("imp/index.json", "hub/blobs/i")
    os.symlink("../blobs/i", "hub/snap/index.json")
    plain = t.run("data verify imp/train/*.h5").text
    t.is_(t.run("data verify hub/snap/train/*.h5").text.replace("hub/snap", "imp"), plain, "what verify says of links")
    shutil.copy("hub/blobs/validation", "hub/blobs/train")
    t.run("data verify hub/snap/train/*.h5", exits=3, says="but index.json says")


@case
def an_index_of_another_program_is_left_alone(t):
    t.good()
    for content in ('{"version": 2, "shards": [{"basename": "shard.00000.mds", "samples": 10}]}', "[1,2,3]", "7", "",
                    "\0\0", '{"format": "arrow"', '{"shards": 3}', "[" * 100000):
        t.write("data/index.json", content)
        t.run("data verify data/train/*.h5", lacks=("delete", "damaged"))
    os.remove("data/index.json")
    os.makedirs("data/train/index.json")  # a folder of that name
    os.mkfifo("data/index.json")
    t.run(f"train run.yaml {RUN}", says="finished", timeout=60)


@case
def an_index_of_ours_that_is_damaged_is_named(t):
    record("rec.npz")
    imported(t)
    whole = open("imp/index.json").read()
    for damaged in (whole[:len(whole) // 2], whole.replace('"bytes"', '"bites"')):
        t.write("imp/index.json", damaged)
        t.run("data verify imp/train/*.h5", exits=3, says=("index.json: is damaged", "copy it again"), lacks="delete")


@case
def validation_on_training_data_is_named_at_the_start(t):
    t.good()
    word = "data.validation is not held out: 1 of its"
    t.run("train run.yaml --set data.validation=data/train/*.h5 --run runs/a", says=(word, "(s0.h5)"))
    os.makedirs("elsewhere")
    shutil.copy("data/train/s0.h5", "elsewhere/copy.h5")
    t.run("train run.yaml --set data.validation=elsewhere/*.h5 --run runs/b", says=(word, "(copy.h5)"))
    t.run("train run.yaml --run runs/c", lacks="not held out")
    t.run("check run.yaml --set data.validation=elsewhere/*.h5", says=(word, "(copy.h5)"))
    notes = json.loads(t.run("check run.yaml --json --set data.validation=elsewhere/*.h5").text)["data_notes"]
    t.is_([note.startswith(word) for note in notes], [True], f"notes {notes}")
    t.run("check run.yaml", lacks="not held out")
    t.run("eval runs/c --data elsewhere/*.h5", says=("elsewhere/*.h5 is not held out: 1 of its", "(copy.h5)"))
    t.run("eval runs/c", lacks="not held out")


@case
def a_shard_that_is_reached_twice_counts_once(t):
    t.good()
    os.symlink("train", "data/latest")
    for glob in ("data/train/{s,s}*.h5", "data/train/{s0,s0}.h5", "{data,./data}/train/*.h5", "data/{train,validation/../train}/*.h5",
                 "{data/train,%s/data/train}/*.h5" % t.folder, "data/{train,latest}/*.h5", "data/{train/,train}/*.h5"):
        t.run(["check", "run.yaml", "--set", f"data.train={glob}"], says="data: 4 episodes", lacks="more than once")
        t.run(["data", "verify", glob], says="sound: 1 shards")


@case
def shards_that_hold_the_same_are_told(t):
    t.good()
    for name in ("s1.h5", "s2.h5"):
        shutil.copy("data/train/s0.h5", f"data/train/{name}")
    word = "2 of the 3 shards of data.train hold what one before holds (s1.h5, s2.h5), so their clips count more than once"
    t.run("check run.yaml", says=("data: 12 episodes", word))
    t.run("train run.yaml --run runs/a", says=(word, "finished"))
