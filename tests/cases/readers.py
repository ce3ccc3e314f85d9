"""Files that others wrote, or that were changed: .npz, PNG, CSV, index.json, manifests, metrics.jsonl."""
import glob
import io
import json
import os
import resource
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image
from trial import Failed, case

GIB = 1 << 30


def within(gib):
    """So that a run which asks for more address space than this fails."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (gib * GIB, gib * GIB))}


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def arrays(count=40):
    frames = np.random.default_rng(0).integers(0, 255, (count, 16, 16, 3), dtype=np.uint8)
    return {"frames": npy(frames), "actions": npy(np.arange(count) % 3), "episode_ends": npy(np.arange(count) % 20 == 19)}


def npz(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name + ".npy", content)


def with_header(array, old, new):
    """The array's bytes, with another text of the same length in its header."""
    content = npy(array)
    end = content.index(b"\n")
    header = content[10:end].replace(old.encode(), new.encode()).rstrip()
    return content[:10] + header.ljust(end - 10)[:end - 10] + content[end:]


def picture(path, value=100, size=(16, 16)):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Image.fromarray(np.full((*size, 3), value, np.uint8)).save(path)


def recording(folder="rec", episodes=3, frames=20, actions=True):
    for e in range(episodes):
        for i in range(frames):
            picture(f"{folder}/e{e}/{i:03d}.png", i)
        if actions:
            with open(f"{folder}/e{e}/actions.csv", "w") as file:
                file.write("".join(f"{i % 3}\n" for i in range(frames)))


def imports(t, source, **expected):
    return t.run(["data", "import", source, "--out", "out", "--validation-episodes", "1", "--filter", "gzip"],
                 timeout=30, **expected)


@case
def headers_of_npz_that_lie_are_refused_before_memory_is_asked_for(t):
    right = arrays()
    frames = np.zeros((40, 16, 16, 3), np.uint8)
    for shape in ("(99999999, 16, 16, 3)", "(40, 99999999, 16, 3)", "(4611686018427387904, 4, 4, 3)",
                  "(99999999999999999999, 16, 16, 3)", "(-40, 16, 16, 3)", "(0, 16, 16, 3)", "(40, 0, 16, 3)",
                  "(40, 16, 16, 3", "40", "()", "(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)"):
        npz("a.npz", {**right, "frames": with_header(frames, "(40, 16, 16, 3)", shape)}, zipfile.ZIP_DEFLATED)
        imports(t, "a.npz", exits=3, says="a.npz", **within(12))
    for kind in ("|O ", "<U9", "<i9", "'''", "   "):
        npz("a.npz", {**right, "actions": with_header(np.arange(40), "<i8", kind)})
        imports(t, "a.npz", exits=3, says="a.npz")


@case
def arrays_of_npz_that_are_something_else_are_refused(t):
    right = arrays()
    for name, array in (("actions", np.zeros((40, 0), np.float32)), ("episode_ends", np.zeros((40, 0), bool)),
                        ("episode_ends", np.zeros((40, 2), bool)), ("episode_ends", np.zeros(40, np.float32)),
                        ("actions", np.zeros((40, 2, 2), np.float32)), ("actions", np.full(40, 2**62)),
                        ("actions", np.full(40, 2**63 - 1)), ("frames", np.zeros((40, 0, 16, 3), np.uint8)),
                        ("frames", np.zeros((40, 16, 16, 3), np.float32)), ("actions", np.array([{}] * 40, dtype=object)),
                        ("actions", np.float32(3)), ("episode_ends", np.zeros(39, bool))):
        npz("a.npz", {**right, name: npy(array) if array.dtype != object else b"\x93NUMPY\x01\x00\xff\xff"})
        imports(t, "a.npz", exits=3, says="a.npz")


