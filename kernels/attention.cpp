#include "kernels/attention.h"

#include <torch/library.h>

#include "kernels/attention_operators.h"
#include "kernels/cpu/attention_cpu.h"
#include "kernels/kernel_warnings.h"
#include "kernels/rotary.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

using Optional = OptionalTensor;
using Three = ThreeTensors;

// ---- Options as arguments of an operator

std::vector<int64_t> pack(const AttentionOptions& options) {
  const auto& mask = options.mask;
  return {mask.frame_tokens, mask.window_frames, mask.sink_frames,
          mask.clip_frames,  mask.first_query,   options.normalise ? 1 : 0};
}

void check(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
           const AttentionOptions& options) {
  const auto sizes = query.sizes(), keys = key.sizes();
  TORCH_CHECK(query.dim() == 5 && key.dim() == 5 && value.sizes() == keys && sizes[0] == keys[0] &&
                  sizes.slice(2) == keys.slice(2),
              "attention: query [O, Q, I, K, F] and key and value [O, L, I, K, F] do not fit: ",
              sizes, ", ", keys, ", ", value.sizes());
  TORCH_CHECK(
      query.scalar_type() == key.scalar_type() && query.scalar_type() == value.scalar_type(),
      "attention: query, key and value must have one dtype");
  TORCH_CHECK(options.scale > 0, "attention: scale must be above 0, got ", options.scale);
  const auto& mask = options.mask;
  TORCH_CHECK(mask.frame_tokens >= 0 && mask.window_frames >= 0 && mask.sink_frames >= 0 &&
                  mask.clip_frames >= 0 && mask.first_query >= 0 &&
                  (mask.frame_tokens == 0 || mask.first_query + sizes[1] <= keys[1]),
              "attention: queries ", mask.first_query, " to ", mask.first_query + sizes[1],
              " are not among ", keys[1], " keys, or a number of the mask is negative");
  if (!options.rotation.cosine_LP.defined()) return;
  TORCH_CHECK(
      sizes[4] % 2 == 0 &&
          options.rotation.cosine_LP.size(0) >= std::max(keys[1], mask.first_query + sizes[1]) &&
          options.rotation.cosine_LP.size(1) == sizes[4] / 2,
      "attention: angles ", options.rotation.cosine_LP.sizes(), " do not fit ", keys[1],
      " keys of ", sizes[4], " values");
}

// ---- The definition

/// [queries, keys], true where a query may look. Made on the device: nothing is copied there, so a
/// CUDA graph may hold it.
at::Tensor visible(const AttentionMask& mask, int64_t queries, c10::Device device) {
  const auto whole = at::TensorOptions(at::kLong).device(device);
  if (mask.frame_tokens == 0) return at::ones({queries, mask.keys}, whole.dtype(at::kBool));
  const auto frames = [&](int64_t first, int64_t count) {
    return at::arange(first, first + count, whole).floor_divide(mask.frame_tokens);
  };
  const auto of_query = frames(mask.first_query, queries).unsqueeze(1),
             of_key = frames(0, mask.keys);
  const auto clip = mask.clip_frames == 0
                        ? at::zeros_like(of_query)
                        : of_query.floor_divide(mask.clip_frames) * mask.clip_frames;
  const auto oldest =
      mask.window_frames == 0 ? clip : at::maximum(clip, of_query - mask.window_frames + 1);
  const auto is_sink = (of_key >= clip) & (of_key < clip + mask.sink_frames) & (of_key < oldest);
  return ((of_key >= oldest) & (of_key <= of_query)) | is_sink;
}

at::Tensor placed(const at::Tensor& x_OLIKF, const AttentionOptions& options, int64_t first) {
  return norm_rope(x_OLIKF, options.normalise, options.rotation, first);
}

bool has_cpu_kernel(const at::Tensor& x) {
  return x.is_cpu() && x.size(-1) <= cpu::kMaxHeadDim &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

}  // namespace

// ---- The operators where there is no kernel

