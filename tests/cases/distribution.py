"""The distances of the suite distribution, computed again with NumPy from the definitions of docs/evaluation.md."""
import json

import h5py
import numpy as np

from trial import case

CONTEXT, HORIZON, EPISODES = 4, 12, 10
KEY = 0x636C697066696C74  # of the filters' weights


def philox(key, low, high):
    """The first word of Philox4x32-10 at the counters (low, high), which are arrays."""
    value = [low & 0xFFFFFFFF, low >> 32, high & 0xFFFFFFFF, high >> 32]
    value = [np.asarray(word, np.uint64) for word in value]
    first, second = key & 0xFFFFFFFF, key >> 32
    mask = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        one, two = np.uint64(0xD2511F53) * value[0], np.uint64(0xCD9E8D57) * value[2]
        value = [(two >> np.uint64(32)) ^ value[1] ^ np.uint64(first), two & mask,
                 (one >> np.uint64(32)) ^ value[3] ^ np.uint64(second), one & mask]
        first, second = (first + 0x9E3779B9) & 0xFFFFFFFF, (second + 0xBB67AE85) & 0xFFFFFFFF
    return value[0]


def filters(first, count, channels, frames):
    size = channels * frames * 25
    high, low = np.divmod(np.arange(count * size, dtype=np.uint64), np.uint64(size))
    bits = philox(KEY, low, high + np.uint64(first))
    weights = 2 * (bits >> np.uint64(8)).astype(np.float64) / 2**24 - 1
    return weights.reshape(count, channels, frames, 5, 5)


def responses(clip, bank):
    """Mean absolute responses to one clip [T, H, W, C] in [0, 1]."""
    bank = bank / np.sqrt((bank**2).sum((1, 2, 3, 4), keepdims=True))
    views = np.lib.stride_tricks.sliding_window_view(clip, (bank.shape[2], 5, 5), axis=(0, 1, 2))[:, ::2, ::2]
    return np.abs(np.einsum("thwcabd,fcabd->fthw", views, bank)).mean((1, 2, 3))


def features(clip):
    plain, texture, motion = filters(0, 8, 3, 1), filters(8, 8, 3, 1), filters(16, 16, 3, 3)
    texture = texture - texture.mean((3, 4), keepdims=True)
    motion = motion - motion.mean(2, keepdims=True)
    return np.concatenate([responses(clip, bank) for bank in (plain, texture, motion)])


def frechet(x, y):
    a, b = np.cov(x.T), np.cov(y.T)
    roots = np.sqrt(np.clip(np.linalg.eigvals(a @ b).real, 0, None))
    return ((x.mean(0) - y.mean(0))**2).sum() + np.trace(a) + np.trace(b) - 2 * roots.sum()


def mmd2(x, y, of_x, of_y):
    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1)**3

    def within(a, of):
        return kernel(a, a)[of[:, None] != of[None, :]].mean()
    return within(x, of_x) + within(y, of_y) - 2 * kernel(x, y).mean()


def recorded(t):
    """True frames [N, T, H, W, C] of held-out episodes, and dreams of them: noisy, and a frame late."""
    t.shard("data/validation/s0.h5", (20,) * EPISODES, seed=2)
    with h5py.File("data/validation/s0.h5") as file:
        truth = file["pixels"][:].reshape(EPISODES, 20, 16, 16, 3)
    noise = np.random.default_rng(3).integers(0, 40, (EPISODES, HORIZON, 16, 16, 3))
    late = truth[:, CONTEXT - 1:CONTEXT - 1 + HORIZON].astype(np.int64)
    dreams = np.clip(late + noise, 0, 255).astype(np.uint8)
    np.savez("guess.npz", frames=dreams, context_frames=CONTEXT)
    return truth[:, CONTEXT:CONTEXT + HORIZON], dreams


def clip_features(frames):
    """[N, D] of the clips of HORIZON frames, of which each episode has one."""
    return np.stack([features(episode / 255) for episode in frames])


@case
def the_distances_are_those_that_numpy_computes_from_the_same_definitions(t):
    truth, dreams = recorded(t)
    t.run("eval --predictions guess.npz --data 'data/validation/*.h5' --out found --suite quality,distribution")
    with open("found/report.json") as file:
        suite = json.load(file)["suites"]["distribution"]
    true, dreamed = clip_features(truth), clip_features(dreams)
    mean, deviation = true.mean(0), true.std(0)
    true, dreamed = (true - mean) / deviation, (dreamed - mean) / deviation
    of = np.arange(EPISODES)
    even, odd = of % 2 == 0, of % 2 == 1
    halves = [(even, odd), (odd, even)]
    expected = {
        "frechet": np.mean([frechet(dreamed[a], true[b]) for a, b in halves]),
        "mmd2": np.mean([mmd2(dreamed[a], true[b], of[a], of[b]) for a, b in halves])}
    floor = {"frechet": frechet(true[even], true[odd]), "mmd2": mmd2(true[even], true[odd], of[even], of[odd])}
    for name in expected:
        for got, right in ((suite[name], expected[name]), (suite["floor"][name], floor[name]),
                           (suite["excess"][name], expected[name] - floor[name])):
            t.is_(abs(got["value"] - right) < 1e-5 * max(1, abs(right)), True, f"{name}: {got} beside {right}")
            t.is_(got["n"], EPISODES, "episodes")


@case
def what_is_wrong_with_features_is_told(t):
    recorded(t)
    start = "eval --predictions guess.npz --data 'data/validation/*.h5' --out found"
    t.run(f"{start} --features nowhere.pt", exits=2, says="--suite distribution")
    t.run(f"{start} --suite distribution --features nowhere.pt", exits=3, says="nowhere.pt")
    t.write("text.pt", "no archive")
    t.run(f"{start} --suite distribution --features text.pt", exits=3, says=("text.pt", "TorchScript module"))
