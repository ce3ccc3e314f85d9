"""The recipes' model as one would write it for PyTorch: space_time_transformer with the objective `regress`.

Parameters have nextframe's names and come from its checkpoints (pytorch/files.py).
"""
import math
import sys
from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pytorch.rotation import rotation_in_space, rotation_in_time, turned

NORM_EPSILON = 1e-5


def attention_sdpa(query, key, value, scale, is_causal, visible=None):
    # With five dimensions PyTorch uses its plain form, with four its fused kernel. On sequences as short as these the
    # fused kernel made a compiled rollout take a third longer.
    return F.scaled_dot_product_attention(query, key, value, visible, is_causal=is_causal, scale=scale)


def attention_by_hand(query, key, value, scale, is_causal, visible=None):
    scores = (query @ key.transpose(-2, -1)).float() * scale
    if is_causal:
        length = scores.shape[-1]
        future = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(future, -math.inf)
    elif visible is not None:
        scores = scores.masked_fill(~visible, -math.inf)
    return scores.softmax(-1).to(value.dtype) @ value


ATTENTION = {"sdpa": attention_sdpa, "by_hand": attention_by_hand}


class Past(NamedTuple):
    """KV cache of a layer over time: rotated keys and values of the newest frames, [B, N, K, frames, F]."""
    key: Tensor
    value: Tensor
    slots: Tensor  # int64: slots for the given frames, over the oldest
    visible: Optional[Tensor]  # bool [1, frames], where not all slots are filled

    def join(self, key, value):
        """Adds frames and returns what they attend to. Several come first; a single one sees all slots."""
        self.key.index_copy_(3, self.slots, key)
        self.value.index_copy_(3, self.slots, value)
        return (key, value) if len(self.slots) > 1 else (self.key, self.value)


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

    def round_weight(self):
        """Rounds the weight once, when nothing is trained any more."""
        if self.bf16:
            self.weight.data = self.weight.data.bfloat16()


def norm(x):
    return F.rms_norm(x, x.shape[-1:], eps=NORM_EPSILON)


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

    def forward(self, tokens, in_space, in_time, past=None):
        mixed = self.mix(self.space_in(norm(tokens)), in_space, along_time=False)
        tokens = tokens + self.space_out(mixed)
        if self.time_in is not None:
            mixed = self.mix(self.time_in(norm(tokens)), in_time, along_time=True, past=past)
            tokens = tokens + self.time_out(mixed)
        gate, value = self.mlp_in(norm(tokens)).chunk(2, -1)
        return tokens + self.mlp_out(F.silu(gate) * value)

    def mix(self, projections, rotation, along_time, past=None):
        """[B, T, N, 3D] to [B, T, N, D]; a sequence is a frame's tokens, or a token's past."""
        parts = projections.unflatten(-1, (3, self.heads, -1))
        order = (3, 0, 2, 4, 1, 5) if along_time else (3, 0, 1, 4, 2, 5)
        query, key, value = parts.permute(order).unbind(0)
        query, key = (turned(norm(x.float()), rotation).to(value.dtype) for x in (query, key))
        visible = None
        if past is not None:
            key, value = past.join(key, value)
            visible = past.visible
        mixed = self.attention(query, key, value, self.scale, along_time and query.shape[3] > 1, visible)
        return mixed.permute((0, 3, 1, 2, 4) if along_time else (0, 1, 3, 2, 4)).flatten(-2)