AttentionOptions attention_options(at::IntArrayRef numbers, double scale, const Optional& cosine,
                                   const Optional& sine, int64_t keys) {
  TORCH_CHECK(numbers.size() == 6, "attention: 6 numbers describe the mask, got ", numbers.size());
  AttentionOptions options;
  options.mask = {keys, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
  options.normalise = numbers[5] != 0;
  options.scale = scale;
  options.rotation = {cosine.value_or(at::Tensor()), sine.value_or(at::Tensor())};
  return options;
}

void warn_no_attention_kernel(const at::Tensor& query) {
  warn_once_of_kernel(c10::str("attention: no kernel for ", query.scalar_type(), ", heads of ",
                               query.size(-1), " values on ", query.device().type(),
                               "; LibTorch's operations are used"));
}

at::Tensor attention_fallback(const at::Tensor& query, const at::Tensor& key,
                              const at::Tensor& value, const Optional& cosine, const Optional& sine,
                              at::IntArrayRef numbers, double scale) {
  return attention_definition(query, key, value,
                              attention_options(numbers, scale, cosine, sine, key.size(1)));
}

Three attention_backward_fallback(const at::Tensor& grad, const at::Tensor& query,
                                  const at::Tensor& key, const at::Tensor& value,
                                  const Optional& cosine, const Optional& sine,
                                  at::IntArrayRef numbers, double scale) {
  const torch::AutoGradMode with_grad(true);
  const auto leaf = [](const at::Tensor& x) { return x.detach().requires_grad_(true); };
  const std::vector<at::Tensor> inputs = {leaf(query), leaf(key), leaf(value)};
  const auto result =
      attention_fallback(inputs[0], inputs[1], inputs[2], cosine, sine, numbers, scale);
  const auto grads = torch::autograd::grad({result}, inputs, {grad});
  return {grads[0], grads[1], grads[2]};
}

std::tuple<at::Tensor, at::Tensor> attention_keeping_nothing(
    const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const Optional& cosine,
    const Optional& sine, at::IntArrayRef numbers, double scale) {
  static const auto op = operator_named<decltype(attention_fallback)>("nextframe::attention");
  return {op.call(query, key, value, cosine, sine, numbers, scale), at::Tensor()};
}

at::Tensor self_attention_backward_by_parts(const at::Tensor& grad, const at::Tensor& projections,
                                            const Optional& cosine, const Optional& sine,
                                            at::IntArrayRef numbers, double scale) {
  static const auto op =
      operator_named<decltype(attention_backward_fallback)>("nextframe::attention_backward");
  const auto [query, key, value] = op.call(grad, projections.select(3, 0), projections.select(3, 1),
                                           projections.select(3, 2), cosine, sine, numbers, scale);
  return at::stack({query, key, value}, 3);
}

namespace {

at::Tensor attention_shape(const at::Tensor& query, const at::Tensor&, const at::Tensor&,
                           const Optional&, const Optional&, at::IntArrayRef, double) {
  return at::empty(query.sizes(), query.options());
}
Three attention_backward_shape(const at::Tensor&, const at::Tensor& query, const at::Tensor& key,
                               const at::Tensor& value, const Optional&, const Optional&,
                               at::IntArrayRef, double) {
  return {at::empty(query.sizes(), query.options()), at::empty(key.sizes(), key.options()),
          at::empty(value.sizes(), value.options())};
}

// ---- The operators on the CPU

at::Tensor attention_on_cpu(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const Optional& cosine, const Optional& sine, at::IntArrayRef numbers,
                            double scale) {
  if (!has_cpu_kernel(query)) {
    warn_no_attention_kernel(query);
    return attention_fallback(query, key, value, cosine, sine, numbers, scale);
  }
  return cpu::attention(query, key, value,
                        attention_options(numbers, scale, cosine, sine, key.size(1)));
}

Three attention_backward_on_cpu(const at::Tensor& grad, const at::Tensor& query,
                                const at::Tensor& key, const at::Tensor& value,
                                const Optional& cosine, const Optional& sine,
                                at::IntArrayRef numbers, double scale) {
  if (!has_cpu_kernel(query)) {
    return attention_backward_fallback(grad, query, key, value, cosine, sine, numbers, scale);
  }
  const Three grads = {at::empty(query.sizes(), query.options()),
                       at::empty(key.sizes(), key.options()),
                       at::empty(value.sizes(), value.options())};
  cpu::attention_backward(grad, query, key, value,
                          attention_options(numbers, scale, cosine, sine, key.size(1)),
                          std::get<0>(grads), std::get<1>(grads), std::get<2>(grads));
  return grads;
}

// ---- Packed projections: the same operators on views, and one gradient

at::Tensor self_attention_by_parts(const at::Tensor& projections, const Optional& cosine,
                                   const Optional& sine, at::IntArrayRef numbers, double scale) {
  static const auto op = operator_named<decltype(attention_fallback)>("nextframe::attention");
  return op.call(projections.select(3, 0), projections.select(3, 1), projections.select(3, 2),
                 cosine, sine, numbers, scale);
}

at::Tensor self_attention_backward_on_cpu(const at::Tensor& grad, const at::Tensor& projections,
                                          const Optional& cosine, const Optional& sine,
                                          at::IntArrayRef numbers, double scale) {
  if (!has_cpu_kernel(projections)) {
    return self_attention_backward_by_parts(grad, projections, cosine, sine, numbers, scale);
  }
  const auto result = at::empty(projections.sizes(), projections.options());
  cpu::attention_backward(grad, projections.select(3, 0), projections.select(3, 1),
                          projections.select(3, 2),
                          attention_options(numbers, scale, cosine, sine, projections.size(1)),
                          result.select(3, 0), result.select(3, 1), result.select(3, 2));
  return result;
}

}  // namespace

// `numbers` of the mask: frame_tokens, window_frames, sink_frames, clip_frames, first_query,
// normalise.
TORCH_LIBRARY(nextframe, library) {
  library.def(
      "attention(Tensor query, Tensor key, Tensor value, Tensor? cosine, Tensor? sine, int[] "
      "numbers, float scale) "
      "-> Tensor");
  library.def(
      "attention_backward(Tensor grad, Tensor query, Tensor key, Tensor value, Tensor? cosine, "
      "Tensor? sine, "
      "int[] numbers, float scale) -> (Tensor, Tensor, Tensor)");
  library.def(
      "self_attention(Tensor projections, Tensor? cosine, Tensor? sine, int[] numbers, float "
      "scale) -> Tensor");
  library.def(
      "self_attention_backward(Tensor grad, Tensor projections, Tensor? cosine, Tensor? sine, "
      "int[] numbers, "
      "float scale) -> Tensor");
  library.def(
      "attention_kept(Tensor query, Tensor key, Tensor value, Tensor? cosine, Tensor? sine, int[] "
      "numbers, float scale) -> (Tensor, Tensor)");
  library.def(
      "attention_backward_kept(Tensor grad, Tensor result, Tensor kept, Tensor query, Tensor key, "
      "Tensor value, Tensor? cosine, Tensor? sine, int[] numbers, float scale) -> (Tensor, Tensor, "
      "Tensor)");
  library.def(
      "self_attention_backward_kept(Tensor grad, Tensor result, Tensor kept, Tensor projections, "
      "Tensor? cosine, Tensor? sine, int[] numbers, float scale) -> Tensor");
}

TORCH_LIBRARY_IMPL(nextframe, CompositeExplicitAutograd, library) {
  library.impl("attention", attention_fallback);
  library.impl("attention_kept", attention_keeping_nothing);
  library.impl("attention_backward", attention_backward_fallback);
  library.impl("self_attention", self_attention_by_parts);
  library.impl("self_attention_backward", self_attention_backward_by_parts);
}
TORCH_LIBRARY_IMPL(nextframe, Meta, library) {
  library.impl("attention", attention_shape);
  library.impl("attention_backward", attention_backward_shape);
}
TORCH_LIBRARY_IMPL(nextframe, CPU, library) {
  library.impl("attention", attention_on_cpu);
  library.impl("attention_backward", attention_backward_on_cpu);
  library.impl("self_attention_backward", self_attention_backward_on_cpu);
}
TORCH_LIBRARY_IMPL(nextframe, Autograd, library) {
  library.impl("attention", attention_with_gradient);
  library.impl("self_attention", self_attention_with_gradient);
}

at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionOptions& options) {
  check(query, key, value, options);
  static const auto op = operator_named<decltype(attention_fallback)>("nextframe::attention");
  return op.call(query, key, value, defined(options.rotation.cosine_LP),
                 defined(options.rotation.sine_LP), pack(options), options.scale);
}

