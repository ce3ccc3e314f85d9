// The judges of `nextframe verify`, on what is right and on what is wrong.
#include <gtest/gtest.h>

#include "kernels/torch.h"
#include "tests/model/tiny.h"
#include "trainer/verify/checks.h"

namespace nextframe {
namespace {

StoredTensor stored(const std::string& name, const std::vector<Hash>& first,
                    const std::vector<Hash>& second) {
  StoredTensor tensor{name, {2}, {}};
  tensor.pieces.push_back({"a.bin", 0, 0, 1, first});
  if (!second.empty()) tensor.pieces.push_back({"b.bin", 0, 1, 1, second});
  return tensor;
}

TEST(CheckpointDifference, NamesTheFirstTensorAndChunkWhoeverWroteThem) {
  Manifest left, right;
  left.digest = "one", right.digest = "other";
  left.tensors = {stored("moment1/a", {"1", "2", "3"}, {}), stored("moment1/b", {"4", "5"}, {})};
  right.tensors = {stored("moment1/a", {"1"}, {"2", "3"}), stored("moment1/b", {"4", "6"}, {})};
  EXPECT_EQ(first_difference(left, right), "first in 'moment1/b', chunk 1; 1 of 5 chunks differ");
  right.digest = "one";
  EXPECT_EQ(first_difference(left, right), "");
}

TEST(CheckpointDifference, AnotherStepIsNoMatterOfTensors) {
  Manifest left, right;
  left.digest = "one", right.digest = "other";
  left.position.step = 4, right.position.step = 3;
  EXPECT_NE(first_difference(left, right).find("step 4 and 0 samples against step 3"),
            std::string::npos);
}

StepGradients two_parameters() {
  StepGradients gradients;
  gradients.weight = 4;
  gradients.parameters = {{"a", at::full({3}, 3.0, at::kDouble), true},
                          {"b", at::full({4}, 0.5, at::kDouble), true},
                          {"never", at::zeros({2}, at::kDouble), false}};
  return gradients;
}

TEST(GradientCheck, PassesTheSumAndNamesTheParameterThatIsNot) {
  const auto gradients = two_parameters();
  const double scale = gradients.scale(/*clip_norm=*/0);
  EXPECT_DOUBLE_EQ(scale, 0.25);
  std::map<std::string, at::Tensor> exchanged;
  for (const auto& parameter : gradients.parameters)
    exchanged[parameter.name] = (parameter.sum * scale).to(at::kFloat);
  const auto difference = [&] {
    return gradient_difference(gradients, scale,
                               [&](const std::string& name) { return exchanged.at(name); });
  };
  EXPECT_EQ(difference(), "");
  exchanged["b"][2] *= 0.5;  // as if a grain had not been added
  EXPECT_NE(difference().find("'b' is off by 0.5"), std::string::npos) << difference();
  exchanged["b"][2] = std::nanf("");
  EXPECT_NE(difference().find("'b'"), std::string::npos) << difference();
  exchanged["b"] = gradients.parameters[1].sum * scale;
  exchanged["never"][0] = 1e-3;
  EXPECT_NE(difference().find("'never'"), std::string::npos) << difference();
}

TEST(GradientCheck, ScalesAsTheOptimizerDoes) {
  const auto gradients = two_parameters();
  const double norm = std::sqrt(3 * 9.0 + 4 * 0.25) / 4;
  EXPECT_NEAR(gradients.scale(0.1), 0.1 / norm / 4, 1e-12);
  EXPECT_NEAR(gradients.scale(100), 0.25, 1e-12);
}

TEST(GradientCheck, NamesWhatNoGrainUsed) {
  EXPECT_EQ(two_parameters().unused(), std::vector<std::string>{"never"});
}

}  // namespace
}  // namespace nextframe
