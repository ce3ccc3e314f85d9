#include "trainer/checkpoint/digest.h"

#include <c10/util/Exception.h>
#include <xxhash.h>

#include <bit>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "launch/rank_agreement.h"
#include "trainer/checkpoint/rank_part.h"

namespace nextframe {
namespace {

static_assert(std::endian::native == std::endian::little,
              "digests hash little-endian bytes as they lie in memory");

class Hasher {
 public:
  Hasher() : state_(XXH3_createState(), XXH3_freeState) { XXH3_128bits_reset(state_.get()); }

  void bytes(const void* data, size_t size) { XXH3_128bits_update(state_.get(), data, size); }
  void number(int64_t value) { bytes(&value, sizeof(value)); }
  void text(const std::string& value) {
    number(static_cast<int64_t>(value.size()));  // so that "ab" + "c" differs from "a" + "bc"
    bytes(value.data(), value.size());
  }

  Hash hexadecimal() const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_.get()));
    Hash result;
    for (const unsigned char byte : canonical.digest) {
      for (const int digit : {byte >> 4, byte & 15}) result += "0123456789abcdef"[digit];
    }
    return result;
  }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

template <class Number>
void add(Hasher& hasher, const std::vector<Number>& values) {
  hasher.number(static_cast<int64_t>(values.size()));
  hasher.bytes(values.data(), values.size() * sizeof(Number));
}

void add(Hasher& hasher, const StepHistory& history) {
  add(hasher, history.losses);
  add(hasher, history.grad_norms);
  hasher.number(history.skipped_steps);
  hasher.number(history.bad_in_row);
  add(hasher, history.suspects);
  hasher.number(history.rollbacks);
  hasher.number(history.bad_until);
}

}  // namespace

Hash chunk_hash(const std::string& tensor_name, const std::vector<int64_t>& sizes,
                int64_t chunk_number, const float* values, int64_t count) {
  Hasher hasher;
  hasher.text(tensor_name);
  hasher.text("float32");
  hasher.number(static_cast<int64_t>(sizes.size()));
  for (const int64_t size : sizes) hasher.number(size);
  hasher.number(chunk_number);
  hasher.bytes(values, static_cast<size_t>(count) * sizeof(float));
  return hasher.hexadecimal();
}

Hash state_digest(const std::vector<Hash>& chunk_hashes, const Position& position) {
  Hasher hasher;
  for (const auto& hash : chunk_hashes) hasher.bytes(hash.data(), hash.size());
  hasher.number(position.step);
  hasher.number(position.samples);
  hasher.number(position.seed);
  hasher.number(static_cast<int64_t>(position.set_aside.size()));
  for (const auto& [clip, from_slot] : position.set_aside) {
    hasher.number(clip);
    hasher.number(from_slot);
  }
  // Checkpoints from before there was a history have none in their digest.
  if (position.history != StepHistory{}) add(hasher, position.history);
  for (const auto& segment : position.segments) {  // nothing for data that never grew
    hasher.number(segment.from_slot);
    hasher.number(segment.num_clips);
  }
  return hasher.hexadecimal();
}

Hash text_hash(const std::string& text) {
  Hasher hasher;
  hasher.bytes(text.data(), text.size());
  return hasher.hexadecimal();
}

std::string state_tensor_name(const StateBuffer& buffer, const FlatTensor& tensor) {
  return buffer.name + "/" + tensor.name;
}

Hash state_digest(const RunState& state) {
  std::vector<Hash> hashes;
  const auto all = part_of_rank(state, 0, 1);
  for (const auto& chunk : all.chunks) {
    hashes.push_back(
        chunk_hash(chunk.tensor, chunk.sizes, chunk.number, chunk.values, chunk.count));
  }
  return state_digest(hashes, state.position);
}

Hash state_digest(const RunState& state, Communicator& world) {
  nlohmann::json mine = nlohmann::json::array();
  for (const auto& chunk : part_of_rank(state, world.rank(), world.size()).chunks) {
    mine.push_back(
        {chunk.tensor, chunk.number,
         chunk_hash(chunk.tensor, chunk.sizes, chunk.number, chunk.values, chunk.count)});
  }
  std::map<std::pair<std::string, int64_t>, Hash> all;  // tensors by name, chunks by number
  for (const auto& part : gather_strings(world, mine.dump())) {
    for (const auto& item : nlohmann::json::parse(part))
      all[{item[0].get<std::string>(), item[1].get<int64_t>()}] = item[2].get<Hash>();
  }
  std::vector<Hash> hashes;
  for (const auto& [chunk, hash] : all) hashes.push_back(hash);
  return state_digest(hashes, state.position);
}

}  // namespace nextframe
