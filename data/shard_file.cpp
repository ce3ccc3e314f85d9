#include "data/shard_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

namespace nextframe {
namespace {

constexpr rlim_t kMaxFiles = 65536;  // MPI's launchers close every possible descriptor one by one
constexpr int64_t kMaxOpenShards = 4096, kMinOpenShards = 4;

struct OpenShardFiles {
  std::mutex mutex;
  std::list<std::shared_ptr<OpenShardFile>> newest_first;
  int64_t limit = 0;  // 0: as the system allows

  void close(OpenShardFile& file) {
    if (file.place != newest_first.end()) {
      newest_first.erase(std::exchange(file.place, newest_first.end()));
    }
  }
  void close_oldest() { close(*newest_first.back()); }
};

OpenShardFiles& open_shard_files() {
  static auto* const files = new OpenShardFiles;  // outlives HDF5
  return *files;
}

int64_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMinOpenShards;
  const rlim_t wanted = std::min(limit.rlim_max, kMaxFiles);
  if (limit.rlim_cur < wanted) {
    const rlimit raised{wanted, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit.rlim_cur = wanted;
  }
  return std::clamp(static_cast<int64_t>(std::min(limit.rlim_cur, kMaxFiles)) / 2, kMinOpenShards,
                    kMaxOpenShards);
}

/// Runs `open` and puts the file's name before what it throws.
template <class Open>
auto with_name(const std::filesystem::path& path, const Open& open) {
  try {
    return open();
  } catch (const DataError& error) {
    throw DataError(path.string() + ": " + error.what());
  }
}

/// Whether opening failed because this process, or the machine, has too many files open.
bool lacks_descriptors(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // no FIFO waits
  const bool lacks = descriptor < 0 && (errno == EMFILE || errno == ENFILE);
  if (descriptor >= 0) ::close(descriptor);
  return lacks;
}

/// With every other shard closed if need be.
std::shared_ptr<OpenShardFile> open_or_make_room(const std::filesystem::path& path,
                                                 const ShardPlan& plan, OpenShardFiles& files) {
  try {
    return std::make_shared<OpenShardFile>(path, plan);
  } catch (const DataError&) {
    if (!lacks_descriptors(path)) throw;
  }
  while (!files.newest_first.empty()) files.close_oldest();
  if (lacks_descriptors(path)) {
    throw FileError("cannot open " + path.string() +
                    ": too many open files; raise the limit with `ulimit -n 4096`");
  }
  return std::make_shared<OpenShardFile>(path, plan);
}

int descriptor_of(const H5File& file) {
  const H5Lock lock;
  const H5PropertyList access(H5Fget_access_plist(file.get()), "read file access properties");
  void* handle = nullptr;
  if (H5Pget_driver(access.get()) != H5FD_SEC2 ||
      H5Fget_vfd_handle(file.get(), H5P_DEFAULT, &handle) < 0 || handle == nullptr) {
    return -1;
  }
  return *static_cast<int*>(handle);
}

}  // namespace

OpenShardFile::OpenShardFile(const std::filesystem::path& path, const ShardPlan& plan)
    : file(open_h5(path)),
      table(plan.table ? plan.table
                       : with_name(path,
                                   [&] {
                                     return std::make_shared<const EpisodeTable>(
                                         find_episodes(file, plan.read_as));
                                   })),
      frames(with_name(path, [&] { return FrameColumn(file, table, plan.facts); })),
      descriptor(descriptor_of(file)) {}

FileStamp OpenShardFile::stamp() const {
  struct stat status {};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0) return {};
  constexpr int64_t kSecond_ns = 1'000'000'000;
  return {status.st_size, status.st_mtim.tv_sec * kSecond_ns + status.st_mtim.tv_nsec};
}

ShardFile::~ShardFile() {
  const auto opened = opened_.lock();
  if (!opened) return;
  auto& files = open_shard_files();
  const std::lock_guard guard(files.mutex);
  files.close(*opened);
}

std::shared_ptr<const OpenShardFile> ShardFile::open() const {
  auto& files = open_shard_files();
  const int64_t limit = max_open_shards();
  const std::lock_guard guard(files.mutex);
  auto opened = opened_.lock();
  if (opened && opened->place != files.newest_first.end()) {
    files.newest_first.splice(files.newest_first.begin(), files.newest_first, opened->place);
    return opened;
  }
  while (static_cast<int64_t>(files.newest_first.size()) >= limit) files.close_oldest();
  opened = open_or_make_room(path_, plan_, files);
  plan_.table = opened->table;
  plan_.facts = opened->frames.facts();
  if (!chunk_hashes_.empty()) opened->frames.expect_chunk_hashes(chunk_hashes_);
  opened->place = files.newest_first.insert(files.newest_first.begin(), opened);
  opened_ = opened;
  return opened;
}

void ShardFile::expect_chunk_hashes(std::vector<int64_t> hashes) {
  auto& files = open_shard_files();
  const std::lock_guard guard(files.mutex);
  if (const auto opened = opened_.lock()) opened->frames.expect_chunk_hashes(hashes);
  chunk_hashes_ = std::move(hashes);
}

int64_t max_open_shards() {
  static const int64_t allowed = raise_file_limit();
  auto& files = open_shard_files();
  const std::lock_guard guard(files.mutex);
  return files.limit > 0 ? files.limit : allowed;
}

void set_max_open_shards(int64_t count) {
  auto& files = open_shard_files();
  const std::lock_guard guard(files.mutex);
  files.limit = count;
}

}  // namespace nextframe
