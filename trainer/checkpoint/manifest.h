// The manifest of a checkpoint: lists every tensor as hashed intervals of files. Without a valid
// manifest a checkpoint does not exist.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/action_scale.h"
#include "data/batch.h"
#include "data/shard_identity.h"
#include "trainer/checkpoint/digest.h"

namespace nextframe {

/// Consecutive chunks of one flattened tensor, back to back in one file, float32 little-endian.
struct Piece {
  std::string file;
  int64_t file_offset = 0;  // bytes
  int64_t first_chunk = 0;
  int64_t num_elements = 0;
  std::vector<Hash> chunk_hashes;
};

struct StoredTensor {
  std::string name;
  std::vector<int64_t> sizes;
  std::vector<Piece> pieces;  // by first_chunk, without gap or overlap
};

struct Manifest {
  Position position;
  int64_t world_size = 1;
  std::string config;  // the run's resolved.yaml
  std::string dataset_fingerprint;
  std::vector<ShardIdentity> shards;               // of the training data; none in older manifests
  ClipShape shape;                                 // of the clips that the model was built for
  std::map<std::string, std::string> environment;  // see trainer/environment.h
  std::map<std::string, int64_t> file_bytes;
  std::vector<StoredTensor> tensors;  // by name
  std::vector<std::string>
      bucket_order;  // parameter names, in the order of gradient buckets; or empty
  Hash digest;
  ActionScale action_scale;  // of the training data; empty: actions are taken as they are stored
};

inline constexpr char kManifestName[] = "manifest.json";

/// JSON with a checksum of itself.
std::string to_json(const Manifest& manifest);

/// Throws CheckpointError, which names `source`, if the text is cut off, altered or in another
/// format, or holds a number that nothing can have.
Manifest parse_manifest(const std::string& text, const std::string& source);

/// Computes the digest from the listed chunk hashes and the position.
Hash digest_of(const Manifest& manifest);

/// The pieces of one rank, as it sends them to the rank that writes the manifest.
std::string pieces_to_json(const std::vector<StoredTensor>& tensors, const std::string& file,
                           int64_t file_bytes);
void merge_pieces(Manifest& manifest, const std::string& pieces_json);

}  // namespace nextframe
