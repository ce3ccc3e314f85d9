// Attention over many sequences, forward and backward. Private to each source file, see
// registers.h.
//
// One unit is one head of one sequence. Its rows are read in place and packed once, with QK-norm
// and RoPE; what follows are products of small matrices that stay in the L1 and L2 caches. Each
// lane of a register has one query's scores, so that maximum, exponential and sum need no shuffles:
//
//   forward   S^T = K Q^T;  P = softmax(scale S);  O = P V
//   backward  S and P once more;  dV = P^T dO;  dP^T = V dO^T;  dS = P (dP - rowsum(P dP));
//             dQ = scale dS K;  dK = scale dS^T Q;  then back through RoPE and QK-norm
//
// Nothing but the inputs is saved for backward. A block of queries skips the keys that the mask
// hides from all of them.
//
#pragma once

#include "kernels/cpu/attention_products.h"

namespace nextframe::cpu {
namespace {

template <class W, int kVectors, class T>
NF_INLINE void forward_block(const AttentionCall& call, const auto& s, int64_t unit,
                             int64_t block) {
  constexpr int64_t kQueries = kVectors * kLanes;
  const int64_t count = lesser(call.queries - block, kQueries);
  const T* query = unit_data<T>(call, call.query, unit) + block * call.query.position;
  pack<W, true, false>(call, s, query, call.query.position, count, kQueries,
                       call.mask.first_query + block, s.query);
  transpose(s.query.words, s.width.values / W::kValues, kVectors, s.query.lanes, kBlock);
  if (block == 0) prefetch<T>(call, s, call.query, unit + 1, call.queries);
  const KeyRanges keys = ranges_of(s, block, block + kQueries - 1, kRowTile);
  Floats inverse_sum[kVectors];
  exponentials<W>(
      call, s, block, keys,
      inverse_sum, [&](int64_t key, const auto& tile) __attribute__((always_inline)) {
        store_steps(W(), s.p, key, tile);
      });
  for (int v = 0; v < kVectors; ++v) store(s.inverse_sum + v * kLanes, inverse_sum[v]);
  if (block == 0) prefetch<T, true>(call, s, call.result, unit + 1, call.queries);
  sum_over_keys<W>(s, block, kQueries, s.p, s.value, s.grad_query);
  T* result = unit_data<T>(call, call.result, unit) + block * call.result.position;
  for (int64_t i = 0; i < count; ++i) {
    Row row;
    load_row(s, s.grad_query + i * s.width.values, row);
    scale_row(s, s.inverse_sum[i], row);
    write_row(s, row, result + i * call.result.position);
  }
}

/// P and dS of one block, in the forms that products take.
template <class W, int kVectors>
NF_INLINE void score_gradients(const AttentionCall& call, const auto& s, int64_t block,
                               const KeyRanges& keys) {
  constexpr int kRows = kKeyTile<kVectors>;
  const int64_t words = s.width.values / W::kValues;
  Floats inverse_sum[kVectors], delta[kVectors] = {};
  // First exponentials in s.p.values, dP in s.ds.values, and the sum of their products.
  exponentials<W>(
      call, s, block, keys, inverse_sum,
      [&](int64_t key, const Floats(&tile)[kRows][kVectors]) __attribute__((always_inline)) {
        store_steps(FloatWords(), s.p.exact(), key, tile);
        Floats dp[kRows][kVectors] = {};
        product<W>(dp, s.value.words + key * words, words, 1, s.grad.lanes, kBlock, words);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) {
            const Floats e = load<Floats>(s.p.values + (key + r) * kBlock + v * kLanes);
            delta[v] = multiply_add(e, dp[r][v], delta[v]);
          }
        }
        store_steps(FloatWords(), s.ds.exact(), key, dp);
      });
  for (int v = 0; v < kVectors; ++v) delta[v] *= inverse_sum[v];
  for (int n = 0; n < keys.count; ++n) {
    for (int64_t key = keys.range[n].begin; key < keys.range[n].end; key += W::kValues) {
      Floats p[W::kValues][kVectors], ds[W::kValues][kVectors];
#pragma GCC unroll 2
      for (int r = 0; r < W::kValues; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          const int64_t place = (key + r) * kBlock + v * kLanes;
          p[r][v] = load<Floats>(s.p.values + place) * inverse_sum[v];
          ds[r][v] = p[r][v] * (load<Floats>(s.ds.values + place) - delta[v]);
        }
      }
      store_rows(W(), s.p, key, p);
      store_rows(W(), s.ds, key, ds);
      if (W::kValues > 1) store_steps(W(), s.ds, key, ds);
    }
  }
}

