// One NCCL communicator with its stream: its start, its errors and its end.
#pragma once

#include <atomic>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>

#include "launch/hang/abortable_communicators.h"
#include "launch/hang/collective_check.h"
#include "launch/hang/flight_recorder.h"
#include "launch/nccl/device_stream.h"
#include "launch/nccl/nccl_communicator.h"
#include "launch/nccl/nccl_library.h"

namespace nextframe {

/// Errors are EnvironmentErrors with rank, host, GPU and call, followed by the recorder's last
/// lines. After the first error only abort() calls NCCL.
class NcclLink final : public AbortableCommunicator {
 public:
  /// Every rank makes one; `host` carries NCCL's unique id from rank 0 to the others. Errors name
  /// `rank_in_job`; -1: the rank in `host`.
  NcclLink(Communicator& host, std::unique_ptr<DeviceStream> queue, const NcclLimits& limits,
           std::shared_ptr<FlightRecorder> recorder, int64_t rank_in_job = -1);
  ~NcclLink() override { close(); }
  NcclLink(const NcclLink&) = delete;
  NcclLink& operator=(const NcclLink&) = delete;

  const CollectiveCaller& caller() const { return caller_; }
  const NcclLibrary& nccl() const { return nccl_; }
  DeviceStream& queue() { return *queue_; }
  nccl::Comm comm() const { return handle_->comm; }

  /// Records a collective, makes its NCCL calls after the work on the caller's stream, and
  /// returns the event after it.
  std::shared_ptr<StreamEvent> start(const CollectiveCall& what,
                                     const std::function<void()>& calls);
  /// Throws if this NCCL call has failed.
  void check(nccl::Result result, const std::string& call);
  /// Throws if any collective has failed by now.
  void check_all(const std::string& call);
  /// Waits on the host for an event, or for an error.
  void wait_for(const StreamEvent& point, const std::string& call);

  /// If all went well, waits for the peers to close theirs; else aborts. Later calls do nothing.
  void close();

  CommunicatorFault fault() override;
  std::future<void> abort() override;

 private:
  /// Shared with the aborting thread, which may outlive the link.
  struct Handle {
    std::mutex mutex;  // held while NCCL is polled or aborted
    nccl::Comm comm = nullptr;
    bool is_aborted = false;
  };
  struct Answer {
    nccl::Result state = nccl::kSuccess;
    std::string words;  // NCCL's message for an error
    bool is_error() const { return state != nccl::kSuccess && state != nccl::kInProgress; }
  };
  Answer ask();
  Answer with_words(nccl::Result state) const;
  void check(const Answer& answer, const std::string& call);
  void settle(const std::string& call);
  void note_finished();
  CommunicatorFault describe(const Answer& answer, bool was_thrown) const;
  void give_up();
  [[noreturn]] void fail(const std::string& call, const std::string& reason);

  struct Pending {
    int64_t sequence;
    std::shared_ptr<StreamEvent> done;
  };

  int exceptions_at_start_;
  NcclLimits limits_;
  NcclLibrary nccl_;
  std::unique_ptr<DeviceStream> queue_;
  CollectiveCaller caller_;
  std::shared_ptr<FlightRecorder> recorder_;
  const std::shared_ptr<Handle> handle_ = std::make_shared<Handle>();
  std::mutex mutex_;             // guards pending_ and fault_
  std::deque<Pending> pending_;  // not known to be done
  CommunicatorFault fault_;      // the first that was thrown
  std::atomic<bool> is_broken_ = false, is_given_up_ = false;
};

}  // namespace nextframe
