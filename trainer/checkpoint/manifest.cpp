#include "trainer/checkpoint/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "trainer/exit_code.h"

namespace nextframe {

using Json = nlohmann::ordered_json;

void to_json(Json& json, const Piece& piece) {
  json = {{"file", piece.file},
          {"file_offset", piece.file_offset},
          {"first_chunk", piece.first_chunk},
          {"num_elements", piece.num_elements},
          {"chunk_hashes", piece.chunk_hashes}};
}

void from_json(const Json& json, Piece& piece) {
  json.at("file").get_to(piece.file);
  json.at("file_offset").get_to(piece.file_offset);
  json.at("first_chunk").get_to(piece.first_chunk);
  json.at("num_elements").get_to(piece.num_elements);
  json.at("chunk_hashes").get_to(piece.chunk_hashes);
}

void to_json(Json& json, const DataSegment& segment) {
  json = {{"from_slot", segment.from_slot},
          {"num_clips", segment.num_clips},
          {"num_shards", segment.num_shards}};
}

void from_json(const Json& json, DataSegment& segment) {
  json.at("from_slot").get_to(segment.from_slot);
  json.at("num_clips").get_to(segment.num_clips);
  json.at("num_shards").get_to(segment.num_shards);
}

void to_json(Json& json, const ShardIdentity& shard) { json = to_line(shard); }

void from_json(const Json& json, ShardIdentity& shard) {
  shard = parse_shard_identity(json.get<std::string>());
}

void to_json(Json& json, const SetAsideClip& clip) { json = {clip.clip, clip.from_slot}; }

void from_json(const Json& json, SetAsideClip& clip) {
  json.at(0).get_to(clip.clip);
  json.at(1).get_to(clip.from_slot);
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
  json.at("skipped_steps").get_to(history.skipped_steps);
  json.at("bad_in_row").get_to(history.bad_in_row);
  json.at("suspects").get_to(history.suspects);
  json.at("rollbacks").get_to(history.rollbacks);
  json.at("bad_until").get_to(history.bad_until);
}

void to_json(Json& json, const StoredTensor& tensor) {
  json = {{"name", tensor.name},
          {"dtype", "float32"},
          {"sizes", tensor.sizes},
          {"pieces", tensor.pieces}};
}

void from_json(const Json& json, StoredTensor& tensor) {
  json.at("name").get_to(tensor.name);
  json.at("sizes").get_to(tensor.sizes);
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
  json["checksum"] = text_hash(json.dump());
  return json.dump(1) + "\n";
}

Manifest parse_manifest(const std::string& text, const std::string& source) {
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
    Manifest manifest;
    json.at("step").get_to(manifest.position.step);
    json.at("samples").get_to(manifest.position.samples);
    json.at("seed").get_to(manifest.position.seed);
    json.at("set_aside").get_to(manifest.position.set_aside);
    if (json.contains("history")) json["history"].get_to(manifest.position.history);
    json.at("world_size").get_to(manifest.world_size);
    json.at("digest").get_to(manifest.digest);
    json.at("dataset_fingerprint").get_to(manifest.dataset_fingerprint);
    if (json.contains("data_segments")) json["data_segments"].get_to(manifest.position.segments);
    if (json.contains("shards")) json["shards"].get_to(manifest.shards);
    check_segments(manifest.position, source);
    json.at("clip_frames").get_to(manifest.shape.clip_frames);
    json.at("height_px").get_to(manifest.shape.height_px);
    json.at("width_px").get_to(manifest.shape.width_px);
    json.at("channels").get_to(manifest.shape.channels);
    json.at("action_width").get_to(manifest.shape.action_width);
    json.at("environment").get_to(manifest.environment);
    if (json.contains("bucket_order")) json["bucket_order"].get_to(manifest.bucket_order);
    json.at("config").get_to(manifest.config);
    json.at("file_bytes").get_to(manifest.file_bytes);
    json.at("tensors").get_to(manifest.tensors);
    return manifest;
  } catch (const Json::exception& error) {
    throw CheckpointError(source + ": cannot be read: " + error.what());
  } catch (const std::invalid_argument& error) {
    throw CheckpointError(source + ": cannot be read: " + error.what());
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
