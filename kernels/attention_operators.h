// This file is what attention's operators are given, and do where there is no kernel: for back ends
// that have kernels for some calls.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>

#include "kernels/attention.h"

namespace nextframe {

using OptionalTensor = std::optional<at::Tensor>;
using ThreeTensors = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

/// Options as the arguments of an operator: `numbers` are frame_tokens, window_frames, sink_frames,
/// clip_frames and first_query of the mask, and normalise.
AttentionOptions attention_options(at::IntArrayRef numbers, double scale,
                                   const OptionalTensor& cosine, const OptionalTensor& sine,
                                   int64_t keys);

/// nextframe::attention by its definition.
at::Tensor attention_anywhere(const at::Tensor& query, const at::Tensor& key,
                              const at::Tensor& value, const OptionalTensor& cosine,
                              const OptionalTensor& sine, at::IntArrayRef numbers, double scale);

/// nextframe::attention_backward: the definition's gradient.
ThreeTensors attention_backward_anywhere(const at::Tensor& grad, const at::Tensor& query,
                                         const at::Tensor& key, const at::Tensor& value,
                                         const OptionalTensor& cosine, const OptionalTensor& sine,
                                         at::IntArrayRef numbers, double scale);

/// nextframe::self_attention_backward by way of nextframe::attention_backward.
at::Tensor self_attention_backward_by_parts(const at::Tensor& grad, const at::Tensor& projections,
                                            const OptionalTensor& cosine,
                                            const OptionalTensor& sine, at::IntArrayRef numbers,
                                            double scale);

}  // namespace nextframe
