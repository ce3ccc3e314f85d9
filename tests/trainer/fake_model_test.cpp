#include "tests/trainer/fake_model.h"

#include <gtest/gtest.h>

#include "model/registry.h"

namespace nextframe {
namespace {

FakeModelMade last_made;

class FakeObjective final : public Objective {
 public:
  Traits asks() const override { return {}; }
  struct Config {
    int64_t levels = 4;
    void fields(FieldVisitor& field) { field("levels", levels, "noise levels"); }
    void check(const Report& report) const {
      if (levels < 1) report("levels", "must be 1 or more");
    }
  };
  explicit FakeObjective(const Config& config) : config_(config) {}

  LossTerms loss(CausalNetwork&, const Clip&, const at::Tensor&) const override { return {}; }
  at::Tensor next(CausalNetwork&, const Clip&, const RolloutOptions&) const override { return {}; }
  int64_t levels() const { return config_.levels; }

 private:
  Config config_;
};

class FakeModel final : public WorldModel {
 public:
  using Config = FakeModelConfig;
  static Traits offers() { return {Trait::pixels}; }
  FakeModel(const Config& config, const ModelInputs& inputs) {
    const auto* objective = dynamic_cast<const FakeObjective*>(inputs.objective.get());
    last_made = {config, objective == nullptr ? 0 : objective->levels(), inputs.seed, inputs.bf16};
  }
  LossTerms loss(const Batch&, const at::Tensor&) override { return {}; }
  at::Tensor one_step(const at::Tensor&, const at::Tensor&, const RolloutOptions&) override {
    return {};
  }
  at::Tensor rollout(const at::Tensor&, const at::Tensor&, const RolloutOptions&) override {
    return {};
  }
};

}  // namespace

void FakeModelConfig::fields(FieldVisitor& field) {
  field("dim", dim, "width");
  field("heads", heads, "attention heads; divides dim");
  field("dropout", dropout, "share of dropped values");
  field("bias", bias, "whether layers have biases");
  field("norm", norm, "kind of norm", {"rms", "layer"});
  field("stages", stages, "blocks a stage");
  field.free("tricks", tricks, "names of tricks", {"skip", "warm"});
}

void FakeModelConfig::check(const Report& report) const {
  if (heads < 1) {
    report("heads", "must be 1 or more");
  } else if (dim % heads != 0) {
    report("heads", "does not divide model.dim = " + std::to_string(dim) + "; nearest: 8");
  }
}

const FakeModelMade& last_fake_model() { return last_made; }

std::string valid_config() {
  return "run:\n"
         "  name: small\n"
         "data:\n"
         "  train: shards/train/*.h5\n"
         "  validation: shards/validation/*.h5\n"
         "model:\n"
         "  name: fake_model\n"
         "  dim: 64\n"
         "  stages: [2, 3]\n"
         "objective:\n"
         "  name: fake_objective\n"
         "optimizer:\n"
         "  lr: 3e-4\n"
         "trainer:\n"
         "  steps: 500\n"
         "  global_batch: 16\n";
}

NF_REGISTER_MODEL("fake_model", FakeModel, "a model that cannot run")

NF_REGISTER_OBJECTIVE("fake_objective", FakeObjective, "predicts nothing")

TEST(FakeModel, IsRegistered) {
  EXPECT_NE(ModelRegistry::instance().find("fake_model"), nullptr);
  EXPECT_NE(ObjectiveRegistry::instance().find("fake_objective"), nullptr);
}

}  // namespace nextframe
