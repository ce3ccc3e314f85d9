// Rendezvous: names the ranks that do not come to the start of a job. MPI would wait for them
// forever and could not say for whom.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "launch/environment.h"

namespace nextframe {

/// The message: "2 of 4 ranks have not come within 300 s: rank 1, rank 3; here are rank 0 on
/// a, rank 2 on b", or that all have come and MPI still does not start. `here`: host by rank.
std::string describe_missing_ranks(const std::map<int64_t, std::string>& here, int64_t size,
                                   double limit_s);

/// Each rank leaves a hidden file beside the run's folder, or in the nearest existing folder
/// above. Where that fails, nothing is watched.
class RendezvousWatch {
 public:
  /// If this object still lives after `limit`, calls `on_missing` once, in its own thread: on
  /// the lowest rank that has come with the message, on the others a little later with "".
  RendezvousWatch(const std::filesystem::path& run, const LauncherEnvironment& environment,
                  std::chrono::milliseconds limit,
                  std::function<void(const std::string&)> on_missing);
  /// Destroy it once all ranks have come: removes this rank's file, and on rank 0 also those that
  /// killed starts of this run left.
  ~RendezvousWatch();
  RendezvousWatch(const RendezvousWatch&) = delete;
  RendezvousWatch& operator=(const RendezvousWatch&) = delete;

 private:
  bool waits_for(std::chrono::milliseconds time);
  void watch(std::chrono::milliseconds limit);
  std::map<int64_t, std::string> here() const;
  void remove_files() const;
  std::filesystem::path own_file() const;

  const int64_t rank_, size_;
  std::filesystem::path folder_;
  std::string run_prefix_, start_prefix_;  // of the files' names
  const std::function<void(const std::string&)> on_missing_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;
  std::thread watcher_;
};

}  // namespace nextframe