template <class W, int kVectors, class T>
NF_INLINE void backward_block(const AttentionCall& call, const auto& s, int64_t unit,
                              int64_t block) {
  constexpr int64_t kQueries = kVectors * kLanes;
  const int64_t count = lesser(call.queries - block, kQueries),
                position = call.mask.first_query + block;
  const T* query = unit_data<T>(call, call.query, unit) + block * call.query.position;
  const T* grad = unit_data<T>(call, call.result, unit) + block * call.result.position;
  pack<W, true, true>(call, s, query, call.query.position, count, kQueries, position, s.query);
  pack<W, true, true>(call, s, grad, call.result.position, count, kQueries, -1, s.grad);
  transpose(s.query.words, s.width.values / W::kValues, kVectors, s.query.lanes, kBlock);
  transpose(s.grad.words, s.width.values / W::kValues, kVectors, s.grad.lanes, kBlock);
  if (block == 0) prefetch<T>(call, s, call.query, unit + 1, call.queries);
  const KeyRanges keys = ranges_of(s, block, block + kQueries - 1, kRowTile);
  if (block == 0) prefetch<T>(call, s, call.result, unit + 1, call.queries);
  score_gradients<W, kVectors>(call, s, block, keys);
  if (block == 0) prefetch<T, true>(call, s, call.grad_key, unit + 1, call.mask.keys);
  sum_over_queries<W>(s, block, kQueries, keys, s.p, s.grad, s.grad_value);
  sum_over_queries<W>(s, block, kQueries, keys, s.ds, s.query, s.grad_key);
  if (block == 0) prefetch<T, true>(call, s, call.grad_value, unit + 1, call.mask.keys);
  sum_over_keys<W>(s, block, kQueries, s.ds, s.key, s.grad_query);
  if (block == 0) prefetch<T, true>(call, s, call.grad_query, unit + 1, call.queries);
  T* grad_query = unit_data<T>(call, call.grad_query, unit) + block * call.grad_query.position;
  for (int64_t i = 0; i < count; ++i) {
    write_grad_row(call, s, query + i * call.query.position, position + i,
                   s.grad_query + i * s.width.values, call.scale,
                   grad_query + i * call.grad_query.position);
  }
}

// ---- One unit

/// One query that looks at a few keys, as in a dream: lanes are values, so nothing is padded or
/// transposed. Bound by memory: keys and values are read once.
template <class T, class Width>
void forward_single_queries(const AttentionCall& call, int64_t first, int64_t last, void* memory) {
  using W = typename WordsOf<T>::Type;
  const auto s = lay_out<W, Width>(call, memory);
  const KeyInterval parts[] = {call.mask.sink(0), call.mask.seen(0)};
  float* const shares = s.p.values;
  for (int64_t unit = first; unit < last; ++unit) {
    prefetch<T>(call, s, call.key, unit + 1, call.mask.keys);
    Row query;
    norm_rope_row(call, s, unit_data<T>(call, call.query, unit), call.mask.first_query, query);
    round_row<T>(s, query);
    float largest = -1e30f;
    for (const auto& part : parts) {
      for (int64_t j = part.begin; j < part.end; ++j) {
        Row key;
        norm_rope_row(call, s, unit_data<T>(call, call.key, unit) + j * call.key.position, j, key);
        round_row<T>(s, key);
        shares[j] = dot(s, query, key);
        largest = shares[j] > largest ? shares[j] : largest;
      }
    }
    prefetch<T>(call, s, call.value, unit + 1, call.mask.keys);
    Row mixed{};
    float total = 0;
    for (const auto& part : parts) {
      for (int64_t j = part.begin; j < part.end; ++j) {
        const float share = exp_of_negative(all((shares[j] - largest) * call.scale))[0];
        total += share;
        Row value;
        read_row(s, unit_data<T>(call, call.value, unit) + j * call.value.position, value);
        add_row(s, share, value, mixed);
      }
    }
    scale_row(s, 1.0f / total, mixed);
    write_row(s, mixed, unit_data<T>(call, call.result, unit));
  }
}

