#include "trainer/play/play_actions.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "trainer/exit_code.h"
#include "trainer/play/key_bindings.h"

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

TEST(KeyBindings, AddUpWhatIsHeldAndForgetWhatIsNot) {
  const auto actions = choices({"left", "left-up", "stay", "up", "right", "right-up"});
  KeyBindings keys(actions);
  EXPECT_EQ(keys.action(0), PlayAction{2});
  EXPECT_TRUE(keys.press("right", 1));
  EXPECT_TRUE(keys.press("w", 1.1));
  EXPECT_EQ(keys.action(1.2), PlayAction{5});
  EXPECT_EQ(keys.action(1 + kKeyHeld_s + 0.05), PlayAction{3});  // up was pressed later
  EXPECT_EQ(keys.action(3), PlayAction{2});
  keys.press("right", 4);
  keys.press("left", 4.1);  // the other way: at once
  EXPECT_EQ(keys.action(4.2), PlayAction{0});
  keys.press("s", 5);
  keys.press("left", 5);  // there is no left-down
  EXPECT_EQ(keys.action(5.1), PlayAction{0});
  keys.press("3", 6);
  EXPECT_EQ(keys.action(6.1), PlayAction{3});
  EXPECT_FALSE(keys.press("6", 6));
  EXPECT_FALSE(keys.press("x", 6));
}

TEST(KeyBindings, GoThroughChoicesWithoutNames) {
  const auto actions = choices({}, 3);
  KeyBindings keys(actions);
  keys.press("right", 0);
  EXPECT_EQ(keys.action(100), PlayAction{1});
  keys.press("right", 101);
  keys.press("right", 101);
  EXPECT_EQ(keys.action(200), PlayAction{2});
  keys.press("0", 201);
  EXPECT_EQ(keys.action(300), PlayAction{0});
}

TEST(KeyBindings, MoveAxesAndPressButtons) {
  const auto two = numbers();
  KeyBindings axes(two);
  axes.press("left", 1);
  axes.press("up", 1);
  EXPECT_EQ(axes.action(1.1), (PlayAction{0, 1}));
  EXPECT_EQ(axes.action(3), (PlayAction{10, 0}));
  axes.press("1", 4);  // the second axis is the first now
  axes.press("right", 4);
  EXPECT_EQ(axes.action(4.1), (PlayAction{10, 1}));
  const auto three = buttons();
  KeyBindings pressed(three);
  pressed.press("2", 1);
  pressed.press("up", 5);
  EXPECT_EQ(pressed.action(5.1), (PlayAction{1, 0, 1}));
  pressed.press("2", 6);
  EXPECT_EQ(pressed.action(7), (PlayAction{0, 0, 0}));
}

}  // namespace
}  // namespace nextframe
