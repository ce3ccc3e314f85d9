#include "data/direct_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "data/error.h"

namespace nextframe {
DirectReader::DirectReader(std::filesystem::path path)
    : path_(std::move(path)), block_(make_aligned_block()) {
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (descriptor_ < 0 && errno == EINVAL) descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) throw_file_error("open", path_);
}

DirectReader::~DirectReader() { ::close(descriptor_); }

void DirectReader::read(void* data, size_t bytes) {
  auto* next = static_cast<std::byte*>(data);
  while (bytes > 0) {
    if (taken_bytes_ == filled_bytes_) read_block();
    const size_t taken = std::min(bytes, filled_bytes_ - taken_bytes_);
    std::memcpy(next, block_.get() + taken_bytes_, taken);
    taken_bytes_ += taken;
    next += taken;
    bytes -= taken;
  }
}

void DirectReader::read_block() {
  ssize_t got = -1;
  do {
    got = ::read(descriptor_, block_.get(), kBlockBytes);
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw_file_error("read", path_);
  if (got == 0) throw FileError("cannot read " + path_.string() + ": it ends too early");
  filled_bytes_ = static_cast<size_t>(got);
  taken_bytes_ = 0;
}

}  // namespace nextframe
