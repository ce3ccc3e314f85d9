#include "launch/supervise/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>

#include "launch/environment.h"
#include "launch/error.h"
#include "launch/supervise/process_tree.h"

namespace nextframe {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLook = std::chrono::milliseconds(20);
constexpr auto kChildKillLimit = std::chrono::seconds(10);

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (auto& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

/// This process's variables and those of the child that are not among them.
std::vector<std::string> environment_of(const ChildProcess& child) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  for (const auto& [name, value] : child.variables) {
    if (std::getenv(name.c_str()) == nullptr) all.push_back(name + "=" + value);
  }
  return all;
}

/// Between fork and exec: system calls only.
[[noreturn]] void become(char* const* words, char* const* variables, pid_t parent, int log) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  execvpe(words[0], words, variables);
  _exit(127);
}

int open_log(const std::string& path) {
  const int log = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (log < 0)
    throw EnvironmentError(host_name() + ": cannot write " + path + ": " + std::strerror(errno));
  return log;
}

}  // namespace

ChildResult run_child(const ChildProcess& child, const std::function<bool()>& stop) {
  auto words = child.words, variables = environment_of(child);
  const auto arguments = pointers(words), settings = pointers(variables);
  const auto spared = descendant_ids(getpid());
  adopt_orphans();
  const int log = open_log(child.log);
  const pid_t parent = getpid(), process = fork();
  if (process == 0) become(arguments.data(), settings.data(), parent, log);
  close(log);
  if (process < 0)
    throw EnvironmentError(host_name() + ": no new process: " + std::strerror(errno));

  ChildResult result;
  const auto start = Clock::now();
  int status = 0;
  while (waitpid(process, &status, WNOHANG) != process) {
    result.is_interrupted = stop();
    result.timed_out = std::chrono::duration<double>(Clock::now() - start).count() > child.limit_s;
    if (result.is_interrupted || result.timed_out) {
      status = SIGKILL;
      break;
    }
    std::this_thread::sleep_for(kLook);
  }
  kill_descendants(spared, kChildKillLimit);
  result.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (result.code == 127) {
    throw EnvironmentError(host_name() + ": " + child.words.front() +
                           " cannot be started: not found, or not a program");
  }
  return result;
}

}  // namespace nextframe
