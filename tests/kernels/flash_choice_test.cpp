#include "kernels/flash_choice.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

namespace nextframe {
namespace {

TEST(FlashChoice, IsByName) {
  EXPECT_EQ(flash_choice(), FlashChoice::mma) << "what every GPU can run, unless asked";
  choose_flash_kernels("hopper");
  EXPECT_EQ(flash_choice(), FlashChoice::hopper);
  choose_flash_kernels("cudnn");
  EXPECT_EQ(flash_choice(), FlashChoice::cudnn);
  EXPECT_THROW(choose_flash_kernels("fastest"), c10::Error);
  choose_flash_kernels("mma");
  EXPECT_EQ(flash_choice(), FlashChoice::mma);
}

}  // namespace
}  // namespace nextframe
