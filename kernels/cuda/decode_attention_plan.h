// The sequence of kernels of a decoding step (attention with a KV cache) and the tensors between
// them. Needs no CUDA: kernels are passed in, so that tests run all of it on the CPU.
#pragma once

#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/cuda/attention_tensors.h"
#include "kernels/cuda/decode_attention_call.h"
#include "kernels/cuda/flash_attention_call.h"
#include "kernels/decode_attention.h"
#include "kernels/norm.h"

namespace nextframe {

/// Starts kernels. `touched` are all tensors that the call points into.
struct DecodeKernels {
  using Tensors = std::vector<at::Tensor>;
  std::function<void(const DecodeStepCall& call, const Tensors& touched)> step;
  std::function<void(const DecodeFrameCall&call, const Tensors&touched)> frame, join;
  std::function<void(const AttentionRowsCall& call, const Tensors& touched)> place;
};

/// Whether the kernels answer such a step: rows of 16 bits that can be read 16 bytes at a time.
inline bool has_decode_kernels(const at::Tensor& projections, const KvCache& ring,
                               const DecodeOptions& options) {
  AttentionOptions rows;
  rows.rotation = options.rotation;
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max() - kDecodePadding;
  const auto sizes = projections.sizes();
  const int64_t parts = (options.seen + kDecodePartKeys - 1) / kDecodePartKeys;
  const auto lies_well = [](const at::Tensor& x) { return with_aligned_rows(x).is_same(x); };
  return has_kernel_rows(projections.select(3, 0), ring.key, rows) &&
         ring.key.size(1) <= kMost / 2 &&
         sizes[0] * sizes[2] * sizes[4] * (sizes[1] + kDecodePadding) * parts <= kMost &&
         lies_well(ring.key) && lies_well(ring.value);
}

/// One step in the kernels' hands.
class DecodePlan {
 public:
  DecodePlan(DecodeKernels kernels, const at::Tensor& projections, const KvCache& ring,
             const DecodeOptions& options)
      : kernels_(std::move(kernels)),
        ring_(ring),
        options_(options),
        query_(with_aligned_rows(projections.select(3, 0))),
        key_(with_aligned_rows(projections.select(3, 1))),
        value_(with_aligned_rows(projections.select(3, 2))) {}

  void keep() const {
    const int64_t count = key_.size(1), slots = ring_.key.size(1);
    const int64_t first = std::min(count, slots - options_.slot);
    keep_some(0, first, options_.slot);
    if (first < count) keep_some(first, count - first, 0);
  }

  at::Tensor run() const {
    const auto result = at::empty(query_.sizes(), query_.options());
    if (query_.size(1) == 1) {
      step(result);
    } else {
      keep();
      frame(result);
    }
    return result;
  }

 private:
  bool places() const { return options_.normalise || options_.rotation.cosine_LP.defined(); }

  DecodeKernels::Tensors with_angles(DecodeKernels::Tensors touched) const {
    if (!options_.rotation.cosine_LP.defined()) return touched;
    touched.insert(touched.end(), {options_.rotation.cosine_LP, options_.rotation.sine_LP});
    return touched;
  }

  template <class Call>
  Call call_of(const at::Tensor& rows) const {
    Call call{};
    call.inner = static_cast<uint32_t>(rows.size(2));
    call.heads = static_cast<uint32_t>(rows.size(3));
    return call;
  }
  template <class Call>
  void take_placing(Call& call) const {
    call.normalise = options_.normalise;
    call.epsilon = static_cast<float>(kNormEpsilon);
    if (!options_.rotation.cosine_LP.defined()) return;
    call.cosine = options_.rotation.cosine_LP.const_data_ptr<float>();
    call.sine = options_.rotation.sine_LP.const_data_ptr<float>();
  }
  template <class Call>
  void take_ring(Call& call, const at::Tensor& result) const {
    const int64_t slots = ring_.key.size(1);
    const int64_t oldest = (options_.slot + query_.size(1) - options_.seen + slots) % slots;
    call.units = static_cast<uint32_t>(query_.size(0) * query_.size(2) * query_.size(3));
    call.result = attention_operand(result);
    call.scale = static_cast<float>(options_.scale);
    call.ring = {attention_operand(ring_.key), attention_operand(ring_.value),
                 static_cast<int32_t>(slots), static_cast<int32_t>(oldest),
                 static_cast<int32_t>(options_.seen)};
  }

  void place(const at::Tensor& from, const at::Tensor& to, int64_t first) const {
    auto call = call_of<AttentionRowsCall>(from);
    call.positions = call.real_positions = static_cast<uint32_t>(from.size(1));
    call.rows = static_cast<uint32_t>(from.size(0)) * call.positions * call.inner * call.heads;
    call.from = attention_operand(from), call.to = attention_operand(to);
    call.first_position = static_cast<int32_t>(first);
    take_placing(call);
    kernels_.place(call, with_angles({from, to}));
  }

  void keep_some(int64_t first, int64_t count, int64_t slot) const {
    const auto key = key_.narrow(1, first, count), kept = ring_.key.narrow(1, slot, count);
    if (places()) {
      place(key, kept, first);
    } else {
      kept.copy_(key);
    }
    ring_.value.narrow(1, slot, count).copy_(value_.narrow(1, first, count));
  }

  void step(const at::Tensor& result) const {
    auto call = call_of<DecodeStepCall>(query_);
    take_ring(call, result);
    take_placing(call);
    call.query = attention_operand(query_), call.key = attention_operand(key_);
    call.value = attention_operand(value_);
    kernels_.step(call, with_angles({query_, key_, value_, ring_.key, ring_.value, result}));
  }

  void frame(const at::Tensor& result) const {
    auto query = query_;
    if (places()) place(query_, query = at::empty(query_.sizes(), query_.options()), 0);
    auto call = call_of<DecodeFrameCall>(query);
    take_ring(call, result);
    call.query = attention_operand(query);
    call.queries = static_cast<int32_t>(query.size(1));
    call.padded_queries = (call.queries + kDecodePadding - 1) / kDecodePadding * kDecodePadding;
    call.parts = (call.ring.seen + kDecodePartKeys - 1) / kDecodePartKeys;
    const auto numbers = query.options().dtype(at::kFloat);
    const int64_t rows = int64_t{call.parts} * call.units * call.padded_queries;
    const auto logs = at::empty({rows}, numbers);
    const auto results = at::empty({call.parts == 1 ? 0 : rows, query.size(4)}, numbers);
    call.part_logs = logs.data_ptr<float>(), call.part_results = results.data_ptr<float>();
    const DecodeKernels::Tensors touched = {query, ring_.key, ring_.value, result, logs, results};
    kernels_.frame(call, touched);
    if (call.parts > 1) kernels_.join(call, touched);
  }

  DecodeKernels kernels_;
  KvCache ring_;
  DecodeOptions options_;
  at::Tensor query_, key_, value_;
};

}  // namespace nextframe
