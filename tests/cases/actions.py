"""Actions of every kind, from a shard to a trained model: numbers in any unit, buttons, choices."""
import json
import shutil

import h5py
import numpy as np
from trial import Failed, case

NAMES = json.dumps({"type": "continuous", "dim": 2, "names": ["dx", "idle"]})


def numbers(t, path, lengths=(40, 40, 40, 40), seed=1, unit=1.0, offset=0.0):
    """The square moves by its first number, scaled to -1 .. 1 before `unit` and `offset`; the second is constant."""
    _, taken = t.shard(path, lengths, seed=seed)

    def exchange(file):
        del file["action"]
        rows = np.stack([(taken - 1.0) * unit + offset, np.full(len(taken), offset)], 1)
        file["action"] = rows.astype(np.float32)
        file.attrs["action_space"] = NAMES

    t.edit(path, exchange)


def both(t, folder="data", **options):
    numbers(t, f"{folder}/train/s0.h5", **options)
    numbers(t, f"{folder}/validation/s0.h5", (20, 20), seed=2, **options)


def losses(run):
    with open(f"{run}/metrics.jsonl") as file:
        return np.array([json.loads(line)["loss"] for line in file])


def manifest(run, step):
    with open(f"{run}/checkpoints/step_{step:08}/manifest.json") as file:
        return json.load(file)


def one_step_error(t, run, arguments=""):
    t.run(f"eval {run} --out reports {arguments}")
    with open("reports/report.json") as file:
        found = json.load(file)
    return found["suites"]["quality"]["one_step"]["mse"]["value"]


@case
def the_unit_of_the_actions_does_not_matter(t):
    both(t)
    t.run("train run.yaml --run runs/a", says=("standardised", "dx (x - 0) / 1", "column 1 ('idle')", "is always 0"))
    both(t, unit=55, offset=300)
    t.run("train run.yaml --run runs/b", says=("standardised", "dx (x - 300) / 55", "is always 300"))
    if not np.allclose(losses("runs/a"), losses("runs/b"), rtol=1e-4):
        raise Failed(f"other losses: {losses('runs/a')} and {losses('runs/b')}")
    t.run("train run.yaml --run runs/c --set data.normalize_actions=false", says="as they are stored")
    if np.allclose(losses("runs/b"), losses("runs/c"), rtol=1e-2):
        raise Failed("the switch changes nothing")
    t.is_(manifest("runs/b", 20)["action_scale"], {"centre": [300, 300], "scale": [55, 1]}, "what is recorded")
    t.is_("action_scale" in manifest("runs/c", 20), False, "a scale of actions that are not standardised")


@case
def a_model_is_evaluated_by_the_scale_of_its_own_training_set(t):
    both(t, unit=55, offset=300)
    t.run("train run.yaml --run runs/a --set trainer.steps=60")
    right = one_step_error(t, "runs/a")
    numbers(t, "data/train/s0.h5", unit=0.01)  # gone, or of another unit: that is not asked again
    t.is_(one_step_error(t, "runs/a"), right, "one-step error")
    t.run("train run.yaml --run runs/a --set trainer.steps=60", exits=4)
    numbers(t, "data/validation/s0.h5", (20, 20), seed=2, unit=550, offset=300)
    t.run("eval runs/a --out reports", says=("column 0 ('dx')", "beyond -5 to 5", "unit of the training set"))
    t.run("rollout runs/a --out dream.png --context 4 --frames 4", says="beyond -5 to 5")


@case
def a_run_goes_on_with_the_scale_that_it_began_with(t):
    both(t)
    t.run("train run.yaml --run runs/a", says="dx (x - 0) / 1")
    numbers(t, "data/train/s1.h5", seed=5, unit=3, offset=0)
    shutil.rmtree("runs/a/checkpoints/step_00000020")
    t.run("train run.yaml --run runs/a --accept-new-data", says=("dx (x - 0) / 1", "continuing"))
    t.is_(manifest("runs/a", 20)["action_scale"]["scale"], [1, 1], "the scale after it went on")
    t.run("train run.yaml --run runs/b", says="dx (x - 0) / 3")


@case
def a_checkpoint_without_a_scale_takes_actions_as_they_are(t):
    both(t, unit=2)
    t.run("train run.yaml --run runs/a --set data.normalize_actions=false", says="as they are stored")
    t.run("train run.yaml --run runs/b")
    if one_step_error(t, "runs/a") == one_step_error(t, "runs/b"):
        raise Failed("a scale makes no difference")
    with open("runs/a/resolved.yaml") as file:
        resolved = file.read()
    # As an older program wrote it: no such key.
    t.write("runs/a/resolved.yaml", "\n".join(line for line in resolved.split("\n") if "normalize_actions" not in line))
    shutil.rmtree("runs/a/checkpoints/step_00000020")
    t.run("train run.yaml --run runs/a", says=("continuing", "as they are stored"))
    t.run("train run.yaml --run runs/c --set data.normalize_actions=false")
    t.is_(t.digest("runs/a"), t.digest("runs/c"), "digest of the run that was continued")


