#include "trainer/gradients/gradient_hooks.h"

#include "kernels/torch.h"

namespace nextframe {
namespace {

using torch::autograd::impl::set_post_acc_grad_hooks;

class Hook final : public torch::autograd::PostAccumulateGradHook {
 public:
  Hook(int64_t number, std::function<void(int64_t)> on_ready)
      : number_(number), on_ready_(std::move(on_ready)) {}
  void operator()(const at::Tensor&) override { on_ready_(number_); }

 private:
  int64_t number_;
  std::function<void(int64_t)> on_ready_;
};

}  // namespace

GradientHooks::GradientHooks(std::vector<at::Tensor> parameters,
                             std::function<void(int64_t)> on_ready)
    : parameters_(std::move(parameters)) {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    set_post_acc_grad_hooks(parameters_[i],
                            std::make_unique<Hook>(static_cast<int64_t>(i), on_ready));
  }
}

GradientHooks::~GradientHooks() {
  for (const auto& parameter : parameters_) set_post_acc_grad_hooks(parameter, nullptr);
}

}  // namespace nextframe
