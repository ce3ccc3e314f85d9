#include "trainer/records/launch_log.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "launch/text.h"
#include "trainer/json_text.h"

namespace nextframe {
namespace {

/// ["node1:8", "node2:8"]
nlohmann::ordered_json to_json(const std::vector<Host>& hosts) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& host : hosts) list.push_back(to_host_list({host}));
  return list;
}

nlohmann::ordered_json to_json(const std::vector<ExcludedHost>& hosts) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& [name, why, remaining_s] : hosts)
    list.push_back({{"host", name}, {"why", why}, {"for_s", std::round(remaining_s)}});
  return list;
}

}  // namespace

void LaunchLog::append(const LaunchEvent& event) {
  nlohmann::ordered_json line = {{"time", now_utc("%Y-%m-%dT%H:%M:%S")},
                                 {"event", event.event},
                                 {"start", event.start},
                                 {"ranks", event.place.num_ranks},
                                 {"step", event.step}};
  if (event.event == "start" && !event.place.hosts.empty()) {
    line["hosts"] = to_json(event.place.hosts);
    line["left_out"] = to_json(event.place.left_out);
  }
  if (event.event == "end") {
    line["code"] = event.code;
    line["ran_s"] = event.ran_s;
    line["blamed"] = event.blamed;
    line["next"] = event.next;
  }
  kept_.push_back(json_text(line));
  flush();
}

void LaunchLog::flush() {
  if (kept_.empty() || !std::filesystem::exists(run_folder_ / "resolved.yaml")) return;
  if (!file_) file_.emplace(run_folder_ / "launch.jsonl", tell_);
  for (const auto& line : kept_) file_->append(line + "\n");
  kept_.clear();
}

}  // namespace nextframe
