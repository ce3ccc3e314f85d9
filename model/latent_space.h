// What a frame is to objectives and networks: pixels, or what a tokenizer makes of them.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/traits.h"

namespace nextframe {

struct LatentSpace {
  enum class Kind {
    pixels,   // float32 [B, T, H, W, C] in [-1, 1]
    values,   // float32 [B, T, N, E], of mean 0 and variance 1 over the training data
    codes,    // int64 [B, T, N] in 0 .. V - 1
    changes,  // int64 [B, T, 1] in 0 .. V - 1, from a frame to its next: no frames, but actions
  };
  Kind kind = Kind::pixels;
  int64_t rows = 0, columns = 0;  // the tokens' grid, N = rows * columns; 1 row if they have none
  int64_t width = 0;              // E
  at::Tensor code_vectors_VE;     // float32, constant: what stands for a code in a network

  /// The largest value of a frame; a tokenizer's have none that is known.
  double bound() const { return kind == Kind::pixels ? 1 : 1e6; }

  int64_t tokens() const { return rows * columns; }
  int64_t num_codes() const { return code_vectors_VE.defined() ? code_vectors_VE.size(0) : 0; }
};

/// The trait by which an objective or a network says that it understands such frames.
inline Trait trait_of(LatentSpace::Kind kind) {
  switch (kind) {
    case LatentSpace::Kind::values:
      return Trait::values;
    case LatentSpace::Kind::codes:
      return Trait::codes;
    case LatentSpace::Kind::changes:
      return Trait::changes;
    default:
      return Trait::pixels;
  }
}

}  // namespace nextframe
