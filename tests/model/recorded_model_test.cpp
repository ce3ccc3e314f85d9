// What every registered model must do, under every objective, so that a grain can be a CUDA graph:
// neither forward nor backward asks the device for a number, and what changes from step to step is
// read from memory. Shown on a device that records operations with their arguments.
#include <gtest/gtest.h>

#include "model/frame_model.h"
#include "tests/fake_device/fake_device.h"
#include "tests/fake_device/recording.h"
#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using fake_device::Recording;
using fake_device::to_device;

constexpr int64_t kClips = 4;  // enough for every objective

Batch there(const Batch& batch) {
  return batch.map([](const at::Tensor& tensor) { return to_device(tensor); });
}

/// Another step's: other clips, actions and names, and a last clip that ends early.
Batch others(const ClipShape& shape) {
  auto batch = tiny::clips(shape, kClips, 9);
  batch.sample_ids_B.add_(100);
  batch.mask_BT[1].slice(0, 3).fill_(false);
  return batch;
}

/// A model there, and where a grain finds and leaves its numbers.
struct Grain {
  explicit Grain(const tiny::Options& options) : model(tiny::make(options)) {
    uint64_t seed = 100;  // a head that begins at zero passes no gradient on
    for (auto& parameter : model->parameters()) {
      const torch::NoGradGuard no_grad;
      auto generator = at::make_generator<at::CPUGeneratorImpl>(++seed);
      parameter.add_(at::randn(parameter.sizes(), generator), 0.05);
    }
    to_device(*model);
    if (const auto frame_model = std::dynamic_pointer_cast<FrameModel>(model);
        frame_model && frame_model->tokenizer() != nullptr) {
      to_device(frame_model->tokenizer()->tokenizer());
      frame_model->tokenizer()->tokenizer().freeze();
    }
    for (auto& parameter : model->parameters())
      parameter.mutable_grad() = to_device(at::zeros(parameter.sizes()));
  }
  void run() {
    for (auto& parameter : model->parameters()) parameter.mutable_grad().zero_();
    const auto terms = model->loss(batch, draw);
    terms.sum.backward();
    sum = terms.sum.detach(), weight = terms.weight;
  }
  void give(const Batch& other, const Draw& other_draw) {
    batch.frames_BTHWC.copy_(other.frames_BTHWC);
    batch.actions_BTA.copy_(other.actions_BTA);
    batch.mask_BT.copy_(other.mask_BT);
    batch.sample_ids_B.copy_(other.sample_ids_B);
    draw.copy_(as_tensor(other_draw));
  }
  std::vector<at::Tensor> results() const {
    std::vector<at::Tensor> all = {sum.cpu(), weight.cpu()};
    for (const auto& parameter : model->parameters()) all.push_back(parameter.grad().cpu().clone());
    return all;
  }

  std::shared_ptr<WorldModel> model;
  Batch batch = there(tiny::clips(tiny::Options().shape, kClips));
  at::Tensor draw = to_device(as_tensor({7, 0}));
  at::Tensor sum, weight;
};

using Parameter = std::tuple<std::string, std::string, std::string, bool>;

class RecordedModel : public testing::TestWithParam<Parameter> {
 protected:
  static tiny::Options options() {
    tiny::Options result;
    std::tie(result.model, result.objective, result.tokenizer, result.bf16) = GetParam();
    return result;
  }
};

TEST_P(RecordedModel, AsksTheDeviceForNothing) {
  Grain grain(options());
  EXPECT_NO_THROW(fake_device::run_strictly([&] { grain.run(); }));
}

TEST_P(RecordedModel, DoesTheNextStepWhenItsOperationsAreCalledAgain) {
  Grain replayed(options()), eager(options());
  Recording recording([&] { replayed.run(); });
  EXPECT_GT(recording.num_operations(), 20U);
  for (const uint64_t step : {3, 4}) {
    const auto batch =
        step == 3 ? others(options().shape) : tiny::clips(options().shape, kClips, 11);
    replayed.give(batch, {7, step}), eager.give(batch, {7, step});
    recording.replay();
    eager.run();
    const auto got = replayed.results(), expected = eager.results();
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(at::equal(got[i], expected[i])) << i;
  }
}

std::string recorded_test_name(const testing::TestParamInfo<Parameter>& info) {
  const auto& [model, objective, tokenizer, bf16] = info.param;
  const auto name = tokenizer == "pixels" ? objective : objective + "_" + tokenizer;
  return model + "_" + name + (bf16 ? "_bf16" : "");
}

std::vector<Parameter> all_legal() {
  std::vector<Parameter> result;
  for (const auto& [model, objective, tokenizer] : tiny::legal_triples())
    for (const bool bf16 : {false, true}) result.emplace_back(model, objective, tokenizer, bf16);
  return result;
}

INSTANTIATE_TEST_SUITE_P(Registered, RecordedModel, testing::ValuesIn(all_legal()),
                         recorded_test_name);

// ---- The device itself: what it must not let pass

void expect_refusal(const std::string& words, const std::function<void()>& body) {
  try {
    fake_device::run_strictly(body);
    ADD_FAILURE() << "not refused: " << words;
  } catch (const c10::Error& error) {
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
}

TEST(FakeDevice, RefusesWhatAGraphCannotHold) {
  const auto x = to_device(at::ones({3}));
  const auto weight = to_device(at::ones({3})).requires_grad_();
  expect_refusal("aten::_local_scalar_dense", [&] { (void)x.sum().item<double>(); });
  expect_refusal("aten::nonzero", [&] { x.nonzero(); });
  expect_refusal("aten::masked_select", [&] { x.masked_select(x > 0); });
  expect_refusal("of the host", [&] { x.cpu(); });
  expect_refusal("of the host", [&] { (void)(x + at::ones({3}).to(fake_device::kDevice)); });
  expect_refusal("aten::_local_scalar_dense",
                 [&] { (weight * 2).sum().backward({}), (void)weight.grad().max().item(); });
}

TEST(FakeDevice, ReplaysNumbersAsTheyWereAndMemoryAsItIs) {
  const auto x = to_device(at::full({3}, 2.0)), y = to_device(at::zeros({3}));
  double learning_rate = 10;
  Recording recording([&] { y.add_(x * x, learning_rate); });
  EXPECT_EQ(y.cpu().sum().item<double>(), 0) << "a recording computes nothing";
  learning_rate = 1000;
  recording.replay();
  EXPECT_EQ(y.cpu()[0].item<double>(), 40) << "the number is that of the recording";
  x.fill_(3);
  recording.replay();
  EXPECT_EQ(y.cpu()[0].item<double>(), 130) << "the memory is that of the replay";
}

}  // namespace
}  // namespace nextframe
