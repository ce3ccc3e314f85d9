#include <c10/util/StringUtil.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "kernels/base/registry.h"
#include "trainer/config/layer.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxConfigBytes = uintmax_t{1} << 20;
constexpr int kMaxConfigFiles = 100;  // that one config extends, counted as often as it does

/// "; did you mean 'other.yaml'?" from the files that stand where `path` should.
std::string file_suggestion(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().filename().string());
  }
  const std::string name = did_you_mean(path.filename().string(), names);
  return name.empty() ? "" : "; did you mean '" + (path.parent_path() / name).string() + "'?";
}

/// The file's text, or what keeps it from being read in `problem`.
std::optional<std::string> read_config_file(const fs::path& path, std::string& problem) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) {
    problem = "the file does not exist" + file_suggestion(path);
  } else if (!fs::is_regular_file(status)) {
    problem = "is not a file; give a YAML file";
  } else if (const auto bytes = fs::file_size(path, error); bytes > kMaxConfigBytes) {
    problem = c10::str("has ", bytes, " bytes; a config has at most ", kMaxConfigBytes);
  }
  if (!problem.empty()) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!(text << file.rdbuf()) && fs::file_size(path, error) > 0) {
    problem = "cannot be read; check its permissions";
    return std::nullopt;
  }
  return text.str();
}

class Loader {
 public:
  explicit Loader(Problems& problems) : problems_(problems) {}

  void load_file(const fs::path& path, const Place& place, const std::string& prefix) {
    std::string problem;
    if (++num_files_ > kMaxConfigFiles) {
      problems_.add_fatal(
          place, c10::str(prefix, "a config is made of at most ", kMaxConfigFiles, " files"));
    } else if (const auto text = read_config_file(path, problem)) {
      load_text(*text, path);
    } else {
      problems_.add_fatal(place, prefix + problem);
    }
  }

  void load_text(const std::string& text, const fs::path& path) {
    open_.push_back(path);
    Layer layer = parse_layer(text, path.string(), problems_);
    for (const auto& file : layer.extends) {
      const auto below = (path.parent_path() / file.text).lexically_normal();
      if (is_open(below)) {
        problems_.add_fatal(file.place, "extends goes in a circle: " + circle_to(below));
      } else {
        load_file(below, file.place, "extends '" + below.string() + "': ");
      }
    }
    layers_.push_back(std::move(layer));
    open_.pop_back();
  }

  std::vector<Layer> take() { return std::move(layers_); }

 private:
  static fs::path identity(const fs::path& path) {
    std::error_code ignored;
    return fs::weakly_canonical(fs::absolute(path, ignored), ignored);
  }

  bool is_open(const fs::path& path) const {
    return std::any_of(open_.begin(), open_.end(),
                       [&](const fs::path& other) { return identity(other) == identity(path); });
  }

  std::string circle_to(const fs::path& path) const {
    std::string text;
    for (const auto& file : open_) {
      if (!text.empty() || identity(file) == identity(path)) text += file.string() + " -> ";
    }
    return text + path.string();
  }

  Problems& problems_;
  int num_files_ = 0;
  std::vector<fs::path> open_;  // from the first file to the one that is read now
  std::vector<Layer> layers_;
};

}  // namespace

std::vector<Layer> load_layers(const std::string& path, Problems& problems) {
  Loader loader(problems);
  loader.load_file(path, {std::make_shared<Source>(Source{path, {}}), 0, 0}, "");
  return loader.take();
}

std::vector<Layer> load_text_layers(const std::string& text, const std::string& name,
                                    Problems& problems) {
  Loader loader(problems);
  loader.load_text(text, name);
  return loader.take();
}

}  // namespace nextframe
