// A job whose last rank goes wrong in step 8, to see who is named and when.
//   hanging_rank RUN skip    it leaves out a bucket
//   hanging_rank RUN size    it puts in more than the others
//   hanging_rank RUN order   it calls two buckets the other way round
//   hanging_rank RUN data    it does not come back from reading data
// With a third word, ranks compare what they have called once a step, as the trainer does.
#include <ATen/Functions.h>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include "launch/error.h"
#include "launch/hang/collective_check.h"
#include "launch/hang/hang_exit.h"
#include "launch/hang/watchdog.h"
#include "launch/rank_agreement.h"
#include "launch/world.h"

namespace nextframe {
namespace {

constexpr double kLimit_s = 2;

Ticket exchange(Communicator& all, int64_t bucket, int64_t elements) {
  const CollectivePurpose purpose("bucket " + std::to_string(bucket));
  const std::vector<int64_t> counts(static_cast<size_t>(all.size()), elements);
  const auto in = at::ones({all.size() * elements}), out = at::empty_like(in);
  return all.all_to_all(in, counts, out, counts);
}

/// As the trainer does it once a step.
void check(Communicator& control, const std::vector<std::shared_ptr<FlightRecorder>>& recorders) {
  const auto digest = join_digests(recorders);
  const auto mine = at::empty({2}, at::kLong), all = at::empty({control.size(), 2}, at::kLong);
  mine[0] = static_cast<int64_t>(digest.order);
  mine[1] = static_cast<int64_t>(digest.balance);
  control.all_gather(mine, all).wait();
  std::vector<CallsDigest> digests;
  for (int64_t rank = 0; rank < control.size(); ++rank) {
    digests.push_back({static_cast<uint64_t>(all[rank][0].item<int64_t>()),
                       static_cast<uint64_t>(all[rank][1].item<int64_t>())});
  }
  if (!do_calls_agree(digests)) throw_desync(control, recorders);
}

void step(Communicator& all, Communicator& control, const World& world, Watchdog& watchdog,
          const std::string& fault, bool is_checked) {
  if (fault == "data")
    watchdog.run_section("data", [] { std::this_thread::sleep_for(std::chrono::hours(1)); });
  std::vector<int64_t> buckets = {0, 1, 2};
  if (fault == "skip") buckets = {0, 2};
  if (fault == "order") buckets = {0, 2, 1};
  std::vector<Ticket> tickets;
  for (const int64_t bucket : buckets)
    tickets.push_back(exchange(all, bucket, fault == "size" && bucket == 1 ? 2048 : 1024));
  if (is_checked) check(control, world.flight_log()->find_all("gradients"));
  const auto wait = watchdog.part("wait");
  for (const auto& ticket : tickets) ticket.wait();
  all.barrier().wait();
}

int run(const std::string& folder, const std::string& fault, bool is_checked) {
  const MpiSession session;
  const World world(session, {"cpu", 1});
  Watchdog watchdog({world.rank(), world.size(), world.host()}, {kLimit_s, 30}, world.flight_log(),
                    report_hang_and_exit);
  const auto control = world.make_host_communicator("control");
  watchdog.set_folder({folder + "/log", broadcast_string(*control, new_start_name())});
  const auto all = world.make_device_communicator("gradients");
  for (int64_t number = 1; number <= 12; ++number) {
    const auto section = watchdog.step(number);
    const bool is_wrong = number == 8 && world.rank() == world.size() - 1;
    step(*all, *control, world, watchdog, is_wrong ? fault : "", is_checked);
  }
  return 0;
}

}  // namespace
}  // namespace nextframe

int main(int argc, char** argv) {
  int exit_code = 1;
  try {
    if (argc >= 3) exit_code = nextframe::run(argv[1], argv[2], argc == 4);
  } catch (const nextframe::EnvironmentError& error) {
    std::cerr << nextframe::process_name() << ": " << error.what() << std::endl;
    exit_code = 5;
  }
  return nextframe::end_job(exit_code);
}
