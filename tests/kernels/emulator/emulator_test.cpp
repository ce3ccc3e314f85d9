#include "tests/kernels/emulator/emulator.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cuda/shared_matrix.cuh"
#include "tests/kernels/emulator/half.h"

namespace nextframe {
namespace {

using emulator::Report;

constexpr int kDepth = 64;

/// What a kernel's author may get wrong.
enum class Bug {
  none,
  no_wait,            // for copies
  no_barrier,         // behind the wait
  no_last_barrier,    // before the next turn's copies
  rows_below,         // one row too far
  rows_unturned,      // every row's chunks in order
  rows_unwritten,     // one row is never copied
  a_lane_is_missing,  // at a warp's instruction
  a_lane_is_elsewhere,
  a_warp_is_missing,  // at the block's barrier
  beyond_shared,
};

/// sums [16, 16] of a [16, D] b [16, D]^T, each warp the same, twice over.
template <Bug kBug>
void multiply_kernel(const uint16_t* a, const uint16_t* b, float* sums) {
  using Order = std::conditional_t<kBug == Bug::rows_unturned, Unturned, Turned>;
  using Matrix = SharedMatrix<kDepth, Order>;
  const uint32_t size = 16 * Matrix::kRowBytes;
  const Matrix left{2 * size * static_cast<uint32_t>(warp())}, right{left.base + size};
  for (int turn = 0; turn < 2; ++turn) {
    for (int i = lane(); i < 16 * Matrix::kChunks; i += kWarp) {
      const int row = i / Matrix::kChunks, chunk = i % Matrix::kChunks;
      if (kBug == Bug::rows_unwritten && row == 7 && turn == 0) continue;
      const int64_t from = int64_t{row + (kBug == Bug::rows_below)} * kDepth + chunk * 8;
      ptx::cp_async_16(left.chunk(row, chunk), a + from, true);
      ptx::cp_async_16(right.chunk(row, chunk), b + row * kDepth + chunk * 8, true);
    }
    ptx::cp_async_commit();
    if (kBug == Bug::no_wait) {
      ptx::cp_async_wait<1>();
    } else {
      ptx::cp_async_wait<0>();
    }
    if (kBug != Bug::no_barrier) ptx::bar_warp_sync();
    if (kBug == Bug::a_lane_is_missing && lane() == 3) return;
    if (kBug == Bug::a_lane_is_elsewhere && lane() == 3) ptx::shfl_xor(0, 1);
    if (kBug == Bug::beyond_shared) ptx::ld_shared(2 * 2 * size);
    float products[2][4] = {};
    multiply_rows<Bf16, 1>(products, left, right);
    for (int e = 0; e < 8; ++e) {
      const int row = fragment_row() + e / 2 % 2 * 8,
                column = e / 4 * 8 + fragment_column() + e % 2;
      sums[row * 16 + column] = products[e / 4][e % 4];
    }
    if (kBug != Bug::no_last_barrier) ptx::bar_warp_sync();
  }
  if (kBug != Bug::a_warp_is_missing || warp() == 0) ptx::bar_sync();
}

struct Outcome {
  Report report;
  double error;  // the largest
};

template <Bug kBug>
Outcome outcome_of() {
  std::vector<uint16_t> a(17 * kDepth), b(16 * kDepth);  // the kernel is given 16 rows of each
  const auto value = [](int row, int column, int salt) {
    return static_cast<float>((row * 5 + column * 3 + salt) % 17 - 8);
  };
  for (int i = 0; i < 16 * kDepth; ++i) {
    a[i] = emulator::rounded(Bf16(), value(i / kDepth, i % kDepth, 1));
    b[i] = emulator::rounded(Bf16(), value(i / kDepth, i % kDepth, 2));
  }
  std::vector<float> sums(256, NAN);
  const emulator::Grid grid{2, 64, 2 * 2 * 16 * kDepth * 2};
  const std::vector<emulator::Memory> memory = {{a.data(), 32 * kDepth}, {b.data(), 32 * kDepth}};
  Outcome outcome{
      emulator::run(grid, memory, [&] { multiply_kernel<kBug>(a.data(), b.data(), sums.data()); }),
      0};
  for (int i = 0; i < 256; ++i) {
    double expected = 0;
    for (int k = 0; k < kDepth; ++k) expected += value(i / 16, k, 1) * value(i % 16, k, 2);
    const double off = std::abs(sums[i] - expected);
    if (!(off <= outcome.error)) outcome.error = off;
  }
  return outcome;
}

void expect_fault(const Outcome& outcome, const std::string& words) {
  ASSERT_FALSE(outcome.report.faults.empty()) << "wanted: " << words;
  EXPECT_NE(outcome.report.faults[0].find(words), std::string::npos) << outcome.report.faults[0];
}

TEST(Emulator, RunsACorrectKernel) {
  const auto outcome = outcome_of<Bug::none>();
  EXPECT_EQ(outcome.report.faults, std::vector<std::string>());
  EXPECT_EQ(outcome.report.bank_conflicts, 0);
  EXPECT_GT(outcome.report.shared_accesses, 0);
  EXPECT_EQ(outcome.error, 0);
}

TEST(Emulator, SeesAMissingWait) {
  expect_fault(outcome_of<Bug::no_wait>(), "before the wait for its copy");
}

TEST(Emulator, SeesAMissingBarrier) {
  expect_fault(outcome_of<Bug::no_barrier>(), "wrote with no barrier between");
  expect_fault(outcome_of<Bug::no_last_barrier>(), "read with no barrier between");
}

TEST(Emulator, CountsTheBankConflictsOfRowsInOrder) {
  const auto outcome = outcome_of<Bug::rows_unturned>();
  EXPECT_EQ(outcome.report.faults, std::vector<std::string>());
  EXPECT_EQ(outcome.error, 0);
  // 2 blocks of 2 warps, twice 4 steps of two loads of four matrices, whose 8 rows take turns.
  EXPECT_EQ(outcome.report.bank_conflicts, 2 * 2 * 2 * 4 * 2 * 4 * 7);
}

TEST(Emulator, SeesWhatNothingWrote) {
  expect_fault(outcome_of<Bug::rows_unwritten>(), "that nothing wrote");
}

TEST(Emulator, SeesMemoryOutOfBounds) {
  expect_fault(outcome_of<Bug::rows_below>(), "copies from global memory out of bounds");
  expect_fault(outcome_of<Bug::beyond_shared>(), "outside of 8192 shared bytes");
}

TEST(Emulator, NamesThreadsThatStayAway) {
  expect_fault(outcome_of<Bug::a_lane_is_missing>(), "thread 3 is not with its warp at ldmatrix");
  expect_fault(outcome_of<Bug::a_lane_is_elsewhere>(),
               "thread 3 is not with its warp at ldmatrix but at shfl");
  expect_fault(outcome_of<Bug::a_warp_is_missing>(), "where others never come");
}

TEST(Emulator, CountsConflictsOfWordsAndOfSixteenBytes) {
  const auto conflicts_of = [](uint32_t stride_bytes, uint32_t access_bytes) {
    return emulator::run({1, 32, 8192}, {},
                         [&] {
                           const uint32_t at = ptx::tid() * stride_bytes;
                           ptx::st_shared(at, 0);
                           for (uint32_t i = 4; i < access_bytes; i += 4) ptx::st_shared(at + i, 0);
                           ptx::bar_warp_sync();
                           access_bytes == 4 ? (void)ptx::ld_shared(at)
                                             : (void)ptx::ld_shared_v4(at);
                           ptx::bar_warp_sync();
                         })
        .bank_conflicts;
  };
  EXPECT_EQ(conflicts_of(4, 4), 0);         // a word each, side by side
  EXPECT_EQ(conflicts_of(128, 4), 31 * 2);  // all in one bank, written and read
  EXPECT_EQ(conflicts_of(16, 16), 3 * 4);   // only the four stores of words
}

}  // namespace
}  // namespace nextframe
