#include "kernels/heads.h"

#include <torch/torch.h>

#include "kernels/cpu/heads_cpu.h"
#include "kernels/norm.h"

namespace nextframe {
namespace {

at::Tensor turned(const at::Tensor& x, const Rotation& rotation) {
  const auto halves = x.chunk(2, -1);
  const auto cosine = rotation.cosine_LP.to(x.dtype()), sine = rotation.sine_LP.to(x.dtype());
  return at::cat({halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine},
                 -1);
}

/// What split_heads means. The fast form is tested against it.
Heads definition(const at::Tensor& projections, int64_t num_heads, const Rotation& rotation,
                 Along along) {
  const auto dtype = projections.scalar_type();
  const auto sizes = projections.sizes();
  const auto parts = projections.view({sizes[0], sizes[1], sizes[2], 3, num_heads, -1});
  const auto sequences = [&](int64_t part) {
    const auto x_BTNKF = parts.select(3, part);
    const auto ordered =
        along == Along::space ? x_BTNKF.permute({0, 1, 3, 2, 4}) : x_BTNKF.permute({0, 2, 3, 1, 4});
    return ordered.reshape({-1, ordered.size(3), ordered.size(4)});
  };
  const auto placed = [&](const at::Tensor& x) {
    const auto exact = dtype == at::kBFloat16 ? x.to(at::kFloat) : x;
    return turned(rms_norm(exact, /*bf16=*/false), rotation).to(dtype);
  };
  return {placed(sequences(0)), placed(sequences(1)), sequences(2)};
}

class FastSplit : public torch::autograd::Function<FastSplit> {
 public:
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& projections, int64_t num_heads,
                                                const at::Tensor& cosine_LP,
                                                const at::Tensor& sine_LP, bool in_time) {
    const auto packed = projections.contiguous();
    context->save_for_backward({packed, cosine_LP, sine_LP});
    context->saved_data["num_heads"] = num_heads;
    context->saved_data["in_time"] = in_time;
    const auto heads = cpu::split_heads(packed, num_heads, {cosine_LP, sine_LP},
                                        in_time ? Along::time : Along::space);
    return {heads.query_SLF, heads.key_SLF, heads.value_SLF};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto along = context->saved_data["in_time"].toBool() ? Along::time : Along::space;
    const Heads grad_heads{grads[0].contiguous(), grads[1].contiguous(), grads[2].contiguous()};
    const auto grad = cpu::split_heads_backward(saved[0], context->saved_data["num_heads"].toInt(),
                                                {saved[1], saved[2]}, along, grad_heads);
    return {grad, {}, {}, {}, {}};
  }
};

}  // namespace

Heads split_heads(const at::Tensor& projections, int64_t num_heads, const Rotation& rotation,
                  Along along) {
  TORCH_CHECK(projections.dim() == 4 && projections.size(3) % (6 * num_heads) == 0,
              "heads: projections must be [B, T, N, 3D] with D a multiple of 2 * ", num_heads,
              " heads, got ", projections.sizes());
  const int64_t length = projections.size(along == Along::space ? 2 : 1);
  TORCH_CHECK(rotation.cosine_LP.size(0) == length, "heads: angles for ",
              rotation.cosine_LP.size(0), " positions, but a sequence has ", length);
  const bool fast = projections.is_cpu() && (projections.scalar_type() == at::kFloat ||
                                             projections.scalar_type() == at::kBFloat16);
  if (!fast) return definition(projections, num_heads, rotation, along);
  const auto parts = FastSplit::apply(projections, num_heads, rotation.cosine_LP, rotation.sine_LP,
                                      along == Along::time);
  return {parts[0], parts[1], parts[2]};
}

at::Tensor merge_heads(const at::Tensor& values_SLF, at::IntArrayRef sizes_BTND, int64_t num_heads,
                       Along along) {
  const int64_t B = sizes_BTND[0], T = sizes_BTND[1], N = sizes_BTND[2];
  const auto ordered = along == Along::space
                           ? values_SLF.view({B, T, num_heads, N, -1}).permute({0, 1, 3, 2, 4})
                           : values_SLF.view({B, N, num_heads, T, -1}).permute({0, 3, 1, 2, 4});
  return ordered.reshape(sizes_BTND);
}

}  // namespace nextframe
