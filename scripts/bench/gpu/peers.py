"""Attention of PyTorch's back ends and of others, each on the layout that suits it: functions of queries, keys and
values, [B, K, L, F]."""
import functools

from gpu import device
from gpu.mask import CAUSAL, pairs, visible


def by_backend(name, **how):
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    chosen = getattr(SDPBackend, name)

    def run(*inputs):
        with sdpa_kernel(chosen):
            return torch.nn.functional.scaled_dot_product_attention(*inputs, **how)
    return run


BACKENDS = {"cuDNN": "CUDNN_ATTENTION", "flash": "FLASH_ATTENTION", "efficient": "EFFICIENT_ATTENTION", "math": "MATH"}


def masked(problem):
    import torch
    sees = visible(problem.queries, problem.keys, problem.mask, device.NAME)
    return lambda *inputs: torch.nn.functional.scaled_dot_product_attention(*inputs, attn_mask=sees)


def frame_loop(problem):
    """One call without a mask for each frame, as someone who knows the back ends would write it. With flash attention,
    because cuDNN would build a plan for each length."""
    import torch
    tokens, attend = problem.mask.frame_tokens, by_backend("FLASH_ATTENTION")

    def run(query, key, value):
        return torch.cat([attend(query[:, :, start:start + tokens], key[:, :, :start + tokens],
                                 value[:, :, :start + tokens]) for start in range(0, problem.keys, tokens)], 2)
    return run


@functools.cache
def flex(keys, frame_tokens):
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    mask = create_block_mask(lambda b, h, q, k: q // frame_tokens >= k // frame_tokens, None, None, keys, keys,
                             device=device.NAME)
    attend = flex_attention if device.is_rehearsal() else torch.compile(flex_attention, dynamic=False)
    return functools.partial(attend, block_mask=mask)


def flash_attention_3(is_causal):
    """The wheel fa3-fwd (forward only), if it is installed."""
    from fa3_fwd_interface import flash_attn_func

    def run(*inputs):
        result = flash_attn_func(*(x.transpose(1, 2) for x in inputs), causal=is_causal)
        return (result[0] if isinstance(result, tuple) else result).transpose(1, 2)
    return run


def of(problem):
    """Names and makers of functions; a maker may fail."""
    sees_all = pairs(problem.queries, problem.keys, problem.mask) == problem.queries * problem.keys
    if not sees_all and problem.mask != CAUSAL:
        return {"masked": lambda: masked(problem), "flex": lambda: flex(problem.keys, problem.mask.frame_tokens),
                "frame loop": lambda: frame_loop(problem)}
    how = {} if sees_all else {"is_causal": True}
    makers = {name: functools.partial(by_backend, chosen, **how) for name, chosen in BACKENDS.items()
              if name != "math" or problem.keys <= 64}
    if problem.width in (64, 128):
        makers["FA3"] = lambda: flash_attention_3(not sees_all)
    return makers


def layouts(problem):
    """Makers of a tensor of so many positions: with heads beside positions, and sequences copied together."""
    import torch
    p = problem
    make = functools.partial(torch.randn, device=device.NAME, dtype=torch.float16 if p.fp16 else torch.bfloat16)
    made = {"as it lies": lambda length: make(p.outer, length, p.inner * p.heads, p.width).transpose(1, 2)}
    if p.inner > 1:
        made["copied"] = lambda length: make(p.outer * p.inner, p.heads, length, p.width)
    return made


def calls(problem, passes):
    """Yields name, pass and call; or an error in place of a call that cannot be made."""
    import torch
    for layout, make in layouts(problem).items():
        inputs = [make(length).requires_grad_("backward" in passes)
                  for length in (problem.queries, problem.keys, problem.keys)]
        grad = make(problem.queries)
        for name, maker in of(problem).items():
            name = f"{name}, {layout}"
            try:
                attend = maker()
                result = attend(*inputs)
            except Exception as reason:  # pylint: disable=broad-except; unsupported here, or not installed
                yield name, "forward", device.words(reason)
                continue

            def forward(attend=attend, inputs=inputs):
                with torch.no_grad():
                    attend(*inputs)

            yield name, "forward", forward
            if "backward" not in passes:
                continue
            if result.requires_grad:
                yield name, "backward", functools.partial(torch.autograd.grad, result, inputs, grad, retain_graph=True)
            else:
                yield name, "backward", "has no backward"
