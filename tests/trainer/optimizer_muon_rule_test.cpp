#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "kernels/orthogonalise.h"
#include "kernels/torch.h"
#include "trainer/exit_code.h"
#include "trainer/optimizer/optimizer.h"

namespace nextframe {
namespace {

/// A trunk of one block between two ends, and names that only look like a block's.
struct MuonModel : torch::nn::Module {
  MuonModel() {
    at::manual_seed(7);
    const auto trunk = register_module("blocks", std::make_shared<torch::nn::Module>());
    const auto block = trunk->register_module("0", std::make_shared<torch::nn::Module>());
    for (const auto& [name, sizes] : std::vector<std::pair<std::string, std::vector<int64_t>>>{
             {"gain", {24}}, {"mix_in", {36, 12}}, {"out", {12, 30}}, {"stack", {2, 3, 4}}}) {
      block->register_parameter(name, at::randn(sizes));
    }
    register_parameter("blocks_of", at::randn({6, 5}));
    register_parameter("head", at::randn({6, 12}));
  }
};

int64_t three_in_mix(const std::string& name) { return name.ends_with("mix_in") ? 3 : 1; }

OptimizerConfig with_matrices(const std::string& matrices) {
  OptimizerConfig config;
  config.matrices = matrices;
  config.weight_decay = 0.1;
  config.ema_decay = 0.9;
  return config;
}

/// A model and its optimizer.
struct MuonRun {
  explicit MuonRun(const std::string& matrices, ReplayedGraph work = {})
      : parameters(model),
        rules(with_matrices(matrices), parameters, three_in_mix),
        optimizer(parameters, rules, nullptr, std::move(work)) {}

  at::Tensor part(const at::Tensor& flat, const std::string& name) const {
    for (const auto& tensor : parameters.layout())
      if (tensor.name == name)
        return flat.narrow(0, tensor.offset, tensor.numel).view(tensor.sizes);
    throw std::runtime_error(name);
  }
  at::Tensor buffer(const std::string& name) const {
    for (const auto& buffer : optimizer.state())
      if (buffer.name == name) return buffer.values;
    throw std::runtime_error(name);
  }
  at::Tensor noise() const { return at::randn_like(parameters.values()); }

