// How a test steers the fake NCCL, and what it can ask of it.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace nextframe {

/// What the fake takes for a CUDA stream.
class HostStream {
 public:
  virtual ~HostStream() = default;
  virtual void enqueue(std::function<void()> work) = 0;
};

/// One a process, as the library is. Set it while no communicator is there.
struct FakeNccl {
  int version = 0;            // that it says it has; 0: what is needed
  int polls_in_progress = 0;  // how often a communicator says "in progress" after each call
  int failing_rank = -1;      // whose collective number `failing_collective` meets `failure`
  int failing_collective = 0;
  int failure = 0;  // ncclResult_t; 0: it hangs without a word
  double abort_takes_s = 0;
  std::string algorithm;  // NCCL_ALGO as it stood when the library was loaded

  std::mutex mutex;
  std::vector<std::string>
      calls;  // "1 ncclCommAbort": rank and function; GetAsyncError is left out
};

}  // namespace nextframe

extern "C" nextframe::FakeNccl* fake_nccl_control();
