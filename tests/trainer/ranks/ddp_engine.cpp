#include "tests/trainer/ranks/ddp_engine.h"

#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include "kernels/torch.h"

namespace nextframe {
namespace {

/// What the engine asks of a process group, by our collectives; every call waits for its end.
class Backend final : public c10d::Backend {
 public:
  explicit Backend(Communicator& world)
      : c10d::Backend(static_cast<int>(world.rank()), static_cast<int>(world.size())),
        world_(world) {}

  const std::string getBackendName() const override { return "nextframe"; }

  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors,
                                           const c10d::AllreduceOptions& options) override {
    TORCH_CHECK(options.reduceOp == c10d::ReduceOp::SUM, "only sums are known here");
    ++num_all_reduces;
    return run(tensors, [&](const at::Tensor& tensor) { world_.all_reduce(tensor).wait(); });
  }

  c10::intrusive_ptr<c10d::Work> broadcast(std::vector<at::Tensor>& tensors,
                                           const c10d::BroadcastOptions& options) override {
    return run(tensors, [&](const at::Tensor& tensor) {
      world_.broadcast(tensor, options.rootRank).wait();
    });
  }

  int64_t num_all_reduces = 0;

 private:
  /// The engine exchanges int32, our communicators do not.
  c10::intrusive_ptr<c10d::Work> run(std::vector<at::Tensor>& tensors,
                                     const std::function<void(const at::Tensor&)>& call) {
    for (auto& tensor : tensors) {
      const bool is_int = tensor.scalar_type() == at::kInt;
      const auto moved = is_int ? tensor.to(at::kLong) : tensor;
      call(moved);
      if (is_int) tensor.copy_(moved);
    }
    const auto type = c10::ListType::create(c10::TensorType::get());
    const auto future = c10::make_intrusive<c10::ivalue::Future>(type);
    future->markCompleted(c10::IValue(tensors));
    return c10d::Work::create_from_future(future);
  }

  Communicator& world_;
};

}  // namespace

struct DdpEngine::Parts {
  std::vector<at::Tensor> parameters;
  c10::intrusive_ptr<Backend> backend;
  c10::intrusive_ptr<c10d::ProcessGroup> group;
  std::unique_ptr<c10d::Reducer> reducer;
};

DdpEngine::DdpEngine(Communicator& world, std::vector<at::Tensor> parameters, int64_t bucket_bytes,
                     bool may_be_unused)
    : parts_(std::make_unique<Parts>()) {
  parts_->parameters = parameters;
  parts_->backend = c10::make_intrusive<Backend>(world);
  parts_->group = c10::make_intrusive<c10d::ProcessGroup>(c10::make_intrusive<c10d::HashStore>(),
                                                          static_cast<int>(world.rank()),
                                                          static_cast<int>(world.size()));
  constexpr auto kKind = c10d::ProcessGroup::BackendType::CUSTOM;
  parts_->group->setBackend(c10::DeviceType::CPU, kKind,
                            c10::intrusive_ptr<c10d::Backend>(parts_->backend));
  parts_->group->setDefaultBackend(kKind);
  const auto limit = static_cast<size_t>(bucket_bytes);
  const auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(parameters, {limit}));
  parts_->reducer = std::make_unique<c10d::Reducer>(
      parameters, buckets, parts_->group, std::vector<bool>(parameters.size(), false), bucket_bytes,
      may_be_unused, false, std::unordered_map<size_t, std::string>(), bucket_bytes, false, false,
      std::vector<int64_t>());
}

DdpEngine::~DdpEngine() = default;

std::vector<at::Tensor> DdpEngine::step(const std::vector<std::function<at::Tensor()>>& losses) {
  for (auto& parameter : parts_->parameters) parameter.mutable_grad() = at::Tensor();
  parts_->reducer->prepare_for_forward();
  parts_->reducer->rebuild_buckets();
  for (size_t i = 0; i < losses.size(); ++i) {
    const auto loss = losses[i]();
    if (i + 1 == losses.size()) parts_->reducer->prepare_for_backward({loss});
    loss.backward();  // gradients of earlier losses are only accumulated
  }
  std::vector<at::Tensor> means;
  for (const auto& parameter : parts_->parameters) {
    const auto& gradient = parameter.grad();
    means.push_back(gradient.defined() ? gradient.clone() : at::zeros_like(parameter).detach());
  }
  return means;
}

int64_t DdpEngine::num_all_reduces() const { return parts_->backend->num_all_reduces; }

}  // namespace nextframe
