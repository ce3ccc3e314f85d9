#include "launch/host_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "launch/text.h"

namespace nextframe {
namespace {

constexpr size_t kAlignment = 64, kLargePage = size_t{2} << 20;
constexpr size_t kRegion = size_t{64} << 20;  // asked of the system at once
constexpr size_t kLargestKept = kRegion;      // larger blocks are not kept
constexpr size_t kStepsOfADoubling =
    8;  // sizes between a power of two and the next: at most 1/8 is wasted
constexpr size_t kNotKept = ~size_t{0};

size_t round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Stands before every block.
struct alignas(kAlignment) Header {
  size_t size_class;  // or kNotKept
  size_t bytes;       // with this header
};

/// The number of a size and the bytes that it stands for, at least `bytes`.
std::pair<size_t, size_t> size_class(size_t bytes) {
  const size_t doubling = std::bit_width((bytes - 1) / (kAlignment * kStepsOfADoubling));
  const size_t step = kAlignment << doubling;
  const size_t steps = (bytes + step - 1) / step;  // at most twice kStepsOfADoubling
  return {doubling * 2 * kStepsOfADoubling + steps, steps * step};
}

std::atomic<int64_t> from_system_bytes = 0, in_use_bytes = 0, peak_bytes = 0;

void count_taken(size_t bytes) {
  const int64_t now = in_use_bytes += static_cast<int64_t>(bytes);
  int64_t peak = peak_bytes;
  while (now > peak && !peak_bytes.compare_exchange_weak(peak, now)) {
  }
}

/// The number after "MemAvailable:" and its like, in KiB; 0 where there is none.
int64_t meminfo_KiB(const std::string& text, const std::string& name) {
  const auto found = text.find(name + ":");
  return found == std::string::npos ? 0 : std::atoll(text.c_str() + found + name.size() + 1);
}

std::string start_of_file(const char* path) {
  std::ifstream file(path);
  std::string text(4096, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

void require_available(size_t bytes) {
  const int64_t available = host_memory_available_bytes();
  const auto wanted = static_cast<int64_t>(std::min<size_t>(bytes, INT64_MAX));
  if (wanted <= available) return;
  constexpr double kGiB = 1 << 30;
  TORCH_CHECK_WITH(
      OutOfMemoryError, false, "out of memory: ",
      format("%.1f GiB more are needed and %.1f GiB are free on this host; %.1f GiB are "
             "in use here",
             static_cast<double>(wanted) / kGiB, static_cast<double>(available) / kGiB,
             static_cast<double>(in_use_bytes) / kGiB),
      ". Use a smaller model or batch, more grains, or fewer ranks on this host");
}

void* map(size_t bytes) {
  require_available(bytes);
  from_system_bytes += static_cast<int64_t>(bytes);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TORCH_CHECK_WITH(OutOfMemoryError, memory != MAP_FAILED, "out of memory: the system refused ",
                   bytes, " bytes more: ", std::strerror(errno),
                   ". Use a smaller model or batch, more grains, or raise the limit (ulimit -v, "
                   "the container's or the job's)");
  madvise(memory, bytes, MADV_HUGEPAGE);  // a wish; some systems know no large pages
  return memory;
}

class Pool final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, c10::Device(c10::kCPU)};
    void* data = take(bytes + sizeof(Header));
    count_taken(header_of(data)->bytes);
    return {data, data, &Pool::release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Pool::release; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }

  static Pool& instance() {
    static Pool& pool = *new Pool;  // never destroyed: tensors with static lifetime are freed late
    return pool;
  }

 private:
  static Header* header_of(void* data) { return static_cast<Header*>(data) - 1; }

  static void release(void* data) {
    if (data != nullptr) instance().give_back(data);
  }

  void* take(size_t bytes) {
    if (bytes > kLargestKept) {
      const size_t whole = round_up(bytes, kLargePage);
      return new (map(whole)) Header{kNotKept, whole} + 1;
    }
    const auto [number, size] = size_class(bytes);
    const std::lock_guard lock(mutex_);
    auto& blocks = free_[number];
    if (!blocks.empty()) {
      void* data = blocks.back();
      blocks.pop_back();
      return data;
    }
    if (size > region_left_) {
      // What is left of the region before is never used: less than one block.
      region_ = static_cast<char*>(map(kRegion + kLargePage));
      region_left_ = kRegion + kLargePage;
    }
    auto* header = new (region_) Header{number, size};
    region_ += size;
    region_left_ -= size;
    return header + 1;
  }

  void give_back(void* data) {
    auto* header = header_of(data);
    in_use_bytes -= static_cast<int64_t>(header->bytes);
    if (header->size_class == kNotKept) {
      munmap(header, header->bytes);
      return;
    }
    const std::lock_guard lock(mutex_);
    free_[header->size_class].push_back(data);
  }

  std::mutex mutex_;
  std::array<std::vector<void*>, 512> free_;
  char* region_ = nullptr;
  size_t region_left_ = 0;
};

}  // namespace

c10::Allocator& pooled_host_memory() { return Pool::instance(); }

int64_t host_memory_available_bytes() {
  const auto meminfo = start_of_file("/proc/meminfo");
  const int64_t free_KiB = meminfo_KiB(meminfo, "MemAvailable") + meminfo_KiB(meminfo, "SwapFree");
  int64_t available = free_KiB > 0 ? free_KiB * 1024 : INT64_MAX;
  for (const char* limit :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const int64_t most = std::atoll(start_of_file(limit).c_str());  // 0 for "max" and for no file
    if (most > 0) available = std::min(available, std::max<int64_t>(0, most - in_use_bytes));
  }
  return available;
}

int64_t host_memory_from_system_bytes() { return from_system_bytes; }

int64_t host_memory_in_use_bytes() { return in_use_bytes; }

int64_t take_host_memory_peak_bytes() { return peak_bytes.exchange(in_use_bytes); }

void use_pooled_host_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  c10::SetAllocator(c10::kCPU, &Pool::instance(), /*priority=*/1);
#endif
}

}  // namespace nextframe
