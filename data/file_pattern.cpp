#include "data/file_pattern.h"

#include <c10/util/StringUtil.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <optional>
#include <set>

#include "data/error.h"
#include "data/input_file.h"
#include "kernels/base/registry.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMostAlternatives = 4096;  // of braces, all combined
constexpr int64_t kMostNames = 10000000;     // that are looked at
constexpr size_t kMostNamesShown = 6, kMostNamesGuessed = 1000;

/// "[a-z]" at the start of `pattern`: its length, and whether it has `letter`; nothing where no
/// bracket closes it.
struct BracketSet {
  size_t length;
  bool has;
};

std::optional<BracketSet> match_set(std::string_view pattern, char letter) {
  size_t at = 1;
  const bool is_negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (is_negated) ++at;
  const auto code = [](char byte) { return static_cast<unsigned char>(byte); };
  bool has = false;
  for (bool is_first = true; at < pattern.size(); is_first = false) {
    if (pattern[at] == ']' && !is_first) return BracketSet{at + 1, has != is_negated};
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    const char low = pattern[at++];
    const bool is_span = at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']';
    const char high = is_span ? pattern[at + 1] : low;
    if (is_span) at += 2;
    has = has || (code(low) <= code(letter) && code(letter) <= code(high));
  }
  return std::nullopt;
}

/// Takes one letter of `name` against the pattern at `at`, which moves on. False where they differ.
bool match_letter(std::string_view pattern, size_t& at, char letter) {
  if (pattern[at] == '?') return ++at, true;
  if (pattern[at] == '[') {
    if (const auto set = match_set(pattern.substr(at), letter)) {
      at += set->length;
      return set->has;
    }
  }
  if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
  return pattern[at++] == letter;
}

/// The end of the brace group that opens at `open`, and the commas of its own level; npos where it
/// does not close.
size_t brace_end(const std::string& text, size_t open, std::vector<size_t>& commas) {
  int64_t depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return i;
    } else if (text[i] == ',' && depth == 1) {
      commas.push_back(i);
    }
  }
  return std::string::npos;
}

