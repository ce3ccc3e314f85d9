#include "data/input_file.h"

#include <algorithm>

#include "data/error.h"

namespace nextframe {

std::string what_stands_at(const std::filesystem::path& path) {
  using Type = std::filesystem::file_type;
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  switch (status.type()) {
    case Type::regular:
      return "";
    case Type::not_found:
      return "missing";
    case Type::directory:
      return "a folder";
    case Type::fifo:
      return "a FIFO";
    case Type::socket:
      return "a socket";
    case Type::block:
    case Type::character:
      return "a device";
    default:
      return error ? "out of reach (" + error.message() + ")" : "of an unknown kind";
  }
}

void require_regular_file(const std::filesystem::path& path) {
  const auto found = what_stands_at(path);
  if (found.empty()) return;
  throw DataError(path.string() + ": is " + found + "; needed: a regular file");
}

int64_t json_depth(const std::string& text) {
  int64_t depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (in_string) {
      if (letter == '\\') ++i;
      if (letter == '"') in_string = false;
    } else if (letter == '"') {
      in_string = true;
    } else if (letter == '[' || letter == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (letter == ']' || letter == '}') {
      --depth;
    }
  }
  return deepest;
}

std::string json_reason(const std::exception& error) {
  const std::string what = error.what();
  const auto end = what.starts_with("[json.exception") ? what.find("] ") : what.npos;
  return end == what.npos ? what : what.substr(end + 2);
}

}  // namespace nextframe
