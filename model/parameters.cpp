#include "model/parameters.h"

#include "kernels/draws.h"
#include "kernels/torch.h"

namespace nextframe {

at::Tensor ParameterMaker::normal(torch::nn::Module& owner, const std::string& name,
                                  at::IntArrayRef sizes, double standard_deviation) const {
  return owner.register_parameter(name,
                                  draw_parameter(seed_, path_ + name, sizes, standard_deviation));
}

at::Tensor ParameterMaker::constant(torch::nn::Module& owner, const std::string& name,
                                    at::IntArrayRef sizes, double value) const {
  return owner.register_parameter(name, at::full(sizes, value, at::kFloat));
}

}  // namespace nextframe
