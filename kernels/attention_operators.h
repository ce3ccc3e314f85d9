// Attention's operators for LibTorch's dispatcher, with the fallbacks for calls that have no
// kernel. Included by back ends that have kernels for some calls.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>
#include <tuple>

#include "kernels/attention.h"
#include "kernels/decode_attention.h"
#include "kernels/norm.h"

namespace nextframe {

using OptionalTensor = std::optional<at::Tensor>;
using ThreeTensors = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

template <class Signature>
auto operator_named(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}
inline OptionalTensor defined(const at::Tensor& tensor) {
  return tensor.defined() ? OptionalTensor(tensor) : std::nullopt;
}

/// Options as the arguments of an operator: `numbers` are frame_tokens, window_frames, sink_frames,
/// clip_frames and first_query of the mask, and normalise.
AttentionOptions attention_options(at::IntArrayRef numbers, double scale,
                                   const OptionalTensor& cosine, const OptionalTensor& sine,
                                   int64_t keys);

/// Warns once that such queries have no kernel and run by the definition.
void warn_no_attention_kernel(const at::Tensor& query);

/// The fallback of nextframe::attention: its definition.
at::Tensor attention_fallback(const at::Tensor& query, const at::Tensor& key,
                              const at::Tensor& value, const OptionalTensor& cosine,
                              const OptionalTensor& sine, at::IntArrayRef numbers, double scale);

// ---- What backward would else compute again. A back end whose backward wants the result, and more
// that forward knows, registers three operators of its own:
//   attention_kept                    as attention; returns the result and what is kept
//   attention_backward_kept           as attention_backward, given those two before the queries
//   self_attention_backward_kept      as self_attention_backward, likewise
// Elsewhere, and for calls that have nothing to keep, what is kept is undefined and backward is
// asked without it. Nothing is kept where no gradient is wanted.

/// nextframe::attention_kept where nothing is kept: by nextframe::attention.
std::tuple<at::Tensor, at::Tensor> attention_keeping_nothing(const at::Tensor& query,
                                                             const at::Tensor& key,
                                                             const at::Tensor& value,
                                                             const OptionalTensor& cosine,
                                                             const OptionalTensor& sine,
                                                             at::IntArrayRef numbers, double scale);

// ---- With gradients (attention_autograd.cpp)

at::Tensor attention_with_gradient(const at::Tensor& query, const at::Tensor& key,
                                   const at::Tensor& value, const OptionalTensor& cosine,
                                   const OptionalTensor& sine, at::IntArrayRef numbers,
                                   double scale);
at::Tensor self_attention_with_gradient(const at::Tensor& projections, const OptionalTensor& cosine,
                                        const OptionalTensor& sine, at::IntArrayRef numbers,
                                        double scale);

// ---- Without a kernel

/// nextframe::attention_backward: the definition's gradient.
ThreeTensors attention_backward_fallback(const at::Tensor& grad, const at::Tensor& query,
                                         const at::Tensor& key, const at::Tensor& value,
                                         const OptionalTensor& cosine, const OptionalTensor& sine,
                                         at::IntArrayRef numbers, double scale);

/// nextframe::self_attention_backward by way of nextframe::attention_backward.
at::Tensor self_attention_backward_by_parts(const at::Tensor& grad, const at::Tensor& projections,
                                            const OptionalTensor& cosine,
                                            const OptionalTensor& sine, at::IntArrayRef numbers,
                                            double scale);

/// Address and strides of a [O, L, I, K, F] tensor.
template <class Operand>
Operand operand_of(const at::Tensor& x_OLIKF) {
  return {x_OLIKF.data_ptr(), x_OLIKF.stride(0), x_OLIKF.stride(1), x_OLIKF.stride(2),
          x_OLIKF.stride(3)};
}

/// Copies QK-norm, RoPE, scale and mask into a call over `keys` keys.
template <class Call>
void take_options(Call& call, const AttentionOptions& options, int64_t keys) {
  call.normalise = options.normalise;
  call.epsilon = static_cast<float>(kNormEpsilon);
  if (options.rotation.cosine_LP.defined()) {
    call.cosine = options.rotation.cosine_LP.const_data_ptr<float>();
    call.sine = options.rotation.sine_LP.const_data_ptr<float>();
  }
  call.scale = static_cast<float>(options.scale);
  call.mask = options.mask;
  call.mask.keys = keys;
}

/// `numbers` are slot, seen and normalise.
DecodeOptions decode_options(at::IntArrayRef numbers, double scale, const OptionalTensor& cosine,
                             const OptionalTensor& sine);

void write_kv_cache_fallback(const at::Tensor& projections, const at::Tensor& ring_key,
                             const at::Tensor& ring_value, const OptionalTensor& cosine,
                             const OptionalTensor& sine, at::IntArrayRef numbers);

/// Appends to the cache, then runs nextframe::attention over the visible slots, which are
/// first copied into order if they wrap around the ring buffer's end.
at::Tensor decode_attention_fallback(const at::Tensor& projections, const at::Tensor& ring_key,
                                     const at::Tensor& ring_value, const OptionalTensor& cosine,
                                     const OptionalTensor& sine, at::IntArrayRef numbers,
                                     double scale);

}  // namespace nextframe
