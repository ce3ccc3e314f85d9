"""The protocol of a peer's process: one command a line on standard input, one line of JSON as the answer.

Every peer knows `products` (GFLOP/s of a product of 1024 x 1024) and `quit`.
"""
import json
import os
import statistics
import sys
import time

import torch


def set_threads():
    """Sets the number of threads from the environment; call it before computing anything."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)


def product_gflops(dtype):
    a, b = (torch.randn(1024, 1024).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * 1024**3 / statistics.median(seconds) / 1e9


def serve(answers):
    """`answers`: a function of a command's words for each command."""
    answers = {"products": lambda: {"fp32": product_gflops(torch.float32), "bf16": product_gflops(torch.bfloat16)},
               **answers}
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "quit":
            break
        print(json.dumps(answers[command](*rest)), flush=True)
