#include "launch/nccl/nccl_link.h"

#include <c10/core/DeviceGuard.h>

#include <chrono>
#include <exception>
#include <future>
#include <thread>

#include "launch/environment.h"
#include "launch/error.h"
#include "launch/hang/rank_report.h"
#include "launch/rank_agreement.h"

namespace nextframe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPollInterval = std::chrono::microseconds(50);
constexpr int64_t kRecordsInMessage = 8;

Clock::time_point after(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

std::string name_of(int64_t rank, c10::Device device) {
  return "rank " + std::to_string(rank) + " on " + host_name() + " GPU " +
         std::to_string(device.index());
}

}  // namespace

NcclLink::NcclLink(Communicator& host, std::unique_ptr<DeviceStream> queue,
                   const NcclLimits& limits, std::shared_ptr<FlightRecorder> recorder,
                   int64_t rank_in_job)
    : exceptions_at_start_(std::uncaught_exceptions()),
      limits_(limits),
      nccl_(load_nccl()),
      queue_(std::move(queue)),
      caller_{name_of(rank_in_job < 0 ? host.rank() : rank_in_job, queue_->device()), host.rank(),
              host.size(), queue_->device().type()},
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
    check(nccl_.CommInitRankConfig(&handle_->comm, static_cast<int>(host.size()), id,
                                   static_cast<int>(host.rank()), &config),
          call);
    settle(call);
  } catch (const EnvironmentError&) {
    give_up();
    throw;
  }
}

void NcclLink::close() {
  if (handle_->comm == nullptr) return;
  // The others may never come.
  if (is_broken_ || std::uncaught_exceptions() > exceptions_at_start_) return give_up();
  nccl_.CommFinalize(handle_->comm);
  const auto limit = after(limits_.start_s);
  Answer answer{nccl::kInProgress, ""};
  while ((answer = ask()).state == nccl::kInProgress && Clock::now() < limit)
    std::this_thread::sleep_for(kPollInterval);
  if (answer.state != nccl::kSuccess) return give_up();
  const std::lock_guard lock(handle_->mutex);
  if (!handle_->is_aborted) nccl_.CommDestroy(handle_->comm);
  handle_->comm = nullptr;
}

std::shared_ptr<StreamEvent> NcclLink::start(const CollectiveCall& what,
                                             const std::function<void()>& calls) {
  const c10::DeviceGuard guard(queue_->device());
  note_finished();
  const auto sequence = recorder_->enter(what);
  const auto call =
      what.name + " #" + std::to_string(sequence) + " of " + std::to_string(what.bytes) + " bytes";
  check_all(call);
  queue_->wait_for_caller();
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
  if (result != nccl::kSuccess && result != nccl::kInProgress) check(with_words(result), call);
}

void NcclLink::check(const Answer& answer, const std::string& call) {
  if (!answer.is_error()) return;
  note_finished();
  {
    const auto fault = describe(answer, true);
    const std::lock_guard lock(mutex_);
    if (fault_.communicator.empty()) fault_ = fault;
  }
  fail(call, answer.words);
}

void NcclLink::check_all(const std::string& call) {
  if (is_broken_) fail(call, "an earlier collective failed, or was aborted");
  check(ask(), call);
}

void NcclLink::wait_for(const StreamEvent& point, const std::string& call) {
  while (!point.is_done()) {
    check_all(call);
    std::this_thread::sleep_for(kPollInterval);
  }
  check_all(call);
  note_finished();
}

CommunicatorFault NcclLink::fault() {
  {
    const std::lock_guard lock(mutex_);
    if (!fault_.communicator.empty()) return fault_;
  }
  if (is_broken_) return {};  // given up
  try {
    note_finished();
    const auto answer = ask();
    return answer.is_error() ? describe(answer, false) : CommunicatorFault();
  } catch (const std::exception& error) {  // a device that has failed throws at whoever asks it
    return {recorder_->name(), std::string("the device failed: ") + error.what(), false, false};
  }
}

/// NCCL may wait for ever in an abort, too, so it runs in a thread that can be left behind.
std::future<void> NcclLink::abort() {
  is_broken_ = true;
  const auto ended = std::make_shared<std::promise<void>>();
  if (is_given_up_.exchange(true)) {  // once is enough
    ended->set_value();
    return ended->get_future();
  }
  std::thread([ended, handle = handle_, abort = nccl_.CommAbort, device = queue_->device()] {
    try {
      const c10::DeviceGuard guard(device);
      const std::lock_guard lock(handle->mutex);
      handle->is_aborted = true;
      if (handle->comm != nullptr) abort(handle->comm);
    } catch (const std::exception&) {  // a failed device has nothing under way
    }
    ended->set_value();
  }).detach();
  return ended->get_future();
}

void NcclLink::give_up() { abort().wait_until(after(limits_.abort_s)); }

/// What NCCL knows of its own work. An aborted communicator is not there any more.
NcclLink::Answer NcclLink::ask() {
  const std::unique_lock lock(handle_->mutex, std::try_to_lock);
  if (!lock) return {nccl::kInProgress, ""};  // another thread is asking, or aborts
  if (handle_->is_aborted || handle_->comm == nullptr) return {};
  nccl::Result state = nccl::kSuccess;
  const auto asked = nccl_.CommGetAsyncError(handle_->comm, &state);
  return with_words(asked == nccl::kSuccess ? state : asked);
}

NcclLink::Answer NcclLink::with_words(nccl::Result state) const {
  if (state == nccl::kSuccess || state == nccl::kInProgress) return {state, ""};
  return {state, std::string(nccl_.GetErrorString(state)) + " (" +
                     nccl_.GetLastError(handle_->comm) + ")"};
}

/// Waits until the last call has been handed to the GPU.
void NcclLink::settle(const std::string& call) {
  const auto limit = after(limits_.start_s);
  Answer answer;
  while ((answer = ask()).state == nccl::kInProgress) {
    if (is_broken_) break;
    if (Clock::now() > limit) check({nccl::kRemoteError, "no answer from the other ranks"}, call);
    std::this_thread::sleep_for(kPollInterval);
  }
  if (is_broken_) fail(call, "aborted");
  check(answer, call);
}

void NcclLink::note_finished() {
  const std::lock_guard lock(mutex_);
  while (!pending_.empty() && pending_.front().done->is_done()) {
    recorder_->mark(pending_.front().sequence, CollectiveState::done);
    pending_.pop_front();
  }
}

CommunicatorFault NcclLink::describe(const Answer& answer, bool was_thrown) const {
  const auto record = recorder_->oldest_open();
  const auto where = record.sequence < 0 ? std::string("between collectives")
                                         : "in " + collective_name(record) + " of " +
                                               std::to_string(record.call.bytes) + " bytes";
  return {recorder_->name(), where + ": " + answer.words, answer.state == nccl::kRemoteError,
          was_thrown};
}

void NcclLink::fail(const std::string& call, const std::string& reason) {
  is_broken_ = true;
  throw EnvironmentError(caller_.who + ": " + call + " failed: " + reason +
                         "\nlast collectives of this rank:\n" +
                         recorder_->print(kRecordsInMessage));
}

}  // namespace nextframe
