#include "trainer/play/play_actions.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "trainer/exit_code.h"

namespace nextframe {
namespace {

using Kind = ActionSpace::Kind;

PlayActions choices(std::vector<std::string> names, int64_t width = 0) {
  if (width == 0) width = static_cast<int64_t>(names.size());
  return {{.kind = Kind::discrete, .width = width, .names = std::move(names)}, {}, {}, 1};
}

PlayActions numbers() {
  return {{.kind = Kind::continuous, .width = 2, .names = {"torque"}},
          {.centre = {10, 0}, .scale = {4, 0.5}},
          {{.low = 0, .high = 20}, {.low = -1, .high = 1}},
          2};
}

PlayActions buttons() {
  return {{.kind = Kind::multi_binary, .width = 3, .names = {"jump", "left", "shoot"}}, {}, {}, 1};
}

std::vector<float> floats(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), tensor.const_data_ptr<float>() + tensor.numel()};
}

TEST(PlayActions, ReachTheModelAsItWasTrained) {
  EXPECT_EQ(floats(choices({}, 3).encode({2})), (std::vector<float>{0, 0, 1}));
  EXPECT_EQ(floats(buttons().encode({1, 0, 1})), (std::vector<float>{1, 0, 1}));
  // (x - centre) / scale, for each of the two stored frames of a stride.
  EXPECT_EQ(floats(numbers().encode({12, -1})), (std::vector<float>{0.5, -2, 0.5, -2}));
  const PlayActions none({}, {}, {}, 1);
  EXPECT_EQ(none.encode({}).numel(), 0);
  EXPECT_EQ(PlayActions::latent(4).encode({1}).numel(), 4);
}

TEST(PlayActions, AreReadBackFromWhatTheModelWasTold) {
  EXPECT_EQ(choices({}, 3).decode(at::tensor({0.F, 1.F, 0.F})), PlayAction{1});
  EXPECT_EQ(buttons().decode(at::tensor({0.F, 1.F, 1.F})), (PlayAction{0, 1, 1}));
  EXPECT_EQ(numbers().decode(numbers().encode({12, -1})), (PlayAction{12, -1}));
}

TEST(PlayActions, AreIdleWhileNobodyActs) {
  EXPECT_EQ(choices({"left", "stay", "right"}).idle(), PlayAction{1});
  EXPECT_EQ(choices({"left", "right"}).idle(), PlayAction{0});
  EXPECT_EQ(buttons().idle(), (PlayAction{0, 0, 0}));
  EXPECT_EQ(numbers().idle(), (PlayAction{10, 0}));
}

TEST(PlayActions, ThatAreNoneAreRefused) {
  for (const PlayAction& wrong : {PlayAction{3}, {-1}, {0.5}, {}, {0, 0}, {NAN}, {1e30F}}) {
    EXPECT_THROW(choices({}, 3).encode(wrong), UsageError);
  }
  EXPECT_THROW(buttons().encode({0, 2, 0}), UsageError);
  EXPECT_THROW(numbers().encode({1, INFINITY}), UsageError);
}

TEST(PlayActions, AnswerToTheKeysOfTheirNames) {
  EXPECT_EQ(keys_in_name("right-up"), unsigned{kRightKey | kUpKey});
  EXPECT_EQ(keys_in_name("UPRIGHTFIRE"), unsigned{kUpKey | kRightKey | kFireKey});
  EXPECT_EQ(keys_in_name("move left"), unsigned{kLeftKey});
  EXPECT_EQ(keys_in_name("jump"), unsigned{kUpKey});
  EXPECT_EQ(keys_in_name("pickup"), 0U);
  EXPECT_EQ(keys_in_name("7"), 0U);
}

}  // namespace
}  // namespace nextframe
