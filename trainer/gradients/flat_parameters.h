// This file is a model's parameters and gradients as two flat buffers that the modules look into.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <string>
#include <vector>

namespace nextframe {

/// A stretch of one flattened parameter. Every boundary that decides a number is a chunk boundary.
inline constexpr int64_t kChunkElements = 65536;

/// Tensors in flat buffers begin at multiples of this: one 64-byte cache line.
inline constexpr int64_t kAlignElements = 16;

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

/// Moves a model's float32 parameters into one buffer, ordered by name, and aims their gradients at
/// a second one.
class FlatParameters {
 public:
  /// Without a gradient buffer, each parameter has a gradient of its own from backward on, until it
  /// is taken away.
  explicit FlatParameters(torch::nn::Module& model, bool has_gradient_buffer = true);

  const std::vector<FlatTensor>& layout() const { return layout_; }
  const std::vector<at::Tensor>& parameters() const { return parameters_; }  // as layout()
  const std::vector<Chunk>& chunks() const { return chunks_; }

  /// Indices into layout(), as the modules made their parameters.
  const std::vector<int64_t>& registration_order() const { return registration_order_; }

  const at::Tensor& values() const { return values_; }  // float32, padding between tensors is 0
  const at::Tensor& gradients() const { return gradients_; }  // float32, as values; or undefined

  /// Zeroes the gradients and checks that backward still writes into the buffer; or takes them
  /// away.
  void clear_gradients();

  /// Moves tensors [first, last) into a buffer of their own, which begins with the first of them.
  void move_to(int64_t first, int64_t last, const at::Tensor& buffer);

  /// Frees values(), once all tensors were moved.
  void drop_values() { values_.reset(); }

 private:
  std::vector<at::Tensor> parameters_;
  std::vector<FlatTensor> layout_;
  std::vector<Chunk> chunks_;
  std::vector<int64_t> registration_order_;
  at::Tensor values_, gradients_;
};

}  // namespace nextframe
