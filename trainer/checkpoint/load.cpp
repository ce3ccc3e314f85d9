// The reading half of store.h. Nothing is used before its hash agrees.
#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <map>
#include <numeric>

#include "data/durable_file.h"
#include "data/input_file.h"
#include "trainer/checkpoint/store.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

int64_t product(const std::vector<int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
}

/// Whether the sizes of a tensor, which may be any numbers, multiply to `num_elements`.
bool multiplies_to(const std::vector<int64_t>& sizes, int64_t num_elements) {
  int64_t elements = 1;
  for (const int64_t size : sizes) {
    if (size > 0 && elements > std::numeric_limits<int64_t>::max() / size) return false;
    elements *= size;
  }
  return elements == num_elements;
}

bool is_inside_its_file(const Piece& piece, const Manifest& manifest) {
  const auto file = manifest.file_bytes.find(piece.file);
  return file != manifest.file_bytes.end() && piece.file_offset >= 0 && piece.num_elements > 0 &&
         piece.num_elements <= file->second / 4 &&
         piece.file_offset <= file->second - piece.num_elements * 4;
}

/// Pieces follow one another to the tensor's end, inside their files.
void check_pieces(const StoredTensor& tensor, const Manifest& manifest, const std::string& source) {
  int64_t next = 0;
  for (const auto& piece : tensor.pieces) {
    const int64_t num_chunks = (piece.num_elements + kChunkElements - 1) / kChunkElements;
    const bool follows = next % kChunkElements == 0 && piece.first_chunk == next / kChunkElements;
    if (!follows || !is_inside_its_file(piece, manifest) ||
        num_chunks != static_cast<int64_t>(piece.chunk_hashes.size())) {
      throw CheckpointError(source + ": the pieces of '" + tensor.name + "' do not fit together");
    }
    next += piece.num_elements;
  }
  if (!multiplies_to(tensor.sizes, next)) {
    throw CheckpointError(source + ": '" + tensor.name + "' is incomplete");
  }
}

/// Bytes [begin, end) of a file.
struct Extent {
  std::string file;
  int64_t begin, end;

  auto operator<=>(const Extent&) const = default;
};

void check_overlaps(std::vector<Extent> extents, const std::string& source) {
  std::sort(extents.begin(), extents.end());
  for (size_t i = 1; i < extents.size(); ++i) {
    if (extents[i - 1].file != extents[i].file || extents[i - 1].end <= extents[i].begin) continue;
    throw CheckpointError(source + ": two pieces have the same bytes of " + extents[i].file);
  }
}

/// The manifest's own promises: tensors by name, each complete, no byte of a file in two of them.
void check_layout(const Manifest& manifest, const std::string& source) {
  std::vector<Extent> extents;
  std::string before;
  for (const auto& tensor : manifest.tensors) {
    if (tensor.name <= before) {
      throw CheckpointError(source + ": '" + tensor.name + "' does not come after '" + before +
                            "'");
    }
    before = tensor.name;
    check_pieces(tensor, manifest, source);
    for (const auto& piece : tensor.pieces) {
      extents.push_back(
          {piece.file, piece.file_offset, piece.file_offset + piece.num_elements * 4});
    }
  }
  check_overlaps(std::move(extents), source);
}

/// Reads one chunk into `values` and compares its hash.
void read_chunk(std::ifstream& file, const fs::path& path, const StoredTensor& tensor,
                const Piece& piece, int64_t chunk_in_piece, float* values, int64_t count) {
  file.seekg(piece.file_offset + chunk_in_piece * kChunkElements * 4);
  file.read(reinterpret_cast<char*>(values), count * 4);
  if (!file) throw CheckpointError(path.string() + ": cut off inside '" + tensor.name + "'");
  const int64_t number = piece.first_chunk + chunk_in_piece;
  if (chunk_hash(tensor.name, tensor.sizes, number, values, count) !=
      piece.chunk_hashes[static_cast<size_t>(chunk_in_piece)]) {
    throw CheckpointError(path.string() + ": '" + tensor.name +
                          "' differs from its checksum in chunk " + std::to_string(number));
  }
}