@case
def archives_that_are_cut_or_changed_are_refused(t):
    npz("right.npz", arrays(), zipfile.ZIP_DEFLATED)
    content = open("right.npz", "rb").read()
    for keep in (0, 1, 22, len(content) // 2, len(content) - 10, len(content) - 1):
        t.write("a.npz", content[:keep])
        imports(t, "a.npz", exits=3, says="a.npz")
    directory = content.rindex(b"PK\x05\x06")
    for at, value in ((12, 0xFFFFFFFF), (16, 0xFFFFFFFF), (12, 0), (16, 0)):
        t.write("a.npz", content[:directory + at] + struct.pack("<I", value) + content[directory + at + 4:])
        imports(t, "a.npz", exits=3, says="a.npz", **within(12))
    entry = content.index(b"PK\x01\x02")
    for at in (20, 24, 42):
        for value in (0xFFFFFFFF, 0x7FFFFFFF, 1 << 30):
            t.write("a.npz", content[:entry + at] + struct.pack("<I", value) + content[entry + at + 4:])
            imports(t, "a.npz", exits=3, says="a.npz", **within(12))


@case
def what_is_no_regular_file_is_not_opened(t):
    recording()
    os.mkfifo("a.npz")
    imports(t, "a.npz", exits=3, says="is a FIFO")
    os.remove("rec/e1/003.png")
    for make, says in ((lambda: os.mkfifo("rec/e1/003.png"), "is a FIFO"),
                       (lambda: os.mkdir("rec/e1/003.png"), "is a folder"),
                       (lambda: os.symlink("/dev/zero", "rec/e1/003.png"), "is a device"),
                       (lambda: os.symlink("003.png", "rec/e1/003.png"), "003.png")):
        make()
        imports(t, "rec", exits=3, says=("rec/e1/003.png", says))
        os.rmdir("rec/e1/003.png") if os.path.isdir("rec/e1/003.png") else os.remove("rec/e1/003.png")
    picture("rec/e1/003.png")
    os.remove("rec/e1/actions.csv")
    os.mkfifo("rec/e1/actions.csv")
    imports(t, "rec", exits=3, says=("rec/e1/actions.csv", "is a FIFO"))


def png_chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of_size(width, height, data=b"\0" * 100, depth=8, color=2):
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)) +
            png_chunk(b"IDAT", zlib.compress(data)) + png_chunk(b"IEND", b""))


@case
def pictures_that_say_to_be_huge_are_refused(t):
    recording()
    for width, height in ((0x7FFFFFFF, 0x7FFFFFFF), (1000000, 1000000), (16000, 16000), (16, 0x7FFFFFFF), (0, 16)):
        t.write("rec/e1/003.png", png_of_size(width, height))
        imports(t, "rec", exits=3, says="rec/e1/003.png", **within(12))
    for content in (b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", png_of_size(16, 16)[:60], png_of_size(16, 16, depth=3),
                    png_of_size(16, 16), png_of_size(17, 16, b"\0" * 52 * 16)):
        t.write("rec/e1/003.png", content)
        imports(t, "rec", exits=3, says="rec/e1/003.png")


@case
def tables_of_actions_that_are_something_else_are_refused(t):
    recording()
    rows = "".join(f"{i % 3}\n" for i in range(20))
    for content in (b"1" * (20 << 20), b"action\n" + b"1" * (20 << 20), b"a\n" + b"\0" * 5000, rows.encode() + b"\0\n",
                    b"1e999\n" * 20, b"99999999999999999999\n" * 20, b"65536\n" * 20, b"1,2\n1\n" * 10, b"1\n" * 3000000,
                    b"", b"\n" * 20, "x\nöl\n".encode() * 10, b"\xff\xfe1\0\n\0" * 20, b"nan\n" * 20, b"a\ninf\n" * 10):
        t.write("rec/e1/actions.csv", content)
        result = imports(t, "rec", exits=3, says="rec/e1/actions.csv", **within(12))
        if len(result.text) > 2000 or "\0" in result.text:
            raise Failed(f"a message of {len(result.text)} letters: {result.text[:300]}")


@case
def links_and_rights_in_a_recording_do_not_end_in_a_raw_message(t):
    recording()
    os.symlink("loop", "rec/loop")
    imports(t, "rec", exits=5, says="rec/loop: Too many levels of symbolic links")
    os.remove("rec/loop")
    os.symlink("nowhere", "rec/gone")
    os.symlink(".", "rec/self")
    imports(t, "rec", says="out: holds")
    recording("single", episodes=2, frames=1, actions=False)
    for e in range(2):
        t.write(f"single/e{e}/actions.csv", "")
    imports(t, "single", exits=3, says="actions.csv")


