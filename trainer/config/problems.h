// Collects all errors of a config with their places, and shows them together.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace nextframe {

/// A text with values: a file, or one `--set a.b=c` of the command line.
struct Source {
  std::string name;                // "run.yaml" or "--set a.b=c"
  std::vector<std::string> lines;  // empty where there is no text to show
};

/// A position in a source. Lines and columns count from 1; line 0 is the source as a whole.
struct Place {
  std::shared_ptr<const Source> source;
  int line = 0;
  int column = 0;

  std::string to_string() const;  // "run.yaml:14:3"
};

struct Problem {
  Place place;
  std::string message;
};

class Problems {
 public:
  void add(Place place, std::string message);
  /// As add, for a text that could not be read at all, so that the config as a whole cannot be
  /// checked.
  void add_fatal(Place place, std::string message);

  bool empty() const { return problems_.empty(); }
  bool fatal() const { return fatal_; }

  /// Sorted by place, without duplicates.
  std::vector<Problem> sorted() const;

 private:
  std::vector<Problem> problems_;
  bool fatal_ = false;
};

/// One line for each problem, "file:line:column  error  message", with the source line and a
/// caret below it; the last line counts them.
std::string to_string(const std::vector<Problem>& problems);

}  // namespace nextframe
