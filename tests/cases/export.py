"""`export`: the plain PyTorch file beside the weights predicts what the program predicts."""
import importlib.util
import json
import os
import shutil

import h5py
import numpy as np

from torch_here import torch
from trial import Failed, case

COMMON = """\
data: {train: data/train/*.h5, validation: data/validation/*.h5, clip_frames: 6}
optimizer: {lr: LR, ema_decay: 0.5}
schedule: {kind: constant, warmup_steps: 0}
trainer: {steps: 3, global_batch: 4, grains: 1, precision: fp32}
checkpoint: {every_steps: 3}
evaluate: {every_steps: 0, episodes: 2, context_frames: 5, horizon_frames: 6, denoise_steps: 2}
"""
TRANSFORMER = "model: {name: space_time_transformer, dim: 16, layers: 2, heads: 2, patch_px: 8, halo_px: 2, MORE}\n"
TOKENIZER = "tokenizer: {name: NAME, dim: 16, layers: 2, heads: 2, patch_px: 4, MORE}\n"
REGRESS = "objective: {name: regress}\n"
MOST = 1e-5  # of frames in [0, 1]


def transformer(more, objective=REGRESS):
    return TRANSFORMER.replace("MORE", more) + objective


def tokenizer(name, more):
    return TOKENIZER.replace("NAME", name).replace("MORE", more)


def on_codes(objective, more="registers: 1"):
    return transformer(more, f"objective: {objective}\ntokenizer: {{name: trained, from: tokenizer.yaml}}\n")


def exported(t, sections, first=None, rollout="", lr=0.03):
    """Trains, exports and rolls out. Returns the folder of the export, and the arrays of the rollout."""
    folder, common = f"run{len(os.listdir('.'))}", COMMON.replace("LR", str(lr))
    if first:  # the config of a tokenizer, which is trained before
        t.write("tokenizer.yaml", common + first)
        shutil.rmtree("runs", ignore_errors=True)
    t.write("model.yaml", common + sections)
    t.run(f"train model.yaml --run {folder}", says="finished at step 3")
    t.run(f"export {folder} --out {folder}/out", says="model.safetensors", lacks="does not cover")
    t.run(f"rollout {folder} --context 8 --frames 7 --out {folder}/dream.npz {rollout}", says="dream.npz")
    with np.load(f"{folder}/dream.npz") as arrays:
        return f"{folder}/out", dict(arrays)


