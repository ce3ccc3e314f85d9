// Distances between samples by hand, and the suite distribution with dreams whose faults are known.
#include <gtest/gtest.h>
#include <torch/script.h>

#include <cmath>
#include <fstream>

#include "data/error.h"
#include "evaluate_fakes.h"
#include "simulated_source.h"
#include "tests/data/scratch_folder.h"
#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/sample_distance.h"

namespace nextframe {
namespace {

/// Four points on each axis pair: mean `centre`, covariance over N - 1 of diag(sigma^2).
at::Tensor cross_sample(const std::vector<double>& centre, const std::vector<double>& sigma) {
  const auto width = static_cast<int64_t>(sigma.size());
  const auto points = at::zeros({2 * width, width}, at::kDouble);
  const double spread = std::sqrt(static_cast<double>(2 * width - 1) / 2);
  for (int64_t d = 0; d < width; ++d) {
    points[2 * d][d] = spread * sigma[static_cast<size_t>(d)];
    points[2 * d + 1][d] = -spread * sigma[static_cast<size_t>(d)];
  }
  return points + at::tensor(centre, at::kDouble);
}

TEST(SampleDistance, FrechetOfGaussiansByHand) {
  // Commuting covariances: |mu_x - mu_y|^2 + sum (sigma_x - sigma_y)^2.
  const auto x = cross_sample({0, 1, -2}, {1, 2, 3});
  const auto y = cross_sample({3, 1, 2}, {2, 0.5, 3});
  EXPECT_NEAR(frechet_distance(x, y), 9 + 16 + 1 + 2.25, 1e-10);
  EXPECT_NEAR(frechet_distance(x, x), 0, 1e-10);
  const double angle = 0.7;
  const auto turn = at::eye(3, at::kDouble);
  turn[0][0] = std::cos(angle);
  turn[1][1] = std::cos(angle);
  turn[0][1] = -std::sin(angle);
  turn[1][0] = std::sin(angle);
  EXPECT_NEAR(frechet_distance(x.matmul(turn), y.matmul(turn)), 28.25, 1e-10);
  // Covariances that do not commute, in two dimensions: tr (AB)^1/2 = sqrt(tr AB + 2 sqrt det AB).
  const auto flat = [](const at::Tensor& sample) { return sample.slice(1, 0, 2).contiguous(); };
  const auto a = cross_sample({0, 0}, {1, 3});
  const auto b = a.matmul(flat(turn).slice(0, 0, 2));
  const auto cov = [](const at::Tensor& s) {
    return s.t().matmul(s) / static_cast<double>(s.size(0) - 1);
  };
  const auto product = cov(a).matmul(cov(b));
  const double root = std::sqrt(product.trace().item<double>() +
                                2 * std::sqrt(at::linalg_det(product).item<double>()));
  EXPECT_NEAR(frechet_distance(a, b), 10 + 10 - 2 * root, 1e-10);
}

TEST(SampleDistance, FrechetIsDefinedForFewSamplesOfManyFeatures) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(1);
  const auto x = at::randn({5, 40}, generator, at::kDouble);
  EXPECT_NEAR(frechet_distance(x, x), 0, 1e-5);  // roots of what rounding leaves of 0
  EXPECT_NEAR(frechet_distance(x, x + 2), 4 * 40, 1e-5);
}

TEST(SampleDistance, MmdIsTheUStatisticWithoutPairsOfOneGroup) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(2);
  const auto x = at::randn({7, 3}, generator, at::kDouble);
  const auto y = at::randn({5, 3}, generator, at::kDouble) + 1;
  const auto group_x = at::tensor({0, 0, 1, 1, 2, 3, 3}, at::kLong);
  const auto group_y = at::arange(5);
  const auto kernel = [](const at::Tensor& a, const at::Tensor& b) {
    return std::pow(a.dot(b).item<double>() / 3 + 1, 3);
  };
  const auto mean_of = [&](const at::Tensor& a, const at::Tensor& b, const auto& counts) {
    double sum = 0, pairs = 0;
    for (int64_t i = 0; i < a.size(0); ++i) {
      for (int64_t j = 0; j < b.size(0); ++j) {
        if (!counts(i, j)) continue;
        sum += kernel(a[i], b[j]);
        ++pairs;
      }
    }
    return sum / pairs;
  };
  const auto differs = [&](int64_t i, int64_t j) { return !group_x[i].equal(group_x[j]); };
  const auto other = [](int64_t i, int64_t j) { return i != j; };
  const auto any = [](int64_t, int64_t) { return true; };
  EXPECT_NEAR(polynomial_mmd2(x, y, group_x, group_y),
              mean_of(x, x, differs) + mean_of(y, y, other) - 2 * mean_of(x, y, any), 1e-10);
}

