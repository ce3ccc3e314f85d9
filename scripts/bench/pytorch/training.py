"""PyTorch's side of scripts/bench/pytorch_step: a process that trains the recipes' model when asked.

    python -m pytorch.training CHECKPOINT CLIPS.h5 eager|compile fp32|bf16 sdpa|by_hand RANK RANKS MEETING_POINT

It keeps one batch, so no data loading is timed. Commands (pytorch/serving.py): `check`: loss and gradient norm of the
batch; `steps N`: seconds a training step, mean of N.
"""
import math
import sys
import time

import torch
from torch import nn

from pytorch.files import copy_parameters, read_checkpoint, read_clips
from pytorch.model import ATTENTION, SpaceTimeTransformer
from pytorch.serving import serve, set_threads


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
        """Returns the loss and the gradient's norm before clipping; leaves the clipped gradient in the parameters."""
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
        """Seconds a step, after an untimed one that warms up caches which another process has used."""
        self.step()
        start = time.perf_counter()
        for _ in range(count):
            self.step()
        return (time.perf_counter() - start) / count

    def check(self):
        loss, gradient_norm = self.gradient()
        return {"loss": loss, "grad_norm": gradient_norm}


def main():
    checkpoint, clips, mode, precision, attention, rank, ranks, meeting_point = sys.argv[1:]
    set_threads()
    peer = Peer(checkpoint, clips, mode, precision, attention, int(rank), int(ranks), meeting_point)
    serve({"check": peer.check, "steps": lambda count: {"step_s": peer.steps(int(count))}})
    if int(ranks) > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main() if len(sys.argv) == 9 else sys.exit(__doc__)
