#include "kernels/decode_attention.h"

#include <torch/library.h>

#include "kernels/attention_operators.h"
#include "kernels/cpu/attention_cpu.h"
#include "kernels/rotary.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

using Optional = OptionalTensor;

std::vector<int64_t> pack(const DecodeOptions& options) {
  return {options.slot, options.seen, options.normalise ? 1 : 0};
}

void check(const at::Tensor& projections, const KvCache& ring, const DecodeOptions& options) {
  const auto& key = ring.key;
  TORCH_CHECK(projections.dim() == 6 && projections.size(3) == 3,
              "decode_attention: projections must be [O, Q, I, 3, K, F], got ",
              projections.sizes());
  TORCH_CHECK(key.dim() == 5 && key.sizes() == ring.value.sizes() &&
                  key.size(0) == projections.size(0) &&
                  key.sizes().slice(2) == projections.select(3, 0).sizes().slice(2) &&
                  key.stride(4) == 1 && ring.value.stride(4) == 1,
              "decode_attention: a ring [O, S, I, K, F], neighbours in F, must fit projections ",
              projections.sizes(), "; got ", key.sizes(), ", ", ring.value.sizes());
  TORCH_CHECK(key.scalar_type() == projections.scalar_type() &&
                  ring.value.scalar_type() == projections.scalar_type(),
              "decode_attention: projections and ring must have one dtype");
  TORCH_CHECK(!at::GradMode::is_enabled() || !projections.requires_grad(),
              "decode_attention: has no gradient; call it under NoGradGuard");
  const int64_t queries = projections.size(1), slots = key.size(1);
  TORCH_CHECK(queries <= options.seen && options.seen <= slots && options.slot >= 0 &&
                  options.slot < slots && options.scale > 0,
              "decode_attention: ", queries, " new tokens at slot ", options.slot, " of ", slots,
              ", ", options.seen, " seen, scale ", options.scale,
              ": new <= seen <= slots, slot < slots and scale > 0 are needed");
  const auto& cosine = options.rotation.cosine_LP;
  TORCH_CHECK(!cosine.defined() || (cosine.size(0) == queries && cosine.is_contiguous() &&
                                    options.rotation.sine_LP.is_contiguous() &&
                                    cosine.size(1) * 2 == projections.size(5)),
              "decode_attention: angles ", cosine.defined() ? cosine.sizes() : at::IntArrayRef(),
              " must be contiguous, a row for each of ", queries, " new tokens of ",
              projections.size(5), " values");
}

/// Rows of [O, Q, I, K, F] to slots from `slot` on, around the ring's end.
void put(const at::Tensor& ring, int64_t slot, const at::Tensor& rows) {
  const int64_t count = rows.size(1), first = std::min(count, ring.size(1) - slot);
  ring.narrow(1, slot, first).copy_(rows.narrow(1, 0, first));
  if (first < count) ring.narrow(1, 0, count - first).copy_(rows.narrow(1, first, count - first));
}

/// The slots that are seen, oldest first.
at::Tensor seen_slots(const at::Tensor& ring, const DecodeOptions& options, int64_t queries) {
  const int64_t slots = ring.size(1);
  const int64_t oldest = (options.slot + queries - options.seen + slots) % slots;
  const int64_t first = std::min(options.seen, slots - oldest);
  const auto stretch = ring.narrow(1, oldest, first);
  if (first == options.seen) return stretch;
  return at::cat({stretch, ring.narrow(1, 0, options.seen - first)}, 1);
}

/// bfloat16 and float16 are placed in float32 and rounded once.
at::Tensor placed(const at::Tensor& rows, const DecodeOptions& options) {
  const bool narrow = at::isReducedFloatingType(rows.scalar_type());
  return norm_rope(narrow ? rows.to(at::kFloat) : rows, options.normalise, options.rotation, 0)
      .to(rows.scalar_type());
}

AttentionOptions seeing_all(const DecodeOptions& options) {
  AttentionOptions result;
  result.scale = options.scale;
  return result;
}

using Write = void(const at::Tensor&, const at::Tensor&, const at::Tensor&, const Optional&,
                   const Optional&, at::IntArrayRef);

}  // namespace

KvCache make_kv_cache(const at::Tensor& projections, int64_t slots) {
  const auto sizes = projections.sizes();
  const auto both = at::empty({sizes[0], sizes[2], sizes[4], 2, slots, sizes[5]},  // [O I K 2 S F]
                              projections.options());
  const auto in_order = [&](int64_t which) {
    return both.select(3, which).permute({0, 3, 1, 2, 4});
  };
  return {in_order(0), in_order(1)};
}

// ---- The definition

