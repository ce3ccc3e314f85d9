// Damaged files of other projects' layouts: each must end in success or in a DataError that names
// it.
#include "tests/data/layout_files.h"
#include "tests/data/shard_mutation.h"

namespace nextframe {
namespace {

std::vector<Original> write_layout_originals(const ScratchFolder& folder) {
  std::vector<Original> originals;
  for (const auto& [name, writer] : testing_layouts::layout_writers()) {
    const auto path = testing_layouts::write_layout(folder.path(), name);
    originals.push_back({path.filename().string(), content_of(path), /*is_ours=*/false});
  }
  return originals;
}

TEST(LayoutMutation, TheOriginalsAreSound) {
  const ScratchFolder folder;
  for (const auto& original : write_layout_originals(folder)) {
    EXPECT_TRUE(is_sound(folder / original.name)) << original.name;
  }
}

TEST(LayoutMutation, EveryDamagedFileEndsInSuccessOrASentence) {
  MutationRun run(write_layout_originals);
  run.run(mutation_seconds(3));
  std::printf("%lld damaged files; HDF5 itself crashed on %lld\n",
              static_cast<long long>(run.num_shards()),
              static_cast<long long>(run.num_hdf5_crashes()));
  EXPECT_GE(run.num_shards(), 20);
  EXPECT_LE(run.num_hdf5_crashes(), run.num_shards() / 20 + 1);
}

}  // namespace
}  // namespace nextframe
