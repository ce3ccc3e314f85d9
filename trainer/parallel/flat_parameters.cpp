#include "trainer/parallel/flat_parameters.h"

#include <map>

#include "kernels/torch.h"

namespace nextframe {
namespace {

/// The tensor's elements in `flat`, which begins with element `begin` of the whole flat buffer. Not
/// an autograd view.
at::Tensor alias(const at::Tensor& flat, const FlatTensor& tensor, int64_t begin = 0) {
  auto result = at::empty({0}, flat.options());
  result.set_(flat.storage(), tensor.offset - begin, tensor.sizes,
              c10::contiguous_strides(tensor.sizes));
  return result;
}

}  // namespace

int64_t num_elements(const std::vector<FlatRange>& ranges) {
  int64_t total = 0;
  for (const auto& range : ranges) total += range.count;
  return total;
}

FlatParameters::FlatParameters(torch::nn::Module& model, bool has_gradient_buffer) {
  std::map<std::string, at::Tensor> by_name;
  const auto registered = model.named_parameters();
  for (const auto& item : registered) by_name.emplace(item.key(), item.value());
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
  for (const auto& item : registered) {
    registration_order_.push_back(std::distance(by_name.begin(), by_name.find(item.key())));
  }
  values_ = at::zeros({total}, parameters_.front().options().requires_grad(false));
  if (has_gradient_buffer) gradients_ = at::zeros_like(values_);
  for (size_t i = 0; i < layout_.size(); ++i) {
    const auto home = alias(values_, layout_[i]);
    home.copy_(parameters_[i].detach());
    parameters_[i].set_data(home);
    parameters_[i].mutable_grad() =
        has_gradient_buffer ? alias(gradients_, layout_[i]) : at::Tensor();
  }
}

void FlatParameters::move_to(int64_t first, int64_t last, const at::Tensor& buffer) {
  const int64_t begin = layout_[static_cast<size_t>(first)].offset;
  for (int64_t i = first; i < last; ++i) {
    const auto index = static_cast<size_t>(i);
    parameters_[index].set_data(alias(buffer, layout_[index], begin));
  }
}

void FlatParameters::clear_gradients() {
  if (!gradients_.defined()) {
    for (const auto& parameter : parameters_) parameter.mutable_grad().reset();
    return;
  }
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
