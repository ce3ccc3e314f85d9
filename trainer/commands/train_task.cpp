#include "trainer/commands/train_task.h"

#include <c10/util/StringUtil.h>

namespace nextframe {

std::vector<TrainTask> first_stages(const Config& config, const std::filesystem::path& run) {
  std::vector<TrainTask> tasks;
  const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
  for (const auto& stage : require_stages(config, run)) {
    if (stage.is_trained()) continue;
    tasks.push_back({stage.config,
                     stage.config_path,
                     stage.run,
                     {program, "train", stage.config_path, "--run", stage.run.string()},
                     "",
                     "",
                     false});
  }
  return tasks;
}

std::vector<Stage> open_stages(TrainTask& task) {
  auto stages = require_stages(task.config, task.run);
  for (const auto& stage : stages) {
    task.config.set_resolved(stage.source.role + ".digest", stage.digest,
                             "weights of " + stage.source.from);
  }
  return stages;
}

std::string digests_of(const std::vector<Stage>& stages) {
  std::vector<std::string> digests;
  for (const auto& stage : stages) digests.push_back(stage.digest);
  return c10::Join(" ", digests);
}

}  // namespace nextframe
