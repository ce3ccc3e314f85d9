#include "trainer/commands/train_arguments.h"

#include "trainer/records/run_folder.h"

namespace nextframe {

std::filesystem::path TrainArguments::folder(const Config& read) const {
  return run_folder_path(read, config->path, fork.empty() ? run : fork);
}

std::vector<std::string> TrainArguments::command(const std::filesystem::path& folder) const {
  std::vector<std::string> words = {std::filesystem::read_symlink("/proc/self/exe").string(),
                                    "train", config->path, "--run", folder.string()};
  for (const auto& override_text : config->overrides)
    words.insert(words.end(), {"--set", override_text});
  return words;
}

std::shared_ptr<const TrainArguments> add_train_arguments(CLI::App& app) {
  auto arguments = std::make_shared<TrainArguments>();
  arguments->config = add_config_arguments(app);
  app.add_option("--run", arguments->run,
                 "folder of the run; default runs/<run.name or the config's stem>");
  app.add_option("--fork", arguments->fork,
                 "start another run, in this new folder instead of --run's");
  return arguments;
}

}  // namespace nextframe
