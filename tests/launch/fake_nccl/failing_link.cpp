// A job whose NCCL goes wrong on its last rank, to see what the watchdog makes of it. Each rank has
// a fake NCCL and a world of one in it; what they say to each other goes over MPI.
//   failing_link RUN device   an error that nobody but the watchdog sees: the host waits for a GPU
//   failing_link RUN host     an error that the waiting host throws
//   failing_link RUN peers    as `device`, of a peer that has gone; the other rank meets one, too
//   failing_link RUN hang     no error: a collective never ends
//   failing_link RUN stuck    as `device`, and the abort does not come back
//   failing_link RUN start    the other ranks never come to NCCL's start, nor does its abort
#include <ATen/Functions.h>

#include <chrono>
#include <future>
#include <iostream>
#include <string>
#include <thread>

#include "launch/error.h"
#include "launch/hang/hang_exit.h"
#include "launch/hang/watchdog.h"
#include "launch/nccl/nccl_communicator.h"
#include "launch/rank_agreement.h"
#include "launch/world.h"
#include "tests/launch/fake_nccl/host_queue.h"
#include "tests/launch/fake_nccl/loaded.h"

namespace nextframe {
namespace {

constexpr int kStep = 8, kBuckets = 3;
constexpr double kLimit_s = 2;

/// As on a GPU the host goes on while collectives run, and waits for the device, not for NCCL.
class DeviceLikeQueue final : public HostQueue {
 public:
  std::shared_ptr<StreamEvent> record() override {
    return std::make_shared<Held>(HostQueue::record());
  }
  void synchronize() {
    const auto reached = std::make_shared<std::promise<void>>();
    enqueue([reached] { reached->set_value(); });
    reached->get_future().wait();
  }

 private:
  struct Held final : StreamEvent {
    explicit Held(std::shared_ptr<StreamEvent> inner) : point(std::move(inner)) {}
    bool is_done() const override { return point->is_done(); }
    bool make_caller_wait() const override { return true; }
    std::shared_ptr<StreamEvent> point;
  };
};

void prepare(const std::string& fault, bool is_last) {
  auto& fake = loaded_fake_nccl();
  if (fault == "stuck" || fault == "start") fake.abort_takes_s = 60;
  if (!is_last && fault != "peers") return;
  fake.failing_rank = 0;
  fake.failing_collective = kStep * kBuckets - 2;  // bucket 1 of that step
  fake.failure = fault == "hang" ? 0 : fault == "peers" ? 6 : 1;
}

void step(Communicator& all, DeviceLikeQueue* device, Communicator& control, Watchdog& watchdog) {
  const auto value = at::ones({1024});
  if (device != nullptr) {  // it is still computing when the host has called all collectives
    device->run([] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); });
  }
  std::vector<Ticket> tickets;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    const CollectivePurpose purpose("bucket " + std::to_string(bucket));
    tickets.push_back(all.all_reduce(value));
  }
  {
    const auto wait = watchdog.part("wait");
    for (const auto& ticket : tickets) ticket.wait();
    if (device != nullptr) device->synchronize();
  }
  control.barrier().wait();
}

int run(const std::string& folder, const std::string& fault) {
  const MpiSession session;
  const World world(session, {"cpu", 1});
  Watchdog watchdog({world.rank(), world.size(), world.host()}, {kLimit_s, 30}, world.flight_log(),
                    report_hang_and_exit, world.abortables());
  const auto control = world.make_host_communicator("control");
  watchdog.set_folder({folder + "/log", broadcast_string(*control, new_start_name())});
  prepare(fault, world.rank() == world.size() - 1);
  const auto alone = make_solo_communicator();
  std::unique_ptr<HostQueue> queue = std::make_unique<HostQueue>();
  if (fault != "host") queue = std::make_unique<DeviceLikeQueue>();
  auto* device = dynamic_cast<DeviceLikeQueue*>(queue.get());
  const auto all =
      make_nccl_communicator(fault == "start" ? *control : *alone, std::move(queue), {1, 1},
                             world.flight_log()->open("gradients"), world.abortables().get());
  try {
    for (int number = 1; number <= 12; ++number) {
      const auto section = watchdog.step(number);
      step(*all, device, *control, watchdog);
    }
  } catch (...) {
    watchdog.report_communicator_fault();
    throw;
  }
  return 0;
}

}  // namespace
}  // namespace nextframe

int main(int argc, char** argv) {
  int exit_code = 1;
  try {
    if (argc == 3) exit_code = nextframe::run(argv[1], argv[2]);
  } catch (const nextframe::EnvironmentError& error) {
    std::cerr << nextframe::process_name() << ": " << error.what() << std::endl;
    exit_code = 5;
  }
  return nextframe::end_job(exit_code);
}