TEST(Jackknife, OfAMeanIsItsStandardError) {
  const std::vector<double> values{1, 4, 2, 8, 5};
  std::vector<double> without;
  for (const double value : values) without.push_back((20 - value) / 4);
  const auto figure = jackknife_figure(4, without, 5);
  const double standard_error = std::sqrt((9 + 0 + 4 + 16 + 1) / 4.0 / 5);
  EXPECT_NEAR(figure.high - figure.value, 1.959964 * standard_error, 1e-12);
  EXPECT_NEAR(figure.value - figure.low, 1.959964 * standard_error, 1e-12);
  EXPECT_EQ(figure.n, 5);
}

constexpr int64_t kDreamContext = 4, kDreamHorizon = 16, kDreamEpisodes = 32;

/// Dreams what really happens, or what `spoil` makes of these frames, float32 [T, H, W, C].
class SpoiltModel : public RuleModel {
 public:
  using Spoil = std::function<at::Tensor(const at::Tensor& frames_THWC, int64_t number)>;
  SpoiltModel(std::shared_ptr<SimulatedEpisodes> made, Spoil spoil)
      : RuleModel([](const at::Tensor& frame, const at::Tensor&) { return frame; }),
        made_(std::move(made)),
        spoil_(std::move(spoil)) {}

  at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                     const RolloutOptions& options) override {
    std::vector<at::Tensor> dreams;
    for (int64_t b = 0; b < context_BTHWC.size(0); ++b) {
      const auto number = options.sample_ids_B[b].item<int64_t>();
      const auto frames_THWC =
          made_->at(number).frames_THWC.slice(0, context_BTHWC.size(1), actions_BTA.size(1) + 1);
      dreams.push_back(spoil_(frames_THWC.to(at::kFloat) / 255.0, number));
    }
    return at::stack(dreams);
  }

 private:
  std::shared_ptr<SimulatedEpisodes> made_;
  Spoil spoil_;
};

std::shared_ptr<SimulatedEpisodes> dreamed_world() {
  static const auto made =
      std::make_shared<SimulatedEpisodes>("uniform_motion", kDreamContext + kDreamHorizon);
  return made;
}

EvaluationReport distribution_of(const SpoiltModel::Spoil& spoil, const EvaluationAids& aids = {},
                                 int64_t episodes = kDreamEpisodes) {
  EvaluateConfig config;
  config.context_frames = kDreamContext;
  config.horizon_frames = kDreamHorizon;
  SpoiltModel model(dreamed_world(), spoil);
  return evaluate(model, source_of(dreamed_world(), episodes), nullptr, config, {"distribution"},
                  {}, aids);
}

const Figure& distance_figure(const EvaluationReport& report, const std::string& name) {
  const auto* figure = find_figure(report, "distribution", name);
  if (figure == nullptr) throw std::runtime_error("the report has no " + name);
  return *figure;
}

at::Tensor as_it_is(const at::Tensor& frames_THWC, int64_t) { return frames_THWC; }

at::Tensor in_another_order(const at::Tensor& frames_THWC, int64_t number) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(number));
  return frames_THWC.index_select(0, at::randperm(frames_THWC.size(0), generator, at::kLong));
}

at::Tensor blurred(const at::Tensor& frames_THWC, int64_t) {
  const auto frames_TCHW = frames_THWC.permute({0, 3, 1, 2});
  return at::avg_pool2d(frames_TCHW, 3, 1, 1, false, /*count_include_pad=*/false)
      .permute({0, 2, 3, 1});
}

