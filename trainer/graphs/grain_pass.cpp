#include "trainer/graphs/grain_pass.h"

#include "kernels/torch.h"

namespace nextframe {
namespace {

std::vector<at::Tensor> parts_of(const Batch& batch) {
  std::vector<at::Tensor> parts;
  batch.map([&](const at::Tensor& tensor) { return parts.emplace_back(tensor); });
  return parts;
}

at::Tensor as_row(const LossTerms& terms) {
  std::vector<at::Tensor> row = {terms.sum.detach().to(at::kDouble), terms.weight};
  for (const auto& [name, sum] : terms.sums) row.push_back(sum.to(at::kDouble));
  return at::stack(row);
}

}  // namespace

LossTerms GrainPass::run(const Batch& batch, const at::Tensor& draw, bool may_replay,
                         const std::function<void()>& before_backward) {
  if (!may_replay || !work_.is_on() || !copy_inputs({batch, draw}))
    return run_eagerly({batch, draw}, before_backward);
  before_backward();
  work_.run({}, [this] { store_terms(run_eagerly(inputs_, [] {})); });
  return result();
}

LossTerms GrainPass::run_eagerly(const Inputs& inputs,
                                 const std::function<void()>& before_backward) {
  parameters_.clear_gradients();
  auto terms = model_.loss(inputs.batch, inputs.draw);
  before_backward();
  terms.sum.backward();
  terms.sum = terms.sum.detach();
  return terms;
}

/// Copies them to where they stay; false where they are of other shapes than the first ones.
bool GrainPass::copy_inputs(const Inputs& inputs) {
  if (!inputs_.draw.defined()) {
    const auto like = [](const at::Tensor& tensor) {
      return at::empty_like(tensor, at::MemoryFormat::Contiguous);
    };
    inputs_ = {inputs.batch.map(like), like(inputs.draw)};
  }
  const auto from = parts_of(inputs.batch), to = parts_of(inputs_.batch);
  for (size_t i = 0; i < to.size(); ++i)
    if (to[i].sizes() != from[i].sizes()) return false;
  for (size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i], /*non_blocking=*/true);
  inputs_.draw.copy_(inputs.draw);
  return true;
}

void GrainPass::store_terms(const LossTerms& terms) {
  const auto row = as_row(terms);
  if (stored_terms_.defined()) {
    stored_terms_.copy_(row);
    return;
  }
  stored_terms_ = row;
  for (const auto& [name, sum] : terms.sums) names_.push_back(name);
}

/// A copy: the next replay writes to the same place.
LossTerms GrainPass::result() const {
  const auto row = stored_terms_.clone();
  LossTerms terms{row.select(0, 0), row.select(0, 1), {}};
  for (size_t i = 0; i < names_.size(); ++i)
    terms.sums[names_[i]] = row.select(0, static_cast<int64_t>(2 + i));
  return terms;
}

}  // namespace nextframe
