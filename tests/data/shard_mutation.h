// What the mutation tests of HDF5 readers share: damaged files by the thousand, each read as `data
// verify`, `data inspect` and the loader would, in a child with limits.
#pragma once

#include <ATen/Parallel.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "data/checksum.h"
#include "data/dataset.h"
#include "data/h5_guard.h"
#include "data/inspect_shard.h"
#include "data/verify_dataset.h"
#include "tests/data/scratch.h"

#ifdef __SANITIZE_ADDRESS__
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#endif

namespace nextframe {

using Bytes = std::string;

inline constexpr int kDiffers = 20, kOtherError = 21, kHdf5Crashed = 3;
inline constexpr unsigned kSecondsEach =
    300;  // of a machine however busy; HDF5 alone has 5 s of CPU time
inline constexpr rlim_t kMemoryBytes = rlim_t{2} << 30;  // beyond what the process has already
inline constexpr int64_t kChildShards = 50;              // read by one child, if it lives

inline Bytes content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Original {
  std::string name;
  Bytes bytes;
  bool is_ours = false;
};

// ---- damage

/// Where the structures of HDF5 begin, by their signatures.
inline std::vector<size_t> structures_of(const Bytes& bytes) {
  std::vector<size_t> places{0};
  for (const char* signature : {"TREE", "SNOD", "HEAP", "GCOL", "OHDR", "OCHK", "FRHP", "FHDB",
                                "BTHD", "BTLF", "EAHD", "EAIB", "EASB", "EADB", "FAHD", "FADB"}) {
    for (size_t at = bytes.find(signature); at != Bytes::npos; at = bytes.find(signature, at + 1)) {
      places.push_back(at);
    }
  }
  return places;
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  Bytes damage(Bytes bytes, const std::vector<size_t>& structures) {
    for (uint64_t left = 1 + below(3); left > 0 && !bytes.empty(); --left) {
      step(bytes, structures);
    }
    return bytes;
  }

 private:
  uint64_t below(uint64_t limit) { return random_() % limit; }

  /// Half of the time in the first bytes of a structure, else anywhere.
  size_t place_in(const Bytes& bytes, const std::vector<size_t>& structures) {
    const size_t start = structures[below(structures.size())];
    const size_t place = below(2) == 0 ? start + below(600) : below(bytes.size());
    return std::min(place, bytes.size() - 1);
  }

  void step(Bytes& bytes, const std::vector<size_t>& structures) {
    const size_t place = place_in(bytes, structures);
    const size_t count = std::min<size_t>(size_t{1} << below(4), bytes.size() - place);
    switch (below(8)) {
      case 0:
        bytes[place] = static_cast<char>(bytes[place] ^ (1 << below(8)));
        break;
      case 1:
        for (size_t i = 0; i < count; ++i) bytes[place + i] = static_cast<char>(random_());
        break;
      case 2:
        std::fill_n(bytes.begin() + static_cast<int64_t>(place), count,
                    below(2) == 0 ? '\0' : '\xff');
        break;
      case 3: {  // a number that a program may stumble over, little-endian
        const uint64_t values[] = {1,
                                   255,
                                   1 << 16,
                                   1U << 31,
                                   uint64_t{1} << 32,
                                   uint64_t{1} << 62,
                                   uint64_t{1} << 63,
                                   bytes.size(),
                                   bytes.size() - 1};
        const uint64_t value = values[below(std::size(values))];
        for (size_t i = 0; i < count; ++i) bytes[place + i] = static_cast<char>(value >> (8 * i));
        break;
      }
      case 4: {  // bytes from elsewhere
        const size_t from = below(bytes.size());
        const size_t length =
            std::min({size_t{1} + below(64), bytes.size() - from, bytes.size() - place});
        bytes.replace(place, length, bytes.substr(from, length));
        break;
      }
      case 5:
        bytes[place] = static_cast<char>(bytes[place] + (below(2) == 0 ? 1 : -1));
        break;
      case 6:
        if (below(4) == 0) bytes.resize(place);
        break;
      default:
        std::swap(bytes[place], bytes[below(bytes.size())]);
    }
  }

  std::mt19937_64 random_;
};

// ---- reading

/// Everything that training could take from the shard.
inline std::string digest_of(const std::filesystem::path& path) {
  const Dataset dataset(path, 4, 1);
  Hasher hasher;
  for (int64_t episode = 0; episode < dataset.num_episodes(); ++episode) {
    const Episode all = dataset.read_episode(episode, 0, dataset.episode_frames(episode));
    hasher.add(all.frames_THWC.const_data_ptr(), all.frames_THWC.nbytes());
    hasher.add(all.actions_TA.const_data_ptr(), all.actions_TA.nbytes());
    hasher.add(std::to_string(all.frames_THWC.size(0)));
  }
  return hasher.digest();
}

inline bool is_sound(const std::filesystem::path& path) {
  bool sound = verify_dataset(path, nullptr).problems.empty();
  sound = data_error_of([&] { inspect_shard(path); }).empty() && sound;
  return sound;
}

/// The exit code of one shard: 0, or what must not be.
inline int read_damaged(const std::filesystem::path& path, const std::string& expected) try {
  const bool sound = is_sound(path);
  std::string digest = expected;
  const std::string error = data_error_of([&] { digest = digest_of(path); });
  return sound && error.empty() && !expected.empty() && digest != expected ? kDiffers : 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", path.c_str(), error.what());
  return kOtherError;
}

inline void limit_child() {
#ifdef __SANITIZE_ADDRESS__
  // A fault that is found within HDF5 is not ours.
  __sanitizer_set_death_callback([] {
    if (is_inside_hdf5()) ::_exit(kHdf5Crashed);
  });
#else
  std::ifstream status("/proc/self/statm");
  rlim_t pages = 0;
  status >> pages;
  const rlim_t bytes = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + kMemoryBytes;
  const rlimit memory{bytes, bytes};
  ::setrlimit(RLIMIT_AS, &memory);
#endif
  const rlimit core{0, 0};
  ::setrlimit(RLIMIT_CORE, &core);
}

class MutationRun {
 public:
  explicit MutationRun(std::vector<Original> (*write)(const ScratchFolder&))
      : originals_(write(folder_)) {
    at::set_num_threads(1);  // a child has none of its parent's threads, and would wait for them
    reached_ = static_cast<int64_t*>(::mmap(nullptr, sizeof(int64_t), PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    for (const auto& original : originals_) {
      structures_.push_back(structures_of(original.bytes));
      digests_.push_back(original.is_ours ? digest_of(folder_ / original.name) : "");
    }
  }
  ~MutationRun() { ::munmap(reached_, sizeof(int64_t)); }

  /// Reads mutation after mutation until the time is up; in children, each for some of them.
  void run(std::chrono::seconds duration) {
    const auto end = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < end) {
      *reached_ = next_;
      const pid_t child = ::fork();
      if (child == 0) read_some();
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      judge(status);
      next_ = *reached_ + 1;
    }
  }

  int64_t num_shards() const { return next_; }
  int64_t num_hdf5_crashes() const { return hdf5_crashes_; }

 private:
  [[noreturn]] void read_some() {
    limit_child();
    if (::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(kOtherError);
    const auto path = folder_ / "damaged.h5";
    for (int64_t i = next_; i < next_ + kChildShards; ++i) {
      *reached_ = i;
      const auto which = static_cast<size_t>(i) % originals_.size();
      Mutator mutator(static_cast<uint64_t>(i));
      std::ofstream(path, std::ios::binary)
          << mutator.damage(originals_[which].bytes, structures_[which]);
      ::alarm(kSecondsEach);
      const int code = read_damaged(path, digests_[which]);
      if (code != 0) ::_exit(code);
    }
    ::_exit(0);
  }

  void judge(int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    const auto which = static_cast<size_t>(*reached_) % originals_.size();
    if (WIFEXITED(status) && WEXITSTATUS(status) == kHdf5Crashed) {
      ++hdf5_crashes_;
      EXPECT_FALSE(originals_[which].is_ours) << "mutation " << *reached_;
      return;
    }
    Mutator mutator(static_cast<uint64_t>(*reached_));
    const std::string kept = "/tmp/nextframe-mutation-" + std::to_string(*reached_) + ".h5";
    std::ofstream(kept, std::ios::binary)
        << mutator.damage(originals_[which].bytes, structures_[which]);
    ADD_FAILURE() << originals_[which].name << ", mutation " << *reached_ << ", kept as " << kept
                  << ": "
                  << (WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                      : WEXITSTATUS(status) == kDiffers
                          ? std::string("differs, and nothing noticed")
                          : "exit code " + std::to_string(WEXITSTATUS(status)));
  }

  ScratchFolder folder_;
  std::vector<Original> originals_;
  std::vector<std::vector<size_t>> structures_;
  std::vector<std::string> digests_;  // of our own shards
  int64_t* reached_ = nullptr;        // the mutation that the child is at
  int64_t next_ = 0, hdf5_crashes_ = 0;
};

/// NEXTFRAME_MUTATION_SECONDS: for how long, else `by_default`.
inline std::chrono::seconds mutation_seconds(int by_default) {
  const char* seconds = std::getenv("NEXTFRAME_MUTATION_SECONDS");
  return std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : by_default);
}

}  // namespace nextframe
