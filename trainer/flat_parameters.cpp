#include "trainer/flat_parameters.h"

#include <torch/torch.h>

#include <map>

namespace nextframe {
namespace {

/// Part of a flat buffer, not an autograd view of it.
at::Tensor alias(const at::Tensor& flat, const FlatTensor& tensor) {
  auto result = at::empty({0}, flat.options());
  result.set_(flat.storage(), tensor.offset, tensor.sizes, c10::contiguous_strides(tensor.sizes));
  return result;
}

}  // namespace

FlatParameters::FlatParameters(torch::nn::Module& model) {
  std::map<std::string, at::Tensor> by_name;
  for (const auto& item : model.named_parameters()) by_name.emplace(item.key(), item.value());
  TORCH_CHECK(!by_name.empty(), "the model has no parameters");
  int64_t total = 0;
  for (const auto& [name, parameter] : by_name) {
    TORCH_CHECK(parameter.scalar_type() == at::kFloat, "parameter '", name, "' is ",
                parameter.scalar_type(), "; parameters are float32, products in bf16 convert them");
    layout_.push_back({name, parameter.sizes().vec(), total, parameter.numel()});
    for (int64_t begin = 0; begin < parameter.numel(); begin += kChunkElements) {
      chunks_.push_back({static_cast<int64_t>(layout_.size()) - 1, begin / kChunkElements,
                         total + begin, std::min(kChunkElements, parameter.numel() - begin)});
    }
    total += (parameter.numel() + kAlignElements - 1) / kAlignElements * kAlignElements;
    parameters_.push_back(parameter);
  }
  values_ = at::zeros({total}, parameters_.front().options().requires_grad(false));
  gradients_ = at::zeros_like(values_);
  for (size_t i = 0; i < layout_.size(); ++i) {
    const auto home = alias(values_, layout_[i]);
    home.copy_(parameters_[i].detach());
    parameters_[i].set_data(home);
    parameters_[i].mutable_grad() = alias(gradients_, layout_[i]);
  }
}

void FlatParameters::clear_gradients() {
  const auto* base = gradients_.const_data_ptr<float>();
  for (size_t i = 0; i < layout_.size(); ++i) {
    const auto& gradient = parameters_[i].grad();
    TORCH_INTERNAL_ASSERT(
        gradient.defined() && gradient.const_data_ptr<float>() == base + layout_[i].offset,
        "the gradient of '", layout_[i].name, "' left the flat buffer");
  }
  gradients_.zero_();
}

}  // namespace nextframe
