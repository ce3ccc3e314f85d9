"""Attention masks: the numbers of kernels/attention_mask.h without the count of keys."""
import collections

Mask = collections.namedtuple("Mask", "frame_tokens window_frames sink_frames clip_frames first_query",
                              defaults=(0, 0, 0, 0))
ALL, CAUSAL = Mask(0), Mask(1)


def visible(queries, keys, mask, device):
    """[queries, keys] booleans."""
    import torch
    tokens, window, sink, clip, first = mask
    if tokens == 0:
        return torch.ones(queries, keys, dtype=torch.bool, device=device)
    now = ((torch.arange(queries, device=device) + first) // tokens)[:, None]
    then = (torch.arange(keys, device=device) // tokens)[None]
    sees = then <= now
    if clip:
        sees &= now // clip == then // clip
    if window:
        sees &= (now - then < window) | ((then % clip if clip else then) < sink)
    return sees


def pairs(queries, keys, mask):
    """Queries and keys that see each other; for masks without windows and clips."""
    assert not mask.window_frames and not mask.clip_frames
    if mask.frame_tokens == 0:
        return queries * keys
    ends = (((query + mask.first_query) // mask.frame_tokens + 1) * mask.frame_tokens for query in range(queries))
    return sum(min(end, keys) for end in ends)
