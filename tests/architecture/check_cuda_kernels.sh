#!/usr/bin/env bash
# scripts/check_cuda_kernels sees spills, lost products, and products that wait for each other.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/cuda/hopper"

disassembly() { # disassembly SOURCE ARCHITECTURE INSTRUCTION[*COUNT] ...
  local file=$scratch/cuda/$1.sass instruction count
  printf '\tarch = %s\n\t\tFunction : kernel\n' "$2" >"$file"
  for instruction in "${@:3}"; do
    count=1
    [[ $instruction == *'*'* ]] && count=${instruction#*'*'}
    for _ in $(seq "$count"); do printf '        /*0010*/                   @!P0 %s R1, R2 ;\n' "${instruction%'*'*}"; done >>"$file"
  done
  echo "$file"
}

expect() { # expect STATUS WORDS [ARGUMENT ...]
  local status=0 said
  said=$("$root/scripts/check_cuda_kernels" "${@:3}" 2>&1) || status=$?
  if [ "$status" != "$1" ] || [[ $said != *"$2"* ]]; then
    echo "wanted status $1 and '$2', got $status: $said" >&2
    exit 1
  fi
}

expect 0 "1 kernels are within" "$(disassembly flash_attention_forward_32 sm_80 'HMMA.16816.F32.BF16*64' STG.E)"
expect 1 "1 times STL, not 0 to 0" "$(disassembly flash_attention_forward_32 sm_80 'HMMA.16816.F32.BF16*64' STL)"
expect 1 "2 times LDL" "$(disassembly row_operations sm_90a 'LDL.64*2')"
expect 1 "63 times HMMA, not 64 to 64" "$(disassembly flash_attention_forward_32 sm_80 'HMMA.16816.F32*63')"
hopper=(hopper/forward_64 sm_90a 'UTMALDG.5D*4' 'WARPGROUP.ARRIVE*8')
right=$(disassembly "${hopper[@]}" 'HGMMA.64x128x16.F32*24')
expect 0 "1 kernels are within" "$right"
echo "ptxas info : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized" >"$scratch/log"
expect 1 "are serialized" --log "$scratch/log" "$right"
expect 1 "0 times HGMMA" "$(disassembly "${hopper[@]}" 'HMMA.16816.F32*24')"
expect 1 "0 times UTMALDG" "$(disassembly hopper/forward_64 sm_90a 'HGMMA.64x128x16.F32*24' 'WARPGROUP.ARRIVE*8')"