  MuonModel model;
  FlatParameters parameters;
  UpdateRules rules;
  Optimizer optimizer;
};

TEST(MuonRule, MatricesOfBlocksAreItsOwnAndAllElseIsAdamWs) {
  MuonRun muon("muon"), adamw("adamw");
  std::set<std::string> names;
  for (size_t i = 0; i < muon.parameters.layout().size(); ++i) {
    const auto tensor = static_cast<int64_t>(i);
    EXPECT_EQ(muon.rules.of(tensor).needs_whole(), !muon.rules.of(tensor).has_moment2());
    if (muon.rules.of(tensor).needs_whole()) names.insert(muon.parameters.layout()[i].name);
    EXPECT_FALSE(adamw.rules.of(tensor).needs_whole());
  }
  EXPECT_EQ(names, (std::set<std::string>{"blocks.0.mix_in", "blocks.0.out"}));
  for (int64_t step = 1; step <= 3; ++step) {
    const auto gradient = muon.noise();
    muon.optimizer.update(gradient, step, 0.01, 0.5);
    adamw.optimizer.update(gradient, step, 0.01, 0.5);
  }
  for (const auto& tensor : muon.parameters.layout()) {
    EXPECT_EQ(at::equal(muon.part(muon.parameters.values(), tensor.name),
                        adamw.part(adamw.parameters.values(), tensor.name)),
              !names.contains(tensor.name))
        << tensor.name;
  }
}

/// Written out once more, a tensor at a time.
TEST(MuonRule, FollowsItsFormula) {
  constexpr double kLr = 0.02, kScale = 0.25;
  MuonRun run("muon");
  auto w = run.part(run.parameters.values(), "blocks.0.mix_in").clone();
  auto m = at::zeros_like(w), ema = w.clone();
  for (int64_t step = 1; step <= 4; ++step) {
    const auto sum = run.noise();
    const auto g = run.part(sum, "blocks.0.mix_in") * kScale;
    m = 0.95 * m + 0.05 * g;
    const auto u = 0.05 * g + 0.95 * m;
    const auto o = orthogonalise(u, 3);
    w = w * (1 - kLr * 0.1) - kLr * 0.2 * std::sqrt(12.0) * o;
    const double decay = std::min(0.9, static_cast<double>(step) / static_cast<double>(step + 10));
    ema = decay * ema + (1 - decay) * w;
    run.optimizer.update(sum, step, kLr, kScale);
    const auto now = run.part(run.parameters.values(), "blocks.0.mix_in");
    EXPECT_TRUE(at::allclose(now, w, 1e-4, 1e-6)) << step;
    EXPECT_TRUE(at::allclose(run.part(run.buffer("moment1"), "blocks.0.mix_in"), m, 1e-5, 1e-7));
    EXPECT_TRUE(at::allclose(run.part(run.buffer("ema"), "blocks.0.mix_in"), ema, 1e-4, 1e-6));
  }
}

TEST(MuonRule, AnUpdateIsAsLargeAsAdamWsUsually) {
  MuonRun run("muon");
  for (const std::string name : {"blocks.0.mix_in", "blocks.0.out"}) {
    const auto before = run.part(run.parameters.values(), name).clone();
    run.optimizer.update(run.noise(), 1, 1e-3, 1);
    const auto change = run.part(run.parameters.values(), name) - before * (1 - 1e-4);
    EXPECT_NEAR(change.square().mean().sqrt().item<double>() / 1e-3, 0.2, 0.05) << name;
  }
}

TEST(MuonRule, AGradientThatIsBadChangesNothing) {
  MuonRun run("muon");
  run.optimizer.update(run.noise(), 1, 0.01, 1);
  const auto all = [&] {
    std::vector<at::Tensor> buffers;
    for (const auto& buffer : run.optimizer.state()) buffers.push_back(buffer.values.clone());
    return at::cat(buffers);
  };
  const auto before = all();
  for (const double value : {std::nan(""), HUGE_VAL}) {
    auto gradient = run.noise();
    run.part(gradient, "blocks.0.out")[3][4] = value;
    run.optimizer.update(gradient, 2, 0.01, 1, at::ones({}));
    EXPECT_TRUE(at::equal(all(), before)) << value;
  }
  run.optimizer.update(run.noise(), 2, 0.01, 1, at::zeros({}));
  EXPECT_FALSE(at::equal(all(), before));
  EXPECT_TRUE(all().isfinite().all().item<bool>());
}

/// A recording sees the numbers of later steps only in their place on the device.
TEST(MuonRule, NothingButNumbersChangesBetweenSteps) {
  struct Again final : RecordedGraph {
    explicit Again(std::function<void()> body) : body_(std::move(body)) {}
    void replay() override { body_(); }
    std::function<void()> body_;
  };
  const auto recorder = [](const std::function<void()>& body) {
    return std::make_unique<Again>(body);
  };
  MuonRun replayed("muon", ReplayedGraph("it", recorder, [](const std::string&) {}));
  MuonRun run("muon");
  const auto gradient = run.noise();
  for (int64_t step = 1; step <= 5; ++step) {
    gradient.normal_();
    const double lr = 0.01 / static_cast<double>(step), scale = 1.0 / static_cast<double>(step + 3);
    replayed.optimizer.update(gradient, step, lr, scale, at::full({}, step == 3 ? 1.0F : 0.0F));
    run.optimizer.update(gradient, step, lr, scale, at::full({}, step == 3 ? 1.0F : 0.0F));
  }
  EXPECT_TRUE(at::equal(replayed.parameters.values(), run.parameters.values()));
}

TEST(MuonRule, ItsTensorsHaveNoSecondMoment) {
  MuonRun muon("muon"), adamw("adamw");
  EXPECT_EQ(adamw.buffer("moment2").numel() - muon.buffer("moment2").numel(), 36 * 12 + 368);
  EXPECT_EQ(adamw.buffer("moment1").numel(), muon.buffer("moment1").numel());
}

TEST(MuonRule, AModelWithoutMatricesInBlocksIsRefused) {
  torch::nn::Module model;
  model.register_parameter("weight", at::zeros({3, 4}));
  EXPECT_NO_THROW(require_matrices(with_matrices("adamw"), model, "plain"));
  EXPECT_NO_THROW(require_matrices(with_matrices("muon"), MuonModel(), "of blocks"));
  try {
    require_matrices(with_matrices("muon"), model, "plain");
    FAIL() << "taken";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("model plain has no matrices in blocks"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace nextframe
