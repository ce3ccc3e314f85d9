"""Configs: every number has a bound that a machine can meet, YAML has no trap doors, patterns of files end."""
import os

from trial import case


def config_with(t, section, line, name="wrong.yaml"):
    t.write(name, f"extends: run.yaml\n{section}:\n  {line}\n")
    return name


@case
def every_number_has_a_bound(t):
    for section, line in (("parallel", "threads: 100000"), ("parallel", "bucket_bytes: 9223372036854775807"),
                          ("trainer", "steps: 9223372036854775807"), ("trainer", "global_batch: 1073741824"),
                          ("trainer", "grains: 100000000"), ("trainer", "max_minutes: 1e308"),
                          ("trainer", "seed: -1"), ("trainer", "log_every_steps: 9000000000"),
                          ("data", "clip_frames: 1000000000"), ("data", "stride_frames: 1000000000"),
                          ("data", "loader_threads: 100000"), ("data", "prefetch_grains: 1000000000"),
                          ("model", "dim: 1000000000"), ("model", "layers: 1000000"),
                          ("model", "heads: 1000000000"), ("model", "patch_px: 1000000"),
                          ("model", "registers: 1000000000"), ("model", "mlp_ratio: 1e300"),
                          ("optimizer", "lr: 1e300"), ("optimizer", "lr: -0.1"), ("optimizer", "beta2: 1"),
                          ("optimizer", "epsilon: 0"), ("optimizer", "ema_decay: 1.5"),
                          ("checkpoint", "keep: 1000000000"), ("checkpoint", "timeout_s: 1e300"),
                          ("evaluate", "horizon_frames: 1000000000000"), ("evaluate", "episodes: 0"),
                          ("schedule", "warmup_steps: -1")):
        key = f"{section}.{line.split(':')[0]}"
        t.run(["check", config_with(t, section, line)], exits=2, says=(key, "must be"))


@case
def what_is_not_a_finite_number_is_refused(t):
    for value in ("nan", ".nan", "inf", ".inf", "-inf", "1e999", "0x10", "1_000", "0,003", "010"):
        t.run(["check", "run.yaml", "--set", f"optimizer.lr={value}"], exits=2, says="optimizer.lr needs a number")


@case
def bounds_stand_in_explain_and_schema(t):
    t.run("explain parallel.threads", says="range    1 to 1024")
    t.run("explain optimizer.beta1", says="range    0 or more, less than 1")
    t.run("schema", says=('"maximum": 1024', '"exclusiveMaximum"'))


@case
def more_threads_than_cores_are_told(t):
    t.good()
    t.run("check run.yaml --set parallel.threads=1024", says="is more than the")


@case
def a_model_larger_than_the_machine_ends_with_numbers(t):
    t.good()
    for settings in ("model.dim=65536 --set model.mlp_ratio=1024", "model.halo_px=4096 --set model.dim=16384"):
        t.run(f"train run.yaml --set {settings}", exits=7, says=("out of memory", "GiB"), lacks="DefaultCPUAllocator")


@case
def a_batch_larger_than_the_machine_ends_with_numbers(t):
    t.shard("data/train/s0.h5", height=64, width=64)
    t.run("train run.yaml --set trainer.global_batch=1048576 --set trainer.grains=1 --set data.clip_frames=32", exits=7,
          says="out of memory", lacks="DefaultCPUAllocator")


@case
def a_model_that_does_not_fit_the_frames_is_a_mistake_of_the_config(t):
    t.good()
    for command in ("train", "check", "plan", "verify", "bench step"):
        t.run(f"{command} run.yaml --set model.patch_px=5", exits=2, says="must divide the frame size 16x16; nearest: 4 and 8")


@case
def names_of_folders_mean_themselves(t):
    t.good()
    for folder in ("runs [v2]", "a{1,2}b", "with space", "größe", "it's", "a*b", "q?", "[", "{", "back\\slash"):
        os.makedirs(folder)
        for split in ("train", "validation"):
            os.symlink(os.path.abspath(f"data/{split}"), f"{folder}/{split}")
        t.run(["train", "run.yaml", "--set", f"data.train={folder}/train/*.h5", "--set",
               f"data.validation={folder}/validation/*.h5", "--set", "trainer.steps=2", "--run", f"out/{folder}"],
              says="finished")
        t.run(["data", "verify", f"{folder}/train/*.h5"])


