#include "kernels/draws.h"

#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/attention_operators.h"
#include "kernels/fused/device.h"

namespace nextframe {
namespace {

using DrawRows = at::Tensor(const at::Tensor& draw, int64_t stream, const at::Tensor& sample_ids_B,
                            at::IntArrayRef sizes, bool is_normal);

at::Tensor empty_rows(const at::Tensor& sample_ids_B, at::IntArrayRef sizes) {
  std::vector<int64_t> shape(sizes.begin(), sizes.end());
  shape.insert(shape.begin(), sample_ids_B.size(0));
  return at::empty(shape, sample_ids_B.options().dtype(at::kFloat));
}

at::Tensor draw_on_cpu(const at::Tensor& draw, int64_t stream, const at::Tensor& sample_ids_B,
                       at::IntArrayRef sizes, bool is_normal) {
  const auto fill = is_normal ? cpu::loops().draw_normals : cpu::loops().draw_uniforms;
  const auto ids = sample_ids_B.contiguous();
  const auto* const words = draw.const_data_ptr<int64_t>();
  const Draw keyed{static_cast<uint64_t>(words[0]), static_cast<uint64_t>(words[1])};
  const auto result = empty_rows(ids, sizes);
  const int64_t row_size = ids.size(0) == 0 ? 0 : result.numel() / ids.size(0);
  for (int64_t b = 0; b < ids.size(0); ++b) {
    const auto id = static_cast<uint64_t>(ids.const_data_ptr<int64_t>()[b]);
    fill(draw_key(keyed, static_cast<DrawStream>(stream), id), row_size,
         result.mutable_data_ptr<float>() + b * row_size);
  }
  return result;
}

at::Tensor draw_on_cuda(const at::Tensor& draw, int64_t stream, const at::Tensor& sample_ids_B,
                        at::IntArrayRef sizes, bool is_normal) {
  const auto ids = sample_ids_B.contiguous();
  const auto result = empty_rows(ids, sizes);
  if (result.numel() == 0) return result;
  cuda::DrawCall call{};
  call.draw = draw.const_data_ptr<int64_t>();
  call.stream = static_cast<DrawStream>(stream);
  call.sample_ids = ids.const_data_ptr<int64_t>();
  call.rows = ids.size(0), call.row_size = result.numel() / ids.size(0);
  call.is_normal = is_normal;
  call.to = result.mutable_data_ptr<float>();
  fused::launch_for(result,
                    [&](const auto& launches, cuda::Stream on) { launches.draw(call, on); });
  return result;
}

at::Tensor draw_rows(const at::Tensor& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                     at::IntArrayRef sizes, bool is_normal) {
  TORCH_CHECK(sample_ids_B.dim() == 1 && sample_ids_B.scalar_type() == at::kLong,
              "draws: sample_ids_B must be int64 [B], got ", sample_ids_B.scalar_type(), " ",
              sample_ids_B.sizes());
  TORCH_CHECK(draw.scalar_type() == at::kLong && draw.numel() == 2 && draw.is_contiguous() &&
                  draw.device() == sample_ids_B.device(),
              "draws: draw must be int64 [2] on ", sample_ids_B.device(), ", got ",
              draw.scalar_type(), " ", draw.sizes(), " on ", draw.device());
  static const auto op = operator_named<DrawRows>("nextframe::draw");
  return op.call(draw, static_cast<int64_t>(stream), sample_ids_B, sizes, is_normal);
}

/// FNV-1a (Fowler, Noll, Vo), 64 bits.
uint64_t hash_of(const std::string& name) {
  uint64_t hash = 0xCBF29CE484222325ull;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ull;
  return hash;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nextframe, library) {
  library.def(
      "draw(Tensor draw, int stream, Tensor sample_ids, int[] sizes, bool is_normal) -> Tensor");
}
TORCH_LIBRARY_IMPL(nextframe, CPU, library) { library.impl("draw", draw_on_cpu); }
TORCH_LIBRARY_IMPL(nextframe, CUDA, library) { library.impl("draw", draw_on_cuda); }

at::Tensor as_tensor(const Draw& draw, c10::Device device) {
  // CUDA has taken a copy out of pageable memory before it returns, so nobody has to wait.
  return at::tensor({static_cast<int64_t>(draw.seed), static_cast<int64_t>(draw.step)}, at::kLong)
      .to(device, /*non_blocking=*/true);
}

at::Tensor draw_uniform(const at::Tensor& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                        at::IntArrayRef sizes) {
  return draw_rows(draw, stream, sample_ids_B, sizes, false);
}

at::Tensor draw_normal(const at::Tensor& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                       at::IntArrayRef sizes) {
  return draw_rows(draw, stream, sample_ids_B, sizes, true);
}

at::Tensor draw_parameter(uint64_t seed, const std::string& name, at::IntArrayRef sizes,
                          double standard_deviation) {
  const auto values = at::empty(sizes, at::kFloat);
  cpu::loops().draw_normals(draw_key({seed, 0}, DrawStream::parameters, hash_of(name)),
                            values.numel(), values.mutable_data_ptr<float>());
  return values.mul_(standard_deviation);
}

}  // namespace nextframe
