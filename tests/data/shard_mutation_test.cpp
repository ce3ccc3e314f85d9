// Damaged and hostile shards by the thousand: each is read as `data verify`, `data inspect` and the
// loader would, in a child with limits. It must end in success or in a DataError, and a shard of
// ours whose data have changed must be noticed.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "data/checksum.h"
#include "data/column.h"
#include "data/dataset.h"
#include "data/inspect_shard.h"
#include "data/verify_dataset.h"
#include "tests/data/scratch.h"

#ifdef __SANITIZE_ADDRESS__
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#endif

namespace nextframe {
namespace {

using Bytes = std::string;

constexpr int kDiffers = 20, kOtherError = 21, kHdf5Crashed = 3;
constexpr unsigned kSecondsEach = 300;  // of a machine however busy; HDF5 alone has 5 s of CPU time
constexpr rlim_t kMemoryBytes = rlim_t{2} << 30;  // beyond what the process has already
constexpr int64_t kChildShards = 50;              // read by one child, if it lives

Bytes content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// ---- shards to damage

at::Tensor small_frames(int64_t frames) {
  return at::arange(frames * 16 * 16 * 3).remainder(251).to(at::kByte).view({frames, 16, 16, 3});
}

/// A foreign file in HDF5's old format, whose metadata have no checksums.
H5File create_old(const std::filesystem::path& path) {
  return H5File(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), "create");
}

struct PixelLayout {
  std::vector<hsize_t> chunk{};  // empty: contiguous
  std::vector<ChunkFilter> filters{};
};

void write_pixels(const H5File& file, const at::Tensor& frames, const PixelLayout& layout) {
  const std::vector<hsize_t> shape(frames.sizes().begin(), frames.sizes().end());
  const H5Space space(H5Screate_simple(4, shape.data(), nullptr), "create");
  const H5PropertyList creation(H5Pcreate(H5P_DATASET_CREATE), "create");
  if (!layout.chunk.empty()) H5Pset_chunk(creation.get(), 4, layout.chunk.data());
  for (const auto& filter : layout.filters) {
    H5Pset_filter(creation.get(), filter.id, H5Z_FLAG_MANDATORY, filter.values.size(),
                  filter.values.data());
  }
  const H5Dataset dataset(H5Dcreate2(file.get(), "pixels", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                                     creation.get(), H5P_DEFAULT),
                          "create");
  const bool is_zstd = !layout.filters.empty() && layout.filters[0].id == kZstdFilterId;
  if (!is_zstd) {
    check_h5(H5Dwrite(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                      frames.const_data_ptr()),
             "write");
    return;
  }
  const ChunkCodec codec(Compression::zstd, /*has_checksum=*/false);
  for (hsize_t t = 0; t < shape[0]; t += layout.chunk[0]) {
    for (hsize_t y = 0; y < shape[1]; y += layout.chunk[1]) {
      for (hsize_t x = 0; x < shape[2]; x += layout.chunk[2]) {
        const auto begin = [](hsize_t at) { return static_cast<int64_t>(at); };
        const at::Tensor tile = frames.slice(0, begin(t), begin(t + layout.chunk[0]))
                                    .slice(1, begin(y), begin(y + layout.chunk[1]))
                                    .slice(2, begin(x), begin(x + layout.chunk[2]))
                                    .contiguous();
        const auto stored = codec.encode({tile.const_data_ptr<uint8_t>(), tile.nbytes()});
        const hsize_t offset[] = {t, y, x, 0};
        check_h5(
            H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, offset, stored.size(), stored.data()),
            "write");
      }
    }
  }
}

void write_enum_actions(const H5File& file, int64_t frames) {
  const H5Type type(H5Tenum_create(H5T_STD_I32LE), "create");
  const char* names[] = {"STAY", "LEFT", "RIGHT"};
  for (int32_t value = 0; value < 3; ++value) H5Tenum_insert(type.get(), names[value], &value);
  const at::Tensor actions = at::arange(frames).remainder(3).to(at::kInt);
  const auto extent = static_cast<hsize_t>(frames);
  const H5Space space(H5Screate_simple(1, &extent, nullptr), "create");
  const H5Dataset dataset(H5Dcreate2(file.get(), "action", type.get(), space.get(), H5P_DEFAULT,
                                     H5P_DEFAULT, H5P_DEFAULT),
                          "create");
  check_h5(
      H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, actions.const_data_ptr()),
      "write");
}

