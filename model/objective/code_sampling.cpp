#include "model/objective/code_sampling.h"

#include <ATen/ATen.h>

#include "kernels/draws.h"

namespace nextframe {

at::Tensor uniform_for_codes(const Clip& known, int64_t key, int64_t count,
                             const RolloutOptions& options) {
  const int64_t rows = known.x_BT.size(0);
  const auto ids_B =
      known.sample_ids_B.defined() ? known.sample_ids_B : at::zeros({rows}, at::kLong);
  const Draw draw{options.seed, static_cast<uint64_t>(key)};
  return draw_uniform(as_tensor(draw, ids_B.device()), DrawStream::codes, ids_B,
                      {1, known.x_BT.size(2), count})
      .to(known.x_BT.device());
}

at::Tensor gumbel(const at::Tensor& uniform) { return -(-(uniform.clamp_min(1e-7)).log()).log(); }

at::Tensor sample_codes(const at::Tensor& logits, const at::Tensor& uniform, double temperature) {
  if (temperature == 0) return logits.argmax(-1);
  return (logits / temperature + gumbel(uniform)).argmax(-1);
}

}  // namespace nextframe
