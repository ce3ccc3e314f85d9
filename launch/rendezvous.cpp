#include "launch/rendezvous.h"

#include <algorithm>
#include <fstream>
#include <utility>
#include <vector>

namespace nextframe {
namespace fs = std::filesystem;
namespace {

constexpr auto kLaterRanksWait = std::chrono::seconds(3);

std::string list(const std::vector<std::string>& names) {
  constexpr size_t kMost = 8;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > kMost) text += " and " + std::to_string(names.size() - kMost) + " more";
  return text;
}

fs::path nearest_folder(fs::path path) {
  std::error_code ignored;
  while (path.has_relative_path() && !fs::is_directory(path, ignored)) path = path.parent_path();
  return path;
}

}  // namespace

std::string describe_missing_ranks(const std::map<int64_t, std::string>& here, int64_t size,
                                   double limit_s) {
  std::vector<std::string> missing, present;
  for (int64_t rank = 0; rank < size; ++rank) {
    const auto name = "rank " + std::to_string(rank);
    if (const auto found = here.find(rank); found != here.end()) {
      present.push_back(name + " on " + found->second);
    } else {
      missing.push_back(name);
    }
  }
  const auto within = " within " + std::to_string(static_cast<int64_t>(limit_s)) + " s";
  if (missing.empty()) {
    return "all " + std::to_string(size) + " ranks have come, and MPI has not started" + within +
           ": look at the network between " + list(present);
  }
  return std::to_string(missing.size()) + " of " + std::to_string(size) + " ranks have not come" +
         within + ": " + list(missing) + "; here are " + list(present);
}

RendezvousWatch::RendezvousWatch(const fs::path& run, const LauncherEnvironment& environment,
                                 std::chrono::milliseconds limit,
                                 std::function<void(const std::string&)> on_missing)
    : rank_(environment.rank), size_(environment.size), on_missing_(std::move(on_missing)) {
  const auto path = fs::absolute(run).lexically_normal();
  folder_ = nearest_folder(path.parent_path());
  run_prefix_ = std::string(".").append(path.filename().string()).append(".start.");
  start_prefix_ = run_prefix_ + environment.job + ".";
  std::ofstream file(own_file());
  file << host_name() << std::flush;
  if (!file || size_ < 2 || environment.job.empty()) return;
  watcher_ = std::thread([this, limit] { watch(limit); });
}

RendezvousWatch::~RendezvousWatch() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  std::error_code ignored;
  fs::remove(own_file(), ignored);  // which rank 0 does not see if it has another folder
  if (rank_ == 0) remove_files();
}

fs::path RendezvousWatch::own_file() const {
  return folder_ / (start_prefix_ + std::to_string(rank_));
}

bool RendezvousWatch::waits_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return is_over_; });
}

void RendezvousWatch::watch(std::chrono::milliseconds limit) {
  if (!waits_for(limit)) return;
  const auto found = here();
  const bool is_first = found.empty() || found.begin()->first == rank_;
  if (!is_first && !waits_for(kLaterRanksWait)) return;
  if (is_first) remove_files();
  const auto limit_s = std::chrono::duration<double>(limit).count();
  on_missing_(is_first ? describe_missing_ranks(found, size_, limit_s) : "");
}

std::map<int64_t, std::string> RendezvousWatch::here() const {
  std::map<int64_t, std::string> found;
  for (int64_t rank = 0; rank < size_; ++rank) {
    std::ifstream file(folder_ / (start_prefix_ + std::to_string(rank)));
    std::string host;
    if (std::getline(file, host)) found[rank] = host;
  }
  return found;
}

void RendezvousWatch::remove_files() const {
  std::error_code ignored;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    if (entry.path().filename().string().starts_with(run_prefix_)) files.push_back(entry.path());
  }
  for (const auto& file : files) fs::remove(file, ignored);
}

}  // namespace nextframe
