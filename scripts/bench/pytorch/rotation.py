"""Rotary position embedding (RoPE) in space and in time."""
import math

import torch
import torch.nn.functional as F


def turned(x, rotation):
    """Rotates each pair of values i and i + half of a head by angle i of its position."""
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
    """Half of a head's pairs rotate with the row, half with the column; tokens without a position do not rotate."""
    pairs = head_dim // 2
    row_pairs = pairs // 2

    def angles(length, count):
        exponent = torch.arange(count, dtype=torch.float64) / max(1, count - 1)
        return torch.outer(torch.arange(length, dtype=torch.float64), length ** exponent * (math.pi / length))

    by_row = angles(rows, row_pairs).unsqueeze(1).expand(rows, columns, row_pairs)
    by_column = angles(columns, pairs - row_pairs).unsqueeze(0).expand(rows, columns, pairs - row_pairs)
    places = torch.cat((by_row, by_column), -1).reshape(rows * columns, pairs)
    return rotation_of(F.pad(places, (0, 0, before, after)))
