// Steps that are replayed beside steps that are run, on a device that records operations with their
// arguments: whatever is not read from memory would be that of the recorded step.
#include "trainer/graphs/grain_pass.h"

#include <gtest/gtest.h>

#include "tests/fake_device/fake_device.h"
#include "tests/fake_device/recording.h"
#include "tests/model/tiny.h"
#include "tests/trainer/thread_world.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/parallel/ddp.h"
#include "trainer/parallel/gradient_norm.h"

namespace nextframe {
namespace {

using fake_device::to_device;

constexpr int64_t kPassGrains = 4;

/// Clips of one grain of one step; now and then the last ends early.
Batch clips_of(int64_t step, int64_t grain, int64_t num_clips = 2) {
  auto batch =
      tiny::clips(tiny::Options().shape, num_clips, static_cast<uint64_t>(10 * step + grain));
  batch.sample_ids_B.add_(100 * step + 10 * grain);
  if ((step + grain) % 3 == 0) batch.mask_BT[num_clips - 1].slice(0, 2 + grain).fill_(false);
  return batch.map([](const at::Tensor& tensor) { return to_device(tensor); });
}

/// The trainer's step on one rank, without what surrounds it.
class Steps {
 public:
  Steps(std::shared_ptr<WorldModel> model, Communicator& world, const GraphRecorder& recorder,
        const std::string& matrices)
      : model_(std::move(model)),
        parameters_(*model_),
        sync_(world, kPassGrains, true),
        pass_(*model_, parameters_, ReplayedGraph("a grain", recorder, say())),
        rules_({.matrices = matrices, .ema_decay = 0.9}, parameters_),
        optimizer_(parameters_, rules_, nullptr,
                   ReplayedGraph("the optimizer's step", recorder, say())) {}

  void step(int64_t number, double clip_norm = 0.5) {
    const auto draw = to_device(as_tensor({7, static_cast<uint64_t>(number)}));
    std::vector<LossTerms> all;  // read when all grains are done, as the trainer does
    for (int64_t grain = 0; grain < kPassGrains; ++grain) {
      all.push_back(pass_.run(clips_of(number, grain), draw, grain + 1 < kPassGrains,
                              [&] { sync_.begin(grain); }));
      sync_.add(grain, parameters_.gradients());
    }
    double weight = 0;
    for (const auto& terms : all) {
      weight += terms.weight.item<double>();
      losses.push_back(terms.sum.item<double>());
      for (const auto& [name, sum] : terms.sums) losses.push_back(sum.item<double>());
    }
    const auto sum = sync_.finish();
    const auto norm = gradient_norm(parameters_, sum);
    const double clip = std::min(1.0, clip_norm * weight / norm.value);
    optimizer_.update(sum, number, 1e-2 / static_cast<double>(number), clip / weight, norm.is_bad);
  }

  std::vector<at::Tensor> state() const {
    std::vector<at::Tensor> all;
    for (const auto& buffer : optimizer_.state()) all.push_back(buffer.values.cpu().clone());
    return all;
  }

  std::vector<double> losses;
  std::vector<std::string> lines;

 private:
  std::function<void(const std::string&)> say() {
    return [this](const std::string& line) { lines.push_back(line); };
  }

  std::shared_ptr<WorldModel> model_;
  FlatParameters parameters_;
  DdpSync sync_;
  GrainPass pass_;
  UpdateRules rules_;
  Optimizer optimizer_;
};

struct Outcome {
  std::vector<at::Tensor> state;
  std::vector<double> losses;
  std::vector<std::string> lines;

  bool operator==(const Outcome& other) const {
    return losses == other.losses &&
           std::ranges::equal(state, other.state, [](auto& a, auto& b) { return at::equal(a, b); });
  }
};

std::shared_ptr<WorldModel> on_device(std::shared_ptr<WorldModel> model) {
  to_device(*model);
  return model;
}

using MakeModel = std::function<std::shared_ptr<WorldModel>()>;

Outcome train(const MakeModel& make, const GraphRecorder& recorder,
              const std::string& matrices = "adamw") {
  Outcome outcome;
  run_ranks(1, [&](Communicator& world) {
    Steps steps(on_device(make()), world, recorder, matrices);
    for (int64_t number = 1; number <= 3; ++number) steps.step(number);
    outcome = {steps.state(), steps.losses, steps.lines};
  });
  return outcome;
}

std::shared_ptr<WorldModel> transformer() {
  tiny::Options options;
  options.model = "space_time_transformer", options.objective = "flow";
  return tiny::make(options);
}
std::shared_ptr<WorldModel> mlp() {
  tiny::Options options;
  options.objective = "flow";
  return tiny::make(options);
}

struct Trained {
  std::shared_ptr<WorldModel> model = on_device(mlp());
  FlatParameters parameters{*model};
};
void nobody_says(const std::string& line) { ADD_FAILURE() << line; }

/// Counts what it records.
GraphRecorder counting(int64_t& num_recordings) {
  return [&num_recordings, record = fake_device::recorder()](const auto& body) {
    ++num_recordings;
    return record(body);
  };
}

TEST(GrainPass, ReplayedStepsHaveTheBitsOfStepsThatAreRun) {
  int64_t num_recordings = 0;
  const auto eager = train(transformer, nullptr);
  const auto replayed = train(transformer, counting(num_recordings));
  EXPECT_TRUE(replayed == eager);
  EXPECT_GE(num_recordings, 2);
  EXPECT_TRUE(replayed.lines.empty()) << replayed.lines.front();
}

TEST(GrainPass, MuonsStepIsReplayedWithTheSameBits) {
  int64_t num_recordings = 0;
  const auto eager = train(transformer, nullptr, "muon");
  const auto replayed = train(transformer, counting(num_recordings), "muon");
  EXPECT_TRUE(replayed == eager);
  EXPECT_FALSE(replayed == train(transformer, nullptr));
  EXPECT_GE(num_recordings, 2);
  EXPECT_TRUE(replayed.lines.empty()) << replayed.lines.front();
}

/// A model whose loss depends on a number that the host counts.
class Counting final : public WorldModel {
 public:
  explicit Counting(bool asks_the_device) : asks_the_device_(asks_the_device) {
    register_module("inner", inner_);
  }
  LossTerms loss(const Batch& batch, const at::Tensor& draw) override {
    auto terms = inner_->loss(batch, draw);
    if (asks_the_device_) {
      (void)terms.sum.item<double>();
    } else {
      terms.sum = terms.sum * static_cast<double>(++calls_);
    }
    return terms;
  }
  at::Tensor one_step(const at::Tensor&, const at::Tensor&, const RolloutOptions&) override {
    return {};
  }
  at::Tensor rollout(const at::Tensor&, const at::Tensor&, const RolloutOptions&) override {
    return {};
  }

