#include "kernels/draws.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include "kernels/fused/device.h"

namespace nextframe {
namespace {

enum class Distribution { uniform, normal };

void fill_on_gpu(const Draw& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                 const at::Tensor& result, Distribution distribution) {
  const auto ids = sample_ids_B.contiguous();
  cuda::DrawCall call{};
  call.key = draw_key_of_all(draw, stream);
  call.sample_ids = ids.const_data_ptr<int64_t>();
  call.rows = ids.size(0), call.row_size = result.numel() / ids.size(0);
  call.is_normal = distribution == Distribution::normal;
  call.to = result.mutable_data_ptr<float>();
  fused::launch_for(result,
                    [&](const auto& launches, cuda::Stream on) { launches.draw(call, on); });
}

at::Tensor draw_rows(const Draw& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                     at::IntArrayRef sizes, Distribution distribution) {
  TORCH_CHECK(sample_ids_B.dim() == 1 && sample_ids_B.scalar_type() == at::kLong,
              "draws: sample_ids_B must be int64 [B], got ", sample_ids_B.scalar_type(), " ",
              sample_ids_B.sizes());
  RECORD_FUNCTION("nextframe::draw", c10::ArrayRef<const c10::IValue>());
  std::vector<int64_t> shape(sizes.begin(), sizes.end());
  shape.insert(shape.begin(), sample_ids_B.size(0));
  if (sample_ids_B.is_cuda() && fused::has_forms_for(sample_ids_B)) {
    const auto there = at::empty(shape, sample_ids_B.options().dtype(at::kFloat));
    if (there.numel() > 0) fill_on_gpu(draw, stream, sample_ids_B, there, distribution);
    return there;
  }
  const auto fill =
      distribution == Distribution::normal ? cpu::loops().draw_normals : cpu::loops().draw_uniforms;
  const auto ids = sample_ids_B.cpu().contiguous();
  const auto result = at::empty(shape, at::kFloat);
  const int64_t row_size = ids.size(0) == 0 ? 0 : result.numel() / ids.size(0);
  for (int64_t b = 0; b < ids.size(0); ++b) {
    const auto id = static_cast<uint64_t>(ids.const_data_ptr<int64_t>()[b]);
    fill(draw_key(draw, stream, id), row_size, result.mutable_data_ptr<float>() + b * row_size);
  }
  return result.to(sample_ids_B.device());
}

/// FNV-1a (Fowler, Noll, Vo), 64 bits.
uint64_t hash_of(const std::string& name) {
  uint64_t hash = 0xCBF29CE484222325ull;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ull;
  return hash;
}

}  // namespace

at::Tensor draw_uniform(const Draw& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                        at::IntArrayRef sizes) {
  return draw_rows(draw, stream, sample_ids_B, sizes, Distribution::uniform);
}

at::Tensor draw_normal(const Draw& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                       at::IntArrayRef sizes) {
  return draw_rows(draw, stream, sample_ids_B, sizes, Distribution::normal);
}

at::Tensor draw_parameter(uint64_t seed, const std::string& name, at::IntArrayRef sizes,
                          double standard_deviation) {
  const auto values = at::empty(sizes, at::kFloat);
  cpu::loops().draw_normals(draw_key({seed, 0}, DrawStream::parameters, hash_of(name)),
                            values.numel(), values.mutable_data_ptr<float>());
  return values.mul_(standard_deviation);
}

}  // namespace nextframe
