#!/usr/bin/env bash
# scripts/bench/gpu_suite on a machine without a GPU: what it says, how it shares out its time, what it makes of figures.
# The figures are made up, so that they are known.
. "$(dirname "$0")/common.sh"
suite=$source_dir/scripts/bench/gpu_suite
without_gpu() { env CUDA_VISIBLE_DEVICES= PATH="$scratch/no_gpu:$PATH" "$suite" "$@"; }
mkdir no_gpu
printf '#!/bin/sh\nexit 9\n' >no_gpu/nvidia-smi
chmod +x no_gpu/nvidia-smi

expect 5 'needs a GPU, and nvidia-smi lists none here' without_gpu all --out out
[ ! -e out ] || fail 'a refusal left a folder'
expect 2 "there is no part 'cheek'; there are check, sanitize, tests, train, bench, all" without_gpu cheek
expect 2 '--only knows no fast; it knows' without_gpu check --only fast
expect 2 'build needs --bundle FOLDER' without_gpu build
expect 2 'must be more than 0' without_gpu all --minutes 0
expect 0 'sanitize flash: at most' without_gpu all --dry-run
expect 0 'check flash: at most 45 s' without_gpu check --only flash --dry-run --minutes 1
[ "$(without_gpu all --dry-run --minutes 9 | sed -E 's/.*at most ([0-9]+) s.*/\1/' | awk '{sum += $1} END {print sum}')" -le 540 ] ||
  fail 'the pieces together may take longer than the whole'

# A page and a JSON from records; the last line is half of one, as a killed piece leaves it.
mkdir given
cat >given/gpu_suite.jsonl <<'JSON'
{"part": "machine", "gpu": "NVIDIA H100 80GB HBM3", "capability": 90}
{"part": "check", "kernel": "flash", "case": "T65 D32 bf16", "errors": [0.002, 0.003], "peer_errors": [0.001, 0.003], "is_met": true}
{"part": "check", "kernel": "flash", "case": "T65 D64 bf16", "errors": [0.4, 0.003], "peer_errors": [0.001, 0.003], "is_met": false}
{"part": "sanitize", "kernel": "flash", "tool": "memcheck", "is_met": false, "words": "ERROR SUMMARY: 3 errors"}
{"part": "train", "case": "large", "is_met": true, "mfu": 0.41}
{"part": "bench", "group": "temporal", "case": "T16 D64 bf16", "pass": "forward", "seconds": {"ours short": 0.0002, "ours short, placed": 0.0001, "ours flash": 0.0009, "cuDNN, as it lies": 0.0016, "cuDNN, copied": 0.001, "math, copied": 0.0007}, "first_s": {}, "errors": {"FA3, copied": "no such module"}, "bytes": 480000000, "operations": 10, "aim": [["cuDNN", "flash"], 4], "copy_bytes_s": 3e12, "product_flops_s": 7e14}
{"part": "bench", "group": "decode", "case": "1 of T64 D64 bf16", "pass": "forward", "seconds": {"ours short": 0.0002, "cuDNN, copied": 0.001}, "first_s": {"ours short": 0.0003, "cuDNN, copied": 0.4}, "errors": {}, "bytes": 480000000, "operations": 10, "aim": [["copy"], 0.75], "copy_bytes_s": 3e12, "product_flops_s": 7e14}
{"part": "bench", "group": "causal", "case": "T4096 D128 bf16", "pass": "backward", "seconds": {"ours flash": 0.002, "ours cudnn": 0.001, "ours flash, plain causal": 0.0015}, "first_s": {}, "errors": {}, "bytes": 1, "operations": 600000000000, "aim": [["cuDNN"], 0.7], "copy_bytes_s": 3e12, "product_flops_s": 7e14}
{"part": "piece", "piece": "check flash", "outcome": "failed", "seconds": 12.3, "limit_s": 24.0}
JSON
printf '{"part": "bench", "gro' >>given/gpu_suite.jsonl
"$suite" table --out given >page
has() { grep -qF -- "$1" page || fail "the page has no '$1': $(cat page)"; }
has '| check flash | failed | 12 | 24 |'
has 'flash: 2 cases against float64, 1 failed; the largest error is 400.00 times'
has '**failed**: T65 D64 bf16'
has 'flash, memcheck: **failed**: ERROR SUMMARY: 3 errors'
has 'train, large: mfu 0.41'
# The better layout of a peer; the fastest of ours that does the same; the aim against the peers that it names.
has '| T16 D64 bf16 | forward | 0.200 (80%) | 0.100 (160%) | 0.900 (18%) | 1.000 (16%) | 0.700 (23%) | math | 3.50 | 5.00 times cuDNN (aim 4) |'
has 'did not run everywhere: FA3, copied: no such module'
has '| cuDNN | 5.00 | 0.80 of a copy (aim 0.75) | 0.3 | 400.0 |'
# cuDNN as the program calls it is not ours to boast of; a rate of another mask's operations would say nothing.
has '| T4096 D128 bf16 | backward | 2.000 (300) | 1.000 (600) | 1.500 |  |  | none of cuDNN ran |'
equal "$(cat page)" "$(cat given/gpu_suite.md; echo)" 'the page that was written'
python3 - <<'PYTHON' || fail 'the JSON is not what the records say'
import json
whole = json.load(open("given/gpu_suite.json"))
first, _, last = whole["figures"]
assert first == {"case": "temporal/forward/T16 D64 bf16", "unit": "ms", "value": 0.2,
                 "peer": {"name": "math", "value": 0.7}, "ratio": 3.5}, first
