#include "launch/nccl_link.h"

#include <c10/core/DeviceGuard.h>

#include <chrono>
#include <exception>
#include <future>
#include <thread>

#include "launch/environment.h"
#include "launch/error.h"
#include "launch/roll_call.h"

namespace nextframe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPollInterval = std::chrono::microseconds(50);
constexpr int64_t kRecordsInMessage = 8;

Clock::time_point after(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

std::string name_of(const Communicator& host, c10::Device device) {
  return "rank " + std::to_string(host.rank()) + " on " + host_name() + " GPU " +
         std::to_string(device.index());
}

}  // namespace

NcclLink::NcclLink(Communicator& host, std::unique_ptr<DeviceQueue> queue, const NcclLimits& limits,
                   std::shared_ptr<FlightRecorder> recorder)
    : exceptions_at_start_(std::uncaught_exceptions()),
      limits_(limits),
      nccl_(load_nccl()),
      queue_(std::move(queue)),
      caller_{name_of(host, queue_->device()), host.rank(), host.size(), queue_->device().type()},
      recorder_(recorder ? std::move(recorder) : std::make_shared<FlightRecorder>()) {
  const c10::DeviceGuard guard(queue_->device());
  nccl::UniqueId id = {};
  if (host.rank() == 0) check(nccl_.GetUniqueId(&id), "ncclGetUniqueId");
  const auto text = broadcast_string(host, std::string(id.internal, sizeof(id.internal)));
  text.copy(id.internal, sizeof(id.internal));
  nccl::Config config;
  config.blocking = 0;  // a blocking start could not be left when a peer is missing
  const char* call = "ncclCommInitRankConfig";
  try {
    check(nccl_.CommInitRankConfig(&comm_, static_cast<int>(host.size()), id,
                                   static_cast<int>(host.rank()), &config),
          call);
    settle(call);
  } catch (const EnvironmentError&) {
    abort(limits_.abort_s);
    throw;
  }
}

NcclLink::~NcclLink() {
  if (is_broken_ || std::uncaught_exceptions() > exceptions_at_start_) {
    abort(limits_.abort_s);  // the others may never come
    return;
  }
  nccl_.CommFinalize(comm_);
  const auto limit = after(limits_.start_s);
  nccl::Result state = nccl::kInProgress;
  while ((state = ask()) == nccl::kInProgress && Clock::now() < limit)
    std::this_thread::sleep_for(kPollInterval);
  if (state == nccl::kSuccess) {
    nccl_.CommDestroy(comm_);
  } else {
    abort(limits_.abort_s);
  }
}

std::shared_ptr<QueuePoint> NcclLink::start(const CollectiveCall& what,
                                            const std::function<void()>& calls) {
  const c10::DeviceGuard guard(queue_->device());
  note_finished();
  const auto sequence = recorder_->enter(what);
  const auto call =
      what.name + " #" + std::to_string(sequence) + " of " + std::to_string(what.bytes) + " bytes";
  check_all(call);
  queue_->follow_caller();
  recorder_->mark(sequence, CollectiveState::running);
  try {
    calls();
    settle(call);
  } catch (const EnvironmentError&) {
    recorder_->mark(sequence, CollectiveState::failed);
    throw;
  }
  const auto done = queue_->record();
  const std::lock_guard lock(mutex_);
  pending_.push_back({sequence, done});
  return done;
}

void NcclLink::check(nccl::Result result, const std::string& call) {
  if (result == nccl::kSuccess || result == nccl::kInProgress) return;
  fail(call, reason(result));
}

void NcclLink::check_all(const std::string& call) {
  if (is_broken_) fail(call, "an earlier collective failed, or was aborted");
  check(ask(), call);
}

void NcclLink::wait_for(const QueuePoint& point, const std::string& call) {
  while (!point.is_reached()) {
    check_all(call);
    std::this_thread::sleep_for(kPollInterval);
  }
  check_all(call);
  note_finished();
}

std::string NcclLink::problem() {
  if (is_broken_) return "NCCL failed earlier";
  note_finished();
  const auto state = ask();
  return state == nccl::kSuccess || state == nccl::kInProgress ? "" : reason(state);
}

/// NCCL may wait for ever in an abort, too, so it runs in a thread that can be left behind.
bool NcclLink::abort(double limit_s) {
  is_broken_ = true;
  {
    const std::lock_guard lock(mutex_);
    if (is_aborted_ || comm_ == nullptr) return true;
    is_aborted_ = true;
  }
  const auto ended = std::make_shared<std::promise<void>>();
  auto future = ended->get_future();
  std::thread([ended, abort = nccl_.CommAbort, comm = comm_, device = queue_->device()] {
    const c10::DeviceGuard guard(device);
    abort(comm);
    ended->set_value();
  }).detach();
  return future.wait_until(after(limit_s)) == std::future_status::ready;
}

/// What NCCL knows of its own work; never waits. An aborted communicator is not there any more.
nccl::Result NcclLink::ask() {
  const std::lock_guard lock(mutex_);
  if (is_aborted_ || comm_ == nullptr) return nccl::kSuccess;
  nccl::Result state = nccl::kSuccess;
  const auto asked = nccl_.CommGetAsyncError(comm_, &state);
  return asked == nccl::kSuccess ? state : asked;
}

/// Waits until the last call has been handed to the GPU.
void NcclLink::settle(const std::string& call) {
  const auto limit = after(limits_.start_s);
  nccl::Result state = nccl::kSuccess;
  while ((state = ask()) == nccl::kInProgress) {
    if (is_broken_) fail(call, "aborted");
    if (Clock::now() > limit) fail(call, "no answer from the other ranks");
    std::this_thread::sleep_for(kPollInterval);
  }
  check(state, call);
}

void NcclLink::note_finished() {
  const std::lock_guard lock(mutex_);
  while (!pending_.empty() && pending_.front().done->is_reached()) {
    recorder_->mark(pending_.front().sequence, CollectiveState::done);
    pending_.pop_front();
  }
}

std::string NcclLink::reason(nccl::Result result) const {
  return std::string(nccl_.GetErrorString(result)) + " (" + nccl_.GetLastError(comm_) + ")";
}

void NcclLink::fail(const std::string& call, const std::string& reason) {
  is_broken_ = true;
  throw EnvironmentError(caller_.who + ": " + call + " failed: " + reason +
                         "\nlast collectives of this rank:\n" +
                         recorder_->print(kRecordsInMessage));
}

}  // namespace nextframe
