#include "launch/mpi/task_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <numeric>
#include <vector>

namespace nextframe {
namespace {

TEST(TaskQueue, RunsEverythingInOrderBeforeItEnds) {
  std::vector<int> done;
  {
    TaskQueue queue;
    for (int i = 0; i < 100; ++i) queue.push([&done, i] { done.push_back(i); });
  }
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(done, expected);
}

TEST(TaskQueue, AbandonedQueueDoesNotWaitForATaskThatHangs) {
  const auto release = std::make_shared<std::promise<void>>();
  const auto ended = std::make_shared<std::promise<void>>();
  {
    TaskQueue queue;
    queue.push([release] { release->get_future().wait(); });
    queue.push([ended] { ended->set_value(); });
    queue.abandon();
  }  // would never return if it waited
  release->set_value();
  ended->get_future().wait();
}

}  // namespace
}  // namespace nextframe
