// How the threads of a grid share work. A kernel body is a struct of plain numbers that every
// thread calls; grids are one-dimensional and as large as the GPU holds, so bodies loop with the
// grid's stride.
#pragma once

#include "kernels/cuda/values.cuh"

/// Before a loop over what registers do not hold: turns of it side by side would fill them.
#if defined(__CUDACC__)
#define NF_ROLLED _Pragma("unroll 1")
#else
#define NF_ROLLED
#endif

namespace nextframe {
namespace {

constexpr int kBlockThreads = 256;
constexpr int kWarpThreads = 32;

/// Blocks that `work` wants if a block does `each` of it.
inline int64_t blocks_for(int64_t work, int64_t each) { return (work + each - 1) / each; }

/// Places (row, column), row by row, of this thread: one division at the start, none after.
class Walk {
 public:
  NF_DEVICE explicit Walk(int64_t columns) : columns_(columns) {
    const int64_t first = int64_t{ptx::ctaid()} * kBlockThreads + ptx::tid();
    const int64_t stride = int64_t{ptx::nctaid()} * kBlockThreads;
    row = first / columns, column = first % columns;
    rows_a_step_ = stride / columns, columns_a_step_ = stride % columns;
  }
  NF_DEVICE void step() {
    row += rows_a_step_, column += columns_a_step_;
    if (column < columns_) return;
    column -= columns_, ++row;
  }

  int64_t row, column;

 private:
  int64_t columns_, rows_a_step_, columns_a_step_;
};

/// kSize threads that work on a row together: a warp or the block. Sums are of one fixed order.
template <int kSize>
struct Team {
  static_assert(kSize == kWarpThreads || kSize == kBlockThreads);
  static constexpr int kTeams = kBlockThreads / kSize, kWarps = kSize / kWarpThreads;
  static constexpr uint32_t kSharedBytes = kWarps == 1 ? 0 : 2 * 4 * kWarps;  // two numbers a warp

  static NF_DEVICE int rank() { return static_cast<int>(ptx::tid()) % kSize; }
  static NF_DEVICE int64_t first_row() {
    return int64_t{ptx::ctaid()} * kTeams + static_cast<int>(ptx::tid()) / kSize;
  }
  static NF_DEVICE int64_t row_stride() { return int64_t{ptx::nctaid()} * kTeams; }

  /// Everyone's values joined, for everyone: join(values, others) is commutative.
  template <int kCount, class Join>
  static NF_DEVICE void all_join(float (&values)[kCount], const Join& join) {
    static_assert(kCount <= 2);
    NF_UNROLL for (uint32_t mask = kWarpThreads / 2; mask > 0; mask /= 2) {
      float others[kCount];
      NF_UNROLL for (int i = 0; i < kCount; ++i) others[i] = ptx::shfl_xor(values[i], mask);
      join(values, others);
    }
    if (kWarps == 1) return;
    const auto shared = ptx::dynamic_shared();
    const auto place = [&](int warp, int i) {
      return shared + static_cast<ptx::Shared>(4 * (warp * kCount + i));
    };
    ptx::bar_sync();  // what was here has been read by all
    if (rank() % kWarpThreads == 0) {
      for (int i = 0; i < kCount; ++i) {
        ptx::st_shared(place(rank() / kWarpThreads, i), bits_as<uint32_t>(values[i]));
      }
    }
    ptx::bar_sync();
    for (int warp = 0; warp < kWarps; ++warp) {
      float others[kCount];
      for (int i = 0; i < kCount; ++i) others[i] = bits_as<float>(ptx::ld_shared(place(warp, i)));
      if (warp == 0) {
        for (int i = 0; i < kCount; ++i) values[i] = others[i];
      } else {
        join(values, others);
      }
    }
  }

  template <int kCount>
  static NF_DEVICE void all_sum(float (&values)[kCount]) {
    all_join(values, [](float(&own)[kCount], const float(&others)[kCount]) {
      NF_UNROLL for (int i = 0; i < kCount; ++i) own[i] += others[i];
    });
  }
};

}  // namespace
}  // namespace nextframe
