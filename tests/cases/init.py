"""Starting from trained weights (--init): other data, more data, another action space, another size."""
import json
import os
import shutil

from trial import Failed, case


def source(t, run="runs/a", arguments=""):
    """A trained run on the good data."""
    t.good()
    t.run(f"train run.yaml {arguments} --run {run}")


def record(run):
    with open(f"{run}/init.json") as file:
        return json.load(file)


@case
def weights_of_a_run_are_taken_and_it_is_said_and_recorded(t):
    source(t)
    t.run("train run.yaml --init runs/a --run runs/b",
          says=("initial weights:", "runs/a/checkpoints/step_00000020", "step 20", "the optimizer starts anew",
                "finished"), lacks=("drawn anew", "not used"))
    kept = record("runs/b")
    t.is_((kept["step"], kept["weights"], kept["drawn"], kept["unused"]), (20, "parameters", [], []), "init.json")
    t.is_(kept["digest"] in t.run("checkpoint hash runs/a").text, True, "digest of the source")


@case
def the_first_checkpoint_holds_the_taken_weights_bit_by_bit(t):
    source(t)
    t.run("train run.yaml --init runs/a --run runs/b --set checkpoint.keep=9")
    tensors = {}
    for run, step in (("runs/a", 20), ("runs/b", 0)):
        with open(f"{run}/checkpoints/step_{step:08}/manifest.json") as file:
            manifest = json.load(file)
        tensors[run] = {tensor["name"]: [piece["chunk_hashes"] for piece in tensor["pieces"]]
                        for tensor in manifest["tensors"] if tensor["name"].startswith("parameters/")}
    t.is_(tensors["runs/b"], tensors["runs/a"], "hashes of the parameters")


@case
def another_action_space_draws_only_what_depends_on_it(t):
    source(t)
    t.edit("data/train/s0.h5", lambda f: f["action"].__setitem__(slice(0, 2), [5, 6]))
    t.run("train run.yaml --init runs/a --run runs/b",
          says=("initial weights:", "drawn anew:", "the source's is", "finished"))
    kept = record("runs/b")
    if not (0 < len(kept["drawn"]) < len(kept["taken"])):
        raise Failed(f"taken {kept['taken']}, drawn {kept['drawn']}")


@case
def another_size_of_frames_or_of_the_model_takes_what_fits(t):
    source(t)
    t.shard("data/train/s0.h5", height=32, width=32, seed=1)
    t.run("train run.yaml --set data.validation= --init runs/a --run runs/b", says=("initial weights:", "finished"))
    t.run("train run.yaml --set data.validation= model.layers=3 --init runs/a --run runs/c",
          says=("drawn anew", "finished"))
    t.run("train run.yaml --set data.validation= model.heads=4 --init runs/a --run runs/e",
          says=("model.heads: 2", "finished"))


@case
def more_data_and_other_settings_are_another_run_from_the_same_weights(t):
    source(t)
    t.shard("data/train/s1.h5", seed=7)
    t.run("train run.yaml --set optimizer.lr=0.0001 trainer.seed=5 --init runs/a --run runs/b",
          says=("initial weights:", "8 episodes", "finished"))


@case
def averaged_weights_are_taken_where_there_are_any(t):
    source(t, arguments="--set optimizer.ema_decay=0.9")
    t.run("train run.yaml --init runs/a --run runs/b", says=("averaged (EMA) weights", "finished"))
    t.is_(record("runs/b")["weights"], "ema", "weights")


@case
def one_checkpoint_may_be_the_source(t):
    source(t)
    t.run("train run.yaml --init runs/a/checkpoints/step_00000010 --run runs/b", says=("step 10", "finished"))
    t.is_(record("runs/b")["step"], 10, "step")