@case
def held_out_actions_of_another_unit_are_told_before_the_first_step(t):
    both(t)
    numbers(t, "data/validation/s0.h5", (20, 20), seed=2, unit=512)
    told = ("data.validation: column 0 ('dx') of the actions goes from -512 to 512", "beyond -5 to 5",
            "data.train: column 1 ('idle') of the actions is always 0")
    t.run("check run.yaml", says=told)
    notes = json.loads(t.run("check run.yaml --json").text)["data_notes"]
    t.is_(sum("beyond -5 to 5" in note for note in notes), 1, "notes of it")
    t.run("train run.yaml --run runs/a", says=told, lacks="data.validation: column 1")
    t.run("check run.yaml --set data.normalize_actions=false", says=told)


@case
def inspect_tells_how_numbers_would_be_standardised(t):
    numbers(t, "data/train/s0.h5", unit=4, offset=-3)
    t.run("data inspect data/train/s0.h5", says=("continuous 2", "dx (x + 3) / 4", "column 1 ('idle')", "always -3"))
    found = json.loads(t.run("data inspect --json data/train/s0.h5").text)
    t.is_((found["action_centre"], found["action_scale"]), ([-3, -3], [4, 1]), "centre and scale")


@case
def verify_proves_a_run_with_standardised_actions(t):
    both(t, unit=55, offset=300)
    t.run("verify run.yaml --ranks 1,2", says="gradients are synchronised", timeout=300)


# Several buttons at once.


def buttons(t, path, lengths=(40, 40, 40, 40), seed=1):
    """The square moves by the number of the buttons `slow` (1) and `fast` (2) that are held; `fire` does nothing."""
    _, taken = t.shard(path, lengths, seed=seed)
    fire = np.random.default_rng(seed).integers(0, 2, len(taken))
    rows = np.stack([taken == 1, taken == 2, fire == 1], 1)

    def exchange(file):
        del file["action"]
        file["action"] = rows
        file.attrs["action_space"] = json.dumps({"type": "multi_binary", "n": 3, "names": ["slow", "fast", "fire"]})

    t.edit(path, exchange)
    return rows


@case
def buttons_are_trained_on_evaluated_and_shown(t):
    rows = buttons(t, "data/train/s0.h5")
    buttons(t, "data/validation/s0.h5", (20, 20), seed=2)
    t.run("data inspect data/train/s0.h5", says=("multi_binary 3", f"{100 * rows[:, 0].mean():.1f} %  slow"))
    t.run("data show data/train/*.h5", says="slow")
    t.run("check run.yaml", lacks="standardised")
    t.run("train run.yaml --run runs/a", lacks="standardised", says="finished")
    t.run("eval runs/a --out reports --suite control")
    with open("reports/report.json") as file:
        t.is_("shuffle_ratio" in json.load(file)["suites"]["control"], True, "a shuffle ratio")
    t.run("rollout runs/a --out dream.png --context 4 --frames 4")


@case
def a_button_of_another_value_is_refused_by_its_row(t):
    rows = buttons(t, "data/train/s0.h5").astype(np.float32)
    rows[7, 2] = 2

    def exchange(file):
        del file["action"]
        file["action"] = rows

    t.edit("data/train/s0.h5", exchange)
    t.run("check run.yaml --set data.validation=", exits=3, says=("s0.h5", "holds 2 at frame 7, button 2"))


@case
def held_out_buttons_of_a_set_of_numbers_are_refused(t):
    buttons(t, "data/train/s0.h5")
    numbers(t, "data/validation/s0.h5", (20, 20), seed=2)
    t.edit("data/validation/s0.h5", lambda f: (f.pop("action"), f.attrs.pop("action_space"),
                                               f.create_dataset("action", data=np.zeros((40, 3), np.float32))))
    t.run("check run.yaml", exits=3, says=("actions of numbers", "buttons"))


@case
def boolean_rows_of_an_npz_are_buttons(t):
    rows = np.random.default_rng(0).integers(0, 2, (40, 4)).astype(bool)
    np.savez("rec.npz", frames=np.zeros((40, 16, 16, 3), np.uint8), actions=rows, episode_ends=np.arange(40) % 20 == 19)
    t.run("data import rec.npz --out out", says="4 buttons, from array 'actions'")
    with h5py.File("out/train/shard-00000.h5") as file:
        t.is_(json.loads(file.attrs["action_space"]), {"type": "multi_binary", "n": 4}, "action_space")
        t.is_(file["action"][:].tolist(), rows.astype(int).tolist(), "buttons")


# Choices by name.


@case
def held_out_choices_of_other_names_are_refused(t):
    t.good()
    for path, names in (("data/train/s0.h5", ["noop", "left", "right"]), ("data/validation/s0.h5", ["left", "noop", "right"])):
        space = json.dumps({"type": "discrete", "n": 3, "names": names})
        t.edit(path, lambda f, space=space: f.attrs.__setitem__("action_space", space))
    t.run("check run.yaml", exits=3, says=("left, noop, right", "noop, left, right", "number them alike"))
    t.edit("data/validation/s0.h5", lambda f: f.attrs.pop("action_space"))
    t.run("check run.yaml")