def loader(folder):
    """The file as it was exported, as a module."""
    spec = importlib.util.spec_from_file_location("nextframe_model", f"{folder}/nextframe_model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def difference(found, wanted):
    if tuple(found.shape) != wanted.shape:
        raise Failed(f"frames {tuple(found.shape)} are not {wanted.shape}")
    return float(np.abs(found.numpy() - wanted).max())


def dreamed(model, arrays, **options):
    """As far as the episodes go; zeros after that."""
    frames = model.rollout(arrays["context"], arrays["actions"], episodes=arrays["episodes"].tolist(), **options)
    is_there = torch.arange(frames.shape[1]) < torch.from_numpy(arrays["num_frames"])[:, None]
    return frames * is_there[:, :, None, None, None]


def agrees(t, folder, arrays, **options):
    """The rollout in Python is the program's, and not a copy of the last frame. Returns the model."""
    model = loader(folder).load(folder)
    t.is_(difference(dreamed(model, arrays, **options), arrays["frames"]) < MOST, True, "the same dream as the program's")
    copied = np.broadcast_to(arrays["context"][:, -1:] / 255.0, arrays["frames"].shape)
    moved = float(np.abs(arrays["frames"] - copied).max())
    t.is_(moved > 0.01, True, f"a dream that moves, by {moved}")
    return model


def every_weight_counts(t, folder, arrays, but=()):
    """A rollout differs once any one tensor is wrong."""
    module = loader(folder)
    with open(f"{folder}/config.json") as file:
        config = json.load(file)
    weights = module.read_safetensors(f"{folder}/model.safetensors")
    for name, right in weights.items():
        if name.endswith(but):
            continue
        wrong = right + 0.1 * torch.randn(right.shape, generator=torch.Generator().manual_seed(0))
        found = dreamed(module.Model({**weights, name: wrong}, config), arrays)
        t.is_(difference(found, arrays["frames"]) > MOST, True, f"a rollout with a wrong {name} differs")


@case
def a_transformer_on_pixels_predicts_the_same_in_python(t):
    t.good()
    t.shard("data/validation/s0.h5", (20, 12), seed=2)
    for more in ("attention: factorised, registers: 2, temporal_every: 1", "attention: frame_causal, differences: false, window_frames: 3, head_halo_px: 1"):
        folder, arrays = exported(t, transformer(more))
        agrees(t, folder, arrays)
        every_weight_counts(t, folder, arrays)
        t.is_(arrays["num_frames"].tolist(), [7, 4], "frames up to the end of the episodes")


@case
def a_perceptron_and_a_grid_of_cells_do_so_too_with_actions_that_are_numbers(t):
    t.good()
    for path in ("data/train/s0.h5", "data/validation/s0.h5"):
        def as_numbers(file):
            choices = file["action"][:]
            del file["action"]
            file["action"] = np.stack([300 + 40.0 * choices, 0.001 * choices], 1).astype(np.float32)
            file.attrs["action_space"] = '{"type": "continuous", "dim": 2, "names": ["pressure", "steer"]}'
        t.edit(path, as_numbers)
    for model, lr in (("{name: frame_mlp, dim: 16}", 0.001), ("{name: conv_recurrent, dim: 8, patch_px: 4, halo_px: 1}", 0.03)):
        folder, arrays = exported(t, f"model: {model}\n{REGRESS}", lr=lr)
        agrees(t, folder, arrays)
        every_weight_counts(t, folder, arrays)
        with h5py.File("data/validation/s0.h5") as file:
            t.is_(np.abs(arrays["actions"][0] - file["action"][:14]).max() < 1e-4, True, "actions as the data have them")
        with open(f"{folder}/config.json") as file:
            t.is_(json.load(file)["actions"]["names"], ["pressure", "steer"], "names of the actions")
        t.is_("pressure, steer" in t.read(f"{folder}/README.md"), True, "their names on the card")


@case
def a_model_on_latents_does_so_too(t):
    t.good()
    latents = transformer("registers: 1", REGRESS + "tokenizer: {name: trained, from: tokenizer.yaml, pack: 2}\n")
    folder, arrays = exported(t, latents, first=tokenizer("masked_autoencoder", "width: 4, merge: 2"))
    model = agrees(t, folder, arrays)
    every_weight_counts(t, folder, arrays, but=("hidden_patch",))
    t.is_(difference(model.reconstruct(arrays["truth"]), arrays["frames"]) > MOST, True, "a dream is no reconstruction")


@case
def sampled_codes_are_the_same_with_the_programs_random_numbers(t):
    t.good()
    folder, arrays = exported(t, on_codes("{name: maskgit}"), first=tokenizer("fsq", "digits: [4, 3], continuous_steps: 1"))
    agrees(t, folder, arrays)
    folder, arrays = exported(t, on_codes("{name: autoregressive}", "attention: token_causal, registers: 1"),
                              first=tokenizer("vq", "codes: 12, width: 4, merge: 2"))
    agrees(t, folder, arrays)


@case
def a_tokenizer_reconstructs_the_same(t):
    t.good()
    for sections in (tokenizer("fsq", "digits: [4, 3], continuous_steps: 1"), tokenizer("vq", "codes: 12, width: 4, merge: 2")):
        folder, arrays = exported(t, sections)
        model = loader(folder).load(folder)
        t.is_(arrays["truth"].shape, (2, 7, 16, 16, 3), "frames of the truth")
        t.is_(difference(model.reconstruct(arrays["truth"]), arrays["frames"]) < MOST, True, "the same reconstruction")
        t.is_(float(np.ptp(arrays["frames"])) > 0.05, True, "a reconstruction that shows something")


@case
def denoised_frames_are_the_same_with_guidance_and_latent_actions(t):
    t.good()
    flow = "objective: {name: flow, change_scale: 0.2, context_level: 0.9, clean_frames: 0.2}\nactions: {dropout: 0.2}\n"
    folder, arrays = exported(t, transformer("registers: 1", flow), rollout="--guidance 1.5 --steps 3")
    agrees(t, folder, arrays, guidance=1.5, steps=3)
    shortcut = "objective: {name: shortcut, levels: 8, bootstrap_start: 1, self_fraction: 0.5}\nactions: {from: tokenizer.yaml}\n"
    folder, arrays = exported(t, transformer("registers: 1", shortcut), first=tokenizer("latent_actions", "digits: [2, 2]"))
    model = agrees(t, folder, arrays)
    told = model.infer_actions(np.concatenate([arrays["context"], arrays["truth"]], 1))
    t.is_(bool((told[:, :14] == torch.from_numpy(arrays["actions"])).all()), True, "latent actions from the frames")


@case
def single_steps_the_card_and_stored_dreams_have_the_figures_of_eval(t):
    t.good()
    folder, arrays = exported(t, transformer("registers: 1"))
    run = os.path.dirname(folder)
    t.run(f"eval {run} --suite quality --out {run}/eval/step_00000003")
    with open(f"{run}/eval/step_00000003/report.json") as file:
        error = json.load(file)["suites"]["quality"]["one_step"]["mse"]["value"]
    with h5py.File("data/validation/s0.h5") as file:
        frames, actions = file["pixels"][:].reshape(2, 20, 16, 16, 3), file["action"][:].reshape(2, 20)
    guesses = loader(folder).load(folder).one_step(frames, actions)
    t.is_(tuple(guesses.shape), (2, 19, 16, 16, 3), "guesses")
    found = float(((guesses.numpy() - frames[:, 1:] / 255.0)[:, 3:] ** 2).mean())
    t.is_(abs(found / error - 1) < 1e-5, True, f"one-step error {found}, of the report {error}")
    t.is_("Not measured" in t.read(f"{folder}/README.md"), True, "no figures on the card before the evaluation")
    t.run(f"export {run} --out again")
    t.is_(f"| {error:.4g} [" in t.read("again/README.md"), True, "the figure of the report on the card")
    t.run(f"eval --predictions {run}/dream.npz --data 'data/validation/*.h5' --out found")
    with open("found/report.json") as file:
        rows = json.load(file)["suites"]["quality"]["rollout"]
    errors = ((arrays["frames"] - arrays["truth"] / 255.0) ** 2).mean((0, 2, 3, 4))
    t.is_(bool(np.allclose([row["mse"]["value"] for row in rows], errors, rtol=1e-4)), True, "errors of the stored dreams")


@case
def what_export_and_its_loader_refuse_is_told(t):
    t.good()
    folder, _ = exported(t, transformer("registers: 1"))
    run = os.path.dirname(folder)
    t.run(f"export {run} --out {folder}", exits=2, says=("has files", "nothing is overwritten"))
    t.run(f"export {run} --out model.yaml", exits=2, says="is no folder")
    t.run(f"export {run}", exits=2, says="--out")
    t.run("export data --out new", exits=4, says="neither a run")
    t.is_(os.path.exists("new"), False, "a folder of an export that failed")
    t.run(f"rollout {run} --out dream.npy", exits=2, says=".npz")
    with open(f"{folder}/config.json") as file:
        config = json.load(file)
    for section, key, value in (("model", "name", "mine"), ("model", "attention", "own"), ("objective", "name", "own"), ("objective", "my_key", 1),
                                ("model", "my_key", 1)):
        changed = json.loads(json.dumps(config))
        changed["config"][section][key] = value
        t.write(f"{folder}/config.json", json.dumps(changed))
        try:
            loader(folder).load(folder)
            raise Failed(f"{section}.{key} = {value} was loaded")
        except NotImplementedError as refusal:
            t.is_(f"{section}.{key}" in str(refusal), True, f"the key in '{refusal}'")
