// `nextframe data import SRC`: converts recordings in other formats into shards.
#include <cstdio>

#include "data/import_dataset.h"
#include "trainer/commands/command.h"
#include "trainer/commands/progress_line.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

int import(const ImportOptions& options) {
  bool is_new = false;
  try {
    ProgressLine line("importing", "frames");
    is_new = import_dataset(options, [&](int64_t done, int64_t total) { line.show(done, total); });
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  std::printf("%s: %s %s; train on '%s/train/*.h5'\n", options.out.c_str(),
              is_new ? "holds" : "finished already:", options.source.c_str(), options.out.c_str());
  return 0;
}

CommandBody set_up_data_import(CLI::App& app) {
  app.group(kDataCommands);
  const auto options = std::make_shared<ImportOptions>();
  app.add_option("SRC", options->source, "what to import; known layouts:\n" + known_layouts())
      ->required();
  app.add_option("--out", options->out,
                 "folder in which train/, validation/ and index.json are made")
      ->required();
  app.add_option("--validation-episodes", options->validation_episodes,
                 "number of episodes to hold out: the first ones")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000000));
  app.add_option("--shard-bytes", options->shard_bytes,
                 "bytes of frames per file, before compression")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 50));
  app.add_option("--fps", options->fps, "frames per second, noted in the shards; 0: unknown")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
  app.add_option("--filter", options->filter, "compression: zstd, gzip or none")
      ->capture_default_str();
  app.add_flag("--replace", options->replace,
               "remove what an earlier import made in --out, and import again");
  return [options] { return import(*options); };
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_COMMAND(data_import, "data import",
                    "make shards (HDF5 files) from an .npz file or PNG folders",
                    nextframe::set_up_data_import)