 private:
  std::shared_ptr<WorldModel> inner_ = mlp();
  bool asks_the_device_;
  int64_t calls_ = 0;
};

/// What the tests above would say of a step number among the arguments of a launch.
TEST(GrainPass, ANumberThatTheHostCountsWouldShow) {
  const auto make = [] { return std::make_shared<Counting>(false); };
  EXPECT_FALSE(train(make, fake_device::recorder()) == train(make, nullptr));
}

TEST(GrainPass, AModelThatAsksTheDeviceIsRunWithTheSameBits) {
  const auto make = [] { return std::make_shared<Counting>(true); };
  const auto tried = train(make, fake_device::recorder());
  EXPECT_TRUE(tried == train(make, nullptr));
  ASSERT_EQ(tried.lines.size(), 1U);
  EXPECT_EQ(tried.lines[0],
            "CUDA graphs: off for a grain: recording failed: aten::_local_scalar_dense asks the "
            "device for a number");
}

TEST(GrainPass, AGrainOfAnotherShapeIsRun) {
  run_ranks(1, [](Communicator&) {
    Trained trained;
    auto& [model, parameters] = trained;
    int64_t num_recordings = 0;
    GrainPass replaying(*model, parameters,
                        ReplayedGraph("a grain", counting(num_recordings), nobody_says));
    GrainPass running(*model, parameters);
    const auto draw = to_device(as_tensor({7, 1}));
    for (const int64_t num_clips : {2, 2, 3, 2, 1}) {
      const auto batch = clips_of(1, num_clips, num_clips);
      const auto gradient_by = [&](GrainPass& pass) {
        int calls = 0;
        const auto terms = pass.run(batch, draw, true, [&] { ++calls; });
        EXPECT_EQ(calls, 1);
        return at::cat({parameters.gradients().cpu(), terms.sum.cpu().to(at::kFloat).view(1)});
      };
      const auto replayed = gradient_by(replaying);
      EXPECT_TRUE(at::equal(replayed, gradient_by(running))) << num_clips;
    }
    EXPECT_EQ(num_recordings, 1);
  });
}

/// Sums of gradients come in buffers that take turns.
TEST(GrainPass, TheOptimizerFindsTheGradientWhereverItLies) {
  const auto update_in_turns = [&](ReplayedGraph work) {
    Trained trained;
    auto& [model, parameters] = trained;
    const UpdateRules rules({.ema_decay = 0.9}, parameters);
    Optimizer optimizer(parameters, rules, nullptr, std::move(work));
    const int64_t count = parameters.values().numel();
    const at::Tensor buffers[2] = {to_device(at::zeros({count})), to_device(at::zeros({count}))};
    for (int64_t step = 1; step <= 6; ++step) {
      buffers[step % 2].fill_(0.1 * static_cast<double>(step % 3 - 1));
      optimizer.update(buffers[step % 2], step, 1e-2, 1);
    }
    return parameters.values().cpu().clone();
  };
  const auto run = update_in_turns({});
  int64_t num_recordings = 0;
  EXPECT_TRUE(at::equal(update_in_turns({"it", counting(num_recordings), nobody_says}), run));
  EXPECT_EQ(num_recordings, 2);
}

/// The last of them decides, whatever the host has decided.
TEST(GrainPass, AGradientThatIsNotFiniteChangesNothing) {
  run_ranks(1, [](Communicator&) {
    Trained trained;
    auto& [model, parameters] = trained;
    int64_t num_recordings = 0;
    const UpdateRules rules({.ema_decay = 0.9}, parameters);
    Optimizer optimizer(
        parameters, rules, nullptr,
        ReplayedGraph("the optimizer's step", counting(num_recordings), nobody_says));
    const auto values = [&] { return parameters.values().cpu().clone(); };
    auto gradient = to_device(at::full({parameters.values().numel()}, 0.1));
    for (const bool is_bad : {false, false, true, false}) {
      const auto before = values();
      gradient.fill_(0.1);
      if (is_bad) gradient.select(0, 3).fill_(std::numeric_limits<float>::infinity());
      optimizer.update(gradient, 1, 1e-2, 1, gradient_norm(parameters, gradient).is_bad);
      EXPECT_EQ(at::equal(values(), before), is_bad);
      EXPECT_TRUE(values().isfinite().all().item<bool>());
    }
    EXPECT_EQ(num_recordings, 1);
  });
}

}  // namespace
}  // namespace nextframe
