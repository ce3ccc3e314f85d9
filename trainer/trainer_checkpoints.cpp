// Where the training loop begins, and what it saves.

#include "kernels/torch.h"
#include "launch/rank_agreement.h"
#include "trainer/checkpoint/store.h"
#include "trainer/environment.h"
#include "trainer/exit_code.h"
#include "trainer/trainer.h"

namespace nextframe {

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
  return std::make_unique<Loader>(
      data_, Sampler(data_.num_clips(), static_cast<uint64_t>(config_.trainer.seed)), options);
}

void Trainer::restore() {
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
  position_ = load_state(found, manifest, state());
  sync_->take_order(manifest.bucket_order);
  saved_step_ = position_.step;
  if (manifest.dataset_fingerprint != data_.fingerprint()) {
    throw CheckpointError(found + ": was trained on data with fingerprint " +
                          manifest.dataset_fingerprint + ", data.train now has " +
                          data_.fingerprint() +
                          ". Give the same data, or start another run with --fork.");
  }
  const auto environment = numerics_environment(world_.device(), config_.parallel.threads);
  for (const auto& line : numerics_differences(manifest.environment, environment))
    console_.say(line);
  console_.say(c10::str("continuing from ", found, " (step ", position_.step, ")"));
}

void Trainer::save() {
  if (saved_step_ == position_.step) return;
  const auto pause = watchdog_.pause("save");
  Manifest manifest;
  manifest.config = to_yaml(config_);
  manifest.dataset_fingerprint = data_.fingerprint();
  manifest.shape = data_.shape();
  manifest.environment = numerics_environment(world_.device(), config_.parallel.threads);
  manifest.bucket_order = sync_->order();
  saver_.begin(state(), std::move(manifest));
  saved_step_ = position_.step;
}

void Trainer::finish_saving() {
  const auto pause = watchdog_.pause("save");
  saver_.finish();
}

}  // namespace nextframe
