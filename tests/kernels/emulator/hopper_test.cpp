// What the emulator makes of kernels of groups of warps, right ones and wrong ones.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cuda/hopper_matrix.cuh"
#include "tests/kernels/emulator/half.h"
#include "tests/kernels/emulator/phase_barriers.h"

namespace nextframe {
namespace {

using emulator::Report;

/// What a kernel's author may get wrong.
enum class Bug {
  none,
  no_fence_of_barriers,  // after they were made
  no_wait_for_bytes,
  wrong_parity,
  no_wait_for_room,  // before the next copy to a place
  too_few_bytes,     // expected
  too_many_bytes,
  released_too_early,  // before the products are over
  one_warp_keeps_it,   // never arrives
  no_wgmma_fence,
  no_wait_for_products,
  sums_touched,  // while they are made
  a_warp_multiplies_something_else,
  wrong_swizzle,
  wrong_stride,
  wrong_step,  // in a swizzled row
  no_proxy_fence,
  no_group_barrier,
  group_barrier_of_a_warp_less,
  rows_one_too_far,
  place_not_aligned,
  registers_of_too_many,
};

constexpr int kSize = 64, kTiles = 4, kThreads = 128 + 32;
using Matrix = PanelMatrix<kSize, kSize>;
constexpr int kAt = 5 * Matrix::kBytes;  // of the barriers: two of full places, two of empty ones

struct Call {
  TensorMap left, right;  // [tiles 64, 64]
  float *shares, *products;
};

Matrix matrix(int number) { return {static_cast<uint32_t>(number * Matrix::kBytes)}; }
Matrix place(int i, int which) { return matrix(i % 2 * 2 + which); }
uint32_t full(int i) { return static_cast<uint32_t>(kAt + i % 2 * 8); }
uint32_t empty(int i) { return full(i) + 16; }
uint32_t parity(int i) { return static_cast<uint32_t>(i / 2 % 2); }

template <Bug kBug>
uint64_t described(uint64_t descriptor) {
  if (kBug == Bug::wrong_swizzle) return descriptor ^ uint64_t { 3 } << 62;
  if (kBug == Bug::wrong_stride) return descriptor ^ uint64_t { 64 ^ 32 } << 32;
  return kBug == Bug::wrong_step ? descriptor + 2 : descriptor;
}

template <Bug kBug>
void copy_tiles(const Call& call) {
  for (int i = 0; i < kTiles; ++i) {
    if (kBug != Bug::no_wait_for_room) ptx::mbarrier_wait(empty(i), parity(i) ^ 1);
    const int off = kBug == Bug::too_few_bytes ? -16 : kBug == Bug::too_many_bytes ? 16 : 0;
    ptx::mbarrier_arrive_expect_tx(full(i), static_cast<uint32_t>(2 * Matrix::kBytes + off));
    const int32_t at[5] = {0, i * kSize + (kBug == Bug::rows_one_too_far), 0, 0, 0};
    const uint32_t shift = kBug == Bug::place_not_aligned ? 128 : 0;
    ptx::tma_load(place(i, 0).base + shift, call.left, at, full(i));
    ptx::tma_load(place(i, 1).base, call.right, at, full(i));
  }
}

template <Bug kBug>
void release_tile(int i) {
  if (kBug == Bug::one_warp_keeps_it && warp() == 2) return;
  if (lane() == 0) ptx::mbarrier_arrive(empty(i));
}

/// This warp's rows, rounded, as a matrix in shared memory that products read.
template <Bug kBug>
void store_for_products(const float (&sums)[8][4]) {
  store_rows<Bf16>(SharedMatrix<kSize>{matrix(4).base}.from_row(warp() * kTile), sums);
  if (kBug != Bug::no_proxy_fence) ptx::fence_proxy_async();
  const uint32_t count = kBug == Bug::group_barrier_of_a_warp_less ? 96 : 128;
  if (kBug != Bug::no_group_barrier) ptx::bar_sync_some(1, count);
}

void write(float* to, const float (&sums)[8][4]) {
  for (int e = 0; e < 32; ++e) {
    const int row = warp() * kTile + fragment_row() + e / 2 % 2 * 8;
    to[row * kSize + e / 4 * 8 + fragment_column() + e % 2] = sums[e / 4][e % 4];
  }
}

/// Of tiles A and B, with S = A B^T: shares += S B from registers, products += S B^T from memory.
template <Bug kBug>
void multiply_tiles(const Call& call) {
  float shares[8][4] = {}, products[8][4] = {};
  for (int i = 0; i < kTiles; ++i) {
    const uint32_t awaited = parity(i) ^ (kBug == Bug::wrong_parity ? 1 : 0);
    if (kBug != Bug::no_wait_for_bytes) ptx::mbarrier_wait(full(i), awaited);
    float scores[8][4] = {};
    if (kBug != Bug::no_wgmma_fence) ptx::wgmma_fence(scores);
    for (int step = 0; step < 4; ++step) {
      const bool is_other = kBug == Bug::a_warp_multiplies_something_else && warp() == 1;
      ptx::wgmma_rows(Bf16(), scores, described<kBug>(place(i, 0).columns_of_rows(step)),
                      place(i, is_other ? 0 : 1).columns_of_rows(step), step > 0);
    }
    ptx::wgmma_commit();
    if (kBug == Bug::sums_touched) scores[0][0] = 0, ptx::wgmma_fence(scores);
    if (kBug == Bug::sums_touched) start_rows<Bf16>(scores, place(i, 0), place(i, 1));
    if (kBug == Bug::no_wait_for_products) {
      ptx::wgmma_wait<1>(scores);
    } else {
      ptx::wgmma_wait<0>(scores);
    }
    store_for_products<kBug>(scores);
    uint32_t left[4][4];
    round_all<Bf16>(left, scores);
    ptx::wgmma_fence(shares, products, left);
    start_shares<Bf16>(shares, left, place(i, 1));
    for (int step = 0; step < 4; ++step) {
      ptx::wgmma_rows(Bf16(), products, matrix(4).columns_of_rows(step),
                      place(i, 1).columns_of_rows(step), true);
    }
    ptx::wgmma_commit();
    if (kBug == Bug::released_too_early) release_tile<kBug>(i);
    ptx::wgmma_wait<0>(shares, products);
    if (kBug != Bug::released_too_early) release_tile<kBug>(i);
    ptx::bar_sync_some(2, 128);  // all are done with the stored one
  }
  write(call.shares, shares);
  write(call.products, products);
}

template <Bug kBug>
void kernel(const Call& call) {
  if (ptx::tid() == 0) {
    for (int i = 0; i < 2; ++i) ptx::mbarrier_init(full(i), 1), ptx::mbarrier_init(empty(i), 4);
    if (kBug != Bug::no_fence_of_barriers) ptx::fence_proxy_async();
  }
  ptx::bar_sync();
  if (ptx::tid() == 128) copy_tiles<kBug>(call);
  if (ptx::tid() >= 128) return;
  ptx::setmaxnreg_inc<kBug == Bug::registers_of_too_many ? 256 : 240>();
  if (kBug == Bug::registers_of_too_many && warp() == 3) ptx::setmaxnreg_inc<24>();
  multiply_tiles<kBug>(call);
}

/// -1, 0 or 1: all sums are exact, also rounded ones.
float value(int row, int column, int salt) {
  return static_cast<float>((row * 7 + column * column + salt * row * column) % 3 - 1);
}

struct Outcome {
  Report report;
  double error = 0;  // the largest; infinite if something is not a number
};

template <Bug kBug>
Outcome outcome_of(uint32_t seed = 0) {
  constexpr int kRows = kTiles * kSize;
  std::vector<uint16_t> a(kRows * kSize), b(kRows * kSize);
  for (int i = 0; i < kRows * kSize; ++i) {
    a[i] = emulator::rounded(Bf16(), value(i / kSize, i % kSize, 1));
    b[i] = emulator::rounded(Bf16(), value(i / kSize, i % kSize, 2));
  }
  const auto map_of = [](std::vector<uint16_t>& x) {
    const AttentionOperand operand{x.data(), 0, kSize, 0, 0};
    return emulator::encode(box_of(operand, {1, kRows, 1, 1, kSize}, kSize));
  };
  std::vector<float> shares(kSize * kSize, NAN), products(kSize * kSize, NAN);
  const Call call{map_of(a), map_of(b), shares.data(), products.data()};
  const std::vector<emulator::Memory> memory = {{a.data(), 2 * kRows * kSize},
                                                {b.data(), 2 * kRows * kSize}};
  Outcome outcome;
  outcome.report =
      emulator::run({1, kThreads, kAt + 32, seed}, memory, [&] { kernel<kBug>(call); });
  std::vector<double> want_shares(kSize * kSize), want_products(kSize * kSize);
  for (int i = 0; i < kTiles * kSize * kSize; ++i) {
    const int tile = i / kSize / kSize * kSize, row = i / kSize % kSize, other = i % kSize;
    double score = 0;
    for (int k = 0; k < kSize; ++k) score += value(tile + row, k, 1) * value(tile + other, k, 2);
    for (int n = 0; n < kSize; ++n) {
      want_shares[row * kSize + n] += score * value(tile + other, n, 2);
      want_products[row * kSize + n] += score * value(tile + n, other, 2);
    }
  }
  const auto compare = [&](double got, double want) {
    const double off = std::isnan(got) ? INFINITY : std::abs(got - want);
    outcome.error = std::max(outcome.error, off);
  };
  for (int i = 0; i < kSize * kSize; ++i) {
    compare(shares[i], want_shares[i]), compare(products[i], want_products[i]);
  }
  return outcome;
}

void expect_fault(const Outcome& outcome, const std::string& words) {
  ASSERT_FALSE(outcome.report.faults.empty()) << "wanted: " << words;
  EXPECT_NE(outcome.report.faults[0].find(words), std::string::npos) << outcome.report.faults[0];
}

TEST(HopperEmulator, RunsACorrectKernelHoweverLongCopiesTake) {
  for (const uint32_t seed : {1, 2, 3, 4}) {
    const auto outcome = outcome_of<Bug::none>(seed);
    EXPECT_EQ(outcome.report.faults, std::vector<std::string>());
    EXPECT_EQ(outcome.report.bank_conflicts, 0);
    EXPECT_EQ(outcome.error, 0);
  }
}

TEST(HopperEmulator, SeesWhereNobodyWaitsForBytes) {
  for (const uint32_t seed : {1, 2, 3}) {
    expect_fault(outcome_of<Bug::no_wait_for_bytes>(seed), "reads shared byte");
    expect_fault(outcome_of<Bug::wrong_parity>(seed), "reads shared byte");
  }
}

TEST(HopperEmulator, SeesACopyOverWhatIsStillRead) {
  for (const uint32_t seed : {1, 2, 3}) {
    expect_fault(outcome_of<Bug::no_wait_for_room>(seed), "nobody was expected any more");
    expect_fault(outcome_of<Bug::released_too_early>(seed), "read with no barrier between");
  }
}

TEST(HopperEmulator, CountsBytesAndArrivals) {
  expect_fault(outcome_of<Bug::too_few_bytes>(), "where others never come");
  expect_fault(outcome_of<Bug::too_many_bytes>(), "where others never come");
  expect_fault(outcome_of<Bug::one_warp_keeps_it>(), "where others never come");
  expect_fault(outcome_of<Bug::group_barrier_of_a_warp_less>(), "than it counts");
}

TEST(HopperEmulator, SeesProductsThatAreUsedTooEarly) {
  EXPECT_EQ(outcome_of<Bug::no_wait_for_products>().error, INFINITY);
  expect_fault(outcome_of<Bug::sums_touched>(), "touched the sums of a product");
  expect_fault(outcome_of<Bug::no_wgmma_fence>(), "with no wgmma.fence before");
  expect_fault(outcome_of<Bug::a_warp_multiplies_something_else>(), "than the rest of its group");
}

TEST(HopperEmulator, FindsOperandsWhereDescriptorsSay) {
  EXPECT_GT(outcome_of<Bug::wrong_swizzle>().error, 1);
  EXPECT_GT(outcome_of<Bug::wrong_stride>().error, 1);
  EXPECT_GT(outcome_of<Bug::wrong_step>().error, 1);
  EXPECT_GT(outcome_of<Bug::rows_one_too_far>().error, 1);
  expect_fault(outcome_of<Bug::place_not_aligned>(), "to a place not aligned");
}

TEST(HopperEmulator, ShowsTheAsynchronousProxyOnlyWhatIsFenced) {
  expect_fault(outcome_of<Bug::no_proxy_fence>(), "no fence for the asynchronous proxy");
  expect_fault(outcome_of<Bug::no_group_barrier>(), "wrote with no barrier between");
  expect_fault(outcome_of<Bug::no_fence_of_barriers>(), "no fence since it was made");
}

TEST(HopperEmulator, CountsRegisters) {
  expect_fault(outcome_of<Bug::registers_of_too_many>(), "has registers unlike its warp group");
  const auto report = emulator::run({1, 384, 64}, {}, [] { ptx::setmaxnreg_inc<240>(); });
  expect_fault({report}, "wants more registers than there are");
}

TEST(HopperEmulator, FillsBoxesWithZerosOutsideOfTheTensor) {
  std::vector<uint16_t> x(3 * 2 * 64);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint16_t>(i + 1);
  const AttentionOperand operand{x.data(), 0, 128, 64, 64};  // [1, 3, 2, 1, 64]
  const auto map = emulator::encode(box_of(operand, {1, 3, 2, 1, 64}, 8));
  std::vector<uint32_t> got;
  const auto report = emulator::run({1, 32, 2048}, {{x.data(), 768}}, [&] {
    if (ptx::tid() != 0) return;
    ptx::mbarrier_init(1024, 1);
    ptx::fence_proxy_async();
    ptx::mbarrier_arrive_expect_tx(1024, 1024);
    ptx::tma_load(0, map, {0, 1, 0, 1, 0},
                  1024);  // rows 1 to 8 of the second, of which 2 are there
    ptx::mbarrier_wait(1024, 0);
    for (uint32_t row = 0; row < 3; ++row) {
      // Chunk 5 of a row stands at place 5 ^ row.
      got.push_back(ptx::ld_shared(row * 128 + (5 ^ row) * 16) & 0xffff);
    }
  });
  EXPECT_EQ(report.faults, std::vector<std::string>());
  EXPECT_EQ(got, (std::vector<uint32_t>{128 + 64 + 40 + 1, 256 + 64 + 40 + 1, 0}));
}

}  // namespace
}  // namespace nextframe