template <class T, class Width>
void forward_units(const AttentionCall& call, int64_t first, int64_t last, void* memory) {
  using W = typename WordsOf<T>::Type;
  if (call.queries == 1) return forward_single_queries<T, Width>(call, first, last, memory);
  const auto s = lay_out<W, Width>(call, memory);
  tabulate_mask(call, s);
  for (int64_t unit = first; unit < last; ++unit) {
    prefetch<T>(call, s, call.key, unit + 1, call.mask.keys);
    pack<W, true, false>(call, s, unit_data<T>(call, call.key, unit), call.key.position,
                         call.mask.keys, s.key_rows, 0, s.key);
    prefetch<T>(call, s, call.value, unit + 1, call.mask.keys);
    pack<W, false, true>(call, s, unit_data<T>(call, call.value, unit), call.value.position,
                         call.mask.keys, s.key_rows, -1, s.value);
    for (int64_t block = 0; block < call.queries; block += kBlock) {
      if (call.queries - block > kLanes) {
        forward_block<W, 2, T>(call, s, unit, block);
      } else {
        forward_block<W, 1, T>(call, s, unit, block);
      }
    }
  }
}

template <class T, class Width>
void backward_units(const AttentionCall& call, int64_t first, int64_t last, void* memory) {
  using W = typename WordsOf<T>::Type;
  const auto s = lay_out<W, Width>(call, memory);
  tabulate_mask(call, s);
  const auto bytes = static_cast<size_t>(s.key_rows * s.width.values) * sizeof(float);
  for (int64_t unit = first; unit < last; ++unit) {
    const T* key = unit_data<T>(call, call.key, unit);
    prefetch<T>(call, s, call.key, unit + 1, call.mask.keys);
    pack<W, true, true>(call, s, key, call.key.position, call.mask.keys, s.key_rows, 0, s.key);
    prefetch<T>(call, s, call.value, unit + 1, call.mask.keys);
    pack<W, true, false>(call, s, unit_data<T>(call, call.value, unit), call.value.position,
                         call.mask.keys, s.key_rows, -1, s.value);
    std::memset(s.grad_key, 0, bytes), std::memset(s.grad_value, 0, bytes);
    for (int64_t block = 0; block < call.queries; block += kBlock) {
      if (call.queries - block > kLanes) {
        backward_block<W, 2, T>(call, s, unit, block);
      } else {
        backward_block<W, 1, T>(call, s, unit, block);
      }
    }
    T* grad_key = unit_data<T>(call, call.grad_key, unit);
    T* grad_value = unit_data<T>(call, call.grad_value, unit);
    for (int64_t j = 0; j < call.mask.keys; ++j) {
      write_grad_row(call, s, key + j * call.key.position, j, s.grad_key + j * s.width.values,
                     call.scale, grad_key + j * call.grad_key.position);
      Row row;
      load_row(s, s.grad_value + j * s.width.values, row);
      write_row(s, row, grad_value + j * call.grad_value.position);
    }
  }
}

template <class T>
void forward_units_of(const AttentionCall& call, int64_t first, int64_t last, void* scratch) {
  using W = typename WordsOf<T>::Type;
  if (call.head_dim == 32) return forward_units<T, FixedWidth<W, 32>>(call, first, last, scratch);
  if (call.head_dim == 64) return forward_units<T, FixedWidth<W, 64>>(call, first, last, scratch);
  forward_units<T, AnyWidth<W>>(call, first, last, scratch);
}
template <class T>
void backward_units_of(const AttentionCall& call, int64_t first, int64_t last, void* scratch) {
  using W = typename WordsOf<T>::Type;
  if (call.head_dim == 32) return backward_units<T, FixedWidth<W, 32>>(call, first, last, scratch);
  if (call.head_dim == 64) return backward_units<T, FixedWidth<W, 64>>(call, first, last, scratch);
  backward_units<T, AnyWidth<W>>(call, first, last, scratch);
}

/// Results that went past the cache are seen by other threads from here on.
NF_INLINE void fence_streaming_stores([[maybe_unused]] const AttentionCall& call) {
#if defined(__AVX512F__)
  if (call.uses_streaming_stores) _mm_sfence();
#endif
}
void forward(const AttentionCall& call, int64_t first, int64_t last, void* scratch) {
  call.is_bf16 ? forward_units_of<Bf16>(call, first, last, scratch)
               : forward_units_of<float>(call, first, last, scratch);
  fence_streaming_stores(call);
}
void backward(const AttentionCall& call, int64_t first, int64_t last, void* scratch) {
  call.is_bf16 ? backward_units_of<Bf16>(call, first, last, scratch)
               : backward_units_of<float>(call, first, last, scratch);
  fence_streaming_stores(call);
}
template <class W>
int64_t scratch_bytes_of(const AttentionCall& call) {
  return lay_out<W, AnyWidth<W>>(call, nullptr).bytes;
}
int64_t scratch_bytes(const AttentionCall& call) {
  return call.is_bf16 ? scratch_bytes_of<WordsOfBf16>(call) : scratch_bytes_of<FloatWords>(call);
}

}  // namespace
}  // namespace nextframe::cpu
