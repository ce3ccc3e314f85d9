"""Sets of data that are hardly there: one clip, two clips, a batch larger than the set."""
from trial import case


@case
def the_smallest_sets_train(t):
    for lengths in ((8,), (9,), (8, 8, 8)):
        t.shard("data/train/s0.h5", lengths, seed=1)
        t.shard("data/validation/s0.h5", (9,), seed=2)
        t.run(f"train run.yaml --set trainer.global_batch=64 --set evaluate.every_steps=10 --run runs/{len(lengths)}-{lengths[0]}",
              says="finished")
