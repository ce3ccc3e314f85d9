#include "data/frame_column.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "data/checksum.h"

namespace nextframe {
namespace {

constexpr size_t kMostKept = 256;  // datasets of a file that stay open

/// Frames first, first + stride, ... as far as they lie before `end`.
int64_t count_before(int64_t end, int64_t first, int64_t stride) {
  return first >= end ? 0 : (end - 1 - first) / stride + 1;
}

}  // namespace

FrameColumn::FrameColumn(const H5File& file, std::shared_ptr<const EpisodeTable> table,
                         std::shared_ptr<const FrameFacts> known)
    : file_(&file), table_(std::move(table)), facts_(std::move(known)) {
  const bool keeps = num_datasets() <= kMostKept && table_->frames.by != SpreadColumn::By::frame;
  kept_.resize(keeps ? num_datasets() : 0);
  if (!facts_) look_at_all();
  for (size_t i = 0; i < kept_.size(); ++i) {
    if (!kept_[i]) kept_[i] = open(i);
  }
  if (kept_.size() == 1) plain_ = kept_[0]->plain_rows();
}

std::shared_ptr<FrameDataset> FrameColumn::open(size_t dataset) const {
  if (dataset < kept_.size() && kept_[dataset]) return kept_[dataset];
  const auto& name = table_->frames.datasets[dataset];
  auto opened = std::make_shared<FrameDataset>(*file_, name, table_->form,
                                               table_->frames.by == SpreadColumn::By::frame);
  if (!facts_) return opened;
  const auto& facts = *facts_;
  if (opened->num_frames() != facts.first_rows[dataset + 1] - facts.first_rows[dataset] ||
      opened->height_px() != facts.height_px || opened->width_px() != facts.width_px ||
      opened->channels() != facts.channels) {
    throw DataError("'" + name + "' is of another shape than when it was opened first");
  }
  return opened;
}

/// Each dataset must be there and hold frames of one size.
void FrameColumn::look_at_all() {
  FrameFacts facts;
  facts.first_rows = {0};
  for (size_t i = 0; i < num_datasets(); ++i) {
    const auto& name = table_->frames.datasets[i];
    if (num_datasets() > 1 && h5_kind(*file_, name) != H5Kind::dataset) {
      const bool is_frame = table_->frames.by == SpreadColumn::By::frame;
      throw DataError("has no dataset '" + name + "', which other " +
                      (is_frame ? "frames have; make the file again"
                                : "episodes have; leave that episode out, or choose frames that "
                                  "all of them have with data.columns.frames"));
    }
    const auto opened = open(i);
    add_facts(*opened, i, facts);
    if (i < kept_.size()) kept_[i] = opened;
  }
  facts_ = std::make_shared<const FrameFacts>(std::move(facts));
}

void FrameColumn::add_facts(const FrameDataset& dataset, size_t number, FrameFacts& facts) const {
  const auto& name = table_->frames.datasets[number];
  if (dataset.num_frames() == 0 && table_->frames.by == SpreadColumn::By::episode) {
    throw DataError("'" + name + "' has no frames: its episode is empty; leave it out");
  }
  if (number == 0) {
    facts.height_px = dataset.height_px();
    facts.width_px = dataset.width_px();
    facts.channels = dataset.channels();
    facts.layout = dataset.layout();
    facts.slow_reason = dataset.slow_reason();
    if (num_datasets() > 1) {
      facts.layout += c10::str(", and ", num_datasets() - 1, " more datasets");
    }
  }
  if (dataset.height_px() != facts.height_px || dataset.width_px() != facts.width_px ||
      dataset.channels() != facts.channels) {
    throw DataError(c10::str(
        "'", name, "' has frames of ", dataset.height_px(), "x", dataset.width_px(), "x",
        dataset.channels(), ", and '", table_->frames.datasets[0], "' of ", facts.height_px, "x",
        facts.width_px, "x", facts.channels, "; needed: frames of one size in a file"));
  }
  const auto& promised = table_->promised_frames;
  if (number < promised.size() && promised[number] >= 0 &&
      promised[number] != dataset.num_frames()) {
    throw DataError(c10::str("'", name, "' has ", dataset.num_frames(),
                             " frames, and the attributes of its episode say ", promised[number],
                             "; it is damaged, or was changed: make the file again"));
  }
  facts.first_rows.push_back(facts.first_rows.back() + dataset.num_frames());
  facts.num_pieces += dataset.num_pieces();
  facts.bytes_of_pieces += dataset.bytes_of_pieces();
  facts.stored_bytes += dataset.stored().stored_bytes();
  facts.has_checksum = facts.has_checksum && dataset.stored().has_checksum();
}

int64_t FrameColumn::num_chunks() const {
  const int64_t rows = chunk_frames();
  return rows == 0 ? 0 : num_frames() / rows + (num_frames() % rows != 0 ? 1 : 0);
}

void FrameColumn::expect_chunk_hashes(std::vector<int64_t> hashes) {
  if (plain_ != nullptr) plain_->expect_chunk_hashes(std::move(hashes));
}

size_t FrameColumn::dataset_of(int64_t row) const {
  const auto& first = facts_->first_rows;
  return static_cast<size_t>(std::upper_bound(first.begin(), first.end(), row) - first.begin()) - 1;
}

void FrameColumn::read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
  if (plain_ != nullptr) return plain_->read(first, count, stride, out);
  while (count > 0) {
    const size_t dataset = dataset_of(first);
    const int64_t begin = facts_->first_rows[dataset];
    const int64_t here =
        std::min(count, count_before(facts_->first_rows[dataset + 1], first, stride));
    const auto& name = table_->frames.datasets[dataset];
    try {
      open(dataset)->read(first - begin, here, stride, out);
    } catch (const DamagedRows& damage) {
      throw DamagedRows("in '" + name + "': " + damage.what(), damage.first + begin,
                        damage.last + begin);
    } catch (const DataError& error) {
      throw DamagedRows("in '" + name + "': " + error.what(), first,
                        first + (here - 1) * stride + 1);
    }
    first += here * stride;
    count -= here;
    out += here * frame_bytes();
  }
}

/// Of many datasets, of which as many are looked at as there may be pieces, evenly spread.
void FrameColumn::add_stored(Hasher& hasher, int64_t max_pieces) const {
  if (num_datasets() == 1) return open(0)->add_stored(hasher, max_pieces);
  const auto datasets = static_cast<int64_t>(num_datasets());
  const int64_t looked_at = std::clamp<int64_t>(max_pieces, 1, datasets);
  const bool is_whole = max_pieces >= num_pieces();
  for (int64_t i = 0; i < looked_at; ++i) {
    const auto dataset =
        static_cast<size_t>(i * (datasets / looked_at) + i * (datasets % looked_at) / looked_at);
    const int64_t pieces = is_whole ? max_pieces : std::max<int64_t>(max_pieces / looked_at, 1);
    try {
      open(dataset)->add_stored(hasher, pieces);
    } catch (const DataError&) {
      hasher.add(std::string("damaged"));  // told when a clip asks for it
    }
  }
}

int64_t FrameColumn::frames_at_once(int64_t bytes) const {
  if (plain_ != nullptr) return plain_->rows_at_once(bytes);
  const int64_t frames = std::max<int64_t>(bytes / std::max<int64_t>(frame_bytes(), 1), 1);
  if (num_datasets() == 1 && !table_->form.is_encoded) {
    return std::max(frames, open(0)->stored().rows_at_once(bytes));
  }
  return frames;
}

}  // namespace nextframe
