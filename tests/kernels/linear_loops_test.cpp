// A linear layer in each of the loops that have one and that this machine can run, against float64.
#include "kernels/cpu/linear_cpu.h"
#include "kernels/norm.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;
using cpu::LinearSource;

std::vector<const cpu::Loops*> loops_with_linear() {
  std::vector<const cpu::Loops*> found;
  for (const auto* loops : cpu::all_loops()) {
    if (loops->linear != nullptr) found.push_back(loops);
  }
  return found;
}

class LinearLoops : public ::testing::TestWithParam<const cpu::Loops*> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LinearLoops);  // a machine may have none

struct Shape {
  int64_t rows, out, in;
};
// Rows: less than a tile, an odd number, one unit, several and a part. Columns: part of a panel,
// one, several and a part.
const Shape kShapes[] = {{1, 32, 32}, {5, 96, 64}, {13, 64, 32}, {96, 128, 96}, {205, 224, 160}};

at::Tensor taken(LinearSource source, const at::Tensor& x) {
  if (source == LinearSource::kNorm) return x * (x.square().mean(-1, true) + kNormEpsilon).rsqrt();
  if (source == LinearSource::kRows) return x;
  const auto halves = x.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

at::Tensor make_x(LinearSource source, const Shape& shape) {
  const int64_t width = source == LinearSource::kGate ? 2 * shape.in : shape.in;
  return random({shape.rows, width}, 1)
      .to(source == LinearSource::kNorm ? at::kFloat : at::kBFloat16);
}

class Each {
 public:
  Each(LinearSource source, bool with_sum, const Shape& shape)
      : inputs{source, make_x(source, shape),
               (random({shape.out, shape.in}, 2) / std::sqrt(static_cast<double>(shape.in)))
                   .to(at::kFloat),
               with_sum ? random({shape.rows, shape.out}, 3).to(at::kFloat) : at::Tensor()},
        x(inputs.x.to(at::kDouble).requires_grad_(true)),
        weight(inputs.weight.to(at::kDouble).requires_grad_(true)) {
    exact = at::matmul(taken(source, x), weight.t());
    if (with_sum) exact = exact + inputs.sum.to(at::kDouble);
    grad = random({shape.rows, shape.out}, 4).to(with_sum ? at::kFloat : at::kBFloat16);
    exact.backward(grad.to(at::kDouble));
  }

  cpu::LinearInputs inputs;
  at::Tensor x, weight, exact, grad;
};

template <class Check>
void for_each_case(const Check& check) {
  for (const auto source : {LinearSource::kRows, LinearSource::kNorm, LinearSource::kGate}) {
    for (const bool with_sum : {false, true}) {
      for (const auto& shape : kShapes) {
        SCOPED_TRACE(c10::str("source ", static_cast<int>(source), " sum ", with_sum, " rows ",
                              shape.rows, " out ", shape.out, " in ", shape.in));
        check(Each(source, with_sum, shape));
      }
    }
  }
}

TEST_P(LinearLoops, AgreeWithFloat64) {
  for_each_case([](const Each& a) {
    const auto y = cpu::linear(a.inputs, *GetParam());
    EXPECT_EQ(y.scalar_type(), a.inputs.sum.defined() ? at::kFloat : at::kBFloat16);
    EXPECT_LT(relative_error(y, a.exact.detach()), 6e-3);
  });
}

TEST_P(LinearLoops, CarryGradientsBack) {
  for_each_case([](const Each& a) {
    const auto got = cpu::linear_backward(a.inputs, a.grad, {}, true, true, *GetParam());
    EXPECT_LT(relative_error(got.x, a.x.grad()), 1e-2);
    EXPECT_LT(relative_error(got.weight, a.weight.grad()), 6e-3);
    EXPECT_EQ(got.weight.scalar_type(), at::kFloat);
    const auto weight_alone = cpu::linear_backward(a.inputs, a.grad, {}, false, true, *GetParam());
    EXPECT_FALSE(weight_alone.x.defined());
    EXPECT_TRUE(at::equal(weight_alone.weight, got.weight));
  });
}

TEST_P(LinearLoops, AddWhatElseFlowsBackToTheSum) {
  const Each a(LinearSource::kNorm, false, kShapes[4]);
  const auto beside = random(a.x.sizes(), 9).to(at::kFloat);
  const auto alone = cpu::linear_backward(a.inputs, a.grad, {}, true, false, *GetParam()).x;
  const auto both = cpu::linear_backward(a.inputs, a.grad, beside, true, false, *GetParam()).x;
  EXPECT_TRUE(at::allclose(both, alone + beside, 1e-5, 1e-5));
}

TEST_P(LinearLoops, GiveARowTheSameBitsAnywhere) {
  for_each_case([](const Each& a) {
    const int64_t rows = a.inputs.x.size(0), row = rows - 1;
    auto one = a.inputs;
    one.x = one.x.slice(0, row).contiguous();
    if (one.sum.defined()) one.sum = one.sum.slice(0, row).contiguous();
    EXPECT_TRUE(
        at::equal(cpu::linear(one, *GetParam()), cpu::linear(a.inputs, *GetParam()).slice(0, row)));
    const auto grad = a.grad.slice(0, row).contiguous();
    EXPECT_TRUE(at::equal(
        cpu::linear_backward(one, grad, {}, true, true, *GetParam()).x,
        cpu::linear_backward(a.inputs, a.grad, {}, true, true, *GetParam()).x.slice(0, row)));
  });
}

TEST_P(LinearLoops, DoNotDependOnTheNumberOfThreads) {
  const Each a(LinearSource::kGate, true, {700, 224, 160});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto alone = cpu::linear_backward(a.inputs, a.grad, {}, true, true, *GetParam());
  const auto y = cpu::linear(a.inputs, *GetParam());
  at::set_num_threads(3);
  const auto shared = cpu::linear_backward(a.inputs, a.grad, {}, true, true, *GetParam());
  EXPECT_TRUE(at::equal(shared.x, alone.x) && at::equal(shared.weight, alone.weight));
  EXPECT_TRUE(at::equal(cpu::linear(a.inputs, *GetParam()), y));
  at::set_num_threads(threads);
}

TEST_P(LinearLoops, AreNotForWeightsThatDoNotFit) {
  EXPECT_TRUE(cpu::has_linear(at::ones({32, 64}), *GetParam()));
  EXPECT_FALSE(cpu::has_linear(at::ones({33, 64}), *GetParam()));
  EXPECT_FALSE(cpu::has_linear(at::ones({32, 48}), *GetParam()));
  EXPECT_FALSE(cpu::has_linear(at::ones({64, 32}).t(), *GetParam()));
  EXPECT_FALSE(cpu::has_linear(at::ones({32, 64}, at::kDouble), *GetParam()));
}

INSTANTIATE_TEST_SUITE_P(EachMachine, LinearLoops, ::testing::ValuesIn(loops_with_linear()),
                         [](const auto& chosen) { return std::string(chosen.param->name); });

}  // namespace
}  // namespace nextframe
