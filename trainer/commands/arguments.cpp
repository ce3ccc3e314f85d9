#include "trainer/commands/arguments.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "trainer/exit_code.h"
#include "trainer/records/run_folder.h"

namespace nextframe {
namespace {

/// Words that --set took although they are no assignment: CONFIG behind it, as in
/// `train --set a.b=c run.yaml`.
void give_back_path(ConfigArguments& arguments) {
  auto& words = arguments.overrides;
  const auto path = std::find_if(words.begin(), words.end(), [](const std::string& word) {
    return word.find('=') == std::string::npos;
  });
  if (!arguments.path.empty() || path == words.end()) return;
  arguments.path = *path;
  words.erase(path);
}

}  // namespace

std::shared_ptr<const ConfigArguments> add_config_arguments(CLI::App& app, const std::string& name,
                                                            const std::string& help) {
  auto arguments = std::make_shared<ConfigArguments>();
  app.add_option(name, arguments->path, help);
  app.add_option("--set", arguments->overrides,
                 "values that override those of the file, as section.key=value")
      ->type_name("a.b=c ...");
  app.parse_complete_callback([arguments, name] {
    give_back_path(*arguments);
    if (arguments->path.empty()) throw CLI::RequiredError(name);
  });
  return arguments;
}

std::filesystem::path TrainArguments::folder(const Config& read) const {
  return run_folder_path(read, config->path, fork.empty() ? run : fork);
}

std::vector<std::string> TrainArguments::command(const std::filesystem::path& folder) const {
  std::vector<std::string> words = {std::filesystem::read_symlink("/proc/self/exe").string(),
                                    "train", config->path, "--run", folder.string()};
  for (const auto& override_text : config->overrides)
    words.insert(words.end(), {"--set", override_text});
  if (!init.empty()) words.insert(words.end(), {"--init", init});
  return words;
}

std::shared_ptr<const TrainArguments> add_train_arguments(CLI::App& app) {
  auto arguments = std::make_shared<TrainArguments>();
  arguments->config = add_config_arguments(app);
  app.add_option("--run", arguments->run,
                 "folder of the run; default: runs/ with run.name, or with the config file's name");
  app.add_option("--fork", arguments->fork,
                 "start another run at step 0, in this new folder; use it where an identity key of "
                 "the config changed");
  app.add_option(
      "--init", arguments->init,
      "begin with the weights of this run or checkpoint (fine-tuning): parameters of the same name "
      "and shape are taken, others are initialized as usual; the optimizer starts anew");
  app.add_flag("--accept-new-data", arguments->accept_new_data,
               "continue the run although data files were added or have changed");
  return arguments;
}

namespace {

constexpr int64_t kMaxRanks = 1 << 20;

int64_t number(const std::string& word, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value < 1 || value > kMaxRanks) {
    throw UsageError("--ranks " + text + ": '" + word +
                     "' is no number of ranks; give 4, or 1,2,4, or 8..16384");
  }
  return value;
}

}  // namespace

std::vector<int64_t> parse_rank_list(const std::string& text) {
  std::vector<int64_t> ranks;
  if (const auto dots = text.find(".."); dots != std::string::npos) {
    const int64_t last = number(text.substr(dots + 2), text);
    for (int64_t rank = number(text.substr(0, dots), text); rank <= last; rank *= 2)
      ranks.push_back(rank);
    if (ranks.empty()) throw UsageError("--ranks " + text + ": the second number is the smaller");
    return ranks;
  }
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) ranks.push_back(number(word, text));
  if (ranks.empty()) number("", text);
  return ranks;
}

}  // namespace nextframe