std::string without_escapes(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

std::string home_of(const std::string& user) {
  const passwd* entry = user.empty() ? ::getpwuid(::getuid()) : ::getpwnam(user.c_str());
  return entry == nullptr ? "" : entry->pw_dir;
}

/// Where a file lies, whatever way leads there. A link to a file is a file of its own: in the cache
/// of a hub all are links, and equal files are links to one.
fs::path place_of(const fs::path& path) {
  std::error_code error;
  const auto folder = fs::canonical(path.has_parent_path() ? path.parent_path() : ".", error);
  return error || !path.has_filename() ? path : folder / path.filename();
}

/// Of paths to the same place the first.
std::vector<fs::path> one_a_place(const std::vector<fs::path>& paths) {
  std::set<fs::path> places;
  std::vector<fs::path> kept;
  for (const auto& path : paths) {
    if (places.insert(place_of(path)).second) kept.push_back(path);
  }
  return kept;
}

class PatternWalk {
 public:
  explicit PatternWalk(std::string pattern) : pattern_(std::move(pattern)) {}

  std::vector<fs::path> run() {
    auto rest = pattern_;
    fs::path base;
    if (rest.starts_with('~') && !exists(rest.substr(0, rest.find('/')))) {
      const auto slash = std::min(rest.find('/'), rest.size());
      if (const auto home = home_of(rest.substr(1, slash - 1)); !home.empty()) {
        base = home;
        rest = rest.substr(slash);
        rest.erase(0, rest.find_first_not_of('/'));
      }
    } else if (rest.starts_with('/')) {
      base = "/";
      rest.erase(0, rest.find_first_not_of('/'));
    }
    walk(base, rest);
    std::sort(found_.begin(), found_.end());
    return one_a_place(found_);
  }

  /// How far the path goes, and what is there instead of the next name.
  std::string nearest() const {
    const auto folder = stuck_in_.empty() ? fs::path(".") : stuck_in_;
    std::error_code error;
    std::string text = "; nothing in " + fs::absolute(folder, error).lexically_normal().string() +
                       " is '" +
                       (stuck_at_.size() <= 80 ? stuck_at_ : stuck_at_.substr(0, 80) + "...") + "'";
    auto names = listed(folder, error);
    if (error) return text + " (" + error.message() + ")";
    if (names.empty()) return text + ": it is empty";
    const bool is_plain = stuck_at_.find_first_of("*?[{") == std::string::npos;
    const auto likely =
        is_plain && names.size() <= kMostNamesGuessed && stuck_at_.size() <= NAME_MAX
            ? did_you_mean(stuck_at_, names)
            : "";
    if (!likely.empty()) return text + "; did you mean '" + likely + "'?";
    const auto num_names = names.size();
    names.resize(std::min(num_names, kMostNamesShown));
    return text + ": it holds " + c10::Join(", ", names) +
           (num_names > names.size() ? ", ..." : "");
  }

 private:
  static bool exists(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
  }

  static std::vector<std::string> listed(const fs::path& folder, std::error_code& error) {
    std::vector<std::string> names;
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::directory_iterator entry(folder, options, error), end; !error && entry != end;
         entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  /// All that `rest`, which has no leading '/', matches below `base`.
  void walk(const fs::path& base, const std::string& rest, int64_t depth = 0) {
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto name = rest.substr(0, slash);
    auto below = rest.substr(slash);
    below.erase(0, std::min(below.find_first_not_of('/'), below.size()));
    if (rest.empty()) return keep(base);
    if (exists(base / name)) return walk(base / name, below, depth + 1);
    if (expand_braces(base, rest, slash, depth)) return;
    if (name.find_first_of("*?[\\") == std::string::npos) return note_stuck(base, name, depth);
    match_names(base, name, below, depth);
  }

  /// The first group of braces that opens before `slash`, each of its alternatives in its place.
  bool expand_braces(const fs::path& base, const std::string& rest, size_t slash, int64_t depth) {
    for (auto open = rest.find('{'); open < slash; open = rest.find('{', open + 1)) {
      std::vector<size_t> ends;
      const bool is_escaped = open > 0 && rest[open - 1] == '\\';
      const auto close = is_escaped ? std::string::npos : brace_end(rest, open, ends);
      if (close == std::string::npos || close == open + 1) continue;
      ends.push_back(close);
      for (size_t from = open + 1; const auto end : ends) {
        if (++num_alternatives_ > kMostAlternatives) {
          throw DataError(c10::str("the braces of '", shortened(), "' stand for more than ",
                                   kMostAlternatives, " names; list fewer, or use *"));
        }
        auto chosen = rest.substr(0, open) + rest.substr(from, end - from) + rest.substr(close + 1);
        const bool is_absolute = base.empty() && chosen.starts_with('/');
        chosen.erase(0, std::min(chosen.find_first_not_of('/'), chosen.size()));
        walk(is_absolute ? "/" : base, chosen, depth);
        from = end + 1;
      }
      return true;
    }
    return false;
  }

  void match_names(const fs::path& base, const std::string& name, const std::string& below,
                   int64_t depth) {
    std::error_code error;
    const auto names = listed(base.empty() ? "." : base, error);
    num_names_ += static_cast<int64_t>(names.size());
    if (num_names_ > kMostNames) {
      throw DataError(c10::str("'", shortened(), "' leads past more than ", kMostNames,
                               " names; write more of the path"));
    }
    const auto plain = without_escapes(name);
    bool is_matched = false;
    for (const auto& candidate : names) {
      if (candidate != plain && !name_matches(name, candidate)) continue;
      const bool is_inner = !below.empty();
      if (is_inner && !fs::is_directory(base / candidate, error)) continue;
      is_matched = true;
      walk(base / candidate, below, depth + 1);
    }
    if (!is_matched) note_stuck(base, name, depth);
  }

  void keep(const fs::path& path) { found_.push_back(path); }

  void note_stuck(const fs::path& base, const std::string& name, int64_t depth) {
    if (depth < stuck_depth_) return;
    stuck_depth_ = depth + 1;
    stuck_in_ = base;
    stuck_at_ = name;
  }

  std::string shortened() const {
    return pattern_.size() <= 80 ? pattern_ : pattern_.substr(0, 80) + "...";
  }

  std::string pattern_;
  std::vector<fs::path> found_;
  int64_t num_alternatives_ = 0, num_names_ = 0, stuck_depth_ = 0;
  fs::path stuck_in_;
  std::string stuck_at_;
};

}  // namespace

bool name_matches(std::string_view pattern, std::string_view name) {
  if (name.starts_with('.') && !pattern.starts_with('.') && !pattern.starts_with("\\.")) {
    return false;
  }
  // After a mismatch only the last star can take one letter more.
  size_t p = 0, n = 0, star = std::string_view::npos, taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p, taken = n;
      continue;
    }
    size_t next = p;
    if (p < pattern.size() && match_letter(pattern, next, name[n])) {
      p = next, ++n;
    } else if (star != std::string_view::npos) {
      p = star, n = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::vector<fs::path> matching_files(const std::string& pattern) {
  constexpr size_t kLongestPattern = 4096;  // PATH_MAX
  if (pattern.empty() || pattern.size() > kLongestPattern || pattern.find('\0') != pattern.npos) {
    throw DataError(c10::str("a pattern of files has 1 to ", kLongestPattern,
                             " letters and no NUL; got ", pattern.size(), " letters"));
  }
  PatternWalk walk(pattern);
  auto paths = walk.run();
  for (const auto& path : paths) {
    if (what_stands_at(path) != "a folder") require_regular_file(path);
  }
  if (!paths.empty()) return paths;
  throw DataError("no file matches '" + pattern + "'" + walk.nearest() +
                  "; correct the path, or make shards with `nextframe data make`, `nextframe data "
                  "import` or scripts/record (CoinRun and other games)");
}

}  // namespace nextframe
