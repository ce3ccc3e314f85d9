#include "data/video/video_decoder.h"

#include <dlfcn.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "data/error.h"

namespace nextframe {
namespace {

constexpr const char* kModule = "nextframe_video.so";

struct LoadedModule {
  const VideoModule* module = nullptr;
  std::string problem;
};

/// Beside the program, or where the build made it.
LoadedModule load_module() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::string problem = "this program was built without ffmpeg's libraries";
  for (const auto& path :
       {program.parent_path() / kModule, std::filesystem::path(NF_VIDEO_MODULE)}) {
    if (path.empty() || !std::filesystem::exists(path, error)) continue;
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* symbol = library == nullptr ? nullptr : ::dlsym(library, "nextframe_video_module");
    if (symbol != nullptr) return {reinterpret_cast<const VideoModule* (*)()>(symbol)(), ""};
    problem = path.string() + " cannot be loaded: " + ::dlerror();
  }
  return {nullptr, problem};
}

const LoadedModule& loaded_module() {
  static const LoadedModule loaded = load_module();
  return loaded;
}

bool has_extension(const std::filesystem::path& path, const std::set<std::string>& known) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return known.contains(extension);
}

}  // namespace

double VideoFacts::mean_fps() const {
  return duration_s > 0 ? static_cast<double>(times_s.size()) / duration_s : 0;
}

bool VideoFacts::has_variable_rate() const {
  if (times_s.size() < 3) return false;
  double shortest_s = duration_s, longest_s = 0;
  for (size_t i = 1; i < times_s.size(); ++i) {
    shortest_s = std::min(shortest_s, times_s[i] - times_s[i - 1]);
    longest_s = std::max(longest_s, times_s[i] - times_s[i - 1]);
  }
  // Containers round times to a millisecond, GIF to ten.
  return longest_s - shortest_s > 0.011;
}

const VideoModule& video_module() {
  if (loaded_module().module != nullptr) return *loaded_module().module;
  throw DataError(loaded_module().problem +
                  "; run scripts/setup, which installs them, and scripts/build again");
}

std::string describe_video_module() {
  const auto& [module, problem] = loaded_module();
  return module != nullptr ? module->versions() : "none: " + problem;
}

bool has_video_extension(const std::filesystem::path& path) {
  static const std::set<std::string> kKnown{".mp4", ".m4v", ".mov",  ".webm", ".mkv", ".avi",
                                            ".gif", ".mpg", ".mpeg", ".wmv",  ".flv", ".ts"};
  return has_extension(path, kKnown);
}

bool has_picture_extension(const std::filesystem::path& path) {
  static const std::set<std::string> kKnown{".jpg", ".jpeg", ".webp", ".bmp"};
  return has_extension(path, kKnown);
}

}  // namespace nextframe
