"""A model that `nextframe export` wrote, in plain PyTorch: read it, predict with it, learn how it works.

    from nextframe_model import load
    model = load("exported")                      # the folder with config.json and model.safetensors
    dream = model.rollout(context, actions)       # uint8 [B, T, H, W, C], actions [B, T + more, A] -> float in [0, 1]
    guess = model.one_step(frames, actions)       # frames 1 .. T-1, each from the true frames before it
    same = model.reconstruct(frames)              # of a model with a tokenizer

    python nextframe_model.py exported dream.npz  # compares with `nextframe rollout RUN --out dream.npz` (needs NumPy)

It needs PyTorch alone and computes in float32. Letters at the end of a tensor's name are its shape:
  B clips   T frames   H W C image   A action   N tokens of a frame   D width   K heads   F values of a head
  E values of a patch or token   V codes   L places in a sequence   P pairs of a head, which RoPE turns
"""
import json
import math
import os
import struct
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch.nn.functional import linear

# What this file knows. Anything else in config.json is refused, since it would compute something else.
COVERED = {
    "model.name": ["space_time_transformer", "frame_mlp", "conv_recurrent"],
    "model.attention": ["factorised", "frame_causal", "token_causal"],
    "objective.name": ["regress", "flow", "shortcut", "maskgit", "autoregressive"],
    "tokenizer.name": ["pixels", "trained", "masked_autoencoder", "fsq", "vq", "latent_actions"],
    "model.*": ["name", "dim", "layers", "heads", "patch_px", "halo_px", "head_halo_px", "registers", "temporal_every",
                "mlp_ratio", "logit_scale", "differences", "window_frames", "attention"],
    "objective.*": ["name", "residual_scale", "own_past", "levels", "context_level", "clean_frames", "change_scale",
                    "self_fraction", "bootstrap_start", "temperature", "choice_temperature"],
    "tokenizer.*": ["name", "from", "digest", "pack", "dim", "layers", "heads", "patch_px", "merge", "hidden_up_to",
                    "edge_weight", "width", "digits", "continuous_steps", "codes", "commit_weight"],
    "actions.*": ["form", "dropout", "from", "digest"]
}


def check_covered(config):
    for place, known in COVERED.items():
        section, key = place.split(".")
        there = config.get(section, {})
        found = list(there) if key == "*" else [there[key]] if key in there else []
        for word in found:
            if word not in known:
                what = f"{section}.{word}" if key == "*" else f"{place} = {word}"
                raise NotImplementedError(f"{what} is not covered by this file")


