#include "launch/hang/hang_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "launch/text.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

std::string file_name(int64_t rank, const char* ending) {
  return format("rank%05lld%s", static_cast<long long>(rank), ending);
}

constexpr const char* kDump = ".json";
constexpr const char* kHeartbeat = ".heartbeat.json";

/// In place and in one call, padded so that a shorter text leaves nothing of a longer one; closing
/// it is what makes a network file system show it to others.
bool overwrite(const fs::path& path, std::string text) {
  constexpr size_t kBlock = 4096;
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return false;
  const size_t size = (text.size() + kBlock) / kBlock * kBlock;
  text.resize(size - 1, ' ');
  text += '\n';
  const bool is_written = ::pwrite(file, text.data(), size, 0) == static_cast<ssize_t>(size) &&
                          ::ftruncate(file, static_cast<off_t>(size)) == 0;
  return ::close(file) == 0 && is_written;
}

bool replace(const fs::path& path, const std::string& text) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const fs::path half = path.string() + ".tmp";
  std::ofstream file(half);
  file << text;
  file.close();
  if (!file) return fs::remove(half, error), false;
  fs::rename(half, path, error);
  return !error;
}

std::string read_all(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The reports in `folder` whose names have this ending.
void read_reports(const fs::path& folder, const std::string& start, bool dumps,
                  std::map<int64_t, RankReport>& by_rank) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto name = entry.path().filename().string();
    const bool is_heartbeat = name.ends_with(kHeartbeat);
    if (!name.starts_with("rank") || !name.ends_with(kDump) || is_heartbeat == dumps) continue;
    try {
      auto report = parse_rank_report(read_all(entry.path()));
      if (report.start == start) by_rank.emplace(report.rank, std::move(report));
    } catch (const std::exception&) {
      // Cut off by a full disk, or read while it was written: as good as none.
    }
  }
}

std::vector<std::string> starts(const fs::path& log) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(log / "hang", error))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

HangFolder::HangFolder(fs::path log, std::string start)
    : log_(std::move(log)), start_(std::move(start)) {}

bool HangFolder::write_heartbeat(const RankReport& report) const {
  return !start_.empty() && overwrite(log_ / file_name(report.rank, kHeartbeat), to_json(report));
}

bool HangFolder::write_dump(const RankReport& report) const {
  return !start_.empty() && replace(path() / file_name(report.rank, kDump), to_json(report));
}

bool HangFolder::has_dump(int64_t rank) const {
  std::error_code error;
  return fs::exists(path() / file_name(rank, kDump), error);
}

bool HangFolder::call_for_dumps() const {
  if (start_.empty()) return false;
  std::error_code error;
  fs::create_directories(path(), error);
  const int file = ::open((path() / "call").c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file >= 0) ::close(file);
  return file >= 0;
}

bool HangFolder::wants_dumps() const {
  std::error_code error;
  return !start_.empty() && fs::exists(path() / "call", error) &&
         !fs::exists(path() / "verdict.txt", error);
}

bool HangFolder::write_verdict(const std::string& line) const {
  return !start_.empty() && replace(path() / "verdict.txt", line + "\n");
}

std::vector<RankReport> HangFolder::reports() const {
  std::map<int64_t, RankReport> by_rank;
  read_reports(path(), start_, true, by_rank);
  read_reports(path(), start_, false, by_rank);
  read_reports(log_, start_, false, by_rank);
  std::vector<RankReport> reports;
  for (auto& [rank, report] : by_rank) reports.push_back(std::move(report));
  return reports;
}

void HangFolder::keep_heartbeats() const {
  for (const auto& report : reports()) {
    if (!report.is_dump) replace(path() / file_name(report.rank, kHeartbeat), to_json(report));
  }
}

std::string HangFolder::newest_hang(const fs::path& log) {
  const auto names = starts(log);
  return names.empty() ? "" : names.back();
}

std::string HangFolder::newest_verdict(const fs::path& log) {
  auto text = read_all(log / "hang" / newest_hang(log) / "verdict.txt");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void HangFolder::prune(const fs::path& log) {
  constexpr size_t kKept = 5;
  const auto names = starts(log);
  std::error_code error;
  for (size_t i = 0; i + kKept < names.size(); ++i) fs::remove_all(log / "hang" / names[i], error);
}

std::string new_start_name() { return now_utc("%Y%m%dT%H%M%S"); }

}  // namespace nextframe
