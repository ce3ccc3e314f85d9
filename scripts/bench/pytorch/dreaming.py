"""PyTorch's side of scripts/bench/pytorch_rollout: a process that dreams with a trained model when asked.

    python -m pytorch.dreaming CHECKPOINT CLIPS.h5 CONTEXT FRAMES window|memory eager|compile fp32|bf16 sdpa|by_hand

`window` works every frame out from the newest frames, all of them again; `memory` keeps the keys and values of earlier
frames. Commands (pytorch/serving.py): `dream OUT` writes what was dreamed as float32; `time SECONDS`: seconds a rollout,
the median of as many as fit, or of one.
"""
import statistics
import sys
import time

import torch
import torch._inductor.config

from pytorch.files import copy_parameters, read_checkpoint, read_clips
from pytorch.model import ATTENTION, Past, Product, SpaceTimeTransformer
from pytorch.rotation import rotation_in_time
from pytorch.serving import serve, set_threads


class Dreamer:
    """The model in evaluation mode, with what both kinds of rollout need."""

    def __init__(self, checkpoint, clips, context, frames, mode, precision, attention):
        manifest, config, parameters = read_checkpoint(checkpoint, ("ema", "parameters"))
        self.model = SpaceTimeTransformer(config, manifest, precision == "bf16", ATTENTION[attention]).eval()
        copy_parameters(self.model, parameters)
        for module in self.model.modules():
            if isinstance(module, Product):
                module.round_weight()
        self.model.requires_grad_(False)
        self.window = manifest["clip_frames"] - 1
        self.context, self.frames, self.is_compiled = context, frames, mode == "compile"
        clip_frames, actions = read_clips(clips, manifest["action_width"])
        self.shown = clip_frames[:, :context].contiguous()
        self.actions = actions[:, :context + frames - 1].contiguous()
        self.in_time = rotation_in_time(context + frames, self.model.head_dim)
        torch._inductor.config.freezing = self.is_compiled  # weights packed once: up to 5 % faster here

    def compiled(self, function, **options):
        return torch.compile(function, **options) if self.is_compiled else function

    def next_frame(self, now, tokens):
        guess = self.model.decode(tokens[:, -1:]) * self.model.residual_scale
        return (now[:, -1:] + guess).clamp(-1, 1)

    def read_context(self):
        return self.shown.float() / 127.5 - 1

    @torch.no_grad()
    def dream(self, frames):
        return (torch.cat(self.dreamed(frames), 1) + 1) * 0.5


class WindowDreamer(Dreamer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        # A growing window has many lengths; the full window has a compiled program of its own.
        self.grow, self.go_on = self.compiled(self.step, dynamic=True), self.compiled(self.full_step, dynamic=False)

    def step(self, x, actions):
        in_time = (self.model.time_cosine[:x.shape[1]], self.model.time_sine[:x.shape[1]])
        return self.next_frame(x, self.model.trunk(self.model.embed(x, actions), in_time))

    def full_step(self, x, actions):
        return self.step(x, actions)

    def dreamed(self, frames):
        x = self.read_context()[:, -self.window:]
        result = []
        for end in range(self.context, self.context + frames):
            step = self.go_on if x.shape[1] == self.window else self.grow
            result.append(step(x, self.actions[:, end - x.shape[1]:end].contiguous()))
            x = torch.cat((x, result[-1]), 1)[:, -self.window:].contiguous()
        return result


class MemoryDreamer(Dreamer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        clips, model = len(self.shown), self.model
        sizes = (clips, model.rows * model.columns + 1 + len(model.registers), model.heads, self.window, model.head_dim)
        self.slots = torch.arange(self.window)[None]
        dtype = torch.bfloat16 if model.bf16 else torch.float32
        self.kept = [(torch.zeros(sizes, dtype=dtype), torch.zeros(sizes, dtype=dtype)) if block.time_in else None
                     for block in model.blocks]
        self.begin = self.compiled(self.first_step, dynamic=False)
        self.fill, self.go_on = self.compiled(self.step, dynamic=False), self.compiled(self.full_step, dynamic=False)

    def pasts(self, slots, visible):
        return [kept and Past(*kept, slots, visible) for kept in self.kept]

    def first_step(self, x, actions, in_time, slots, visible):
        tokens = self.model.trunk(self.model.embed(x, actions), in_time, self.pasts(slots, visible))
        return self.next_frame(x, tokens)

    def step(self, x, before, action, in_time, slot, visible):
        tokens = self.model.trunk(self.model.embed(x, action, before), in_time, self.pasts(slot, visible))
        return self.next_frame(x, tokens)

    def full_step(self, x, before, action, in_time, slot):
        return self.step(x, before, action, in_time, slot, None)

    def rows(self, first, last):
        """Keys are rotated by their frame's number in the whole rollout, so that they can stay in the cache."""
        return tuple(table[first:last].contiguous() for table in self.in_time)

    def dreamed(self, frames):
        start = max(0, self.context - self.window)
        x = self.read_context()[:, start:]
        actions = self.actions[:, start:self.context].contiguous()
        slots = torch.arange(start, self.context) % self.window
        alone = self.slots < 1 if len(slots) == 1 else None
        result = [self.begin(x, actions, self.rows(start, self.context), slots, alone)]
        before = x[:, -1:].contiguous()
        for place in range(self.context, self.context + frames - 1):
            slot = torch.tensor([place % self.window])
            words = result[-1], before, self.actions[:, place:place + 1].contiguous(), self.rows(place, place + 1), slot
            before = result[-1]
            if place - start + 1 < self.window:
                result.append(self.fill(*words, self.slots <= place - start))
            else:
                result.append(self.go_on(*words))
        return result


def seconds_a_rollout(dreamer, budget_s):
    dreamer.dream(min(2, dreamer.frames))  # warms up caches that another process has used
    seconds = []
    while not seconds or sum(seconds) + seconds[-1] < budget_s:
        start = time.perf_counter()
        dreamer.dream(dreamer.frames)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main():
    checkpoint, clips, context, frames, way, *variant = sys.argv[1:]
    set_threads()
    dreamer = {"window": WindowDreamer, "memory": MemoryDreamer}[way](checkpoint, clips, int(context), int(frames), *variant)

    def dream(out):
        dreamer.dream(dreamer.frames).contiguous().numpy().tofile(out)
        return {}

    serve({"dream": dream, "time": lambda budget_s: {"rollout_s": seconds_a_rollout(dreamer, float(budget_s))}})


if __name__ == "__main__":
    main() if len(sys.argv) == 9 else sys.exit(__doc__)
