#include "launch/host_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

namespace nextframe {
namespace {

TEST(HostMemory, BlocksAreAlignedApartAndAsLargeAsAsked) {
  auto& memory = pooled_host_memory();
  std::vector<c10::DataPtr> blocks;
  std::vector<size_t> sizes;
  for (size_t bytes = 1; bytes < (size_t{200} << 20); bytes = bytes * 5 / 3 + 1) {
    blocks.push_back(memory.allocate(bytes));
    sizes.push_back(bytes);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(blocks.back().get()) % 64, 0u) << bytes;
    std::memset(blocks.back().get(), static_cast<int>(blocks.size()), bytes);
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto* bytes = static_cast<const unsigned char*>(blocks[i].get());
    EXPECT_EQ(bytes[0], i + 1);
    EXPECT_EQ(bytes[sizes[i] - 1], i + 1) << "another block was written over " << sizes[i];
  }
}

TEST(HostMemory, AFreedBlockIsUsedAgain) {
  auto& memory = pooled_host_memory();
  for (const size_t bytes : {size_t{100}, size_t{5000}, size_t{3} << 20}) {
    void* first = memory.allocate(bytes).get();  // freed at once
    EXPECT_EQ(memory.allocate(bytes).get(), first) << bytes;
  }
}

TEST(HostMemory, CountsWhatIsInUseAndTheMostThatEverWas) {
  auto& memory = pooled_host_memory();
  constexpr int64_t kSmall = 1 << 20, kLarge = 80 << 20;  // kept when freed, and not
  const int64_t before = host_memory_in_use_bytes();
  take_host_memory_peak_bytes();
  {
    const auto small = memory.allocate(kSmall);
    const auto large = memory.allocate(kLarge);
    EXPECT_GE(host_memory_in_use_bytes() - before, kSmall + kLarge);
    EXPECT_LE(host_memory_in_use_bytes() - before, (kSmall + kLarge) * 9 / 8);
  }
  EXPECT_EQ(host_memory_in_use_bytes(), before);
  EXPECT_GE(take_host_memory_peak_bytes() - before, kSmall + kLarge);
  EXPECT_EQ(take_host_memory_peak_bytes(), before) << "the peak begins anew";
}

TEST(HostMemory, NothingIsNoBlock) { EXPECT_EQ(pooled_host_memory().allocate(0).get(), nullptr); }

TEST(HostMemory, TooMuchIsAnErrorThatNamesTheBytes) {
  EXPECT_THROW(pooled_host_memory().allocate(size_t{1} << 60), c10::Error);
}

TEST(HostMemory, ThreadsDoNotShareABlock) {
  auto& memory = pooled_host_memory();
  const auto work = [&](int number) {
    for (int i = 0; i < 2000; ++i) {
      const auto block = memory.allocate(static_cast<size_t>(64 + i % 700));
      auto* bytes = static_cast<unsigned char*>(block.get());
      std::memset(bytes, number, 64);
      ASSERT_EQ(bytes[63], number);
    }
  };
  std::vector<std::thread> threads;
  for (int number = 1; number <= 4; ++number) threads.emplace_back(work, number);
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace nextframe
