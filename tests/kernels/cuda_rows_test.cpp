// The CUDA forms of operations over rows, on the emulated GPU, against the CPU's loops.
#include "kernels/cpu/choose_loops.h"
#include "kernels/cuda/cross_entropy.cuh"
#include "kernels/cuda/norm.cuh"
#include "kernels/cuda/swiglu.cuh"
#include "tests/kernels/emulator/on_emulator.h"

namespace nextframe {
namespace {

using namespace emulator;

const auto& kLoops = cpu::kPortableLoops;
constexpr float kEpsilon = 1e-5f;

template <class T>
constexpr bool kIsBf16 = sizeof(T) == 2;
template <class T>
constexpr double kTolerance = kIsBf16<T> ? 1e-3 : 1e-6;  // a bit of bfloat16 now and then

template <class T>
class CudaRows : public ::testing::Test {};
using Formats = ::testing::Types<float, uint16_t>;
TYPED_TEST_SUITE(CudaRows, Formats);

// A warp and a block a row, rows that are and are not multiples of a thread's access, and rows
// beyond what registers hold.
constexpr int64_t kWidths[] = {1, 44, 256, 301, 1024, 1030, 4104};

template <class T>
void expect_norm(int64_t rows, int64_t width, Place place, bool has_update) {
  SCOPED_TRACE(width);
  const cpu::RowsCall call{rows, width, kIsBf16<T>, kEpsilon};
  const int64_t count = rows * width;
  Array<float> x(count, place), sum(count, place), expected_sum(count);
  Array<T> update(count, place), norm(count, place), expected(count);
  x.fill(1), update.fill(2);
  x[width + width / 2] = NAN;  // the second row
  void* const added = has_update ? update.data() : nullptr;
  kLoops.add_norm(call, x.data(), added, expected_sum.data(), expected.data());
  start_add_norm(call, x.data(), added, sum.data(), norm.data(), start_with(x, update, sum, norm));
  EXPECT_EQ(distance(sum, expected_sum), 0);
  EXPECT_LT(distance(norm, expected), kTolerance<T>);
}

TYPED_TEST(CudaRows, NormTheSum) {
  for (const int64_t width : kWidths) {
    expect_norm<TypeParam>(width > 1024 ? 5 : 27, width, Place::aligned, true);
  }
  expect_norm<TypeParam>(9, 64, Place::shifted, true);
  expect_norm<TypeParam>(9, 64, Place::aligned, false);
  expect_norm<TypeParam>(4, 1100, Place::shifted, false);
}

TYPED_TEST(CudaRows, AddAnUpdate) {
  for (const auto place : {Place::aligned, Place::shifted}) {
    const cpu::RowsCall call{7, 527, kIsBf16<TypeParam>, kEpsilon};
    Array<float> x(7 * 527, place), sum(7 * 527, place), expected(7 * 527);
    Array<TypeParam> update(7 * 527, place);
    x.fill(1), update.fill(2);
    kLoops.add_norm(call, x.data(), update.data(), expected.data(), nullptr);
    start_add_norm(call, x.data(), update.data(), sum.data(), nullptr, start_with(x, update, sum));
    EXPECT_TRUE(same_bits(sum, expected));
  }
}

template <class T>
void expect_norm_backward(int64_t rows, int64_t width, Place place, bool joins) {
  SCOPED_TRACE(width);
  const cpu::RowsCall call{rows, width, kIsBf16<T>, kEpsilon};
  const int64_t count = rows * width;
  Array<float> x(count, place), grad_sum(count, place), grad_x(count, place), expected_x(count);
  Array<T> grad(count, place), grad_update(count, place), expected_update(count);
  x.fill(1), grad_sum.fill(2), grad.fill(3);
  grad.set(width, NAN);
  const float* const beside = joins ? grad_sum.data() : nullptr;
  void* const got = joins ? grad_update.data() : nullptr;
  kLoops.add_norm_backward(call, x.data(), beside, grad.data(), expected_x.data(),
                           joins ? expected_update.data() : nullptr);
  start_add_norm_backward(call, x.data(), beside, grad.data(), grad_x.data(), got,
                          start_with(x, grad_sum, grad, grad_x, grad_update));
  EXPECT_LT(distance(grad_x, expected_x), 2e-6);
  EXPECT_LT(distance(grad_update, expected_update), kTolerance<T>);
}

TYPED_TEST(CudaRows, CarryTheGradientOfTheNormBack) {
  for (const int64_t width : kWidths) {
    expect_norm_backward<TypeParam>(width > 1024 ? 5 : 27, width, Place::aligned, true);
  }
  expect_norm_backward<TypeParam>(9, 64, Place::shifted, true);
  expect_norm_backward<TypeParam>(9, 64, Place::aligned, false);
}

TYPED_TEST(CudaRows, HaveBitsOfTheirOwn) {
  constexpr int64_t kWidth = 300;
  Array<float> x(20 * kWidth);
  Array<TypeParam> norm(20 * kWidth), alone(kWidth, Place::shifted);
  x.fill(1);
  start_add_norm({20, kWidth, kIsBf16<TypeParam>, kEpsilon}, x.data(), nullptr, nullptr,
                 norm.data(), start_with(x, norm));
  start_add_norm({1, kWidth, kIsBf16<TypeParam>, kEpsilon}, x.data() + 13 * kWidth, nullptr,
                 nullptr, alone.data(), start_with(x, alone));
  EXPECT_EQ(std::memcmp(alone.data(), norm.data() + 13 * kWidth, kWidth * sizeof(TypeParam)), 0);
}

TYPED_TEST(CudaRows, AreGated) {
  struct Case {
    int64_t rows, width;
    Place place;
  };
  for (const auto& c : {Case{5, 3, Place::aligned}, Case{41, 64, Place::aligned},
                        Case{3, 37, Place::aligned}, Case{5, 64, Place::shifted}}) {
    const cpu::RowsCall call{c.rows, c.width, kIsBf16<TypeParam>, 0};
    const int64_t count = c.rows * c.width;
    Array<TypeParam> x(2 * count, c.place), grad(count, c.place);
    Array<TypeParam> result(count, c.place), expected(count);
    Array<TypeParam> grad_x(2 * count, c.place), expected_grad(2 * count);
    x.fill(1), grad.fill(2);
    const float ends[] = {NAN, -1e4f, 1e4f, -90, 90};
    for (int64_t i = 0; i < 5; ++i) x.set(i, ends[i]);
    kLoops.swiglu(call, x.data(), expected.data());
    start_swiglu(call, x.data(), result.data(), start_with(x, result));
    EXPECT_LT(distance(result, expected), kTolerance<TypeParam>) << c.width;
    kLoops.swiglu_backward(call, x.data(), grad.data(), expected_grad.data());
    start_swiglu_backward(call, x.data(), grad.data(), grad_x.data(), start_with(x, grad, grad_x));
    EXPECT_LT(distance(grad_x, expected_grad), kTolerance<TypeParam>) << c.width;
  }
}

template <class T>
void expect_cross_entropy(int64_t rows, int64_t width, Place place) {
  SCOPED_TRACE(width);
  const cpu::RowsCall call{rows, width, kIsBf16<T>, 0};
  Array<T> logits(rows * width, place), grad_logits(rows * width, place), expected(rows * width);
  Array<int64_t> targets(rows);
  Array<float> losses(rows), log_sums(rows), expected_losses(rows), expected_sums(rows), grad(rows);
  logits.fill(1), grad.fill(2);
  for (int64_t row = 0; row < rows; ++row) targets[row] = row * 31 % width;
  logits.set(0, NAN);
  for (int64_t i = 1; i < width; ++i) logits.set(width + i, -INFINITY);  // a sure row
  for (int64_t i = 0; i < width; ++i) logits.set(2 * width + i, 100 * logits.number(2 * width + i));
  targets[1] = 0;
  kLoops.cross_entropy(call, logits.data(), targets.data(), expected_losses.data(),
                       expected_sums.data());
  kLoops.cross_entropy_backward(call, logits.data(), targets.data(), expected_sums.data(),
                                grad.data(), expected.data());
  start_cross_entropy(call, logits.data(), targets.data(), losses.data(), log_sums.data(),
                      start_with(logits, targets, losses, log_sums));
  EXPECT_LT(distance(losses, expected_losses), 1e-6);
  EXPECT_LT(distance(log_sums, expected_sums), 1e-6);
  start_cross_entropy_backward(call, logits.data(), targets.data(), log_sums.data(), grad.data(),
                               grad_logits.data(),
                               start_with(logits, targets, log_sums, grad, grad_logits));
  EXPECT_LT(distance(grad_logits, expected), kTolerance<T> + 1e-6);
}

TYPED_TEST(CudaRows, HaveACrossEntropy) {
  for (const int64_t width : {5, 24, 256, 1000, 1032, 2999}) {
    expect_cross_entropy<TypeParam>(width > 1024 ? 4 : 29, width, Place::aligned);
  }
  expect_cross_entropy<TypeParam>(4, 64, Place::shifted);
}

TYPED_TEST(CudaRows, OfAWrongTargetHaveALossThatIsNoNumber) {
  Array<TypeParam> logits(3 * 8);
  Array<int64_t> targets(3);
  Array<float> losses(3), log_sums(3);
  logits.fill(1);
  targets[0] = -1, targets[1] = 3, targets[2] = 8;
  start_cross_entropy({3, 8, kIsBf16<TypeParam>, 0}, logits.data(), targets.data(), losses.data(),
                      log_sums.data(), start_with(logits, targets, losses, log_sums));
  EXPECT_TRUE(std::isnan(losses[0]) && !std::isnan(losses[1]) && std::isnan(losses[2]));
}

}  // namespace
}  // namespace nextframe
