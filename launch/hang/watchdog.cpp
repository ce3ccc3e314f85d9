#include "launch/hang/watchdog.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "launch/hang/section_stack.h"

namespace nextframe {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr auto kBeat = std::chrono::milliseconds(500);
constexpr auto kLastBeatLimit = std::chrono::seconds(2);
constexpr int64_t kInHeartbeat = 4;  // collectives of each communicator

double wall_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

struct Watchdog::State {
  State(WatchedRank watched, HangLimits limits, std::shared_ptr<FlightLog> flight_log,
        std::function<void(const Hang&)> hang, std::shared_ptr<AbortableCommunicators> links)
      : who(std::move(watched)),
        log(std::move(flight_log)),
        on_hang(std::move(hang)),
        abortables(std::move(links)),
        sections(limits, 0) {}

  const WatchedRank who;
  const std::shared_ptr<FlightLog> log;
  const std::function<void(const Hang&)> on_hang;
  const std::shared_ptr<AbortableCommunicators> abortables;
  SectionStack sections;

  std::mutex mutex;
  std::condition_variable wake, ended;
  bool is_ending = false, has_writer_ended = false, has_asker_ended = false, is_folder_new = false;
  bool is_telling = false, is_reported = false;
  AwakeClock clock{wall_s()};
  HangFolder folder;
  CommunicatorFault fault;

  /// Of the newest collectives, or all that are kept.
  RankReport report(bool is_dump) {
    RankReport result;
    {
      const std::lock_guard lock(mutex);
      result = {who.rank,
                who.size,
                who.host,
                folder.start(),
                unix_time_s(),
                sections.step(),
                is_ending ? "the end" : sections.section(),
                sections.section_s(clock.now(wall_s())),
                is_dump,
                {},
                is_dump ? fault : CommunicatorFault()};
    }
    for (const auto& recorder : log->recorders()) {
      result.communicators.push_back(
          {recorder->name(), recorder->entered(),
           recorder->newest(is_dump ? recorder->capacity() : kInHeartbeat), recorder->num_ranks()});
    }
    return result;
  }

  /// Touches memory only, until it is sure.
  static void count(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    while (!state->wake.wait_for(lock, kTick, [&] { return state->is_ending; })) {
      state->clock.tick(wall_s());
      const auto expiry = state->sections.expired(state->clock.now(wall_s()));
      if (!expiry) continue;
      lock.unlock();
      return tell(state, *expiry);
    }
  }

  /// Once; whoever comes later waits until all has been told.
  static void tell(const std::shared_ptr<State>& state, const SectionTimeout& expiry) {
    std::unique_lock lock(state->mutex);
    if (state->is_telling) return state->ended.wait(lock, [&] { return state->is_reported; });
    state->is_telling = true;
    const Hang hang{expiry,        state->who,
                    state->folder, [state] { return state->report(true); },
                    state->fault,  state->abortables};
    lock.unlock();
    state->on_hang(hang);
    lock.lock();
    state->is_reported = true;
    state->ended.notify_all();
  }

  static void tell_fault(const std::shared_ptr<State>& state, const CommunicatorFault& fault) {
    SectionTimeout here;
    {
      const std::lock_guard lock(state->mutex);
      if (state->fault.communicator.empty()) state->fault = fault;
      here.section = state->sections.section();
      here.step = state->sections.step();
    }
    tell(state, here);
  }

  /// The device may hold it up for as long as it likes. An error that was thrown is on its way up
  /// in the thread that trains, which comes to tell it.
  static void ask(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    while (!state->wake.wait_for(lock, kTick, [&] { return state->is_ending; })) {
      lock.unlock();
      const auto fault = state->abortables->fault();
      const bool is_news = !fault.communicator.empty() && !fault.was_thrown;
      if (is_news) tell_fault(state, fault);
      lock.lock();
      if (is_news) break;
    }
    state->has_asker_ended = true;
    state->ended.notify_all();
  }