/// Calls `visit(first element, values)` for every chunk of a tensor that overlaps [first, last).
template <class Visit>
void for_each_chunk(const fs::path& checkpoint, const StoredTensor& tensor, int64_t first,
                    int64_t last, const Visit& visit) {
  std::vector<float> values(kChunkElements);
  for (const auto& piece : tensor.pieces) {
    const int64_t piece_begin = piece.first_chunk * kChunkElements;
    if (piece_begin >= last || piece_begin + piece.num_elements <= first) continue;
    const auto path = checkpoint / piece.file;
    std::ifstream file(path, std::ios::binary);
    if (!file) throw CheckpointError(path.string() + ": cannot be opened");
    for (int64_t begin = 0; begin < piece.num_elements; begin += kChunkElements) {
      const int64_t count = std::min(kChunkElements, piece.num_elements - begin);
      if (piece_begin + begin >= last || piece_begin + begin + count <= first) continue;
      read_chunk(file, path, tensor, piece, begin / kChunkElements, values.data(), count);
      visit(piece_begin + begin, values.data(), count);
    }
  }
}

}  // namespace

std::optional<int64_t> checkpoint_step(const fs::path& checkpoint) {
  constexpr size_t kPrefix = 5;  // "step_"
  const auto name = checkpoint.filename().string();
  int64_t step = -1;
  if (name.size() <= kPrefix) return std::nullopt;
  std::from_chars(name.data() + kPrefix, name.data() + name.size(), step);
  return step >= 0 && name == checkpoint_name(step) ? std::optional(step) : std::nullopt;
}

std::vector<fs::path> list_checkpoints(const fs::path& checkpoints) {
  std::map<int64_t, fs::path> by_step;
  std::error_code ignored;  // what cannot be read holds none
  for (const auto& entry : fs::directory_iterator(checkpoints, ignored)) {
    const auto step = checkpoint_step(entry.path());
    if (step && entry.is_directory(ignored)) by_step[*step] = entry.path();
  }
  std::vector<fs::path> found;
  for (const auto& [step, path] : by_step) found.push_back(path);
  return found;
}

Manifest read_manifest(const fs::path& checkpoint) {
  const auto path = checkpoint / kManifestName;
  const auto found = what_stands_at(path);
  if (found == "missing") {
    throw CheckpointError(checkpoint.string() + ": no manifest.json, so this is no checkpoint");
  }
  if (!found.empty()) throw CheckpointError(path.string() + ": is " + found + ", no manifest");
  auto manifest = parse_manifest(read_text(path), path.string());
  check_layout(manifest, path.string());
  for (const auto& [name, bytes] : manifest.file_bytes) {
    const auto in_the_way = what_stands_at(checkpoint / name);
    if (!in_the_way.empty()) {
      throw CheckpointError((checkpoint / name).string() + ": is " + in_the_way);
    }
    std::error_code error;
    const auto found_bytes = fs::file_size(checkpoint / name, error);
    if (error) throw CheckpointError((checkpoint / name).string() + ": " + error.message());
    if (static_cast<int64_t>(found_bytes) != bytes) {
      throw CheckpointError((checkpoint / name).string() + ": has " + std::to_string(found_bytes) +
                            " bytes, needs " + std::to_string(bytes));
    }
  }
  if (digest_of(manifest) != manifest.digest) {
    throw CheckpointError(path.string() + ": the digest does not match the listed hashes");
  }
  return manifest;
}

std::vector<std::string> verify_checkpoint(const fs::path& checkpoint) {
  std::vector<std::string> problems;
  try {
    const auto manifest = read_manifest(checkpoint);
    for (const auto& tensor : manifest.tensors) {
      try {
        for_each_chunk(checkpoint, tensor, 0, product(tensor.sizes),
                       [](int64_t, const float*, int64_t) {});
      } catch (const CheckpointError& error) {
        problems.push_back(error.what());
      }
    }
  } catch (const std::exception& error) {
    problems.push_back(error.what());
  }
  return problems;
}

namespace {

/// As verify_checkpoint, and a folder that somebody renamed or copied is not the step of its name.
std::vector<std::string> verify_named(const fs::path& checkpoint) {
  auto problems = verify_checkpoint(checkpoint);
  if (!problems.empty()) return problems;
  const auto step = read_manifest(checkpoint).position.step;
  if (checkpoint_step(checkpoint) != step) {
    problems.push_back(checkpoint.string() + ": holds step " + std::to_string(step) +
                       ", so it was copied or renamed; its own name is " + checkpoint_name(step));
  }
  return problems;
}

}  // namespace

