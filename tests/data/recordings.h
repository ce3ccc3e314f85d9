// Recordings of PNG frames for tests: every pixel of frame t has the value t.
#pragma once

#include <png.h>

#include "data/dataset.h"
#include "data/import_dataset.h"
#include "tests/data/scratch.h"

namespace nextframe {

inline void write_png(const std::filesystem::path& path, const at::Tensor& pixels_HWC) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(pixels_HWC.size(0));
  image.width = static_cast<png_uint_32>(pixels_HWC.size(1));
  image.format = pixels_HWC.size(2) == 4   ? PNG_FORMAT_RGBA
                 : pixels_HWC.size(2) == 3 ? PNG_FORMAT_RGB
                                           : PNG_FORMAT_GRAY;
  ASSERT_NE(
      png_image_write_to_file(&image, path.c_str(), 0, pixels_HWC.const_data_ptr(), 0, nullptr), 0);
}

/// FOLDER/e0/0.png, 1.png ... without leading zeros, and `actions` as actions.csv unless empty.
inline void write_recording(const std::filesystem::path& folder, int64_t frames,
                            const std::string& actions = {}, const std::string& prefix = {},
                            int64_t size_px = 8) {
  std::filesystem::create_directories(folder / "e0");
  for (int64_t t = 0; t < frames; ++t) {
    write_png(folder / "e0" / (prefix + std::to_string(t) + ".png"),
              at::full({size_px, size_px, 3}, t, at::kByte));
  }
  if (!actions.empty()) std::ofstream(folder / "e0/actions.csv") << actions;
}

inline ImportOptions recording_options(const ScratchFolder& folder) {
  ImportOptions options;
  options.source = folder / "rec";
  options.out = folder / "d";
  return options;
}

/// Imports FOLDER/rec to FOLDER/d, and what was told of it.
inline ImportPlan import_recording(const ScratchFolder& folder, const ReadOptions& read = {}) {
  ImportOptions options = recording_options(folder);
  options.read = read;
  options.replace = true;
  ImportPlan told;
  import_dataset(options, nullptr, [&](const ImportPlan& plan) { told = plan; });
  return told;
}

inline Episode stored_episode(const ScratchFolder& folder) {
  const Dataset dataset(folder / "d/train/*.h5", 2, 1);
  return dataset.read_episode(0, 0, dataset.episode_frames(0));
}

/// The times that the stored frames show.
inline std::vector<int64_t> stored_times(const ScratchFolder& folder) {
  const at::Tensor times = stored_episode(folder).frames_THWC.flatten(1).select(1, 0).to(at::kLong);
  return {times.const_data_ptr<int64_t>(), times.const_data_ptr<int64_t>() + times.numel()};
}

/// The choices that are stored with the frames.
inline std::vector<int64_t> stored_choices(const ScratchFolder& folder) {
  const at::Tensor choices = stored_episode(folder).actions_TA.argmax(1);
  return {choices.const_data_ptr<int64_t>(), choices.const_data_ptr<int64_t>() + choices.numel()};
}

}  // namespace nextframe
