// This file is what the operators of kernels/decode_attention.h are given, and do where there is no
// kernel: for back ends that have kernels for some calls.
#pragma once

#include "kernels/attention_operators.h"
#include "kernels/decode_attention.h"

namespace nextframe {

/// `numbers` are slot, seen and normalise.
DecodeOptions decode_options(at::IntArrayRef numbers, double scale, const OptionalTensor& cosine,
                             const OptionalTensor& sine);

void keep_keys_fallback(const at::Tensor& projections, const at::Tensor& ring_key,
                        const at::Tensor& ring_value, const OptionalTensor& cosine,
                        const OptionalTensor& sine, at::IntArrayRef numbers);

/// Keeps, and looks by nextframe::attention at the slots that are seen, copied into their order if
/// they lie around the ring's end.
at::Tensor decode_attention_fallback(const at::Tensor& projections, const at::Tensor& ring_key,
                                     const at::Tensor& ring_value, const OptionalTensor& cosine,
                                     const OptionalTensor& sine, at::IntArrayRef numbers,
                                     double scale);

}  // namespace nextframe
