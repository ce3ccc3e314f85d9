// The watchdog of a rank: writes a heartbeat twice a second, and ends a job that hangs or whose
// communication has failed.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "launch/hang/abortable_communicators.h"
#include "launch/hang/flight_recorder.h"
#include "launch/hang/hang_folder.h"
#include "launch/hang/rank_report.h"
#include "launch/hang/section_stack.h"

namespace nextframe {

/// The rank that is watched.
struct WatchedRank {
  int64_t rank = 0;
  int64_t size = 1;
  std::string host;
};

/// What is known when a rank has been in a section for too long, or one of its communicators has
/// failed.
struct Hang {
  SectionTimeout expiry;  // the section and its limit; no limit if a communicator has failed
  WatchedRank who;
  HangFolder folder;
  std::function<RankReport()> report;
  CommunicatorFault fault;
  std::shared_ptr<AbortableCommunicators> abortables;  // NCCL's, to be aborted; may be null
};

/// Has three threads: one only counts time, so that no disk or device can block it; one writes
/// heartbeats; and one polls the asynchronous communicators for errors. Sections are entered
/// and left by the training thread only.
class Watchdog {
 public:
  /// `on_hang` is called once, by any of these threads. The usual one, report_hang_and_exit, does
  /// not return.
  Watchdog(WatchedRank who, HangLimits limits, std::shared_ptr<FlightLog> log,
           std::function<void(const Hang&)> on_hang,
           std::shared_ptr<AbortableCommunicators> abortables = nullptr);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Writes heartbeats and dumps to `folder` from now on.
  void set_folder(const HangFolder& folder);

  /// A section, which is left when this object is destroyed.
  class [[nodiscard]] Section {
   public:
    explicit Section(Watchdog& watchdog) : watchdog_(watchdog) {}
    ~Section() { watchdog_.leave(); }
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;

   private:
    Watchdog& watchdog_;
  };

  /// Enter a section; see SectionStack.
  Section step(int64_t number);
  Section pause(const char* name);
  Section part(const char* name);
  Section sync_point();

  /// Restarts the clock of the present pause. Long work, such as an evaluation, calls it after each
  /// piece.
  void show_life();

  /// Runs `work` as a part and returns its result.
  template <class Work>
  auto run_section(const char* name, const Work& work) {
    const auto section = part(name);
    return work();
  }

  /// The training thread calls this when it has caught an error. If a communicator has failed, or
  /// all are being aborted, `on_hang` reports that, and this waits for it.
  void report_communicator_fault();

  /// Seconds that this process did not run (stopped, or without a core) since the last call.
  double take_suspended_s();

 private:
  struct State;
  template <class Change>
  Section enter(const Change& change);
  void leave();

  std::shared_ptr<State> state_;  // outlives the object if a disk or device blocks a thread
  std::thread timer_, heartbeat_writer_, fault_poller_;
};

}  // namespace nextframe
