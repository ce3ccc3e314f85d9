// Cross-entropy of rows of logits, forward and backward (kernels/losses.h).
//
// Memory bound. Forward reads a row once: a thread keeps the largest logit that it has seen and a
// sum scaled by it. Bytes a logit, bfloat16 (float32): forward 2 (4), backward 4 (8). Fraction of a
// copy's bandwidth: not measured.
#pragma once

#include "kernels/cpu/loops.h"
#include "kernels/cuda/threads.cuh"

namespace nextframe {
namespace {

constexpr float kLog2OfE = 1.44269504f;

NF_DEVICE int64_t load_index(const int64_t* from) {
  return bits_as<int64_t>(memory::load<memory::Word2>(from));
}

/// {the largest of some logits, the sum of exp(logit - largest)}. A NaN gets into the sum.
NF_DEVICE void join_logits(float (&own)[2], const float (&others)[2]) {
  const float largest = fmaxf(own[0], others[0]);
  own[1] = own[1] * ptx::ex2((own[0] - largest) * kLog2OfE) +
           others[1] * ptx::ex2((others[0] - largest) * kLog2OfE);
  own[0] = largest;
}

template <class T, int kCount, int kTeamSize>
struct CrossEntropy {
  using OfTeam = Team<kTeamSize>;
  static constexpr uint32_t kSharedBytes = OfTeam::kSharedBytes;
  cpu::RowsCall call;
  const T* logits;
  const int64_t* targets;
  float *losses, *log_sums;

  int64_t blocks() const { return blocks_for(call.rows, OfTeam::kTeams); }

  static NF_DEVICE void add(const float (&values)[kCount], float (&state)[2]) {
    float largest = state[0], sum = 0;
    NF_UNROLL for (int j = 0; j < kCount; ++j) largest = fmaxf(largest, values[j]);
    NF_UNROLL for (int j = 0; j < kCount; ++j) sum += ptx::ex2((values[j] - largest) * kLog2OfE);
    state[1] = state[1] * ptx::ex2((state[0] - largest) * kLog2OfE) + sum;
    state[0] = largest;
  }

  NF_DEVICE void operator()() const {
    for (int64_t row = OfTeam::first_row(); row < call.rows; row += OfTeam::row_stride()) {
      const T* const from = logits + row * call.width;
      float state[2] = {-3e38f, 0};
      for (int64_t i = OfTeam::rank() * kCount; i < call.width; i += kTeamSize * kCount) {
        float values[kCount];
        load_whole(values, from + i);
        add(values, state);
      }
      OfTeam::all_join(state, join_logits);
      if (OfTeam::rank() != 0) continue;
      const float log_sum = state[0] + logf(state[1]);
      const int64_t target = load_index(targets + row);
      const bool is_there = target >= 0 && target < call.width;
      store_one(log_sums + row, log_sum);
      store_one(losses + row, is_there ? log_sum - load_one(from + target) : NAN);
    }
  }
};

/// grad (softmax - 1 at the target); the softmax is computed once more.
template <class T, int kCount>
struct CrossEntropyBackward {
  static constexpr uint32_t kSharedBytes = 0;
  cpu::RowsCall call;
  const T* logits;
  const int64_t* targets;
  const float *log_sums, *grad;
  T* grad_logits;

  int64_t blocks() const { return blocks_for(call.rows * (call.width / kCount), kBlockThreads); }

  NF_DEVICE void operator()() const {
    for (Walk at(call.width / kCount); at.row < call.rows; at.step()) {
      const int64_t first = at.column * kCount, place = at.row * call.width + first;
      float values[kCount];
      load_whole(values, logits + place);
      const float log_sum = load_one(log_sums + at.row), slope = load_one(grad + at.row);
      const int64_t target = load_index(targets + at.row) - first;
      NF_UNROLL for (int j = 0; j < kCount; ++j) {
        const float share = ptx::ex2((values[j] - log_sum) * kLog2OfE);
        values[j] = (share - (j == target ? 1.0f : 0.0f)) * slope;
      }
      store_whole(grad_logits + place, values);
    }
  }
};

template <class T, int kCount, class Start>
void cross_entropy_by(const cpu::RowsCall& call, const T* logits, const int64_t* targets,
                      float* losses, float* log_sums, const Start& start) {
  if (call.width <= 1024)
    return start(CrossEntropy<T, kCount, 32>{call, logits, targets, losses, log_sums});
  start(CrossEntropy<T, kCount, 256>{call, logits, targets, losses, log_sums});
}

template <class T, class Start>
void cross_entropy_of(const cpu::RowsCall& call, const T* logits, const int64_t* targets,
                      float* losses, float* log_sums, const Start& start) {
  constexpr int kCount = 16 / sizeof(T);
  if (call.width % kCount == 0 && are_aligned(logits))
    return cross_entropy_by<T, kCount>(call, logits, targets, losses, log_sums, start);
  cross_entropy_by<T, 1>(call, logits, targets, losses, log_sums, start);
}

template <class T, class Start>
void cross_entropy_backward_of(const cpu::RowsCall& call, const T* logits, const int64_t* targets,
                               const float* log_sums, const float* grad, T* grad_logits,
                               const Start& start) {
  constexpr int kCount = 16 / sizeof(T);
  if (call.width % kCount == 0 && are_aligned(logits, grad_logits)) {
    return start(
        CrossEntropyBackward<T, kCount>{call, logits, targets, log_sums, grad, grad_logits});
  }
  start(CrossEntropyBackward<T, 1>{call, logits, targets, log_sums, grad, grad_logits});
}

template <class Start>
void start_cross_entropy(const cpu::RowsCall& call, const void* logits, const int64_t* targets,
                         float* losses, float* log_sums, const Start& start) {
  if (call.is_bf16) {
    return cross_entropy_of(call, static_cast<const Bf16Value*>(logits), targets, losses, log_sums,
                            start);
  }
  cross_entropy_of(call, static_cast<const float*>(logits), targets, losses, log_sums, start);
}

template <class Start>
void start_cross_entropy_backward(const cpu::RowsCall& call, const void* logits,
                                  const int64_t* targets, const float* log_sums, const float* grad,
                                  void* grad_logits, const Start& start) {
  if (call.is_bf16) {
    return cross_entropy_backward_of(call, static_cast<const Bf16Value*>(logits), targets, log_sums,
                                     grad, static_cast<Bf16Value*>(grad_logits), start);
  }
  cross_entropy_backward_of(call, static_cast<const float*>(logits), targets, log_sums, grad,
                            static_cast<float*>(grad_logits), start);
}

}  // namespace
}  // namespace nextframe