@case
def ranks_and_sharding_do_not_change_the_digest(t):
    source(t)
    t.edit("data/train/s0.h5", lambda f: f["action"].__setitem__(slice(0, 2), [5, 6]))  # some are drawn anew
    digests = set()
    for name, start in (("one", "train"), ("two", "launch -n 2 train")):
        t.run(f"{start} run.yaml --init runs/a --run runs/{name}", says="finished")
        digests.add(t.digest(f"runs/{name}"))
    for shard in ("optimizer", "gradients", "parameters"):
        t.run(f"launch -n 2 train run.yaml --set parallel.shard={shard} --init runs/a --run runs/{shard}",
              says="finished")
        digests.add(t.digest(f"runs/{shard}"))
    t.is_(len(digests), 1, f"number of digests in {digests}")


@case
def a_run_that_has_begun_needs_its_source_no_more(t):
    source(t)
    t.run("train run.yaml --init runs/a --run runs/whole", says="finished")
    # Asked to stop before its first step: what is saved is where it begins.
    os.makedirs("runs/b")
    t.write("runs/b/STOP", "")
    t.run("train run.yaml --init runs/a --run runs/b", exits=75, says="saved at step 0")
    shutil.rmtree("runs/a")
    t.run("train run.yaml --init runs/a --run runs/b", says=("continuing from", "finished"))
    t.is_(t.digest("runs/b"), t.digest("runs/whole"), "digest")


@case
def a_run_killed_before_its_first_checkpoint_still_begins_from_its_source(t):
    source(t)
    t.run("train run.yaml --init runs/a --run runs/b", says="finished")
    whole = t.digest("runs/b")
    shutil.rmtree("runs/b/checkpoints")
    os.makedirs("runs/b/checkpoints")
    t.run("train run.yaml --run runs/b", says=("initial weights:", "finished"))
    t.is_(t.digest("runs/b"), whole, "digest")
    shutil.rmtree("runs/b/checkpoints")
    os.makedirs("runs/b/checkpoints")
    shutil.rmtree("runs/a")
    t.run("train run.yaml --run runs/b", exits=4, says=("runs/a", "gone", "--fork"))


@case
def another_init_for_a_run_that_has_begun_is_refused(t):
    source(t)
    t.run("train run.yaml --init runs/a --run runs/b")
    t.run("train run.yaml --run runs/c")
    t.run("train run.yaml --init runs/c --run runs/b", exits=2, says=("runs/a", "runs/c", "--fork"))
    t.run("train run.yaml --init runs/a --run runs/c", exits=2, says=("without --init", "--fork"))
    t.run("train run.yaml --init runs/a --run runs/b", says="this run is finished")
    t.run("train run.yaml --run runs/b", says="this run is finished")
    t.run("train run.yaml --init runs/b --fork runs/d", says=("initial weights:", "finished"))


@case
def a_source_that_is_none_or_of_which_nothing_fits_is_told(t):
    source(t)
    os.makedirs("empty")
    t.write("file.pt", "x")
    for path in ("nowhere", "empty", "file.pt", "run.yaml"):
        t.run(f"train run.yaml --init {path} --run runs/b", exits=4, says=path)
    t.write("other.yaml", open("run.yaml").read().replace(
        "{name: space_time_transformer, dim: 32, layers: 2, heads: 2, patch_px: 8}", "{name: conv_recurrent}"))
    t.run("train other.yaml --init runs/a --run runs/b", exits=4, says="none of the")
    t.run("launch -n 2 train run.yaml --init nowhere --run runs/b", exits=4, says="nowhere", lacks="restart")
    t.is_(os.path.exists("runs/b/resolved.yaml"), False, "a run's folder")


@case
def damaged_weights_are_not_taken(t):
    source(t, arguments="--set checkpoint.every_steps=20")
    checkpoint = "runs/a/checkpoints/step_00000020"
    part = [name for name in os.listdir(checkpoint) if name != "manifest.json"][0]
    with open(f"{checkpoint}/{part}", "r+b") as file:
        for place in range(0, os.path.getsize(file.name) - 16, 1024):  # every tensor
            file.seek(place)
            file.write(b"\xff" * 16)
    t.run(f"train run.yaml --init {checkpoint} --run runs/b", exits=4, says=("runs/a", "checksum"))
    t.run("train run.yaml --init runs/a --run runs/c", exits=4, says="runs/a")


@case
def the_help_says_what_init_does(t):
    t.run("train --help", says=("--init", "same name"))
