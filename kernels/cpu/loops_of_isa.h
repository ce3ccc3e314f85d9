// Fills the table of kernels/cpu/loops.h with the loops compiled in this source file. Private to
// each source file, see registers.h.
#pragma once

#include "kernels/cpu/attention_loops.h"
#include "kernels/cpu/decode_loops.h"
#include "kernels/cpu/flat_loops.h"
#include "kernels/cpu/noise_loops.h"
#include "kernels/cpu/row_loops.h"

namespace nextframe::cpu {
namespace {

constexpr Loops loops_of_isa(const char* name, const LinearLoops* linear) {
  return {name,
          forward,
          backward,
          scratch_bytes,
          decode,
          decode_scratch_bytes,
          add_norm,
          add_norm_backward,
          swiglu,
          swiglu_backward,
          cut_patches,
          join_patches,
          scale_bytes,
          squared_error,
          squared_error_backward,
          cross_entropy,
          cross_entropy_backward,
          draw_uniforms,
          draw_normals,
          adamw,
          squared_norm,
          linear};
}

}  // namespace
}  // namespace nextframe::cpu