void write_kv_cache_definition(const at::Tensor& projections, const KvCache& ring,
                               const DecodeOptions& options) {
  put(ring.key, options.slot, placed(projections.select(3, 1), options));
  put(ring.value, options.slot, projections.select(3, 2));
}

at::Tensor decode_attention_definition(const at::Tensor& projections, const KvCache& ring,
                                       const DecodeOptions& options) {
  write_kv_cache_definition(projections, ring, options);
  const int64_t queries = projections.size(1);
  return attention_definition(placed(projections.select(3, 0), options),
                              seen_slots(ring.key, options, queries),
                              seen_slots(ring.value, options, queries), seeing_all(options));
}

// ---- The operators where there is no kernel

DecodeOptions decode_options(at::IntArrayRef numbers, double scale, const Optional& cosine,
                             const Optional& sine) {
  TORCH_CHECK(numbers.size() == 3, "decode_attention: 3 numbers are needed, got ", numbers.size());
  return {numbers[0],
          numbers[1],
          scale,
          numbers[2] != 0,
          {cosine.value_or(at::Tensor()), sine.value_or(at::Tensor())}};
}

void write_kv_cache_fallback(const at::Tensor& projections, const at::Tensor& ring_key,
                             const at::Tensor& ring_value, const Optional& cosine,
                             const Optional& sine, at::IntArrayRef numbers) {
  write_kv_cache_definition(projections, {ring_key, ring_value},
                            decode_options(numbers, 1, cosine, sine));
}

at::Tensor decode_attention_fallback(const at::Tensor& projections, const at::Tensor& ring_key,
                                     const at::Tensor& ring_value, const Optional& cosine,
                                     const Optional& sine, at::IntArrayRef numbers, double scale) {
  const auto options = decode_options(numbers, scale, cosine, sine);
  static const auto write = operator_named<Write>("nextframe::write_kv_cache");
  write.call(projections, ring_key, ring_value, cosine, sine, numbers);
  const int64_t queries = projections.size(1);
  return attention(placed(projections.select(3, 0), options),
                   seen_slots(ring_key, options, queries), seen_slots(ring_value, options, queries),
                   seeing_all(options));
}

namespace {

at::Tensor decode_attention_on_cpu(const at::Tensor& projections, const at::Tensor& ring_key,
                                   const at::Tensor& ring_value, const Optional& cosine,
                                   const Optional& sine, at::IntArrayRef numbers, double scale) {
  const auto dtype = projections.scalar_type();
  if (projections.size(1) != 1 || projections.size(5) > cpu::kMaxHeadDim ||
      (dtype != at::kFloat && dtype != at::kBFloat16)) {
    return decode_attention_fallback(projections, ring_key, ring_value, cosine, sine, numbers,
                                     scale);
  }
  return cpu::decode_attention(projections, {ring_key, ring_value},
                               decode_options(numbers, scale, cosine, sine));
}

}  // namespace

// `numbers`: slot, seen, normalise.
TORCH_LIBRARY_FRAGMENT(nextframe, library) {
  library.def(
      "write_kv_cache(Tensor projections, Tensor(a!) key, Tensor(b!) value, Tensor? cosine, "
      "Tensor? "
      "sine, int[] numbers) -> ()");
  library.def(
      "decode_attention(Tensor projections, Tensor(a!) key, Tensor(b!) value, Tensor? cosine, "
      "Tensor? sine, int[] numbers, float scale) -> Tensor");
}
TORCH_LIBRARY_IMPL(nextframe, CompositeExplicitAutograd, library) {
  library.impl("write_kv_cache", write_kv_cache_fallback);
  library.impl("decode_attention", decode_attention_fallback);
}
TORCH_LIBRARY_IMPL(nextframe, CPU, library) {
  library.impl("decode_attention", decode_attention_on_cpu);
}

void write_kv_cache(const at::Tensor& projections, const KvCache& ring,
                    const DecodeOptions& given) {
  auto options = given;
  options.seen = projections.size(1);
  check(projections, ring, options);
  static const auto op = operator_named<Write>("nextframe::write_kv_cache");
  op.call(projections, ring.key, ring.value, defined(options.rotation.cosine_LP),
          defined(options.rotation.sine_LP), pack(options));
}

at::Tensor decode_attention(const at::Tensor& projections, const KvCache& ring,
                            const DecodeOptions& options) {
  check(projections, ring, options);
  static const auto op =
      operator_named<decltype(decode_attention_fallback)>("nextframe::decode_attention");
  return op.call(projections, ring.key, ring.value, defined(options.rotation.cosine_LP),
                 defined(options.rotation.sine_LP), pack(options), options.scale);
}

}  // namespace nextframe
