// nextframe export RUN_OR_CHECKPOINT --out DIR: a trained model for other programs.
#include <cstdio>

#include "trainer/commands/command.h"
#include "trainer/export/exported_model.h"

namespace nextframe {
namespace {

struct ExportArguments {
  std::string run_or_checkpoint, out;
};

int export_model(const ExportArguments& arguments) {
  require_empty_folder(arguments.out);  // before the work
  const auto model = load_for_export(arguments.run_or_checkpoint);
  write_export(model, arguments.out);
  for (const auto& what : model.not_covered) {
    std::fprintf(stderr, "nextframe_model.py does not cover %s, and will refuse this model\n",
                 what.c_str());
  }
  std::printf(
      "%s: model.safetensors, config.json, README.md, nextframe_model.py; step %lld of %s\n",
      arguments.out.c_str(), static_cast<long long>(model.run.step),
      arguments.run_or_checkpoint.c_str());
  return 0;
}

CommandBody set_up_export(CLI::App& app) {
  app.group(kDataCommands);
  const auto arguments = std::make_shared<ExportArguments>();
  app.add_option("RUN_OR_CHECKPOINT", arguments->run_or_checkpoint,
                 "folder of a run (its newest valid checkpoint is taken) or of one checkpoint")
      ->required();
  app.add_option("--out", arguments->out,
                 "folder to write to, which must be new or empty: nothing is overwritten")
      ->required();
  return [arguments] { return export_model(*arguments); };
}

}  // namespace

NF_REGISTER_COMMAND(export, "export",
                    "write a trained model as safetensors, with a model card and a loader in "
                    "plain PyTorch",
                    set_up_export)

}  // namespace nextframe
