// What the tests of data/ share: a temporary folder, and shards to put there.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "data/error.h"
#include "data/shard_writer.h"
#include "tests/data/scratch_folder.h"

namespace nextframe {

/// What DataError said, or "" if there was none.
inline std::string data_error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Noise frames whose first byte is the frame's number in the episode; actions cycle through 0 1 2.
inline RecordedEpisode numbered_episode(int64_t frames, int64_t size_px = 8, int64_t channels = 3) {
  RecordedEpisode episode;
  episode.frames_THWC = at::randint(0, 256, {frames, size_px, size_px, channels}, at::kByte);
  episode.frames_THWC.flatten(1).select(1, 0).copy_(at::arange(frames));
  episode.actions = at::arange(frames).remainder(3);
  return episode;
}

inline ShardInfo three_actions() {
  ShardInfo info;
  info.dataset_uuid = "test";
  info.action_space = {ActionSpace::Kind::discrete, 3, {}};
  return info;
}

inline void write_shard(const std::filesystem::path& path,
                        const std::vector<RecordedEpisode>& episodes,
                        Compression compression = Compression::zstd,
                        const ShardInfo& info = three_actions()) {
  ShardWriter writer(path, info, compression);
  for (const auto& episode : episodes) writer.append(episode);
  writer.finish();
}

/// Flips the lowest bit of one byte.
inline void flip_bit(const std::filesystem::path& path, int64_t position) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(position);
  const auto byte = static_cast<char>(file.get());
  file.seekp(position);
  file.put(static_cast<char>(byte ^ 1));
}

/// Where these bytes stand in the file.
inline int64_t find_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ifstream file(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), {});
  const auto found = content.find(bytes);
  return found == std::string::npos ? -1 : static_cast<int64_t>(found);
}

}  // namespace nextframe
