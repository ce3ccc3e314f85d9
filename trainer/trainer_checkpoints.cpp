// Where the training loop begins, and what it saves.

#include <algorithm>

#include "kernels/torch.h"
#include "launch/rank_agreement.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/store.h"
#include "trainer/environment.h"
#include "trainer/exit_code.h"
#include "trainer/trainer.h"

namespace nextframe {
namespace {

constexpr size_t kMaxLines = 8;  // of shards that are named

void add_lines(std::string& text, const std::string& before,
               const std::vector<std::string>& lines) {
  for (size_t i = 0; i < std::min(lines.size(), kMaxLines); ++i) text += "\n  " + before + lines[i];
  if (lines.size() > kMaxLines) text += c10::str("\n  ", before, lines.size() - kMaxLines, " more");
}

std::string describe_lines(const DataDifference& difference) {
  std::string text;
  add_lines(text, "", difference.lost);
  add_lines(text, "new: ", difference.added);
  return text;
}

std::string describe(const DataDifference& difference) {
  return ": data.train is not what this run was trained on:" + describe_lines(difference) +
         "\nNothing was changed. Give it the same data again; or let it go on with the data as "
         "they "
         "are now: --accept-new-data; or start another run: --fork NEW_DIR";
}

/// A model for other frames or more actions could not take the checkpoint's tensors.
void require_same_shape(const ClipShape& trained, const ClipShape& now, const std::string& found) {
  const auto in_words = [](const ClipShape& shape) {
    return c10::str(shape.height_px, "x", shape.width_px, "x", shape.channels, " frames with ",
                    shape.action_width, " action values");
  };
  if (in_words(trained) == in_words(now)) return;
  throw CheckpointError(found + ": was trained on " + in_words(trained) + ", data.train now has " +
                        in_words(now) +
                        "; give it such data, or start another run: --fork NEW_DIR");
}

}  // namespace

RunState Trainer::state() const { return {parameters_, optimizer_.state(), position_}; }

/// What reads and writes from the present position on.
void Trainer::open_loader_and_logs() {
  loader_ = make_loader();
  if (!world_.is_root()) return;
  const auto say = [this](const std::string& line) { console_.say(line); };
  metrics_.emplace(folder_.metrics(), position_.step, say);
  tensorboard_.emplace(folder_.path, position_.step, say);
}

std::unique_ptr<Loader> Trainer::make_loader() const {
  LoaderOptions options;
  options.global_batch = config_.trainer.global_batch;
  options.grains = config_.trainer.grains;
  options.first_grain = grains_.first(world_.rank());
  options.last_grain = grains_.end(world_.rank());
  options.grain_stride = grains_.stride();
  options.first_step = position_.step;
  options.threads = config_.data.loader_threads;
  options.prefetch_grains = config_.data.prefetch_grains;
  options.on_corrupt = config_.data.on_corrupt;
  options.set_aside = position_.set_aside;
  options.should_stop = [this] { return stops_->requested() != StopRequest::none; };
  options.warn = [this](const std::string& damage) {
    console_.say("a damaged clip was replaced: " + damage);
  };
  const auto seed = static_cast<uint64_t>(config_.trainer.seed);
  const Sampler order = position_.segments.empty() ? Sampler(data_.num_clips(), seed)
                                                   : Sampler(position_.segments, seed);
  return std::make_unique<Loader>(data_, order, options);
}

void Trainer::restore(bool accepts_new_data) {
  const auto pause = watchdog_.pause("restore");
  saver_.finish();
  std::string found, problem;
  if (world_.is_root()) {
    try {
      remove_leftovers(folder_.checkpoints());
      const auto say = [&](const std::string& line) { console_.say(line); };
      const auto checkpoint = newest_valid_checkpoint(folder_.checkpoints(), say);
      if (checkpoint) found = checkpoint->string();
    } catch (const std::exception& error) {
      problem = error.what();
    }
  }
  problem = broadcast_string(*control_, problem);
  if (!problem.empty()) throw CheckpointError(problem);
  found = broadcast_string(*control_, found);
  if (found.empty()) return;

  const auto manifest = read_manifest(found);
  require_same_shape(manifest.shape, data_.shape(), found);
  data_.scale_actions(manifest.action_scale);  // the weights know no other
  const auto known_segments = position_.segments;
  position_ = load_state(found, manifest, state());
  sync_->take_order(manifest.bucket_order);
  saved_step_ = position_.step;
  recognise_data(manifest, found, known_segments, accepts_new_data);
  const auto environment = numerics_environment(world_.device(), config_.parallel.threads);
  for (const auto& line : numerics_differences(manifest.environment, environment))
    console_.say(line);
  console_.say(c10::str("continuing from ", found, " (step ", position_.step, ")"));
}

/// Puts the shards in the order that the checkpoint knows them in, so that files may be moved and
/// renamed. `known` is how the data grew before this process went back to a checkpoint.
void Trainer::recognise_data(const Manifest& manifest, const std::string& checkpoint,
                             const std::vector<DataSegment>& known, bool accepts_new_data) {
  DataDifference difference;
  if (!manifest.shards.empty()) {
    difference = compare_shards(manifest.shards, data_.identities());
    if (!std::is_sorted(difference.order.begin(), difference.order.end())) {
      data_.arrange(difference.order);
    }
  } else if (manifest.dataset_fingerprint != data_.old_fingerprint()) {
    difference.lost = {"names, sizes, episodes or actions of its shards have changed"};
  }
  const bool has_grown_before = std::any_of(known.begin(), known.end(), [&](const auto& segment) {
    return segment.num_shards == static_cast<int64_t>(manifest.shards.size());
  });
  if (difference.lost.empty() && (difference.added.empty() || has_grown_before)) {
    const auto& segments = position_.segments;
    if (segments.empty() || segments.back().num_clips == data_.num_clips() || has_grown_before)
      return;
    throw CheckpointError(checkpoint + ": its list of shards and its number of clips disagree");
  }
  if (!accepts_new_data) throw CheckpointError(checkpoint + describe(difference));
  begin_segment(difference, manifest);
}

/// From the present step on all shards count that are there now. Where some were lost, clips get
/// other numbers, and nothing that is known of single clips holds any more.
void Trainer::begin_segment(const DataDifference& difference, const Manifest& manifest) {
  auto& segments = position_.segments;
  const auto num_known = manifest.shards.size();
  const DataSegment next{position_.samples, data_.num_clips(),
                         static_cast<int64_t>(data_.identities().size())};
  if (!difference.lost.empty()) {
    segments.clear();
    position_.set_aside.clear();
    position_.history.suspects.clear();
    position_.history.bad_in_row = 0;
  } else if (segments.empty() && position_.samples > 0) {
    segments.push_back({0, data_.num_clips_of(num_known), static_cast<int64_t>(num_known)});
  } else if (!segments.empty() && segments.back().from_slot == position_.samples) {
    segments.pop_back();
  }
  segments.push_back(next);
  has_new_data_ = true;
  saved_step_ = -1;
  console_.say(c10::str("from step ", position_.step + 1, " on the run draws from ",
                        next.num_shards, " shards (", next.num_clips, " clips), not from ",
                        num_known, describe_lines(difference)));
}

void Trainer::save() {
  if (saved_step_ == position_.step) return;
  const auto pause = watchdog_.pause("save");
  Manifest manifest;
  manifest.config = to_yaml(config_);
  manifest.dataset_fingerprint = data_.fingerprint();
  manifest.shards = data_.identities();
  manifest.shape = data_.shape();
  manifest.action_scale = data_.action_scale();
  manifest.environment = numerics_environment(world_.device(), config_.parallel.threads);
  manifest.bucket_order = sync_->order();
  saver_.begin(state(), std::move(manifest));
  saved_step_ = position_.step;
}

void Trainer::save_beginning() {
  save();
  finish_saving();
}

void Trainer::finish_saving() {
  const auto pause = watchdog_.pause("save");
  saver_.finish();
}

}  // namespace nextframe
