#include "kernels/draws.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nextframe {
namespace {

/// Writes values [0, count) of the sequence that belongs to `key`, four to a counter.
template <class Convert>
void fill(uint64_t key, float* values, int64_t count, const Convert& convert) {
  for (int64_t first = 0; first < count; first += 4) {
    const Philox block(key, static_cast<uint64_t>(first) / 4, 0);
    float four[4];
    convert(block, four);
    std::copy_n(four, std::min<int64_t>(4, count - first), values + first);
  }
}

void to_uniform(const Philox& block, float* four) {
  for (int i = 0; i < 4; ++i) four[i] = uniform_from_bits(block.value[i]);
}

void to_normal(const Philox& block, float* four) {
  for (int pair = 0; pair < 4; pair += 2) {
    const float above_zero = 1.0f - uniform_from_bits(block.value[pair]);
    const float radius = std::sqrt(-2.0f * std::log(above_zero));
    const float angle = 2 * std::numbers::pi_v<float> * uniform_from_bits(block.value[pair + 1]);
    four[pair] = radius * std::cos(angle);
    four[pair + 1] = radius * std::sin(angle);
  }
}

template <class Convert>
at::Tensor draw_rows(const Draw& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                     at::IntArrayRef sizes, const Convert& convert) {
  TORCH_CHECK(sample_ids_B.dim() == 1 && sample_ids_B.scalar_type() == at::kLong,
              "draws: sample_ids_B must be int64 [B], got ", sample_ids_B.scalar_type(), " ",
              sample_ids_B.sizes());
  const auto ids = sample_ids_B.cpu().contiguous();
  std::vector<int64_t> shape(sizes.begin(), sizes.end());
  shape.insert(shape.begin(), ids.size(0));
  const auto result = at::empty(shape, at::kFloat);
  const int64_t row_size = ids.size(0) == 0 ? 0 : result.numel() / ids.size(0);
  for (int64_t b = 0; b < ids.size(0); ++b) {
    const auto id = static_cast<uint64_t>(ids.const_data_ptr<int64_t>()[b]);
    fill(draw_key(draw, stream, id), result.mutable_data_ptr<float>() + b * row_size, row_size,
         convert);
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
  return draw_rows(draw, stream, sample_ids_B, sizes, to_uniform);
}

at::Tensor draw_normal(const Draw& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                       at::IntArrayRef sizes) {
  return draw_rows(draw, stream, sample_ids_B, sizes, to_normal);
}

at::Tensor draw_parameter(uint64_t seed, const std::string& name, at::IntArrayRef sizes,
                          double standard_deviation) {
  const auto values = at::empty(sizes, at::kFloat);
  fill(draw_key({seed, 0}, DrawStream::parameters, hash_of(name)), values.mutable_data_ptr<float>(),
       values.numel(), to_normal);
  return values.mul_(standard_deviation);
}

}  // namespace nextframe
