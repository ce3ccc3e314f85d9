// The NCCL communicator in tests, over a library with NCCL's names that moves host memory between
// threads. It does not test what NCCL and GPUs do themselves.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "launch/error.h"
#include "launch/nccl/nccl_communicator.h"
#include "tests/launch/fake_nccl/host_queue.h"
#include "tests/launch/fake_nccl/loaded.h"
#include "tests/trainer/thread_world.h"

namespace nextframe {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

inline std::unique_ptr<Communicator> make_over_fake(Communicator& host,
                                                    const NcclLimits& limits = {},
                                                    AbortableCommunicators* links = nullptr) {
  return make_nccl_communicator(host, std::make_unique<HostQueue>(), limits,
                                std::make_shared<FlightRecorder>("gradients"), links);
}

/// The text of the EnvironmentError that `work` ends in.
inline std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "no error";
}

class NcclCommunicator : public testing::Test {
 protected:
  NcclCommunicator() {
    fake_ = &loaded_fake_nccl();
    fake_->version = fake_->polls_in_progress = 0;
    fake_->failing_rank = -1;
    fake_->abort_takes_s = 0;
    fake_->calls.clear();
  }

  ~NcclCommunicator() override { fake_->version = 0; }  // or the next would not load it

  /// The collective number `number` of rank `rank` meets ncclRemoteError.
  void fail(int rank, int number) {
    fake_->failing_rank = rank;
    fake_->failing_collective = number;
    fake_->failure = 6;
  }

  int64_t count(const std::string& call) {
    const std::lock_guard lock(fake_->mutex);
    return std::count(fake_->calls.begin(), fake_->calls.end(), call);
  }

  FakeNccl* fake_ = nullptr;
};

}  // namespace nextframe
