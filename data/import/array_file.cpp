#include "data/import/array_file.h"

#include <ATen/ATen.h>

#include "data/error.h"
#include "data/input_file.h"

namespace nextframe {
namespace {

constexpr const char* kOnlyArray = "frames";
constexpr const char* kExtension = ".npy";
constexpr size_t kMostListed = 24;

std::string without_extension(const std::string& member) {
  return member.ends_with(kExtension) ? member.substr(0, member.size() - 4) : member;
}

}  // namespace

ArrayFile::ArrayFile(std::filesystem::path path) : path_(std::move(path)) {
  require_regular_file(path_);
  std::vector<std::string> names{kOnlyArray};
  if (path_.extension() != kExtension) {
    archive_.emplace(path_);
    names = archive_->names();
  }
  for (const auto& member : names) {
    const auto name = without_extension(member);
    try {
      auto stream = archive_ ? archive_->open(member) : ZipStream(path_);
      headers_[name] = read_npy_header(stream);
    } catch (const DataError& error) {
      problems_[name] = error.what();
      if (!archive_ || problems_[name].starts_with(path_.string())) {  // the file itself is damaged
        throw DataError(archive_ ? problems_[name] : path_.string() + ": is " + problems_[name]);
      }
    }
  }
}

std::string ArrayFile::problem_of(const std::string& name) const {
  const auto found = problems_.find(name);
  return found == problems_.end() ? "" : found->second;
}

std::string ArrayFile::list() const {
  std::string text;
  size_t count = 0;
  for (const auto& [name, header] : headers_) {
    if (count++ < kMostListed) text += (text.empty() ? "" : ", ") + name + " " + describe(header);
  }
  for (const auto& [name, problem] : problems_) {
    if (count++ < kMostListed) text += (text.empty() ? "" : ", ") + name;
  }
  if (count > kMostListed) text += c10::str(" and ", count - kMostListed, " more");
  return text.empty() ? "none" : text;
}

ZipStream ArrayFile::open(const std::string& name) const {
  auto stream = archive_ ? archive_->open(name + kExtension) : ZipStream(path_);
  read_npy_header(stream);
  return stream;
}

at::Tensor ArrayFile::read(const std::string& name) const {
  auto stream = open(name);
  return read_npy(stream, headers_.at(name));
}

std::optional<std::string> ArrayFile::read_text(const std::string& name) const {
  if (!archive_ || !archive_->has(name + kExtension)) return std::nullopt;
  auto stream = archive_->open(name + kExtension);
  return read_npy_text(stream);
}

}  // namespace nextframe
