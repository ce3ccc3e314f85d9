// Attention over short sequences (at most 64 queries and 64 keys of 32, 64 or 128 values), forward
// and backward. In a world model these are the layers in time: very many tokens, each with a past
// of a few frames.
//
//   forward   S = Q K^T;  P = softmax(scale S);  O = P V
//   backward  S and P once more;  dP = dO V^T;  dS = P (dP - rowsum(P dP));
//             dQ = scale dS K;  dV = P^T dO;  dK = scale dS^T Q
//
// A block answers one unit, one head of one sequence, after another; of its kTiles warps each has
// 16 queries, and in backward 16 keys too. Rows come from where they lie in the tensor, Q and K are
// normalised and turned in shared memory, and everything in between stays in registers. Backward
// needs neither O nor sums of exponentials from forward, and no unit meets another: no atomics, and
// bits that depend on the unit alone.
//
// Bound: memory. Of each unit of L positions and D values 8 L D bytes move in forward (Q, K, V in,
// O out) and 14 L D in backward (Q, K, V, dO in, dQ, dK, dV out). Reached on an H100, of the 2.95
// TB/s of a copy in its memory (scripts/bench/gpu_suite bench): forward 87 to 99 %, backward 85 to
// 96
// %, the more the wider the head. With norm and turn: 80 to 89 and 73 to 84 %; with L = 64 from 70
// and 64 %.
#pragma once

#include "kernels/cuda/short_attention_rows.cuh"

namespace nextframe {
namespace {

constexpr float kHidden = -1e30f;  // a score's value where a query must not look
constexpr float kLog2E = 1.44269504f;

template <class HalfType, int kDim, int kNumTiles>
struct ShortAttention {
  using Half = HalfType;
  static constexpr int kHeadDim = kDim, kTiles = kNumTiles, kThreads = kWarp * kTiles;
  static constexpr int kRows = kTile * kTiles;
  using Rows = SharedMatrix<kHeadDim>;  // of a sequence
  using Shares = SharedMatrix<kRows>;   // P or dS
  using Sums = float[kHeadDim / 8][4];  // of 16 rows
  using Scores = float[2 * kTiles][4];  // of 16 queries with all keys

  static constexpr int kRowsBytes = kRows * Rows::kRowBytes;
  static constexpr int kSharesBytes = kRows * Shares::kRowBytes;
  static constexpr int kForwardBytes = 3 * kRowsBytes;  // of shared memory
  static constexpr int kBackwardBytes = 4 * kRowsBytes + 2 * kSharesBytes;

  NF_DEVICE static Rows rows(int number) {
    return {ptx::dynamic_shared() + static_cast<ptx::Shared>(number * kRowsBytes)};
  }
  NF_DEVICE static Shares shares(int number) {
    return {rows(4).base + static_cast<ptx::Shared>(number * kSharesBytes)};
  }

  /// What the warps write is seen by all behind it.
  NF_DEVICE static void meet() {
    if (kTiles == 1) {
      ptx::bar_warp_sync();
    } else {
      ptx::bar_sync();
    }
  }
};

/// Bit 4 n + e says whether value e of block n of this lane's scores is one that its query sees.
/// Queries that are not there see nothing.
template <int kTiles>
NF_DEVICE uint32_t visible_scores(const ShortAttentionCall& call) {
  uint32_t visible = 0;
  for (int half = 0; half < 2; ++half) {
    const int query = warp() * kTile + fragment_row() + 8 * half;
    if (query >= call.queries) continue;
    const KeyInterval seen = call.mask.seen(query), sink = call.mask.sink(query);
    for (int i = 0; i < 4 * kTiles; ++i) {
      const int n = i / 2, key = 8 * n + fragment_column() + i % 2;
      const bool sees = seen.contains(key) || sink.contains(key);
      visible |= static_cast<uint32_t>(sees) << (4 * n + 2 * half + i % 2);
    }
  }
  return visible;
}

/// In place: each row's shares of 1. `scale` is that of the scores times log2(e).
template <int kBlocks>
NF_DEVICE void softmax(float (&scores)[kBlocks][4], uint32_t visible, float scale) {
  NF_UNROLL for (int half = 0; half < 2; ++half) {
    float maximum = kHidden, sum = 0;
    NF_UNROLL for (int i = 0; i < 2 * kBlocks; ++i) {
      float& score = scores[i / 2][2 * half + i % 2];
      score = visible >> (i / 2 * 4 + 2 * half + i % 2) & 1 ? score : kHidden;
      maximum = fmaxf(maximum, score);
    }
    maximum = maximum_of_row(maximum);
    NF_UNROLL for (int i = 0; i < 2 * kBlocks; ++i) {
      float& score = scores[i / 2][2 * half + i % 2];
      score = ptx::ex2((score - maximum) * scale);
      sum += score;
    }
    const float inverse_sum = ptx::rcp(sum_of_row(sum));
    NF_UNROLL for (int i = 0; i < 2 * kBlocks; ++i) {
      scores[i / 2][2 * half + i % 2] *= inverse_sum;
    }
  }
}

/// shares, gradients of shares -> gradients of scores, in the second.
template <int kBlocks>
NF_DEVICE void softmax_backward(const float (&shares)[kBlocks][4], float (&grads)[kBlocks][4]) {
  NF_UNROLL for (int half = 0; half < 2; ++half) {
    float product = 0;
    NF_UNROLL for (int i = 0; i < 2 * kBlocks; ++i) {
      product += shares[i / 2][2 * half + i % 2] * grads[i / 2][2 * half + i % 2];
    }
    product = sum_of_row(product);
    NF_UNROLL for (int i = 0; i < 2 * kBlocks; ++i) {
      float& grad = grads[i / 2][2 * half + i % 2];
      grad = shares[i / 2][2 * half + i % 2] * (grad - product);
    }
  }
}

template <int kBlocks>
NF_DEVICE void scale_sums(float (&sums)[kBlocks][4], float scale) {
  NF_UNROLL for (int i = 0; i < 4 * kBlocks; ++i) sums[i / 4][i % 4] *= scale;
}

}  // namespace
}  // namespace nextframe