std::optional<fs::path> newest_valid_checkpoint(
    const fs::path& checkpoints, const std::function<void(const std::string&)>& say) {
  const auto found = list_checkpoints(checkpoints);
  std::string reasons;
  bool has_one_gone = false;  // pruned meanwhile by the run, which then has newer ones
  for (auto checkpoint = found.rbegin(); checkpoint != found.rend(); ++checkpoint) {
    const auto problems = verify_named(*checkpoint);
    if (problems.empty()) return *checkpoint;
    if (!fs::exists(*checkpoint)) {
      has_one_gone = true;
      continue;
    }
    say("passing over a broken checkpoint: " + problems.front());
    reasons += "\n  " + problems.front();
  }
  if (found.empty()) return std::nullopt;
  if (has_one_gone) return newest_valid_checkpoint(checkpoints, say);
  throw CheckpointError("none of the " + std::to_string(found.size()) + " checkpoints in " +
                        checkpoints.string() + " is valid:" + reasons +
                        "\nTo start again from step 0, move that folder away.");
}

at::Tensor read_slice(const fs::path& checkpoint, const StoredTensor& tensor, int64_t first,
                      int64_t count) {
  TORCH_CHECK(first >= 0 && count >= 0 && first + count <= product(tensor.sizes), "read_slice: [",
              first, ", ", first + count, ") is outside '", tensor.name, "' of ",
              product(tensor.sizes), " elements");
  auto result = at::empty({count}, at::kFloat);
  float* out = result.mutable_data_ptr<float>();
  for_each_chunk(checkpoint, tensor, first, first + count,
                 [&](int64_t begin, const float* values, int64_t size) {
                   const int64_t from = std::max(begin, first),
                                 to = std::min(begin + size, first + count);
                   std::copy(values + (from - begin), values + (to - begin), out + (from - first));
                 });
  return result;
}

namespace {

/// The tensor of the manifest that `buffer` wants, checked for its sizes.
const StoredTensor& find_stored(const fs::path& checkpoint, const Manifest& manifest,
                                const StateBuffer& buffer, const FlatTensor& tensor) {
  const auto name = state_tensor_name(buffer, tensor);
  const auto stored = std::find_if(manifest.tensors.begin(), manifest.tensors.end(),
                                   [&](const auto& candidate) { return candidate.name == name; });
  if (stored == manifest.tensors.end() || stored->sizes != tensor.sizes) {
    throw CheckpointError(checkpoint.string() + ": has no '" + name + "' of size " +
                          c10::str(at::IntArrayRef(tensor.sizes)) +
                          "; it was saved by another model");
  }
  return *stored;
}

}  // namespace

Position load_state(const fs::path& checkpoint, const Manifest& manifest, const RunState& state) {
  size_t num_loaded = 0;
  const ChunkOwners everything(state.layout, 1);
  for (const auto& buffer : state.buffers) {
    const auto& layout = state.layout.layout();
    std::vector<const StoredTensor*> stored(layout.size());
    const auto find = [&](size_t i) {
      stored[i] = &find_stored(checkpoint, manifest, buffer, layout[i]);
      ++num_loaded;
    };
    if (buffer.tensors == nullptr) {
      for (size_t i = 0; i < layout.size(); ++i) find(i);
    } else {
      for (const int64_t i : *buffer.tensors) find(static_cast<size_t>(i));
    }
    for (const auto& span : buffer.owned != nullptr ? *buffer.owned : everything.spans(0)) {
      const auto values =
          read_slice(checkpoint, *stored[static_cast<size_t>(span.tensor)], span.first, span.count);
      buffer.values.narrow(0, span.offset, span.count).copy_(values);
    }
  }
  if (num_loaded != manifest.tensors.size() && state.buffers.size() > 1) {
    throw CheckpointError(checkpoint.string() + ": holds " +
                          std::to_string(manifest.tensors.size()) + " tensors, this model has " +
                          std::to_string(num_loaded));
  }
  return manifest.position;
}

}  // namespace nextframe