/// Text as h5py writes it: of variable length, in a heap of its own.
void write_variable_text(const H5File& file, const char* name, const char* text) {
  const H5Type type(H5Tcopy(H5T_C_S1), "copy");
  H5Tset_size(type.get(), H5T_VARIABLE);
  const H5Space space(H5Screate(H5S_SCALAR), "create");
  const H5Attribute attribute(
      H5Acreate2(file.get(), name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), "create");
  check_h5(H5Awrite(attribute.get(), type.get(), &text), "write");
}

void write_foreign_shard(const std::filesystem::path& path, const PixelLayout& layout) {
  const H5Lock lock;
  const H5File file = create_old(path);
  write_pixels(file, small_frames(24), layout);
  write_enum_actions(file, 24);
  write_column(file, "ep_len", at::tensor({12, 12}, at::kInt));
  write_column(file, "ep_offset", at::tensor({0, 12}, at::kLong));
  write_variable_text(file, "source", "somebody");
  write_variable_text(file, "action_space", R"({"type":"discrete","n":3})");
}

struct Original {
  std::string name;
  Bytes bytes;
  bool is_ours = false;
};

std::vector<Original> write_originals(const ScratchFolder& folder) {
  const auto add = [&](std::vector<Original>& list, const std::string& name, bool is_ours) {
    list.push_back({name, content_of(folder / name), is_ours});
  };
  std::vector<Original> originals;
  for (const auto& [name, compression] : {std::pair{"ours_zstd", Compression::zstd},
                                          {"ours_gzip", Compression::gzip},
                                          {"ours_none", Compression::none}}) {
    write_shard(folder / name, {numbered_episode(20, 16), numbered_episode(12, 16)}, compression);
    add(originals, name, true);
  }
  const std::vector<std::pair<std::string, PixelLayout>> layouts{
      {"contiguous", {}},
      {"gzip", {{8, 16, 16, 3}, {{kShuffleFilterId, {1}}, {kGzipFilterId, {4}}}}},
      {"gzip_tiles", {{8, 8, 8, 3}, {{kGzipFilterId, {4}}, {kFletcherFilterId}}}},
      {"zstd", {{8, 16, 16, 3}, {{kZstdFilterId, {3}}}}},
      {"zstd_tiles", {{8, 8, 8, 3}, {{kZstdFilterId, {3}}}}}};
  for (const auto& [name, layout] : layouts) {
    write_foreign_shard(folder / name, layout);
    add(originals, name, false);
  }
  return originals;
}

// ---- damage

/// Where the structures of HDF5 begin, by their signatures.
std::vector<size_t> structures_of(const Bytes& bytes) {
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
std::string digest_of(const std::filesystem::path& path) {
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

bool is_sound(const std::filesystem::path& path) {
  bool sound = verify_dataset(path, nullptr).problems.empty();
  sound = data_error_of([&] { inspect_shard(path); }).empty() && sound;
  return sound;
}

/// The exit code of one shard: 0, or what must not be.
int read_damaged(const std::filesystem::path& path, const std::string& expected) try {
  const bool sound = is_sound(path);
  std::string digest = expected;
  const std::string error = data_error_of([&] { digest = digest_of(path); });
  return sound && error.empty() && !expected.empty() && digest != expected ? kDiffers : 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", path.c_str(), error.what());
  return kOtherError;
}

void limit_child() {
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
  MutationRun() : originals_(write_originals(folder_)) {
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

TEST(ShardMutation, TheOriginalsAreSound) {
  const ScratchFolder folder;
  for (const auto& original : write_originals(folder)) {
    const VerifyReport report = verify_dataset(folder / original.name, nullptr);
    EXPECT_TRUE(report.problems.empty()) << original.name << ": " << report.problems[0];
    EXPECT_EQ(inspect_shard(folder / original.name).actions, "discrete 3");
  }
}

/// NEXTFRAME_MUTATION_SECONDS: for how long (default 15).
TEST(ShardMutation, EveryDamagedShardEndsInSuccessOrASentence) {
  const char* seconds = std::getenv("NEXTFRAME_MUTATION_SECONDS");
  MutationRun run;
  run.run(std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 15));
  std::printf("%lld damaged shards; HDF5 itself crashed on %lld\n",
              static_cast<long long>(run.num_shards()),
              static_cast<long long>(run.num_hdf5_crashes()));
  EXPECT_GE(run.num_shards(), 100);
  EXPECT_LE(run.num_hdf5_crashes(), run.num_shards() / 50 + 1);
}

}  // namespace
}  // namespace nextframe