def read_safetensors(path):
    """All tensors of a file of float32 ones: 8 bytes of length, a JSON header, then the numbers."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        numbers = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    header.pop("__metadata__", None)
    return {name: numbers[entry["data_offsets"][0] // 4: entry["data_offsets"][1] // 4].view(entry["shape"])
            for name, entry in header.items()}


def under(weights, prefix):
    return {name[len(prefix):]: weight for name, weight in weights.items() if name.startswith(prefix)}


# Patches ---------------------------------------------------------------------------------------------------------------

def patchify(frames_BTHWC, patch_px, halo_px=0):
    """Squares of a frame with `halo_px` of what is around them, row by row: [B, T, N, E]."""
    window = patch_px + 2 * halo_px
    padded = F.pad(frames_BTHWC, (0, 0, halo_px, halo_px, halo_px, halo_px))
    windows = padded.unfold(2, window, patch_px).unfold(3, window, patch_px)
    return windows.permute(0, 1, 2, 3, 5, 6, 4).flatten(4).flatten(2, 3)


def unpatchify(patches_BTNE, patch_px, height, width, halo_px=0):
    """The way back; windows that overlap are added."""
    window = patch_px + 2 * halo_px
    B, T, N, E = patches_BTNE.shape
    columns = patches_BTNE.reshape(B * T, N, window * window, -1).permute(0, 3, 2, 1).flatten(1, 2)
    frames = F.fold(columns, (height, width), window, padding=halo_px, stride=patch_px)
    return frames.permute(0, 2, 3, 1).reshape(B, T, height, width, -1)


# Attention and feed-forward --------------------------------------------------------------------------------------------

def rms_norm(x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)


def angles_in_time(frames, width, first=0):
    pairs = width // 2
    steps_P = 100.0 ** (torch.arange(pairs, dtype=torch.float64) / -pairs)
    return torch.outer(torch.arange(first, first + frames, dtype=torch.float64), steps_P)


def angles_in_space(rows, columns, width, before=0, after=0):
    """The first half of the pairs turns with the row, the second with the column; tokens around the grid do not turn."""
    pairs = width // 2

    def of_side(length, count):
        exponent = torch.arange(count, dtype=torch.float64) / max(1, count - 1)
        return torch.outer(torch.arange(length, dtype=torch.float64), float(length) ** exponent * math.pi / length)
    of_row, of_column = of_side(rows, pairs // 2), of_side(columns, pairs - pairs // 2)
    grid = torch.cat([of_row[:, None].expand(rows, columns, -1), of_column[None].expand(rows, columns, -1)], 2)
    return F.pad(grid.flatten(0, 1), (0, 0, before, after))


def turned(x_KLF, angles_LP):
    cosine, sine = angles_LP.cos().float(), angles_LP.sin().float()
    left, right = x_KLF.chunk(2, -1)
    return torch.cat([left * cosine - right * sine, right * cosine + left * sine], -1)


def attend(packed_L3D, heads, logit_scale, angles_LP, unit=0, window=0, known=None):
    """Attention with QK-norm and RoPE. A query sees its unit of `unit` places and the `window` - 1 units before it; all
    places if `unit` is 0. `known`: keys and values of earlier places. Returns [.., L, D], and these of the newest ones."""
    query, key, value = (part.unflatten(-1, (heads, -1)).transpose(-2, -3) for part in packed_L3D.chunk(3, -1))
    query, key = turned(rms_norm(query), angles_LP), turned(rms_norm(key), angles_LP)
    if known is not None:
        key, value = torch.cat([known[0], key], -2), torch.cat([known[1], value], -2)
    scores = query @ key.transpose(-1, -2) * (logit_scale / math.sqrt(query.shape[-1]))
    if unit:
        of_key = torch.arange(key.shape[-2]) // unit
        of_query = of_key[-query.shape[-2]:, None]
        scores = scores.masked_fill((of_key > of_query) | (of_key <= of_query - window), -math.inf)
    attended = (scores.softmax(-1) @ value).transpose(-2, -3).flatten(-2)
    return attended, (key[..., -window * unit:, :], value[..., -window * unit:, :])


def attention_layer(w, name, tokens_LD, *how, **seen):
    attended, known = attend(linear(rms_norm(tokens_LD), w[f"{name}_in"]), *how, **seen)
    return tokens_LD + linear(attended, w[f"{name}_out"]), known


def feed_forward(w, tokens):
    gate, value = linear(rms_norm(tokens), w["mlp_in"]).chunk(2, -1)
    return tokens + linear(F.silu(gate) * value, w["mlp_out"])


def frame_blocks(weights, numbers, tokens_BTND, heads, angles_NP):
    """Blocks of a tokenizer: the tokens of a frame attend to each other."""
    for i in numbers:
        w = under(weights, f"blocks.{i}.")
        tokens_BTND = feed_forward(w, attention_layer(w, "space", tokens_BTND, heads, 1.5, angles_NP)[0])
    return tokens_BTND


# Tokenizers ------------------------------------------------------------------------------------------------------------

class Digits:
    """Finite scalar quantisation: a code is a few digits, each a number rounded to one of a few levels."""

    def __init__(self, levels):
        self.levels = torch.tensor(levels)
        self.half = (self.levels - 1).float() / 2
        self.base = torch.tensor([math.prod(levels[:i]) for i in range(len(levels))])

    def codes_of(self, raw_E):
        bounded = torch.sigmoid(raw_E * 1.6) * 2 - 1
        return (((bounded + 1) * self.half).round().long() * self.base).sum(-1)

    def digits_of(self, codes):
        return codes[..., None].div(self.base, rounding_mode="floor").remainder(self.levels)

    def values_of(self, codes):
        return self.digits_of(codes).float() / self.half - 1

    def one_hot(self):
        digits_VE = self.digits_of(torch.arange(int(self.levels.prod())))
        return torch.cat([F.one_hot(digits_VE[:, i], int(n)) for i, n in enumerate(self.levels)], 1).float()


class PatchAutoencoder:
    """masked_autoencoder, fsq and vq: an encoder over the patches of a frame, a bottleneck, a decoder."""

    def __init__(self, weights, config, clip, pack=1):
        self.w, self.c, self.clip, self.pack = weights, config, clip, pack
        patches = clip["height_px"] // config["patch_px"], clip["width_px"] // config["patch_px"]
        self.rows, self.columns = patches[0] // config["merge"], patches[1] // config["merge"] // pack
        self.angles = angles_in_space(*patches, config["dim"] // config["heads"])
        self.is_of_codes = config["name"] != "masked_autoencoder"
        self.vectors_VE = None  # what stands for a code in a network
        if config["name"] == "fsq":
            self.digits = Digits(config["digits"])
            self.vectors_VE = self.digits.one_hot()
        elif config["name"] == "vq":
            sums = weights["running_codebook"]  # of vectors, and how many
            self.vectors_VE = sums[:, :-1] / sums[:, -1:].clamp_min(1e-6)
        else:
            sums = weights["running_latents"]  # the count, the sums, the sums of products
            count, self.mean_E = sums[0], sums[1] / sums[0].clamp_min(1e-6)
            variance = (sums[2:] / count.clamp_min(1e-6)).diagonal() - self.mean_E.square()
            self.deviation_E = torch.where(count > 0, variance.clamp_min(0).sqrt().clamp_min(1e-3), torch.ones_like(count))

    def write(self, x_BTHWC):
        tokens = linear(patchify(x_BTHWC, self.c["patch_px"]), self.w["patch_stem"]) + self.w["place"]
        tokens = rms_norm(frame_blocks(self.w, range((self.c["layers"] + 1) // 2), tokens, self.c["heads"], self.angles))
        m = self.c["merge"]  # squares of m x m patches become one token
        squares = tokens.unflatten(2, (self.rows, m, self.columns * self.pack, m)).transpose(3, 4)
        return linear(squares.flatten(4).flatten(2, 3), self.w["narrow"])

    def draw(self, z_BTLE):
        m, c = self.c["merge"], self.c
        squares = linear(z_BTLE, self.w["widen"]).unflatten(3, (m, m, -1)).unflatten(2, (self.rows, self.columns * self.pack))
        tokens = squares.transpose(3, 4).flatten(2, 5) + self.w["place_out"]
        tokens = frame_blocks(self.w, range((c["layers"] + 1) // 2, c["layers"]), tokens, c["heads"], self.angles)
        values = linear(rms_norm(tokens), self.w["head"])
        return unpatchify(values, c["patch_px"], self.clip["height_px"], self.clip["width_px"])

    def encode(self, x_BTHWC):
        raw = self.write(x_BTHWC)
        if self.c["name"] == "fsq":
            return self.digits.codes_of(raw)
        if self.c["name"] == "vq":  # the nearest vector
            return (raw @ self.vectors_VE.T - self.vectors_VE.square().sum(1) / 2).argmax(-1)
        values = (raw.tanh() - self.mean_E) / self.deviation_E
        return values.unflatten(2, (-1, self.pack)).flatten(3)  # neighbours as one token

    def decode(self, latents_BTN):
        if self.c["name"] == "fsq":
            return self.draw(self.digits.values_of(latents_BTN))
        if self.c["name"] == "vq":
            return self.draw(self.vectors_VE[latents_BTN])
        values = latents_BTN.unflatten(3, (self.pack, -1)).flatten(2, 3)
        return self.draw((values * self.deviation_E + self.mean_E).clamp(-1, 1))

    def reconstruct(self, x_BTHWC):
        return self.decode(self.encode(x_BTHWC))


class LatentActions:
    """One code of a few for what changes from a frame to its next."""

    def __init__(self, weights, config, clip):
        self.w, self.c, self.clip, self.digits = weights, config, clip, Digits(config["digits"])
        self.grid = clip["height_px"] // config["patch_px"], clip["width_px"] // config["patch_px"]
        self.num_codes = math.prod(config["digits"])

    def tokens_of(self, left_BTHWC, right_BTHWC, stem, place):
        pairs = patchify(torch.cat([left_BTHWC, right_BTHWC], 4), self.c["patch_px"])
        return linear(pairs, self.w[stem]) + self.w[place]

    def blocks(self, numbers, tokens, before):
        angles = angles_in_space(*self.grid, self.c["dim"] // self.c["heads"], before=before)
        return frame_blocks(self.w, numbers, tokens, self.c["heads"], angles)

    def codes_of(self, x_BTHWC):
        """[B, T]; the last frame's is 0, since what follows it is not known."""
        now, after = x_BTHWC[:, :-1], x_BTHWC[:, 1:]
        tokens = self.tokens_of(now, after - now, "pair_stem", "place")
        query = self.w["query"].expand(*tokens.shape[:2], 1, -1)
        tokens = self.blocks(range((self.c["layers"] + 1) // 2), torch.cat([query, tokens], 2), 1)
        return F.pad(self.digits.codes_of(linear(rms_norm(tokens[:, :, 0]), self.w["narrow"])), (0, 1))

    def reconstruct(self, x_BTHWC):
        now = x_BTHWC[:, :-1]
        before = torch.cat([now[:, :1], now[:, :-1]], 1)
        code = linear(self.digits.values_of(self.codes_of(x_BTHWC)[:, :-1]), self.w["widen"])
        tokens = self.tokens_of(now, now - before, "frame_stem", "place_out") + code[:, :, None]
        tokens = self.blocks(range((self.c["layers"] + 1) // 2, self.c["layers"]), tokens, 0)
        values = linear(rms_norm(tokens), self.w["head"])
        drawn = now + unpatchify(values, self.c["patch_px"], self.clip["height_px"], self.clip["width_px"])
        return torch.cat([x_BTHWC[:, :1], drawn], 1)


# Networks: causal over frames. Each takes frames in the model's own layout, the action that an output depends on, and
# what it knows of earlier frames (`past`); it returns its output and the new past. --------------------------------------

class SpaceTimeTransformer:
    """A frame is [action | noise level and step size | start | patches, values or codes | registers], the first three
    only where the weights have them."""

    def __init__(self, weights, config, clip, tokenizer, frames_seen):
        self.w, self.c, self.clip, self.tokenizer = weights, config, clip, tokenizer
        self.window = min(config["window_frames"] or frames_seen, frames_seen)
        self.is_ordered, self.is_joint = config["attention"] == "token_causal", config["attention"] != "factorised"
        patch_px = config["patch_px"]
        grid = clip["height_px"] // patch_px, clip["width_px"] // patch_px
        if tokenizer:
            grid = tokenizer.rows, tokenizer.columns
        self.num_before = ("action" in weights) + ("level" in weights) + ("start" in weights)
        self.num_tokens, self.num_all = grid[0] * grid[1], self.num_before + grid[0] * grid[1] + config["registers"]
        head = config["dim"] // config["heads"]
        self.time_width = head // 4 * 2 if self.is_joint else head  # joint: half of the pairs turn with time
        space_width = head - self.time_width if self.is_joint else head
        self.in_space = angles_in_space(*grid, space_width, self.num_before, config["registers"])

    def embed_frame(self, x, before, hidden_BTN):
        w, c = self.w, self.c
        if "code_stem" in w:
            tokens = linear(self.tokenizer.vectors_VE[x], w["code_stem"])
            if hidden_BTN is not None:
                tokens = torch.where(hidden_BTN[..., None], w["hidden_code"], tokens)
            return tokens + w["place"]
        change = x - torch.cat([x[:, :1] if before is None else before, x[:, :-1]], 1)
        parts = [x, change] if c["differences"] else [x]
        if "value_stem" in w:
            return linear(torch.cat(parts, -1), w["value_stem"]) + w["place"]
        patches = torch.cat([patchify(part, c["patch_px"], c["halo_px"]) for part in parts], 3)
        return linear(patches, w["patch_stem"]) + w["place"]

    def embed(self, x, actions_BTA, before, level_BT, num_steps_BT, hidden_BTN):
        w, waves = self.w, lambda x_BT: torch.cos(x_BT[..., None] * torch.arange(16) * math.pi)
        frame = self.embed_frame(x, before, hidden_BTN)
        if "action_in_patch" in w:
            frame = frame + linear(actions_BTA, w["action_in_patch"])[:, :, None]
        tokens = []
        if "action" in w:
            tokens.append((linear(actions_BTA, w["action"]) + w["action_base"])[:, :, None])
        if "level" in w:
            level = linear(waves(level_BT), w["level"])
            if "step_size" in w:
                level = level + linear(waves(num_steps_BT.log2() / 16), w["step_size"])
            tokens.append(level[:, :, None])
        if "start" in w:
            tokens.append(w["start"].expand(*x.shape[:2], 1, -1))
        tokens.append(frame)
        if "registers" in w:
            tokens.append(w["registers"].expand(*x.shape[:2], -1, -1))
        return torch.cat(tokens, 2)

    def block(self, i, tokens_BTND, in_time, known):
        w, how = under(self.w, f"blocks.{i}."), (self.c["heads"], self.c["logit_scale"])
        N = self.num_all
        if self.is_joint:
            seen = {"unit": 1, "window": self.window * N} if self.is_ordered else {"unit": N, "window": self.window}
            flat, known = attention_layer(w, "joint", tokens_BTND.flatten(1, 2), *how, in_time, known=known, **seen)
            return feed_forward(w, flat.unflatten(1, (-1, N))), known
        tokens_BTND, _ = attention_layer(w, "space", tokens_BTND, *how, self.in_space)
        if "time_in" in w:
            seen = {"unit": 1, "window": self.window}
            tokens_BNTD, known = attention_layer(w, "time", tokens_BTND.transpose(1, 2), *how, in_time, known=known, **seen)
            tokens_BTND = tokens_BNTD.transpose(1, 2)
        return feed_forward(w, tokens_BTND), known

    def __call__(self, x, actions_BTA, past=None, level_BT=None, num_steps_BT=None, hidden_BTN=None):
        past = past or {"frames": 0, "x": None, "blocks": [None] * self.c["layers"]}
        tokens = self.embed(x, actions_BTA, past["x"], level_BT, num_steps_BT, hidden_BTN)
        T = x.shape[1]
        in_time = angles_in_time(T, self.time_width, past["frames"])
        if self.is_joint:
            of_token = lambda angles, dim: angles.unsqueeze(dim).expand(T, self.num_all, -1)
            in_time = torch.cat([of_token(in_time, 1), of_token(self.in_space, 0)], 2).flatten(0, 1)
        blocks = []
        for i, known in enumerate(past["blocks"]):
            tokens, known = self.block(i, tokens, in_time, known)
            blocks.append(known)
        first = self.num_before - self.is_ordered  # a code's logits are the output of the token before it
        out = linear(rms_norm(tokens[:, :, first:first + self.num_tokens]), self.w["head"])
        if not self.tokenizer:
            out = unpatchify(out, self.c["patch_px"], self.clip["height_px"], self.clip["width_px"], self.c["head_halo_px"])
        return out, {"frames": past["frames"] + T, "x": x[:, -1:], "blocks": blocks}


def levels_of(x, level_BT):
    return torch.ones(x.shape[:2]) if level_BT is None else level_BT


class FrameMlp:
    """Two frames, an action and a noise level through one hidden layer."""

    def __init__(self, weights, *_):
        self.w = weights

    def __call__(self, x, actions_BTA, past=None, level_BT=None, **_):
        now = x.flatten(2)
        before = torch.cat([torch.zeros_like(now[:, :1]) if past is None else past, now[:, :-1]], 1)
        given = torch.cat([now, before, actions_BTA, levels_of(x, level_BT)[..., None]], 2)
        hidden = F.gelu(linear(given, self.w["encode"]) + self.w["bias"])
        return linear(hidden, self.w["decode"]).view(x.shape), now[:, -1:]


class ConvRecurrent:
    """A grid of gated recurrent cells; each sees its patch, the action and the memory of the cells around it."""

    def __init__(self, weights, config, clip, *_):
        self.w, self.c, self.clip = weights, config, clip

    def __call__(self, x, actions_BTA, past=None, level_BT=None, **_):
        w, patch_px = self.w, self.c["patch_px"]
        rows, columns = self.clip["height_px"] // patch_px, self.clip["width_px"] // patch_px
        condition = linear(torch.cat([actions_BTA, levels_of(x, level_BT)[..., None]], 2), w["condition"]) + w["bias"]
        seen = linear(patchify(x, patch_px, self.c["halo_px"]), w["read"]) + condition[:, :, None]
        seen_BTDHW = seen.unflatten(2, (rows, columns)).permute(0, 1, 4, 2, 3)
        memory = torch.zeros(x.shape[0], self.c["dim"], rows, columns) if past is None else past
        memories = []
        for t in range(x.shape[1]):
            given, around = seen_BTDHW[:, t].chunk(3, 1), F.conv2d(memory, w["remember"], padding=1).chunk(3, 1)
            keep, reset = torch.sigmoid(given[0] + around[0]), torch.sigmoid(given[1] + around[1])
            memory = torch.lerp(torch.tanh(given[2] + reset * around[2]), memory, keep)
            memories.append(memory)
        cells = torch.stack(memories, 1).permute(0, 1, 3, 4, 2).flatten(2, 3)
        return unpatchify(linear(cells, w["write"]), patch_px, self.clip["height_px"], self.clip["width_px"]), memory


class Walk:
    """A network with its past. With guidance on actions (Ho and Salimans 2022) its output is moved away from what it would
    be if the newest action were not told."""

    def __init__(self, network, guidance):
        self.network, self.guidance, self.past = network, guidance, None

    def look(self, x, actions_BTA, appends=False, **given):
        out, past = self.network(x, actions_BTA, past=self.past, **given)
        if self.guidance != 1 and actions_BTA.shape[2] > 0:
            untold = torch.cat([actions_BTA[:, :-1], untold_like(actions_BTA[:, -1:])], 1)
            out = torch.lerp(self.network(x, untold, past=self.past, **given)[0], out, self.guidance)
        self.past = past if appends else self.past
        return out


# The program's random numbers: Philox4x32-10, keyed by purpose, frame and episode ----------------------------------------

class Draws:
    """The numbers that `nextframe rollout` draws. For your own, give rollout() an object with these two methods."""
    SAMPLE, CONTEXT = 0, 1  # whose noise

    def __init__(self, episodes, seed=0):
        self.episodes, self.seed = episodes, seed

    @staticmethod
    def mix(a, b):
        z = (a + 0x9E3779B97F4A7C15 * (b + 1)) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    def unit(self, stream, step, count):
        """[B, blocks, 4] in [0, 1)."""
        low, rows = 0xFFFFFFFF, []
        for episode in self.episodes:
            key = self.mix(self.mix(self.mix(self.seed, stream), step), int(episode))
            a, b, c, d = torch.arange((count + 3) // 4), *[torch.zeros((count + 3) // 4, dtype=torch.long)] * 3
            for turn in range(10):
                first, second = a * 0xD2511F53, c * 0xCD9E8D57
                key_0, key_1 = (key + turn * 0x9E3779B9) & low, ((key >> 32) + turn * 0xBB67AE85) & low
                a, b, c, d = (second >> 32 & low) ^ b ^ key_0, second & low, (first >> 32 & low) ^ d ^ key_1, first & low
            rows.append(torch.stack([a, b, c, d], 1) >> 8)
        return torch.stack(rows).float() * 2.0**-24

    def uniform(self, step, shape):
        """[B, *shape], for codes."""
        return self.unit(11, step, math.prod(shape)).flatten(1)[:, :math.prod(shape)].view(-1, *shape)

    def normal(self, frame, whose, shape):
        """[B, *shape], the noise of a frame (Box and Muller 1958)."""
        unit = self.unit(5, 2 * frame + whose, math.prod(shape))
        radius, angle = (-2 * torch.log(1 - unit[..., ::2])).sqrt(), unit[..., 1::2] * (2 * math.pi)
        pairs = torch.stack([radius * angle.cos(), radius * angle.sin()], -1)
        return pairs.flatten(1)[:, :math.prod(shape)].view(-1, *shape)


# The model -------------------------------------------------------------------------------------------------------------

def untold_like(actions_BTA):
    """With dropout of actions, the last number of an action says that it is not told."""
    return F.pad(torch.zeros_like(actions_BTA[..., :-1]), (0, 1), value=1.0)


def unit_range(x):
    return ((x + 1) / 2).clamp(0, 1)


def sampled(logits, uniform, temperature):
    gumbel = -torch.log(-torch.log(uniform.clamp_min(1e-7)))
    return (logits if temperature == 0 else logits / temperature + gumbel).argmax(-1)


def make_tokenizer(weights, config, clip, pack=1):
    check_covered(config)
    if config["tokenizer"]["name"] == "latent_actions":
        return LatentActions(weights, config["tokenizer"], clip)
    return PatchAutoencoder(weights, config["tokenizer"], clip, pack)


class Model:
    def __init__(self, weights, exported):
        config, self.clip = exported["config"], exported["clip"]
        check_covered(config)
        self.exported, self.action_space = exported, exported["actions"]
        self.tokenizer = self.latent_actions = self.network = None
        if exported.get("latent_actions"):
            self.latent_actions = make_tokenizer(under(weights, "actions."), exported["latent_actions"], self.clip)
        if exported.get("tokenizer"):
            pack = config["tokenizer"]["pack"]
            self.tokenizer = make_tokenizer(under(weights, "tokenizer."), exported["tokenizer"], self.clip, pack)
        if "model" not in config:  # a tokenizer's own run
            self.tokenizer = make_tokenizer(weights, config, self.clip)
            return
        self.objective, self.actions, self.evaluate = config["objective"], config["actions"], config["evaluate"]
        self.is_of_codes = self.tokenizer is not None and self.tokenizer.is_of_codes
        self.bound = 1e6 if self.tokenizer else 1.0
        kinds = {"space_time_transformer": SpaceTimeTransformer, "frame_mlp": FrameMlp, "conv_recurrent": ConvRecurrent}
        # A sampling objective gives the network the frame that it predicts, too.
        frames_seen = self.clip["clip_frames"] - (self.objective["name"] == "regress")
        self.network = kinds[config["model"]["name"]](weights, config["model"], self.clip, self.tokenizer, frames_seen)
        self.next = {"regress": self.next_by_regress, "flow": self.next_by_denoising, "shortcut": self.next_by_denoising,
                     "maskgit": self.next_by_maskgit, "autoregressive": self.next_by_order}[self.objective["name"]]

    def encode(self, frames_BTHWC):
        x = torch.as_tensor(frames_BTHWC).float() / 127.5 - 1
        return self.tokenizer.encode(x) if self.tokenizer else x

    def decode(self, x):
        return unit_range(self.tokenizer.decode(x) if self.tokenizer else x)

    def told(self, actions):
        """Actions as the data have them, [B, T, A] or of choices [B, T], to what the network is given."""
        actions_BTA = torch.as_tensor(actions)
        width = self.latent_actions.num_codes if self.latent_actions else self.clip["action_width"]
        if actions_BTA.dim() == 2:
            actions_BTA = F.one_hot(actions_BTA.long(), width) if width else actions_BTA[..., None][..., :0]
        scale = self.action_space.get("scale")
        if scale and not self.latent_actions:
            times = width // len(scale["centre"])  # with a stride, the actions of several stored frames
            centre, unit = (torch.tensor(scale[key] * times, dtype=torch.float64) for key in ("centre", "scale"))
            actions_BTA = (actions_BTA.double() - centre) / unit
        if self.actions["form"] == "none":
            return actions_BTA[..., :0].float()
        return F.pad(actions_BTA.float(), (0, 1 if self.actions["dropout"] > 0 and width > 0 else 0))

    def no_action(self, told_BTA):
        row = told_BTA[:, :1]
        return untold_like(row) if self.actions["dropout"] > 0 and row.shape[2] > 0 else torch.zeros_like(row)

    def needs_network(self):
        if self.network is None:
            raise NotImplementedError("this is a tokenizer's run: it reconstructs frames and predicts none")

    @torch.no_grad()
    def look(self, x, actions_BTA, **given):
        """The bare network: x as of encode(), actions as of told(), noise levels and the like as in its __call__."""
        self.needs_network()
        return self.network(x, actions_BTA, **given)[0]

    @torch.no_grad()
    def reconstruct(self, frames_BTHWC):
        """What the tokenizer leaves of frames."""
        if not self.tokenizer:
            raise NotImplementedError("this model of pixels has no tokenizer")
        return unit_range(self.tokenizer.reconstruct(torch.as_tensor(frames_BTHWC).float() / 127.5 - 1))

    @torch.no_grad()
    def infer_actions(self, frames_BTHWC):
        """The latent actions of a model of them, one-hot; the last frame's is unknown and 0."""
        codes_BT = self.latent_actions.codes_of(torch.as_tensor(frames_BTHWC).float() / 127.5 - 1)
        return F.one_hot(codes_BT, self.latent_actions.num_codes).float()

    @torch.no_grad()
    def one_step(self, frames_BTHWC, actions, episodes=None, steps=None, guidance=None, seed=0):
        """Frames 1 .. T-1, each from the true frames before it, in windows of clip_frames that advance by half a clip."""
        self.needs_network()
        frames_BTHWC, told = torch.as_tensor(frames_BTHWC), self.told(actions)
        self.sampling = self.sampling_of(frames_BTHWC, episodes, steps, seed, None)
        count, window, guesses, done = frames_BTHWC.shape[1], self.clip["clip_frames"], [], 1
        end = min(window, count)
        while done < count:
            start = max(0, end - window)
            walk = self.walk(guidance)
            x, actions_BTA = self.encode(frames_BTHWC[:, start:end]), told[:, start:end]
            if self.objective["name"] == "regress":  # all frames at once
                now = x[:, :-1]
                guess = now + walk.look(now, actions_BTA[:, :-1]) * self.objective["residual_scale"]
                guesses.append(guess[:, done - start - 1:])
            else:
                first = 0
                for known in range(done - start, end - start):
                    before = actions_BTA[:, first - 1:first] if first else self.no_action(told)
                    guesses.append(self.next(walk, SimpleNamespace(x=x[:, first:known], actions=actions_BTA[:, first:known],
                                                                  before=before, first=start + first)))
                    first = known
            done, end = end, min(end + max(1, window // 2), count)
        return self.decode(torch.cat(guesses, 1))

    @torch.no_grad()
    def rollout(self, context_BTHWC, actions, episodes=None, steps=None, guidance=None, seed=0, draws=None):
        """Frames after those of the context, each from the frames before it, own predictions included.

        actions    of the context and of all dreamed frames but the last; one that is taken at a frame leads to its next
        episodes   numbers that key the noise of a sampling objective, one a row; default: all 0
        steps, guidance   as --steps and --guidance of `nextframe rollout`
        draws      random numbers of your own, see Draws
        """
        self.needs_network()
        context_BTHWC, told = torch.as_tensor(context_BTHWC), self.told(actions)
        count = context_BTHWC.shape[1]
        self.sampling = self.sampling_of(context_BTHWC, episodes, steps, seed, draws)
        walk = self.walk(guidance)
        first = max(0, count - self.clip["clip_frames"] + 1)
        known = SimpleNamespace(x=self.encode(context_BTHWC[:, first:]), actions=told[:, first:count], first=first,
                                before=told[:, first - 1:first] if first else self.no_action(told))
        dreamed = []
        for frame in range(count, told.shape[1] + 1):
            if dreamed:
                known = SimpleNamespace(x=dreamed[-1], actions=told[:, frame - 1:frame], first=frame - 1,
                                        before=told[:, frame - 2:frame - 1])
            x = self.next(walk, known)
            dreamed.append(x if self.is_of_codes else x.clamp(-self.bound, self.bound))
        return self.decode(torch.cat(dreamed, 1))

    def walk(self, guidance):
        guidance = self.evaluate["guidance"] if guidance is None else guidance
        if guidance != 1 and self.actions["dropout"] == 0:
            raise ValueError(f"guidance = {guidance} needs a model that was trained with actions.dropout above 0")
        return Walk(self.network, guidance)

    def sampling_of(self, frames, episodes, steps, seed, draws):
        episodes = [0] * frames.shape[0] if episodes is None else episodes
        return SimpleNamespace(steps=steps or self.evaluate["denoise_steps"], draws=draws or Draws(episodes, seed))

    # The frame after those of `known`, by objective. Sampling objectives give a frame the action that led to it.

    def next_by_regress(self, walk, known):
        change = walk.look(known.x, known.actions, appends=True)
        return known.x[:, -1:] + change[:, -1:] * self.objective["residual_scale"]

    @staticmethod
    def arriving(known):
        return torch.cat([known.before, known.actions[:, :-1]], 1)

    def next_by_denoising(self, walk, known):
        """Walks from noise to the frame in a few straight steps."""
        how, steps, draws = self.objective, self.sampling.steps, self.sampling.draws
        clean, shape, T = how["context_level"], known.x.shape[2:], known.x.shape[1]
        filled = lambda frames, value: torch.full((known.x.shape[0], frames), float(value))
        shown = known.x
        if clean < 1:
            noise = torch.stack([draws.normal(known.first + t, Draws.CONTEXT, shape) for t in range(T)], 1)
            shown = torch.lerp(noise, known.x, clean)
        given = {"level_BT": filled(T, clean), "num_steps_BT": filled(T, how["levels"])}
        walk.look(shown, self.arriving(known), appends=True, **given)
        x = draws.normal(known.first + T, Draws.SAMPLE, shape)[:, None]
        for k in range(steps):
            given = {"level_BT": filled(1, k / steps), "num_steps_BT": filled(1, steps)}
            guess = self.guess(lambda frame: walk.look(frame, known.actions[:, -1:], **given), x, shown[:, -1:], k / steps)
            x = x + (guess - x) / (steps - k)
        return x

    def guess(self, look, x, before, level):
        """The clean frame. With change_scale the network corrects what the frame before says of it (Karras et al. 2022)."""
        scale, clean = self.objective["change_scale"], self.objective["context_level"]
        if scale == 0:
            return look(x)
        precision = clean / (clean**2 * scale**2 + (1 - clean)**2)
        variance = 1 / (precision * clean + 2)
        mean = before * (precision * variance)
        c_in = math.sqrt(variance / (level**2 * variance + (1 - level)**2)) * (0.9 * level + 0.1)
        given = x if level >= clean else mean + (x - mean * level) * c_in
        return mean + look(given) * math.sqrt(variance)

    def next_by_maskgit(self, walk, known):
        """All codes of the frame are hidden; in each round the likeliest stay (Chang et al. 2022)."""
        rounds, how = self.sampling.steps, self.objective
        walk.look(known.x, self.arriving(known), appends=True, hidden_BTN=torch.zeros_like(known.x, dtype=torch.bool))
        codes, N = torch.zeros_like(known.x[:, -1:]), known.x.shape[2]
        hidden = torch.ones_like(codes, dtype=torch.bool)
        for k in range(rounds):
            logits = walk.look(codes, known.actions[:, -1:], hidden_BTN=hidden)
            progress = (k + 1) / rounds
            still = int(N * math.cos(math.pi / 2 * progress)) if k + 1 < rounds else 0
            frame = known.first + known.x.shape[1]
            uniform = self.sampling.draws.uniform(frame * rounds + k, (1, N, logits.shape[3] + 1))
            codes = torch.where(hidden, sampled(logits, uniform[..., 1:], how["temperature"]), codes)
            gumbel = -torch.log(-torch.log(uniform[..., 0].clamp_min(1e-7)))
            sure = logits.log_softmax(3).gather(3, codes[..., None])[..., 0]
            sure = sure + how["choice_temperature"] * (1 - progress) * gumbel
            order = torch.where(hidden, sure, math.inf).argsort(stable=True, dim=2)
            hidden = order.argsort(dim=2) < still
        return codes

    def next_by_order(self, walk, known):
        """One code after the other, each from all before it."""
        walk.look(known.x, self.arriving(known), appends=True)
        codes, frame = torch.zeros_like(known.x[:, -1:]), known.first + known.x.shape[1]
        for place in range(codes.shape[2]):
            logits = walk.look(codes, known.actions[:, -1:])
            uniform = self.sampling.draws.uniform(frame, (1, *logits.shape[2:]))
            codes[:, :, place] = sampled(logits[:, :, place], uniform[:, :, place], self.objective["temperature"])
        return codes


def load(folder):
    with open(os.path.join(folder, "config.json")) as file:
        exported = json.load(file)
    return Model(read_safetensors(os.path.join(folder, "model.safetensors")), exported)


def main(folder, npz):
    import numpy
    model, stored = load(folder), numpy.load(npz)
    if model.network is None:
        found = model.reconstruct(stored["truth"])
    else:
        found = model.rollout(stored["context"], stored["actions"], episodes=stored["episodes"].tolist())
    wanted = torch.from_numpy(stored["frames"])
    print(f"largest difference of {tuple(wanted.shape)} numbers in [0, 1]: {(found - wanted).abs().max():.2e}")


if __name__ == "__main__":
    import sys
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