class SpaceTimeTransformer(nn.Module):
    """Called with uint8 frames [B, T, H, W, C] and float32 actions [B, T, A]; gives the loss, a mean."""

    def __init__(self, config, shape, bf16, attention):
        super().__init__()
        model = config["model"]
        if model["name"] != "space_time_transformer" or config["objective"]["name"] != "regress":
            sys.exit("pytorch: only space_time_transformer with the objective regress is written here")
        is_written = model["head_halo_px"] == 0 and model["differences"] and model["registers"] > 0
        if not is_written or shape["action_width"] == 0:
            sys.exit("pytorch: actions, model.differences, registers and head_halo_px = 0 are needed")
        self.patch, self.halo, self.shape, self.bf16 = model["patch_px"], model["halo_px"], shape, bf16
        self.residual_scale = config["objective"]["residual_scale"]
        self.heads, self.head_dim = model["heads"], model["dim"] // model["heads"]
        dim, channels, window = model["dim"], shape["channels"], self.patch + 2 * self.halo
        self.rows, self.columns = shape["height_px"] // self.patch, shape["width_px"] // self.patch
        self.patch_stem = Product(window * window * channels * 2, dim, bf16)
        self.place = nn.Parameter(torch.zeros(self.rows * self.columns, dim))
        self.registers = nn.Parameter(torch.zeros(model["registers"], dim))
        self.action = nn.Linear(shape["action_width"], dim, bias=False)
        self.action_base = nn.Parameter(torch.zeros(dim))
        self.action_in_patch = nn.Linear(shape["action_width"], dim, bias=False)
        every = model["temporal_every"]
        self.blocks = nn.ModuleList(Block(model, (i + 1) % every == 0, bf16, attention) for i in range(model["layers"]))
        self.head = Product(dim, self.patch * self.patch * channels, bf16)
        self.keep_rotations()

    def keep_rotations(self):
        in_space = rotation_in_space(self.rows, self.columns, 1, len(self.registers), self.head_dim)
        in_time = rotation_in_time(self.shape["clip_frames"] - 1, self.head_dim)
        for name, rotation in (("space", in_space), ("time", in_time)):
            self.register_buffer(f"{name}_cosine", rotation[0], persistent=False)
            self.register_buffer(f"{name}_sine", rotation[1], persistent=False)

    def forward(self, frames, actions):
        x = frames.float() / 127.5 - 1
        now, after = x[:, :-1], x[:, 1:]
        tokens = self.trunk(self.embed(now, actions[:, :-1]), (self.time_cosine, self.time_sine))
        guess = self.decode(tokens) * self.residual_scale
        return F.mse_loss(guess, after - now)

    def trunk(self, tokens, in_time, pasts=None):
        in_space = (self.space_cosine, self.space_sine)
        for number, block in enumerate(self.blocks):
            tokens = block(tokens, in_space, in_time, pasts[number] if pasts else None)
        return tokens

    def embed(self, now, actions, before=None):
        """`before`: the frame before a single given frame. Without it the first frame counts as unchanged."""
        if before is None:
            change = F.pad(now[:, 1:] - now[:, :-1], (0, 0, 0, 0, 0, 0, 1, 0))
        else:
            change = now - before
        seen = torch.cat((now, change), -1)
        patches = self.patch_stem(self.windows(seen.bfloat16() if self.bf16 else seen)) + self.place
        patches = patches + self.action_in_patch(actions).unsqueeze(2)
        action = (self.action(actions) + self.action_base).unsqueeze(2)
        registers = self.registers.expand(*now.shape[:2], -1, -1)
        return torch.cat((action, patches, registers), 2)

    def windows(self, seen):
        """[B, T, H, W, C] to [B, T, N, values of a patch with its halo]."""
        size = self.patch + 2 * self.halo
        padded = F.pad(seen, (0, 0, self.halo, self.halo, self.halo, self.halo))
        windows = padded.unfold(2, size, self.patch).unfold(3, size, self.patch)
        parts = windows.unflatten(4, (-1, self.shape["channels"]))  # what is there, what changed
        return parts.permute(0, 1, 2, 3, 4, 6, 7, 5).flatten(4).flatten(2, 3)

    def decode(self, tokens):
        patches = tokens[:, :, 1:1 + self.rows * self.columns]
        values = self.head(norm(patches)).float()
        grid = values.unflatten(-1, (self.patch, self.patch, -1)).unflatten(2, (self.rows, self.columns))
        return grid.transpose(3, 4).flatten(4, 5).flatten(2, 3)
