#include "model/running_sum.h"

#include <ATen/ATen.h>

namespace nextframe {

bool is_running_sum(const std::string& parameter) {
  const auto dot = parameter.rfind('.');
  return parameter.compare(dot == std::string::npos ? 0 : dot + 1, 8, "running_") == 0;
}

at::Tensor carry(const at::Tensor& statistic, const at::Tensor& sums) {
  const auto product = (statistic * sums.detach()).sum();
  return product - product.detach();
}

}  // namespace nextframe