@case
def patterns_without_end_are_refused(t):
    t.good()
    for pattern in ("{a,b}" * 40, "{,}" * 60, "{a,b}" * 20 + "{c,d{e,f{g,h}}}" * 20, "*a" * 200 + "b",
                    "{" * 1000, "{" * 1000 + "}" * 1000, "[" * 1000, "x" * 5000, "/".join(["*"] * 900)):
        t.run(["train", "run.yaml", "--set", f"data.train={pattern}"], exits=3, timeout=20)
    t.run(["train", "run.yaml", "--set", "data.train=" + "{a,b}" * 40], exits=3, says="more than 4096 names")


@case
def a_pattern_without_match_says_how_far_it_goes(t):
    t.good()
    t.run("train run.yaml --set data.train=data/trian/*.h5", exits=3, says=("is 'trian'", "did you mean 'train'"))
    t.run("train run.yaml --set data.train=data/train/*.hdf5", exits=3, says=("data/train", "it holds s0.h5"))
    t.run(["data", "verify", "nowhere/*/x.h5"], exits=3, says="'nowhere'")
    t.write("nul.yaml", 'extends: run.yaml\ndata:\n  train: "data/train/*.h5\\0x"\n')
    t.run("train nul.yaml", exits=3, says="no NUL")


@case
def a_fifo_a_device_and_a_folder_are_no_shards(t):
    t.good()
    os.mkfifo("data/train/s1.h5")
    t.run("train run.yaml", exits=3, says="is a FIFO", timeout=20)
    t.run("data verify data/train/*.h5".split(), exits=3, timeout=20)
    t.run("train run.yaml --set data.train=/dev/zero", exits=3, says="is a device", timeout=20)
    t.run("train run.yaml --set data.train=data/train", exits=3, says="is a folder")


@case
def yaml_accidents_are_read_or_named(t):
    t.good()
    text = open("run.yaml").read()
    for name, content, code in (
            ("bom", b"\xef\xbb\xbf" + text.encode(), 0), ("crlf", text.replace("\n", "\r\n").encode(), 0),
            ("utf16", text.encode("utf-16"), (0, 2)), ("nbsp", text.replace(" steps", "\u00a0steps", 1).encode(), (0, 2)),
            ("tab", text.encode() + b"schedule:\n\tkind: constant\n", 2), ("latin", text.encode() + b"run: {name: gr\xf6\xdfe}\n", (0, 2)),
            ("twice", (text + text).encode(), 2), ("binary", open("data/train/s0.h5", "rb").read(), 2), ("empty", b"", 2),
            ("nuls", b"\0" * 4096, 2), ("merge", text.replace("checkpoint: {", "checkpoint: {<<: {keep: 3}, ").encode(), 2),
            ("deep", b"data: " + b"[" * 100000, 2), ("deeper", b"data: " + b"{a: " * 100000, 2),
            ("scalar", text.encode() + b"run: {name: " + b"x" * 900000 + b"}\n", (0, 2)),
            ("big", b"# " + b"x" * (2 << 20), 2), ("keys", "".join(f"k{i}: 1\n" for i in range(20000)).encode(), 2),
            ("anchors", b"a: &a [x,x]\n" + b"".join(
                b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 112)), 2),
            ("self", b"a: &a [*a]\n", 2)):
        t.write(f"{name}.yaml", content)
        t.run(f"check {name}.yaml", exits=code, timeout=30)


@case
def extends_goes_to_files_only_and_in_no_circle(t):
    t.write("a.yaml", "extends: b.yaml\n")
    t.write("b.yaml", "extends: a.yaml\n")
    t.run("check a.yaml", exits=2, says="circle")
    os.mkfifo("fifo")
    os.symlink("loop.yaml", "loop.yaml")
    for target in ("data", "fifo", "/dev/zero", "loop.yaml", "nowhere.yaml", "x" * 5000):
        t.write("c.yaml", f"extends: {target}\n")
        t.run("check c.yaml", exits=2, says="extends", timeout=20)
        t.run(["check", target], exits=2, timeout=20)
    # 2^20 files in a tree of two: each is read once a mention, and there is an end to it.
    for i in range(20):
        t.write(f"t{i}.yaml", f"extends: [t{i + 1}.yaml, t{i + 1}.yaml]\n")
    t.write("t20.yaml", "trainer: {steps: 3}\n")
    t.run("check t0.yaml", exits=2, says="extends", timeout=30)
    for i in range(2000):
        t.write(f"l{i}.yaml", f"extends: l{i + 1}.yaml\n")
    t.run("check l0.yaml", exits=2, timeout=30)
