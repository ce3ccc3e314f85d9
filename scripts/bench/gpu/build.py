"""The library of all kernels with a C interface, and the bundle that takes it, the program and its tests to a machine
without MPI and HDF5."""
import concurrent.futures
import glob
import os
import subprocess

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
NAME = "libgpu_suite.so"


def sources(architecture="90a"):
    found = [source for folder in ("kernels/cuda", "scripts/bench/gpu")
             for source in sorted(glob.glob(f"{ROOT}/{folder}/**/*.cu", recursive=True))]
    # What stands in a folder of that name has instructions of sm_90a alone.
    return [source for source in found
            if architecture == "90a" or os.path.basename(os.path.dirname(source)) != "hopper"]


def newest_source():
    patterns = ("kernels/**/*.h", "kernels/cuda/**/*.cuh", "scripts/bench/gpu/kernels/*.h")
    files = sources() + [name for pattern in patterns
                         for name in glob.glob(f"{ROOT}/{pattern}", recursive=True)]
    return max(map(os.path.getmtime, files))


def library(folder, architecture, jobs=None):
    """Compiles what is newer than the library in `folder`; returns its path."""
    made = f"{folder}/{NAME}"
    if os.path.exists(made) and os.path.getmtime(made) > newest_source():
        return made
    objects_folder = f"{folder}/objects"
    os.makedirs(objects_folder, exist_ok=True)
    flags = ["-std=c++17", "-O3", "-DNDEBUG", "-lineinfo", f"-I{ROOT}", "-Xcompiler", "-fPIC",
             f"-gencode=arch=compute_{architecture},code=sm_{architecture}"]

    def compile_one(source):
        target = f"{objects_folder}/{os.path.relpath(source, ROOT).replace('/', '_')}.o"
        subprocess.run(["nvcc", *flags, "-c", source, "-o", target], check=True)
        return target

    with concurrent.futures.ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, sources(architecture)))
    subprocess.run(["nvcc", "-shared", *objects, "-o", made], check=True)
    return made


def bundle(out, architecture, jobs):
    """The program and the tests of the kernels from build/cuda, and the library."""
    programs = [f"{ROOT}/build/cuda/trainer/nextframe", f"{ROOT}/build/cuda/tests/kernels_tests"]
    for program in programs:
        if not os.path.exists(program):
            raise FileNotFoundError(f"there is no {program}; run scripts/build cuda first")
    subprocess.run([f"{ROOT}/scripts/bundle", "--program", programs[0], "--with", programs[1], "--out", out],
                   check=True)
    made = library(f"{ROOT}/build/gpu_suite", architecture, jobs)
    subprocess.run(["cp", made, f"{out}/lib/{NAME}"], check=True)
    return out
