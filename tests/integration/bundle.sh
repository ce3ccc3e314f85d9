#!/usr/bin/env bash
# The bundle runs from another folder, with an empty environment, with and without an MPI of the machine, and
# says what it misses.
. "$(dirname "$0")/common.sh"
command -v patchelf >/dev/null || fail "patchelf is needed: apt-get install patchelf"
torch=$(sed -n 's/^NF_TORCH_ROOT:[A-Z]*=//p' "$(dirname "$nextframe")/../CMakeCache.txt")
[ -e "$torch/lib/libtorch_cpu.so" ] || fail "no LibTorch at '$torch'"

"$source_dir/scripts/bundle" --program "$nextframe" --out made >bundle.log
mkdir elsewhere
mv made "elsewhere/moved here"
bundle=$scratch/elsewhere/moved\ here/nextframe
cd /

version=$("$nextframe" --version)
equal "$(env -i NF_TORCH_ROOT="$torch" "$bundle" --version)" "$version" "the bundle's version"

# A machine without MPI: only these programs, and a loader that knows no libmpi.
bare=$scratch/bare
mkdir "$bare"
for program in sh getconf readlink sed grep tr; do ln -s "$(command -v "$program")" "$bare/$program"; done
printf '#!/bin/sh\n' >"$bare/ldconfig"
chmod +x "$bare/ldconfig"
without_mpi() { env -i PATH="$bare" NF_TORCH_ROOT="$torch" "$@"; }
equal "$(without_mpi "$bundle" --version)" "$version" "the version without MPI"
cd "$scratch"
expect 0 '' without_mpi "$bundle" data make ball_and_paddle --out data --episodes 3 --validation-episodes 1 --frames 24
STEPS=2 write_config run.yaml
expect 0 '' without_mpi "$bundle" train run.yaml --run run
[ -n "$(ls run/checkpoints)" ] || fail 'the bundle trained nothing'
expect 5 'this machine has no MPI' without_mpi OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2 "$bundle" train run.yaml --run other

expect 5 "pip install torch==" env -i PATH="$bare" "$bundle" --version
expect 5 "holds no lib/libtorch_cpu.so" env -i PATH="$bare" NF_TORCH_ROOT=/nowhere "$bundle" --version
mkdir -p other/lib
touch other/lib/libtorch_cpu.so
echo "__version__ = '2.10.0+cpu'" >other/version.py
expect 5 "is torch '2.10.0+cpu', 2.11.0 is needed" env -i PATH="$bare" NF_TORCH_ROOT="$scratch/other" "$bundle" --version
