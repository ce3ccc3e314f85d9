"""PyTorch's side of scripts/bench/pytorch_step: the recipes' model, and a process that trains it when asked.

The model is space_time_transformer with the objective `regress`, written as one would for PyTorch. Its parameters come
from a nextframe checkpoint, its batch from a file of clips; it keeps that batch, so no data loading is timed.

    pytorch_model.py cut SHARD CLIPS FRAMES OUT.h5         writes the first frames of CLIPS episodes as a shard
    pytorch_model.py serve CHECKPOINT CLIPS.h5 eager|compile fp32|bf16 sdpa|by_hand RANK RANKS MEETING_POINT

`serve` reads commands, a line each, and answers each with a line of JSON: `check`: loss and gradient norm of the batch;
`steps N`: seconds a training step, mean of N; `products`: GFLOP/s of a 1024^3 product; `quit`.
"""
import json
import math
import statistics
import sys
import time

import h5py
import numpy as np
import torch
import torch.nn.functional as F
import yaml
from torch import nn

NORM_EPSILON = 1e-5


# The model

def attention_sdpa(query, key, value, scale, is_causal):
    return F.scaled_dot_product_attention(query, key, value, is_causal=is_causal, scale=scale)


def attention_by_hand(query, key, value, scale, is_causal):
    scores = (query @ key.transpose(-2, -1)).float() * scale
    if is_causal:
        length = scores.shape[-1]
        future = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(future, -math.inf)
    return scores.softmax(-1).to(value.dtype) @ value


ATTENTION = {"sdpa": attention_sdpa, "by_hand": attention_by_hand}


class Product(nn.Linear):
    """A linear layer whose product is in bfloat16 where `bf16`; its weight stays float32. With torch.autocast instead,
    the compiled step took 3 to 5 % longer."""

    def __init__(self, inputs, outputs, bf16):
        super().__init__(inputs, outputs, bias=False)
        self.bf16 = bf16

    def forward(self, x):
        if not self.bf16:
            return F.linear(x, self.weight)
        return F.linear(x.bfloat16(), self.weight.bfloat16())


def norm(x):
    return F.rms_norm(x, x.shape[-1:], eps=NORM_EPSILON)


def turned(x, rotation):
    """Value i of a head and value i + half are a point that is turned by the place's angle i."""
    cosine, sine = rotation
    left, right = x.chunk(2, -1)
    return torch.cat((left * cosine - right * sine, right * cosine + left * sine), -1)


def rotation_of(angles):
    return angles.cos().float(), angles.sin().float()


def rotation_in_time(frames, head_dim):
    pairs = head_dim // 2
    steps = 100.0 ** (torch.arange(pairs, dtype=torch.float64) / -pairs)
    return rotation_of(torch.outer(torch.arange(frames, dtype=torch.float64), steps))


def rotation_in_space(rows, columns, before, after, head_dim):
    """Half of a head's pairs turn with the row, half with the column; tokens without a place do not turn."""
    pairs = head_dim // 2
    row_pairs = pairs // 2

    def angles(length, count):
        exponent = torch.arange(count, dtype=torch.float64) / max(1, count - 1)
        return torch.outer(torch.arange(length, dtype=torch.float64), length ** exponent * (math.pi / length))

    by_row = angles(rows, row_pairs).unsqueeze(1).expand(rows, columns, row_pairs)
    by_column = angles(columns, pairs - row_pairs).unsqueeze(0).expand(rows, columns, pairs - row_pairs)
    places = torch.cat((by_row, by_column), -1).reshape(rows * columns, pairs)
    return rotation_of(F.pad(places, (0, 0, before, after)))


