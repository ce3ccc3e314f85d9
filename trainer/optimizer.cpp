#include "trainer/optimizer.h"

#include <c10/util/ScopeExit.h>
#include <torch/torch.h>

namespace nextframe {
namespace {

/// Owned elements of a whole buffer, packed.
at::Tensor pack(const at::Tensor& whole, const std::vector<ChunkSpan>& spans, int64_t elements) {
  auto packed = at::zeros({elements}, whole.options());
  for (const auto& span : spans) {
    packed.narrow(0, span.offset, span.count).copy_(whole.narrow(0, span.flat_offset, span.count));
  }
  return packed;
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, FlatParameters& parameters, ValueGather* gather)
    : config_(config),
      parameters_(parameters),
      gather_(gather),
      everything_(parameters, 1),
      spans_(gather == nullptr ? everything_.spans(0)
                               : gather->owners().spans(gather->world().rank())) {
  const int64_t elements = gather == nullptr
                               ? parameters.values().numel()
                               : gather->owners().packed_elements(gather->world().rank());
  moment1_ = at::zeros({elements}, parameters.values().options());
  moment2_ = at::zeros_like(moment1_);
  if (config.ema_decay > 0) average_ = pack(parameters.values(), spans_, elements);
}

void Optimizer::update(const at::Tensor& gradient_sum, int64_t step, double lr, double scale) {
  const AdamWStep options{
      lr, config_.beta1, config_.beta2, config_.epsilon, 0, scale,
      // An average that starts at the initial parameters forgets them faster at first.
      std::min(config_.ema_decay, static_cast<double>(step) / static_cast<double>(step + 10)),
      step};
  const auto num_tensors = static_cast<int64_t>(parameters_.layout().size());
  if (!is_split()) return update_part({0, num_tensors}, gradient_sum, options);
  const auto& values = parameters_.values();
  for (size_t part = 0; part < gather_->parts().size(); ++part) {  // one travels, the next is made
    update_part(gather_->parts()[part], gradient_sum, options);
    const int64_t begin = gather_->part_begin(part);
    gather_->start(part, values, Held::whole, values.narrow(0, begin, values.numel() - begin));
  }
}

void Optimizer::update_part(const TensorRange& tensors, const at::Tensor& gradient_sum,
                            AdamWStep options) {
  for (const auto& span : spans_) {
    if (!tensors.contains(span)) continue;
    const auto& tensor = parameters_.layout()[static_cast<size_t>(span.tensor)];
    options.weight_decay = tensor.sizes.size() >= 2 ? config_.weight_decay : 0.0;
    const auto part = [&](const at::Tensor& packed) {
      return packed.defined() ? packed.narrow(0, span.offset, span.count) : packed;
    };
    adamw(parameters_.values().narrow(0, span.flat_offset, span.count), part(gradient_sum),
          part(moment1_), part(moment2_), part(average_), options);
  }
}

void Optimizer::with_average(const std::function<void()>& body) {
  if (!average_.defined()) return body();
  const auto kept = parameters_.values().clone();
  const auto put_back = c10::make_scope_exit([&] { parameters_.values().copy_(kept); });
  if (is_split()) {
    gather_->fill(average_, Held::packed, parameters_.values());
  } else {
    parameters_.values().copy_(average_);
  }
  body();
}

std::vector<StateBuffer> Optimizer::state() const {
  const auto* owned = is_split() ? &spans_ : nullptr;
  std::vector<StateBuffer> buffers;
  if (average_.defined()) buffers.push_back({"ema", average_, owned});
  buffers.push_back({"moment1", moment1_, owned});
  buffers.push_back({"moment2", moment2_, owned});
  buffers.push_back({"parameters", parameters_.values()});
  return buffers;
}

}  // namespace nextframe
