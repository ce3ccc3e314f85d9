#include "trainer/recompute.h"

#include "kernels/torch.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A part of a block as a node of autograd's graph may keep it.
struct KeptPart : torch::CustomClassHolder {
  explicit KeptPart(BlockRunner::Part part) : run(std::move(part)) {}
  BlockRunner::Part run;
};

struct RunAgain : torch::autograd::Function<RunAgain> {
  /// `anchor` needs a gradient: parameters must get theirs even where `hidden` needs none.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden,
                            const at::Tensor& /*anchor*/, const BlockRunner::Part& part) {
    context->save_for_backward({hidden});
    context->saved_data["part"] = c10::IValue::make_capsule(c10::make_intrusive<KeptPart>(part));
    return part(hidden);  // no gradients are recorded here
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto kept = context->get_saved_variables().front();
    const auto part = context->saved_data["part"].toCapsule();
    const auto hidden = kept.detach().requires_grad_(kept.requires_grad());
    at::Tensor result;
    {
      const torch::AutoGradMode record(true);
      result = static_cast<KeptPart&>(*part).run(hidden);
    }
    torch::autograd::backward({result}, gradients);
    return {hidden.grad(), {}, {}};
  }
};

}  // namespace

RecomputeRunner::RecomputeRunner(Again again, std::shared_ptr<BlockRunner> inner)
    : again_(again), inner_(std::move(inner)) {}

at::Tensor RecomputeRunner::run(int64_t index, const Block& block, const at::Tensor& hidden) {
  if (!at::GradMode::is_enabled()) return inner_->run(index, block, hidden);
  const auto twice = [&](const Block& part) {
    const Part run = [inner = inner_, index, part](const at::Tensor& input) {
      return inner->run(index, part, input);
    };
    return RunAgain::apply(hidden, at::empty({0}, hidden.options()).requires_grad_(), run);
  };
  if (again_ == Again::block) return twice(block);
  if (!block.attention) {
    throw UsageError(c10::str("trainer.recompute = attention: block ", index,
                              " of this model has no attention apart from the rest; take block"));
  }
  return inner_->run(index, {nullptr, block.feed_forward}, twice({nullptr, block.attention}));
}

std::shared_ptr<BlockRunner> make_recompute_runner(const std::string& recompute) {
  if (recompute == "none") return nullptr;
  using Again = RecomputeRunner::Again;
  return std::make_shared<RecomputeRunner>(recompute == "attention" ? Again::attention
                                                                    : Again::block);
}

void recompute_blocks(Model& model, const Config& config) {
  auto runner = make_recompute_runner(config.trainer.recompute);
  if (runner == nullptr || model.run_blocks_with(std::move(runner))) return;
  throw UsageError("trainer.recompute = " + config.trainer.recompute + ": model " +
                   config.trained_part() +
                   " has no trunk of blocks that could run again (docs/add-a-model.md); take none");
}

}  // namespace nextframe
