#include "kernels/norm_rope.h"

#include <ATen/ATen.h>

#include "kernels/norm.h"

namespace nextframe {

at::Tensor norm_rope(const at::Tensor& x_OLIKF, bool normalise, const Rotation& rotation,
                     int64_t first) {
  auto x = x_OLIKF;
  if (normalise) x = x * (x.square().mean(-1, true) + kNormEpsilon).rsqrt();
  if (!rotation.cosine_LP.defined()) return x;
  const auto angle = [&](const at::Tensor& table_LP) {
    return table_LP.slice(0, first, first + x.size(1)).to(x.dtype()).view({x.size(1), 1, 1, -1});
  };
  const auto cosine = angle(rotation.cosine_LP), sine = angle(rotation.sine_LP);
  const auto halves = x.chunk(2, -1);
  return at::cat({halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine},
                 -1);
}

}  // namespace nextframe
