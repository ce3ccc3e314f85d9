#include "launch/supervise/host_blame.h"

#include <algorithm>
#include <array>
#include <regex>
#include <sstream>

namespace nextframe {
namespace {

/// A line and the host in it, the last group.
struct Sign {
  std::regex line;
  bool is_of_one_host_only = false;
};

using Signs = std::vector<Sign>;

/// Strongest first. The texts are those of OpenMPI 4.1, ssh, Slurm 22.05 and of this program.
const std::array<Signs, 4>& all_signs() {
  const auto like = [](const char* text) { return std::regex(text, std::regex::optimize); };
  static const std::array<Signs, 4> signs = {
      Signs{{like(R"(^\s*Remote daemon:\s+\[.*\] on node (\S+))")},
            {like(R"(^ssh: connect to host (\S+) port )")},
            {like(R"(^ssh: Could not resolve hostname ([^\s:]+):)")},
            {like(R"(^(?:Connection closed by|Connection reset by|Connection to) (\S+) )")},
            {like(R"(^srun: error: Node failure on ([^\s,]+))")}},
      Signs{{like(R"(^mpirun noticed that process rank \d+ with PID \d+ on node (\S+) exited on)")},
            {like(R"(^srun: error: ([^\s:]+): task \d+: (?:Killed|Segmentation|Aborted|Bus))")}},
      Signs{{like(R"(\brank \d+ on (\S+) (?:fell silent|never entered))")}},
      // Not those that only waited for another.
      Signs{
          {like(R"(^(?:nextframe: )?rank \d+ on ([^\s:]+): (?!no progress|hangs in|\d+ of |all ))"),
           true}}};
  return signs;
}

void add(std::vector<std::string>& found, const std::string& name, const std::vector<Host>& hosts) {
  for (const auto& host : hosts) {
    if (!is_same_host(host.name, name)) continue;
    if (std::find(found.begin(), found.end(), host.name) == found.end()) found.push_back(host.name);
  }
}

std::vector<std::string> find_hosts(const Sign& sign, const std::string& text,
                                    const std::vector<Host>& hosts) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    constexpr size_t kLongest = 2000;  // std::regex recurses
    std::smatch match;
    line.resize(std::min(line.size(), kLongest));
    if (std::regex_search(line, match, sign.line)) add(found, match[1].str(), hosts);
  }
  if (sign.is_of_one_host_only && found.size() > 1) found.clear();
  return found;
}

}  // namespace

std::vector<std::string> hosts_to_blame(const std::string& text, const std::vector<Host>& hosts) {
  for (const auto& signs : all_signs()) {
    std::vector<std::string> found;
    for (const auto& sign : signs) {
      for (const auto& name : find_hosts(sign, text, hosts)) add(found, name, hosts);
    }
    if (!found.empty()) return found;
  }
  return {};
}

}  // namespace nextframe
