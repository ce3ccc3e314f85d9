#!/usr/bin/env bash
# scripts/check_layers finds every kind of violation, each planted alone in a copy of the tree.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r "$root"/{kernels,data,launch,model,trainer} "$copy"
"$root/scripts/check_layers" "$copy" || { echo "the tree itself is not clean"; exit 1; }
status=0

# plant FILE LINE EXPECTED: the checker fails on that line of that file, for that reason.
plant() {
  local file=$copy/$1 message
  mkdir -p "$(dirname "$file")"
  printf '%s\n' "$2" >"$file"
  if message=$("$root/scripts/check_layers" "$copy" 2>&1); then
    echo "not found: $1 with $2"
    status=1
  elif [[ $message != "$1:"*"$3"* ]]; then
    echo "wrong message for $1 with $2: $message"
    status=1
  fi
  rm "$file"
}
# allow FILE LINE: the checker has nothing to say.
allow() {
  printf '%s\n' "$2" >"$copy/$1"
  "$root/scripts/check_layers" "$copy" || { echo "wrongly found: $1 with $2"; status=1; }
  rm "$copy/$1"
}

plant kernels/planted.cpp '#include "model/world_model.h"' 'kernels/ must not include this'
plant kernels/planted.h '#include "data/batch.h"' 'kernels/ must not include this'
plant data/planted.cpp '#include "kernels/adamw.h"' 'data/ must not include this'
plant data/planted.cpp '#include "launch/error.h"' 'data/ must not include this'
plant launch/planted.cpp '  #  include "data/batch.h"' 'launch/ must not include this'
plant model/planted.cpp '#include "data/dataset.h"' 'model/ must not include this'
plant model/zoo/planted.cpp '#include "launch/world.h"' 'model/ must not include this'
plant model/planted.h '#include "trainer/trainer.h"' 'model/ must not include this'
plant trainer/planted.cpp '#include "tests/model/tiny.h"' 'trainer/ must not include this'
plant trainer/planted.cpp '#include "console.h"' 'not a path from the root'
plant trainer/planted.cpp '#include <hdf5.h>' 'belongs to: data'
plant trainer/planted.cpp '#include <mpi.h>' 'belongs to: launch'
plant trainer/planted.cpp '#include <nccl.h>' 'belongs to: launch'
plant launch/planted.cpp '#include <cuda_runtime.h>' 'belongs to: kernels'
plant data/planted.cpp '#include <yaml-cpp/yaml.h>' 'belongs to: trainer'
plant launch/planted.cpp '#include <spdlog/spdlog.h>' 'belongs to: trainer'
plant model/planted.cpp '#include <nlohmann/json.hpp>' 'belongs to: data launch trainer'
plant trainer/planted.h '#include <nlohmann/json.hpp>' 'in .cpp files only'
plant launch/planted.h '#include <xxhash.h>' 'in .cpp files only'
plant model/planted.h '#include <torch/torch.h>' 'it belongs to: nobody'
plant data/planted.cpp '#include <Eigen/Dense>' 'nobody owns this library'
plant data/planted.cpp '#include <boost/any.hpp>' 'belongs to: trainer'
plant kernels/planted.cu '#include <ATen/ATen.h>' 'no LibTorch header'
plant kernels/base/planted.h '#include <ATen/ATen.h>' 'standard library only'
plant kernels/base/planted.h '#include "kernels/adamw.h"' 'standard library only'
plant kernels/base/planted.cpp '#include <vector>' 'header-only'
plant trainer/planted.cpp 'const char* home = std::getenv("HOME");' 'only launch/ reads the environment'
for number in 1 2 3 4 5 6; do : >"$copy/kernels/base/extra_$number.h"; done
if "$root/scripts/check_layers" "$copy" 2>/dev/null; then
  echo "not found: more than six files in kernels/base"
  status=1
fi
rm "$copy"/kernels/base/extra_*.h

allow model/planted.cpp '#include "data/batch.h"'
allow data/planted.cpp '#include "kernels/base/philox.h"'
allow launch/planted.cpp '#include <nlohmann/json.hpp>'
allow kernels/planted.cu '#include <cuda_runtime.h>'
allow trainer/planted.cpp '#include "launch/world.h"'
exit "$status"
