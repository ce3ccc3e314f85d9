#include "trainer/config/suggestion.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "kernels/base/registry.h"

namespace nextframe {
namespace {

struct Alias {
  std::string_view word;  // as other programs call it
  std::string_view key;
};

constexpr std::array kAliases = {
    Alias{"learning_rate", "optimizer.lr"},
    Alias{"max_lr", "optimizer.lr"},
    Alias{"wd", "optimizer.weight_decay"},
    Alias{"eps", "optimizer.epsilon"},
    Alias{"grad_clip", "optimizer.clip_norm"},
    Alias{"gradient_clip", "optimizer.clip_norm"},
    Alias{"max_grad_norm", "optimizer.clip_norm"},
    Alias{"ema", "optimizer.ema_decay"},
    Alias{"warmup", "schedule.warmup_steps"},
    Alias{"cooldown_steps", "schedule.decay_steps"},
    Alias{"min_lr_ratio", "schedule.final_fraction"},
    Alias{"lr_schedule", "schedule.kind"},
    Alias{"batch_size", "trainer.global_batch"},
    Alias{"global_batch_size", "trainer.global_batch"},
    Alias{"gradient_accumulation", "trainer.grains"},
    Alias{"gradient_accumulation_steps", "trainer.grains"},
    Alias{"accumulation_steps", "trainer.grains"},
    Alias{"max_steps", "trainer.steps"},
    Alias{"num_steps", "trainer.steps"},
    Alias{"epochs", "trainer.steps"},
    Alias{"iterations", "trainer.steps"},
    Alias{"dtype", "trainer.precision"},
    Alias{"amp", "trainer.precision"},
    Alias{"mixed_precision", "trainer.precision"},
    Alias{"gradient_checkpointing", "trainer.recompute"},
    Alias{"activation_checkpointing", "trainer.recompute"},
    Alias{"log_every", "trainer.log_every_steps"},
    Alias{"log_interval", "trainer.log_every_steps"},
    Alias{"num_threads", "parallel.threads"},
    Alias{"fsdp", "parallel.shard"},
    Alias{"zero_stage", "parallel.shard"},
    Alias{"deterministic", "parallel.reduce"},
    Alias{"accelerator", "parallel.device"},
    Alias{"save_every", "checkpoint.every_steps"},
    Alias{"save_interval", "checkpoint.every_steps"},
    Alias{"save_total_limit", "checkpoint.keep"},
    Alias{"keep_last", "checkpoint.keep"},
    Alias{"eval_every", "evaluate.every_steps"},
    Alias{"eval_interval", "evaluate.every_steps"},
    Alias{"valid", "data.validation"},
    Alias{"val", "data.validation"},
    Alias{"path", "data.train"},
    Alias{"sequence_length", "data.clip_frames"},
    Alias{"seq_len", "data.clip_frames"},
    Alias{"num_frames", "data.clip_frames"},
    Alias{"frame_skip", "data.stride_frames"},
    Alias{"num_workers", "data.loader_threads"},
    Alias{"workers", "data.loader_threads"},
    Alias{"experiment", "run.name"},
    Alias{"num_layers", "model.layers"},
    Alias{"num_heads", "model.heads"},
    Alias{"hidden_size", "model.dim"},
    Alias{"d_model", "model.dim"},
    Alias{"patch_size", "model.patch_px"},
};

constexpr std::array kSectionAliases = {
    Alias{"dataset", "data"},         Alias{"dataloader", "data"},
    Alias{"network", "model"},        Alias{"loss", "objective"},
    Alias{"optim", "optimizer"},      Alias{"lr_scheduler", "schedule"},
    Alias{"train", "trainer"},        Alias{"training", "trainer"},
    Alias{"distributed", "parallel"}, Alias{"checkpointing", "checkpoint"},
    Alias{"eval", "evaluate"},        Alias{"evaluation", "evaluate"},
};

std::string section_of_key(std::string_view key) {
  const auto dot = key.find('.');
  return dot == key.npos ? "" : std::string(key.substr(0, dot));
}

std::string word_of(std::string_view key) {
  const auto dot = key.find('.');
  return std::string(dot == key.npos ? key : key.substr(dot + 1));
}

/// Edits that still count as a slip: few in a short word, and fewer across sections.
size_t allowed_edits(const std::string& word, bool same_section) {
  return same_section ? std::max<size_t>(2, word.size() / 3) : word.size() / 5;
}

}  // namespace

std::string suggest_key(const std::string& key, const std::vector<std::string>& known) {
  const std::string section = section_of_key(key);
  const std::string word = word_of(key);
  std::string best;
  size_t best_distance = std::string::npos;
  const auto consider = [&](const std::string& candidate_word, const std::string& candidate) {
    const bool same_section = section == section_of_key(candidate);
    const size_t distance = edit_distance(word, candidate_word);
    const bool is_near = distance <= allowed_edits(word, same_section) &&
                         distance < std::max(word.size(), candidate_word.size());
    // Of two equally near ones the one in the key's own section wins.
    const size_t weighted = 2 * distance + (same_section ? 0 : 1);
    if (is_near && weighted < best_distance) best_distance = weighted, best = candidate;
  };
  for (const auto& candidate : known) consider(word_of(candidate), candidate);
  for (const auto& alias : kAliases) {
    const std::string candidate(alias.key);
    if (std::find(known.begin(), known.end(), candidate) != known.end()) {
      consider(std::string(alias.word), candidate);
    }
  }
  return best;
}

std::string suggest_section(const std::string& name, const std::vector<std::string>& known) {
  for (const auto& alias : kSectionAliases) {
    if (alias.word == name) return std::string(alias.key);
  }
  return did_you_mean(name, known);
}

}  // namespace nextframe
