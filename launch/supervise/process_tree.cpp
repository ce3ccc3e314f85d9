#include "launch/supervise/process_tree.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace nextframe {
namespace fs = std::filesystem;
namespace {

std::optional<pid_t> process_number(const std::string& name) {
  pid_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

std::vector<ProcessInfo> all_processes() {
  std::vector<ProcessInfo> processes;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto number = process_number(entry.path().filename().string());
    const auto info = number ? process_info(*number) : std::nullopt;
    if (info) processes.push_back(*info);
  }
  return processes;
}

}  // namespace

std::optional<ProcessInfo> process_info(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // "7 (name) S 1 ...": the name may hold anything, brackets and spaces too.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  ProcessInfo info{process};
  std::istringstream rest(line.substr(name_end + 1));
  if (!(rest >> info.state >> info.parent)) return std::nullopt;
  return info;
}

std::vector<ProcessInfo> descendants(pid_t root) {
  const auto processes = all_processes();
  std::vector<ProcessInfo> found;
  std::vector<pid_t> parents = {root};
  for (size_t i = 0; i < parents.size(); ++i) {
    for (const auto& info : processes) {
      if (info.parent != parents[i]) continue;
      found.push_back(info);
      parents.push_back(info.process);
    }
  }
  return found;
}

std::set<pid_t> descendant_ids(pid_t root) {
  std::set<pid_t> ids;
  for (const auto& info : descendants(root)) ids.insert(info.process);
  return ids;
}

bool runs_this_program(pid_t process) {
  std::error_code ignored;
  const auto theirs = fs::read_symlink("/proc/" + std::to_string(process) + "/exe", ignored);
  return !theirs.empty() && theirs == fs::read_symlink("/proc/self/exe", ignored);
}

void adopt_orphans() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::signal(SIGCHLD, SIG_DFL);  // where it is ignored, nobody learns how a child has ended
}

std::vector<pid_t> kill_descendants(const std::set<pid_t>& spared,
                                    std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    std::vector<pid_t> left;
    // Parents first: once they are gone the others are our children, and as nobody else can reap
    // those, none of these numbers can come to mean another process.
    for (const auto& info : descendants(getpid())) {
      if (spared.contains(info.process)) continue;
      left.push_back(info.process);
      if (info.state != 'Z') kill(info.process, SIGKILL);
      waitpid(info.process, nullptr, WNOHANG);
    }
    if (left.empty() || std::chrono::steady_clock::now() >= deadline) return left;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace nextframe
