#include "trainer/checkpoint/manifest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "data/action_space.h"
#include "data/input_file.h"
#include "trainer/exit_code.h"

namespace nextframe {

using Json = nlohmann::ordered_json;

namespace {

constexpr int64_t kMostCount = int64_t{1} << 53;  // of anything that is counted: exact in any JSON

/// A whole number from `least` to `most`. JSON's own conversion takes 1e300 and true for integers.
int64_t count_of(const Json& value, int64_t least = 0, int64_t most = kMostCount) {
  const bool is_integer = value.is_number_integer();
  const bool is_large = value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{1} << 62;
  if (!is_integer || is_large || value.get<int64_t>() < least || value.get<int64_t>() > most) {
    throw std::invalid_argument(value.dump().substr(0, 40) + " is not an integer from " +
                                std::to_string(least) + " to " + std::to_string(most));
  }
  return value.get<int64_t>();
}

int64_t count_of(const Json& json, const char* key, int64_t least = 0, int64_t most = kMostCount) {
  try {
    return count_of(json.at(key), least, most);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument("'" + std::string(key) + "' = " + error.what());
  }
}

std::vector<int64_t> counts_of(const Json& list) {
  if (!list.is_array()) throw std::invalid_argument("a list of integers is something else");
  std::vector<int64_t> values;
  for (const auto& item : list) values.push_back(count_of(item));
  return values;
}

/// Of the clips that the model was made for, in the limits that data and configs have.
ClipShape shape_of(const Json& json) {
  constexpr int64_t kMostSide_px = 65536, kMostFrames = 65536;
  ClipShape shape;
  shape.clip_frames = count_of(json, "clip_frames", 0, kMostFrames);
  shape.height_px = count_of(json, "height_px", 0, kMostSide_px);
  shape.width_px = count_of(json, "width_px", 0, kMostSide_px);
  shape.channels = count_of(json, "channels", 0, 3);
  shape.action_width = count_of(json, "action_width", 0, kMaxClipActionWidth);
  return shape;
}

/// A centre and a scale for each number of an action; none in older manifests.
ActionScale action_scale_of(const Json& json, const ClipShape& shape) {
  ActionScale scale;
  if (!json.contains("action_scale")) return scale;
  json["action_scale"].at("centre").get_to(scale.centre);
  json["action_scale"].at("scale").get_to(scale.scale);
  const auto count = static_cast<int64_t>(scale.centre.size());
  const auto is_finite = [](double value) { return std::isfinite(value); };
  if (count == 0 || scale.scale.size() != scale.centre.size() || shape.action_width % count != 0 ||
      !std::ranges::all_of(scale.centre, is_finite) ||
      !std::ranges::all_of(scale.scale, [](double v) { return std::isfinite(v) && v > 0; })) {
    throw std::invalid_argument("'action_scale' is not a centre and a scale above 0 for each of " +
                                std::to_string(shape.action_width) + " numbers");
  }
  return scale;
}

/// File names without a folder, so that a manifest cannot point out of its checkpoint.
std::map<std::string, int64_t> file_bytes_of(const Json& json) {
  std::map<std::string, int64_t> files;
  for (const auto& [name, bytes] : json.items()) {
    const bool is_plain = !name.empty() && name.front() != '.' &&
                          name.find_first_of(std::string_view("/\0", 2)) == std::string::npos;
    if (!is_plain) throw std::invalid_argument("'" + name + "' is not a file of a checkpoint");
    files[name] = count_of(bytes);
  }
  return files;
}

}  // namespace

void to_json(Json& json, const Piece& piece) {
  json = {{"file", piece.file},
          {"file_offset", piece.file_offset},
          {"first_chunk", piece.first_chunk},
          {"num_elements", piece.num_elements},
          {"chunk_hashes", piece.chunk_hashes}};
}

void from_json(const Json& json, Piece& piece) {
  json.at("file").get_to(piece.file);
  piece.file_offset = count_of(json, "file_offset");
  piece.first_chunk = count_of(json, "first_chunk");
  piece.num_elements = count_of(json, "num_elements");
  json.at("chunk_hashes").get_to(piece.chunk_hashes);
}

void to_json(Json& json, const DataSegment& segment) {
  json = {{"from_slot", segment.from_slot},
          {"num_clips", segment.num_clips},
          {"num_shards", segment.num_shards}};
}

void from_json(const Json& json, DataSegment& segment) {
  segment.from_slot = count_of(json, "from_slot");
  segment.num_clips = count_of(json, "num_clips");
  segment.num_shards = count_of(json, "num_shards");
}

void to_json(Json& json, const ShardIdentity& shard) { json = to_line(shard); }

void from_json(const Json& json, ShardIdentity& shard) {
  shard = parse_shard_identity(json.get<std::string>());
}

void to_json(Json& json, const SetAsideClip& clip) { json = {clip.clip, clip.from_slot}; }

void from_json(const Json& json, SetAsideClip& clip) {
  clip.clip = count_of(json.at(0));
  clip.from_slot = count_of(json.at(1));
}

// Numbers are written so that they are read back as the same bits.
void to_json(Json& json, const StepHistory& history) {
  json = {{"losses", history.losses},
          {"grad_norms", history.grad_norms},
          {"skipped_steps", history.skipped_steps},
          {"bad_in_row", history.bad_in_row},
          {"suspects", history.suspects},
          {"rollbacks", history.rollbacks},
          {"bad_until", history.bad_until}};
}

void from_json(const Json& json, StepHistory& history) {
  json.at("losses").get_to(history.losses);
  json.at("grad_norms").get_to(history.grad_norms);
  history.skipped_steps = count_of(json, "skipped_steps");
  history.bad_in_row = count_of(json, "bad_in_row");
  history.suspects = counts_of(json.at("suspects"));
  history.rollbacks = count_of(json, "rollbacks");
  history.bad_until = count_of(json, "bad_until");
}

void to_json(Json& json, const StoredTensor& tensor) {
  json = {{"name", tensor.name},
          {"dtype", "float32"},
          {"sizes", tensor.sizes},
          {"pieces", tensor.pieces}};
}

void from_json(const Json& json, StoredTensor& tensor) {
  json.at("name").get_to(tensor.name);
  tensor.sizes = counts_of(json.at("sizes"));
  json.at("pieces").get_to(tensor.pieces);
}

namespace {

/// A text that was altered together with its checksum must not lead astray.
void check_segments(const Position& position, const std::string& source) {
  int64_t next_slot = 0;
  for (const auto& segment : position.segments) {
    if (segment.from_slot < next_slot || segment.from_slot > position.samples ||
        segment.num_clips < 1 || segment.num_shards < 1) {
      throw CheckpointError(source + ": data_segments make no sense");
    }
    next_slot = segment.from_slot + 1;
  }
}

}  // namespace

std::string to_json(const Manifest& manifest) {
  Json json = {{"format", "nextframe-checkpoint"},
               {"format_version", 1},
               {"step", manifest.position.step},
               {"samples", manifest.position.samples},
               {"seed", manifest.position.seed},
               {"set_aside", manifest.position.set_aside},
               {"history", manifest.position.history},
               {"world_size", manifest.world_size},
               {"digest", manifest.digest},
               {"dataset_fingerprint", manifest.dataset_fingerprint},
               {"data_segments", manifest.position.segments},
               {"shards", manifest.shards},
               {"clip_frames", manifest.shape.clip_frames},
               {"height_px", manifest.shape.height_px},
               {"width_px", manifest.shape.width_px},
               {"channels", manifest.shape.channels},
               {"action_width", manifest.shape.action_width},
               {"environment", manifest.environment},
               {"bucket_order", manifest.bucket_order},
               {"config", manifest.config},
               {"file_bytes", manifest.file_bytes},
               {"tensors", manifest.tensors}};
  if (const auto& scale = manifest.action_scale; !scale.is_empty()) {
    json["action_scale"] = {{"centre", scale.centre}, {"scale", scale.scale}};
  }
  json["checksum"] = text_hash(json.dump());
  return json.dump(1) + "\n";
}

namespace {

Manifest manifest_of(const Json& json) {
  Manifest manifest;
  manifest.position.step = count_of(json, "step");
  manifest.position.samples = count_of(json, "samples");
  manifest.position.seed = count_of(json, "seed", 0, std::numeric_limits<int64_t>::max());
  json.at("set_aside").get_to(manifest.position.set_aside);
  if (json.contains("history")) json["history"].get_to(manifest.position.history);
  manifest.world_size = count_of(json, "world_size", 1);
  json.at("digest").get_to(manifest.digest);
  json.at("dataset_fingerprint").get_to(manifest.dataset_fingerprint);
  if (json.contains("data_segments")) json["data_segments"].get_to(manifest.position.segments);
  if (json.contains("shards")) json["shards"].get_to(manifest.shards);
  manifest.shape = shape_of(json);
  manifest.action_scale = action_scale_of(json, manifest.shape);
  json.at("environment").get_to(manifest.environment);
  if (json.contains("bucket_order")) json["bucket_order"].get_to(manifest.bucket_order);
  json.at("config").get_to(manifest.config);
  manifest.file_bytes = file_bytes_of(json.at("file_bytes"));
  json.at("tensors").get_to(manifest.tensors);
  return manifest;
}

}  // namespace

Manifest parse_manifest(const std::string& text, const std::string& source) {
  // What follows recurses into the brackets.
  if (json_depth(text) > kMostJsonDepth) {
    throw CheckpointError(source + ": is no manifest: its brackets nest too deeply");
  }
  try {
    Json json = Json::parse(text);
    if (json.at("format") != "nextframe-checkpoint" || json.at("format_version") != 1) {
      throw CheckpointError(source + ": not a checkpoint manifest of format version 1");
    }
    const auto checksum = json.at("checksum").get<std::string>();
    json.erase("checksum");
    if (checksum != text_hash(json.dump())) {
      throw CheckpointError(source + ": the manifest was altered (its checksum does not match)");
    }
    auto manifest = manifest_of(json);
    check_segments(manifest.position, source);
    return manifest;
  } catch (const CheckpointError&) {
    throw;
  } catch (const Json::exception& error) {
    throw CheckpointError(source + ": cannot be read: " + json_reason(error));
  } catch (const std::invalid_argument& error) {
    throw CheckpointError(source + ": " + error.what());
  }
}

Hash digest_of(const Manifest& manifest) {
  std::vector<Hash> hashes;
  for (const auto& tensor : manifest.tensors) {
    for (const auto& piece : tensor.pieces) {
      hashes.insert(hashes.end(), piece.chunk_hashes.begin(), piece.chunk_hashes.end());
    }
  }
  return state_digest(hashes, manifest.position);
}

std::string pieces_to_json(const std::vector<StoredTensor>& tensors, const std::string& file,
                           int64_t file_bytes) {
  return Json({{"file", file}, {"bytes", file_bytes}, {"tensors", tensors}}).dump();
}

void merge_pieces(Manifest& manifest, const std::string& pieces_json) {
  const auto json = Json::parse(pieces_json);
  manifest.file_bytes[json.at("file").get<std::string>()] = json.at("bytes").get<int64_t>();
  for (auto& tensor : json.at("tensors").get<std::vector<StoredTensor>>()) {
    const auto known =
        std::lower_bound(manifest.tensors.begin(), manifest.tensors.end(), tensor.name,
                         [](const auto& stored, const auto& name) { return stored.name < name; });
    if (known != manifest.tensors.end() && known->name == tensor.name) {
      auto& pieces = known->pieces;
      pieces.insert(pieces.end(), tensor.pieces.begin(), tensor.pieces.end());
      std::sort(pieces.begin(), pieces.end(), [](const Piece& left, const Piece& right) {
        return left.first_chunk < right.first_chunk;
      });
    } else {
      manifest.tensors.insert(known, std::move(tensor));
    }
  }
}

}  // namespace nextframe
