#include "launch/affinity.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

namespace nextframe {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool set_cpus(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0;
}

/// All that the kernel lets this process have, whatever it is bound to now.
std::vector<int> allowed_cpus() {
  const auto before = current_cpus();
  std::vector<int> every;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) every.push_back(cpu);
  if (!set_cpus(every)) return before;
  const auto allowed = current_cpus();
  set_cpus(before);
  return allowed;
}

/// The first CPU of the core that `cpu` belongs to.
int core_of(int cpu) {
  const auto siblings = parse_cpu_list(first_line(
      "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list"));
  return siblings.empty() ? cpu : siblings.front();
}

}  // namespace

std::vector<int> current_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::string to_cpu_list(const std::vector<int>& cpus) {
  std::string text;
  for (size_t first = 0; first < cpus.size();) {
    size_t last = first;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(cpus[first]);
    if (last > first) text.append("-").append(std::to_string(cpus[last]));
    first = last + 1;
  }
  return text;
}

std::vector<int> parse_cpu_list(const std::string& text) {
  std::vector<int> cpus;
  std::istringstream list(text);
  std::string range;
  while (std::getline(list, range, ',')) {
    int first = 0, last = 0;
    char dash = 0;
    std::istringstream part(range);
    if (!(part >> first)) return {};
    if (!(part >> dash >> last)) last = first;
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<int> cpu_share(const std::vector<int>& cpus, int64_t index, int64_t count) {
  const auto num_cpus = static_cast<int64_t>(cpus.size());
  if (num_cpus < count) return cpus;
  return {cpus.begin() + index * num_cpus / count, cpus.begin() + (index + 1) * num_cpus / count};
}

std::vector<int> available_cpus(const std::string& gpu_pci) {
  auto cpus = allowed_cpus();
  if (!gpu_pci.empty()) {
    std::string name = gpu_pci;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    const auto near = parse_cpu_list(first_line("/sys/bus/pci/devices/" + name + "/local_cpulist"));
    std::vector<int> both;
    for (const int cpu : cpus) {
      if (std::find(near.begin(), near.end(), cpu) != near.end()) both.push_back(cpu);
    }
    if (!both.empty()) cpus = both;
  }
  std::vector<std::pair<int, int>> core_and_cpu;
  for (const int cpu : cpus) core_and_cpu.emplace_back(core_of(cpu), cpu);
  std::sort(core_and_cpu.begin(), core_and_cpu.end());
  std::transform(core_and_cpu.begin(), core_and_cpu.end(), cpus.begin(),
                 [](const auto& pair) { return pair.second; });
  return cpus;
}

int64_t num_available_cores() {
  std::set<int> cores;
  for (const int cpu : current_cpus()) cores.insert(core_of(cpu));
  return static_cast<int64_t>(cores.size());
}

int64_t widen_affinity(const std::vector<int>& cpus) {
  const auto before = current_cpus();
  if (before.size() < cpus.size()) set_cpus(cpus);
  return static_cast<int64_t>(current_cpus().size());
}

}  // namespace nextframe
