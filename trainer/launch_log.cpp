#include "trainer/launch_log.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>

namespace nextframe {
namespace {

/// "2026-01-31T12:00:00.123Z"
std::string now_utc() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
  const auto now = static_cast<std::time_t>(milliseconds / 1000);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char date[32], text[48];
  std::strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text, sizeof(text), "%s.%03dZ", date, static_cast<int>(milliseconds % 1000));
  return text;
}

}  // namespace

void LaunchLog::append(const LaunchEvent& event) {
  nlohmann::ordered_json line = {{"time", now_utc()},
                                 {"event", event.event},
                                 {"start", event.start},
                                 {"ranks", event.num_ranks},
                                 {"step", event.step}};
  if (event.event == "end") {
    line["code"] = event.code;
    line["ran_s"] = event.ran_s;
    line["next"] = event.next;
  }
  kept_.push_back(line.dump());
  flush();
}

void LaunchLog::flush() {
  if (kept_.empty() || !std::filesystem::exists(run_folder_ / "resolved.yaml")) return;
  std::ofstream file(run_folder_ / "launch.jsonl", std::ios::app);
  for (const auto& line : kept_) file << line << '\n';
  if (file.flush()) kept_.clear();
}

}  // namespace nextframe