@case
def numbers_of_a_command_have_bounds(t):
    recording()
    for flag in ("--validation-episodes -1", "--shard-bytes 0", "--fps -3", "--fps 99999999999999999999", "--fps nan"):
        t.run(f"data import rec --out out {flag}", exits=2, says=flag.split()[0])
    t.run("data make ball_and_paddle --out made --episodes 0", exits=2, says="--episodes")
    t.run("data make ball_and_paddle --out made --frames 1000000000000", exits=2, says="--frames")


@case
def more_discrete_actions_than_a_model_can_take_are_told(t):
    t.good()
    for largest in (65536, (1 << 24) - 1, (1 << 40) - 1, (1 << 62)):
        t.edit("data/train/s0.h5", lambda file: file["action"].__setitem__(3, largest))
        t.run("train run.yaml", exits=3, says=str(largest))
    t.edit("data/train/s0.h5", lambda file: file["action"].__setitem__(3, 65535))
    t.run("train run.yaml --set trainer.steps=2", says="finished")


@case
def a_foreign_or_damaged_index_is_told(t):
    t.good()
    for content in (b"{\"shards\": " + b"[" * 1000000, b"[]", b"\0" * 100, b"{\"generator\": \"\", \"shards\": [{\"path\": 3}]}",
                    b"{\"generator\": \"\", \"shards\": 7}", b"{" * 100000):
        t.write("data/train/index.json", content)
        t.run("train run.yaml --set trainer.steps=2", exits=(0, 3), timeout=20)
    os.remove("data/train/index.json")
    os.mkfifo("data/train/index.json")
    t.run("train run.yaml --set trainer.steps=2 --run runs/b", exits=(0, 3, 5), timeout=20)


def manifest_of(run):
    return sorted(glob.glob(f"{run}/checkpoints/step_*/manifest.json"))[-1]


@case
def a_manifest_that_was_altered_is_named(t):
    t.good()
    t.run("train run.yaml --run runs/a")
    path = manifest_of("runs/a")
    text = open(path).read()
    checkpoint = os.path.dirname(path)
    for old, new in (('"step": 20', '"step": 21'), ('"height_px": 16', '"height_px": 16.5'),
                     ('"world_size": 1', '"world_size": "1"'), ('"seed": 0', '"seed": 1e300'), ("{", "{{"),
                     ('"channels": 3', '"channels": -3'), ("step", "\\u0000"), ('"tensors": [', '"tensors": [null, ')):
        t.write(path, text.replace(old, new, 1))
        for command in (f"eval {checkpoint}", f"checkpoint hash {checkpoint}", f"checkpoint inspect {checkpoint}",
                        f"rollout {checkpoint} --out d.png"):
            t.run(command, exits=4, says="manifest.json", lacks="json.exception")
    for content in ("", "[" * 1000000, '{"x": ' + "[" * 1000000, "\0" * 100, "3", "null"):
        t.write(path, content)
        t.run(f"checkpoint hash {checkpoint}", exits=4, says="manifest.json")
    os.remove(path)
    os.mkfifo(path)
    t.run(f"checkpoint hash {checkpoint}", exits=4, says="is a FIFO", timeout=20)


@case
def a_run_goes_on_from_the_checkpoint_before_an_altered_one(t):
    t.good()
    t.run("train run.yaml --run runs/a")
    path = manifest_of("runs/a")
    t.write(path, open(path).read().replace('"step": 20', '"step": 19', 1))
    t.run("train run.yaml --run runs/a", says=("passing over a broken checkpoint", "step_00000010", "finished"))


@case
def damaged_lines_of_metrics_are_passed_over(t):
    t.good()
    arguments = "train run.yaml --set schedule.kind=constant --set trainer.log_every_steps=1 --run runs/a"
    t.run(arguments)
    lines = open("runs/a/metrics.jsonl").read().split("\n")
    lines[2], lines[5], lines[7] = "\0" * 40, lines[5].replace('"step":6', '"step:6'), lines[7][:30]
    t.write("runs/a/metrics.jsonl", "\n".join(lines))
    t.run(arguments + " --set trainer.steps=25", says="3 lines were damaged and left out (the first is line 3)")
    steps = [json.loads(line)["step"] for line in open("runs/a/metrics.jsonl")]
    t.is_(steps, [s for s in range(1, 26) if s not in (3, 6, 8)], "steps in metrics.jsonl")
    t.run(arguments + " --set trainer.steps=26", lacks="damaged")
