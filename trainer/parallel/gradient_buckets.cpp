#include "trainer/parallel/gradient_buckets.h"

#include <map>

#include "kernels/torch.h"
#include "launch/hang/flight_recorder.h"

namespace nextframe {
namespace {

using torch::autograd::impl::set_post_acc_grad_hooks;

class PostAccumulateHook final : public torch::autograd::PostAccumulateGradHook {
 public:
  PostAccumulateHook(int64_t number, std::function<void(int64_t)> on_ready)
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
    set_post_acc_grad_hooks(
        parameters_[i], std::make_unique<PostAccumulateHook>(static_cast<int64_t>(i), on_ready));
  }
}

GradientHooks::~GradientHooks() {
  for (const auto& parameter : parameters_) set_post_acc_grad_hooks(parameter, nullptr);
}

std::vector<int64_t> agree_on_order(Communicator& world, const FlatParameters& parameters,
                                    std::vector<int64_t> order) {
  const size_t num_tensors = parameters.layout().size();
  std::vector<bool> is_known(num_tensors, false);
  for (const int64_t tensor : order) is_known[static_cast<size_t>(tensor)] = true;
  for (size_t i = 0; i < num_tensors; ++i) {
    if (!is_known[i]) order.push_back(static_cast<int64_t>(i));
  }
  const auto device = parameters.parameters().front().device();
  const auto shared = at::tensor(order, at::kLong).to(device);
  const CollectivePurpose purpose("the order of buckets");
  world.broadcast(shared, 0).wait();
  const auto agreed = shared.cpu();
  const auto* first = agreed.const_data_ptr<int64_t>();
  return {first, first + agreed.numel()};
}

std::vector<int64_t> order_of_names(const FlatParameters& parameters,
                                    const std::vector<std::string>& names) {
  std::map<std::string, int64_t> unnamed;
  for (const auto& tensor : parameters.layout())
    unnamed.emplace(tensor.name, static_cast<int64_t>(unnamed.size()));
  std::vector<int64_t> order;
  for (const auto& name : names) {
    const auto tensor = unnamed.extract(name);
    if (tensor.empty()) return {};
    order.push_back(tensor.mapped());
  }
  return unnamed.empty() ? order : std::vector<int64_t>();
}

std::vector<std::string> names_of_order(const FlatParameters& parameters,
                                        const std::vector<int64_t>& order) {
  std::vector<std::string> names;
  for (const int64_t tensor : order)
    names.push_back(parameters.layout()[static_cast<size_t>(tensor)].name);
  return names;
}

std::vector<std::vector<int64_t>> cut_into_buckets(const FlatParameters& parameters,
                                                   const std::vector<int64_t>& order,
                                                   const BucketBytes& bytes) {
  std::vector<std::vector<int64_t>> buckets;
  bool is_full = true;
  int64_t elements = 0;
  for (const int64_t tensor : order) {
    if (is_full) {
      buckets.emplace_back();
      elements = 0;
    }
    buckets.back().push_back(tensor);
    elements += parameters.layout()[static_cast<size_t>(tensor)].numel;
    const int64_t limit = buckets.size() == 1 ? bytes.first : bytes.others;
    is_full = elements * static_cast<int64_t>(sizeof(float)) >= limit;
  }
  return buckets;
}

}  // namespace nextframe