at::Tensor self_attention(const at::Tensor& projections, const AttentionOptions& options) {
  TORCH_CHECK(projections.dim() == 6 && projections.size(3) == 3,
              "self_attention: projections must be [O, L, I, 3, K, F], got ", projections.sizes());
  check(projections.select(3, 0), projections.select(3, 1), projections.select(3, 2), options);
  static const auto op =
      operator_named<decltype(self_attention_by_parts)>("nextframe::self_attention");
  return op.call(projections, defined(options.rotation.cosine_LP),
                 defined(options.rotation.sine_LP), pack(options), options.scale);
}

at::Tensor attention_definition(const at::Tensor& query, const at::Tensor& key,
                                const at::Tensor& value, const AttentionOptions& options) {
  auto mask = options.mask;
  mask.keys = key.size(1);
  const auto in_heads = [](const at::Tensor& x_OLIKF) { return x_OLIKF.permute({0, 2, 3, 1, 4}); };
  const bool narrow = query.scalar_type() == at::kBFloat16;
  const auto exact = [narrow](const at::Tensor& x) { return narrow ? x.to(at::kFloat) : x; };
  const auto q = in_heads(placed(exact(query), options, mask.first_query));
  const auto k = in_heads(placed(exact(key), options, 0)), v = in_heads(exact(value));
  const auto scores = at::matmul(q, k.transpose(-1, -2)) * options.scale;
  const auto hidden = visible(mask, query.size(1), query.device()).logical_not();
  const auto shares =
      scores.masked_fill(hidden, -std::numeric_limits<double>::infinity()).softmax(-1);
  return at::matmul(shares, v).permute({0, 3, 1, 2, 4}).to(query.scalar_type()).contiguous();
}

}  // namespace nextframe