assert last["peer"] is None and last["ratio"] is None and last["value"] == 2.0, last
assert len(whole["bench"]) == 3 and whole["machine"][0]["capability"] == 90
PYTHON

# Pieces in processes of their own: one that ends badly and one that hangs stop nothing, and both are told.
ln -s "$(command -v sleep)" nap # a sleep that no other program has
cat >pretend.py <<PYTHON
import sys
sys.path.insert(0, "$source_dir/scripts/bench")
sys.dont_write_bytecode = True
from gpu import pieces, supervise
if sys.argv[1] == "alone":
    name = sys.argv[2].split()[1]
    if name == "hangs":
        import os
        import subprocess
        subprocess.Popen(["$scratch/nap", "600"], preexec_fn=os.setpgrp)
        subprocess.run(["$scratch/nap", "600"])
    def work(options):
        if name == "breaks":
            raise RuntimeError("an illegal address")
        return name
    import types
    sys.exit(supervise.code_of(work, types.SimpleNamespace(out="pieces", words=sys.argv[1:3])))
supervise.GRACE_S, supervise.budget.LEAST_S, supervise.budget.RESERVE_S = 0.5, 0.01, 0
weights = {"breaks": 20, "hangs": 3, "incomplete": 20, "met": 20}  # all but one have much more time than they need
sys.exit(supervise.run([pieces.Piece("check", *piece) for piece in weights.items()], "pieces", 0.75, {"gpu": "none"}, []))
PYTHON
code=0
python3 "$scratch/pretend.py" run >pieces.log 2>&1 || code=$?
equal "$code" 1 'exit code of pieces that failed'
equal "$(sed -n 's/.*"piece": "check \([a-z]*\)", "outcome": "\([^"]*\)".*/\1 \2/p' pieces/gpu_suite.jsonl | paste -sd,)" \
  'breaks failed,hangs killed at its limit,incomplete incomplete,met met' 'outcomes'
grep -q 'check breaks: \*\*error\*\*: RuntimeError: an illegal address' pieces/gpu_suite.md || fail "$(cat pieces/gpu_suite.md)"
pgrep -f "$scratch/pretend.py alone|$scratch/nap" >/dev/null && fail 'a piece that hung, or what it started, is still there'

# compute-sanitizer and what it watches both end when their time is over; clean and unclean ones are told apart.
cat >sanitize.py <<PYTHON
import sys
sys.path.insert(0, "$source_dir/scripts/bench")
sys.dont_write_bytecode = True
from gpu import sanitize
for script in ("echo 4 calls", "echo error; exit 9", "$scratch/nap 600 & wait"):
    print(sanitize.run_bounded(["sh", "-c", script], 2))
PYTHON
equal "$(python3 sanitize.py | paste -sd,)" "(0, '4 calls\\n'),(9, 'error\\n'),(None, 'was ended after 2 s\\n')" 'tools'
pgrep -f "$scratch/nap" >/dev/null && fail 'what the tool watched is still there'

# Runs with CUDA graphs and without: other bits, and graphs that were off, are failures.
cat >graphs.py <<PYTHON
import sys
sys.path.insert(0, "$source_dir/scripts/bench")
sys.dont_write_bytecode = True
from gpu import train
class Program:
    def __init__(self, said, bits):
        self.said, self.bits = said, bits
    def train(self, run, settings):
        with_graphs = "trainer.cuda_graphs=true" in settings
        return [{"step_s": 9}, {"step_s": 0.25 if with_graphs else 0.5}]
    def digest(self, run):
        return self.bits[run == "graphs"]
for program in (Program("step 40", "aa"), Program("step 40", "ab"), Program("x\nCUDA graphs: off: why\ny", "aa")):
    try:
        print(train.graphs(program))
    except train.Failure as failure:
        print(failure)
PYTHON
equal "$(python3 graphs.py | paste -sd';')" "{'digest': 'a', 'step_s': 0.25, 'step_s_without': 0.5};\
a run with CUDA graphs differs: b instead of a;CUDA graphs: off: why" 'runs with CUDA graphs'

for file in "$suite" "$source_dir"/scripts/bench/gpu/*.py "$source_dir"/scripts/bench/gpu/kernels/*.py; do
  python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$file" || fail "$file is no Python"
done
