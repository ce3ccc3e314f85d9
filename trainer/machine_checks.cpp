#include "trainer/machine_checks.h"

#include <c10/util/StringUtil.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "data/durable_file.h"
#include "launch/text.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxClockSkew_s = 5;
constexpr double kMinFree_GiB = 2;
constexpr rlim_t kMinOpenFiles = 1024;

/// A file in `folder` that nobody else has, removed at the end.
class ProbeFile {
 public:
  explicit ProbeFile(const fs::path& folder)
      : path_(folder / c10::str(".nextframe-doctor-", getpid())) {}
  ~ProbeFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  ProbeFile(const ProbeFile&) = delete;
  ProbeFile& operator=(const ProbeFile&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string rounded(double value) { return format("%.2f", value); }

}  // namespace

MachineCheck check_disk(const fs::path& folder) {
  const ProbeFile probe(folder);
  const std::string content(size_t{4} << 20, 'n');
  const auto start = std::chrono::steady_clock::now();
  try {
    write_durably(probe.path(), content);
    const std::chrono::duration<double> taken_s = std::chrono::steady_clock::now() - start;
    if (read_text(probe.path()) != content) {
      return {"disk", "4 MiB read back differ from what was written",
              "do not keep runs here; have the disk checked"};
    }
    return {"disk", "write, fsync and rename of 4 MiB took " + rounded(taken_s.count()) + " s", ""};
  } catch (const std::exception& error) {
    return {"disk", error.what(), "start in a folder that you may write, or free some space"};
  }
}

MachineCheck check_free_space(const fs::path& folder) {
  std::error_code error;
  const auto space = fs::space(folder, error);
  if (error) return {"free space", error.message(), "start in a folder that exists"};
  const double free_GiB = static_cast<double>(space.available) / static_cast<double>(1 << 30);
  return {"free space", rounded(free_GiB) + " GiB",
          free_GiB < kMinFree_GiB ? "free some: checkpoints of a run need several GiB" : ""};
}

MachineCheck check_clock(const fs::path& folder) {
  const ProbeFile probe(folder);
  try {
    write_durably(probe.path(), "clock");
    const auto written = fs::last_write_time(probe.path());
    const std::chrono::duration<double> skew_s = fs::file_time_type::clock::now() - written;
    return {"clock", rounded(skew_s.count()) + " s ahead of the file system's",
            std::abs(skew_s.count()) > kMaxClockSkew_s
                ? "set this host's clock (chronyd or ntpd): ages of files are compared"
                : ""};
  } catch (const std::exception& error) {
    return {"clock", error.what(), "start in a folder that you may write"};
  }
}

MachineCheck check_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {"open files", "limit unknown", ""};
  return {
      "open files", c10::str("at most ", limit.rlim_cur),
      limit.rlim_cur < kMinOpenFiles ? c10::str("run 'ulimit -n ", kMinOpenFiles, "' before") : ""};
}

std::string thread_note(int64_t threads) {
  const auto cores = static_cast<int64_t>(std::thread::hardware_concurrency());
  if (cores == 0 || threads <= cores) return "";
  return c10::str("parallel.threads = ", threads, " is more than the ", cores,
                  " cores here: threads will wait for each other, and steps take longer");
}

std::vector<MachineCheck> check_machine(const fs::path& folder) {
  return {check_disk(folder), check_free_space(folder), check_clock(folder), check_open_files()};
}

}  // namespace nextframe
