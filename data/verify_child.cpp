#include "data/verify_child.h"

#include <ATen/Parallel.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>

#include "data/h5_guard.h"

namespace nextframe {
namespace {

enum class Answer : int64_t { report, no_memory, error };

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

struct Pipe {
  File reading, writing;

  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    reading.reset(::fdopen(ends[0], "rb"));
    writing.reset(::fdopen(ends[1], "wb"));
    return reading && writing;
  }
};

void put(std::FILE* to, int64_t number) { std::fwrite(&number, sizeof(number), 1, to); }

void put(std::FILE* to, const std::string& text) {
  put(to, static_cast<int64_t>(text.size()));
  std::fwrite(text.data(), 1, text.size(), to);
}

bool get(std::FILE* from, int64_t& number) {
  return std::fread(&number, sizeof(number), 1, from) == 1;
}

bool get(std::FILE* from, std::string& text) {
  int64_t size = 0;
  if (!get(from, size)) return false;
  text.resize(static_cast<size_t>(size));
  return std::fread(text.data(), 1, text.size(), from) == text.size();
}

void put(std::FILE* to, const VerifyReport& report) {
  put(to, static_cast<int64_t>(Answer::report));
  for (const int64_t count :
       {report.frames, report.episodes, report.chunks, report.chunks_unchecked, report.hashes}) {
    put(to, count);
  }
  put(to, static_cast<int64_t>(report.problems.size()));
  for (const auto& problem : report.problems) put(to, problem);
}

bool get(std::FILE* from, VerifyReport& report) {
  for (int64_t* count : {&report.frames, &report.episodes, &report.chunks, &report.chunks_unchecked,
                         &report.hashes}) {
    if (!get(from, *count)) return false;
  }
  int64_t num_problems = 0;
  if (!get(from, num_problems)) return false;
  for (int64_t i = 0; i < num_problems; ++i) {
    if (!get(from, report.problems.emplace_back())) return false;
  }
  return true;
}

/// The child's life.
void answer(size_t first, size_t last, const std::function<VerifyReport(size_t)>& check,
            std::FILE* out) {
  at::set_num_threads(1);  // threads of the parent are not here
  try {
    for (size_t i = first; i < last; ++i) {
      put(out, check(i));
      std::fflush(out);
    }
  } catch (const std::bad_alloc&) {
    put(out, static_cast<int64_t>(Answer::no_memory));
  } catch (const std::exception& error) {
    const std::string what = error.what();
    const bool is_memory = what.find("DefaultCPUAllocator") != std::string::npos;  // LibTorch's
    put(out, static_cast<int64_t>(is_memory ? Answer::no_memory : Answer::error));
    if (!is_memory) put(out, what);
  }
  std::fflush(out);
}

/// Until the child closes its end.
void take_answers(std::FILE* from, const std::function<void(VerifyReport)>& take) {
  for (int64_t kind = 0; get(from, kind);) {
    if (kind == static_cast<int64_t>(Answer::no_memory)) throw std::bad_alloc();
    if (kind == static_cast<int64_t>(Answer::error)) {
      std::string what;
      get(from, what);
      throw std::runtime_error(what);
    }
    VerifyReport report;
    if (!get(from, report)) return;
    take(std::move(report));
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string all_of(std::FILE* from) {
  std::string text;
  for (int byte = 0; (byte = std::fgetc(from)) != EOF;) text += static_cast<char>(byte);
  return text;
}

std::string describe(int status) {
  if (!WIFSIGNALED(status)) {
    const int code = WEXITSTATUS(status);
    return code == 0 ? "" : "reading it ended with exit code " + std::to_string(code);
  }
  const int signal = WTERMSIG(status);
  return std::string("reading it ended in ") + ::strsignal(signal) +
         (signal == SIGKILL ? ": the system may be out of memory" : "");
}

}  // namespace

std::optional<std::string> verify_in_child(size_t first, size_t last,
                                           const std::function<VerifyReport(size_t)>& check,
                                           const std::function<void(VerifyReport)>& take) {
  Pipe answers, crash;
  if (!answers.open() || !crash.open()) return std::nullopt;
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return std::nullopt;
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    tell_h5_crash_to(::fileno(crash.writing.get()));
    answer(first, last, check, answers.writing.get());
    ::_exit(0);
  }
  answers.writing.reset();
  crash.writing.reset();
  try {
    take_answers(answers.reading.get(), take);
  } catch (...) {
    ::kill(child, SIGKILL);
    wait_for(child);
    throw;
  }
  const int status = wait_for(child);
  const auto sentence = all_of(crash.reading.get());
  return sentence.empty() ? describe(status) : sentence;
}

}  // namespace nextframe
