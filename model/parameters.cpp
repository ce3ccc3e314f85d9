#include "model/parameters.h"

#include "kernels/draws.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

thread_local bool has_memory = true;

at::Tensor without_memory(at::IntArrayRef sizes) {
  return at::empty(sizes, at::TensorOptions().dtype(at::kFloat).device(at::kMeta));
}

}  // namespace

WithoutParameterMemory::WithoutParameterMemory() { has_memory = false; }
WithoutParameterMemory::~WithoutParameterMemory() { has_memory = true; }

at::Tensor ParameterMaker::normal(torch::nn::Module& owner, const std::string& name,
                                  at::IntArrayRef sizes, double standard_deviation) const {
  return owner.register_parameter(
      name, has_memory ? draw_parameter(seed_, path_ + name, sizes, standard_deviation)
                       : without_memory(sizes));
}

at::Tensor ParameterMaker::constant(torch::nn::Module& owner, const std::string& name,
                                    at::IntArrayRef sizes, double value) const {
  return owner.register_parameter(
      name, has_memory ? at::full(sizes, value, at::kFloat) : without_memory(sizes));
}

}  // namespace nextframe
