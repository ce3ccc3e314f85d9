#include "launch/hang/signs_of_life.h"

#include <ATen/Functions.h>

namespace nextframe {
namespace {

/// The root's word on every rank: whether it goes on.
bool share_going_on(Communicator& control, bool goes_on) {
  const auto word = at::full({1}, static_cast<int64_t>(goes_on), at::kLong);
  control.broadcast(word, 0).wait();
  return *word.const_data_ptr<int64_t>() != 0;
}

}  // namespace

void SignsOfLife::give() {
  constexpr auto kPeriod = std::chrono::seconds(1);
  const auto now = std::chrono::steady_clock::now();
  if (now - given_ < kPeriod) return;
  given_ = now;
  share_going_on(control_, true);
  watchdog_.show_life();
}

void SignsOfLife::end() { share_going_on(control_, false); }

void SignsOfLife::await_end() {
  while (share_going_on(control_, false)) watchdog_.show_life();
}

}  // namespace nextframe
