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

/// Who is watched.
struct WatchedRank {
  int64_t rank = 0;
  int64_t size = 1;
  std::string host;
};

/// What is known when a rank has been too long in a section, or a communicator of it has failed.
struct Hang {
  SectionTimeout expiry;  // without limits where a communicator has failed
  WatchedRank who;
  HangFolder folder;
  std::function<RankReport()> report;
  CommunicatorFault fault;
  std::shared_ptr<AbortableCommunicators> abortables;  // to be given up; may be null
};

/// Three threads: one that only counts time, so that no disk or device can stop it, one that
/// writes, and one that asks the communicators that work beside the host for their errors.
/// Sections are entered and left by one thread, the one that trains.
class Watchdog {
 public:
  /// `on_hang` is called once, by any of these threads. The usual one does not return.
  Watchdog(WatchedRank who, HangLimits limits, std::shared_ptr<FlightLog> log,
           std::function<void(const Hang&)> on_hang,
           std::shared_ptr<AbortableCommunicators> abortables = nullptr);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// From now on heartbeats and dumps go there.
  void set_folder(const HangFolder& folder);

  /// Left when it is destroyed.
  class [[nodiscard]] Section {
   public:
    explicit Section(Watchdog& watchdog) : watchdog_(watchdog) {}
    ~Section() { watchdog_.leave(); }
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;

   private:
    Watchdog& watchdog_;
  };

  /// See SectionStack.
  Section step(int64_t number);
  Section pause(const char* name);
  Section part(const char* name);
  Section sync_point();

  /// What `work` returns; it runs as a part.
  template <class Work>
  auto run_section(const char* name, const Work& work) {
    const auto section = part(name);
    return work();
  }

  /// For the thread that trains, with an error on its way: where a communicator has failed, or all
  /// are being given up, `on_hang` says what there is to say, and this waits for its end.
  void report_communicator_fault();

  /// How long this process stood still, stopped or without a core, since the last call.
  double take_suspended_s();

 private:
  struct State;
  template <class Change>
  Section enter(const Change& change);
  void leave();

  std::shared_ptr<State> state_;  // outlives the object when a disk or device holds a thread up
  std::thread timer_, heartbeat_writer_, fault_poller_;
};

}  // namespace nextframe