class Block(nn.Module):
    def __init__(self, config, in_time, bf16, attention):
        super().__init__()
        dim = config["dim"]
        mlp_width = (int(config["mlp_ratio"] * dim) + 31) // 32 * 32
        self.heads = config["heads"]
        self.scale = config["logit_scale"] / math.sqrt(dim // self.heads)
        self.attention = attention
        self.space_in, self.space_out = Product(dim, 3 * dim, bf16), Product(dim, dim, bf16)
        self.time_in = Product(dim, 3 * dim, bf16) if in_time else None
        self.time_out = Product(dim, dim, bf16) if in_time else None
        self.mlp_in, self.mlp_out = Product(dim, 2 * mlp_width, bf16), Product(mlp_width, dim, bf16)

    def forward(self, tokens, in_space, in_time):
        mixed = self.mix(self.space_in(norm(tokens)), in_space, along_time=False)
        tokens = tokens + self.space_out(mixed)
        if self.time_in is not None:
            mixed = self.mix(self.time_in(norm(tokens)), in_time, along_time=True)
            tokens = tokens + self.time_out(mixed)
        gate, value = self.mlp_in(norm(tokens)).chunk(2, -1)
        return tokens + self.mlp_out(F.silu(gate) * value)

    def mix(self, projections, rotation, along_time):
        """[B, T, N, 3D] to [B, T, N, D]; a sequence is a frame's tokens, or a token's past."""
        parts = projections.unflatten(-1, (3, self.heads, -1))
        order = (3, 0, 2, 4, 1, 5) if along_time else (3, 0, 1, 4, 2, 5)
        query, key, value = parts.permute(order).unbind(0)
        query, key = (turned(norm(x.float()), rotation).to(value.dtype) for x in (query, key))
        mixed = self.attention(query, key, value, self.scale, is_causal=along_time)
        return mixed.permute((0, 3, 1, 2, 4) if along_time else (0, 1, 3, 2, 4)).flatten(-2)


class SpaceTimeTransformer(nn.Module):
    """Called with uint8 frames [B, T, H, W, C] and float32 actions [B, T, A]; gives the loss, a mean."""

    def __init__(self, config, shape, bf16, attention):
        super().__init__()
        model = config["model"]
        if model["name"] != "space_time_transformer" or config["objective"]["name"] != "regress":
            sys.exit("pytorch_model: only space_time_transformer with the objective regress is written here")
        is_written = model["head_halo_px"] == 0 and model["differences"] and model["registers"] > 0
        if not is_written or shape["action_width"] == 0:
            sys.exit("pytorch_model: actions, model.differences, registers and head_halo_px = 0 are needed")
        self.patch, self.halo, self.shape, self.bf16 = model["patch_px"], model["halo_px"], shape, bf16
        self.residual_scale = config["objective"]["residual_scale"]
        dim, channels, window = model["dim"], shape["channels"], self.patch + 2 * self.halo
        self.rows, self.columns = shape["height_px"] // self.patch, shape["width_px"] // self.patch
        self.stem = Product(window * window * channels * 2, dim, bf16)
        self.place = nn.Parameter(torch.zeros(self.rows * self.columns, dim))
        self.registers = nn.Parameter(torch.zeros(model["registers"], dim))
        self.action = nn.Linear(shape["action_width"], dim, bias=False)
        self.action_base = nn.Parameter(torch.zeros(dim))
        self.action_in_patch = nn.Linear(shape["action_width"], dim, bias=False)
        every = model["temporal_every"]
        self.blocks = nn.ModuleList(Block(model, (i + 1) % every == 0, bf16, attention) for i in range(model["layers"]))
        self.head = Product(dim, self.patch * self.patch * channels, bf16)
        self.keep_rotations(dim // model["heads"], model["registers"])

    def keep_rotations(self, head_dim, registers):
        in_space = rotation_in_space(self.rows, self.columns, 1, registers, head_dim)
        in_time = rotation_in_time(self.shape["clip_frames"] - 1, head_dim)
        for name, rotation in (("space", in_space), ("time", in_time)):
            self.register_buffer(f"{name}_cosine", rotation[0], persistent=False)
            self.register_buffer(f"{name}_sine", rotation[1], persistent=False)

    def forward(self, frames, actions):
        x = frames.float() / 127.5 - 1
        now, after = x[:, :-1], x[:, 1:]
        tokens = self.embed(now, actions[:, :-1])
        in_space, in_time = (self.space_cosine, self.space_sine), (self.time_cosine, self.time_sine)
        for block in self.blocks:
            tokens = block(tokens, in_space, in_time)
        guess = self.decode(tokens) * self.residual_scale
        return F.mse_loss(guess, after - now)

    def embed(self, now, actions):
        change = F.pad(now[:, 1:] - now[:, :-1], (0, 0, 0, 0, 0, 0, 1, 0))
        seen = torch.cat((now, change), -1)
        patches = self.stem(self.windows(seen.bfloat16() if self.bf16 else seen)) + self.place
        patches = patches + self.action_in_patch(actions).unsqueeze(2)
        action = (self.action(actions) + self.action_base).unsqueeze(2)
        registers = self.registers.expand(*now.shape[:2], -1, -1)
        return torch.cat((action, patches, registers), 2)

    def windows(self, seen):
        """[B, T, H, W, C] to [B, T, N, values of a patch with its halo]."""
        size = self.patch + 2 * self.halo
        padded = F.pad(seen, (0, 0, self.halo, self.halo, self.halo, self.halo))
        windows = padded.unfold(2, size, self.patch).unfold(3, size, self.patch)
        return windows.permute(0, 1, 2, 3, 5, 6, 4).flatten(4).flatten(2, 3)

    def decode(self, tokens):
        patches = tokens[:, :, 1:1 + self.rows * self.columns]
        values = self.head(norm(patches)).float()
        grid = values.unflatten(-1, (self.patch, self.patch, -1)).unflatten(2, (self.rows, self.columns))
        return grid.transpose(3, 4).flatten(4, 5).flatten(2, 3)


# What nextframe wrote

def read_checkpoint(folder):
    """Returns the manifest, its config and the parameters by name."""
    with open(f"{folder}/manifest.json", encoding="utf-8") as file:
        manifest = json.load(file)
    parameters = {}
    for tensor in manifest["tensors"]:
        kind, name = tensor["name"].split("/", 1)
        if kind != "parameters":
            continue
        pieces = [np.fromfile(f"{folder}/{piece['file']}", "<f4", piece["num_elements"], offset=piece["file_offset"])
                  for piece in tensor["pieces"]]
        parameters[name] = torch.from_numpy(np.concatenate(pieces)).view(tensor["sizes"])
    return manifest, yaml.safe_load(manifest["config"]), parameters


def copy_parameters(model, parameters):
    """Every one of both sides, or an error."""
    wanted = {name.removesuffix(".weight"): parameter for name, parameter in model.named_parameters()}
    if wanted.keys() != parameters.keys():
        sys.exit(f"pytorch_model: not on both sides: {sorted(wanted.keys() ^ parameters.keys())}")
    with torch.no_grad():
        for name, parameter in wanted.items():
            if parameter.shape != parameters[name].shape:
                sys.exit(f"pytorch_model: {name} is {list(parameters[name].shape)}, not {list(parameter.shape)}")
            parameter.copy_(parameters[name])


def read_clips(path, action_width):
    """A shard of episodes of equal length, as one batch."""
    with h5py.File(path, "r") as file:
        clips = len(file["ep_len"])
        frames = torch.from_numpy(file["pixels"][:]).unflatten(0, (clips, -1))
        actions = torch.from_numpy(file["action"][:].astype(np.int64)).unflatten(0, (clips, -1))
    return frames, F.one_hot(actions, action_width).float()


def cut_clips(shard, clips, frames, out):
    import hdf5plugin  # so that h5py reads zstd

    with h5py.File(shard, "r") as source, h5py.File(out, "w") as target:
        lengths, offsets = source["ep_len"][:], source["ep_offset"][:]
        first_rows = [offset for offset, length in zip(offsets, lengths) if length >= frames][:clips]
        if len(first_rows) < clips:
            sys.exit(f"pytorch_model: {shard} has only {len(first_rows)} episodes of {frames} frames or more")
        for column in ("pixels", "action"):
            target[column] = np.concatenate([source[column][row:row + frames] for row in first_rows])
        target["ep_len"] = np.full(clips, frames, np.int32)
        target["ep_offset"] = np.arange(clips, dtype=np.int64) * frames
        if "action_space" in source.attrs:
            target.attrs["action_space"] = source.attrs["action_space"]


# The process that trains

class Peer:
    def __init__(self, checkpoint, clips, mode, precision, attention, rank, ranks, meeting_point):
        manifest, config, parameters = read_checkpoint(checkpoint)
        self.options = config["optimizer"]
        self.model = SpaceTimeTransformer(config, manifest, precision == "bf16", ATTENTION[attention])
        copy_parameters(self.model, parameters)
        self.call = self.model
        frames, actions = read_clips(clips, manifest["action_width"])
        share = len(frames) // ranks
        own = slice(rank * share, (rank + 1) * share)
        self.frames, self.actions = frames[own].contiguous(), actions[own].contiguous()
        if ranks > 1:
            torch.distributed.init_process_group("gloo", f"file://{meeting_point}", rank=rank, world_size=ranks)
            self.call = nn.parallel.DistributedDataParallel(self.model, gradient_as_bucket_view=True)
        if mode == "compile":
            self.call = torch.compile(self.call, dynamic=False)
        self.optimizer = self.make_optimizer()
        self.average = None
        if self.options["ema_decay"] > 0:
            self.average = [parameter.detach().clone() for parameter in self.model.parameters()]

    def make_optimizer(self):
        options = self.options
        parameters = list(self.model.parameters())
        groups = [{"params": [p for p in parameters if p.dim() >= 2], "weight_decay": options["weight_decay"]},
                  {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=options["lr"], betas=(options["beta1"], options["beta2"]),
                                 eps=float(options["epsilon"]), fused=True)

    def gradient(self):
        """Returns the loss; the gradient, clipped, lies in the parameters. And its norm before."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.call(self.frames, self.actions)
        loss.backward()
        limit = self.options["clip_norm"] or math.inf
        return loss.item(), nn.utils.clip_grad_norm_(self.model.parameters(), limit).item()

    def step(self):
        self.gradient()
        self.optimizer.step()
        if self.average is not None:
            torch._foreach_lerp_(self.average, list(self.model.parameters()), 1 - self.options["ema_decay"])

    def steps(self, count):
        """Seconds a step, after one that is not timed: the caches were another process's."""
        self.step()
        start = time.perf_counter()
        for _ in range(count):
            self.step()
        return (time.perf_counter() - start) / count


def product_gflops(dtype):
    a, b = (torch.randn(1024, 1024).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * 1024**3 / statistics.median(seconds) / 1e9


def serve(arguments):
    checkpoint, clips, mode, precision, attention, rank, ranks, meeting_point = arguments
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    peer = Peer(checkpoint, clips, mode, precision, attention, int(rank), int(ranks), meeting_point)
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "quit":
            break
        if command == "check":
            loss, gradient_norm = peer.gradient()
            answer = {"loss": loss, "grad_norm": gradient_norm}
        elif command == "steps":
            answer = {"step_s": peer.steps(int(rest[0]))}
        elif command == "products":
            answer = {"fp32": product_gflops(torch.float32), "bf16": product_gflops(torch.bfloat16)}
        print(json.dumps(answer), flush=True)
    if int(ranks) > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    if sys.argv[1:2] == ["cut"] and len(sys.argv) == 6:
        cut_clips(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    elif sys.argv[1:2] == ["serve"] and len(sys.argv) == 10:
        serve(sys.argv[2:])
    else:
        sys.exit(__doc__)