TEST(Distribution, APerfectDreamIsAtTheFloor) {
  const auto report = distribution_of(as_it_is);
  for (const std::string name : {"frechet", "mmd2"}) {
    EXPECT_NEAR(distance_figure(report, name).value, distance_figure(report, "floor." + name).value,
                1e-5);
    EXPECT_NEAR(distance_figure(report, "excess." + name).value, 0, 1e-5);
    EXPECT_NEAR(distance_figure(report, "excess." + name).high, 0, 1e-4);
    EXPECT_GT(distance_figure(report, "copy_last." + name).value,
              2 * distance_figure(report, "floor." + name).high);
    EXPECT_EQ(distance_figure(report, name).n, kDreamEpisodes);
  }
}

TEST(Distribution, WrongOrderInTimeAndBlurAreSeenAndTheFloorStays) {
  const auto perfect = distribution_of(as_it_is);
  for (const auto& spoil : {SpoiltModel::Spoil(in_another_order), SpoiltModel::Spoil(blurred)}) {
    const auto report = distribution_of(spoil);
    for (const std::string name : {"frechet", "mmd2"}) {
      EXPECT_EQ(distance_figure(report, "floor." + name).value,
                distance_figure(perfect, "floor." + name).value);
      EXPECT_GT(distance_figure(report, "excess." + name).low, 0) << name;
    }
  }
}

/// A TorchScript file whose forward() is `body`.
std::string write_module(const ScratchFolder& folder, const std::string& body) {
  torch::jit::Module module("features");
  module.define("def forward(self, x):\n    " + body + "\n");
  const std::string file = (folder / "features.pt").string();
  module.save(file);
  return file;
}

TEST(Distribution, FeaturesOfAScriptAreTaken) {
  const ScratchFolder folder;
  EvaluationAids aids;
  aids.clip_features =
      scripted_features(write_module(folder, "return x.float().mean(dim=(1, 2, 3)) / 255.0"));
  const auto clips = at::arange(2 * 3 * 4 * 4 * 3).view({2, 3, 4, 4, 3}).to(at::kByte);
  EXPECT_TRUE(at::allclose(aids.clip_features->compute(clips),
                           clips.to(at::kDouble).mean({1, 2, 3}) / 255.0, 0, 1e-6));
  const ScratchFolder other;  // the module of docs/evaluation.md
  const auto of_page = scripted_features(
      write_module(other, "return x.float().mean(dim=(2, 3)).flatten(1) / 255.0"));
  EXPECT_EQ(of_page.compute(clips).sizes(), at::IntArrayRef({2, 9}));
  const auto report = distribution_of(
      [](const at::Tensor& frames, int64_t) { return (frames + 0.1).clamp(0, 1); }, aids);
  // Means move by 0.1 in three channels, of 255 steps each.
  EXPECT_NEAR(distance_figure(report, "excess.frechet").value, 0.03, 0.01);
}

TEST(Distribution, WhatIsWrongWithAScriptIsTold) {
  const ScratchFolder folder;
  const auto clips = at::zeros({2, 3, 4, 4, 3}, at::kByte);
  const auto error_of = [&](const std::string& body) -> std::string {
    try {
      scripted_features(write_module(folder, body)).compute(clips);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(error_of("return x.float()").find("returns Float [2, 3, 4, 4, 3]"), std::string::npos);
  EXPECT_NE(error_of("return x.float().mean(dim=(1, 2, 3)) / 0.0").find("not finite"),
            std::string::npos);
  EXPECT_NE(error_of("return (x, x)").find("returns Tuple, not a tensor"), std::string::npos);
  EXPECT_NE(error_of("return torch.matmul(x.float(), torch.ones(9))").find("fails on clips"),
            std::string::npos);
  std::ofstream(folder / "text.pt") << "no archive";
  EXPECT_THROW(scripted_features((folder / "text.pt").string()), DataError);
  EXPECT_THROW(scripted_features((folder / "missing.pt").string()), DataError);
}

TEST(Distribution, TooFewEpisodesAreALine) {
  const auto report = distribution_of(as_it_is, {}, 7);
  EXPECT_TRUE(report.suites[0].figures.empty());
  EXPECT_NE(report.suites[0].notes.at(0).find("left out: 7 episodes have 16 frames"),
            std::string::npos);
}

}  // namespace
}  // namespace nextframe
