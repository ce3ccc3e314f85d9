// Our gradient engine beside PyTorch's, over MPI: the same model, the same grains, the same sums.
#include <gtest/gtest.h>

#include "kernels/base/fixed_tree.h"
#include "kernels/torch.h"
#include "launch/mpi/mpi_communicator.h"
#include "tests/trainer/ranks/ddp_engine.h"
#include "trainer/parallel/ddp.h"

namespace nextframe {
namespace {

constexpr int64_t kGrains = 5;  // two ranks own two and three
constexpr int64_t kWidth = 96;  // a weight has 36 KiB
constexpr int64_t kSteps = 3;   // both engines make their buckets anew after the first

/// Six layers, the second of them used twice, small vectors between them, and perhaps a weight that
/// takes no part in the loss.
struct Layers : torch::nn::Module {
  explicit Layers(bool has_unused) {
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(11);
    for (int64_t i = 0; i < 6; ++i) {
      const auto random = at::randn({kWidth + 1, kWidth}, generator) / 10;
      weights.push_back(register_parameter(c10::str("w", i), random.narrow(0, 0, kWidth).clone()));
      biases.push_back(register_parameter(c10::str("b", i), random[kWidth].clone()));
    }
    if (has_unused) register_parameter("unused", at::randn({kWidth, kWidth}, generator));
  }

  /// Grains of unlike size, so that one that is missing or counted twice shows.
  at::Tensor loss(int64_t step, int64_t grain) const {
    auto x = at::full({3, kWidth}, 0.1 * static_cast<double>(grain + 1 + step));
    for (const size_t i : {0, 1, 2, 1, 3, 4, 5}) x = at::tanh(at::mm(x, weights[i]) + biases[i]);
    return x.sum() * static_cast<double>(1 + 7 * grain);
  }

  std::vector<at::Tensor> weights, biases;
};

/// The definition: level by level, neighbours are added, and one left over moves up.
at::Tensor tree_by_hand(std::vector<at::Tensor> level) {
  while (level.size() > 1) {
    std::vector<at::Tensor> next;
    for (size_t i = 0; i + 1 < level.size(); i += 2) next.push_back(level[i] + level[i + 1]);
    if (level.size() % 2 == 1) next.push_back(level.back());
    level = next;
  }
  return level.front();
}

at::Tensor gradient_of(const Layers& model, FlatParameters& parameters, int64_t step,
                       int64_t grain) {
  parameters.clear_gradients();
  model.loss(step, grain).backward();
  return parameters.gradients().clone();
}

/// Our engine, following backward, in buckets of `bytes`.
class OurEngine {
 public:
  OurEngine(Communicator& world, bool has_unused, bool strict, int64_t bytes)
      : model_(has_unused), parameters_(model_), sync_(world, kGrains, strict) {
    sync_.overlap_backward(parameters_, {bytes, bytes});
  }
  at::Tensor step(int64_t step) {
    for (int64_t grain = sync_.first_grain(); grain < sync_.last_grain(); ++grain) {
      parameters_.clear_gradients();
      const auto loss = model_.loss(step, grain);
      sync_.begin(grain);
      loss.backward();
      sync_.add(grain, parameters_.gradients());
    }
    return sync_.finish().clone();
  }
  size_t num_buckets() const { return sync_.num_buckets(); }

 private:
  Layers model_;
  FlatParameters parameters_;
  DdpSync sync_;
};

/// PyTorch's mean over ranks as a sum, laid out as our flat buffer.
at::Tensor flat(const std::vector<at::Tensor>& means, const FlatParameters& like, int64_t ranks) {
  const auto result = at::zeros_like(like.values());
  for (size_t i = 0; i < means.size(); ++i) {
    const auto& place = like.layout()[i];
    result.narrow(0, place.offset, place.numel).copy_(means[i].view({-1}) * ranks);
  }
  return result;
}

void expect_close(const at::Tensor& got, const at::Tensor& wanted, const char* what) {
  const double scale = wanted.abs().max().item<double>();
  const double difference = (got - wanted).abs().max().item<double>();
  EXPECT_LE(difference, 1e-6 * scale) << what << " of gradients up to " << scale;
}

void compare(int64_t bytes, bool has_unused) {
  const auto world = make_mpi_communicator();
  Layers model(has_unused), ddp_model(has_unused);
  FlatParameters parameters(model);
  OurEngine strict(*world, has_unused, true, bytes), fast(*world, has_unused, false, bytes);
  std::vector<at::Tensor> by_name;
  for (const auto& tensor : parameters.layout())
    by_name.push_back(*ddp_model.named_parameters().find(tensor.name));
  DdpEngine ddp(*world, by_name, bytes, has_unused);
  const auto [first, last] = owned_leaves(kGrains, world->rank(), world->size());

  for (int64_t step = 0; step < kSteps; ++step) {
    std::vector<at::Tensor> grains;
    for (int64_t g = 0; g < kGrains; ++g) grains.push_back(gradient_of(model, parameters, step, g));
    std::vector<std::function<at::Tensor()>> losses;
    for (int64_t g = first; g < last; ++g)
      losses.emplace_back([&ddp_model, step, g] { return ddp_model.loss(step, g); });

    const auto tree = tree_by_hand(grains);
    const auto theirs = flat(ddp.step(losses), parameters, world->size());
    EXPECT_TRUE(at::equal(strict.step(step), tree)) << "strict, step " << step;
    expect_close(theirs, tree, "PyTorch's engine and the tree");
    expect_close(fast.step(step), theirs, "the fast sum and PyTorch's");
  }
  EXPECT_EQ(strict.num_buckets() == 1, bytes > (int64_t{1} << 20) || world->size() == 1);
  EXPECT_GE(ddp.num_all_reduces(), kSteps) << "PyTorch's engine exchanged nothing";
}

TEST(StepExchangeBesidePyTorch, SumsTheSameInBucketsOfAKibibyte) { compare(1 << 10, false); }
TEST(StepExchangeBesidePyTorch, SumsTheSameInBucketsOf64Kibibytes) { compare(64 << 10, false); }
TEST(StepExchangeBesidePyTorch, SumsTheSameInOneBucket) { compare(25 << 20, false); }
TEST(StepExchangeBesidePyTorch, AParameterOutsideTheLossChangesNothing) {
  for (const int64_t bytes : {1 << 10, 64 << 10, 25 << 20}) compare(bytes, true);
}

}  // namespace
}  // namespace nextframe
