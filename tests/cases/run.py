#!/usr/bin/env python3
"""Runs cases and prints a table of them: name, seconds, and what went wrong.

  tests/cases/run.py                  all of them
  tests/cases/run.py init signals     those of these kinds (init.py, signals.py)
  tests/cases/run.py -k enum          those whose name has this in it

NEXTFRAME names the program (default: bin/nextframe). Started with the Python of .deps/tests.
"""
import argparse
import glob
import importlib
import os
import signal
import sys
import time
import traceback

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
sys.dont_write_bytecode = True
os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")
os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
os.environ["OMP_NUM_THREADS"] = "1"
# A shell starts this with SIGINT ignored by `&`, and programs that a case starts would ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

NO_CASES = ("run", "trial", "foreign_shards", "torch_here")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*")
    parser.add_argument("-k", dest="name", default="")
    options = parser.parse_args()
    try:
        import trial
    except ImportError as missing:
        sys.exit(f"{missing}: run scripts/setup --tests, then start this with .deps/tests/bin/python")
    all_kinds = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(here, "*.py")))
    kinds = options.kinds or [kind for kind in all_kinds if kind not in NO_CASES]
    failed = 0
    for kind in kinds:
        trial.CASES.clear()
        importlib.import_module(kind)
        for function in list(trial.CASES):
            if options.name not in function.__name__:
                continue
            begin, wrong, why = time.time(), "", ""
            scratch = trial.Trial()
            try:
                function(scratch)
            except trial.Skipped as reason:
                why = f" ({reason})"
            except trial.Failed as failure:
                wrong = str(failure)
            except Exception:  # a case that breaks has failed; the others still run
                wrong = traceback.format_exc()
            finally:
                scratch.close()
            name = function.__name__.strip("_").replace("_", " ")
            word = "FAILED" if wrong else "skip  " if why else "ok    "
            print(f"{word} {time.time() - begin:6.1f} s  {kind}: {name}{why}", flush=True)
            if wrong:
                failed += 1
                print("       " + wrong.strip().replace("\n", "\n       "), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
