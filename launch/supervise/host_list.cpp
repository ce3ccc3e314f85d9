#include "launch/supervise/host_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <sstream>

namespace nextframe {
namespace {

std::optional<int64_t> to_number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// Cuts at commas outside of brackets.
std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char letter : text) {
    depth += letter == '[' ? 1 : letter == ']' ? -1 : 0;
    if (letter == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += letter;
    }
  }
  return parts;
}

bool is_host_name(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char letter) {
    return std::isalnum(letter) || letter == '-' || letter == '.' || letter == '_';
  });
}

/// A host that is named twice has the slots of both.
void add(std::vector<Host>& hosts, const Host& host) {
  const auto known = std::find_if(hosts.begin(), hosts.end(), [&](const Host& other) {
    return is_same_host(other.name, host.name);
  });
  if (known == hosts.end()) {
    hosts.push_back(host);
  } else {
    known->slots += host.slots;
  }
}

std::string padded(int64_t number, size_t width) {
  const auto digits = std::to_string(number);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

/// "node[01-03,07]-ib" to its names. Empty when it is no such thing.
std::vector<std::string> expand_names(const std::string& part) {
  const auto open = part.find('['), close = part.find(']');
  if (open == std::string::npos) return {part};
  if (close == std::string::npos || close < open) return {};
  const auto prefix = part.substr(0, open);
  std::vector<std::string> names;
  for (const auto& range : split_list(part.substr(open + 1, close - open - 1))) {
    const auto dash = range.find('-');
    const auto first_text = range.substr(0, dash);
    const auto first = to_number(first_text);
    const auto last = dash == std::string::npos ? first : to_number(range.substr(dash + 1));
    if (!first || !last || *last < *first || *last - *first > 100000) return {};
    for (int64_t number = *first; number <= *last; ++number) {
      const auto rest = expand_names(part.substr(close + 1));
      if (rest.empty()) return {};
      for (const auto& end : rest)
        names.push_back(prefix + padded(number, first_text.size()) + end);
    }
  }
  return names;
}

/// "8(x4),4" to {8, 8, 8, 8, 4}.
std::vector<int64_t> expand_counts(const std::string& text) {
  std::vector<int64_t> counts;
  for (const auto& part : split_list(text)) {
    const auto open = part.find("(x");
    const auto count = to_number(part.substr(0, open));
    const auto times = open == std::string::npos
                           ? 1
                           : to_number(part.substr(open + 2, part.size() - open - 3)).value_or(-1);
    if (!count || times < 0 || times > 100000) return {};
    counts.insert(counts.end(), static_cast<size_t>(times), *count);
  }
  return counts;
}

}  // namespace

bool operator==(const Host& a, const Host& b) { return a.name == b.name && a.slots == b.slots; }

std::vector<Host> parse_host_list(const std::string& list) {
  std::vector<Host> hosts;
  for (const auto& part : split_list(list)) {
    const auto colon = part.find(':');
    const auto slots =
        colon == std::string::npos ? 1 : to_number(part.substr(colon + 1)).value_or(0);
    if (!is_host_name(part.substr(0, colon)) || slots < 1) return {};
    add(hosts, {part.substr(0, colon), slots});
  }
  return hosts;
}

std::vector<Host> parse_host_file(const std::string& text) {
  std::vector<Host> hosts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    Host host{"", 0};
    if (!(words >> host.name)) continue;
    for (std::string word; words >> word;) {
      if (word.starts_with("slots=")) host.slots = to_number(word.substr(6)).value_or(0);
    }
    if (!is_host_name(host.name) || host.slots < 1) return {};
    add(hosts, host);
  }
  return hosts;
}

std::vector<Host> parse_slurm_hosts(const std::string& nodes, const std::string& tasks) {
  std::vector<std::string> names;
  for (const auto& part : split_list(nodes)) {
    const auto more = expand_names(part);
    names.insert(names.end(), more.begin(), more.end());
  }
  const auto counts = expand_counts(tasks);
  std::vector<Host> hosts;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names.size() != counts.size() || !is_host_name(names[i]) || counts[i] < 1) return {};
    add(hosts, {names[i], counts[i]});
  }
  return hosts;
}

std::string to_host_list(const std::vector<Host>& hosts) {
  std::string list;
  for (const auto& [name, slots] : hosts)
    list += (list.empty() ? "" : ",") + name + ":" + std::to_string(slots);
  return list;
}

int64_t count_slots(const std::vector<Host>& hosts) {
  int64_t slots = 0;
  for (const auto& host : hosts) slots += host.slots;
  return slots;
}

bool is_same_host(const std::string& a, const std::string& b) {
  return a == b || a.substr(0, a.find('.')) == b.substr(0, b.find('.'));
}

std::vector<Host> job_hosts(const std::string& named, const LauncherEnvironment& environment) {
  if (named.empty()) {
    return environment.is_slurm_job
               ? parse_slurm_hosts(environment.slurm_nodes, environment.slurm_tasks_per_node)
               : std::vector<Host>();
  }
  if (!std::filesystem::is_regular_file(named)) return parse_host_list(named);
  std::ifstream file(named);
  return parse_host_file({std::istreambuf_iterator<char>(file), {}});
}

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

void add_host_named(std::vector<std::string>& found, const std::string& name,
                    const std::vector<Host>& hosts) {
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
    if (std::regex_search(line, match, sign.line)) add_host_named(found, match[1].str(), hosts);
  }
  if (sign.is_of_one_host_only && found.size() > 1) found.clear();
  return found;
}

}  // namespace

std::vector<std::string> hosts_to_blame(const std::string& text, const std::vector<Host>& hosts) {
  for (const auto& signs : all_signs()) {
    std::vector<std::string> found;
    for (const auto& sign : signs) {
      for (const auto& name : find_hosts(sign, text, hosts)) add_host_named(found, name, hosts);
    }
    if (!found.empty()) return found;
  }
  return {};
}

}  // namespace nextframe
