// Flat buffers for a model's parameters and gradients (as FSDP's FlatParameter): the modules' own
// tensors become views of one contiguous buffer each.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace nextframe {

/// Elements of a chunk, a piece of one flattened parameter. Sharding and every partial sum split at
/// chunk boundaries only, so results do not depend on the number of ranks.
inline constexpr int64_t kChunkElements = 65536;

/// Tensors in flat buffers begin at multiples of this: one 64-byte cache line.
inline constexpr int64_t kAlignElements = 16;

/// Elements [offset, offset + count) of a flat or packed buffer.
struct FlatRange {
  int64_t offset, count;
};

/// The number of elements in all ranges together.
int64_t num_elements(const std::vector<FlatRange>& ranges);

/// Bytes of all elements; 0 for an undefined tensor.
inline int64_t bytes_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0;
}
inline int64_t bytes_of(std::initializer_list<at::Tensor> tensors) {
  int64_t total = 0;
  for (const auto& tensor : tensors) total += bytes_of(tensor);
  return total;
}

struct FlatTensor {
  std::string name;  // as the module tree names it
  std::vector<int64_t> sizes;
  int64_t offset = 0;  // of its first element in the flat buffers
  int64_t numel = 0;
};

struct Chunk {
  int64_t tensor = 0;  // index into layout()
  int64_t number = 0;  // within its tensor
  int64_t offset = 0;  // of its first element in the flat buffers
  int64_t count = 0;   // at most kChunkElements
};

/// Moves a model's float32 parameters into one buffer, ordered by name, and makes backward write
/// their gradients into a second one.
class FlatParameters {
 public:
  /// Without a gradient buffer (ZeRO-2 and ZeRO-3), each parameter gets its own gradient tensor in
  /// backward, which is freed once it has been sent.
  explicit FlatParameters(torch::nn::Module& model, bool has_gradient_buffer = true);

  const std::vector<FlatTensor>& layout() const { return layout_; }
  const std::vector<at::Tensor>& parameters() const { return parameters_; }  // as layout()
  const std::vector<Chunk>& chunks() const { return chunks_; }

  /// Indices into layout(), in the order in which the modules registered their parameters.
  const std::vector<int64_t>& registration_order() const { return registration_order_; }

  const at::Tensor& values() const { return values_; }        // float32; zeros pad between tensors
  const at::Tensor& gradients() const { return gradients_; }  // float32, as values; or undefined

  /// Zeroes the gradient buffer and checks that backward still writes into it. Without one, frees
  /// each parameter's gradient.
  void clear_gradients();

  /// Makes parameters [first, last) views of `buffer`, which begins with the first of them. Does
  /// not copy their values.
  void move_to(int64_t first, int64_t last, const at::Tensor& buffer);

  /// Frees values(), once move_to() has moved all parameters.
  void drop_values() { values_.reset(); }

 private:
  std::vector<at::Tensor> parameters_;
  std::vector<FlatTensor> layout_;
  std::vector<Chunk> chunks_;
  std::vector<int64_t> registration_order_;
  at::Tensor values_, gradients_;
};

}  // namespace nextframe
