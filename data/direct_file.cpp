#include "data/direct_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "data/error.h"

namespace nextframe {
namespace {

constexpr size_t kAlignBytes = 4096;  // what disks and file systems ask for at most

}  // namespace

void FreeBlock::operator()(std::byte* block) const { std::free(block); }

AlignedBlock make_aligned_block() {
  AlignedBlock block(static_cast<std::byte*>(std::aligned_alloc(kAlignBytes, kBlockBytes)));
  if (!block) throw std::bad_alloc();
  return block;
}

DirectFile::DirectFile(std::filesystem::path path)
    : path_(std::move(path)), block_(make_aligned_block()) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  descriptor_ = ::open(path_.c_str(), kFlags | O_DIRECT, 0644);
  if (descriptor_ < 0 && errno == EINVAL) {  // a file system without, as tmpfs
    is_direct_ = false;
    descriptor_ = ::open(path_.c_str(), kFlags, 0644);
  }
  if (descriptor_ < 0) throw_file_error("create", path_);
}

DirectFile::~DirectFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void DirectFile::append(const void* data, size_t bytes) {
  const auto* next = static_cast<const std::byte*>(data);
  bytes_appended_ += static_cast<int64_t>(bytes);
  while (bytes > 0) {
    const size_t taken = std::min(bytes, kBlockBytes - filled_bytes_);
    std::memcpy(block_.get() + filled_bytes_, next, taken);
    filled_bytes_ += taken;
    next += taken;
    bytes -= taken;
    if (filled_bytes_ == kBlockBytes) write_block();
  }
}

/// The last block is filled up with zeros, which finish() cuts off again.
void DirectFile::write_block() {
  const size_t padded = (filled_bytes_ + kAlignBytes - 1) / kAlignBytes * kAlignBytes;
  std::memset(block_.get() + filled_bytes_, 0, padded - filled_bytes_);
  for (size_t done = 0; done < padded;) {
    const ssize_t written = write_some(block_.get() + done, padded - done);
    if (written < 0) throw_file_error("write", path_);
    done += static_cast<size_t>(written);
  }
  filled_bytes_ = 0;
}

/// A write past the cache may be refused for its alignment, after a short one for instance; the
/// rest then goes through the cache.
ssize_t DirectFile::write_some(const std::byte* next, size_t bytes) {
  while (true) {
    const ssize_t written = ::write(descriptor_, next, bytes);
    if (written >= 0) return written;
    if (errno == EINTR) continue;
    if (errno != EINVAL || !std::exchange(is_direct_, false)) return written;
    if (::fcntl(descriptor_, F_SETFL, 0) != 0) return written;
  }
}

void DirectFile::finish() {
  if (filled_bytes_ > 0) write_block();
  if (::ftruncate(descriptor_, bytes_appended_) != 0) throw_file_error("cut to its size", path_);
  if (::fsync(descriptor_) != 0) throw_file_error("flush", path_);
  if (::close(std::exchange(descriptor_, -1)) != 0) throw_file_error("close", path_);
}

}  // namespace nextframe
