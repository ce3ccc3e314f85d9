#include <gtest/gtest.h>

#include "trainer/play/key_bindings.h"

namespace nextframe {
namespace {

using Kind = ActionSpace::Kind;

ActionSpace choice_space(std::vector<std::string> names) {
  const auto width = static_cast<int64_t>(names.size());
  return {.kind = Kind::discrete, .width = width, .names = std::move(names)};
}

PlayActions two_axes() {
  return {{.kind = Kind::continuous, .width = 2, .names = {}},
          {.centre = {10, 0}, .scale = {4, 0.5}},
          {{.low = 0, .high = 20}, {.low = -1, .high = 1}},
          1};
}

PlayActions three_buttons() {
  return {{.kind = Kind::multi_binary, .width = 3, .names = {"jump", "left", "shoot"}}, {}, {}, 1};
}

TEST(KeyBindings, AddUpWhatIsHeldAndForgetWhatIsNot) {
  const PlayActions actions(choice_space({"left", "left-up", "stay", "up", "right", "right-up"}),
                            {}, {}, 1);
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
  const PlayActions actions({.kind = Kind::discrete, .width = 3, .names = {}}, {}, {}, 1);
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
  const auto two = two_axes();
  KeyBindings axes(two);
  axes.press("left", 1);
  axes.press("up", 1);
  EXPECT_EQ(axes.action(1.1), (PlayAction{0, 1}));
  EXPECT_EQ(axes.action(3), (PlayAction{10, 0}));
  axes.press("1", 4);  // the second axis is the first now
  axes.press("right", 4);
  EXPECT_EQ(axes.action(4.1), (PlayAction{10, 1}));
  const auto three = three_buttons();
  KeyBindings pressed(three);
  pressed.press("2", 1);
  pressed.press("up", 5);
  EXPECT_EQ(pressed.action(5.1), (PlayAction{1, 0, 1}));
  pressed.press("2", 6);
  EXPECT_EQ(pressed.action(7), (PlayAction{0, 0, 0}));
}

}  // namespace
}  // namespace nextframe