  /// The disk may hold it up for as long as it likes.
  static void write(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    bool has_answered = false, is_last = false;
    do {
      is_last = state->is_ending;
      const HangFolder folder = state->folder;
      state->is_folder_new = false;
      lock.unlock();
      folder.write_heartbeat(state->report(false));
      if (!has_answered && folder.wants_dumps()) {
        if (state->abortables != nullptr)
          std::this_thread::sleep_for(2 * kTick);  // for the asker's news
        has_answered = folder.has_dump(state->who.rank) || folder.write_dump(state->report(true));
      }
      lock.lock();
      state->wake.wait_for(lock, kBeat, [&] { return state->is_ending || state->is_folder_new; });
    } while (!is_last);
    state->has_writer_ended = true;
    state->ended.notify_all();
  }
};

Watchdog::Watchdog(WatchedRank who, HangLimits limits, std::shared_ptr<FlightLog> log,
                   std::function<void(const Hang&)> on_hang,
                   std::shared_ptr<AbortableCommunicators> abortables)
    : state_(new State(std::move(who), limits, std::move(log), std::move(on_hang),
                       std::move(abortables))),
      timer_([state = state_] { State::count(state); }),
      heartbeat_writer_([state = state_] { State::write(state); }) {
  if (state_->abortables != nullptr)
    fault_poller_ = std::thread([state = state_] { State::ask(state); });
}

Watchdog::~Watchdog() {
  std::unique_lock lock(state_->mutex);
  state_->is_ending = true;
  state_->wake.notify_all();
  // Somebody's last words may be under way, which end the process.
  state_->ended.wait(lock, [&] { return !state_->is_telling || state_->is_reported; });
  const bool is_written =
      state_->ended.wait_for(lock, kLastBeatLimit, [&] { return state_->has_writer_ended; });
  const bool is_asked =
      !fault_poller_.joinable() ||
      state_->ended.wait_for(lock, kLastBeatLimit, [&] { return state_->has_asker_ended; });
  lock.unlock();
  timer_.join();
  is_written ? heartbeat_writer_.join() : heartbeat_writer_.detach();
  if (fault_poller_.joinable()) is_asked ? fault_poller_.join() : fault_poller_.detach();
}

void Watchdog::set_folder(const HangFolder& folder) {
  const std::lock_guard lock(state_->mutex);
  state_->folder = folder;
  state_->is_folder_new = true;  // a rank that stops in its first half second was there, too
  state_->wake.notify_all();
}

template <class Change>
Watchdog::Section Watchdog::enter(const Change& change) {
  const std::lock_guard lock(state_->mutex);
  change(state_->sections, state_->clock.now(wall_s()));
  return Section(*this);
}

Watchdog::Section Watchdog::step(int64_t number) {
  state_->log->set_step(number);
  return enter([&](SectionStack& stack, double now_s) { stack.enter_step(number, now_s); });
}

Watchdog::Section Watchdog::pause(const char* name) {
  return enter([&](SectionStack& stack, double now_s) { stack.enter_pause(name, now_s); });
}

Watchdog::Section Watchdog::part(const char* name) {
  return enter([&](SectionStack& stack, double now_s) { stack.enter_part(name, now_s); });
}

Watchdog::Section Watchdog::sync_point() {
  return enter([&](SectionStack& stack, double now_s) { stack.enter_sync_point(now_s); });
}

void Watchdog::show_life() {
  const std::lock_guard lock(state_->mutex);
  state_->sections.show_life(state_->clock.now(wall_s()));
}

void Watchdog::leave() {
  const std::lock_guard lock(state_->mutex);
  state_->sections.leave(state_->clock.now(wall_s()));
}

void Watchdog::report_communicator_fault() {
  const auto fault = state_->abortables ? state_->abortables->fault() : CommunicatorFault();
  {
    const std::lock_guard lock(state_->mutex);
    if (fault.communicator.empty() && !state_->is_telling) return;
  }
  State::tell_fault(state_, fault);
}

double Watchdog::take_suspended_s() {
  const std::lock_guard lock(state_->mutex);
  return state_->clock.take_suspended();
}

}  // namespace nextframe
