"""The library of all kernels with a C interface, and the bundle that takes it, the program and its tests to a machine
without MPI and HDF5."""
import concurrent.futures
import glob
import os
import subprocess

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
NAME = "libgpu_suite.so"


def folder_of(source):
    return os.path.basename(os.path.dirname(source))


def sources(architecture="90a"):
    found = [source for folder in ("kernels/cuda", "scripts/bench/gpu") for pattern in ("*.cu", "cudnn/*.cpp")
             for source in sorted(glob.glob(f"{ROOT}/{folder}/**/{pattern}", recursive=True))]
    # Files in hopper/ are for sm_90a only; files in cudnn/ need cuDNN's headers.
    absent = {"hopper"} if architecture != "90a" else set()
    absent |= set() if cudnn_folders() else {"cudnn"}
    return [source for source in found if folder_of(source) not in absent]


def cudnn_folders():
    """Include folders of cuDNN's headers, from scripts/setup or the CUDA toolkit; empty if one is missing."""
    packages = f"{ROOT}/.deps/venv/lib/python3*/site-packages"
    graphs = glob.glob(f"{packages}/include/cudnn_frontend.h")
    own = glob.glob(f"{packages}/nvidia/cudnn/include/cudnn.h") + glob.glob("/usr/local/cuda/include/cudnn.h")
    return [os.path.dirname(graphs[0]), os.path.dirname(own[0])] if graphs and own else []


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
    flags = ["-O3", "-DNDEBUG", "-lineinfo", f"-I{ROOT}", "-Xcompiler", "-fPIC",
             f"-gencode=arch=compute_{architecture},code=sm_{architecture}"]

    def compile_one(source):
        target = f"{objects_folder}/{os.path.relpath(source, ROOT).replace('/', '_')}.o"
        is_cudnn = folder_of(source) == "cudnn"
        more = ["-std=c++20", *(f"-I{folder}" for folder in cudnn_folders())] if is_cudnn else ["-std=c++17"]
        subprocess.run(["nvcc", *flags, *more, "-c", source, "-o", target], check=True)
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
