#include "trainer/optimizer/optimizer.h"

#include <c10/util/ScopeExit.h>

#include "kernels/torch.h"

namespace nextframe {

Optimizer::Optimizer(FlatParameters& parameters, const UpdateRules& rules, Sharding* sharding,
                     ReplayedGraph work)
    : parameters_(parameters),
      rules_(rules),
      everything_(parameters, 1),
      sharding_(sharding != nullptr && sharding->is_split() ? sharding : nullptr),
      spans_(sharding_ == nullptr ? everything_.spans(0)
                                  : sharding_->owners()->spans(sharding_->owner())),
      work_(std::move(work)) {
  at::Tensor mine;
  if (sharding_ == nullptr) {
    mine = parameters.values();
  } else {
    packed_values_ = sharding_->packed_values();
    mine = packed_values_.defined()
               ? packed_values_
               : sharding_->owners()->pack(parameters.values(), sharding_->owner());
  }
  if (sharding != nullptr) copy_ = sharding->copy(), num_copies_ = sharding->num_copies();
  moment1_ = at::zeros_like(mine);
  pack_moment2();
  if (rules.ema_decay() > 0) average_ = mine.clone();
  for (const auto& rule : rules.all())
    numbers_.push_back(rule->numbers({0, 0, 0, 1}).to(mine.device()));
}

/// As ChunkOwners packs, so where all tensors have one it lies as the other buffers do.
void Optimizer::pack_moment2() {
  int64_t packed = 0;
  for (const auto& span : spans_) {
    moment2_offsets_.push_back(rules_.of(span.tensor).has_moment2() ? packed : -1);
    if (moment2_offsets_.back() < 0) continue;
    moment2_spans_.push_back(span);
    moment2_spans_.back().offset = packed;
    packed += (span.count + kAlignElements - 1) / kAlignElements * kAlignElements;
  }
  for (int64_t i = 0; i < static_cast<int64_t>(parameters_.layout().size()); ++i)
    if (rules_.of(i).has_moment2()) moment2_tensors_.push_back(i);
  moment2_ = at::zeros({packed}, moment1_.options());
}

void Optimizer::update(const at::Tensor& gradient_sum, int64_t step, double lr, double scale,
                       const at::Tensor& is_bad) {
  // An average that starts at the initial parameters forgets them faster at first.
  const double ema_decay =
      std::min(rules_.ema_decay(), static_cast<double>(step) / static_cast<double>(step + 10));
  for (size_t i = 0; i < numbers_.size(); ++i) {
    // CUDA has taken a copy out of pageable memory before it returns, so nobody has to wait.
    numbers_[i].copy_(rules_.all()[i]->numbers({lr, scale, ema_decay, step}),
                      /*non_blocking=*/true);
    if (is_bad.defined()) numbers_[i].select(0, -1).copy_(is_bad);
  }
  const auto num_tensors = static_cast<int64_t>(parameters_.layout().size());
  auto* gather = sharding_ != nullptr ? sharding_->gather() : nullptr;
  if (gather == nullptr) {
    return work_.run({gradient_sum.const_data_ptr()}, [=, this] {
      update_part({0, num_tensors}, gradient_sum);
    });
  }
  const auto& values = parameters_.values();
  for (size_t part = 0; part < gather->parts().size(); ++part) {  // one travels, the next is made
    update_part(gather->parts()[part], gradient_sum);
    const int64_t begin = gather->part_begin(part);
    gather->start(part, values, ShardPlace::flat, values.narrow(0, begin, values.numel() - begin));
  }
}

void Optimizer::update_part(const TensorRange& tensors, const at::Tensor& gradient_sum) {
  for (size_t i = 0; i < spans_.size(); ++i) {
    const auto& span = spans_[i];
    if (!tensors.contains(span)) continue;
    const auto part = [&](const at::Tensor& packed) {
      return packed.defined() ? packed.narrow(0, span.offset, span.count) : packed;
    };
    const auto values = packed_values_.defined()
                            ? part(packed_values_)
                            : parameters_.values().narrow(0, span.flat_offset, span.count);
    const auto moment2 = moment2_offsets_[i] >= 0
                             ? moment2_.narrow(0, moment2_offsets_[i], span.count)
                             : at::Tensor();
    rules_.of(span.tensor)
        .update({parameters_.layout()[static_cast<size_t>(span.tensor)],
                 rules_.num_matrices(span.tensor), values, part(gradient_sum), part(moment1_),
                 moment2, part(average_)},
                numbers_[rules_.index_of(span.tensor)]);
  }
}

void Optimizer::with_average(const std::function<void()>& body) {
  if (packed_values_.defined()) {
    const auto& shown = average_.defined() ? average_ : packed_values_;
    return sharding_->fsdp()->with_full_parameters(shown, body);
  }
  if (!average_.defined()) return body();
  const auto kept = parameters_.values().clone();
  const auto put_back = c10::make_scope_exit([&] { parameters_.values().copy_(kept); });
  if (sharding_ != nullptr) {
    sharding_->gather()->fill(average_, ShardPlace::packed, parameters_.values());
  } else {
    parameters_.values().copy_(average_);
  }
  body();
}

std::vector<StateBuffer> Optimizer::state() const {
  std::vector<StateBuffer> buffers;
  const auto add = [&](const char* name, const at::Tensor& values, bool is_packed) {
    if (!values.defined()) return;
    buffers.push_back({name, values});
    if (is_packed) buffers.back() = {name, values, &spans_, copy_, num_copies_};
  };
  const bool is_split = sharding_ != nullptr;
  add("ema", average_, is_split);
  add("moment1", moment1_, is_split);
  add("moment2", moment2_, is_split);
  if (moment2_tensors_.size() < parameters_.layout().size())
    buffers.back() = {"moment2", moment2_, &moment2_spans_, copy_, num_copies_, &moment2_tensors_};
  const bool are_packed = packed_values_.defined();
  add("parameters", are_packed ? packed_values_ : parameters_.values(), are_packed);
  return buffers;
}

}  // namespace nextframe
