#include "launch/hang/hang_exit.h"

#include <mpi.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "launch/environment.h"
#include "launch/hang/hang_analysis.h"
#include "launch/standard_streams.h"
#include "launch/text.h"

namespace nextframe {
namespace {

using namespace std::chrono_literals;

constexpr int kHangExitCode = 86;
constexpr auto kTimeOfTheFirst = 6s;  // that the others leave to the rank that came first
constexpr double kAbortLimit_s = 5;   // then the process leaves anyway

void say(const std::string& line) {
  finishes_within(1s, [text = "nextframe: " + line + "\n"] { write_to_standard_error(text); });
}

/// Waits for the dumps of the ranks that are still alive to give one.
void await_dumps(const HangFolder& folder) {
  constexpr auto kPatience = 1500ms, kLook = 50ms;
  const auto end = std::chrono::steady_clock::now() + kPatience;
  const auto is_waited_for = [&] {
    constexpr double kSilent_s = 2;  // a few heartbeats
    for (const auto& report : folder.reports()) {
      if (!report.is_dump && unix_time_s() - report.time_s < kSilent_s) return true;
    }
    return false;
  };
  while (is_waited_for() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(kLook);
}

void explain(const HangFolder& folder, int64_t size) {
  await_dumps(folder);
  const auto verdict = explain_hang(folder.reports(), size);
  say("hang: " + verdict.text);
  folder.keep_heartbeats();
  folder.write_verdict(verdict.text);
}

/// mpirun ends a job soon after one of its ranks ended so; other launchers may not.
[[noreturn]] void leave() {
  if (read_launcher_environment().has_mpi_launcher && !read_launcher_environment().is_mpirun) {
    finishes_within(5s, [] {
      int is_started = 0, is_finished = 0;
      MPI_Initialized(&is_started);
      MPI_Finalized(&is_finished);
      if (is_started != 0 && is_finished == 0) MPI_Abort(MPI_COMM_WORLD, kHangExitCode);
    });
  }
  _exit(kHangExitCode);
}

std::string open_collectives(const RankReport& report) {
  std::string text;
  for (const auto& communicator : report.communicators) {
    for (const auto& record : communicator.collectives) {
      if (record.state != CollectiveState::running && record.state != CollectiveState::queued)
        continue;
      text += (text.empty() ? "in " : " and ") + collective_name(record) + " (" +
              communicator.name + ", " + std::to_string(record.call.bytes) + " bytes)";
      break;
    }
  }
  return text.empty() ? "in no collective" : text;
}

}  // namespace

bool finishes_within(std::chrono::milliseconds limit, std::function<void()> work) {
  const auto done = std::make_shared<std::promise<void>>();
  try {
    std::thread([done, work = std::move(work)] {
      try {
        work();
      } catch (...) {  // as good as done: there is nobody left to tell
      }
      done->set_value();
    }).detach();
  } catch (const std::system_error&) {
    return false;  // no more threads
  }
  return done->get_future().wait_for(limit) == std::future_status::ready;
}

std::string hang_message(const Hang& hang, const RankReport& report) {
  if (!hang.fault.communicator.empty()) {
    // Who has thrown an error has left the section in which it was.
    const auto section = hang.fault.was_thrown ? "" : ", section " + hang.expiry.section;
    return rank_name(report) + ": communicator " + hang.fault.communicator + " failed in step " +
           std::to_string(hang.expiry.step) + section + ", " + hang.fault.text;
  }
  const auto times =
      format("no progress for %.1f s (limit %.1f s) in step %lld, section ", hang.expiry.took_s,
             hang.expiry.limit_s, static_cast<long long>(hang.expiry.step));
  return rank_name(report) + ": " + times + hang.expiry.section + ": " + open_collectives(report) +
         "; the limits are parallel.hang_limit_s and parallel.pause_limit_s";
}

void report_hang_and_exit(const Hang& hang) {
  struct Shared {
    std::atomic<bool> is_first{false}, has_dump{false};
    std::string line;
  };
  const auto shared = std::make_shared<Shared>();
  const bool is_written = finishes_within(2s, [shared, hang] {
    const auto report = hang.report();
    shared->line = hang_message(hang, report);
    shared->has_dump = hang.folder.write_dump(report);
    shared->is_first = hang.folder.call_for_dumps();
  });
  if (is_written && !shared->is_first && shared->has_dump) {
    // Another rank came first; it waits for this dump, says what is to be said and ends the job.
    std::this_thread::sleep_for(kTimeOfTheFirst);
  }
  if (is_written) {
    say(shared->line);
  } else {
    say("rank " + std::to_string(hang.who.rank) + " on " + hang.who.host + ": hangs in step " +
        std::to_string(hang.expiry.step) + ", section " + hang.expiry.section +
        "; its dump could not be written in time");
  }
  if (is_written && shared->is_first) {
    finishes_within(4s, [hang] { explain(hang.folder, hang.who.size); });
  }
  if (hang.abortables != nullptr && !hang.abortables->abort(kAbortLimit_s)) {
    say("rank " + std::to_string(hang.who.rank) + " on " + hang.who.host +
        ": its communicators were not given up within 5 s and are left behind");
  }
  leave();
}

}  // namespace nextframe
