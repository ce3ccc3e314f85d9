"""What benches on a GPU share: the build of a C interface over the product's sources, the GPU's name, times."""
import concurrent.futures
import glob
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
COPY_BYTES = 2 << 30
CALLS = 5  # between two events


def build(name, patterns, architecture):
    """Compiles the product's .cu files and scripts/bench/NAME.cu; returns the library."""
    folder = os.path.join(ROOT, "build", name)
    os.makedirs(folder, exist_ok=True)
    sources = [source for pattern in patterns for source in sorted(glob.glob(f"{ROOT}/kernels/cuda/{pattern}"))]
    sources.append(f"{ROOT}/scripts/bench/{name}.cu")
    flags = ["-std=c++17", "-O3", "-DNDEBUG", "-lineinfo", f"-I{ROOT}", "-Xcompiler", "-fPIC",
             f"-gencode=arch=compute_{architecture},code=sm_{architecture}"]

    def compile_one(source):
        target = f"{folder}/{os.path.basename(source)}.o"
        subprocess.run(["nvcc", *flags, "-c", source, "-o", target], check=True)
        return target

    with concurrent.futures.ThreadPoolExecutor() as pool:
        objects = list(pool.map(compile_one, sources))
    library = f"{folder}/lib{name}.so"
    subprocess.run(["nvcc", "-shared", *objects, "-o", library], check=True)
    return library


def gpu():
    """Name and architecture of the GPU."""
    try:
        asked = subprocess.run(["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError) as reason:
        sys.exit(f"{os.path.basename(sys.argv[0])}: needs a GPU: {reason}")
    name, capability = asked.split(", ")
    return name, capability.replace(".", "") + ("a" if capability == "9.0" else "")


def error(got, exact):
    return ((got.double() - exact).norm() / exact.norm()).item()


def seconds(call):
    import torch
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(CALLS):
        call()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) * 1e-3 / CALLS


def copy_pass():
    import torch
    a, b = (torch.empty(COPY_BYTES // 2, device="cuda", dtype=torch.uint8).random_() for _ in range(2))
    return lambda: b.copy_(a)


def times_in_turns(calls, rounds):
    """Seconds of each call: a list, one a round. One that fails, for want of memory say, is left out from there."""
    import torch
    times = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name in list(times):
            try:
                times[name].append(seconds(calls[name]))
            except (RuntimeError, torch.OutOfMemoryError) as reason:
                print(f"  {name}: {str(reason).splitlines()[0][:100]}", flush=True)
                del times[name], calls[name]
    return {name: values[1:] for name, values in times.items()}  # the first warms up
